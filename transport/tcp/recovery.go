package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
)

// phase says what a connection is doing about losses.
type phase uint8

const (
	phaseOpen     phase = iota // nothing is wrong
	phaseRecovery              // fast recovery: RFC 6675, or RFC 6582 without SACK
	phaseLoss                  // after a timeout: RFC 5681, section 3.1
)

// recovery is the state of one loss episode.
type recovery struct {
	phase phase

	// Proportional rate reduction (RFC 6937bis): RecoverFS, prr_delivered, prr_out.
	prrFlight, prrDelivered, prrOut int

	// Without SACK each duplicate acknowledgement stands for a segment delivered.
	dupAcks  int
	dupBytes int

	resent   int        // segments sent again in this episode and not reported as duplicates
	undo     bool       // the reduction may yet be undone
	undoFrom header.Seq // SND.UNA when it was made: what lies before was not its business
	undoTo   header.Seq // SND.NXT when the episode ended; acknowledged, it is too late
	told     span       // the last D-SACK: a duplicated ACK must not count twice
	frto     bool       // F-RTO has not decided yet
	newOnly  int        // F-RTO: new segments to be sent before old ones

	// What has been done for ECN, or instead of it.
	ecnTo   header.Seq
	ecnSlow bool // a window was reduced for ECN and has not been acknowledged yet
}

// dupAckThreshold is how many duplicates tell loss from reordering (RFC 5681,
// section 3.2).
const dupAckThreshold = 3

// ack is what one acknowledgement did, while it is being worked on.
type ack struct {
	now       ev.Time
	acked     int  // bytes cumulatively acknowledged
	segments  int  // and segments
	delivered int  // bytes newly delivered
	lost      int  // bytes newly taken for lost
	sacked    bool // something was selectively acknowledged for the first time
	original  bool // something sent only once has been delivered
	duplicate bool // of RFC 5681, section 2
	ece       bool
	priorPipe int
	flight    int // FlightSize before it (RFC 5681): sent and not cumulatively acknowledged
	dsack     span
	widened   bool       // by it, the reordering window
	fack      header.Seq // RACK.fack before it
	echo      uint32     // TSecr, if echoed
	echoed    bool
	rate      rateSample
}

func (c *Conn) newAck(now ev.Time) *ack {
	c.needFlight()
	a := &c.scratch.ack
	*a = ack{now: now, priorPipe: c.inFlight(), flight: c.sndMax.Sub(c.sndUna), fack: c.rack.fack}
	return a
}

// inFlight estimates how many bytes are in the network.
func (c *Conn) inFlight() int {
	if b := &c.board; c.about.CountSegments && b.size > 0 {
		return max(0, (b.size-b.sackedCount-b.lostCount)*c.mss-c.loss.dupBytes)
	}
	return max(0, c.board.pipe-c.loss.dupBytes)
}

// deliver notes that a segment has arrived, cumulatively or selectively
// acknowledged.
func (c *Conn) deliver(a *ack, g *sentSegment) {
	a.delivered += g.len()
	if !g.resent {
		a.original = a.original || g.end.AtMost(c.recover)
		c.rack.observeRTT(a.now, a.now.Sub(g.sentAt))
	}
	if c.traffic != &noTraffic { // else it is a FIN before which nothing was said
		c.data.delivered += uint32(g.segments())
		c.rate.delivers(a.now, &a.rate, g, c.rack.minRTT)
	}
	// A timestamp echoed from before the repetition shows that the original has
	// arrived (RFC 8985, section 6.2, step 2).
	fresh := !g.resent || !a.echoed || int32(a.echo-c.stamp.clock(g.sentAt)) >= 0
	c.rack.delivers(a.now, g, fresh)
	c.rack.orders(g, a.fack)
}

// takeCumulative takes everything before seq off the scoreboard.
func (c *Conn) takeCumulative(a *ack, seq header.Seq) {
	b := &c.board
	for b.size > 0 {
		g := b.first()
		if g.end.After(seq) {
			if g.seq.Before(seq) {
				if g.state != segSacked { // those are counted
					a.delivered += seq.Sub(g.seq)
				}
				b.cut(seq)
				c.markGap(a, span{g.seq, g.end}, b.coverOf(g))
			}
			break
		}
		if g.state != segSacked {
			c.deliver(a, g)
		}
		a.segments += g.segments()
		b.pop()
	}
	if len(b.sacked) > 0 {
		b.sacked.dropBefore(seq)
	}
	if b.size == 0 {
		b.empty()
	}
}

// respond draws the conclusions of an acknowledgement, or of the reordering timer:
// loss episodes, the congestion control, proportional rate reduction.
func (c *Conn) respond(a *ack) {
	l := &c.loss
	ended := l.phase == phaseRecovery && c.sndUna.AtLeast(c.recover)
	if l.phase != phaseOpen && c.sndUna.AtLeast(c.recover) {
		c.recovered(a)
	}
	if a.lost > 0 && l.phase == phaseOpen && !c.probeLost(a) {
		c.enterRecovery(a)
	}
	if a.ece {
		c.congestionExperienced(a)
	}
	if a.delivered > 0 && c.traffic != &noTraffic && (!ended || c.control().OwnsRecovery()) {
		c.control().Acked(&c.win, c.sample(a))
	}
	if l.phase == phaseRecovery && !c.control().OwnsRecovery() {
		c.reduceRate(a)
	}
}

// sample fills in what the congestion control gets to know.
func (c *Conn) sample(a *ack) *Sample {
	c.needTraffic()
	s := &c.scratch.sample
	*s = Sample{} // field by field, or it would be made elsewhere and copied
	s.Now, s.Acked, s.Delivered, s.Lost = a.now, a.acked, a.delivered, a.lost
	s.PriorInFlight, s.InFlight, s.WindowLimited = a.priorPipe, c.inFlight(), c.windowUsed(a.priorPipe)
	s.MinRTT, s.SRTT, s.ECE = c.rack.minRTT, c.rtt.srtt, a.ece
	s.SndUna, s.SndNxt = c.sndUna, c.sndMax
	if c.about.CountSegments {
		s.Acked = a.segments * c.mss
	}
	if a.rate.valid {
		s.RTT = a.now.Sub(a.rate.sentAt)
	}
	c.rate.finish(&a.rate, s)
	c.data.sampled(s)
	return s
}

// slowDown has the control set the slow-start threshold.
func (c *Conn) slowDown(a *ack, cause Cause) {
	l := &c.loss
	l.undo, l.resent, l.undoFrom, l.told = cause != CauseECN, 0, c.sndUna, span{}
	if c.is(flagECN) {
		// RFC 3168, section 6.1.2: the window is reduced once for all losses and marks
		// of a window, and CWR tells of it "for any reason".
		l.ecnSlow, l.ecnTo = true, c.sndMax
		c.set(flagSendCWR)
	}
	s := c.sample(a)
	// RFC 5681, section 3.2: what limited transmit sent beyond the window "MUST NOT be
	// included in this calculation".
	s.PriorInFlight = min(a.flight, c.win.Cwnd)
	c.control().Congested(&c.win, s, cause)
	if cause != CauseTimeout && !c.control().OwnsRecovery() && l.phase == phaseOpen {
		c.win.Cwnd = min(c.win.Cwnd, c.win.Ssthresh)
	}
}

// enterRecovery begins fast recovery (RFC 6675, section 5, step 4; RFC 6582,
// section 3.2, step 2).
func (c *Conn) enterRecovery(a *ack) {
	l := &c.loss
	l.phase = phaseRecovery
	c.recover = c.sndMax
	l.prrFlight, l.prrDelivered, l.prrOut = max(a.priorPipe, c.mss), 0, 0
	c.win.Recovering = true
	c.tlpAt = ev.Never
	c.tlp.out = false
	c.env.counters().FastRetransmits++
	c.slowDown(a, CauseLoss)
}

// recovered ends an episode.
func (c *Conn) recovered(a *ack) {
	l := &c.loss
	if l.phase == phaseRecovery && !c.control().OwnsRecovery() {
		c.win.Cwnd = c.win.Ssthresh // RFC 6937bis: the reduction is complete
	}
	if !a.widened {
		c.rack.recovered()
	}
	l.phase, l.frto, l.newOnly = phaseOpen, false, 0
	l.undoTo = c.sndMax
	l.dupAcks, l.dupBytes = 0, 0
	c.win.Recovering = false
	c.control().Recovered(&c.win, a.now)
}

// reduceRate is proportional rate reduction (RFC 6937bis, section 6): in recovery
// the window follows what is delivered, down to the slow-start threshold.
func (c *Conn) reduceRate(a *ack) {
	l := &c.loss
	l.prrDelivered += a.delivered
	pipe, ssthresh := c.inFlight(), c.win.Ssthresh
	var send int
	if pipe > ssthresh {
		send = (l.prrDelivered*ssthresh+l.prrFlight-1)/l.prrFlight - l.prrOut
	} else {
		send = max(l.prrDelivered-l.prrOut, a.delivered)
		if a.acked > 0 && a.lost == 0 {
			send += c.mss // SafeACK: the network has room
		}
		send = min(send, ssthresh-pipe)
	}
	if l.prrOut == 0 {
		send = max(send, c.mss) // the fast retransmission itself
	}
	c.win.Cwnd = pipe + max(send, 0)
}

// duplicateACK takes a duplicate acknowledgement of a peer without SACK (RFC 6582,
// section 3.2).
func (c *Conn) duplicateACK(a *ack) {
	l, b := &c.loss, &c.board
	if l.phase == phaseLoss {
		return // it may be for what was sent before the timeout
	}
	l.dupAcks++
	if l.dupBytes+c.mss < b.pipe {
		l.dupBytes += c.mss
		a.delivered += c.mss
	}
	if l.phase == phaseOpen && l.dupAcks == dupAckThreshold && c.sndUna.After(c.recover) {
		c.loseFirst(a)
	}
}

// partialACK takes an acknowledgement of something new, but not of everything that
// was outstanding, in the recovery of a connection without SACK: the next hole
// begins at SND.UNA.
func (c *Conn) partialACK(a *ack) {
	l := &c.loss
	// What the duplicates had stood for is now acknowledged.
	stood := min(l.dupBytes, max(0, a.acked-c.mss))
	l.dupBytes -= stood
	a.delivered = max(0, a.delivered-stood)
	if l.phase == phaseRecovery && c.sndUna.Before(c.recover) {
		c.loseFirst(a)
	}
}

func (c *Conn) loseFirst(a *ack) {
	if b := &c.board; b.size > 0 && b.first().state == segFlying {
		b.splitAt(b.first().seq.Add(int(b.first().size)))
		c.lose(a, int32(b.head))
	}
}

// timeout is the expiry of the retransmission timer (RFC 6298, 5.4 to 5.6; RFC
// 5681, section 3.1).
func (c *Conn) timeout(now ev.Time) {
	c.needFlight()
	if c.givesUp(now) {
		err := c.soft
		if err == nil {
			err = syscall.ETIMEDOUT
		}
		c.destroy(err)
		return
	}
	c.env.counters().Timeouts++
	c.needTraffic().data.timeouts++
	c.pathTimeout(now)
	if c.is(flagSynAcked) {
		c.loseEverything(now)
	} else {
		c.sndNxt = c.iss
	}
	c.retries++
	if c.backoff < 30 && (c.state != SynSent || int(c.retries) > c.about.SynLinear) {
		c.backoff++
	}
	c.rtt.cancel()
	c.tlp.out = false
	c.rackAt, c.tlpAt = ev.Never, ev.Never
	c.rtoAt = ev.Never // Output starts it again, backed off
}

// loseEverything begins the recovery after a timeout: nothing that was on its way
// is believed to be there any more.
func (c *Conn) loseEverything(now ev.Time) {
	l, b := &c.loss, &c.board
	a := c.newAck(now)
	if b.size > 0 && b.first().state == segSacked {
		// The peer has reported what it does not acknowledge: it has thrown it away
		// (RFC 2018, section 8).
		c.env.counters().Reneged++
		b.forgetSACKs()
	}
	for n := range b.size { // in the order of sequence numbers
		switch i := b.slot(n); b.ring[i].state {
		case segFlying:
			c.lose(a, i)
		case segLost:
			b.become(i, segLost)
		}
	}
	l.dupAcks, l.dupBytes = 0, 0
	// RFC 5681: "when a TCP sender detects segment loss using the retransmission
	// timer and the given segment has already been resent ... ssthresh is held
	// constant".
	if first := c.retries == 0; first {
		// RFC 5682, section 3.1, step 1: not if a loss is being repaired already.
		l.frto = c.is(flagSACK) && l.phase == phaseOpen && c.sndUna.After(c.recover)
		c.slowDown(a, CauseTimeout)
	} else {
		l.frto = false
	}
	l.phase, l.newOnly = phaseLoss, 0
	c.recover = c.sndMax
	c.win.Recovering = true
	c.win.Cwnd = c.mss // the loss window
	c.win.Acked = 0
}

// retryLimit is how often the present segment is sent again before the
// connection fails: R2 of RFC 9293, section 3.8.3.
func (c *Conn) retryLimit() int {
	switch {
	case c.state == SynSent:
		return c.synRetries() + c.about.SynLinear
	case !c.is(flagSynAcked):
		return c.about.SynAckRetries
	}
	return c.about.DataRetries
}

// synRetries is how often the user has a SYN sent again.
func (c *Conn) synRetries() int {
	if c.opts.SynRetries > 0 {
		return c.opts.SynRetries
	}
	return c.about.SynRetries
}
