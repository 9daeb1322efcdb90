package socket

import "math/bits"

// bitmap is a set of small numbers that finds the lowest one that is not in it: in one
// step if the numbers were taken in order, else by a look at one bit for each number.
type bitmap struct {
	words []uint64
	full  int // so many words are all ones
}

func (b *bitmap) lowestFree() int {
	for b.full < len(b.words) && b.words[b.full] == ^uint64(0) {
		b.full++
	}
	if b.full == len(b.words) {
		return 64 * b.full
	}
	return 64*b.full + bits.TrailingZeros64(^b.words[b.full])
}

func (b *bitmap) set(i int) {
	for i/64 >= len(b.words) {
		b.words = append(b.words, 0)
	}
	b.words[i/64] |= 1 << (i % 64)
}

func (b *bitmap) clear(i int) {
	b.words[i/64] &^= 1 << (i % 64)
	b.full = min(b.full, i/64)
}
