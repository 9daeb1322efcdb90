package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// synLostRTO is where the timeout starts after a lost SYN (RFC 6298, 5.7).
const synLostRTO = 3 * time.Second

// checkACK is the fifth step of RFC 9293, section 3.10.7.4.
func (c *Conn) checkACK(now ev.Time, s *Segment) bool {
	if !s.Flags.Has(header.ACK) {
		return false
	}
	if !c.is(flagSynAcked) && !c.acceptOpen(now, s) {
		return false
	}
	// RFC 5961, section 5: an ACK is believed only if it is not too old, and not
	// for something never sent.
	if s.Ack.After(c.sndMax) || s.Ack.Before(c.sndUna.Add(-c.sndMxW)) {
		c.env.counters().BadACK++
		c.challengeACK(now)
		return false
	}
	c.probes = 0
	if !c.tellsNothing(s) {
		if g := c.takesOne(s); g != nil {
			c.takeOne(now, s, g)
		} else {
			c.takeACK(now, s)
		}
	}
	c.updateWindow(s)
	return c.closeOnACK(now)
}

// tellsNothing reports whether the acknowledgement of a segment says nothing of what
// was sent: all of that was acknowledged before, no loss episode can have a consequence
// yet, nothing is reported as received twice, and no mark is echoed. Who only receives
// gets no others.
func (c *Conn) tellsNothing(s *Segment) bool {
	return s.Ack == c.sndUna && c.sndMax == c.sndUna && s.Options.NumSACK == 0 && s.Flags&header.ECE == 0 &&
		(c.flight == &atRest || c.flight.over())
}

// takeACK works on an acknowledgement: what is delivered, what is lost, and what
// follows for the windows.
func (c *Conn) takeACK(now ev.Time, s *Segment) {
	a := c.newAck(now)
	delivered := c.data.delivered
	a.ece = s.Flags.Has(header.ECE) && c.is(flagECN)
	a.echoed = c.stamp.enabled && s.Options.HasTimestamps && s.Options.TSEcr != 0
	a.echo = s.Options.TSEcr
	if c.is(flagSACK) && s.Options.NumSACK > 0 {
		c.takeSACK(a, s)
	}
	switch {
	case s.Ack.After(c.sndUna):
		c.newACK(a, s)
	case c.isDuplicate(s):
		a.duplicate = true
		c.env.counters().DuplicateACKs++
	}
	if c.is(flagSACK) {
		if a.dsack.left != a.dsack.right {
			a.widened = c.rack.duplicates(c.sndUna, c.sndMax)
		}
		c.detectLosses(a)
	} else if a.duplicate {
		c.duplicateACK(a)
	}
	if c.loss.frto || a.dsack.left != a.dsack.right {
		c.checkSpurious(a)
	}
	if c.tlp.out {
		c.probeAcked(a, s)
	}
	if a.ece {
		c.needTraffic().data.deliveredCE += c.data.delivered - delivered
	}
	c.respond(a)
	if a.acked > 0 || a.sacked {
		c.scheduleProbe(now)
	}
}

// acceptOpen completes a passive or simultaneous open: the fifth step in
// SYN-RECEIVED.
func (c *Conn) acceptOpen(now ev.Time, s *Segment) bool {
	if !s.Ack.After(c.sndUna) || s.Ack.After(c.sndMax) {
		c.replyReset(s)
		return false
	}
	if c.listener != nil && !c.listener.takes(now, c, s) {
		return false
	}
	c.sndWnd = c.scaledWindow(s)
	c.sndMxW = max(c.sndMxW, c.sndWnd)
	c.sndWl1, c.sndWl2 = s.Seq, s.Ack
	c.synAcknowledged(now, s)
	if c.state == SynReceived {
		c.move(rcvACKofSYN)
	} // else the user has closed already, and it is FIN-WAIT-1
	c.startKeepAlive(now)
	c.notify(Writable)
	return true
}

// newACK takes an acknowledgement of something new.
func (c *Conn) newACK(a *ack, s *Segment) {
	a.acked = s.Ack.Sub(c.sndUna)
	c.measure(a.now, s)
	c.retries = 0
	c.path.Confirm()    // RFC 4861, section 7.3.1: forward progress
	c.forgetSoftError() // what ICMP has reported is over
	c.takeCumulative(a, s.Ack)
	c.loans.CallIn(s.Ack)
	c.snd.acknowledge(c.store, s.Ack, c.is(flagWarm))
	c.sndUna = s.Ack
	if c.sndNxt.Before(c.sndUna) {
		c.sndNxt = c.sndUna
	}
	if c.is(flagUrgent) && c.sndUp.AtMost(c.sndUna) {
		c.unset(flagUrgent)
	}
	c.unset(flagPersist)
	if c.sndUna == c.sndMax {
		c.rtoAt = ev.Never // RFC 6298, 5.2
	} else {
		c.rtoAt = a.now.Add(c.rtt.backedOff(c.about, c.backoff)) // 5.3
	}
	l := &c.loss
	l.dupAcks = 0
	if l.ecnSlow && (c.sndUna.After(l.ecnTo) || c.sndUna == l.ecnTo && !s.Flags.Has(header.ECE)) {
		// While the peer echoes it has not had our CWR, which goes beyond ecnTo at the
		// earliest: it still speaks of the marks that were answered (RFC 3168, 6.1.3).
		l.ecnSlow = false
	}
	if l.phase == phaseOpen && l.undo && c.sndUna.After(l.undoTo) {
		l.undo = false // a D-SACK about the episode would have come by now
	}
	if l.phase == phaseOpen && c.sndUna.After(c.recover) {
		c.recover = c.sndUna - 1 // kept near, so that it stays comparable
	}
	if !c.is(flagSACK) {
		c.partialACK(a)
	}
	c.tuneSend()
	c.sizeAcked(a.now)
	c.roomMade()
}

// measure takes a round-trip time from the acknowledgement: of the segment being
// timed, or else from its timestamp (RFC 7323, section 4.1).
func (c *Conn) measure(now ev.Time, s *Segment) {
	if r := &c.rtt; r.timing && !s.Ack.Before(r.seq) {
		rtt := now.Sub(r.begun)
		r.timing = false
		r.measured(c.about, rtt)
		c.rack.observeRTT(now, rtt)
		c.backoff = 0
		return
	}
	if c.rtt.timing || !c.stamp.enabled || s.Options.TSEcr == 0 {
		return
	}
	ticks := int32(c.stamp.clock(now) - s.Options.TSEcr)
	if ticks >= 0 && ticks < 1<<20 {
		c.rtt.measured(c.about, time.Duration(ticks)*timestampTickDuration)
		c.backoff = 0
	}
}

// isDuplicate reports whether an acknowledgement of nothing new is a duplicate in
// the sense of RFC 5681, section 2.
func (c *Conn) isDuplicate(s *Segment) bool {
	outstanding := c.sndMax != c.sndUna && !c.is(flagPersist)
	return outstanding && s.Ack == c.sndUna && s.length() == 0 && c.scaledWindow(s) == c.sndWnd
}

func (c *Conn) scaledWindow(s *Segment) int { return int(s.Window) << (c.sndShift & shiftMask) }

// updateWindow takes over the peer's window, if the segment is not older than
// the one that told it last.
func (c *Conn) updateWindow(s *Segment) {
	if s.Ack.Before(c.sndUna) {
		return
	}
	if c.newerWindow(s) {
		c.sndWl1, c.sndWl2 = s.Seq, s.Ack
		wnd := c.scaledWindow(s)
		if wnd > c.sndWnd && c.is(flagPersist) {
			// The window has opened: what waited goes out now.
			c.unset(flagPersist)
			c.rtoAt = ev.Never
			c.backoff = 0
		}
		c.sndWnd = wnd
		c.sndMxW = max(c.sndMxW, wnd)
	}
}

// newerWindow reports whether a segment was sent after the one that told the window
// last. RFC 9293, section 3.10.7.4, goes by the sequence number first. But what is sent
// again has an old one and tells the newest: with its acknowledgement SND.UNA goes on,
// and a window left as it was would reach further than the peer has ever said. So a
// later acknowledgement is what counts, as on Linux, and the sequence number after it.
// Of two that differ in the window alone nobody knows which is newer; a peer must not
// take back what it has offered (section 3.8.6).
func (c *Conn) newerWindow(s *Segment) bool {
	if s.Ack != c.sndWl2 {
		return s.Ack.After(c.sndWl2)
	}
	wnd := c.scaledWindow(s)
	return c.sndWl1.Before(s.Seq) || c.sndWl1 == s.Seq && (wnd > c.sndWnd || wnd == 0)
}

// finAcked reports whether the peer has acknowledged our FIN, and not merely
// everything before it.
func (c *Conn) finAcked() bool {
	return c.is(flagFinSent) && c.sndUna == c.snd.end()+1
}

// closeOnACK moves on when our FIN has been acknowledged: the rest of the fifth
// step, state by state.
func (c *Conn) closeOnACK(now ev.Time) bool {
	if !c.finAcked() {
		return true
	}
	switch c.state {
	case FinWait1:
		c.move(rcvACKofFIN)
		c.abandonFinWait2(now)
	case Closing:
		c.move(rcvACKofFIN)
		c.enterTimeWait(now)
	case LastAck:
		c.end(rcvACKofFIN, nil)
		return false
	}
	return true
}

// abandonFinWait2 gives a peer that never closes a limited time, once the user
// has let go of the connection.
func (c *Conn) abandonFinWait2(now ev.Time) {
	if c.state != FinWait2 || !c.is(flagDetached) || c.about.FinWait2 == 0 {
		return
	}
	switch wait := c.opts.FinWait2; {
	case wait < 0:
		c.keepAt = now
	case wait > 0:
		c.keepAt = now.Add(min(wait, c.about.FinWait2))
	default:
		c.keepAt = now.Add(c.about.FinWait2)
	}
}

// enterTimeWait begins TIME-WAIT: nothing is outstanding, so the buffers go.
func (c *Conn) enterTimeWait(now ev.Time) {
	c.snd.release(c.store)
	if c.env.crowded() {
		if c.is(flagAckNow) { // of the peer's FIN
			c.transmit(now, header.ACK, c.emptySeq(), 0)
		}
		c.env.counters().TimeWaitOverflow++
		c.end(timeout2MSL, nil)
		return
	}
	c.startTimeWait(now)
	c.notify(Readable | Writable)
}
