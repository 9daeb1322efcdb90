package tcp

import (
	ev "septet/event"
	"septet/header"
)

// The search for a larger path MTU (RFC 4821, section 7): one segment of new data
// that is larger than the others. If it is acknowledged all may be so large; if
// it is lost that says something about the MTU and nothing about congestion.

// searchTop returns the largest packet worth trying.
func (c *Conn) searchTop() int {
	return min(c.path.MTU(), int(c.peerMSS)+c.path.HeaderLen()+header.TCPLen)
}

// raiseMTU begins to try larger packets when the limit has become old.
func (c *Conn) raiseMTU(now ev.Time) {
	m := &c.mtu
	if m.limit == 0 || m.high > 0 || m.hole || now < m.raiseAt {
		return
	}
	top := c.searchTop()
	switch {
	case m.limit >= top:
		m.limit = 0
	case c.about.ProbePathMTU:
		m.high = top
	default:
		// RFC 1191, section 6.3: back to the interface's MTU; if that is too large
		// still, a router will say so.
		m.limit, c.sizes.acked = 0, min(c.sizes.acked, uint16(c.fullPacket()))
		c.setMSS(c.path.MTU())
	}
}

// probeSize returns the size of the next probe: first the whole, then the middle
// of what is left. Zero ends the search.
func (c *Conn) probeSize() int {
	m := &c.mtu
	switch top := c.searchTop(); {
	case m.high-m.limit < searchEnd && m.high < top || m.high <= m.limit:
		return 0
	case m.high >= top:
		return top
	}
	return (m.limit + m.high + 1) / 2
}

// probePath sends a probe if one is due and what the connection has to send, and
// may send, is enough for the peer's acknowledgements to tell its loss. It reports
// whether the congestion window must first make room for it, and nothing else be
// sent meanwhile (RFC 4821, section 7.4, allows that).
func (c *Conn) probePath(now ev.Time) (wait bool) {
	c.raiseMTU(now)
	m := &c.mtu
	if m.high == 0 || m.probe > 0 || m.hole || !c.is(flagSynAcked) || c.retries > 0 ||
		c.sndNxt != c.sndMax || c.loss.phase != phaseOpen || c.board.size > 0 && c.board.lost.first >= 0 {
		return false
	}
	size := c.probeSize()
	if size == 0 {
		m.high, m.raiseAt = 0, now.Add(raiseTime)
		return false
	}
	n := size - c.overhead()
	needed := n + dupAckThreshold*c.mss
	if c.snd.end().Sub(c.sndNxt) < needed ||
		c.sndWnd-c.sndNxt.Sub(c.sndUna) < needed || c.win.Cwnd < needed {
		return false
	}
	if c.win.Cwnd-c.inFlight() < n {
		return c.inFlight() > 0
	}
	c.env.counters().PathProbes++
	m.probe, m.probeSeq = size, c.sndNxt
	c.sendProbe(now, c.sndNxt, n)
	return false
}

// sendProbe sends n bytes in one segment, and notes them as several of the usual
// size, which is how they are sent again should they be lost.
func (c *Conn) sendProbe(now ev.Time, seq header.Seq, n int) {
	c.needFlight()
	c.control()
	for end := seq.Add(n); seq.Before(end); {
		flight := c.inFlight()
		next := seq.Add(min(c.mss, end.Sub(seq)))
		c.rate.sent(now, c.board.add(seq, next), flight)
		seq = next
	}
	c.transmit(now, header.ACK, c.mtu.probeSeq, n)
	c.spend(now, n)
}

// isProbe reports whether the segment that begins at seq is the probe: the only one that
// is longer than a full one, and not sent as several.
func (c *Conn) isProbe(seq header.Seq) bool { return c.mtu.probe > 0 && seq == c.mtu.probeSeq }

// probePassed raises the limit to the size of the probe.
func (c *Conn) probePassed(now ev.Time) {
	m := &c.mtu
	m.limit, m.probe = m.probe, 0
	c.sizes.acked = max(c.sizes.acked, uint16(m.limit))
	c.setMSS(m.limit)
	if m.limit >= c.searchTop() {
		m.high = 0
		if m.limit >= c.path.MTU() {
			m.limit = 0
		}
	}
	c.env.rememberPath(c, c.pathLimit())
}

// probeFailed lowers the search's upper end.
func (c *Conn) probeFailed(ev.Time) {
	m := &c.mtu
	m.high, m.probe = m.probe-1, 0
	if int(c.sizes.onWay) > m.high {
		c.sizes.onWay = 0
	}
}

// probeLost is asked when segments are found lost: whether they are the probe and
// nothing else. RFC 4821, section 7.6.2: that is no sign of congestion. The rest
// of the probe is lost with them.
func (c *Conn) probeLost(a *ack) bool {
	m, b := &c.mtu, &c.board
	if m.probe == 0 {
		return false
	}
	end := m.probeSeq.Add(m.probe - c.overhead())
	lost := 0
	for n := b.find(m.probeSeq); n < b.size && b.at(n).seq.Before(end); n++ {
		if b.at(n).state == segLost {
			lost += b.at(n).len()
		}
	}
	if lost == 0 {
		return false
	}
	alone := lost >= a.lost
	for n := b.find(m.probeSeq); n < b.size && b.at(n).seq.Before(end); n++ {
		if i := b.slot(n); b.ring[i].state == segFlying {
			c.lose(a, i)
		}
	}
	c.probeFailed(a.now)
	return alone
}

// probeResent gives a probe up of which g, a part, is sent again in its own small
// segment: an acknowledgement would no longer show that the whole has passed.
func (c *Conn) probeResent(now ev.Time, g *sentSegment) {
	m := &c.mtu
	if m.probe > 0 && g.seq.InWindow(m.probeSeq, m.probe-c.overhead()) {
		c.probeFailed(now)
	}
}

// rememberPath keeps the MTU of a path.
func (l *Layer) rememberPath(c *Conn, mtu int) {
	if c.opts.SourceRoute != nil {
		return // it is not the way that others go
	}
	*l.paths.add(c.path.Dst()) = pathEstimate{mtu, l.loop.Now()}
}

// recallPath gives a new connection what is remembered of its path, if that is
// not too old.
func (l *Layer) recallPath(c *Conn) {
	known := l.paths.find(c.path.Dst())
	if known == nil || c.opts.SourceRoute != nil || known.mtu >= c.path.MTU() {
		return
	}
	if raiseAt := known.at.Add(raiseTime); l.loop.Now() < raiseAt {
		m := &c.needSeldom().mtu
		m.limit, m.raiseAt = known.mtu, raiseAt
	}
}
