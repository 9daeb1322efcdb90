package packet

import (
	"encoding/binary"

	"septet/header"
)

// A train is a packet that stands for many frames of one flow: the headers are
// those of the first, the borrowed payload is that of all, and each frame but the
// last has so much of it. It passes through the layers in one piece, as the
// segments of a kernel do above a card that cuts them up (segmentation offload).
// Who wants single frames sees them (Each) or gets them (Break); they are the
// same, to the byte, as if there had been no train.
//
// A train does not outlive its turn. Before a packet's bytes are looked at or
// kept, a train is broken up; code that has not heard of trains never meets one,
// because they are only sent where everybody has.

// MaxFrames is how many frames a train may stand for.
const MaxFrames = 64

// train is the part of a Packet that makes it one.
type train struct {
	frames int32 // 0 if it is none
	size   int32 // payload of each frame; the last may have less
	ip     int32 // where the IP header starts in the buffer
	pushed bool  // the last frame's segment has PSH
	more   bool  // see More
}

// Couple makes p, a TCP segment with the header of the first frame and the payload
// of all, a train with size bytes of payload in each frame but the last, whose
// segment has PSH if pushed says so.
func (p *Packet) Couple(size int, pushed bool) {
	p.frames, p.size, p.pushed = int32((len(p.tail)+size-1)/size), int32(size), pushed
}

// MarkIP notes that the packet now starts with its IP header.
func (p *Packet) MarkIP() { p.ip = int32(p.start) }

// Frames returns how many frames p stands for: 1 unless it is a train.
func (p *Packet) Frames() int { return max(1, int(p.frames)) }

// More reports whether the next frame of the same flow follows this one in the same
// turn: they come from a train, or would have been one.
func (p *Packet) More() bool { return p.more }

// SetMore says whether the next frame of the same flow follows at once. What may lose
// a frame, or delay it, says that none does.
func (p *Packet) SetMore(more bool) { p.more = more }

// FrameLen returns the length of the longest frame.
func (p *Packet) FrameLen() int {
	if p.frames == 0 {
		return p.Len()
	}
	return p.end - p.start + min(int(p.size), len(p.tail))
}

// TotalLen returns the length of all frames together.
func (p *Packet) TotalLen() int {
	return p.Frames()*(p.end-p.start) + len(p.tail)
}

// Size returns the payload of each frame of a train but the last.
func (p *Packet) Size() int { return int(p.size) }

// Pushed reports whether the last segment of a train has PSH.
func (p *Packet) Pushed() bool { return p.pushed }

// Uncouple takes the payload of the next frame, size bytes if there are so many, off
// what is left of a train's.
func Uncouple(tail *[]byte, size int) []byte {
	all := *tail
	if size > len(all) {
		size = len(all)
	}
	*tail = all[size:]
	return all[:size:size]
}

// Each shows every frame that p stands for. During the call p itself is that
// frame: see may read it, Bytes included, but neither change nor keep it.
func (p *Packet) Each(see func(*Packet)) {
	if p.frames == 0 {
		see(p)
		return
	}
	whole := *p
	first := p.readFirst()
	p.frames = 0
	rest := whole.tail
	for k := range whole.Frames() {
		p.tail = Uncouple(&rest, whole.Size())
		p.more = k+1 < whole.Frames()
		p.become(&first, k, &whole.train)
		see(p)
		p.end = whole.end // should p have come to own the frame's bytes
	}
	p.frames, p.tail, p.more = whole.frames, whole.tail, false
	p.become(&first, 0, &whole.train)
}

// Break gives away every frame that p stands for, each as a packet with an owner of
// its own, and p itself if it is none but one.
func (p *Packet) Break(give func(*Packet)) {
	if p.frames == 0 {
		give(p)
		return
	}
	p.Each(func(frame *Packet) { give(frame.Clone()) })
	p.Release()
}

// firstFrame is what the headers of a train say, in terms of its first frame.
type firstFrame struct {
	six bool // the header is IPv6's, which has neither identification nor checksum
	id  uint16
	seq header.Seq
	sum uint16 // of the pseudo-header, with the length of a full frame
	ip  uint16 // of the IP header without length and identification
}

// flagsAt and push are TCP's (RFC 9293, section 3.1).
const (
	flagsAt = 13
	push    = byte(header.PSH)
)

func (p *Packet) readFirst() firstFrame {
	be := binary.BigEndian
	ip, tcp := p.buf[p.ip:], p.buf[p.sumStart:]
	f := firstFrame{seq: header.Seq(be.Uint32(tcp[4:])), sum: be.Uint16(tcp[16:])}
	if f.six = ip[0]>>4 == 6; f.six {
		return f
	}
	f.id = be.Uint16(ip[4:])
	be.PutUint32(ip[2:], 0)
	be.PutUint16(ip[10:], 0)
	f.ip = header.Checksum(ip[:header.IPv4Len], 0)
	return f
}

// become writes the headers of frame k, whose payload is p's tail, or its beginning.
func (p *Packet) become(first *firstFrame, k int, t *train) {
	be := binary.BigEndian
	size := int(t.size)
	text := min(len(p.tail), size)
	ip, tcp := (*[header.IPv4Len]byte)(p.buf[p.ip:]), (*[header.TCPLen]byte)(p.buf[p.sumStart:])
	if length := uint16(p.end - int(p.ip) + text); first.six {
		be.PutUint16(ip[4:], length-header.IPv6Len)
	} else {
		id := first.id + uint16(k)
		be.PutUint16(ip[2:], length)
		be.PutUint16(ip[4:], id)
		be.PutUint16(ip[10:], ^fold(uint32(first.ip)+uint32(length)+uint32(id)))
	}
	be.PutUint32(tcp[4:], uint32(first.seq)+uint32(k*size))
	if tcp[flagsAt] &^= push; t.pushed && k+1 == int(t.frames) {
		tcp[flagsAt] |= push
	}
	be.PutUint16(tcp[16:], shorten(first.sum, size-text))
	p.checksum = partial
}

// shorten takes n off a folded ones' complement sum.
func shorten(sum uint16, n int) uint16 {
	if n == 0 {
		return sum
	}
	return fold(uint32(sum) + uint32(^uint16(n)))
}

// fold adds the carries of a ones' complement sum to it.
func fold(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}
