package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
)

// inputText is the sixth to eighth step of RFC 9293, section 3.10.7.4: urgent
// pointer, segment text, FIN.
func (c *Conn) inputText(now ev.Time, s *Segment) bool {
	if s.Flags&header.URG != 0 {
		c.takeUrgent(s)
	}
	if c.gaps() {
		if x, ok := c.heldBefore(s); ok {
			c.duplicate = x
		}
	}
	soon := s.Flags.Has(header.FIN) && c.answersFIN(s)
	if len(s.Text) > 0 && !c.takeText(now, s) {
		return false
	}
	if s.Flags.Has(header.FIN) && !c.is(flagFinKnown) && c.state.mayReceive() {
		c.noteFIN(s.Seq.Add(len(s.Text)))
	}
	switch {
	case soon:
		c.delayFIN(now)
	case s.Flags.Has(header.FIN):
		c.set(flagAckNow)
	}
	if c.is(flagFinKnown) && !c.is(flagFinTaken) && c.rcvNxt == c.rcvFin {
		c.takeFIN(now)
	} else if c.state == TimeWait && s.Flags.Has(header.FIN) {
		c.startTimeWait(now)
	}
	return true
}

// noteFIN notes where the peer's FIN stands. It has come, perhaps ahead of data.
func (c *Conn) noteFIN(at header.Seq) {
	if c.rcv.hasBeyond(at) {
		return // the peer lies in one of the two
	}
	c.rcvFin = at
	c.set(flagFinKnown)
	if at != c.rcvNxt {
		whole, _ := c.held(at)
		c.recent.arrived(whole)
	}
}

// takeText is the seventh step. It reports false when the connection is gone.
func (c *Conn) takeText(now ev.Time, s *Segment) bool {
	if !c.state.mayReceive() {
		return true // "This should not occur since a FIN has been received"
	}
	if c.is(flagFinKnown) {
		s.Text = s.Text[:min(len(s.Text), max(0, c.rcvFin.Sub(s.Seq)))]
		if len(s.Text) == 0 {
			return true // nothing can follow the FIN
		}
	}
	// Linux: as after a close, if the user reads no more and has ended his own side too.
	unwanted := c.is(flagReadClosed) && (c.state == FinWait1 || c.state == FinWait2)
	if c.is(flagDetached) || unwanted {
		// RFC 9293, section 3.6.1, and MUST-13's ground: data that nobody will ever
		// read is answered with a reset, so that the peer learns of it.
		if c.about.PlainResets {
			c.replyReset(s)
		} else {
			c.rcvNxt = s.end()
			c.sendReset(now)
		}
		c.destroy(syscall.ECONNRESET)
		return false
	}
	if s.Seq == c.rcvNxt && !c.gaps() {
		c.takeNext(now, s)
		return true
	}
	if s.Seq == c.rcvNxt {
		c.textArrived(now)
	}
	n := c.rcv.insert(c.store, c.rcvNxt, s.Seq, s.Text)
	c.rcvNxt = c.rcvNxt.Add(n)
	if n == 0 {
		c.env.counters().OutOfOrder++
		c.needTraffic().data.outOfOrder++
		if whole, ok := c.rcv.ahead.covering(s.Seq); ok {
			c.recent.arrived(whole)
		}
	} else {
		// RFC 4861, section 7.3.1: new data says that acknowledgements reach the peer.
		c.path.Confirm()
		c.notify(Readable)
	}
	// RFC 5681, section 4.2: a duplicate ACK at once, and again at once when a hole is
	// filled.
	c.set(flagAckNow)
	return true
}

// takeNext takes the text that comes next, while there are no gaps.
func (c *Conn) takeNext(now ev.Time, s *Segment) {
	c.timeData(now, s)
	c.textArrived(now)
	n := c.rcv.insert(c.store, c.rcvNxt, s.Seq, s.Text)
	c.rcvNxt = c.rcvNxt.Add(n)
	c.path.Confirm() // as above
	c.notify(Readable)
	if c.duplicate.left != c.duplicate.right {
		c.set(flagAckNow) // a part of it has come twice
		return
	}
	c.delayACK(now, n, s)
}

// delayACK decides when n bytes that came in order are acknowledged (RFC 9293,
// section 3.8.6.3): at once for every second full segment, otherwise soon.
func (c *Conn) delayACK(now ev.Time, n int, s *Segment) {
	c.unackedBytes += int32(n)
	full := n
	if s.size > 0 {
		full = min(n, s.size)
	}
	c.largest = max(c.largest, int32(full))
	switch {
	case s.more: // the ACK of the last one is for all
	case c.unackedBytes > c.largest && c.hurries(): // at least the second full segment
		c.set(flagAckNow)
	case c.quick():
		c.quickACKs--
		c.set(flagAckNow)
	case c.ackAt == ev.Never:
		c.ackAt = now.Add(c.ackDelay(s.Flags.Has(header.PSH)))
	}
}

// takeFIN is the eighth step: everything up to the peer's FIN has been received.
func (c *Conn) takeFIN(now ev.Time) {
	c.rcvNxt++
	c.set(flagFinTaken)
	c.move(rcvFIN)
	if c.state == TimeWait {
		c.enterTimeWait(now)
		return
	}
	c.notify(Readable)
}
