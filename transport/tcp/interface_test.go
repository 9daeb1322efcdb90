package tcp

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/physical"
)

// What RFC 9293, section 3.9, says of TCP's two interfaces and no script can show.

// TestOpenRefusesGroups: nobody can be connected to a broadcast or multicast address.
func TestOpenRefusesGroups(t *testing.T) {
	//rfc:9293 MUST-46
	b := newBench(t, nil, 1500)
	for _, to := range []string{"10.0.0.255", "255.255.255.255", "224.0.0.1", "239.1.2.3", "ff02::1", "ff0e::1"} {
		_, err := b.tcp.Connect(nil, netip.AddrPortFrom(netip.MustParseAddr(to), 80), nil, Options{})
		if !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("connect to %s: %v, must be %v", to, err, syscall.ENETUNREACH)
		}
	}
	b.advance(ev.Time(time.Second))
	if len(b.sent) != 0 || b.tcp.Count() != 0 {
		t.Errorf("%d segments sent and %d connections made, must be none", len(b.sent), b.tcp.Count())
	}
}

// TestSegmentsToGroups: a SYN to a broadcast or multicast address finds no listener
// and gets no answer, a reset neither.
func TestSegmentsToGroups(t *testing.T) {
	//rfc:9293 MUST-57
	four.needs(t, "broadcasts; groups are tried over both")
	b := newBench(t, nil, 1500)
	s := &script{bench: b, flows: map[uint16]*flow{}}
	s.listen(5)
	for _, to := range []string{"10.0.0.255", "255.255.255.255", "224.0.0.1"} {
		for _, flags := range []header.TCPFlags{header.SYN, header.ACK, 0} {
			p := b.pool.Get(0)
			h := header.TCP{SrcPort: 5000, DstPort: scriptService, Flags: flags, Window: 1000}
			h.Put(p.Extend(h.Len()))
			ip := header.IPv4{
				TotalLength: header.IPv4Len + p.Len(), TTL: 64, Protocol: header.ProtocolTCP,
				Src: b.peer, Dst: netip.MustParseAddr(to),
			}
			ip.Put(p.Push(header.IPv4Len))
			eth := header.Ethernet{Dst: header.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Src: benchPeerMAC, Type: header.EtherTypeIPv4}
			eth.Put(p.Push(header.EthernetLen))
			b.loop.Post(delivery{b, p})
			b.advance(b.loop.Now())
		}
	}
	b.advance(ev.Time(time.Minute))
	if len(b.sent) != 0 || b.tcp.Count() != 0 {
		t.Errorf("%d segments sent and %d connections made, must be none", len(b.sent), b.tcp.Count())
	}
}

// TestChecksumIsChecked: a segment with one bit changed is dropped without an answer.
func TestChecksumIsChecked(t *testing.T) {
	//rfc:9293 MUST-3
	b := newBench(t, nil, 1500)
	s := &script{bench: b, flows: map[uint16]*flow{}}
	s.listen(5)
	syn := header.TCP{SrcPort: 5000, DstPort: scriptService, Flags: header.SYN, Window: 1000}
	raw := make([]byte, syn.Len())
	for bit := range 8 * len(raw) {
		syn.Put(raw)
		sum := ^header.Checksum(raw, header.PseudoSum(b.peer, b.host, header.ProtocolTCP, len(raw)))
		raw[16], raw[17] = byte(sum>>8), byte(sum)
		raw[bit/8] ^= 1 << (bit % 8)
		p := b.pool.Get(0)
		copy(p.Extend(len(raw)), raw)
		b.injectIP(p, header.ProtocolTCP)
	}
	if n := b.tcp.stats.BadChecksum; n != uint64(8*len(raw)) || len(b.sent) != 0 {
		t.Errorf("%d of %d damaged segments were dropped for their checksum, %d answered", n, 8*len(raw), len(b.sent))
	}
}

// TestOptionsAnywhere: options are read in any segment, at any place, with unknown
// ones among them; the first byte of text stands behind them.
func TestOptionsAnywhere(t *testing.T) {
	//rfc:9293 MUST-4
	//rfc:9293 MUST-5
	//rfc:9293 MUST-6
	//rfc:9293 MUST-64
	b := newBench(t, nil, 1500)
	s := &script{bench: b, flows: map[uint16]*flow{}}
	s.listen(5)
	send := func(h header.TCP, options []byte, text string) {
		raw := make([]byte, header.TCPLen+len(options)+len(text))
		h.Put(raw)
		raw[12] = byte((header.TCPLen+len(options))/4) << 4
		copy(raw[copy(raw[header.TCPLen:], options)+header.TCPLen:], text)
		sum := ^header.Checksum(raw, header.PseudoSum(b.peer, b.host, header.ProtocolTCP, len(raw)))
		raw[16], raw[17] = byte(sum>>8), byte(sum)
		p := b.pool.Get(0)
		copy(p.Extend(len(raw)), raw)
		b.injectIP(p, header.ProtocolTCP)
	}
	h := header.TCP{SrcPort: scriptPassivePeer, DstPort: scriptService, Flags: header.SYN, Window: 65535}
	// A no-op, an unknown option of three bytes, and MSS 300 at an odd place; then the
	// end, and what would be MSS 1460 if it were not behind it.
	send(h, []byte{1, 254, 3, 9, 1, 2, 4, 1, 44, 0, 2, 4}, "")
	if len(b.sent) != 1 || b.sent[0].Flags != header.SYN|header.ACK {
		t.Fatalf("a SYN with unknown options must be answered, but %d segments were sent", len(b.sent))
	}
	h.Flags, h.Seq, h.Ack = header.ACK, 1, b.sent[0].Seq+1
	send(h, []byte{254, 5, 1, 2, 3, 1, 1, 0}, "text")
	c := s.listener.Accept()
	if c == nil || c.Buffered() != 4 {
		t.Fatalf("text behind unknown options must arrive")
	}
	b.sent = nil
	c.Write(make([]byte, 1000))
	b.advance(b.loop.Now())
	if len(b.sent) == 0 || len(b.sent[0].text) != 300 {
		t.Errorf("the peer's MSS of 300 at an odd place was not obeyed: %+v", b.sent)
	}
}

// TestOptionsAreWellFormed: every option sent has a length, but no-operation and end,
// and what is behind the end is zero.
func TestOptionsAreWellFormed(t *testing.T) {
	//rfc:9293 MUST-68
	//rfc:9293 MUST-69
	for set := range 32 {
		h := header.TCP{Options: header.TCPOptions{
			HasMSS: set&1 != 0, HasWindowScale: set&2 != 0, SACKPermitted: set&4 != 0, HasTimestamps: set&8 != 0,
			NumSACK: uint8(set >> 4 & 1), MSS: 1460, WindowScale: 7, TSVal: 1, TSEcr: 2,
		}}
		raw := make([]byte, h.Len())
		h.Put(raw)
		if int(raw[12]>>4)*4 != len(raw) {
			t.Errorf("set %d: the data offset is %d, the header has %d bytes", set, raw[12]>>4*4, len(raw))
		}
		lengths := map[byte]byte{2: 4, 3: 3, 4: 2, 5: 10, 8: 10} // RFC 9293, 7323, 2018
		for o := raw[header.TCPLen:]; len(o) > 0; {
			switch {
			case o[0] == header.OptionNop:
				o = o[1:]
			case o[0] == header.OptionEnd:
				for _, x := range o {
					if x != 0 {
						t.Errorf("set %d: padding is not zero: %x", set, o)
					}
				}
				o = nil
			case len(o) < 2 || lengths[o[0]] != o[1]:
				t.Fatalf("set %d: option %d has not the length %d: %x", set, o[0], lengths[o[0]], o)
			default:
				o = o[o[1]:]
			}
		}
	}
}

// TestListenWhileConnected: listening on a port and connecting from it do not
// disturb each other.
func TestListenWhileConnected(t *testing.T) {
	//rfc:9293 MUST-41
	//rfc:9293 MUST-42
	b := newBench(t, nil, 1500)
	s := &script{bench: b, flows: map[uint16]*flow{}}
	s.listen(5)
	s.now = b.loop.Now()
	for _, line := range []string{"+0 < SYN seq 0", "+0 > SYN,ACK seq 0 ack 1", "+0 < ACK seq 1 ack 1", "+0 accept"} {
		if len(b.sent) > 0 {
			s.hostISS = b.sent[0].Seq
		}
		s.step(line)
	}
	first := s.flow().conn
	s.listener.Close()
	if first.state != Established {
		t.Fatalf("the listener has closed, and its connection is %v", first.state)
	}
	s.listen(5)
	if first.state != Established {
		t.Errorf("somebody listens again, and the old connection is %v", first.state)
	}
	b.inject(header.TCP{SrcPort: 5001, DstPort: scriptService, Flags: header.SYN, Window: 1000}, nil)
	if len(b.sent) != 1 || b.sent[0].DstPort != 5001 || b.sent[0].Flags != header.SYN|header.ACK {
		t.Errorf("the new listener must answer beside the old connection")
	}
	// While connections with its port are in SYN-SENT and SYN-RECEIVED.
	s.listener.Close()
	port, err := s.tcp.Reserve(anyPort(scriptService), Sharing{ReuseAddr: true})
	if err != nil {
		t.Fatal(err)
	}
	calling, err := s.tcp.Connect(port, netip.AddrPortFrom(b.peer, 7), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	port.Release()
	if got := s.listen(5); got != "ok" || calling.state != SynSent {
		t.Errorf("listening on the port of a connection in SYN-SENT: %s, and it is %v", got, calling.state)
	}
}

// TestLocalAddress: OPEN takes a local address or has IP choose one, and every
// segment of the connection has it.
func TestLocalAddress(t *testing.T) {
	//rfc:9293 MUST-43
	//rfc:9293 MUST-44
	//rfc:9293 MUST-45
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	ln := p.listen(80)
	if _, err := p.a.tcp.Reserve(netip.AddrPortFrom(p.b.ip, 0), Sharing{}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("somebody else's address can be bound: %v", err)
	}
	want := p.a.ip
	bound, err := p.a.tcp.Reserve(netip.AddrPortFrom(want, 5555), Sharing{})
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []*Port{nil, bound} {
		c, err := p.a.tcp.Connect(port, netip.AddrPortFrom(p.b.ip, 80), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p.loop.Run(p.loop.Now())
		server := ln.Accept()
		if server == nil || server.Remote() != c.Local() || c.Local().Addr() != want {
			t.Fatalf("the connection must be from %v, it is from %v", want, c.Local())
		}
		c.Write(make([]byte, 5000))
		p.loop.Run(p.loop.Now())
		if server.Buffered() != 5000 {
			t.Errorf("from %v %d of 5000 bytes arrive", want, server.Buffered())
		}
	}
}

// TestNegativeAdvice: when nothing is acknowledged any more, the next hop is asked
// whether it is still there.
func TestNegativeAdvice(t *testing.T) {
	//rfc:9293 MUST-20
	//rfc:9293 SHLD-10
	//rfc:1122 2.3.2.1 rule advice from TCP makes ARP ask again
	b := newBench(t, nil, 1500)
	if _, err := b.tcp.Connect(nil, netip.AddrPortFrom(b.peer, 80), nil, Options{}); err != nil {
		t.Fatal(err)
	}
	b.advance(ev.Time(500 * time.Millisecond))
	before := b.asked()
	b.advance(ev.Time(6 * time.Second)) // SYNs at 1 and 3 s
	if n := b.asked() - before; n != 0 {
		t.Errorf("after two retransmissions the next hop was asked %d times, must not be before the third", n)
	}
	b.advance(ev.Time(20 * time.Second)) // and at 7 and 15 s
	if n := b.asked() - before; n == 0 {
		t.Error("after four retransmissions the next hop was never asked")
	}
}

// asked returns how often the host has asked for its peer.
func (b *bench) asked() uint64 { return b.nic.Stats().ARP.OutRequests + b.solicited }
