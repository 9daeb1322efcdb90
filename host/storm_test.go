package host_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/host"
	"septet/link"
	"septet/packet"
	"septet/physical"
	"septet/socket"
)

// overheard keeps the last segment of each sender on a wire.
type overheard map[netip.Addr]header.TCP

func (o overheard) Frame(_ event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	ip, segment, err := header.ParseIPv4(p.Bytes()[header.EthernetLen:])
	if e != physical.Sent || err != nil || ip.Protocol != header.ProtocolTCP {
		return
	}
	var h header.TCP
	if n, err := header.ParseTCP(segment, &h); err == nil {
		h.Seq = h.Seq.Add(len(segment) - n) // where the next one would begin
		o[ip.Src] = h
	}
}

// forgeSegment sends a segment in somebody else's name through a raw socket.
func forgeSegment(t *testing.T, s *socket.Socket, src, dst netip.Addr, h header.TCP, text string) {
	t.Helper()
	h.Checksum = 0
	segment := make([]byte, h.Len())
	h.Put(segment)
	segment = append(segment, text...)
	sum := ^header.Checksum(segment, header.PseudoSum(src, dst, header.ProtocolTCP, len(segment)))
	segment[16], segment[17] = byte(sum>>8), byte(sum)
	ip := header.IPv4{TotalLength: header.IPv4Len + len(segment), TTL: 64, Protocol: header.ProtocolTCP, Src: src, Dst: dst}
	b := make([]byte, header.IPv4Len)
	ip.Put(b)
	if _, err := s.SendTo(append(b, segment...), 0, netip.AddrPortFrom(dst, 0)); err != nil {
		t.Fatal(err)
	}
}

// A third host forges one segment each way, so that both ends of a connection
// believe to have received what the other has not sent. Each then finds all that the
// other sends unacceptable and says so: on wires without a delay that must not go on
// for ever within one turn.
func TestForgedSegmentsStartNoStormOfACKs(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	pool := new(packet.Pool)
	sw := link.NewSwitch(l, pool, "s")
	heard := overheard{}
	var hosts []*host.Host
	for i, address := range []string{"10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"} {
		w := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
		if i == 0 { // Unjudged: what is forged makes both ends say what is wrong
			w.Tap(heard)
		}
		sw.AddPort(w.B())
		h := host.New(l, pool, address)
		if _, err := h.Attach("eth0", w.A(), netip.MustParsePrefix(address)); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	listener, err := hosts[1].Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	c, err := hosts[0].Dial("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("hello"))
	server.Write([]byte("world"))
	_ = l.Run(l.Now().Add(time.Second))

	raw, err := hosts[2].Socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	fromA, fromB := heard[a], heard[b]
	fromA.Flags, fromA.Ack = header.ACK|header.PSH, fromB.Seq
	fromB.Flags, fromB.Ack = header.ACK|header.PSH, fromA.Seq
	fromA.Options.TSVal += 1000
	fromB.Options.TSVal += 1000
	forgeSegment(t, raw, a, b, fromA, "evil")
	forgeSegment(t, raw, b, a, fromB, "evil")
	for _, h := range hosts[:2] {
		if n := h.TCP.Stats().SegmentsOut; n > 100 {
			t.Errorf("%d segments were sent, should be a few and then silence", n)
		}
	}
}

// LAND: a SYN that claims to come from the very address it is sent to makes a
// connection with itself.
func TestSynFromItselfEnds(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "h")
	if _, err := h.Listen("tcp", "127.0.0.1:80"); err != nil {
		t.Fatal(err)
	}
	raw, err := h.Socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	self := netip.MustParseAddr("127.0.0.1")
	forgeSegment(t, raw, self, self, header.TCP{SrcPort: 80, DstPort: 80, Flags: header.SYN, Window: 1000}, "")
	if n := h.TCP.Stats().SegmentsOut; n > 100 {
		t.Errorf("%d segments were sent, should be a few and then silence", n)
	}
}
