package udp_test

import (
	"bytes"
	"testing"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
	"septet/physical"
	"septet/transport/udp"
)

// tap keeps the frames of a wire.
type tap struct{ frames [][]byte }

func (f *tap) Frame(_ event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e == physical.Sent {
		f.frames = append(f.frames, bytes.Clone(p.Bytes()))
	}
}

// sum adds up the pseudo-header and a datagram word by word, as RFC 768 and RFC 8200,
// section 8.1, tell, from the bytes of an IP packet without options.
func sum(ip []byte) uint16 {
	from, to := 12, header.IPv4Len // the addresses
	if ip[0]>>4 == 6 {
		from, to = 8, header.IPv6Len
	}
	udp := ip[to:]
	words := append(bytes.Clone(ip[from:to]), 0, 17, udp[4], udp[5])
	words = append(words, udp...)
	if len(words)%2 == 1 {
		words = append(words, 0)
	}
	var s uint32
	for i := 0; i < len(words); i += 2 {
		s += uint32(words[i])<<8 | uint32(words[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// What is on the wire carries a right checksum, never zero: RFC 768 has zero
// mean that there is none.
func TestChecksumOnTheWire(t *testing.T) {
	p := newPair(t)
	var seen tap
	p.wire.Tap(&seen)
	p.bind(p.b, "0.0.0.0:7")
	e := p.bind(p.a, "10.0.0.1:9")
	for i := range 0x10000 {
		// One of these has a sum of zero.
		check(t, e.Send([]byte{byte(i >> 8), byte(i)}, addr("10.0.0.2:7")))
		p.settle()
	}
	p.run()
	ones, n := 0, 0
	for _, f := range seen.frames {
		ip := f[header.EthernetLen:]
		protocol, at := ip[9], header.IPv4Len
		if *overIPv6 {
			protocol, at = ip[6], header.IPv6Len
		}
		if f[12] != 8 && f[12] != 0x86 || f[13] == 6 || protocol != 17 {
			continue
		}
		n++
		if sum(ip) != 0xffff {
			t.Fatalf("frame %x has a wrong checksum", f)
		}
		switch uint16(ip[at+6])<<8 | uint16(ip[at+7]) {
		case 0:
			t.Fatalf("frame %x has no checksum", f)
		case 0xffff:
			ones++
		}
	}
	if n < 0xff00 || ones != 1 {
		t.Errorf("of %d datagrams %d carry all ones, want one", n, ones)
	}
}

// inject gives b the UDP datagram as if it had come by wire from 10.0.0.1.
func inject(p *pair, datagram []byte) {
	open := p.netA.OpenRaw
	if *overIPv6 {
		open = p.netA.OpenRaw6
	}
	raw, err := open(header.ProtocolUDP, func(q *packet.Packet, _ *network.Datagram) { q.Release() })
	check(p.t, err)
	check(p.t, raw.Send(p.pool.From(datagram), host("10.0.0.2"), false))
	p.run()
	raw.Close()
}

func TestInput(t *testing.T) {
	const src, dst = "\x00\x09", "\x00\x07"
	// 0a00 0001 0a00 0002 0011 000a + 0009 0007 000a 6869 = 7ca1, so ~7ca1.
	right := "\x83\x5e"
	if *overIPv6 {
		// 2001 0db8 0a00 0001 2001 0db8 0a00 0002 0000 000a 0000 0011 + the same = d813.
		right = "\x27\xec"
	}
	for _, c := range []struct {
		name, datagram, want string
		bad                  func(udp.Stats) uint64
		ofIPv4, ofIPv6       bool
	}{
		{name: "without a checksum", datagram: src + dst + "\x00\x0a\x00\x00hi", want: "hi", ofIPv4: true},
		// RFC 8200, section 8.1: in IPv6 there must be one.
		{name: "without a checksum, in IPv6", datagram: src + dst + "\x00\x0a\x00\x00hi", bad: func(s udp.Stats) uint64 { return s.BadChecksum }, ofIPv6: true},
		{name: "with the right checksum", datagram: src + dst + "\x00\x0a" + right + "hi", want: "hi"},
		{name: "with a wrong checksum", datagram: src + dst + "\x00\x0a\x83\x5fhi", bad: func(s udp.Stats) uint64 { return s.BadChecksum }},
		{name: "with bytes behind it", datagram: src + dst + "\x00\x0a" + right + "hi there", want: "hi"},
		{name: "shorter than it says", datagram: src + dst + "\x00\x0b\x00\x00hi", bad: func(s udp.Stats) uint64 { return s.BadLength }},
		{name: "of an impossible length", datagram: src + dst + "\x00\x07\x00\x00hi", bad: func(s udp.Stats) uint64 { return s.BadLength }},
		{name: "without a whole header", datagram: src + dst + "\x00\x08\x00", bad: func(s udp.Stats) uint64 { return s.BadLength }},
	} {
		if c.ofIPv4 && *overIPv6 || c.ofIPv6 && !*overIPv6 {
			continue
		}
		p := newPair(t)
		e := p.bind(p.b, "0.0.0.0:7")
		inject(p, []byte(c.datagram))
		if got := receive(e); got != c.want {
			t.Errorf("a datagram %s: received %q, want %q", c.name, got, c.want)
		}
		if c.bad != nil && c.bad(p.b.Stats()) != 1 {
			t.Errorf("a datagram %s is not counted as such: %+v", c.name, p.b.Stats())
		}
	}
}

// A wire that flips bits: what arrives is right.
func TestCorruption(t *testing.T) {
	p := newPair(t)
	e, client := p.bind(p.b, "0.0.0.0:7"), p.a.Open(every())
	want := bytes.Repeat([]byte("right"), 50)
	p.send(client, "", "10.0.0.2:7")
	receive(e)
	check(t, p.wire.SetImpairment(physical.AToB, physical.Impairment{Corrupt: 0.5}))
	arrived := 0
	for range 500 {
		p.send(client, string(want), "10.0.0.2:7")
		if got := receive(e); got == string(want) {
			arrived++
		} else if got != "" {
			t.Fatalf("received %q", got)
		}
	}
	if n := p.b.Stats().BadChecksum; n == 0 || arrived < 150 || arrived > 350 {
		t.Errorf("%d of 500 arrived and %d had a bad checksum, at a corruption of one half", arrived, n)
	}
}

func FuzzInput(f *testing.F) {
	f.Add([]byte("\x00\x09\x00\x07\x00\x0a\x83\x5ehi"))
	f.Add([]byte("\x00\x09\x00\x01\x00\x08\x00\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > udp.MaxPayload {
			return
		}
		p := newPair(t)
		e := p.bind(p.b, "0.0.0.0:7")
		inject(p, b)
		e.Close()
		if n := p.pool.Live(); n != 0 {
			t.Fatalf("%d packets are left", n)
		}
	})
}

func exchange(p *pair) func() {
	server, client := p.bind(p.b, "0.0.0.0:7"), p.bind(p.a, "0.0.0.0:0")
	payload, buffer := bytes.Repeat([]byte{7}, 1200), make([]byte, 2000)
	to := addr("10.0.0.2:7")
	return func() {
		p.loop.Lock()
		err := client.Send(payload, to)
		p.loop.Unlock()
		if err != nil {
			p.t.Fatal(err)
		}
		p.loop.Lock()
		n, _, _, _ := server.Receive(buffer)
		p.loop.Unlock()
		if n != len(payload) {
			p.t.Fatalf("received %d bytes", n)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	p := newPair(t)
	one := exchange(p)
	one()
	if n := testing.AllocsPerRun(1000, one); n > 0 {
		t.Errorf("%v allocations for each datagram, want none", n)
	}
}

// One datagram of 1200 bytes from one host to the other over a bare wire.
func BenchmarkDatagram(b *testing.B) {
	one := exchange(newPair(b))
	one()
	b.SetBytes(1200)
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
}
