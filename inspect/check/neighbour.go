package check

import (
	"net/netip"
	"time"

	"septet/header"
	"septet/inspect"
)

// resolution is what the judge knows of a card's questions for addresses (ARP):
// until there is an answer segments wait, and their timers run. Those that wait too
// long, or are too many, are given up (RFC 1122, section 2.3.2.2, asks for one that is
// kept), and no capture has them.
type resolution struct {
	asking   bool // the last question to all is not answered
	target   netip.Addr
	askedAt  time.Duration
	answers  int // how many times there was an answer, the last one then
	answerAt time.Duration
}

const (
	slowest  = time.Second     // an answer may be on its way
	longest  = 4 * time.Second // a host may ask: RFC 4861, 10, has three times a second
	maxCards = 1 << 12
)

// feedARP takes an ARP packet.
func (k *Checker) feedARP(f *inspect.Frame, s *segment) {
	arrives := k.options.Arrivals != nil && k.options.Arrivals(f.Interface)
	if !arrives && s.arp.Operation == header.ARPRequest && s.card == header.BroadcastMAC {
		k.asks(s.fromCard, s.arp.TargetIP)
	}
	answer := s.arp.Operation == header.ARPReply
	switch {
	case k.options.Arrivals == nil:
		if answer {
			k.told(s.card)
		}
	case !arrives, !answer && s.arp.Operation != header.ARPRequest, s.arp.SenderMAC != s.fromCard:
		// Not there yet; or damaged: ARP has no checksum.
	default:
		// RFC 826, "Packet Reception": whatever the packet is about, it tells the address
		// of its sender to who has asked for that. A card takes it if it is for a group.
		for card, r := range k.asked {
			if (card == s.card || s.card.IsGroup()) && card != s.fromCard && s.arp.SenderIP == r.target {
				k.told(card)
			}
		}
	}
}

// asks notes a question to all.
func (k *Checker) asks(card header.MAC, target netip.Addr) {
	r := k.asked[card]
	if !r.asking || k.options.Arrivals == nil {
		r.askedAt = k.now
	}
	r.asking, r.target = true, target
	k.resolve(card, r)
}

// told notes that a card knows what it has asked for.
func (k *Checker) told(card header.MAC) {
	r := k.asked[card]
	r.asking, r.answers, r.answerAt = false, r.answers+1, k.now
	k.resolve(card, r)
}

func (k *Checker) resolve(card header.MAC, r resolution) {
	if _, known := k.asked[card]; known || len(k.asked) < maxCards {
		k.asked[card] = r
	}
}

// heldBack reports whether what a card sends now may have waited for an address.
func (k *Checker) heldBack(card header.MAC) bool {
	patience := slowest
	if k.options.Arrivals != nil {
		patience = 0 // the answer is seen when it arrives
	}
	r := k.asked[card]
	return r.answers > 0 && k.now-r.answerAt <= patience
}

// mayAsk reports whether what is due at some time may still wait for an address.
func (k *Checker) mayAsk(card header.MAC, due time.Duration) bool {
	r := k.asked[card]
	if k.options.Arrivals != nil {
		return r.asking && r.askedAt <= due
	}
	return r.asking && r.askedAt >= due-longest
}

// unseen is what follows for an end from the times in which its segments waited and may
// have been given up: its stack has sent what the capture lacks.
type unseen struct {
	resolutions int // that have been taken account of
	// What the end has sent and acknowledged may be more than what was seen, until a
	// segment tells that has not waited.
	mayBeAhead bool
}

// resolved has the judge forget what e may have done while it waited for an address, if
// that is now known.
func (c *connection) resolved(e *end) {
	r := c.k.asked[e.card]
	if r.answers == e.resolutions {
		return
	}
	e.resolutions = r.answers
	if c.k.options.Arrivals == nil {
		return
	}
	e.mayBeAhead = true
	e.due, e.full, e.stretched, e.owes, e.asked, e.hasRecent = 0, 0, false, nil, true, false
	t := &e.timer
	t.hint, t.recover, t.tlp = c.k.packets, max(t.recover, e.max), false
	t.chainBroken, t.lossOpen = true, false
}
