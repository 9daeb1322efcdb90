package tcp

import "septet/header"

// storage lends the memory of send and receive buffers and takes it back, so
// that an idle connection has none.
type storage interface {
	lend(size int) []byte
	takeBack(b []byte)
}

// minRing is the smallest size of a ring; sizes are powers of two.
const minRing = 4 << 10

// ring is a byte queue of bounded size that grows with use. Bytes may be placed
// ahead of its end (out-of-order arrivals) and read without being taken
// (segments that are not acknowledged yet).
type ring struct {
	mem  []byte // nil while empty and unused
	head int    // index of the first byte
	size int    // bytes queued

	// A busy connection gives its memory back whenever it has caught up, and
	// soon borrows again: it starts with what it needed before.
	usual, peak int32
}

// reserve makes room for n bytes from the head on; kept is how many of the bytes
// now there matter.
func (r *ring) reserve(s storage, n, kept int) {
	r.peak = max(r.peak, int32(n))
	if n <= len(r.mem) {
		if kept == 0 {
			r.head = 0 // where it is in the caches
		}
		return
	}
	size := max(minRing, len(r.mem), int(r.usual))
	for size < n {
		size *= 2
	}
	grown := s.lend(size)
	if kept > 0 {
		first, second := r.view(0, kept)
		copy(grown[copy(grown, first):], second)
	}
	if r.mem != nil {
		s.takeBack(r.mem)
	}
	r.mem, r.head = grown, 0
}

// mostKept is how long the ring of a connection may be that keeps it, see warmConns.
const mostKept = 64 << 10

// rest gives the memory back, unless it is to be kept.
func (r *ring) rest(s storage, keep bool) {
	if !keep || len(r.mem) > mostKept {
		r.release(s)
	}
}

// release gives the memory back.
func (r *ring) release(s storage) {
	if mem := r.detach(); mem != nil {
		s.takeBack(mem)
	}
}

// detach returns the memory, which is the ring's no more.
func (r *ring) detach() []byte {
	mem := r.mem
	if mem == nil {
		return nil
	}
	r.usual = int32(len(mem))
	if r.peak <= r.usual/4 {
		r.usual /= 2
	}
	r.mem, r.head, r.peak = nil, 0, 0
	return mem
}

// put copies b to offset at from the head. The room must be there.
func (r *ring) put(at int, b []byte) {
	i := (r.head + at) & (len(r.mem) - 1)
	if n := copy(r.mem[i:], b); n < len(b) {
		copy(r.mem, b[n:])
	}
}

// append adds b at the end.
func (r *ring) append(s storage, b []byte) {
	r.reserve(s, r.size+len(b), r.size)
	r.put(r.size, b)
	r.size += len(b)
}

// view returns the n bytes from offset at on, in two pieces where they wrap
// around the end of the memory.
func (r *ring) view(at, n int) (first, second []byte) {
	if n == 0 {
		return nil, nil
	}
	i := (r.head + at) & (len(r.mem) - 1)
	if i+n <= len(r.mem) {
		return r.mem[i : i+n : i+n], nil
	}
	return r.mem[i:], r.mem[:i+n-len(r.mem)]
}

// drop takes n bytes off the head.
func (r *ring) drop(n int) {
	if len(r.mem) > 0 {
		r.head = (r.head + n) & (len(r.mem) - 1)
	}
	r.size -= n
}

// sendBuffer has the bytes from SND.UNA on: sent and unacknowledged ones first,
// then those not sent yet. The last of them may still be the writer's (guest),
// while its call lasts.
type sendBuffer struct {
	ring
	guest *[]byte    // counted in size, but not in the ring; nil mostly
	start header.Seq // of the first byte
	limit int

	waiting *Placement // a writer waits: what there is room for comes from there (Conn.AwaitRoom)
}

// write appends what fits of b and returns how much that was.
func (sb *sendBuffer) write(s storage, b []byte) int {
	n := min(len(b), sb.limit-sb.size)
	if n <= 0 {
		return 0
	}
	sb.append(s, b[:n])
	return n
}

// moves reports whether a write of n bytes would need another place for those before.
func (sb *sendBuffer) moves(n int) bool { return sb.size+min(n, sb.limit-sb.size) > len(sb.mem) }

// writeGuest is write without copying: the bytes stay in *b, which is cut to what
// there is room for. What is left of them must be adopted before they change.
func (sb *sendBuffer) writeGuest(b *[]byte) int {
	n := max(0, min(len(*b), sb.limit-sb.size))
	if n > 0 {
		*b = (*b)[:n]
		sb.guest = b
		sb.size += n
	}
	return n
}

// own returns how many bytes are in the ring.
func (sb *sendBuffer) own() int {
	if sb.guest == nil {
		return sb.size
	}
	return sb.size - len(*sb.guest)
}

// adopt copies what is left of the guest into the ring.
func (sb *sendBuffer) adopt(s storage) {
	if sb.guest == nil {
		return
	}
	b, own := *sb.guest, sb.own()
	*sb.guest, sb.guest = nil, nil
	if len(b) > 0 {
		sb.reserve(s, sb.size, own)
		sb.put(own, b)
	}
}

// view returns the n bytes from offset at on, in two pieces where they wrap around
// the end of the ring or go over to the guest. They are not in three.
func (sb *sendBuffer) view(s storage, at, n int) (first, second []byte) {
	if sb.guest == nil {
		return sb.ring.view(at, n)
	}
	return sb.viewGuest(s, at, n)
}

func (sb *sendBuffer) viewGuest(s storage, at, n int) (first, second []byte) {
	own := sb.own()
	switch {
	case n == 0:
		return nil, nil
	case at+n <= own:
		return sb.ring.view(at, n)
	case at >= own:
		return (*sb.guest)[at-own : at-own+n : at-own+n], nil
	}
	if first, second = sb.ring.view(at, own-at); len(second) == 0 {
		return first, (*sb.guest)[:at+n-own]
	}
	sb.adopt(s)
	return sb.ring.view(at, n)
}

// drop takes n bytes off the head.
func (sb *sendBuffer) drop(n int) {
	own := min(n, sb.own())
	sb.ring.drop(own)
	if n > own {
		*sb.guest = (*sb.guest)[n-own:]
		sb.size -= n - own
	}
}

// acknowledge drops everything before seq.
func (sb *sendBuffer) acknowledge(s storage, seq header.Seq, keep bool) {
	n := min(seq.Sub(sb.start), sb.size)
	if n <= 0 {
		return
	}
	sb.drop(n)
	sb.start = sb.start.Add(n)
	if sb.size == 0 {
		sb.rest(s, keep)
	}
}

// straight returns how many of the bytes from offset at on lie in one piece.
func (sb *sendBuffer) straight(at int) int {
	own := sb.own()
	if at >= own {
		return sb.size - at
	}
	return min(own-at, len(sb.mem)-(sb.head+at)&(len(sb.mem)-1))
}

// end is the sequence number after the last byte.
func (sb *sendBuffer) end() header.Seq { return sb.start.Add(sb.size) }

// maxRanges caps how many gaps the receive buffer remembers, and so does its length:
// they may have half as many bytes as it, at 8 bytes each. What arrives beyond
// is dropped and will be retransmitted.
const (
	maxRanges   = 8192
	leastRanges = 64
)

// keptRanges is how long the list of gaps may stay while there are none.
const keptRanges = 16

// receiveBuffer has the bytes that were received and not read yet, and behind
// gaps those that arrived out of order, each at its place in the ring.
type receiveBuffer struct {
	ring
	limit int
	ahead spans // out of order

	waiting *Placement // a reader waits: what comes next goes there (Conn.Await)
}

// Placement is the memory of a reader or a writer that waits.
type Placement struct {
	mem    []byte
	placed int // bytes in it, or taken from it
}

// place copies to a waiting reader what it has room for.
func (rb *receiveBuffer) place(b []byte) int {
	w := rb.waiting
	if w == nil || rb.size > 0 {
		return 0
	}
	n := copy(w.mem[w.placed:], b)
	w.placed += n
	return n
}

func (rb *receiveBuffer) mostRanges() int {
	return min(max(rb.limit/16, leastRanges), maxRanges)
}

// free is how many bytes the window may offer.
func (rb *receiveBuffer) free() int { return max(0, rb.limit-rb.size) }

// insert takes the bytes b at seq, where next is RCV.NXT; all of it must lie at
// or after next and inside the window. It returns how far RCV.NXT advances.
func (rb *receiveBuffer) insert(s storage, next, seq header.Seq, b []byte) int {
	if seq == next && len(rb.ahead) == 0 {
		if n := rb.place(b); n < len(b) {
			rb.append(s, b[n:])
		}
		return len(b)
	}
	offset := rb.size + seq.Sub(next)
	kept := rb.size
	if n := len(rb.ahead); n > 0 {
		kept += rb.ahead[n-1].right.Sub(next)
	}
	if _, ok := rb.ahead.add(span{seq, seq.Add(len(b))}, rb.mostRanges()); !ok {
		return 0
	}
	rb.reserve(s, offset+len(b), kept)
	rb.put(offset, b)
	if rb.ahead[0].left != next {
		return 0
	}
	n := rb.ahead[0].right.Sub(next)
	rb.ahead = append(rb.ahead[:0], rb.ahead[1:]...)
	rb.size += n
	return n
}

// read copies out what is in order.
func (rb *receiveBuffer) read(s storage, b []byte, keep bool) int {
	n := rb.peek(b)
	rb.discard(s, n, keep)
	return n
}

// discard takes n bytes off. If nothing is left, the memory goes back, unless it is to
// be kept.
func (rb *receiveBuffer) discard(s storage, n int, keep bool) {
	rb.drop(n)
	if rb.size > 0 || len(rb.ahead) > 0 {
		return
	}
	rb.rest(s, keep)
	if cap(rb.ahead) > keptRanges {
		rb.ahead = nil
	}
}

// hasBeyond reports whether bytes at or after seq have arrived out of order.
func (rb *receiveBuffer) hasBeyond(seq header.Seq) bool {
	n := len(rb.ahead)
	return n > 0 && rb.ahead[n-1].right.After(seq)
}

func (rb *receiveBuffer) peek(b []byte) int {
	first, second := rb.view(0, min(len(b), rb.size))
	n := copy(b, first)
	return n + copy(b[n:], second)
}
