package packet

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unsafe"

	"septet/header"
)

func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	return b
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: the packet is %x, want %x", what, got, want)
	}
}

func wantLive(t *testing.T, pl *Pool, want int) {
	t.Helper()
	if pl.Live() != want {
		t.Errorf("%d packets have an owner, want %d", pl.Live(), want)
	}
}

func TestHeadersGoOnAndComeOff(t *testing.T) {
	var pl Pool
	p := pl.From([]byte("payload"))
	copy(p.Push(3), "TCP")
	copy(p.Push(2), "IP")
	wantBytes(t, "after two pushes", p.Bytes(), []byte("IPTCPpayload"))
	if got := p.Pull(2); string(got) != "IP" {
		t.Errorf("pulled %q, want the header that was pushed last", got)
	}
	if got := p.Pull(3); string(got) != "TCP" {
		t.Errorf("pulled %q, want TCP", got)
	}
	p.Unpull(3)
	wantBytes(t, "after unpulling TCP", p.Bytes(), []byte("TCPpayload"))
	p.Release()
	wantLive(t, &pl, 0)
}

func TestPushBeyondTheHeadroom(t *testing.T) {
	var pl Pool
	p := pl.From([]byte("payload"))
	want := []byte("payload")
	for i := range 40 {
		h := bytes.Repeat([]byte{byte(i)}, 50)
		copy(p.Push(50), h)
		want = append(h, want...)
	}
	wantBytes(t, "2000 bytes of headers on a headroom of 160", p.Bytes(), want)
	wantLive(t, &pl, 1)
	p.Release()
	wantLive(t, &pl, 0)
}

func TestPushedBytesCannotRunIntoThePayload(t *testing.T) {
	var pl Pool
	p := pl.From([]byte("payload"))
	h := p.Push(4)
	_ = append(h, "XXXX"...)
	wantBytes(t, "after an append to a header", p.Bytes()[4:], []byte("payload"))
}

func TestExtendBeyondTheBuffer(t *testing.T) {
	var pl Pool
	p := pl.Get(10)
	copy(p.Push(2), "IP")
	var want []byte
	for i := range 100 {
		b := bytes.Repeat([]byte{byte(i)}, 1000)
		p.Append(b)
		want = append(want, b...)
	}
	wantBytes(t, "100000 bytes appended to a packet for 10", p.Bytes(), append([]byte("IP"), want...))
	p.Release()
	wantLive(t, &pl, 0)
}

func TestBorrowedPayload(t *testing.T) {
	var pl Pool
	source := []byte("borrowed")
	p := pl.Get(0)
	p.Borrow(source)
	copy(p.Push(3), "TCP")
	if p.Len() != 11 || string(p.Head()) != "TCP" || &p.Tail()[0] != &source[0] {
		t.Fatalf("head %q, tail %q: a borrowed payload must not be copied", p.Head(), p.Tail())
	}
	p.Own()
	copy(source, "XXXXXXXX")
	if p.Tail() != nil {
		t.Error("after Own something is still borrowed")
	}
	wantBytes(t, "after the sender's buffer changed", p.Bytes(), []byte("TCPborrowed"))

	big := pl.Get(0)
	big.Borrow(fill(60000))
	copy(big.Push(3), "TCP")
	wantBytes(t, "owning 60000 bytes", big.Bytes(), append([]byte("TCP"), fill(60000)...))
	p.Release()
	big.Release()
	wantLive(t, &pl, 0)
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{{20, "TCPborrowed"}, {11, "TCPborrowed"}, {10, "TCPborrowe"}, {3, "TCP"}, {2, "TC"}, {0, ""}} {
		var pl Pool
		p := pl.From([]byte("TCP"))
		p.Borrow([]byte("borrowed"))
		p.Truncate(c.n)
		if p.Len() != len(c.want) {
			t.Errorf("cut to %d: length %d, want %d", c.n, p.Len(), len(c.want))
		}
		wantBytes(t, "cut", p.Bytes(), []byte(c.want))
	}
}

func TestCloneIsIndependent(t *testing.T) {
	var pl Pool
	p := pl.From([]byte("head"))
	p.Borrow([]byte("tail"))
	q := p.Clone()
	wantLive(t, &pl, 2)
	q.Touch()[0] = 'X'
	wantBytes(t, "the original after its clone was changed", p.Bytes(), []byte("headtail"))
	wantBytes(t, "the clone", q.Bytes(), []byte("Xeadtail"))
	p.Release()
	wantBytes(t, "the clone after the original's end", q.Bytes(), []byte("Xeadtail"))
	q.Release()
	wantLive(t, &pl, 0)
}

// segment makes a packet of a header of eight bytes, with its checksum left
// open at offset at, and n bytes of payload.
func segment(pl *Pool, at, n int, borrowed bool, pseudo uint16) *Packet {
	p := pl.Get(n)
	if borrowed {
		p.Borrow(fill(n))
	} else {
		p.Append(fill(n))
	}
	h := p.Push(8)
	copy(h, "abcdefgh")
	binary.BigEndian.PutUint16(h[at:], pseudo)
	p.PartialChecksum(at)
	return p
}

// fullSum is what a receiver computes: the whole segment and the pseudo-header.
func fullSum(b []byte, pseudo uint16) uint16 { return header.Checksum(b, pseudo) }

func TestPartialChecksumIsFilledOnSight(t *testing.T) {
	const pseudo = 0x1234
	for _, n := range []int{0, 1, 2, 7, 64, 1459, 1460, 65001} {
		for _, borrowed := range []bool{false, true} {
			for _, at := range []int{2, 6} {
				var pl Pool
				p := segment(&pl, at, n, borrowed, pseudo)
				if !p.Verified() {
					t.Fatal("a checksum that is to be filled in is right by construction")
				}
				// Headers in front, pulled or not, do not belong to it.
				copy(p.Push(21), "an odd header in front")
				b := p.Bytes()
				if got := fullSum(b[21:], pseudo); got != 0xffff {
					t.Errorf("%d bytes (borrowed %v), field at %d: a receiver sums %#04x, want 0xffff", n, borrowed, at, got)
				}
				before := bytes.Clone(b)
				p.FillChecksum()
				wantBytes(t, "filled twice", p.Bytes(), before)
				if !p.Verified() {
					t.Error("looking at a packet does not make its checksum doubtful")
				}
				p.Release()
			}
		}
	}
}

func TestPartialChecksumSurvivesMoves(t *testing.T) {
	const pseudo = 0xfffe
	var pl Pool
	p := segment(&pl, 2, 1460, true, pseudo)
	clone := p.Clone()
	copy(p.Push(1500), fill(1500)) // reserves a larger buffer
	if got := fullSum(p.Bytes()[1500:], pseudo); got != 0xffff {
		t.Errorf("after growing in front a receiver sums %#04x, want 0xffff", got)
	}
	if !clone.Verified() {
		t.Error("a clone of a packet that is right by construction is so too")
	}
	if got := fullSum(clone.Bytes(), pseudo); got != 0xffff {
		t.Errorf("of the clone a receiver sums %#04x, want 0xffff", got)
	}
	long := segment(&pl, 2, 100, false, pseudo)
	pushed := long.Clone()
	copy(pushed.Push(14), "ethernet frame")
	again := pushed.Clone()
	if got := fullSum(again.Bytes()[14:], pseudo); got != 0xffff {
		t.Errorf("of a clone with a header in front a receiver sums %#04x, want 0xffff", got)
	}
}

// RFC 768: a computed checksum of zero is transmitted as all ones.
func TestUDPChecksumIsNeverZero(t *testing.T) {
	var pl Pool
	p := pl.Get(8)
	copy(p.Extend(8), []byte{0, 0, 0, 0, 0, 0, 0xff, 0xff}) // sums to 0xffff: complement 0
	p.PartialChecksum(6)
	if got := binary.BigEndian.Uint16(p.Bytes()[6:]); got != 0xffff {
		t.Errorf("UDP checksum %#04x, RFC 768 wants 0xffff in place of zero", got)
	}
	q := pl.Get(8)
	copy(q.Extend(8), []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0})
	q.PartialChecksum(2)
	if got := binary.BigEndian.Uint16(q.Bytes()[2:]); got != 0 {
		t.Errorf("a checksum elsewhere is %#04x, zero stays zero", got)
	}
}

func TestTouchedPacketsAreVerified(t *testing.T) {
	var pl Pool
	p := segment(&pl, 2, 10, true, 7)
	b := p.Touch()
	if p.Verified() {
		t.Error("a packet whose bytes may have been changed must be verified by its receiver")
	}
	if got := fullSum(b, 7); got != 0xffff {
		t.Errorf("Touch gives bytes with their checksum filled in: a receiver sums %#04x", got)
	}
	if pl.From(fill(20)).Verified() {
		t.Error("bytes from outside must be verified")
	}
	p.Release()
	if q := pl.Get(1); q.Verified() {
		t.Error("a packet that is used again must not inherit its predecessor's checksum state")
	}
}

func TestPoolUsesPacketsAgainUpToItsCap(t *testing.T) {
	var pl Pool
	p := pl.Get(100)
	p.Release()
	if pl.Get(100) != p {
		t.Error("a released packet of the same size is used again")
	}
	const n = 500 // of 66 KiB: 33 MB
	var all []*Packet
	for range n {
		all = append(all, pl.Get(65000))
	}
	for _, p := range all {
		p.Release()
	}
	if pl.freeBytes > maxFreeBytes {
		t.Errorf("the pool keeps %d bytes, more than its cap of %d", pl.freeBytes, maxFreeBytes)
	}
	kept := 0
	for p := pl.free[len(pl.free)-1]; p != nil; p = p.next {
		kept++
	}
	longest := bufferSizes[len(bufferSizes)-1]
	if kept*longest != pl.freeBytes-pl.keptShorter() || kept == 0 {
		t.Errorf("%d packets are kept, %d bytes counted", kept, pl.freeBytes)
	}
	huge := pl.Get(1 << 20)
	before := pl.freeBytes
	huge.Release()
	if pl.freeBytes != before {
		t.Error("a buffer of no standard size is not kept")
	}
}

func (pl *Pool) keptShorter() (n int) {
	for class, size := range bufferSizes[:len(bufferSizes)-1] {
		for p := pl.free[class]; p != nil; p = p.next {
			n += size
		}
	}
	return n
}

func TestGrowingLosesNoBuffer(t *testing.T) {
	var pl Pool
	for range 100 {
		p := pl.Get(0)
		p.Append(fill(5000))
		p.Append(fill(50000))
		p.Release()
	}
	wantLive(t, &pl, 0)
	all := 0
	for _, size := range bufferSizes {
		all += size
	}
	if pl.freeBytes > 3*all {
		t.Errorf("one packet at a time, and the pool has grown to %d bytes", pl.freeBytes)
	}
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	var pl Pool
	var q Queue
	if q.Pop() != nil || q.First() != nil || q.Len() != 0 {
		t.Error("an empty queue has something")
	}
	for i := range 5 {
		q.Push(pl.From([]byte{byte(i)}))
	}
	for i := range 3 {
		if q.Len() != 5-i || q.First().Head()[0] != byte(i) {
			t.Fatalf("length %d, first %d; want %d, %d", q.Len(), q.First().Head()[0], 5-i, i)
		}
		q.Pop().Release()
	}
	q.Push(pl.From([]byte{9}))
	wantLive(t, &pl, 3)
	q.Release()
	wantLive(t, &pl, 0)
	if q.Len() != 0 {
		t.Errorf("%d packets after Release", q.Len())
	}
}

// A packet for an Ethernet frame and its buffer are one piece of 2 KiB, for which
// Go's allocator has a size of its own: a byte more and each takes 2304. It must
// hold the longest frame at an MTU of 1500 behind the room for headers.
func TestFramePacketIsTwoKiB(t *testing.T) {
	if n := unsafe.Sizeof(framePacket{}); n > 2048 {
		t.Errorf("a packet for a frame takes %d bytes, should be at most 2048", n)
	}
	if frame := 14 + 4 + 1500; Headroom+frame > frameBuffer {
		t.Errorf("the buffer has %d bytes, a frame with its headroom takes %d", frameBuffer, Headroom+frame)
	}
	pool := &Pool{}
	if p := pool.Get(1500); len(p.buf) != frameBuffer {
		t.Errorf("a packet for a frame has a buffer of %d bytes, should be the one beside it of %d", len(p.buf), frameBuffer)
	}
	if p := pool.Get(0); len(p.buf) != headBuffer {
		t.Errorf("a packet for headers has a buffer of %d bytes, should be the one beside it of %d", len(p.buf), headBuffer)
	}
}

// The interface belongs to one life of a packet: copies have it, the next life has not.
// What Expect asks for must be what a hop looks at: the packet itself and the headers up to
// the ports, over either family, with the options that segments mostly have.
func TestExpectedIsWhatAHopLooksAt(t *testing.T) {
	const tcpHeader = header.TCPLen + 12
	for _, ip := range []int{header.IPv4Len, header.IPv6Len} {
		var f framePacket
		f.buf, f.start, f.end = f.bytes[:], Headroom, Headroom
		f.Push(tcpHeader)
		f.Push(ip)
		head := f.Push(header.EthernetLen)
		end := uintptr(unsafe.Pointer(&head[0])) - uintptr(unsafe.Pointer(&f)) + uintptr(header.EthernetLen+ip+4)
		if unsafe.Sizeof(f.Packet) > prefetched || end > prefetched {
			t.Errorf("with an IP header of %d bytes the ports end at %d of a packet, only %d are asked for", ip, end, prefetched)
		}
		f.Expect() // and changes nothing
		if f.Len() != header.EthernetLen+ip+tcpHeader {
			t.Errorf("the packet has %d bytes", f.Len())
		}
	}
}

func TestInterfaceOfPacket(t *testing.T) {
	var pool Pool
	p := pool.From([]byte("hello"))
	p.In = 7
	q := p.Clone()
	if q.In != 7 {
		t.Errorf("a copy came by interface %d, want 7 as the packet itself", q.In)
	}
	p.Release()
	q.Release()
	if p := pool.Get(5); p.In != 0 {
		t.Errorf("a new packet came by interface %d, but has not come yet", p.In)
	}
}
