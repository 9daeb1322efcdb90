package packet

import (
	"encoding/binary"

	"septet/header"
)

// A train is a packet that stands for many frames of one flow: the headers are
// those of the first, the borrowed payload is that of all, and each frame has a
// Car with what sets it apart. It passes through the layers in one piece, as the
// segments of a kernel do above a card that cuts them up (segmentation offload).
// Who wants single frames sees them (Each) or gets them (Break); they are the
// same, to the byte, as if there had been no train.
//
// A train does not outlive its turn. Before a packet's bytes are looked at or
// kept, a train is broken up; code that has not heard of trains never meets one,
// because they are only sent where everybody has.

// MaxCars is how many frames a train may stand for.
const MaxCars = 64

// Car is what sets one segment of a train apart from the first.
type Car struct {
	Ack    header.Seq
	Window uint16
	Flags  header.TCPFlags
}

// train is the part of a Packet that makes it one.
type train struct {
	cars []Car
	size int // payload of each car; the last may have less
	ip   int // where the IP header starts in the buffer
}

// Couple makes p, a TCP segment with the header of the first car and the payload
// of all, a train with size bytes of payload in each car but the last.
func (p *Packet) Couple(size int, cars []Car) {
	p.size = size
	p.cars = append(p.cars[:0], cars...)
}

// MarkIP notes that the packet now starts with its IP header.
func (p *Packet) MarkIP() { p.ip = p.start }

// Frames returns how many frames p stands for: 1 unless it is a train.
func (p *Packet) Frames() int { return max(1, len(p.cars)) }

// FrameLen returns the length of the longest frame.
func (p *Packet) FrameLen() int {
	if len(p.cars) == 0 {
		return p.Len()
	}
	return p.end - p.start + min(p.size, len(p.tail))
}

// TotalLen returns the length of all frames together.
func (p *Packet) TotalLen() int {
	return max(1, len(p.cars))*(p.end-p.start) + len(p.tail)
}

// Cars returns the cars of a train.
func (p *Packet) Cars() []Car { return p.cars }

// Size returns the payload of each car of a train but the last.
func (p *Packet) Size() int { return p.size }

// Uncouple takes the payload of the next car, size bytes if there are so many, off
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
	if len(p.cars) == 0 {
		see(p)
		return
	}
	whole := *p
	first := p.readFirst()
	p.cars = nil
	rest := whole.tail
	for k := range whole.cars {
		p.tail = Uncouple(&rest, whole.size)
		p.become(&first, k, whole.cars[k], whole.size)
		see(p)
		p.end = whole.end // should p have come to own the frame's bytes
	}
	p.cars, p.tail = whole.cars, whole.tail
	p.headAsFirst(&first)
}

// Break gives away every frame that p stands for, each as a packet with an owner of
// its own, and p itself if it is none but one.
func (p *Packet) Break(give func(*Packet)) {
	if len(p.cars) == 0 {
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
	sum uint16 // of the pseudo-header, with the length of a full car
	ip  uint16 // of the IP header without length and identification
}

// headAsFirst writes the headers of a whole train.
func (p *Packet) headAsFirst(first *firstFrame) {
	p.become(first, 0, p.cars[0], p.size)
}

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

// become writes the headers of frame k, whose payload is p's tail.
func (p *Packet) become(first *firstFrame, k int, car Car, size int) {
	be := binary.BigEndian
	text := min(len(p.tail), size)
	ip, tcp := (*[header.IPv4Len]byte)(p.buf[p.ip:]), (*[header.TCPLen]byte)(p.buf[p.sumStart:])
	if length := uint16(p.end - p.ip + text); first.six {
		be.PutUint16(ip[4:], length-header.IPv6Len)
	} else {
		id := first.id + uint16(k)
		be.PutUint16(ip[2:], length)
		be.PutUint16(ip[4:], id)
		be.PutUint16(ip[10:], ^fold(uint32(first.ip)+uint32(length)+uint32(id)))
	}
	be.PutUint32(tcp[4:], uint32(first.seq)+uint32(k*size))
	be.PutUint32(tcp[8:], uint32(car.Ack))
	tcp[13] = byte(car.Flags)
	be.PutUint16(tcp[14:], car.Window)
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
