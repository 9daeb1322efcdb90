package tcp

import "septet/header"

// What is sent again need not be cut into segments as it was at first (RFC 9293,
// section 3.8.1).

// refill has what is lost behind the segment in slot i go with it, as far as a full
// segment and the windows have room: what splitting has left is made up again, and a FIN
// that was sent by itself goes with the last of the text. room is the peer's.
func (c *Conn) refill(i int32, room int) {
	b := &c.board
	k := (int(i) - b.head) & (len(b.ring) - 1)
	if k+1 == b.size || b.at(k+1).state != segLost {
		return
	}
	g, next := &b.ring[i], b.at(k+1)
	if next.seq == c.snd.end() {
		b.joinLast(i) // which is the FIN
		return
	}
	n := g.len()
	n = min(c.mss-n, room, c.win.Cwnd-c.inFlight()-n)
	if n > 0 && !g.pushed && n < next.len() {
		b.resize(g, g.seq, g.end.Add(n))
		b.resize(next, g.end, next.end)
	}
}

// split cuts the segment in slot i, which is on its way or lost, behind its first n
// bytes. It returns the slot of the first part; the second stays what it was, behind it
// in its chain. Those before the segment move, so the oldest costs nothing.
func (b *scoreboard) split(i int32, n int) int32 {
	k := (int(i) - b.head) & (len(b.ring) - 1)
	if b.size == len(b.ring) {
		b.grow()
	}
	b.head = (b.head - 1) & (len(b.ring) - 1)
	b.size++
	for m := range k {
		b.move(b.slot(m+1), b.slot(m))
	}
	front, rest := b.slot(k), b.at(k+1)
	part := &b.ring[front]
	*part = *rest
	b.tally(rest, -1)
	part.end = rest.seq.Add(n)
	part.pushed, part.last = false, true
	rest.seq = part.end
	b.tally(part, 1)
	b.tally(rest, 1)
	q := &b.flying
	if rest.state == segLost {
		q = &b.lost
	}
	part.next, rest.prev = b.slot(k+1), front
	q.relink(b.ring, front)
	return front
}

// splitAt cuts what stands for several segments where one of them begins at seq.
func (b *scoreboard) splitAt(seq header.Seq) {
	n := b.find(seq)
	if n == b.size {
		return
	}
	g := b.at(n)
	if at := seq.Sub(g.seq); g.segments() > 1 && g.state != segSacked && at > 0 && at%int(g.size) == 0 {
		b.split(b.slot(n), at)
	}
}

// splitLast cuts the last of the segments that the one in slot i stands for off. It
// returns its slot.
func (b *scoreboard) splitLast(i int32) int32 {
	g := &b.ring[i]
	if n := g.segments(); n > 1 {
		end := g.end
		b.splitAt(g.seq.Add((n - 1) * int(g.size)))
		return b.slot(b.find(end - 1))
	}
	return i
}

// move puts the segment in slot i into slot j, which is free.
func (b *scoreboard) move(i, j int32) {
	b.ring[j] = b.ring[i]
	switch b.ring[j].state {
	case segFlying:
		b.flying.relink(b.ring, j)
	case segLost:
		b.lost.relink(b.ring, j)
	}
}

// relink tells the neighbours of the segment in slot i where it now is.
func (q *chain) relink(ring []sentSegment, i int32) {
	g := &ring[i]
	if g.prev >= 0 {
		ring[g.prev].next = i
	} else {
		q.first = i
	}
	if g.next >= 0 {
		ring[g.next].prev = i
	} else {
		q.last = i
	}
}

// joinLast makes one of the last segment and the one before it, in slot i and not
// on its way.
func (b *scoreboard) joinLast(i int32) {
	last := b.slot(b.size - 1)
	b.leave(last)
	b.size--
	b.resize(&b.ring[i], b.ring[i].seq, b.ring[last].end)
}

// recut forgets how the unacknowledged data was cut into segments, because the
// path does not carry ones of that length any more. What lies behind the last
// selective acknowledgement counts as not sent; what lies before it becomes lost
// segments of at most n bytes. It returns where the first part begins.
func (b *scoreboard) recut(una header.Seq, n int) (unsent header.Seq) {
	old := *b
	*b = scoreboard{flying: emptyChain, lost: emptyChain, sacked: old.sacked}
	unsent = una
	for k := range old.size {
		g := old.at(k)
		if g.state != segSacked {
			continue
		}
		for seq := unsent; seq.Before(g.seq); {
			end := seq.Add(min(n, g.seq.Sub(seq)))
			b.add(seq, end).resent = true
			b.become(b.slot(b.size-1), segLost)
			seq = end
		}
		b.add(g.seq, g.end)
		b.become(b.slot(b.size-1), segSacked)
		unsent = g.end
	}
	return unsent
}
