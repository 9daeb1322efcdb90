package tcp

import (
	ev "septet/event"
	"septet/header"
)

// Output sends whatever may be sent now: SYN, data, FIN, and an ACK if one is
// due and nothing else carried it.
func (c *Conn) Output(now ev.Time) {
	if c.state == Closed {
		c.rest()
		return
	}
	if c.burst.left != 0 {
		c.burst.left = 0
	}
	if c.is(flagAckNow) && c.reports() && c.state > SynSent {
		// A full segment has no room for a report.
		c.transmit(now, header.ACK, c.emptySeq(), 0)
	}
	switch {
	case c.silent():
		c.outputSilent(now)
		return
	case c.sendsOne():
		c.sendOne(now)
		return
	}
	before := c.sndMax
	if c.seldom == &usual || !c.probePath(now) { // usual: the path has no limit of its own
		for c.sendNext(now) {
		}
	}
	if c.is(flagAckNow) && c.state > SynSent {
		c.transmit(now, header.ACK, c.emptySeq(), 0)
	}
	if c.sndMax != before {
		c.scheduleProbe(now)
	}
	if c.rtoAt == ev.Never {
		c.startPersist(now)
	}
	if c.corkAt != ev.Never || c.corked() {
		c.startCork(now)
	}
	c.lookWhatHolds(now)
	c.rest()
}

// silent reports whether nothing is outstanding, nothing waits to be sent and nothing
// was held back. That is all there is to know of one who only receives, or has sent all
// that he ever will.
func (c *Conn) silent() bool {
	return c.snd.size == 0 && c.board.size == 0 && c.seldom == &usual &&
		(c.flags&(flagSynAcked|flagFinQueued) == flagSynAcked || c.finAcked()) &&
		c.paceAt == ev.Never && c.loss.newOnly == 0
}

// outputSilent is what is left of Output then: nothing is sent but an ACK, and no timer
// waits for anything.
func (c *Conn) outputSilent(now ev.Time) {
	c.noteIdle()
	if c.is(flagAckNow) {
		c.transmit(now, header.ACK, c.emptySeq(), 0)
	}
	c.holdsBack(now, idle)
	c.rest()
}

// emptySeq returns the sequence number for a segment without text: SND.NXT, or
// the edge of the peer's window if that has moved back, because beyond it the
// peer would refuse the segment and not look at its acknowledgement. That it has
// moved back by less than a unit of the window scale is rounding in what is told,
// not in what is accepted (RFC 7323, section 2.4). The peer may have received all
// of that: behind it is what it would refuse, and two ends that both refuse
// would never go on.
func (c *Conn) emptySeq() header.Seq {
	edge := c.sndUna.Add(c.sndWnd)
	if c.is(flagSynAcked) && c.sndMax.Sub(edge) >= 1<<c.sndShift {
		return edge
	}
	return c.sndMax
}

// sendNext sends one segment that takes up sequence space, if one may be sent.
func (c *Conn) sendNext(now ev.Time) bool {
	if !c.is(flagSynAcked) {
		if c.sndNxt == c.iss {
			c.sendSYN(now)
			if c.is(flagEarly) {
				c.sndNxt = c.sndMax // what Fast Open has sent is on its way
			}
		}
		if !c.is(flagEarly) || c.retries > 0 {
			return false // what follows waits for the answer
		}
	}
	if c.paced(now) {
		return false
	}
	if c.awaitsVerdict() {
		return false
	}
	if i := c.board.lost.first; c.board.size > 0 && i >= 0 && c.loss.newOnly == 0 {
		return c.mayResend(i) && c.resend(now, i)
	}
	if c.sndMax == c.sndUna {
		c.restartIdle(now)
	}
	n, fin := c.nextText()
	if n == 0 && !fin {
		if c.inFlight() < c.win.Cwnd && c.snd.size <= c.sndNxt.Sub(c.snd.start) {
			c.noteIdle()
		}
		return c.giveUpFRTO()
	}
	c.sendText(now, n, fin)
	if c.loss.newOnly > 0 {
		c.loss.newOnly--
	}
	return !fin || c.traffic != &noTraffic // which has the rate look once more
}

// sendText sends n bytes for the first time.
func (c *Conn) sendText(now ev.Time, n int, fin bool) {
	seq := c.sndNxt
	end := seq.Add(n)
	if fin {
		end++
	}
	c.needFlight()
	if n == 0 && c.traffic == &noTraffic {
		c.sendFIN(now)
		return
	}
	c.control()
	flight := c.inFlight()
	if flight == 0 && c.rate.limitedTo != 0 {
		c.ctrl.Restarted(&c.win, now)
	}
	last, long := c.joinBurst(c.burstLength)
	g := c.board.add(seq, end)
	g.resent = seq.Before(c.sndMax) // it was a window probe before
	g.last, g.pushed = last, c.ends(seq, n)
	if n > c.mss {
		g.size = int32(c.mss)
	}
	if n != c.mss && (n < c.mss || n%c.mss > 0) { // mostly without a division
		c.sndSml = end
	}
	c.textAnswered(now)
	c.rate.sent(now, g, flight)
	c.transmit(now, textFlags(n, g.pushed || last && long, fin), seq, n)
	c.spend(now, n)
}

// sendFIN is sendText for a FIN before which nothing was said: there is nothing to be
// controlled and no rate to be measured, and most likely never will be.
func (c *Conn) sendFIN(now ev.Time) {
	seq := c.sndNxt
	g := c.board.add(seq, seq+1)
	g.resent = seq.Before(c.sndMax) // it was a window probe before
	g.last = true
	g.sentAt, g.firstSentAt, g.deliveredAt, g.inFlight = now, now, now, g.len()
	c.transmit(now, textFlags(0, false, true), seq, 0)
}

// mayResend reports whether the windows allow the lost segment in slot i to be
// sent again now. Part of it is worth sending only if nothing that is on its way can
// move the peer's window (RFC 9293, section 3.8.6.2.1).
func (c *Conn) mayResend(i int32) bool {
	g := &c.board.ring[i]
	n := min(g.len(), c.mss) // a FIN costs nothing
	edge := c.sndUna.Add(c.sndWnd)
	if g.end.After(edge) && int(i) != c.board.head {
		return g.seq.Before(edge) && c.board.flying.first < 0
	}
	return g.seq.Before(edge) && c.inFlight()+n <= max(c.win.Cwnd, n)
}

// resend sends the segment in slot i again, or as much of it as the peer's window
// has room for; what it has no room for stays what it was.
func (c *Conn) resend(now ev.Time, i int32) bool {
	room := max(c.sndUna.Add(c.sndWnd).Sub(c.board.ring[i].seq), 1)
	if c.board.ring[i].segments() > 1 {
		room = min(room, c.mss)
	}
	if n := c.board.ring[i].len(); room < n {
		i = c.board.split(i, room)
	} else if room > n {
		c.refill(i, room-n)
	}
	g := &c.board.ring[i]
	text := g.end
	if text.After(c.snd.end()) {
		text = c.snd.end()
	}
	fin := text != g.end
	n := text.Sub(g.seq)
	c.needTraffic() // a FIN alone has had none
	last, long := c.joinBurst(func() int { return c.lostTogether(i) })
	flight := c.inFlight()
	g.resent = true
	c.probeResent(now, g)
	c.board.become(i, segFlying)
	c.rate.sent(now, g, flight)
	c.loss.resent++
	if g == c.board.first() && !c.is(flagPersist) {
		// What the timer waits for is only now on its way again (RFC 6675, section 5,
		// step 4.3, restarts it here).
		c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff))
	}
	c.transmit(now, textFlags(n, last && long || g.pushed || c.ends(g.seq, n), fin), g.seq, n)
	c.spend(now, n)
	return true
}

// spend takes n bytes sent off the budgets of recovery and of pacing.
func (c *Conn) spend(now ev.Time, n int) {
	if c.loss.phase == phaseRecovery {
		c.loss.prrOut += n
	}
	c.pace(now, n)
}

func (c *Conn) sendSYN(now ev.Time) {
	flags := header.SYN
	if c.state != SynSent {
		flags |= header.ACK
	}
	c.fastOpenAgain(now)
	c.transmit(now, flags, c.iss, c.synText())
}

// nextText says how many bytes from SND.NXT on go into the next segment, and
// whether the FIN goes with them.
func (c *Conn) nextText() (n int, fin bool) {
	offset := c.sndNxt.Sub(c.snd.start)
	queued := c.snd.size - offset // negative when the FIN has been sent
	if queued < 0 || queued == 0 && !c.is(flagFinQueued) {
		return 0, false
	}
	room := c.sndWnd - c.sndNxt.Sub(c.sndUna)
	if c.loss.newOnly == 0 { // what F-RTO sends to find out is not bound to the window
		room = min(room, c.win.Cwnd-c.inFlight())
	}
	n = max(0, min(queued, room, c.mss))
	fin = c.is(flagFinQueued) && n == queued && room > n
	if n == c.mss && !fin {
		return c.longText(queued, room), false
	}
	if fin {
		return n, fin
	}
	if n > 0 && c.worthSending(n, queued) {
		return n, false
	}
	return 0, false
}

// worthSending decides about a segment that is not full: the sender's side of
// silly-window avoidance and Nagle's algorithm (RFC 9293, section 3.8.6.2.1 and
// 3.7.4).
func (c *Conn) worthSending(n, queued int) bool {
	switch {
	case c.sndNxt.Before(c.sndMax): // sent before, as a window probe
		return true
	case c.corked():
		return false
	case n == queued && (c.opts.NoDelay || !c.mustWait()):
		return true
	case n == queued && c.is(flagUrgent):
		return true
	case c.burst.left > 0 && !c.mustWait(): // the end of a burst, as long as the window has room for
		return true
	case 2*n >= c.sndMxW:
		return true
	}
	return false
}

// mustWait is Nagle's condition: something is not acknowledged; or Minshall's, which
// asks only for what was not a full segment itself.
func (c *Conn) mustWait() bool {
	if c.about.Minshall {
		return c.sndSml.After(c.sndUna) && c.sndSml.AtMost(c.sndNxt)
	}
	return c.sndMax != c.sndUna && c.sndMax != c.iss+1
}

// ends reports whether n bytes at seq end what the user has written so far, and he
// has not said that more follows, or that has been waited for long enough.
func (c *Conn) ends(seq header.Seq, n int) bool {
	return n > 0 && seq.Add(n) == c.snd.end() && (!c.is(flagMore) || c.is(flagUncork))
}

// textFlags returns the control bits of a segment with n bytes.
func textFlags(n int, push, fin bool) header.TCPFlags {
	flags := header.ACK
	if n > 0 && push {
		flags |= header.PSH
	}
	if fin {
		flags |= header.FIN
	}
	return flags
}

// startPersist sets the timer of the window probe, which runs in place of the one for
// retransmissions, when there is something to send, nothing outstanding and no window
// for it (RFC 9293, section 3.8.6.1), or only one too small to be worth it (the override
// of section 3.8.6.2.1).
func (c *Conn) startPersist(now ev.Time) {
	if c.paceAt != ev.Never || !c.state.synchronized() ||
		c.board.size > 0 && c.board.flying.first >= 0 {
		return
	}
	if c.snd.size > 0 || c.is(flagFinQueued) && !c.finAcked() {
		c.set(flagPersist)
		c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff))
	}
}

// probe sends one byte, or the FIN, into a shut window (RFC 9293, section
// 3.8.6.1). It is not outstanding data: it is the peer's answer that counts.
func (c *Conn) probe(now ev.Time) {
	if c.about.EmptyProbes && c.snd.size > 0 {
		if c.is(flagUrgent) {
			// A segment with an old number is refused unread, one at SND.UNA is not: its
			// urgent pointer counts though the window is shut (RFC 9293, MUST-66).
			c.transmit(now, header.ACK, c.sndUna, 0)
		}
		c.transmit(now, header.ACK, c.sndUna-1, 0)
		c.set(flagPersist)
		return
	}
	n := min(c.snd.size, 1)
	c.transmit(now, textFlags(n, c.ends(c.sndUna, n), n == 0), c.sndUna, n)
	c.rtt.cancel() // the answer tells how long the window was shut, not the path
	if c.board.size == 0 {
		c.sndNxt = c.sndUna
	}
	c.set(flagPersist)
}

// sendReset tells the peer that the connection is no more (RFC 9293, section
// 3.10.5).
func (c *Conn) sendReset(now ev.Time) {
	if c.state > SynSent {
		c.transmit(now, header.RST|header.ACK, c.emptySeq(), 0)
	}
}
