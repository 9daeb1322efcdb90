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
	// Before it is open, a reset refuses a segment, and need not end anything.
	if e.spoke && e.heardAny && e.heardAck >= 1 && !e.reset {
		e.reset, e.resetAt = true, s.now
	}
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
