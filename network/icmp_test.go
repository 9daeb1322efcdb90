package network_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/packet"
)

func TestPing(t *testing.T) {
	b := newBench(t)
	one, _, two := routed(b, 1500, 600)
	var got []network.EchoReply
	e, err := one.OpenEcho(func(r network.EchoReply) {
		r.Payload = bytes.Clone(r.Payload)
		got = append(got, r)
	})
	check(t, err)
	for seq, c := range []struct {
		dst  string
		size int
		ttl  uint8
	}{
		{"10.0.2.2", 56, 63},    // one router takes one off 64
		{"10.0.2.2", 4000, 63},  // in fragments, both ways
		{"10.0.1.1", 0, 64},     // the router
		{"127.0.0.1", 56, 64},   // the host itself
		{"10.0.1.2", 65507, 64}, // and by its address, as long as a datagram can be
	} {
		check(t, e.Send(addr(c.dst), uint16(seq), pattern(c.size), 0))
		b.run(time.Second)
		if len(got) != seq+1 {
			t.Fatalf("no reply from %s", c.dst)
		}
		r := got[seq]
		if r.Err != nil || r.From != addr(c.dst) || r.Sequence != uint16(seq) || r.TTL != c.ttl || !bytes.Equal(r.Payload, pattern(c.size)) {
			t.Errorf("reply from %v, sequence %d, TTL %d, %d bytes; want %s, %d, %d, %d bytes",
				r.From, r.Sequence, r.TTL, len(r.Payload), c.dst, seq, c.ttl, c.size)
		}
	}
	if n := two.Stats().EchoRequests; n != 2 {
		t.Errorf("10.0.2.2 answered %d requests, want 2", n)
	}
	e.Close()
	if err := e.Send(addr("10.0.1.1"), 9, nil, 0); err != syscall.EBADF {
		t.Errorf("Send after Close: %v, want EBADF", err)
	}
}

// With a time to live of 1, 2, 3 ... the routers of the way name themselves.
func TestTraceroute(t *testing.T) {
	b := newBench(t)
	one, router, two := routed(b, 1500, 1500)
	var got []string
	e, err := one.OpenEcho(func(r network.EchoReply) {
		what := "reply"
		if r.Err != nil {
			what = fmt.Sprintf("type %d code %d about %v", r.Err.Type, r.Err.Code, r.Dst)
		}
		got = append(got, fmt.Sprintf("%d %v %s", r.Sequence, r.From, what))
	})
	check(t, err)
	for _, c := range []struct {
		dst string
		ttl uint8
	}{{"10.0.2.2", 1}, {"10.0.2.2", 2}, {"192.0.2.1", 5}, {"10.0.2.77", 5}} {
		check(t, e.Send(addr(c.dst), uint16(c.ttl), nil, c.ttl))
		b.run(5 * time.Second)
	}
	want := []string{
		"1 10.0.1.1 type 11 code 0 about 10.0.2.2",
		"2 10.0.2.2 reply",
		"5 10.0.1.1 type 3 code 0 about 192.0.2.1",
		"5 10.0.1.1 type 3 code 1 about 10.0.2.77",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q, want\n%q; the router counts %+v, the host %+v", got, want, router.Stats(), two.Stats())
	}
}

func TestEchoIdentifiers(t *testing.T) {
	b := newBench(t)
	l := b.host()
	ids := make(map[uint16]bool)
	var last *network.Echo
	for {
		e, err := l.OpenEcho(func(network.EchoReply) { t.Error("a reply to what was not asked") })
		if err != nil {
			if err != syscall.ENOBUFS || len(ids) < 1000 {
				t.Fatalf("after %d: %v, want ENOBUFS, after a good many", len(ids), err)
			}
			break
		}
		if ids[e.ID()] {
			t.Fatalf("identifier %d was given twice", e.ID())
		}
		ids[e.ID()], last = true, e
	}
	last.Close()
	mine := 0
	e, err := l.OpenEcho(func(network.EchoReply) { mine++ })
	check(t, err)
	check(t, e.Send(addr("127.0.0.1"), 1, nil, 0))
	b.run(0)
	if mine != 1 {
		t.Errorf("%d replies for the one that asked, want 1", mine)
	}
}

// RFC 1122, section 3.2.2, names what no ICMP error may be about.
func TestErrorsForbidden(t *testing.T) {
	unknown := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: 200}
	change := func(f func(*header.IPv4)) header.IPv4 { h := unknown; f(&h); return h }
	about := ip(header.IPv4{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), Protocol: 200}, pattern(8))
	for _, c := range []struct {
		name    string
		h       header.IPv4
		payload []byte
		allowed bool
	}{
		{name: "a datagram", h: unknown, payload: pattern(8), allowed: true},
		{name: "a datagram to a broadcast", h: change(func(h *header.IPv4) { h.Dst = addr("10.0.0.255") })},
		{name: "a datagram to all", h: change(func(h *header.IPv4) { h.Dst = addr("255.255.255.255") })},
		{name: "a datagram from nobody", h: change(func(h *header.IPv4) { h.Src, h.Dst = addr("0.0.0.0"), addr("255.255.255.255") })},
		{name: "an ICMP error to be forwarded", payload: icmp(header.ICMPUnreachable, 1, 0, about),
			h: change(func(h *header.IPv4) { h.Protocol, h.Dst, h.TTL = header.ProtocolICMP, addr("10.0.9.9"), 1 })},
		{name: "an unknown ICMP message to be forwarded", payload: icmp(99, 1, 0, about),
			h: change(func(h *header.IPv4) { h.Protocol, h.Dst, h.TTL = header.ProtocolICMP, addr("10.0.9.9"), 1 })},
		{name: "an echo request to be forwarded", payload: icmp(header.ICMPEchoRequest, 0, 0, nil), allowed: true,
			h: change(func(h *header.IPv4) { h.Protocol, h.Dst, h.TTL = header.ProtocolICMP, addr("10.0.9.9"), 1 })},
		{name: "a later fragment", payload: pattern(8),
			h: change(func(h *header.IPv4) { h.Dst, h.TTL, h.FragmentOffset = addr("10.0.9.9"), 1, 8 })},
		{name: "the first fragment", payload: pattern(8), allowed: true,
			h: change(func(h *header.IPv4) { h.Dst, h.TTL, h.MoreFragments = addr("10.0.9.9"), 1, true })},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			l := b.router()
			p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
			b.attach(l, "10.0.9.1/24", "10.0.9.9", 1500)
			p.send("10.0.0.1", ip(c.h, c.payload))
			b.run(time.Second)
			if n := len(p.take()); (n == 1) != c.allowed {
				t.Errorf("%d ICMP errors sent; allowed: %v", n, c.allowed)
			}
			if s := l.Stats(); !c.allowed && s.ICMPErrorsForbidden != 1 {
				t.Errorf("not counted as forbidden: %+v", s)
			}
		})
	}
}

func TestProtocolUnreachable(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	sent := ip(header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: 200, TOS: 0xbb}, pattern(8))
	p.send("10.0.0.1", sent)
	outer, _, quote := wantICMP(t, p.take(), header.ICMPUnreachable, header.ICMPProtocolUnreachable)
	// RFC 1812, section 4.3.2.5: precedence 6, and the TOS of the packet.
	if outer.Src != addr("10.0.0.1") || outer.TOS != 0xd8 || !bytes.Equal(quote, sent) {
		t.Errorf("from %v with TOS %#x, want from 10.0.0.1 with 0xd8 and the packet quoted", outer.Src, outer.TOS)
	}
}

// The rate of errors is bounded, over time and at once, to one address and in all (RFC
// 1812, section 4.3.2.8; the numbers are Linux's).
func TestErrorRate(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/16", "10.0.0.2", 1500)
	bad := func(n int) []byte {
		src := netip.AddrFrom4([4]byte{10, 0, byte(1 + n>>7), byte(1 + n&127)})
		p.nic.AddAddress(src)
		return ip(header.IPv4{Src: src, Dst: addr("10.0.0.1"), Protocol: 200}, nil)
	}
	one := bad(0)
	p.send("10.0.0.1", one)
	p.take()
	for range 500 {
		p.send("10.0.0.1", one)
	}
	if n := len(p.take()); n != 5 {
		t.Errorf("500 more bad packets of one sender at once had %d answers, want 5, which makes six", n)
	}
	for range 1001 { // from the beginning of the 10 s to their end
		p.send("10.0.0.1", one)
		b.run(10 * time.Millisecond)
	}
	if n := len(p.take()); n != 10 {
		t.Errorf("in 10 s it had %d answers, want 10", n)
	}
	for n := range 200 {
		p.send("10.0.0.1", bad(1+n))
	}
	b.run(0)
	if n := len(p.take()); n != 50 {
		t.Errorf("200 senders at once had %d answers, want 50 in all", n)
	}
	if l.Stats().ICMPErrorsLimited == 0 {
		t.Error("what was not sent is not counted")
	}
}

// However many senders there are, the table of them keeps its cap, and they get a
// thousand answers a second.
func TestErrorRateManySenders(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/8", "10.0.0.2", 1500)
	defaultRoute(t, l, "10.0.0.2")
	for n := range 10000 {
		src := netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)})
		p.send("10.0.0.1", ip(header.IPv4{Src: src, Dst: addr("10.0.0.1"), Protocol: 200}, nil))
		b.run(500 * time.Microsecond)
	}
	if n := len(p.take()); n < 4950 || n > 5050 {
		t.Errorf("10,000 senders in 5 s had %d answers, want 5,000 and at most 50 more", n)
	}
}

// Nobody is flooded by what a host tells itself: every sender on it hears.
func TestErrorRateLoopback(t *testing.T) {
	b := newBench(t)
	l := b.host()
	for range 200 {
		check(t, output(l, "127.0.0.1", pattern(8), network.Send{}))
		b.run(0)
	}
	if n := l.Stats().ICMPErrorsReceived; n != 200 {
		t.Errorf("%d errors about 200 datagrams on the loopback, want all", n)
	}
}

// A ping to everybody is not answered (RFC 1122, section 3.2.2.6, allows that).
func TestBroadcastPing(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	ping := ip(header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.255"), Protocol: header.ProtocolICMP},
		icmp(header.ICMPEchoRequest, 0, 1, nil))
	p.broadcast(ping)
	if len(p.take()) != 0 || l.Stats().EchoIgnored != 1 {
		t.Error("a ping to the broadcast address was answered")
	}
}

// An error reaches the protocol that sent what it quotes, with the errno that
// Linux has for it (the table of its ip(7) and icmp.c).
func TestErrorInput(t *testing.T) {
	for _, c := range []struct {
		typ, code uint8
		errno     syscall.Errno
		hard      bool
	}{
		{3, 0, syscall.ENETUNREACH, false},
		{3, 1, syscall.EHOSTUNREACH, false},
		{3, 2, syscall.ENOPROTOOPT, true},
		{3, 3, syscall.ECONNREFUSED, true},
		{3, 4, syscall.EMSGSIZE, false},
		{3, 13, syscall.EHOSTUNREACH, true},
		{11, 0, syscall.EHOSTUNREACH, false},
		{11, 1, syscall.EHOSTUNREACH, false},
		{12, 0, syscall.EPROTO, true},
	} {
		b, l, p, got := reassembler(t)
		check(t, output(l, "10.0.0.2", pattern(20), network.Send{}))
		b.run(time.Second)
		quoted := p.take()[0]
		p.send("10.0.0.1", ip(header.IPv4{Src: addr("10.0.0.77"), Dst: addr("10.0.0.1"), Protocol: header.ProtocolICMP},
			icmp(c.typ, c.code, 1234, quoted[:28])))
		if len(got.errors) != 1 {
			t.Errorf("type %d code %d: %d errors reported, want one", c.typ, c.code, len(got.errors))
			continue
		}
		e := got.errors[0]
		if e.Errno != c.errno || e.Hard != c.hard {
			t.Errorf("type %d code %d is %v, hard %v; want %v, %v", c.typ, c.code, e.Errno, e.Hard, c.errno, c.hard)
		}
		if e.From != addr("10.0.0.77") || e.Src != addr("10.0.0.1") || e.Dst != addr("10.0.0.2") || !bytes.Equal(e.Quoted, pattern(8)) {
			t.Errorf("it says %+v", e)
		}
		if wantMTU := c.typ == 3 && c.code == 4; (e.MTU == 1234) != wantMTU {
			t.Errorf("type %d code %d has MTU %d", c.typ, c.code, e.MTU)
		}
	}
}

// Anybody can send an error. What does not quote something of this host, or
// quotes too little, is not believed.
func TestErrorInputRefused(t *testing.T) {
	mine := header.IPv4{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), Protocol: experimental}
	change := func(f func(*header.IPv4)) []byte { h := mine; f(&h); return ip(h, pattern(8)) }
	for name, quote := range map[string][]byte{
		"of another host":      change(func(h *header.IPv4) { h.Src = addr("10.0.0.9") }),
		"of the loopback":      change(func(h *header.IPv4) { h.Src = addr("127.0.0.1") }),
		"of a later fragment":  change(func(h *header.IPv4) { h.FragmentOffset = 8 }),
		"without 8 bytes":      ip(mine, pattern(7)),
		"without a header":     pattern(8),
		"of nothing":           nil,
		"of another's quoting": ip(mine, nil),
	} {
		_, l, p, got := reassembler(t)
		p.send("10.0.0.1", ip(header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: header.ProtocolICMP},
			icmp(header.ICMPUnreachable, header.ICMPPortUnreachable, 0, quote)))
		if len(got.errors) != 0 || l.Stats().ICMPBadError != 1 {
			t.Errorf("an error with a quotation %s was believed", name)
		}
	}
}

// Whatever bytes arrive, nothing breaks, and every packet has an end.
func FuzzInput(f *testing.F) {
	h := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: header.ProtocolICMP}
	f.Add(ip(h, icmp(header.ICMPEchoRequest, 0, 1, pattern(10))), false)
	f.Add(ip(h, icmp(header.ICMPUnreachable, 3, 1, ip(header.IPv4{Src: h.Dst, Dst: h.Src, Protocol: experimental}, pattern(8)))), false)
	f.Add(piece(1, 8, true, pattern(16)), true)
	h.Dst, h.Options = addr("10.0.9.9"), []byte{7, 4, 0, 0, 131, 3, 4, 0}
	f.Add(ip(h, pattern(900)), false)
	f.Fuzz(func(t *testing.T, data []byte, group bool) {
		b := newBench(t)
		l := b.router()
		p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 9000)
		b.attach(l, "10.0.9.1/24", "10.0.9.9", 300)
		l.Handle(experimental, new(sink))
		_, err := l.OpenRaw(header.ProtocolICMP, func(p *packet.Packet, _ *network.Datagram) { p.Release() })
		check(t, err)
		// As it is, and with the header made right, which the fuzzer cannot guess.
		fixed := bytes.Clone(data)
		if n := len(fixed); n >= header.IPv4Len {
			fixed[0] = 0x40 | byte(max(5, min(int(fixed[0]&15), n/4)))
			fixed[2], fixed[3] = byte(n>>8), byte(n)
			fixed[10], fixed[11] = 0, 0
			sum := ^header.Checksum(fixed[:4*int(fixed[0]&15)], 0)
			fixed[10], fixed[11] = byte(sum>>8), byte(sum)
		}
		for _, d := range [][]byte{data, fixed, fixed} {
			if len(d) > 9000 {
				continue
			}
			if group {
				p.broadcast(d)
			} else {
				p.send("10.0.0.1", d)
			}
		}
	})
}
