package check

import (
	"time"

	"septet/header"
)

// arrival is what has surely arrived at an end, and what it owes for that.
type arrival struct {
	next    int64      // all before it has arrived
	parts   []interval // out of order, beyond it
	tooMany bool

	due       time.Duration // when an acknowledgement is due; 0 when none is
	duePacket int           // for what
	dueFor    int64         // the last byte of that
	dueFIN    bool
	full      int           // full segments without an acknowledgement
	secondAt  time.Duration // when the second of them came
	stretched bool          // that has been told
}

// maxAckDelay is RFC 9293, MUST-40.
const maxAckDelay = 500 * time.Millisecond

// arrivedUpTo returns up to where everything has arrived at e.
func (c *connection) arrivedUpTo(e *end) int64 {
	if e.tooMany {
		return 1 << 62
	}
	return e.next
}

// receive takes a segment of e that has surely arrived at the peer.
func (c *connection) receive(e, peer *end, s *segment) {
	peer.heardCE(s)
	if s.has(header.RST) {
		if peer.mayBelieve(s) || !peer.spoke {
			peer.due, peer.full, peer.stretched = 0, 0, false // there may be nobody left
		}
		return
	}
	if s.span() == 0 || s.from < 0 && s.to <= 0 || s.keepAlive {
		return
	}
	before := peer.next
	peer.take(s.from, s.to)
	// Whoever has not spoken yet may still refuse, or have no room for the
	// connection; whoever has reset it is gone.
	if !peer.spoke || peer.reset || c.midway || s.has(header.SYN) {
		return
	}
	inOrder := s.from <= before && s.to > before && s.to <= peer.edge
	repeated := s.has(header.FIN) && s.to <= before && peer.ack >= s.to
	if (inOrder || repeated) && peer.due == 0 {
		peer.due, peer.duePacket, peer.dueFIN = s.now+maxAckDelay, c.k.packets, repeated
		peer.dueFor = s.to - 1
	}
	if inOrder && c.k.options.Arrivals != nil && e.largest > 0 && s.length >= e.largest {
		// One may wait for the second. When more come later, there must have been an
		// acknowledgement; that of what comes at one moment may be for all of it.
		if peer.full++; peer.full == 2 {
			peer.secondAt = s.now
		}
		if peer.full > 2 && s.now > peer.secondAt && !peer.stretched && !c.k.mayAsk(peer.card, s.now) {
			peer.stretched = true
			c.findAt(ruleAckSecond, peer, s.now, c.k.packets, "the third full segment has arrived and none is acknowledged")
		}
	}
}

// answered notes that e has sent an acknowledgement.
func (c *connection) answered(e *end, s *segment) {
	if s.has(header.ACK) {
		e.due, e.full, e.stretched = 0, 0, false
	}
}

// sentAgain reports whether e has given up waiting for an acknowledgement of the byte
// at p. If not, the acknowledgement may be what a capture lacks.
func (c *connection) sentAgain(e *end, p int64) bool {
	if c.k.options.Complete {
		return true
	}
	s, outstanding := e.past.sent(p)
	return outstanding && s.times > 1
}

// expire judges what should have been acknowledged before now.
func (c *connection) expire(now time.Duration) {
	for i := range c.ends {
		e := &c.ends[i]
		c.resolved(e)
		c.overdue(e)
		if e.due == 0 || now <= e.due {
			continue
		}
		if c.k.mayAsk(e.card, e.due) || !c.sentAgain(c.other(e), e.dueFor) {
			e.due = 0
			continue
		}
		rule, what := ruleAckDelay, "data that arrived in order is"
		if e.dueFIN {
			rule, what = ruleFINAck, "a FIN that arrived again is"
		}
		if c.k.options.Arrivals == nil {
			rule.Severity = Warning // a filter may have dropped it, even here
		}
		c.findAt(rule, e, e.due, e.duePacket, "%s not acknowledged after %v", what, maxAckDelay)
		e.due = 0
	}
}
