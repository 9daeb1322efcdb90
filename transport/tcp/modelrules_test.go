package tcp

import (
	ev "septet/event"
	"septet/header"
)

// checkSent holds the rules for a segment on its way out: acknowledgements and
// right edges never move back (RFC 9293, section 3.8.6), text is what the user
// wrote and lies in the window that the host has heard of, or is a probe's byte.
func (h *modelHost) checkSent(c *Conn, s *Segment) {
	if s.Flags.Has(header.ACK) && !s.Flags.Has(header.RST) {
		if old, ok := h.acks[c]; ok && s.Ack.Before(old) {
			h.w.breaks("%s acknowledges %d after %d", h, s.Ack, old)
		}
		h.acks[c] = s.Ack
		edge := s.Ack.Add(int(s.Window))
		if old, ok := h.edges[c]; ok && edge.Before(old) {
			h.w.breaks("%s moves the right edge of its window back by %d", h, old.Sub(edge))
		}
		h.edges[c] = edge
	}
	n := len(s.Text) + len(s.rest)
	if n == 0 || c != h.conn {
		return
	}
	at := s.Seq.Sub(c.iss) - 1
	if at < 0 || at+n > h.wrote+c.stillOpening(h) {
		h.w.breaks("%s sends bytes %d to %d of %d", h, at, at+n, h.wrote)
		return
	}
	text := append(append([]byte{}, s.Text...), s.rest...)
	if string(text) != string(h.content(at, n)) {
		h.w.breaks("%s sends bytes at %d that its user has not written there", h, at)
	}
	probe := n == 1 && s.Seq == c.sndUna
	if h.heard && s.Seq.Add(n).After(h.reach) && !probe {
		h.w.breaks("%s sends %d bytes beyond the window", h, s.Seq.Add(n).Sub(h.reach))
	}
}

// opening is how much more than the user knows of may be sent: the bytes of the
// Write that has not returned yet.
func (c *Conn) stillOpening(h *modelHost) int {
	if u, ok := h.present(); ok && u.verb == callWrite {
		return u.n
	}
	return 0
}

// check holds the rules that every state must keep.
func (w *world) check() {
	for _, h := range w.hosts {
		if n := h.tcp.stats.InvalidTransitions; n != 0 {
			w.breaks("%s has taken a transition that is not in the table", h)
		}
		if h.got > h.other().wrote {
			w.breaks("%s has read more than %s wrote", h, h.other())
		}
		h.tcp.table.each(func(c *Conn) { h.checkConn(c) })
	}
}

func (h *modelHost) checkConn(c *Conn) {
	w := h.w
	if !c.sndUna.AtMost(c.sndNxt) || !c.sndNxt.AtMost(c.sndMax) {
		w.breaks("%s: SND.UNA %d, SND.NXT %d and SND.MAX %d are not in order", h, c.sndUna, c.sndNxt, c.sndMax)
	}
	if c.is(flagSynAcked) {
		// A probe's byte or a FIN may lie one beyond.
		if out := c.sndMax.Sub(c.sndUna); out > c.sndMxW+1 {
			w.breaks("%s: %d bytes outstanding, but the window was never more than %d", h, out, c.sndMxW)
		}
		if c.snd.start != c.sndUna && !c.finAcked() {
			w.breaks("%s: the send buffer begins at %d, SND.UNA is %d", h, c.snd.start, c.sndUna)
		}
		h.checkBoard(c)
	}
	if c.state > SynSent {
		held := c.rcv.size
		if n := len(c.rcv.ahead); n > 0 {
			held += c.rcv.ahead[n-1].right.Sub(c.rcvNxt)
		}
		if held > c.rcv.limit {
			w.breaks("%s holds %d received bytes in a buffer of %d", h, held, c.rcv.limit)
		}
		if c.rcvAdv.Sub(c.rcvNxt) < -1 {
			w.breaks("%s: RCV.NXT is beyond the window told", h)
		}
	}
	if c.is(flagAckNow) && c.state > SynSent {
		w.breaks("%s: an acknowledgement is due and was not sent", h)
	}
	h.checkTimers(c)
}

// checkTimers: whatever waits for something that may never come has a timer.
func (h *modelHost) checkTimers(c *Conn) {
	w := h.w
	if d := c.Deadline(); d != c.timer.When() {
		w.breaks("%s: the timer is set to %v, the deadline is %v", h, c.timer.When(), d)
	}
	if c.Deadline() <= w.loop.Now() {
		w.breaks("%s: a deadline has passed", h)
	}
	outstanding := c.sndUna != c.sndMax
	held := c.is(flagSynAcked) && (c.snd.size > 0 || c.is(flagFinQueued) && !c.finAcked())
	if (outstanding || held) && c.rtoAt == ev.Never && c.paceAt == ev.Never {
		w.breaks("%s in %v: %d bytes outstanding, %d queued, and no timer", h, c.state, c.sndMax.Sub(c.sndUna), c.snd.size)
	}
	if c.state == TimeWait && c.keepAt == ev.Never {
		w.breaks("%s: TIME-WAIT without an end", h)
	}
	if c.state == TimeWait && held {
		w.breaks("%s: TIME-WAIT with something to send", h)
	}
}

// checkBoard counts the scoreboard again.
func (h *modelHost) checkBoard(c *Conn) {
	b, w := &c.board, h.w
	pipe, sacked, flying, lost := 0, 0, 0, 0
	for n := range b.size {
		g := b.at(n)
		if n > 0 && g.seq != b.at(n-1).end {
			w.breaks("%s: a gap in the scoreboard before %d", h, g.seq)
		}
		if g.len() <= 0 {
			w.breaks("%s: an empty segment in the scoreboard", h)
		}
		switch g.state {
		case segFlying:
			pipe += g.len()
			flying++
		case segLost:
			lost++
		case segSacked:
			sacked += g.segments()
		}
	}
	if b.size > 0 && (b.first().seq != c.sndUna || b.end() != c.sndNxt) {
		w.breaks("%s: the scoreboard has %d to %d, SND.UNA is %d and SND.NXT %d",
			h, b.first().seq, b.end(), c.sndUna, c.sndNxt)
	}
	if b.size == 0 && c.sndUna != c.sndNxt {
		w.breaks("%s: %d bytes sent are not in the scoreboard", h, c.sndNxt.Sub(c.sndUna))
	}
	if pipe != b.pipe || sacked != b.sackedCount ||
		flying != b.count(b.flying, segFlying) || lost != b.count(b.lost, segLost) {
		w.breaks("%s: the scoreboard's books say pipe %d, sacked %d, but it is %d and %d", h, b.pipe, b.sackedCount, pipe, sacked)
	}
}

// count walks a chain; -1: not all of its segments are in that state.
func (b *scoreboard) count(q chain, s segmentState) (n int) {
	for i := q.first; b.size > 0 && i >= 0; i = b.ring[i].next {
		if b.ring[i].state != s || n > b.size {
			return -1
		}
		n++
	}
	return n
}

// checkEnd holds the rules for a state in which nothing can happen any more: the
// hosts agree, and nothing is left of the connection.
func (w *world) checkEnd() {
	graceful := w.program.graceful
	for _, h := range w.hosts {
		o := h.other()
		u, more := h.present()
		switch {
		case more && u.verb == callAccept:
			// Nobody came. Then nobody may believe that he was accepted.
			if graceful {
				w.breaks("%s has never been able to accept", h)
			}
		case more:
			w.breaks("%s waits in %s for ever", h, verbNames[u.verb])
		}
		if graceful && h.err != nil {
			w.breaks("%s gets the error %v", h, h.err)
		}
		if graceful && h.conn != nil && h.conn.err != nil {
			w.breaks("the connection of %s has ended with %v", h, h.conn.err)
		}
		if graceful && h.got != o.wrote && h.reads() {
			w.breaks("%s has read %d of %d bytes", h, h.got, o.wrote)
		}
		if h.eof && h.got != o.wrote {
			w.breaks("%s has read to the end and got %d of %d bytes", h, h.got, o.wrote)
		}
		if h.eof && o.conn != nil && o.aborted && !o.closedBefore() {
			w.breaks("%s takes an abort for an end", h)
		}
		if h.eof && o.refused {
			w.breaks("%s reads to the end in peace, but %s has thrown its bytes away", h, o)
		}
		h.checkDelivered()
		h.checkTold()
	}
	w.checkNothingLeft()
}

// closedBefore reports whether a FIN of this host can have been sent before it
// aborted.
func (h *modelHost) closedBefore() bool { return h.conn.is(flagFinSent) }

// reads reports whether the user's program reads.
func (h *modelHost) reads() bool {
	for _, u := range h.w.program.users[h.index] {
		if u.verb == callDrain {
			return true
		}
	}
	return false
}

// checkDelivered: who has written and closed, and has seen no error and will see
// none, has had everything delivered, unless the other user has let go of it.
func (h *modelHost) checkDelivered() {
	o := h.other()
	if h.conn == nil || h.err != nil || h.conn.err != nil || h.aborted || h.refused || !h.finished {
		return
	}
	if o.conn == nil || o.aborted || o.refused || o.finished && !o.eof && o.err == nil {
		return
	}
	if o.err != nil && h.wrote > 0 {
		h.w.breaks("%s has ended well, but %s sees %v", h, o, o.err)
	}
	if o.err == nil && o.got != h.wrote && o.reads() {
		h.w.breaks("%s has ended well, but %s has got %d of %d bytes", h, o, o.got, h.wrote)
	}
}

// checkTold: bytes that nobody has read do not vanish without a word: their writer
// sees an error, or at least was sent a reset.
func (h *modelHost) checkTold() {
	o := h.other()
	if h.conn == nil || h.aborted || h.refused || h.err != nil || h.conn.err != nil || h.wrote <= o.got {
		return
	}
	if o.tcp.stats.ResetsSent == 0 {
		h.w.breaks("%d bytes of %s have vanished, and nobody was told", h.wrote-o.got, h)
	}
}

func (w *world) checkNothingLeft() {
	for _, h := range w.hosts {
		if h.listener != nil {
			h.listener.Close()
		}
		if h.tcp.table.count != 0 {
			h.tcp.table.each(func(c *Conn) {
				w.breaks("%s still has a connection, in %v, that nothing will end", h, c.state)
			})
		}
		if len(h.tcp.ports) != 0 || h.tcp.implicit.total != 0 {
			w.breaks("%s: ports are still taken: %v", h, h.tcp.ports)
		}
		if c := h.conn; c != nil && (c.snd.mem != nil || c.rcv.mem != nil && c.rcv.size == 0 || c.board.ring != nil) {
			w.breaks("%s: the connection has ended and still holds memory", h)
		}
	}
	if n := w.pool.Live(); n != 0 {
		w.breaks("%d packets are lost", n)
	}
}
