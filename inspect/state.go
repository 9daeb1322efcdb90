package inspect

import "septet/header"

// facts are what an onlooker knows of one end. Its state follows from them.
//
// What an end has received cannot be seen, only what was sent to it. A segment
// is taken to have arrived until the end's own next segment says otherwise: its
// acknowledgement tells exactly what it has. If the segment is known to be lost
// (lose), what rests on it alone is taken back.
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

	synLost, finLost bool     // its SYN, its FIN has been lost once: only another brings it
	carriers         carriers // of what it can have received
}

// carriers counts the segments, lost ones aside, that brought an end a SYN, a
// FIN and the acknowledgements of its own.
type carriers struct{ syn, fin, synAck, finAck int }

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
			e.synAcked, e.carriers.synAck = false, 0 // it sends it again: the answer was lost
		}
		e.sentSYN = true
	}
	if fin && !e.sentFIN {
		e.sentFIN, e.fin = true, s.end()
		e.active = !e.gotFIN
		e.joined = e.ackedFIN && !had
	} else if fin {
		e.finAcked, e.carriers.finAck = false, 0
	}
	// What the other has, if this arrives.
	peer.receive(c.brings(dir, s), 1)
	peer.gotSYN = peer.gotSYN || e.sentSYN && !e.synLost
	peer.gotFIN = peer.gotFIN || e.sentFIN && !e.finLost && s.end().AtLeast(e.fin)
}

// brings says what a segment of the end dir has for the other.
func (c *connection) brings(dir int, s *segment) (b struct{ syn, fin, synAck, finAck bool }) {
	peer := &c.ends[1-dir]
	ack := s.Flags.Has(header.ACK)
	b.syn, b.fin = s.Flags.Has(header.SYN), s.Flags.Has(header.FIN)
	b.synAck = ack && peer.sentSYN && s.Ack.After(peer.base)
	b.finAck = ack && peer.sentFIN && s.Ack.AtLeast(peer.fin)
	return b
}

// receive counts the carriers of what a segment brings: by 1 when it is sent,
// by -1 when it is lost. What has a carrier is taken to be received; what has
// none any more is not.
func (f *facts) receive(b struct{ syn, fin, synAck, finAck bool }, by int) {
	for _, part := range [...]struct {
		brought bool
		n       *int
		fact    *bool
	}{
		{b.syn, &f.carriers.syn, &f.gotSYN}, {b.fin, &f.carriers.fin, &f.gotFIN},
		{b.synAck, &f.carriers.synAck, &f.synAcked}, {b.finAck, &f.carriers.finAck, &f.finAcked},
	} {
		if part.brought {
			*part.n = max(0, *part.n+by)
			*part.fact = *part.n > 0
		}
	}
}

// lose takes back what the other end has by a segment that did not arrive.
func (c *connection) lose(dir int, s *segment) {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	if s.Flags.Has(header.RST) {
		return // whoever resets is done, and the other finds out by itself
	}
	b := c.brings(dir, s)
	e.synLost, e.finLost = e.synLost || b.syn, e.finLost || b.fin
	peer.receive(b, -1)
	// Its own words count for more.
	peer.gotSYN = peer.gotSYN || peer.acked
	peer.gotFIN = peer.gotFIN || peer.ackedFIN
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

// The states of RFC 9293, section 3.3.2. LISTEN is never shown: an end that has
// not sent anything may listen or not, its answer to a SYN tells.
const (
	stateUnknown     = ""
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
	case c.reset:
		return stateClosed
	case !f.sentSYN && c.ends[dir].segments == 0:
		return stateUnknown
	case !f.sentSYN && !f.gotSYN:
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
