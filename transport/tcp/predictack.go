package tcp

import (
	ev "septet/event"
	"septet/header"
)

// A stream has its ordinary acknowledgement too: mostly every second segment is
// acknowledged (RFC 5681, section 4.2), and others are on their way.

// theFirst returns how many segments, the first on the scoreboard, a predicted one
// acknowledges, if all of them are whole, were sent once and in order, and nothing that
// was sent after them has been heard of, while no loss, probe or reduction waits for what
// acknowledgements say; otherwise zero.
func (c *Conn) theFirst(s *Segment) int {
	b, l, k := &c.board, &c.loss, &c.rack
	if s.Ack == c.sndUna || b.size == 0 || b.flying.first != int32(b.head) || b.first().seq != c.sndUna ||
		len(b.sacked) > 0 || b.lostCount > 0 || s.Options.NumSACK > 0 ||
		l.phase != phaseOpen || l.undo || l.frto || c.tlp.out ||
		// Nothing of this was overtaken (RFC 8985, section 6.2, step 3).
		k.fack.After(c.sndUna) ||
		!c.is(flagSACK) || c.seldom != &usual || c.about.CountSegments {
		return 0
	}
	for n, i := 1, int32(b.head); i >= 0; n++ {
		g := &b.ring[i]
		switch {
		case g.resent || g.end.After(s.Ack):
			return 0
		case g.end == s.Ack && !sentAfter(k.xmitTs, k.endSeq, g.sentAt, g.end):
			return n
		}
		if i = g.next; i != b.slot(n) {
			return 0
		}
	}
	return 0
}

// takeFirst is takeACK for the acknowledgement of the first n segments, of which theFirst
// has told. What is left on the scoreboard was sent after them, so no loss can be found
// there (RFC 8985, section 6.2, step 5).
func (c *Conn) takeFirst(now ev.Time, s *Segment, n int) {
	b, prior := &c.board, c.board.pipe
	c.measure(now, s)
	c.retries = 0
	c.path.Confirm() // RFC 4861, section 7.3.1: forward progress

	last, out := b.at(n-1), &c.scratch.sample
	c.deliverFirst(now, n, s.Ack.Sub(c.sndUna), out)
	sendElapsed, deliveredAt := last.sentAt.Sub(last.firstSentAt), last.deliveredAt
	b.popFirst(n)
	c.loans.CallIn(s.Ack)
	c.snd.acknowledge(c.store, s.Ack, c.is(flagWarm))
	c.passed(now, s.Ack)
	c.tuneSend()
	c.sizes.passed(c.sndUna)
	c.roomMade()

	out.PriorInFlight, out.InFlight, out.WindowLimited = prior, b.pipe, c.windowUsed(prior)
	out.MinRTT, out.SRTT, out.SndUna, out.SndNxt = c.rack.minRTT, c.rtt.srtt, c.sndUna, c.sndMax
	c.rate.total(out)
	c.rate.measure(out, sendElapsed, deliveredAt)
	c.data.sampled(out)
	c.ctrl.Acked(&c.win, out)
	c.scheduleProbe(now)
}

// deliverFirst is deliver for the first n segments, of acked bytes. Of several that were
// sent once and in order, the last is what decides.
func (c *Conn) deliverFirst(now ev.Time, n, acked int, out *Sample) {
	b, k, r := &c.board, &c.rack, &c.rate
	for i := range n {
		c.data.delivered += uint32(b.at(i).segments())
	}
	last := b.at(n - 1)
	rtt := now.Sub(last.sentAt)
	k.observeRTT(now, rtt)
	k.delivers(now, last, true)
	k.fack = last.end
	r.delivered += int64(acked)
	r.deliveredAt, r.firstSentAt = now, last.sentAt
	*out = Sample{}
	out.Now, out.RTT, out.Acked, out.Delivered = now, rtt, acked, acked
	out.PriorDelivered, out.PriorLost = last.delivered, last.lostBefore
	out.AppLimited, out.TxInFlight = last.limited, last.inFlight
}

// passed moves SND.UNA to una, and the timers with it.
func (c *Conn) passed(now ev.Time, una header.Seq) {
	c.sndUna = una
	if c.sndNxt.Before(una) {
		c.sndNxt = una
	}
	c.rackAt, c.rtoAt = ev.Never, ev.Never // RFC 6298, 5.2
	if una != c.sndMax {
		c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff)) // 5.3
	}
	if una.After(c.recover) {
		c.recover = una - 1 // kept near, so that it stays comparable
	}
}
