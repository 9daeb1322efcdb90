package tcp

import "math/bits"

// maxStoredBytes caps the memory kept for buffers that nobody uses.
const maxStoredBytes = 8 << 20

// bufferStore lends the memory of send and receive buffers. A segment on its way
// may still point into a buffer that was given back, so that buffer is lent again
// only in a later turn.
type bufferStore struct {
	turn   func() uint64
	free   [maxClass][]stored
	stored int // bytes
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
		free := s.free[class]
		if n := len(free); n > 0 && free[n-1].turn != s.turn() {
			b := free[n-1].b
			free[n-1].b = nil
			s.free[class] = free[:n-1]
			s.stored -= len(b)
			return b
		}
	}
	return make([]byte, size)
}

func (s *bufferStore) takeBack(b []byte) {
	class := bits.Len(uint(len(b) - 1))
	if class >= maxClass || s.stored+len(b) > maxStoredBytes {
		return
	}
	s.stored += len(b)
	s.free[class] = append(s.free[class], stored{b, s.turn()})
}
