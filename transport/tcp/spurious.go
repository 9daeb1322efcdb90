package tcp

// checkSpurious asks whether the last reduction was a mistake: the answers of RFC
// 5682 (F-RTO) after a timeout, and of D-SACK (RFC 2883, RFC 3708) at any time.
func (c *Conn) checkSpurious(a *ack) {
	l := &c.loss
	if a.dsack.left != a.dsack.right {
		c.rack.duplicates(c.sndUna, c.sndMax)
		if l.undo && l.resent > 0 {
			if l.resent--; l.resent == 0 {
				c.undoReduction()
				return
			}
		}
	}
	if l.frto {
		c.decideFRTO(a)
	}
}

// decideFRTO is RFC 5682, section 3.1 (the SACK form): if something that was sent
// only once, before the timeout, is delivered after it, nothing had been lost.
func (c *Conn) decideFRTO(a *ack) {
	l := &c.loss
	switch {
	case a.original:
		l.frto = false
		c.env.counters().SpuriousTimeouts++
		c.undoReduction()
	case c.sndUna.AtLeast(l.point) || a.acked == 0 || l.newOnly > 0:
		// Everything is acknowledged, or a second acknowledgement shows nothing
		// that had not been sent again: the losses were real.
		l.frto, l.newOnly = false, 0
	default:
		// Step 2b: "transmit up to two new (previously unsent) segments" and see.
		l.newOnly = 2
		c.win.Cwnd = max(c.win.Cwnd, c.inFlight()+2*c.mss)
	}
}

// undoReduction restores the window, and takes what was called lost for being on
// its way after all.
func (c *Conn) undoReduction() {
	l, b := &c.loss, &c.board
	if !l.undo {
		return
	}
	l.undo, l.frto, l.newOnly, l.resent = false, false, 0, 0
	for b.size > 0 && b.lost.first >= 0 {
		b.become(b.lost.first, segFlying)
	}
	l.phase = phaseOpen
	c.win.Recovering = false
	c.ctrl.Undo(&c.win)
	c.env.counters().Undone++
}
