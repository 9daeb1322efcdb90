package tcp

import (
	"slices"
	"testing"

	"septet/header"
)

// TestSplit splits every segment of a full ring, in either state, and asks for what
// the rest of TCP relies on: the numbers and the bytes stay what they were, and each
// chain has its segments in their order, the new one in front of what is left.
func TestSplit(t *testing.T) {
	for k := range minRecords {
		for _, lost := range []bool{false, true} {
			for _, spare := range []int{0, 3} {
				b := &scoreboard{flying: emptyChain, lost: emptyChain}
				for n := range minRecords - spare {
					b.add(seqOf(10*n), seqOf(10*n+10))
				}
				if k >= b.size {
					continue
				}
				for n := range b.size {
					if n%2 == 1 && n != k || n == k && lost {
						b.become(b.slot(n), segLost)
					}
				}
				flying, out := ends(b, b.flying), b.pipe
				missing, number := ends(b, b.lost), b.lostCount
				i := b.split(b.slot(k), 4)
				want, in := &flying, b.flying
				if lost {
					want, in, number = &missing, b.lost, number+1
				}
				at := slices.Index(*want, 10*k+10)
				*want = slices.Insert(*want, at, 10*k+4)
				if i != b.slot(k) || b.at(k).end != seqOf(10*k+4) || b.at(k+1).seq != seqOf(10*k+4) || b.at(k+1).end != seqOf(10*k+10) {
					t.Fatalf("segment %d is not cut behind its fourth byte: slot %d, %+v, %+v", k, i, b.at(k), b.at(k+1))
				}
				if got := ends(b, in); !slices.Equal(got, *want) {
					t.Fatalf("segment %d split, lost %v: the chain of its state has %v, want %v", k, lost, got, *want)
				}
				if !slices.Equal(ends(b, b.flying), flying) || !slices.Equal(ends(b, b.lost), missing) {
					t.Fatalf("segment %d split, lost %v: the chains are %v and %v, want %v and %v", k, lost, ends(b, b.flying), ends(b, b.lost), flying, missing)
				}
				if b.pipe != out || b.lostCount != number {
					t.Fatalf("segment %d split: %d bytes on their way and %d segments lost, want %d and %d", k, b.pipe, b.lostCount, out, number)
				}
				for n := 1; n < b.size; n++ {
					if b.at(n).seq != b.at(n-1).end {
						t.Fatalf("segment %d split: there is a gap before segment %d", k, n)
					}
				}
			}
		}
	}
}

// ends walks a chain forwards and, to see that the way back is the same, backwards.
func ends(b *scoreboard, q chain) (list []int) {
	var back []int
	for i := q.first; i >= 0; i = b.ring[i].next {
		list = append(list, b.ring[i].end.Sub(seqOf(0)))
	}
	for i := q.last; i >= 0; i = b.ring[i].prev {
		back = append(back, b.ring[i].end.Sub(seqOf(0)))
	}
	slices.Reverse(back)
	if !slices.Equal(list, back) {
		return back
	}
	return list
}

// seqOf counts from just before the numbers begin again.
func seqOf(n int) header.Seq { return header.Seq(0).Add(n - 50) }
