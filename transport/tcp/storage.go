package tcp

import (
	"math/bits"

	ev "septet/event"
)

// maxStoredBytes caps the memory kept for buffers that nobody uses.
const maxStoredBytes = 8 << 20

// bufferStore lends the memory of send and receive buffers. A segment on its way
// may still point into a buffer that was given back, so that buffer is lent again
// only in a later turn.
type bufferStore struct {
	turn   func() uint64
	free   *[maxClass][]stored // nil until the first buffer comes back
	stored int                 // bytes
}

// Buffers have 2^minClass to 2^(maxClass-1) bytes.
const (
	minClass = 12
	maxClass = 27
)

type stored struct {
	b    []byte
	turn uint64
}

func (s *bufferStore) lend(size int) []byte {
	class := bits.Len(uint(size - 1))
	if class < maxClass {
		if b := s.take(class); b != nil {
			return b
		}
	}
	return make([]byte, size)
}

// take returns a buffer that was given back in an earlier turn: the last one,
// which is still in the processor's cache, or else the one at the other end.
func (s *bufferStore) take(class int) []byte {
	if s.free == nil {
		return nil
	}
	free, now := s.free[class], s.turn()
	last := len(free) - 1
	if last < 0 {
		return nil
	}
	i := last
	if free[i].turn == now {
		if i = 0; free[i].turn == now {
			return nil
		}
	}
	b := free[i].b
	if i != last {
		free[i] = free[last]
	}
	free[last].b = nil
	s.free[class] = free[:last]
	s.stored -= len(b)
	return b
}

func (s *bufferStore) takeBack(b []byte) {
	class := bits.Len(uint(len(b) - 1))
	if class >= maxClass || s.stored+len(b) > maxStoredBytes {
		return
	}
	if s.free == nil {
		s.free = new([maxClass][]stored)
	}
	s.stored += len(b)
	s.free[class] = append(s.free[class], stored{b, s.turn()})
}

// spares keeps what will be used again, up to a cap.
type spares[T any] []T

func (s *spares[T]) take() (x T, ok bool) {
	last := len(*s) - 1
	if last < 0 {
		return x, false
	}
	var none T
	x, (*s)[last] = (*s)[last], none
	*s = (*s)[:last]
	return x, true
}

func (s *spares[T]) keep(x T, most int) bool {
	if len(*s) >= most {
		return false
	}
	*s = append(*s, x)
	return true
}

// spareConns keeps connections that have ended for those that begin. One that has
// ended in this turn may still be at work further up the stack.
type spareConns struct {
	spares[*Conn]
	turn uint64 // in which the last of them has ended
}

// maxSpareConns bounds how many are kept.
const maxSpareConns = 64

// takeConn returns a connection without a state, whose timer is unset.
func (l *Layer) takeConn() *Conn {
	s := &l.scratch().conns
	if s.turn != l.loop.Turn() {
		if c, ok := s.take(); ok {
			l.scratch().takeBackTraffic(c.traffic)
			timer := c.timer
			*c = Conn{}
			c.timer = timer
			return c
		}
	}
	c := new(Conn)
	c.timer.Init(l.loop, (*expirer)(c))
	return c
}

// ended keeps c, to which nobody has a pointer. Its timer keeps its place among the others:
// the next connection mostly begins at once, and sets it to a later moment.
func (l *Layer) ended(c *Conn) {
	s := &l.scratch().conns
	if s.turn = l.loop.Turn(); s.keep(c, maxSpareConns) {
		c.timer.Reset(ev.Never)
	} else {
		c.timer.Stop()
	}
}

// maxStoredPlacements bounds how many are kept.
const maxStoredPlacements = 64

func (w *scratch) lendPlacement(mem []byte) *Placement {
	p, ok := w.placements.take()
	if !ok {
		p = new(Placement)
	}
	p.mem = mem
	return p
}

func (w *scratch) takeBackPlacement(p *Placement) {
	*p = Placement{}
	w.placements.keep(p, maxStoredPlacements)
}
