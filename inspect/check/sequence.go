package check

import (
	"time"

	"septet/header"
)

// sending is what a segment is in the stream of its sender.
type sending struct {
	fresh     int64 // how much of it was never sent before
	again     bool  // its first byte is outstanding, and sent once more
	before    span  // if again: when and how often it was sent
	probe     bool  // it only asks for an answer: keep-alive or window probe
	keepAlive bool
}

// locate finds out where the segment stands in both streams. It returns false
// for what is not of this connection.
func (c *connection) locate(e, peer *end, s *segment) bool {
	syn := s.has(header.SYN)
	if !e.based {
		if !c.base(e, s) {
			return s.has(header.RST) && c.stand(e, peer, s)
		}
	} else if syn && s.Seq != e.base && !s.has(header.RST) {
		return c.anotherSYN(e, peer, s)
	}
	if syn {
		e.sawSYN = true
	}
	if s.has(header.ACK) && !peer.based {
		// The peer has not been seen yet.
		if s.has(header.RST) {
			return c.stand(e, peer, s)
		}
		if !c.midway && c.k.options.Complete {
			c.find(ruleAckUnsent, e, s, "it acknowledges %d; the other end has sent nothing yet", s.Ack)
			return false
		}
		c.fromMidway()
		peer.based, peer.base, peer.max, peer.fin = true, s.Ack.Add(-1), 1, 0
	}
	return c.stand(e, peer, s)
}

// fromMidway goes on without what the capture does not have: a SYN.
func (c *connection) fromMidway() {
	if !c.midway {
		c.midway = true
		c.unjudged(whyNoOffer)
	}
}

// stand fills in where the segment stands, as far as that is known.
func (c *connection) stand(e, peer *end, s *segment) bool {
	if e.based {
		s.from = e.place(s.Seq)
		s.to = s.from + int64(s.span())
	}
	if peer.based && s.has(header.ACK) {
		s.ack = peer.place(s.Ack)
	}
	return true
}

// base takes the initial sequence number of an end from its first segment.
func (c *connection) base(e *end, s *segment) bool {
	if s.has(header.SYN) {
		e.based, e.base, e.max = true, s.Seq, 0
		return true
	}
	if s.has(header.RST) {
		return false
	}
	if peer := c.other(e); !c.midway && !c.k.options.Complete && s.has(header.ACK) && s.Ack.InWindow(peer.base.Add(1), int(peer.max)) {
		c.fromMidway()
	}
	if !c.midway {
		// RFC 9293, figure 9: an end that still has an older connection answers a
		// SYN with an acknowledgement of that one.
		e.strays[e.nstray%len(e.strays)] = s.Ack
		e.nstray++
		if s.length > 0 && !c.contested {
			c.find(ruleBeforeSYN, e, s, "%s of data before its SYN", count(s.length, "byte"))
		}
		c.unjudged(whyStray)
		return false
	}
	e.based, e.base, e.max = true, s.Seq.Add(-1), 1
	return true
}

// anotherSYN takes a SYN,ACK with another sequence number than the first.
func (c *connection) anotherSYN(e, peer *end, s *segment) bool {
	switch {
	case c.midway && !e.sawSYN:
		c.off = true // ports used again while the older connection was half seen
		c.unjudged(whyStray)
	case e.spoke && !c.over():
		c.find(ruleSYNSequence, e, s, "a SYN with sequence number %d in an open connection; it was %d", s.Seq, e.base)
	case !peer.spoke && e.max <= 1:
		// An answer that depends on the time: a SYN cookie (RFC 4987, 3.6). Or a
		// second connection from a SYN that arrived twice.
		e.base = s.Seq
		c.unjudged(whyStray)
		return c.stand(e, peer, s)
	default:
		e.strays[e.nstray%len(e.strays)] = s.Seq.Add(1)
		e.nstray++
		c.unjudged(whyStray)
	}
	return false
}

// checkFlags judges the control bits.
func (c *connection) checkFlags(e, peer *end, s *segment) {
	syn := s.has(header.SYN)
	switch {
	case syn && s.has(header.FIN):
		c.find(ruleFlags, e, s, "SYN and FIN in one segment")
	case s.Flags&(header.SYN|header.FIN|header.ACK) == 0:
		c.find(ruleFlags, e, s, "a segment with neither SYN, ACK, FIN nor RST")
	case !syn && !s.has(header.ACK):
		c.find(ruleAckFlag, e, s, "a segment without an acknowledgement at %d", s.from)
	}
	if s.reserved&^1 != 0 {
		c.find(ruleFlags, e, s, "reserved bits %#x", s.reserved)
	}
	// RFC 9293, 3.5.3: after a reset there is no connection. A SYN in the same
	// ports has been taken for a new one; one that has not is answered.
	if e.reset && !syn && e.vantage > behindRouter {
		c.find(ruleAfterReset, e, s, "a segment %v after its reset", s.now-e.resetAt)
	}
}

// checkSequence judges where the segment stands in the stream, and finds out
// what it is.
func (c *connection) checkSequence(e, peer *end, s *segment) {
	if s.has(header.SYN) && s.length > 0 {
		c.synData = true
		c.unjudged(whyFastOpen)
	}
	c.findPhantom(e, s)
	s.keepAlive = s.span() <= 1 && !s.has(header.SYN) && e.heardAny && e.heardAck == e.max && s.from == e.max-1 && e.max > 1
	s.probe = s.keepAlive || s.span() <= 1 && e.heardAny && e.heardWindow == 0 &&
		!s.has(header.SYN) && (s.from == e.heardAck || s.from == e.heardAck-1)
	switch {
	case s.span() == 0:
		if s.from > e.max && e.orderly() {
			switch {
			case c.excusesGap(e):
				c.skip(e, s)
			case e.mayBeAhead && s.from <= e.heardEdge+1: // a FIN, or a probe, beyond the window
				c.passOver(e, s)
				e.max = s.from
			default:
				c.find(ruleSequence, e, s, "a segment without data at %d; it has sent up to %d", s.from, e.max)
			}
		}
		return
	case s.keepAlive:
		return
	}
	c.checkFIN(e, s)
	c.checkBytes(e, s)
	s.before, s.again = e.past.sent(s.from)
	s.again = s.again && s.from < e.max
	s.fresh = max(0, s.to-max(e.max, s.from))
}

// orderly reports whether the order of the segments is the sender's.
func (e *end) orderly() bool { return e.vantage > behindRouter && e.settled }

// excusesGap reports whether a part of the stream that was not seen may be the
// capture's fault.
func (c *connection) excusesGap(e *end) bool { return !c.k.options.Complete || !e.settled }

// findPhantom resolves what was acknowledged though it had not been seen.
func (c *connection) findPhantom(e *end, s *segment) {
	if e.phantom <= e.max {
		e.phantom = 0
		return
	}
	switch {
	case s.from >= e.phantom:
		c.skip(e, s)
	case s.span() > 0 && s.from == e.max && s.now-e.phantomAt >= c.k.options.Limits.MinRTO/2:
		c.missed() // it may have been sent before, and be sent again
		e.phantom = 0
	case s.span() > 0 && s.from == e.max:
		peer := c.other(e)
		c.find(ruleAckUnsent, peer, s, "it has acknowledged %d before byte %d was sent", e.phantom, e.max)
		e.phantom = 0
	}
}

// skip passes over what the capture does not have.
func (c *connection) skip(e *end, s *segment) {
	if e.settled {
		c.missed()
	}
	if len(e.holes) < maxHoles {
		e.holes = append(e.holes, hole{e.max, s.from, -1, s.packet})
	}
	e.max, e.phantom, e.settled = s.from, 0, true
}

func (c *connection) checkFIN(e *end, s *segment) {
	fin := s.has(header.FIN)
	switch {
	case e.fin > 0 && s.to > e.fin && !fin:
		c.find(rulePastFIN, e, s, "data up to %d; its FIN stands at %d", s.to, e.fin-1)
	case e.fin > 0 && fin && s.to != e.fin:
		c.find(rulePastFIN, e, s, "a FIN at %d; it stood at %d before", s.to-1, e.fin-1)
	case e.fin == 0 && fin && s.to <= e.max && !c.midway && !c.lossy && !c.cutHoles(e, s.to-1, s.to):
		c.find(rulePastFIN, e, s, "a FIN at %d; it has sent data up to %d", s.to-1, e.max)
	}
}

// checkBytes compares what is sent again with what was sent before.
func (c *connection) checkBytes(e *end, s *segment) {
	from := s.from
	if s.has(header.SYN) {
		from++
	}
	old := min(s.to, e.max) - from
	if old <= 0 || len(s.payload) == 0 || c.cutHoles(e, from, s.to) {
		return
	}
	if s.length == 1 && s.from == e.max-1 && !c.k.options.Complete {
		return // a keep-alive with a byte of garbage, the answer to the byte before it not seen
	}
	if at, bad := e.past.differs(from, s.payload[:min(int64(len(s.payload)), old)]); bad {
		c.find(ruleSameBytes, e, s, "byte %d is sent again and is %#02x now", at, s.payload[at-from])
	}
}

// cutHoles reports whether [from, to) touches what was passed over.
func (c *connection) cutHoles(e *end, from, to int64) bool {
	for _, h := range e.holes {
		if from < h.to && to > h.from {
			return true
		}
	}
	return false
}

// sent notes what the segment adds to the stream.
func (c *connection) sent(e, peer *end, s *segment) {
	if !s.has(header.SYN) {
		e.spoke = true
	}
	if s.span() == 0 || s.keepAlive || s.to <= 0 {
		return
	}
	if s.from > e.max {
		c.passOver(e, s)
	} else if len(e.holes) > 0 {
		e.fill(s.from, s.to)
	}
	if s.has(header.FIN) && e.fin == 0 {
		e.fin, e.closedFirst = s.to, peer.fin == 0 || s.ack < peer.fin
	}
	if s.has(header.FIN) {
		e.finAt = s.now
	}
	if s.again && !s.probe && s.length > 0 && s.before.to > s.to {
		e.recut = s.length
	}
	e.max = max(e.max, s.to)
	e.past.add(s.from, s.to, s.now, s.packet, s.held)
	e.lastData = s.now
	from := s.from
	if s.has(header.SYN) {
		from++
	}
	if len(s.payload) == s.length {
		e.past.keep(c.k, from, s.payload, e.heardAck)
	} else {
		e.past.begin = e.max
		e.past.top = max(e.past.top, e.max)
	}
	if e.past.lost {
		c.unjudged(whyHistory)
	}
}

// passOver notes a gap. It is no fault yet: the segment may have been lost
// before the wire, in a queue or waiting for a neighbour's address, and comes
// again.
func (c *connection) passOver(e *end, s *segment) {
	since := s.now
	if !e.settled {
		since, e.settled = -1, true
	}
	if len(e.holes) < maxHoles {
		e.holes = append(e.holes, hole{e.max, s.from, since, s.packet})
	}
}

// fill takes a part out of the holes.
func (e *end) fill(from, to int64) {
	var left []hole
	for _, h := range e.holes {
		if to <= h.from || from >= h.to {
			left = append(left, h)
			continue
		}
		if from > h.from {
			left = append(left, hole{h.from, from, h.since, h.packet})
		}
		if to < h.to {
			left = append(left, hole{to, h.to, h.since, h.packet})
		}
	}
	e.holes = left[:min(len(left), maxHoles)]
}

// maxUnfilled is how long a part of the stream may be missing.
const maxUnfilled = 10 * time.Second

// checkHoles judges, at the end, what was never sent.
func (c *connection) checkHoles(e *end) {
	for _, h := range e.holes {
		if h.since >= 0 && e.vantage > behindRouter && c.k.now-h.since > maxUnfilled && !c.over() {
			c.findAt(ruleGap, e, h.since, h.packet, "bytes %d to %d have never been sent, though later ones have", h.from, h.to)
		}
	}
}
