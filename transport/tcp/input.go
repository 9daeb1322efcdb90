package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
)

// Input takes one arriving segment: SEGMENT ARRIVES of RFC 9293, section 3.10.7.
// What the segment makes possible is sent before it returns.
func (c *Conn) Input(now ev.Time, s *Segment) {
	c.arrived(now, s)
	switch {
	case c.predicted(s):
		c.inputPredicted(now, s)
	case c.state == Closed:
		return
	case c.state == SynSent:
		c.inputSynSent(now, s)
	default:
		c.inputSynchronized(now, s)
	}
	if !c.holds(now, s) {
		c.Output(now)
	}
}

// inputSynSent is section 3.10.7.3.
func (c *Conn) inputSynSent(now ev.Time, s *Segment) {
	ack := s.Flags.Has(header.ACK)
	if ack && (s.Ack.AtMost(c.iss) || s.Ack.After(c.sndMax)) {
		if !s.Flags.Has(header.RST) {
			c.replyReset(s)
		}
		return
	}
	if s.Flags.Has(header.RST) {
		if ack {
			c.destroy(syscall.ECONNREFUSED)
		}
		return
	}
	if !s.Flags.Has(header.SYN) {
		return
	}
	c.heardAt = now
	c.takeSYN(now, s)
	if !ack {
		// Simultaneous open: both SYNs have crossed. Ours goes out again, now with
		// an acknowledgement.
		c.sndNxt = c.iss
		c.rtoAt = ev.Never
		c.move(rcvSYN)
		return
	}
	c.synAcknowledged(now, s)
	c.move(rcvSYNACK)
	c.fastOpenAnswered(now, s)
	c.startKeepAlive(now)
	c.notify(Writable)
	c.set(flagAckNow)
	// Continue at the sixth step, with what of the text our SYN's window allowed.
	c.rcvAdv = c.rcvNxt.Add(min(c.rcv.free(), 0xffff, c.firstWindow()))
	c.trim(s, c.rcvAdv.Sub(c.rcvNxt))
	c.inputText(now, s)
}

// takeSYN takes over what the peer's SYN says.
func (c *Conn) takeSYN(now ev.Time, s *Segment) {
	c.irs = s.Seq
	c.rcvNxt = s.Seq + 1
	c.rcvAdv = c.rcvNxt
	c.rcvUp = c.rcvNxt
	o := &s.Options
	c.peerMSS = uint16(c.about.DefaultMSS)
	if o.HasMSS {
		c.peerMSS = o.MSS
	}
	if o.HasWindowScale {
		c.set(flagScaled)
		c.sndShift = min(o.WindowScale, header.MaxWindowScale)
	} else {
		c.sndShift, c.rcvShift = 0, 0
	}
	if o.SACKPermitted && c.about.SACK {
		c.set(flagSACK)
	}
	c.agreeECN(s)
	if o.HasTimestamps && c.about.Timestamps {
		c.stamp.enabled = true
		c.stamp.recent, c.stamp.recentAt = o.TSVal, now
	}
	c.stamp.lastAck = c.rcvNxt
	// RFC 7323, section 2.2: the window in a SYN is not scaled.
	c.sndWnd, c.sndMxW = int(s.Window), int(s.Window)
	c.sndWl1, c.sndWl2 = s.Seq, s.Ack
	c.takeUserTimeout(o)
	c.setMSS(c.pathLimit())
}

// minMSS is the least MSS that is believed: a peer that names a tiny one would
// have us send little but headers. leastText is what the longest options leave of it.
const (
	minMSS    = 48
	leastText = 36
)

// setMSS computes the size of a full segment (RFC 9293, section 3.7.1, and RFC
// 6691: options are taken off what the peer allows).
func (c *Conn) setMSS(mtu int) {
	options := c.overhead() - c.path.HeaderLen() - header.TCPLen
	most := int(c.peerMSS)
	if own := c.opts.MaxSegment; own > 0 {
		most = min(most, own)
	}
	c.mss = max(1, min(max(max(most, minMSS)-options, leastText), mtu-c.overhead()))
	c.win.MSS = c.mss
}

// offeredMSS returns what our SYN tells the peer: what our interface can receive
// whole (RFC 9293, MUST-67), unless the user wants less.
func (c *Conn) offeredMSS() uint16 {
	mss := min(c.path.MTU()-c.path.HeaderLen()-header.TCPLen, 0xffff)
	if own := c.opts.MaxSegment; own > 0 {
		mss = min(mss, own)
	}
	return uint16(mss)
}

// recut sends again, in segments of the size that is now right, all that was
// longer.
func (c *Conn) recut() {
	if c.is(flagSynAcked) {
		c.needFlight()
		c.sndNxt = c.board.recut(c.sndUna, c.mss)
		c.loss.dupBytes = 0
	}
}

// overhead is the length of the headers of a data segment.
func (c *Conn) overhead() int {
	n := c.path.HeaderLen() + c.opts.SourceRoute.Len() + header.TCPLen
	if c.stamp.enabled {
		n += timestampLen
	}
	return n
}

// synAcknowledged takes the acknowledgement of our SYN.
func (c *Conn) synAcknowledged(now ev.Time, s *Segment) {
	c.set(flagSynAcked)
	exact := c.rtt.timing
	if c.measure(now, s); exact && !c.rtt.timing {
		c.rack.observeRTT(now, c.rtt.srtt) // RFC 8985, section 6.2, step 1: all measurements
	}
	c.startWindow(now)
	if c.retries > 0 && c.rtt.srtt == 0 {
		// RFC 6298, 5.7: after a lost SYN, and with no measurement yet, the timeout
		// starts at three seconds.
		c.rtt.rto = max(c.rtt.rto, c.about.clampRTO(synLostRTO))
	}
	c.retries, c.backoff = 0, 0
	c.path.Confirm() // RFC 4861, section 7.3.1: forward progress
	c.forgetSoftError()
	c.sndUna = c.iss + 1 // what else it acknowledges is dealt with later
	if c.sndNxt.Before(c.sndUna) {
		c.sndNxt = c.sndUna
	}
	c.rtoAt = ev.Never
	if c.sndMax != c.sndUna {
		c.rtoAt = now.Add(c.rtt.rto) // Fast Open has sent data before
	}
}

// inputSynchronized is section 3.10.7.4, in the order of the text: a step that
// says false has dealt with the segment.
func (c *Conn) inputSynchronized(now ev.Time, s *Segment) {
	if c.comesNext(s) {
		c.heard(now, s)
	} else if !c.checkFirst(now, s) {
		return
	}
	if c.checkACK(now, s) {
		if s.Route != nil {
			c.takeRoute(now, s)
		}
		c.inputText(now, s)
	}
}

// checkFirst is what comes before the fifth step.
func (c *Conn) checkFirst(now ev.Time, s *Segment) bool {
	c.trimSYN(s)
	return c.checkTimestamp(now, s) &&
		c.checkSequence(now, s) &&
		c.checkRST(now, s) &&
		// Third, security: Septet has no security labels.
		c.checkSYN(now, s)
}

// trimSYN takes a SYN that we already have off a segment that arrives before our
// own SYN is acknowledged: the peer's SYN,ACK of a simultaneous open, or its SYN
// once more.
func (c *Conn) trimSYN(s *Segment) {
	if c.is(flagSynAcked) || !s.Flags.Has(header.SYN) || s.Flags.Has(header.RST) || s.Seq != c.irs {
		return
	}
	if !s.Flags.Has(header.ACK) {
		c.sndNxt = c.iss // our SYN,ACK was lost: Output sends it again
		if c.is(flagECN) {
			c.agreeECN(s) // the peer may have given ECN up
		}
	} else if s.Ack == c.sndMax {
		// Its SYN stands before the window: what is not acceptable is answered with an
		// ACK (section 3.10.7.4, first).
		c.set(flagAckNow)
	}
	s.Flags &^= header.SYN | header.ECE | header.CWR // these bits were about the handshake
	s.Seq++
	s.Window >>= c.sndShift // RFC 7323, section 2.2: a SYN's window is not scaled
}

// checkTimestamp is RFC 7323, section 5.3, which comes before everything else.
func (c *Conn) checkTimestamp(now ev.Time, s *Segment) bool {
	if !c.stamp.enabled || s.Flags.Has(header.RST) {
		return true
	}
	if !s.Options.HasTimestamps && c.about.LaxTimestamps {
		return true
	}
	if !s.Options.HasTimestamps {
		// RFC 7323, section 3.2: dropped without an answer.
		c.env.counters().NoTimestamp++
		return false
	}
	if c.stamp.old(now, s.Options.TSVal) {
		c.env.counters().PAWSDropped++
		c.answerUnacceptable(now, s)
		return false
	}
	return true
}

// checkSequence is the first step: the acceptability test, in all four cases of
// section 3.4's table. What lies outside the window is then trimmed off.
func (c *Conn) checkSequence(now ev.Time, s *Segment) bool {
	wnd := max(0, c.rcvAdv.Sub(c.rcvNxt))
	length := s.length()
	if s.Flags.Has(header.RST) {
		length = 0 // a reset counts by its sequence number alone
	}
	var acceptable bool
	switch {
	case length == 0 && wnd == 0:
		acceptable = s.Seq == c.rcvNxt
	case length == 0:
		acceptable = s.Seq.InWindow(c.rcvNxt, wnd)
	case wnd == 0:
		acceptable = false
	default:
		acceptable = s.Seq.InWindow(c.rcvNxt, wnd) || (s.end()-1).InWindow(c.rcvNxt, wnd) ||
			// longer than the whole window and around it
			s.Seq.Before(c.rcvNxt) && s.end().After(c.rcvNxt)
	}
	if acceptable {
		c.heard(now, s)
		if c.is(flagECN) {
			c.receiveECN(s)
		}
		c.takeUserTimeout(&s.Options)
		c.trim(s, wnd)
		return true
	}
	c.env.counters().OutOfWindow++
	if s.Flags.Has(header.RST) {
		return false
	}
	c.refuseUnacceptable(now, s, wnd)
	return false
}

// heard notes that an acceptable segment has come.
func (c *Conn) heard(now ev.Time, s *Segment) {
	c.heardAt = now
	if c.stamp.enabled && s.Options.HasTimestamps {
		c.stamp.update(now, s.Seq, s.Options.TSVal)
	}
}

// refuseUnacceptable answers a segment that failed the acceptability test with
// an ACK, as the first step ends.
func (c *Conn) refuseUnacceptable(now ev.Time, s *Segment, wnd int) {
	if s.Flags.Has(header.SYN) {
		c.challengeACK(now) // RFC 5961, section 4.2: "irrespective of the sequence number"
		return
	}
	c.answerUnacceptable(now, s)
	if c.state != TimeWait && s.length() > 0 && s.end().AtMost(c.rcvNxt) {
		c.duplicate = span{s.Seq, s.end()}
	}
	// A FIN again in TIME-WAIT means that our last ACK was lost: it is
	// acknowledged and the wait begins again (section 3.10.7.4, eighth).
	if c.state == TimeWait && s.Flags.Has(header.FIN) {
		c.startTimeWait(now)
	}
	// "If the RCV.WND is zero, no segments will be acceptable, but special
	// allowance should be made to accept valid ACKs, URGs, and RSTs".
	if wnd == 0 && s.Seq == c.rcvNxt && c.checkACK(now, s) {
		if c.is(flagECN) {
			c.receiveECN(s) // a marked window probe is no forgery (RFC 3168, section 6.1.6)
		}
		c.takeUrgent(s)
	}
}

// answerUnacceptable acknowledges a segment that was not acceptable. One without
// text is answered so many times a second only: it may itself be such an answer, and
// two ends that believe different things, after a forged segment say, would go on
// acknowledging each other for ever.
func (c *Conn) answerUnacceptable(now ev.Time, s *Segment) {
	if len(s.Text) > 0 || s.Flags.Has(header.FIN) {
		c.set(flagAckNow)
		return
	}
	c.challengeACK(now)
}

// trim cuts a segment to the receive window.
func (c *Conn) trim(s *Segment, wnd int) {
	if before := c.rcvNxt.Sub(s.Seq); before > 0 {
		s.Urgent -= uint16(min(before, int(s.Urgent)))
		if s.Flags.Has(header.SYN) {
			s.Flags &^= header.SYN
			before--
		}
		if len(s.Text) > 0 {
			c.duplicate = span{s.Seq, s.Seq.Add(min(before, len(s.Text)))}
		}
		s.Text = s.Text[min(before, len(s.Text)):]
		s.Seq = c.rcvNxt
	}
	beyond := s.end().Sub(c.rcvNxt.Add(wnd))
	if beyond <= 0 {
		return
	}
	if s.Flags.Has(header.FIN) {
		s.Flags &^= header.FIN
		beyond--
	}
	s.Text = s.Text[:max(0, len(s.Text)-beyond)]
}

// checkRST is the second step, with RFC 5961's protection: only a reset at
// exactly RCV.NXT is believed.
func (c *Conn) checkRST(now ev.Time, s *Segment) bool {
	if !s.Flags.Has(header.RST) {
		return true
	}
	if s.Seq != c.rcvNxt {
		c.challengeACK(now)
		return false
	}
	switch c.state {
	case SynReceived:
		c.resetOpening(now)
	case TimeWait:
		// RFC 1337: a reset does not cut TIME-WAIT short.
	case Closing, LastAck:
		c.destroy(nil)
	case CloseWait:
		c.destroy(syscall.EPIPE) // the peer had said that it sends no more
	default:
		c.destroy(syscall.ECONNRESET)
	}
	return false
}

// checkSYN is the fourth step: a SYN in the window of a synchronized connection
// gets a challenge ACK (RFC 5961, section 4). A passive open that has not got that
// far goes back to LISTEN.
func (c *Conn) checkSYN(now ev.Time, s *Segment) bool {
	if !s.Flags.Has(header.SYN) {
		return true
	}
	if c.state == SynReceived && c.listener != nil && !c.is(flagEarly) {
		c.destroy(nil)
		return false
	}
	c.challengeACK(now)
	return false
}
