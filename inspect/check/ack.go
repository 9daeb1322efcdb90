package check

import "septet/header"

// checkAck judges the acknowledgement.
func (c *connection) checkAck(e, peer *end, s *segment) {
	if !s.has(header.ACK) || !peer.based {
		return
	}
	switch {
	case s.ack > peer.max:
		c.ackUnsent(e, peer, s)
		return
	case e.acked && s.ack < e.ack:
		if e.orderly() && c.fromBeginning(s.ack) {
			c.find(ruleAckBackwards, e, s, "it acknowledges %d; before it was %d", s.ack, e.ack)
		}
		return
	case s.ack < 0:
		e.hasWrongAck, e.wrongAck = true, s.Ack
		return
	}
	if s.ack == peer.max {
		peer.settled = true
	}
	c.missedByCapture(e, peer, s)
	if !c.k.options.Complete && !c.midway && e.edge > 0 && s.ack > e.edge+1 {
		c.missed() // it takes what lies beyond its window: it has told of a larger one
	}
	if peer.fin > 0 && s.ack >= peer.fin && e.ack < peer.fin {
		e.closedAt = s.now
	}
	e.acked, e.ack = true, max(e.ack, s.ack)
	if c.k.options.Arrivals != nil && c.arrivedUpTo(e) < s.ack {
		c.find(ruleAckUnarrived, e, s, "it acknowledges %d; only up to %d has arrived", s.ack, c.arrivedUpTo(e))
	}
}

// fromBeginning reports whether a place is one that the capture can know.
func (c *connection) fromBeginning(p int64) bool { return !c.midway || p >= 1 }

// ackUnsent takes the acknowledgement of what was not seen.
func (c *connection) ackUnsent(e, peer *end, s *segment) {
	e.hasWrongAck, e.wrongAck = true, s.Ack
	if !c.excusesGap(peer) {
		c.find(ruleAckUnsent, e, s, "it acknowledges %d; the other end has sent up to %d", s.ack, peer.max)
		return
	}
	if !peer.settled {
		peer.max = s.ack
		return
	}
	// The capture may lack it: what comes next tells.
	peer.phantom, peer.phantomAt = max(peer.phantom, s.ack), s.now
}

// missedByCapture finds that the other end has what the capture has not: it
// acknowledges a part of the stream that was passed over.
func (c *connection) missedByCapture(e, peer *end, s *segment) {
	for i := range peer.holes {
		h := &peer.holes[i]
		if h.since < 0 || s.ack <= h.from {
			continue
		}
		if c.k.options.Complete {
			c.find(ruleAckUnsent, e, s, "it acknowledges %d; bytes %d to %d have never been sent", s.ack, h.from, h.to)
		} else {
			c.missed()
		}
		h.since = -1
	}
}
