package tcp

import (
	ev "septet/event"
	"septet/header"
)

// Header prediction (RFC 7323, section 5.6; Jacobson, "4BSD Header Prediction", ACM
// Computer Communication Review, April 1990). Nearly every segment of a connection that
// is established is the one that must come next, or acknowledges what was sent last, and
// nothing is the matter. What the steps of RFC 9293, section 3.10.7.4, come to then
// stands here in a straight line; each of the conditions says which of them it spares.
// A segment of which one does not hold goes through the steps themselves. Nothing but
// time depends on which way one takes.

// besides are the parts of a connection's state that take a segment out of the ordinary:
// a FIN in either direction, urgent data, a shut window, ECN, a user who is gone.
const besides = flagFinQueued | flagFinSent | flagFinKnown | flagFinTaken | flagAckNow | flagECN | flagEchoCE |
	flagSendCWR | flagPersist | flagDetached | flagReadClosed | flagUrgent | flagRcvUrgent | flagEarly

// predicted reports whether s is the segment that comes next, and nothing but its text
// and its acknowledgement is to be looked at.
func (c *Conn) predicted(s *Segment) bool {
	return c.state == Established && c.flags&(besides|flagSynAcked) == flagSynAcked &&
		// No SYN or RST (trimSYN, second, fourth), no URG and FIN (sixth, eighth), no mark of ECN.
		s.Flags&^header.PSH == header.ACK &&
		// In order and in the window (first): nothing is trimmed off.
		s.Seq == c.rcvNxt && len(s.Text) <= c.rcvAdv.Sub(c.rcvNxt) && len(c.rcv.ahead) == 0 &&
		// The timestamp is there and not old (checkTimestamp).
		(!c.stamp.enabled || s.Options.HasTimestamps && int32(s.Options.TSVal-c.stamp.recent) >= 0) &&
		// An acknowledgement of what is outstanding, or of nothing new (fifth).
		s.Ack.AtLeast(c.sndUna) && s.Ack.AtMost(c.sndMax) &&
		s.Route == nil && !s.Options.HasUserTimeout
}

// comesNext reports whether s is in order and what comes before the fifth step has nothing
// to do but note it. That is so for nearly every segment of a connection that opens or
// closes, too.
func (c *Conn) comesNext(s *Segment) bool {
	return s.Flags&(header.SYN|header.RST) == 0 &&
		s.Seq == c.rcvNxt && s.length() <= c.rcvAdv.Sub(c.rcvNxt) &&
		(!c.stamp.enabled || s.Options.HasTimestamps && int32(s.Options.TSVal-c.stamp.recent) >= 0) &&
		!c.is(flagECN|flagEchoCE) && !s.Options.HasUserTimeout
}

// inputPredicted takes a segment that was predicted.
func (c *Conn) inputPredicted(now ev.Time, s *Segment) {
	c.heardAt = now
	if c.stamp.enabled {
		c.stamp.update(now, s.Seq, s.Options.TSVal)
	}
	c.probes = 0
	if g := c.theOne(s); g != nil {
		c.takeOne(now, s, g)
	} else if n := c.theFirst(s); n > 0 {
		c.takeFirst(now, s, n)
	} else if !c.tellsNothing(s) {
		c.takeACK(now, s)
	}
	c.updateWindow(s)
	if len(s.Text) > 0 {
		c.takeNext(now, s)
	}
}

// theOne returns the segment that a predicted one acknowledges, if that is all that is
// outstanding and was sent once, while no loss, probe or reduction waits for what
// acknowledgements say; otherwise nil.
func (c *Conn) theOne(s *Segment) *sentSegment {
	b, l := &c.board, &c.loss
	if b.size != 1 || s.Ack != c.sndMax || s.Options.NumSACK > 0 {
		return nil
	}
	g := b.first()
	if g.end == s.Ack && g.state == segFlying && !g.resent &&
		l.phase == phaseOpen && !l.undo && !c.tlp.out &&
		// Without SACK duplicates are counted, and partial acknowledgements.
		c.is(flagSACK) && c.seldom == &usual && !c.about.CountSegments {
		return g
	}
	return nil
}

// takesOne is theOne for a connection that may be closing. What takeOne does not look at
// keeps it out, and a control that has not begun though data has passed since the FIN.
func (c *Conn) takesOne(s *Segment) *sentSegment {
	if c.is(flagPersist|flagUrgent|flagECN|flagEchoCE) || c.ctrl == nil && c.traffic != &noTraffic {
		return nil
	}
	return c.theOne(s)
}

// takeOne is takeACK for the acknowledgement of g: newACK and deliver for that segment.
// Nothing is left on the scoreboard in which losses could be found.
func (c *Conn) takeOne(now ev.Time, s *Segment, g *sentSegment) {
	c.measure(now, s)
	c.retries = 0
	c.path.Confirm() // RFC 4861, section 7.3.1: forward progress

	k, controlled := &c.rack, c.traffic != &noTraffic // or it is a FIN before which nothing was said
	k.observeRTT(now, now.Sub(g.sentAt))
	k.delivers(now, g, true)
	k.fack = g.end
	if controlled {
		c.sampleOne(now, s, g)
	}
	c.board.empty()
	c.loans.CallIn(s.Ack)
	c.snd.acknowledge(c.store, s.Ack, c.is(flagWarm))
	c.sndUna = s.Ack
	if c.sndNxt.Before(c.sndUna) {
		c.sndNxt = c.sndUna
	}
	c.rtoAt, c.rackAt, c.tlpAt = ev.Never, ev.Never, ev.Never // RFC 6298, 5.2
	if c.sndUna.After(c.recover) {
		c.recover = c.sndUna - 1 // kept near, so that it stays comparable
	}
	c.tuneSend()
	c.sizes.passed(c.sndUna)
	c.roomMade()
	if controlled {
		c.respondOne(g)
	}
}

// sampleOne is the rest of deliver for a segment that was sent once and is the last: there
// is no other that could have been sent after it, or have been overtaken by it.
func (c *Conn) sampleOne(now ev.Time, s *Segment, g *sentSegment) {
	r, out, pipe := &c.rate, &c.scratch.sample, c.board.pipe
	c.data.delivered += uint32(g.segments())
	r.delivered += int64(g.len())
	r.deliveredAt, r.firstSentAt = now, g.sentAt
	*out = Sample{}
	out.Now, out.RTT = now, now.Sub(g.sentAt)
	out.PriorDelivered, out.PriorLost = g.delivered, g.lostBefore
	out.AppLimited, out.TxInFlight = g.limited, g.inFlight
	out.Acked, out.Delivered = s.Ack.Sub(c.sndUna), g.len()
	out.PriorInFlight, out.WindowLimited = pipe, c.windowUsed(pipe)
}

// respondOne is respond for it.
func (c *Conn) respondOne(g *sentSegment) {
	out := &c.scratch.sample
	out.MinRTT, out.SRTT, out.SndUna, out.SndNxt = c.rack.minRTT, c.rtt.srtt, c.sndUna, c.sndMax
	c.rate.total(out)
	c.rate.measure(out, g.sentAt.Sub(g.firstSentAt), g.deliveredAt)
	c.data.sampled(out)
	c.ctrl.Acked(&c.win, out)
}

// The way out has its ordinary case too: the user of a connection with nothing
// outstanding has written something, which fits one segment.

// aside are the parts of a connection's state that have more sent than that, or less: a
// SYN or FIN, a window probe, urgent data, a cork, an echo of ECN.
const aside = flagFinQueued | flagFinSent | flagPersist | flagUrgent | flagMore | flagUncork | flagEarly | flagEchoCE

// sendsOne reports whether Output comes to one segment, with all that is queued.
func (c *Conn) sendsOne() bool {
	n, l := c.snd.size, &c.loss
	return c.state == Established && c.flags&(aside|flagSynAcked) == flagSynAcked &&
		// Nothing is outstanding, so nothing is to be sent again, and Nagle's condition holds.
		c.board.size == 0 && c.sndUna == c.sndMax && c.sndNxt == c.sndMax && c.snd.start == c.sndUna &&
		n > 0 && n <= c.mss && n <= c.sndWnd && n <= c.win.Cwnd &&
		l.phase == phaseOpen && !l.frto && l.newOnly == 0 && l.dupBytes == 0 &&
		// The control has begun, and does not pace. No path MTU is searched for (probePath).
		c.ctrl != nil && c.win.PacingRate == 0 && c.paceAt == ev.Never && c.seldom == &usual && !c.opts.Cork
}

// sendOne is sendNext for that segment, and what Output does after it. The windows have
// room for more than there is: the network waits for the application.
func (c *Conn) sendOne(now ev.Time) {
	c.restartIdle(now)
	c.needFlight()
	if c.rate.limitedTo != 0 {
		c.ctrl.Restarted(&c.win, now)
	}
	seq, n := c.sndNxt, c.snd.size
	g := c.board.add(seq, seq.Add(n))
	g.last, g.pushed = true, true // a burst of one, and the end of what was written
	if n < c.mss {
		c.sndSml = g.end
	}
	c.textAnswered(now)
	c.rate.sent(now, g, 0)
	c.transmit(now, header.ACK|header.PSH, seq, n)
	if c.inFlight() < c.win.Cwnd {
		c.noteIdle()
	}
	if c.tlpAt = ev.Never; c.is(flagSACK) && !c.tlp.out {
		c.tlpAt = c.probeTime(now)
	}
	c.holdsBack(now, busy)
}
