package packet

import (
	"unsafe"

	"septet/prefetch"
)

// Buffers come in sizes for headers alone, an Ethernet frame, a jumbo frame and the
// longest IP datagram, each with its headroom. What is longer (no frame is) is not kept.
var bufferSizes = [...]int{headBuffer, frameBuffer, 10 << 10, 66 << 10}

// headBuffer and frameBuffer are what a packet itself leaves of 448 bytes and of 2 KiB.
const (
	headBuffer  = 448 - packetSize
	frameBuffer = 2<<10 - packetSize
	packetSize  = 144
)

// headPacket is a packet whose payload is borrowed, framePacket one for an Ethernet
// frame, together with its buffer: in one piece, because with many frames on the way
// neither is in the processor's caches, and each page that is touched costs its own
// translation.
type (
	headPacket struct {
		Packet
		bytes [headBuffer]byte
	}
	framePacket struct {
		Packet
		bytes [frameBuffer]byte
	}
)

// prefetched is how much of a packet Expect asks for: itself, and the buffer as far as the
// headers of a frame usually reach.
const prefetched = 320

// Expect says that p will be looked at soon.
func (p *Packet) Expect() { prefetch.Bytes(unsafe.Pointer(p), prefetched) }

// maxFreeBytes caps what a pool keeps for later use.
const maxFreeBytes = 16 << 20

// Pool makes packets and keeps those released for the next. It belongs to one
// network and is used with its turn held. Its zero value is ready.
type Pool struct {
	free      [len(bufferSizes)]*Packet // by size of buffer
	freeBytes int
	live      int

	// SingleFrames says that no trains are to be made: everything crosses every
	// wire frame by frame. What arrives, and what taps see, is the same.
	SingleFrames bool
}

// Trains reports whether trains may be made of the pool's packets.
func (pl *Pool) Trains() bool { return trains && !pl.SingleFrames }

// Get returns an empty packet with Headroom in front and room for size bytes.
func (pl *Pool) Get(size int) *Packet {
	pl.live++
	p := pl.take(Headroom + size)
	p.start, p.end = Headroom, Headroom
	return p
}

func (pl *Pool) take(n int) *Packet {
	for class, size := range bufferSizes {
		if n > size {
			continue
		}
		p := pl.free[class]
		if p == nil {
			return pl.make(size)
		}
		pl.free[class], p.next = p.next, nil
		pl.freeBytes -= size
		return p
	}
	return pl.make(n)
}

func (pl *Pool) make(size int) *Packet {
	switch size {
	case headBuffer:
		h := &headPacket{}
		h.pool, h.buf = pl, h.bytes[:]
		return &h.Packet
	case frameBuffer:
		f := &framePacket{}
		f.pool, f.buf = pl, f.bytes[:]
		return &f.Packet
	}
	return &Packet{pool: pl, buf: make([]byte, size)}
}

// From returns a packet with a copy of b.
func (pl *Pool) From(b []byte) *Packet {
	p := pl.Get(len(b))
	p.Append(b)
	return p
}

// Live returns how many packets of this pool have an owner, for tests that
// look for leaks.
func (pl *Pool) Live() int { return pl.live }

// Release ends the packet's life. The owner must not use it again.
func (p *Packet) Release() {
	p.giveTail()
	p.checksum, p.In = unverified, 0
	p.frames, p.more = 0, false
	p.pool.live--
	p.pool.keep(p)
}

// keep puts a packet on the free list of its size, if there is room.
func (pl *Pool) keep(p *Packet) {
	for class, size := range bufferSizes {
		if len(p.buf) == size && pl.freeBytes+size <= maxFreeBytes {
			pl.freeBytes += size
			p.next, pl.free[class] = pl.free[class], p
			return
		}
	}
}

// Queue is a first-in, first-out list of packets, linked through the packets
// themselves: a packet has one owner, so it stands in one queue.
type Queue struct {
	first, last *Packet
	len         int
}

// Push gives p to the queue.
func (q *Queue) Push(p *Packet) {
	p.next = nil
	if q.last == nil {
		q.first = p
	} else {
		q.last.next = p
	}
	q.last = p
	q.len++
}

// Pop takes the oldest packet, nil when there is none.
func (q *Queue) Pop() *Packet {
	p := q.first
	if p == nil {
		return nil
	}
	q.first, p.next = p.next, nil
	if q.first == nil {
		q.last = nil
	}
	q.len--
	return p
}

// First returns the oldest packet and leaves it in the queue.
func (q *Queue) First() *Packet { return q.first }

// After returns the packet that stands behind p in the queue, nil if p is the last.
func (q *Queue) After(p *Packet) *Packet { return p.next }

// Move gives all of q to the empty queue to.
func (q *Queue) Move(to *Queue) { *to, *q = *q, Queue{} }

// Len returns how many packets the queue has.
func (q *Queue) Len() int { return q.len }

// Release releases all packets of the queue.
func (q *Queue) Release() {
	for p := q.Pop(); p != nil; p = q.Pop() {
		p.Release()
	}
}
