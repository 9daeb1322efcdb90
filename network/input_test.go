package network_test

import (
	"bytes"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/packet"
)

func TestDatagram(t *testing.T) {
	b := newBench(t)
	one, two := b.host(), b.host()
	_, arrives := b.cable(one, "10.0.0.1/24", two, "10.0.0.2/24", 1500)
	var got sink
	two.Handle(experimental, &got)
	payload := []byte("hello")
	check(t, output(one, "10.0.0.2", payload, network.Send{TTL: 7, TOS: 0x10}))
	b.run(time.Second)
	if len(got.payloads) != 1 || !bytes.Equal(got.payloads[0], payload) {
		t.Fatalf("received %q, want one datagram %q without padding or header", got.payloads, payload)
	}
	want := network.Datagram{
		Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), TTL: 7, TOS: 0x10, Protocol: experimental,
		Interface: arrives, HeaderLen: 20,
	}
	if heard := got.datagrams[0]; heard.Src != want.Src || heard.Dst != want.Dst || heard.TTL != want.TTL ||
		heard.TOS != want.TOS || heard.Protocol != want.Protocol || heard.Interface != want.Interface ||
		heard.Broadcast || heard.Route != nil || heard.HeaderLen != want.HeaderLen {
		t.Errorf("it came as %+v, want %+v", got.datagrams[0], want)
	}
}

// A short Ethernet frame is padded; the padding is no part of the datagram.
func TestPadding(t *testing.T) {
	_, _, p, got := reassembler(t)
	h := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental}
	p.send("10.0.0.1", append(ip(h, []byte("short")), make([]byte, 21)...))
	if len(got.payloads) != 1 || string(got.payloads[0]) != "short" {
		t.Errorf("received %q, want it without the padding", got.payloads)
	}
}

// What a host sends to itself never reaches a wire and comes by "lo", after
// the sender's call, not inside it.
func TestLoopback(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	var got sink
	l.Handle(experimental, &got)
	for i, dst := range []string{"127.0.0.1", "127.1.2.3", "10.0.0.1", "0.0.0.0"} {
		check(t, output(l, dst, []byte(dst), network.Send{}))
		if len(got.payloads) != i {
			t.Fatalf("to %s: delivered inside the sender's call; a layer must not be entered twice", dst)
		}
		b.run(0)
		if len(got.payloads) != i+1 || string(got.payloads[i]) != dst || got.datagrams[i].Interface.Name() != "lo" {
			t.Fatalf("to %s: received %q", dst, got.payloads)
		}
	}
	if len(p.take()) != 0 {
		t.Error("a packet to this host went out by wire")
	}
}

// A broadcast reaches every host of the network, the sender too, marked as such.
func TestBroadcast(t *testing.T) {
	for _, dst := range []string{"10.0.0.255", "255.255.255.255"} {
		b := newBench(t)
		one, two := b.host(), b.host()
		b.cable(one, "10.0.0.1/24", two, "10.0.0.2/24", 1500)
		defaultRoute(t, one, "10.0.0.2")
		var self, other sink
		one.Handle(experimental, &self)
		two.Handle(experimental, &other)
		check(t, output(one, dst, pattern(4000), network.Send{}))
		b.run(time.Second)
		for name, s := range map[string]*sink{"the sender": &self, "the other host": &other} {
			if len(s.payloads) != 1 || !bytes.Equal(s.payloads[0], pattern(4000)) || !s.datagrams[0].Broadcast {
				t.Errorf("to %s: %s received %d datagrams, want one, marked as a broadcast", dst, name, len(s.payloads))
			}
		}
	}
}

// What comes by wire and must not be believed: RFC 1122, sections 3.2.1 and
// 3.3.6. Nothing of it is delivered, answered or forwarded; each is counted, also when a
// good one has come just before.
func TestInputDrops(t *testing.T) {
	good := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental}
	from := func(src string) header.IPv4 { h := good; h.Src = addr(src); return h }
	to := func(dst string) header.IPv4 { h := good; h.Dst = addr(dst); return h }
	change := func(at int, to byte) []byte {
		p := ip(good, []byte("payload"))
		p[at] = to
		return p
	}
	type counter func(*network.Stats) *uint64
	badHeader := func(s *network.Stats) *uint64 { return &s.InBadHeader }
	martian := func(s *network.Stats) *uint64 { return &s.InMartian }
	notForUs := func(s *network.Stats) *uint64 { return &s.InNotForUs }
	for _, c := range []struct {
		name      string
		packet    []byte
		linkGroup bool
		count     counter
	}{
		{name: "version 6", packet: change(0, 0x65), count: badHeader},
		{name: "header length 16", packet: change(0, 0x44), count: badHeader},
		{name: "header length beyond the packet", packet: change(0, 0x4f), count: badHeader},
		{name: "checksum", packet: change(8, 65), count: badHeader},
		{name: "empty", packet: nil, count: badHeader},
		{name: "cut short", packet: ip(good, pattern(100))[:99], count: func(s *network.Stats) *uint64 { return &s.InTruncated }},
		{name: "from 127.0.0.1", packet: ip(from("127.0.0.1"), nil), count: martian},
		{name: "from 0.0.0.0", packet: ip(from("0.0.0.0"), nil), count: martian},
		{name: "from 0.0.0.0 to 0.0.0.0", count: martian,
			packet: ip(header.IPv4{Src: addr("0.0.0.0"), Dst: addr("0.0.0.0"), Protocol: experimental}, nil)},
		{name: "from 0.1.2.3", packet: ip(from("0.1.2.3"), nil), count: martian},
		{name: "from a multicast group", packet: ip(from("224.0.0.1"), nil), count: martian},
		{name: "from the broadcast address", packet: ip(from("10.0.0.255"), nil), count: martian},
		{name: "from 255.255.255.255", packet: ip(from("255.255.255.255"), nil), count: martian},
		{name: "from ourselves", packet: ip(from("10.0.0.1"), nil), count: martian},
		{name: "to 127.0.0.1", packet: ip(to("127.0.0.1"), nil), count: martian},
		{name: "to 0.0.0.0", packet: ip(to("0.0.0.0"), nil), count: martian},
		{name: "to another host", packet: ip(to("10.0.0.3"), nil), count: notForUs},
		{name: "to another network", packet: ip(to("192.0.2.1"), nil), count: notForUs},
		{name: "to a group", packet: ip(to("224.0.0.5"), nil), count: func(s *network.Stats) *uint64 { return &s.InMulticast }},
		{name: "to one host in a frame for all", packet: ip(good, nil), linkGroup: true,
			count: func(s *network.Stats) *uint64 { return &s.InWrongLink }},
	} {
		for _, after := range []string{"nothing", "a good one"} {
			t.Run(c.name+" after "+after, func(t *testing.T) {
				b := newBench(t)
				l := b.host()
				p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
				var got sink
				l.Handle(experimental, &got)
				if after != "nothing" {
					p.send("10.0.0.1", ip(good, nil))
					got.payloads = nil
				}
				if c.linkGroup {
					p.broadcast(c.packet)
				} else {
					p.send("10.0.0.1", c.packet)
				}
				b.run(time.Minute)
				stats := l.Stats()
				if n := *c.count(&stats); n != 1 {
					t.Errorf("its counter is %d, want 1: %+v", n, stats)
				}
				if len(got.payloads) != 0 || len(p.take()) != 0 {
					t.Error("it was delivered or answered")
				}
			})
		}
	}
}

func TestSourceRouteAndOptions(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	var got sink
	l.Handle(experimental, &got)
	h := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental}

	h.Options = []byte{1, 7, 7, 4, 0, 0, 0, 0} // no-op, record route
	p.send("10.0.0.1", ip(h, []byte("recorded")))
	if len(got.payloads) != 1 || string(got.payloads[0]) != "recorded" || got.datagrams[0].HeaderLen != 28 {
		t.Errorf("with options that need not be obeyed %q arrived, want the payload", got.payloads)
	}
	for _, kind := range []byte{131, 137} {
		h.Options = []byte{kind, 7, 4, 10, 0, 0, 9, 0}
		p.send("10.0.0.1", ip(h, []byte("routed")))
	}
	if n := l.Stats().InSourceRouted; n != 2 || len(got.payloads) != 1 {
		t.Errorf("%d of 2 source routes were refused", n)
	}
	p.take()
	h.Options = []byte{1, 1, 7, 1} // the length of an option is 2 at least
	p.send("10.0.0.1", ip(h, []byte("bad")))
	// The pointer names the octet of the error: the third of the options.
	if _, m, _ := wantICMP(t, p.take(), header.ICMPParameterProblem, 0); m.Rest>>24 != 22 {
		t.Errorf("the pointer is %d, want 22", m.Rest>>24)
	}
}

// An address is the host's on every interface (RFC 1122, section 3.3.4.2, weak
// model), but 127/8 is not.
func TestWeakHost(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
	var got sink
	l.Handle(experimental, &got)
	p.send("10.0.0.1", ip(header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.1.1"), Protocol: experimental}, nil))
	if len(got.datagrams) != 1 || got.datagrams[0].Broadcast {
		t.Error("a packet for the address of the other interface was not delivered")
	}
}

func TestOutputErrors(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	for _, c := range []struct {
		name string
		n    int
		o    network.Send
		want error
	}{
		{"as long as the MTU", 1480, network.Send{DontFragment: true}, nil},
		{"longer, not to be cut", 1481, network.Send{DontFragment: true}, syscall.EMSGSIZE},
		{"longer", 1481, network.Send{}, nil},
		{"the longest datagram", 65515, network.Send{}, nil},
		{"longer than a datagram", 65516, network.Send{}, syscall.EMSGSIZE},
	} {
		if err := output(l, "10.0.0.2", make([]byte, c.n), c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	var nowhere network.Path
	if err := l.Output(b.pool.From(nil), &nowhere, &network.Send{}); err != syscall.EDESTADDRREQ {
		t.Errorf("along the zero path: %v, want EDESTADDRREQ", err)
	}
}

// A path that is in use needs no memory, on the way down or up.
func TestNoAllocation(t *testing.T) {
	b := newBench(t)
	one, two := b.host(), b.host()
	b.cable(one, "10.0.0.1/24", two, "10.0.0.2/24", 1500)
	two.Handle(experimental, release{})
	send := sender(b, one, "10.0.0.2")
	send()
	b.run(time.Millisecond)
	if n := testing.AllocsPerRun(1000, send); n > 0 {
		t.Errorf("%v allocations for each packet, want none", n)
	}
}

// release is a protocol that wants nothing.
type release struct{}

func (release) Input(p *packet.Packet, _ *network.Datagram) { p.Release() }
func (release) Error(*network.Error)                        {}

// sender returns a function that sends 1200 bytes and lets them arrive.
func sender(b *bench, l *network.Layer, dst string) func() {
	path, err := l.Path(addr(dst), netip.Addr{})
	check(b.t, err)
	payload := pattern(1200)
	return func() {
		p := b.pool.Get(0)
		p.Borrow(payload)
		b.loop.Lock()
		err := l.Output(p, &path, &network.Send{Protocol: experimental})
		b.loop.Unlock()
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func BenchmarkWire(b *testing.B) {
	n := newBench(b)
	one, two := n.host(), n.host()
	n.cable(one, "10.0.0.1/24", two, "10.0.0.2/24", 1500)
	two.Handle(experimental, release{})
	benchmark(b, n, sender(n, one, "10.0.0.2"))
}

func BenchmarkLoopback(b *testing.B) {
	n := newBench(b)
	l := n.host()
	l.Handle(experimental, release{})
	benchmark(b, n, sender(n, l, "127.0.0.1"))
}

func BenchmarkForward(b *testing.B) {
	n := newBench(b)
	one, _, two := routed(n, 1500, 1500)
	two.Handle(experimental, release{})
	benchmark(b, n, sender(n, one, "10.0.2.2"))
}

func benchmark(b *testing.B, n *bench, send func()) {
	send()
	n.run(time.Millisecond)
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}
