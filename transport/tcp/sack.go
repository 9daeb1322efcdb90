package tcp

import "septet/header"

// maxSACKRanges caps how many ranges of the peer's reports are remembered.
const maxSACKRanges = maxRanges

// takeSACK takes the selective acknowledgements of a segment (RFC 2018, section 5;
// RFC 6675, section 4). Only what a report says for the first time costs more than
// a look.
func (c *Conn) takeSACK(a *ack, s *Segment) {
	blocks := s.Options.SACK[:s.Options.NumSACK]
	for i, block := range blocks {
		x := span{block.Left, block.Right}
		if c.isDSACK(i, x, blocks, s.Ack) {
			a.dsack = x
			c.env.counters().DSACKsIn++
			c.needTraffic().data.duplicates++
			continue
		}
		if x.left.Before(s.Ack) || !x.left.Before(x.right) || x.right.After(c.sndMax) {
			c.env.counters().BadSACK++
			continue
		}
		if x.left.After(c.sndUna) || x.right.After(c.sndUna) {
			c.mark(a, x)
		}
	}
}

// isDSACK reports whether the first block tells of a segment received twice (RFC
// 2883, section 4): it lies below the acknowledgement, or inside the second block.
// What is further back than the largest window the peer ever had cannot be on its
// way any more, and is not compared: sequence numbers wrap.
func (c *Conn) isDSACK(i int, x span, blocks []header.SACKBlock, ack header.Seq) bool {
	if i != 0 || !x.left.Before(x.right) || x.right.After(c.sndMax) ||
		x.left.Before(c.sndUna.Add(-c.sndMxW)) {
		return false
	}
	if x.right.AtMost(ack) {
		return true
	}
	return len(blocks) > 1 && x.left.AtLeast(blocks[1].Left) && x.right.AtMost(blocks[1].Right)
}

// mark notes the segments of x that have not been reported before. It looks only
// at those that reach into what is new in x: a block that grows by a segment with
// every acknowledgement costs a segment each time.
func (c *Conn) mark(a *ack, x span) {
	b := &c.board
	if b.size == 0 {
		return
	}
	if end := b.end(); x.right.After(end) {
		x.right = end // the rest counts as not sent, see recut
	}
	if !x.left.Before(x.right) || b.sacked.covers(x) {
		return
	}
	known := b.sacked
	from := known.after(x.left)
	for gap := x.left; gap.Before(x.right); from++ {
		end, next := x.right, x.right
		if from < len(known) && known[from].left.Before(x.right) {
			end, next = known[from].left, known[from].right
		}
		if gap.Before(end) {
			b.fresh = append(b.fresh, span{gap, end})
		}
		gap = next
	}
	if whole, ok := b.sacked.add(x, maxSACKRanges); ok {
		for _, gap := range b.fresh {
			c.markGap(a, gap, whole)
		}
	}
	b.fresh = b.fresh[:0]
}

// markGap notes the segments that lie in whole and reach into gap.
func (c *Conn) markGap(a *ack, gap, whole span) {
	b := &c.board
	b.splitAt(whole.left)
	b.splitAt(whole.right)
	for n := b.find(gap.left); n < b.size; n++ {
		i := b.slot(n)
		g := &b.ring[i]
		if g.seq.AtLeast(gap.right) {
			return
		}
		if g.state == segSacked || g.seq.Before(whole.left) || g.end.After(whole.right) {
			continue
		}
		c.deliver(a, g)
		b.become(i, segSacked)
		a.sacked = true
	}
}

// recentSACKs is the order in which the receiver reports ranges, by a number in
// each: the one that changed last comes first (RFC 2018, section 4).
type recentSACKs [4]header.Seq

// arrived notes that x has just changed. What it has swallowed does not stand in
// the list for itself any more.
func (r *recentSACKs) arrived(x span) {
	old, n := *r, 1
	r[0] = x.left
	for _, seq := range old {
		if n < len(r) && !(seq.AtLeast(x.left) && seq.Before(x.right)) {
			r[n] = seq
			n++
		}
	}
}

// putSACK adds the report of what has arrived out of order, in up to room bytes of
// options.
func (c *Conn) putSACK(o *header.TCPOptions, room int) {
	most := min(len(o.SACK), (room-4)/8)
	if most <= 0 {
		return
	}
	add := func(x span) {
		for _, b := range o.SACK[:o.NumSACK] {
			if b.Left == x.left && b.Right == x.right {
				return
			}
		}
		if int(o.NumSACK) < most {
			o.SACK[o.NumSACK] = header.SACKBlock{Left: x.left, Right: x.right}
			o.NumSACK++
		}
	}
	if d := c.duplicate; d.left != d.right {
		add(d)
		if whole, ok := c.held(d.left); ok {
			o.SACK[o.NumSACK%4] = header.SACKBlock{Left: whole.left, Right: whole.right}
			o.NumSACK = min(o.NumSACK+1, uint8(most))
		}
		c.env.counters().DSACKsOut++
	}
	if !c.gaps() {
		return
	}
	for _, seq := range c.recent {
		if x, ok := c.held(seq); ok {
			add(x)
		}
	}
	for i := len(c.rcv.ahead) - 1; i >= 0 && int(o.NumSACK) < most && i >= len(c.rcv.ahead)-4; i-- {
		x, _ := c.held(c.rcv.ahead[i].left)
		add(x)
	}
}

// finAhead reports whether the peer's FIN has arrived ahead of missing data.
func (c *Conn) finAhead() bool { return c.flags&(flagFinKnown|flagFinTaken) == flagFinKnown }

// gaps reports whether something has arrived ahead of missing data.
func (c *Conn) gaps() bool { return len(c.rcv.ahead) > 0 || c.finAhead() }

// held returns the range that arrived out of order and has seq in it. A block of a
// report is one of sequence numbers (RFC 2018, section 3), and a FIN has one (RFC 9293,
// section 3.4): unreported, it would be sent again.
func (c *Conn) held(seq header.Seq) (span, bool) {
	x, ok := c.rcv.ahead.covering(seq)
	if !c.finAhead() {
		return x, ok
	}
	if seq == c.rcvFin {
		if x, ok = c.rcv.ahead.covering(seq - 1); !ok {
			return span{seq, seq + 1}, true
		}
	}
	if ok && x.right == c.rcvFin {
		x.right++
	}
	return x, ok
}

// heldBefore returns what of a segment had arrived before, out of order (RFC 2883,
// section 4: of one that is a duplicate in part, that part).
func (c *Conn) heldBefore(s *Segment) (span, bool) {
	end := s.Seq.Add(len(s.Text))
	x, ok := c.rcv.ahead.common(span{s.Seq, end})
	if !s.Flags.Has(header.FIN) || !c.finAhead() || end != c.rcvFin {
		return x, ok
	}
	if !ok {
		return span{end, end + 1}, true
	}
	if x.right == end {
		x.right++
	}
	return x, true
}

// sackRoom returns how many bytes of options a segment with n bytes of text can
// spend on SACK.
func (c *Conn) sackRoom(n int) int {
	if !c.is(flagSACK) {
		return 0
	}
	options := header.TCPMaxLen - header.TCPLen
	if c.stamp.enabled {
		options -= timestampLen
	}
	return min(options, c.mss-n)
}

// reports returns whether there is something to report by SACK.
func (c *Conn) reports() bool {
	return c.is(flagSACK) && (c.gaps() || c.duplicate.left != c.duplicate.right)
}
