package tcp

import (
	ev "septet/event"
	"septet/header"
)

// scoreboard holds what has been sent and is not yet acknowledged, segment by
// segment, in the order of sequence numbers: what is on its way, what the peer
// has selectively acknowledged, and what is taken for lost (RFC 6675's scoreboard
// and RFC 8985's per-segment state).
//
// Every segment is in one of three states. Those on their way are chained in the
// order in which they were last sent, which is the order in which RACK looks at
// them; those lost in the order in which they will be sent again.
type scoreboard struct {
	ring   []sentSegment // a power of two of them, nil while nothing is outstanding
	head   int           // index of the first
	size   int
	flying chain // in the order of sending
	lost   chain // to be sent again
	sacked spans // what the peer has reported
	fresh  spans // scratch space for one report

	pipe        int // bytes on their way: RFC 6675's estimate
	sackedCount int // segments
	lostCount   int
}

// sentSegment is one segment as it was last sent.
type sentSegment struct {
	seq, end header.Seq // SYN is never among them; FIN counts one
	state    segmentState
	resent   bool  // more than once sent: its acknowledgement is ambiguous
	limited  bool  // sent while the application had nothing more to send
	pushed   bool  // the end of what had been written
	last     bool  // of its burst
	size     int32 // of the text of each segment, if it stands for several
	next     int32
	prev     int32 // neighbours in a chain, as ring indices; -1 for none

	sentAt ev.Time

	// What the connection had delivered when it was sent; see rate.go.
	firstSentAt ev.Time
	deliveredAt ev.Time
	delivered   int64
	lostBefore  int64
	inFlight    int
}

type segmentState uint8

const (
	segFlying segmentState = iota
	segSacked
	segLost
)

func (g *sentSegment) len() int { return g.end.Sub(g.seq) }

// segments returns how many segments of the wire it stands for, see train.go.
func (g *sentSegment) segments() int {
	if g.size == 0 {
		return 1
	}
	return (g.len() + int(g.size) - 1) / int(g.size)
}

// chain is a doubly linked list of segments by ring index.
type chain struct{ first, last int32 }

var emptyChain = chain{-1, -1}

const minRecords = 16

// slot returns the ring index of the segment with number n, counted from the
// oldest.
func (b *scoreboard) slot(n int) int32 { return int32((b.head + n) & (len(b.ring) - 1)) }

// at returns the segment with number n.
func (b *scoreboard) at(n int) *sentSegment { return &b.ring[b.slot(n)] }

func (b *scoreboard) first() *sentSegment { return &b.ring[b.head] }

// end returns the sequence number after the last segment.
func (b *scoreboard) end() header.Seq { return b.at(b.size - 1).end }

// find returns the number of the segment that has seq in it, or of the first
// after it.
func (b *scoreboard) find(seq header.Seq) int {
	n, end := 0, b.size
	for n < end {
		mid := (n + end) / 2
		if b.at(mid).end.AtMost(seq) {
			n = mid + 1
		} else {
			end = mid
		}
	}
	return n
}

// add appends a segment that is being sent for the first time.
func (b *scoreboard) add(seq, end header.Seq) *sentSegment {
	if b.size == len(b.ring) {
		b.grow()
	}
	b.size++
	i := b.slot(b.size - 1)
	g := &b.ring[i]
	*g = sentSegment{seq: seq, end: end}
	b.flying.push(b.ring, i)
	b.pipe += g.len()
	return g
}

// grow doubles the ring. A segment's new index is its number, its distance from
// the old head.
func (b *scoreboard) grow() {
	old := b.ring
	b.ring = make([]sentSegment, max(minRecords, 2*len(old)))
	if len(old) == 0 {
		b.flying, b.lost = emptyChain, emptyChain
		return
	}
	moved := func(i int32) int32 {
		if i < 0 {
			return i
		}
		return int32((int(i) - b.head) & (len(old) - 1))
	}
	for i := range old {
		g := &b.ring[moved(int32(i))]
		*g = old[i]
		g.next, g.prev = moved(g.next), moved(g.prev)
	}
	b.flying = chain{moved(b.flying.first), moved(b.flying.last)}
	b.lost = chain{moved(b.lost.first), moved(b.lost.last)}
	b.head = 0
}

func (q *chain) push(ring []sentSegment, i int32) {
	g := &ring[i]
	g.next, g.prev = -1, q.last
	if q.last >= 0 {
		ring[q.last].next = i
	} else {
		q.first = i
	}
	q.last = i
}

func (q *chain) remove(ring []sentSegment, i int32) {
	g := &ring[i]
	if g.prev >= 0 {
		ring[g.prev].next = g.next
	} else {
		q.first = g.next
	}
	if g.next >= 0 {
		ring[g.next].prev = g.prev
	} else {
		q.last = g.prev
	}
}

// become moves the segment in slot i from the state it is in to another.
func (b *scoreboard) become(i int32, s segmentState) {
	g := &b.ring[i]
	b.leave(i)
	g.state = s
	b.tally(g, 1)
	switch s {
	case segFlying:
		b.flying.push(b.ring, i)
	case segLost:
		b.lost.push(b.ring, i)
	}
}

// leave takes the segment in slot i out of the books of its state.
func (b *scoreboard) leave(i int32) {
	g := &b.ring[i]
	b.tally(g, -1)
	switch g.state {
	case segFlying:
		b.flying.remove(b.ring, i)
	case segLost:
		b.lost.remove(b.ring, i)
	}
}

// tally adds a segment to the sums of its state, or with sign -1 takes it off.
func (b *scoreboard) tally(g *sentSegment, sign int) {
	switch g.state {
	case segFlying:
		b.pipe += sign * g.len()
	case segLost:
		b.lostCount += sign * g.segments()
	case segSacked:
		b.sackedCount += sign * g.segments()
	}
}

// resize moves the ends of a segment.
func (b *scoreboard) resize(g *sentSegment, seq, end header.Seq) {
	b.tally(g, -1)
	g.seq, g.end = seq, end
	b.tally(g, 1)
}

// cut takes the part of the first segment before seq off.
func (b *scoreboard) cut(seq header.Seq) { b.resize(b.first(), seq, b.first().end) }

// coverOf returns the range of reports that the segment begins in, if any.
func (b *scoreboard) coverOf(g *sentSegment) span {
	if whole, ok := b.sacked.covering(g.seq); ok {
		return whole
	}
	return span{g.seq, g.seq}
}

// pop takes the first segment off.
func (b *scoreboard) pop() {
	b.leave(int32(b.head))
	b.head = (b.head + 1) & (len(b.ring) - 1)
	b.size--
}

// popFirst takes the first n segments off, which are on their way and were sent first.
func (b *scoreboard) popFirst(n int) {
	last := b.at(n - 1)
	b.pipe -= last.end.Sub(b.first().seq)
	if b.flying.first = last.next; last.next >= 0 {
		b.ring[last.next].prev = -1
	} else {
		b.flying.last = -1
	}
	b.head, b.size = int(b.slot(n)), b.size-n
	if b.size == 0 {
		b.empty()
	}
}

// empty forgets everything. The memory stays, unless it is so much that it is worth
// giving back.
func (b *scoreboard) empty() {
	b.head, b.size = 0, 0
	b.flying, b.lost = emptyChain, emptyChain
	b.pipe, b.sackedCount, b.lostCount = 0, 0, 0
	b.sacked = b.sacked[:0]
	if len(b.ring) > maxStoredRecords {
		b.ring = nil
	}
	if cap(b.sacked)+cap(b.fresh) > keptRanges {
		b.sacked, b.fresh = nil, nil
	}
}

// forgetSACKs takes everything that was selectively acknowledged for lost.
func (b *scoreboard) forgetSACKs() {
	for n := range b.size {
		if i := b.slot(n); b.ring[i].state == segSacked {
			b.become(i, segLost)
		}
	}
	b.sacked = b.sacked[:0]
}
