package inspect

import "septet/header"

// facts are what an onlooker knows of one end. Its state follows from them.
//
// What an end has received cannot be seen, only what was sent to it. A segment
// is taken to have arrived until the end's own next segment says otherwise: its
// acknowledgement tells exactly what it has.
type facts struct {
	sentSYN  bool
	alone    bool // its SYN came without an ACK
	answered bool // in a simultaneous open, its SYN came again with an ACK
	gotSYN   bool
	synAcked bool // the acknowledgement of its SYN has arrived
	sentFIN  bool
	fin      header.Seq // after its FIN
	gotFIN   bool
	ackedFIN bool // it has said so
	finAcked bool
	active   bool // it sent its FIN before it had the other's
	joined   bool // its FIN was also its first acknowledgement of the other's
}

// open are the facts about an end of a connection that was seen midway.
var open = facts{sentSYN: true, gotSYN: true, synAcked: true}

// learn updates the facts about both ends from a segment that the end dir sent.
func (c *connection) learn(dir int, s *segment) {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	syn, ack, fin := s.Flags.Has(header.SYN), s.Flags.Has(header.ACK), s.Flags.Has(header.FIN)
	had := e.ackedFIN
	if ack && !peer.sentSYN && syn {
		peer.sentSYN = true // it answers a SYN that the capture missed
	}
	// What the sender says it has.
	e.gotSYN = e.gotSYN || ack
	if peer.sentFIN && ack {
		e.ackedFIN = e.ack.AtLeast(peer.fin)
		e.gotFIN = e.ackedFIN
	}
	if syn {
		if !ack {
			e.alone = true
			e.gotSYN = false
		}
		if e.sentSYN && !c.simultaneous() {
			e.synAcked = false // it sends it again: the answer was lost
		}
		e.sentSYN = true
	}
	if fin && !e.sentFIN {
		e.sentFIN, e.fin = true, s.end()
		e.active = !e.gotFIN
		e.joined = e.ackedFIN && !had
	} else if fin {
		e.finAcked = false
	}
	// What the other has, if this arrives.
	peer.gotSYN = peer.gotSYN || e.sentSYN
	if ack {
		peer.synAcked = peer.synAcked || peer.sentSYN && s.Ack.After(peer.base)
		peer.finAcked = peer.finAcked || peer.sentFIN && s.Ack.AtLeast(peer.fin)
	}
	peer.gotFIN = peer.gotFIN || e.sentFIN && s.end().AtLeast(e.fin)
}

// simultaneous reports whether both ends sent a SYN of their own (RFC 9293,
// figure 7).
func (c *connection) simultaneous() bool { return c.ends[0].alone && c.ends[1].alone }

// takeReset follows a segment with RST.
func (c *connection) takeReset(dir int, s *segment) []string {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	// RFC 9293, section 3.10.7.4: outside the window a reset is dropped. In
	// SYN-SENT it must acknowledge the SYN.
	inside := !peer.acked || s.Seq.InWindow(peer.ack, max(1, peer.windowSize(e)))
	if peer.sentSYN && !peer.gotSYN && !c.established() {
		inside = s.Flags.Has(header.ACK) && s.Ack == peer.next
	}
	if !inside {
		return []string{"reset outside the window: ignored"}
	}
	if !c.reset {
		c.reset, c.resetBy = true, dir
	}
	return nil
}

func (c *connection) established() bool { return c.ends[0].synAcked && c.ends[1].synAcked }

// windowSize is the window that e advertises to peer, in bytes.
func (e *end) windowSize(peer *end) int {
	if e.scaled && peer.scaled {
		return int(e.window) << e.scale
	}
	return int(e.window)
}

// The states of RFC 9293, section 3.3.2. LISTEN is never shown: nothing has
// been sent in it.
const (
	stateClosed      = "CLOSED"
	stateSynSent     = "SYN-SENT"
	stateSynReceived = "SYN-RECEIVED"
	stateEstablished = "ESTABLISHED"
	stateFinWait1    = "FIN-WAIT-1"
	stateFinWait2    = "FIN-WAIT-2"
	stateCloseWait   = "CLOSE-WAIT"
	stateClosing     = "CLOSING"
	stateLastAck     = "LAST-ACK"
	stateTimeWait    = "TIME-WAIT"
)

// state is the state of one end that follows from the facts.
func (c *connection) state(dir int) string {
	f := &c.ends[dir].facts
	switch {
	case c.reset || !f.sentSYN && !f.gotSYN:
		return stateClosed
	case !f.gotSYN:
		return stateSynSent
	case !f.synAcked && !f.sentFIN:
		return stateSynReceived
	case !f.sentFIN && f.gotFIN:
		return stateCloseWait
	case !f.sentFIN:
		return stateEstablished
	case !f.gotFIN && !f.finAcked:
		return stateFinWait1
	case !f.gotFIN:
		return stateFinWait2
	case f.active && !f.finAcked:
		return stateClosing
	case f.active:
		return stateTimeWait
	case !f.finAcked:
		return stateLastAck
	}
	return stateClosed
}
