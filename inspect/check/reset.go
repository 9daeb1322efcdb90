package check

import (
	"slices"
	"time"

	"septet/header"
)

// checkReset judges a segment with RST.
func (c *connection) checkReset(e, peer *end, s *segment) {
	e.due, e.full = 0, 0
	if !c.validReset(e, peer, s) {
		if s.has(header.ACK) {
			c.find(ruleReset, e, s, "a reset at sequence number %d with acknowledgement %d, which nobody can believe", s.Seq, s.Ack)
		} else {
			c.find(ruleReset, e, s, "a reset at sequence number %d, which nobody can believe", s.Seq)
		}
		return
	}
	c.checkForgotten(e, peer, s)
	// Before it is open, a reset refuses a segment, and need not end anything.
	if e.spoke && e.heardAny && e.heardAck >= 1 && !e.reset {
		e.reset, e.resetAt = true, s.now
	}
}

// leastMemory is less than any TIME-WAIT, and than the time after which a stack gives
// up a connection for other reasons than a reset.
const leastMemory = time.Second

// checkForgotten judges a reset of an end that has forgotten the connection too early.
// What arrives for a connection that is not there is answered with a reset of which the
// sequence number is that segment's acknowledgement (RFC 9293, 3.5.2).
func (c *connection) checkForgotten(e, peer *end, s *segment) {
	if c.k.options.Arrivals == nil || c.midway || c.contested || c.lossy || s.has(header.ACK) || !e.asked || e.reset || e.threatened {
		return
	}
	switch {
	case e.closedFirst && e.heardAck >= e.fin && peer.fin > 0 && e.ack >= peer.fin && s.now-e.closedAt < leastMemory:
		c.find(ruleTimeWait, e, s, "a reset %v after it has acknowledged the other end's FIN, and it has sent its own first", s.now-e.closedAt)
	case e.spoke && e.fin == 0 && e.unbelieved && s.now-e.unbelievedAt < leastMemory:
		c.find(ruleBelieved, e, s, "a reset %v after one has arrived that is outside its window", s.now-e.unbelievedAt)
	}
}

// mayBelieve reports whether a reset that arrives at e lies in its window, or so near to
// the edge that rounding may hide it (RFC 7323, 2.4).
func (e *end) mayBelieve(s *segment) bool {
	return s.from >= e.next && s.from <= e.edge+1<<min(e.scale, header.MaxWindowScale) || e.tooMany
}

// validReset is RFC 9293, 3.5.2: a reset answers a segment with its
// acknowledgement number, or, if it has none, with zero and an acknowledgement.
// A user's abort (3.10.5) has SND.NXT.
func (c *connection) validReset(e, peer *end, s *segment) bool {
	if c.midway || c.contested || !peer.based && !e.based {
		return true
	}
	if slices.Contains(peer.strays[:min(peer.nstray, len(peer.strays))], s.Seq) || peer.acksUnsent(s.Seq) {
		return true
	}
	if s.Seq == 0 && s.has(header.ACK) && peer.based && s.ack > 0 && s.ack <= peer.max {
		return true
	}
	return e.based && s.from >= 0 && s.from <= max(e.max, e.phantom)
}

// acksUnsent reports whether the end has acknowledged seq, though the other has
// never sent so much.
func (e *end) acksUnsent(seq header.Seq) bool { return e.wrongAck == seq && e.hasWrongAck }

// maxUnanswered is how long a FIN may wait to be sent again: RFC 6298 has a
// first timeout of one second, and it is doubled.
const maxUnanswered = 10 * time.Second

// checkFINAnswered judges, at the end, a FIN that was never acknowledged.
func (c *connection) checkFINAnswered(e *end) {
	peer := c.other(e)
	if e.fin == 0 || e.reset || peer.reset || !peer.acked || peer.ack >= e.fin || e.vantage < atSender ||
		c.k.now-e.finAt <= maxUnanswered {
		return
	}
	if s, ok := e.past.sent(e.fin - 1); ok && s.times == 1 {
		c.findAt(ruleCloseAnswer, e, e.finAt, s.packet, "its FIN was sent once, never acknowledged, and %v have passed", c.k.now-e.finAt)
	}
}
