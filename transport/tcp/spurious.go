package tcp

import (
	"cmp"
	"slices"
)

// checkSpurious asks whether the last reduction was a mistake: the answers of RFC
// 5682 (F-RTO) after a timeout, and of D-SACK (RFC 2883, RFC 3708) at any time.
func (c *Conn) checkSpurious(a *ack) {
	if a.dsack.left != a.dsack.right && c.needless(a.dsack) {
		c.undoReduction()
	} else if c.loss.frto {
		c.decideFRTO(a)
	}
}

// needless takes a D-SACK and reports whether now every segment that the episode
// has sent again has arrived twice (RFC 3708, section 2). A tail loss probe that
// arrived twice says nothing about the losses that were repaired after it.
func (c *Conn) needless(x span) bool {
	l := &c.loss
	if !l.undo || l.resent == 0 || x.left.Before(l.undoFrom) || x == l.told ||
		c.tlp.isResent && x.right == c.tlp.endSeq {
		return false
	}
	l.told = x
	l.resent--
	return l.resent == 0
}

// decideFRTO is RFC 5682, section 3.1 (the SACK form), for an acknowledgement after
// a timeout: if something that was sent only once, before it, is delivered after
// it, not everything had been lost. Like Linux we believe that in step 2 already,
// where there may be no new data to send; the price is that a timeout for lost
// acknowledgements is taken for one of the path's delay.
func (c *Conn) decideFRTO(a *ack) {
	l := &c.loss
	switch {
	case a.original:
		l.frto = false
		c.env.counters().SpuriousTimeouts++
		c.undoReduction()
	case c.sndUna.AtLeast(c.recover):
		l.frto = false // step 2a: the one segment was all there was
	case c.sndMax.After(c.recover):
		// Step 3a: what is acknowledged is the repetition or what was sent after it,
		// so the rest was lost. Step 3c: an acknowledgement of nothing decides nothing.
		if a.acked > 0 || a.sacked {
			l.frto, l.newOnly = false, 0
		}
	case a.acked > 0:
		// Step 2b: "transmit up to two new (previously unsent) segments" and see.
		l.newOnly = 2
	}
}

// awaitsVerdict reports whether F-RTO has sent its new segments and waits for what
// their acknowledgements say. Until then nothing may be sent again.
func (c *Conn) awaitsVerdict() bool {
	return c.loss.frto && c.loss.newOnly == 0 && c.sndMax.After(c.recover)
}

// giveUpFRTO ends step 2b when there is nothing new to send. If not even one segment
// could be, the old ones are sent again at once: it reports whether that is so.
func (c *Conn) giveUpFRTO() (resend bool) {
	l := &c.loss
	if l.newOnly == 0 {
		return false
	}
	l.newOnly = 0
	if resend = c.sndMax == c.recover; resend {
		l.frto = false
	}
	return resend
}

// undoReduction restores the window, and takes what was called lost for being on
// its way after all.
func (c *Conn) undoReduction() {
	l := &c.loss
	if !l.undo {
		return
	}
	l.undo, l.frto, l.newOnly, l.resent = false, false, 0, 0
	c.board.findLost()
	l.phase = phaseOpen
	c.win.Recovering = false
	c.control().Undo(&c.win)
	c.env.counters().Undone++
}

// findLost puts what is lost back among the segments on their way, each at its
// place in the order of sending.
func (b *scoreboard) findLost() {
	if b.size == 0 || b.lost.first < 0 {
		return
	}
	for b.lost.first >= 0 {
		b.become(b.lost.first, segFlying)
	}
	var order []int32
	for i := b.flying.first; i >= 0; i = b.ring[i].next {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(i, j int32) int {
		g, h := &b.ring[i], &b.ring[j]
		return cmp.Or(cmp.Compare(g.sentAt, h.sentAt), g.end.Sub(h.end))
	})
	b.flying = emptyChain
	for _, i := range order {
		b.flying.push(b.ring, i)
	}
}
