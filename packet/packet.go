// Package packet has the one buffer that travels through all layers.
//
//	         start            end
//	+----------+----------------+----------+     +------------------+
//	| headroom | head           | room     |  +  | tail (borrowed)  |
//	+----------+----------------+----------+     +------------------+
//	<- Push    -> Pull                            bytes of the sender's buffer
//
// On the way down each layer pushes its header in front (Push); on the way up
// each layer takes its header off (Pull). A packet has exactly one owner:
// passing it on gives it away, and whoever has it last calls Release.
//
// The payload of a transport segment may be borrowed from the sender's buffer
// instead of being copied (Borrow). Borrowed bytes stay as they are until the
// end of the turn in which the packet was sent; who keeps a packet longer
// (a wire with a delay, a queue) calls Keep first, which copies them unless they are on
// loan (Loans), or Own. Code that needs all bytes in
// one piece calls Bytes, which owns too.
package packet

import (
	"encoding/binary"

	"septet/header"
)

// Headroom is enough for every header that the layers put in front of a
// payload: Ethernet with a VLAN tag, IPv6 or IPv4 with options, TCP with options.
const Headroom = 160

// Packet is one frame, datagram or segment, depending on the layer that has it.
type Packet struct {
	buf        []byte
	start, end int
	tail       []byte
	pool       *Pool
	next       *Packet // in a Queue or in the pool's free list

	// A checksum that has not been filled in, because nobody has looked at the
	// bytes so far: the Internet checksum of everything from sumStart on belongs
	// at sumAt (both counted from the start of buf). See PartialChecksum.
	sumStart, sumAt int32
	seq             header.Seq // of a loan: where the payload begins in its buffer
	checksum        checksumState

	// In is the number of the interface at which the packet arrived, for whoever set
	// it: a packet that waits to be read has lost all else that was known of it.
	In uint16

	// At is the moment at which the packet was queued, in nanoseconds on the loop's
	// clock, for whoever set it; zero if nobody asked for it.
	At int64

	train
	loan
}

type checksumState uint8

const (
	unverified checksumState = iota // the bytes may be wrong: verify
	partial                         // right by construction, the field is not filled in
	intact                          // filled in, and nothing has changed the bytes since
)

// Head returns the contiguous front part of the packet: all headers, and the
// payload too unless it is borrowed.
func (p *Packet) Head() []byte { return p.buf[p.start:p.end] }

// Tail returns the borrowed payload that follows Head, nil when there is none.
func (p *Packet) Tail() []byte { return p.tail }

// Len returns the number of bytes in the packet.
func (p *Packet) Len() int { return p.end - p.start + len(p.tail) }

// Bytes returns the whole packet in one piece, with its checksums filled in.
func (p *Packet) Bytes() []byte {
	p.Own()
	p.FillChecksum()
	return p.buf[p.start:p.end]
}

// Push makes room for n bytes in front and returns them. Their content is
// undefined.
func (p *Packet) Push(n int) []byte {
	if n > p.start {
		p.reserve(n-p.start+Headroom, 0)
	}
	end := p.start
	p.start -= n
	return p.buf[p.start:end:end]
}

// Pull takes n bytes off the front and returns them. n must not be more than
// len(Head()).
func (p *Packet) Pull(n int) []byte {
	b := p.buf[p.start : p.start+n : p.start+n]
	p.start += n
	return b
}

// Unpull gives back the n bytes that were pulled last.
func (p *Packet) Unpull(n int) { p.start -= n }

// Extend appends n bytes and returns them. Their content is undefined.
func (p *Packet) Extend(n int) []byte {
	p.Own()
	if p.end+n > len(p.buf) {
		p.reserve(0, n)
	}
	b := p.buf[p.end : p.end+n : p.end+n]
	p.end += n
	return b
}

// Append adds b at the end.
func (p *Packet) Append(b []byte) { copy(p.Extend(len(b)), b) }

// Truncate cuts the packet to its first n bytes, as for the padding of short
// Ethernet frames. It does nothing if the packet is not longer than n.
func (p *Packet) Truncate(n int) {
	head := p.end - p.start
	switch {
	case n >= p.Len():
	case n <= head:
		p.giveTail()
		p.end = p.start + n
	default:
		p.tail = p.tail[:n-head]
	}
}

// Borrow lets b follow the packet's bytes without copying it. The caller must
// not change b before the end of the turn.
func (p *Packet) Borrow(b []byte) { p.tail = b }

// giveTail drops the borrowed payload.
func (p *Packet) giveTail() {
	p.tail = nil
	if p.of != nil {
		p.repay()
	}
}

// Own copies borrowed bytes into the packet, so that it may outlive the turn.
func (p *Packet) Own() {
	if len(p.tail) == 0 {
		return
	}
	tail := p.tail
	p.giveTail()
	if p.end+len(tail) > len(p.buf) {
		p.reserve(0, len(tail))
	}
	copy(p.buf[p.end:], tail)
	p.end += len(tail)
}

// Clone returns a packet of its own with the same bytes, checksum state and interface.
func (p *Packet) Clone() *Packet {
	q := p.pool.Get(p.Len())
	q.Append(p.buf[p.start:p.end])
	q.Append(p.tail)
	q.checksum, q.In, q.At, q.more = p.checksum, p.In, p.At, p.more
	if p.checksum == partial {
		shift := q.start - p.start
		q.sumStart, q.sumAt = p.sumStart+int32(shift), p.sumAt+int32(shift)
	}
	return q
}

// PartialChecksum says that the bytes from the packet's present start on are
// covered by an Internet checksum at offset at, and leaves computing it to the
// first who looks (FillChecksum). The field itself must hold the folded sum of
// what the checksum covers beside the packet's bytes (the pseudo-header).
// Within the lab's memory most segments are never looked at, as between two
// sockets of one kernel.
func (p *Packet) PartialChecksum(at int) {
	p.checksum = partial
	p.sumStart, p.sumAt = int32(p.start), int32(p.start+at)
}

// FillChecksum computes the checksum that PartialChecksum left open.
func (p *Packet) FillChecksum() {
	if p.checksum != partial {
		return
	}
	p.checksum = intact
	p.Own()
	sum := ^header.Checksum(p.buf[p.sumStart:p.end], 0)
	// RFC 768: "If the computed checksum is zero, it is transmitted as all
	// ones". UDP is the one protocol whose field is at offset 6.
	if sum == 0 && p.sumAt-p.sumStart == 6 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(p.buf[p.sumAt:], sum)
}

// Verified reports whether the transport checksum is right by construction: it
// was set in this process and nothing has touched the bytes since.
func (p *Packet) Verified() bool { return p.checksum != unverified }

// Touch returns the packet's bytes for changing them in place. From then on its
// checksums are to be verified by whoever receives it.
func (p *Packet) Touch() []byte {
	b := p.Bytes()
	p.checksum = unverified
	return b
}

// reserve moves the packet's own bytes into a larger buffer.
func (p *Packet) reserve(front, back int) {
	larger := p.pool.take(front + p.end + back)
	copy(larger.buf[p.start+front:], p.buf[p.start:p.end])
	p.buf, larger.buf = larger.buf, p.buf
	p.pool.keep(larger)
	p.start += front
	p.end += front
	p.sumStart += int32(front)
	p.sumAt += int32(front)
	p.ip += int32(front)
}
