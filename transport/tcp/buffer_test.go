package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"septet/header"
)

// plainStorage lends fresh memory, dirty so that what was not written shows.
type plainStorage struct{ lent int }

func (p *plainStorage) lend(size int) []byte {
	p.lent += size
	return bytes.Repeat([]byte{0xee}, size)
}

func (p *plainStorage) takeBack(b []byte) {
	p.lent -= len(b)
	for i := range b {
		b[i] = 0xdd // whoever still looks at it must notice
	}
}

// TestReceiveBufferAgainstModel inserts pieces of a stream in any order and
// reads them, beside a model that keeps each byte's arrival in a slice.
func TestReceiveBufferAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		const length = 30000
		start := header.Seq(r.Uint32() | 0xffff0000) // wraps around for most
		here := make([]bool, length)
		var (
			memory     plainStorage
			read, next int
		)
		rb := receiveBuffer{limit: 1 + r.IntN(20000)}
		for step := 0; read < length; step++ {
			if step > 100000 {
				t.Fatalf("seed %d: stuck at %d of %d", seed, read, length)
			}
			if r.IntN(3) == 0 {
				b := make([]byte, 1+r.IntN(5000))
				n := rb.read(&memory, b, false)
				if want := min(len(b), next-read); n != want {
					t.Fatalf("seed %d: read returns %d of the %d bytes in order", seed, n, want)
				}
				if !bytes.Equal(b[:n], pattern(read, n)) {
					t.Fatalf("seed %d: what is read at %d is not what was inserted", seed, read)
				}
				read += n
			} else if edge := min(length, read+rb.limit); next < edge {
				from := next
				if r.IntN(2) == 0 {
					from += r.IntN(edge - next)
				}
				n := 1 + r.IntN(min(2000, edge-from))
				got := rb.insert(&memory, start.Add(next), start.Add(from), pattern(from, n))
				for i := range n {
					here[from+i] = true
				}
				before := next
				for next < length && here[next] {
					next++
				}
				if got != next-before {
					t.Fatalf("seed %d: RCV.NXT advances by %d, must by %d", seed, got, next-before)
				}
			}
			if rb.size != next-read {
				t.Fatalf("seed %d: %d bytes in order, must be %d", seed, rb.size, next-read)
			}
			for i := 1; i < len(rb.ahead); i++ {
				if !rb.ahead[i-1].right.Before(rb.ahead[i].left) {
					t.Fatalf("seed %d: ranges %v and %v touch", seed, rb.ahead[i-1], rb.ahead[i])
				}
			}
			if len(rb.mem) > max(minRing, 2*rb.limit) {
				t.Fatalf("seed %d: a ring of %d for a limit of %d", seed, len(rb.mem), rb.limit)
			}
		}
		if memory.lent != 0 {
			t.Fatalf("seed %d: %d bytes of memory not given back by an empty buffer", seed, memory.lent)
		}
	}
}

// TestSendBufferAgainstModel writes, looks at and acknowledges a stream.
func TestSendBufferAgainstModel(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		start := header.Seq(r.Uint32() | 0xffff0000)
		var (
			memory         plainStorage
			wrote, dropped int
			guest          []byte
		)
		sb := sendBuffer{limit: 1 + r.IntN(20000), start: start}
		for range 200 {
			switch r.IntN(4) {
			case 3: // a writer's own memory, which changes when its call is over
				sb.adopt(&memory)
				clear(guest)
				guest = pattern(wrote, 1+r.IntN(5000))
				lent := guest
				wrote += sb.writeGuest(&lent)
			case 0:
				sb.adopt(&memory)
				n := 1 + r.IntN(5000)
				got := sb.write(&memory, pattern(wrote, n))
				if want := min(n, sb.limit-(wrote-dropped)); got != want {
					t.Fatalf("seed %d: write takes %d, has room for %d", seed, got, want)
				}
				wrote += got
			case 1:
				if sb.size == 0 {
					continue
				}
				at := r.IntN(sb.size)
				n := 1 + r.IntN(sb.size-at)
				first, second := sb.view(&memory, at, n)
				if !bytes.Equal(append(bytes.Clone(first), second...), pattern(dropped+at, n)) {
					t.Fatalf("seed %d: the bytes at %d are not those written", seed, dropped+at)
				}
			case 2:
				dropped += r.IntN(wrote - dropped + 1)
				sb.acknowledge(&memory, start.Add(dropped), false)
			}
			if sb.size != wrote-dropped || sb.end() != start.Add(wrote) {
				t.Fatalf("seed %d: has %d bytes to %d, must have %d", seed, sb.size, sb.end(), wrote-dropped)
			}
		}
		sb.acknowledge(&memory, start.Add(wrote), false)
		if memory.lent != 0 {
			t.Fatalf("seed %d: %d bytes of memory not given back by an empty buffer", seed, memory.lent)
		}
	}
}

// TestGapsAreCapped inserts more islands than are remembered.
func TestGapsAreCapped(t *testing.T) {
	var memory plainStorage
	rb := receiveBuffer{limit: 1 << 20}
	for i := range 2 * maxRanges {
		rb.insert(&memory, 0, header.Seq(10*i+5), []byte{1})
	}
	if len(rb.ahead) != maxRanges {
		t.Errorf("%d ranges are remembered, must be %d", len(rb.ahead), maxRanges)
	}
	if n := rb.insert(&memory, 0, 0, make([]byte, 5)); n != 6 {
		t.Errorf("RCV.NXT advances by %d, must by 6: up to the next gap", n)
	}
}
