package network

import (
	"bytes"
	"time"

	"septet/header"
)

// Duplicate address detection (RFC 4862, section 5.4), enhanced by RFC 7527.
//
// An address of whose uniqueness the interface is sure already, because somebody has
// chosen it or it was made from the card's, is used at once and checked meanwhile. The
// others wait. Either way an address that somebody else has is given up.

const (
	// dupAddrDetectTransmits is how many questions are asked (RFC 4862, section 5.1).
	dupAddrDetectTransmits = 1
	// maxMulticastSolicit is how many more are after one of them came back (RFC 7527,
	// section 4.1).
	maxMulticastSolicit = 3
	// maxRtrSolicitationDelay bounds the delay of the first (RFC 4862, section 5.4.2).
	maxRtrSolicitationDelay = 1 * time.Second
	// joinAhead is how long before that the group is reported to which it is sent. Mostly the
	// report is repeated before that too (RFC 3810, section 6.1: within a second).
	joinAhead = maxRtrSolicitationDelay * 3 / 4
	nonceLen  = 6 // RFC 3971, section 5.3.2: at least 48 bits
)

// comeUp has the interface be silent for a moment. RFC 4862, section 5.4.2: where many come up
// at the same time, as after a power failure, or make an address from one advertisement, each
// waits for a random time before it joins the groups of its addresses, and so before their
// report. That is for the switches which look into MLD: without it the question about an
// address does not reach who has it too. So the questions of all come after the reports of all.
func (i *Interface) comeUp() {
	l := i.layer
	i.six.tellFrom = l.loop.Now().Add(l.randomDelay(maxRtrSolicitationDelay - joinAhead))
	i.six.askFrom = i.six.tellFrom.Add(joinAhead)
}

// duplicateDetection is how far the detection for one address is.
type duplicateDetection struct {
	detecting bool
	left      int // solicitations to send
	nonce     [nonceLen]byte
}

// detect begins the detection.
func (a *address6) detect() {
	l := a.i.layer
	a.detecting, a.left = true, dupAddrDetectTransmits
	for n := range a.nonce {
		a.nonce[n] = byte(l.loop.Rand().Uint32())
	}
	switch now := l.loop.Now(); {
	case now < a.i.six.askFrom:
		a.timer.Reset(a.i.six.askFrom)
	default:
		a.detectOn()
	}
}

// randomDelay returns a random time from zero to most.
func (l *Layer) randomDelay(most time.Duration) time.Duration {
	return time.Duration(l.loop.Rand().Int64N(int64(most) + 1))
}

// detectOn asks once more, or is content: nobody has answered for RetransTimer after
// the last question.
func (a *address6) detectOn() {
	if a.left == 0 {
		a.unique()
		return
	}
	a.left--
	a.solicitDuplicate()
	a.timer.Reset(a.i.layer.loop.Now().Add(a.i.six.discovery.RetransTimer))
}

// solicitDuplicate asks whether somebody has the address already. RFC 7527, section
// 4.1: with a nonce, so that a question which the link brings back is known.
func (a *address6) solicitDuplicate() {
	h := header.NeighbourSolicitation{Target: a.Addr.WithZone("")}
	b := make([]byte, header.NeighbourSolicitationLen)
	h.Put(b)
	a.i.sendND(b, anyAddr6, solicitedNodeOf(a.Addr), header.NDOptions{Nonce: a.nonce[:]})
}

// unique ends the detection: nobody else has the address.
func (a *address6) unique() {
	a.detecting = false
	if a.State == Tentative {
		a.State = Preferred
		a.i.layer.addresses[a.Addr] = own
		a.i.layer.changed()
	}
	a.age()
}

// probed takes the question of a host that is about to use the address too. RFC 4862,
// section 5.4.3: if this host is as well, nobody gets it.
func (a *address6) probed(nonce []byte) {
	switch {
	case bytes.Equal(nonce, a.nonce[:]):
		// RFC 7527, section 4.2: our own came back. Until one does not, nothing is
		// known.
		if a.detecting {
			a.i.layer.discovery().Looped++
			a.left = maxMulticastSolicit
		}
	case a.detecting:
		a.duplicate()
	case a.usable():
		a.i.advertise(a.Addr.WithZone(""), anyAddr6)
	}
}

// claimed takes the advertisement of somebody else who has the address (RFC 4862,
// section 5.4.4).
func (a *address6) claimed() {
	if a.detecting {
		a.duplicate()
		return
	}
	if a.usable() {
		// Too late for the detection, and too easy to forge: it is counted.
		a.i.layer.discovery().Conflicts++
	}
}

// duplicate gives the address up (RFC 4862, section 5.4.5), and tries another if it was
// this host that has made it.
func (a *address6) duplicate() {
	i := a.i
	i.layer.discovery().Conflicts++
	i.layer.discovery().Duplicates++
	a.detecting, a.State = false, Duplicated
	a.timer.Stop()
	i.disown(a)
	switch a.Origin {
	case LinkLocal:
		// RFC 4862, section 5.4.5: another card with this hardware address is on the
		// link, so IPv6 cannot work here.
		i.six.halted = true
	case Autoconfigured, Temporary:
		i.tryAnother(a)
	}
}
