package tcp

import "math/bits"

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
	for _, i := range [...]int{last, 0} {
		if free[i].turn != now {
			b := free[i].b
			free[i], free[last] = free[last], stored{}
			s.free[class] = free[:last]
			s.stored -= len(b)
			return b
		}
	}
	return nil
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

// Bounds of what is kept of scoreboards that nobody uses.
const (
	maxStoredRecords = 64      // scoreboards
	maxStoredRecord  = 1 << 12 // segments in one of them
)

// lendRecords returns the memory of a scoreboard, of whatever size is at hand.
func (l *Layer) lendRecords() []sentSegment {
	if n := len(l.records); n > 0 {
		ring := l.records[n-1]
		l.records[n-1] = nil
		l.records = l.records[:n-1]
		return ring
	}
	return make([]sentSegment, minRecords)
}

// takeBackRecords keeps the memory of a scoreboard for the next connection that
// sends.
func (l *Layer) takeBackRecords(ring []sentSegment) {
	if len(l.records) < maxStoredRecords && len(ring) <= maxStoredRecord {
		l.records = append(l.records, ring)
	}
}

// spareConns keeps connections that have ended for those that begin. One that has
// ended in this turn may still be at work further up the stack.
type spareConns struct {
	conns []*Conn
	turn  uint64 // in which the last of them has ended
}

// maxSpareConns bounds how many are kept.
const maxSpareConns = 64

// takeConn returns a connection without a state.
func (l *Layer) takeConn() *Conn {
	s := &l.spare
	last := len(s.conns) - 1
	if last < 0 || s.turn == l.loop.Turn() {
		return new(Conn)
	}
	c := s.conns[last]
	s.conns[last] = nil
	s.conns = s.conns[:last]
	l.takeBackTraffic(c.traffic)
	*c = Conn{}
	return c
}

// ended keeps c, to which nobody has a pointer.
func (l *Layer) ended(c *Conn) {
	if s := &l.spare; len(s.conns) < maxSpareConns {
		s.conns, s.turn = append(s.conns, c), l.loop.Turn()
	}
}
