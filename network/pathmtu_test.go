package network_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/transport/udp"
)

// udpPair is a host, a router with a smaller MTU behind it, and a host there, with UDP.
type udpPair struct {
	b              *bench
	one, two       *network.Layer
	client, server *udp.Endpoint
	far            string
	middle         *network.Layer
}

func newUDPPair(t *testing.T, six bool, mtu int) *udpPair {
	b := newBench(t)
	p := &udpPair{b: b, far: "10.0.2.2"}
	p.one, p.middle, p.two = routed(b, 1500, mtu)
	if six {
		p.far = "2001:db8:2::2"
		for l, all := range map[*network.Layer][]string{
			p.one: {"2001:db8:1::2/64"}, p.middle: {"2001:db8:1::1/64", "2001:db8:2::1/64"}, p.two: {"2001:db8:2::2/64"},
		} {
			for n, a := range all {
				check(t, l.Interfaces()[1+n].AddAddress(netip.MustParsePrefix(a)))
			}
		}
		for l, gateway := range map[*network.Layer]string{p.one: "2001:db8:1::1", p.two: "2001:db8:2::1"} {
			check(t, l.AddRoute(network.Route{Prefix: netip.MustParsePrefix("::/0"), Gateway: addr(gateway)}))
		}
	}
	p.client, p.server = udp.New(p.one).Open(netip.Addr{}), udp.New(p.two).Open(netip.Addr{})
	check(t, p.server.Bind(netip.AddrPortFrom(addr(p.far), 7)))
	check(t, p.client.Connect(netip.AddrPortFrom(addr(p.far), 7)))
	return p
}

// send sends n bytes and reports whether they have arrived.
func (p *udpPair) send(n int) (arrived bool, err error) {
	err = p.client.Send(make([]byte, n), netip.AddrPort{})
	p.b.run(time.Second)
	got, _, _, ok := p.server.Receive(make([]byte, n))
	return ok && got == n, err
}

// RFC 1191 and RFC 8201: what a router tells of the path's MTU is believed for ten
// minutes, and each way to deal with it does what ip(7) says.
func TestPathMTU(t *testing.T) {
	for _, six := range []bool{false, true} {
		name := map[bool]string{false: "IPv4", true: "IPv6"}[six]
		for _, c := range []struct {
			d             network.Discovery
			arrives       bool  // the first, when nothing is known yet
			then          error // of the second
			thenArrives   bool
			fragmentsHere bool
		}{
			{network.DiscoverNot, !six, nil, true, six},
			{network.DiscoverWant, false, nil, true, true},
			{network.DiscoverDo, false, syscall.EMSGSIZE, false, false},
			{network.DiscoverProbe, false, nil, false, false},
		} {
			p := newUDPPair(t, six, 1300)
			p.client.SetDiscovery(c.d)
			p.client.SetDiscovery6(c.d)
			if ok, err := p.send(1400); ok != c.arrives || err != nil {
				t.Errorf("%s, %d: the first arrived: %v, %v; want %v", name, c.d, ok, err, c.arrives)
			}
			_ = p.client.TakeError()
			if ok, err := p.send(1400); ok != c.thenArrives || err != c.then {
				t.Errorf("%s, %d: the second arrived: %v, %v; want %v, %v", name, c.d, ok, err, c.thenArrives, c.then)
			}
			if n := p.one.Stats().Fragmented; (n > 0) != c.fragmentsHere {
				t.Errorf("%s, %d: %d datagrams were cut here", name, c.d, n)
			}
			// A router that could not pass it on is an error of the connected socket.
			if told := p.client.TakeError() != nil; told != (c.d == network.DiscoverProbe) {
				t.Errorf("%s, %d: the sender was told of the second: %v", name, c.d, told)
			}
			if ok, err := p.send(1200); !ok || err != nil {
				t.Errorf("%s, %d: a short one arrived: %v, %v", name, c.d, ok, err)
			}
		}
	}
}

// What is known of a path is forgotten after ten minutes (RFC 1191, section 6.3).
func TestPathMTUAges(t *testing.T) {
	p := newUDPPair(t, false, 1300)
	p.client.SetDiscovery(network.DiscoverWant)
	_, err := p.send(1400)
	check(t, err)
	if mtu, err := p.client.PathMTU(); mtu != 1300 || err != nil {
		t.Errorf("the path's MTU is %d, %v; the router has said 1300", mtu, err)
	}
	p.b.run(10 * time.Minute)
	if mtu, _ := p.client.PathMTU(); mtu != 1500 {
		t.Errorf("after ten minutes the path's MTU is %d, want the link's", mtu)
	}
}

// A path with an MTU of less than 552 is believed to have that, and routers may cut what
// does not pass (Linux's net.ipv4.route.min_pmtu).
func TestPathMTUFloor(t *testing.T) {
	p := newUDPPair(t, false, 200)
	p.client.SetDiscovery(network.DiscoverWant)
	_, err := p.send(400)
	check(t, err)
	if err := p.client.TakeError(); err != syscall.EMSGSIZE {
		t.Errorf("the sender is told %v, want EMSGSIZE", err)
	}
	if mtu, _ := p.client.PathMTU(); mtu != 552 {
		t.Errorf("the path's MTU is %d, want 552: less is not believed", mtu)
	}
	if ok, err := p.send(1000); !ok || err != nil {
		t.Errorf("a datagram arrived: %v, %v; it goes in pieces that the router may cut", ok, err)
	}
}

// A message about a datagram that no socket has sent changes nothing, and what many
// routers tell stays within bounds (RFC 5927, section 7).
func TestPathMTUForged(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	defaultRoute(t, l, "10.0.0.2")
	u := udp.New(l)
	e := u.Open(netip.IPv4Unspecified())
	check(t, e.Bind(netip.MustParseAddrPort("0.0.0.0:1000")))
	tell := func(dst netip.Addr, port uint16) {
		quote := make([]byte, header.UDPLen)
		h := header.UDP{SrcPort: port, DstPort: 7, Length: 1400}
		h.Put(quote)
		about := ip(header.IPv4{Src: addr("10.0.0.1"), Dst: dst, Protocol: header.ProtocolUDP}, quote)
		p.send("10.0.0.1", ip(header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: header.ProtocolICMP},
			icmp(header.ICMPUnreachable, header.ICMPFragmentationNeeded, 600, about)))
	}
	known := func(dst netip.Addr) bool {
		path, err := l.Path(dst, netip.Addr{})
		check(t, err)
		return l.PathMTU(&path) == 600
	}
	tell(addr("192.0.2.1"), 1001)
	if known(addr("192.0.2.1")) {
		t.Error("an error about a port that nobody has was believed")
	}
	tell(addr("192.0.2.1"), 1000)
	if !known(addr("192.0.2.1")) {
		t.Error("an error about a socket's datagram was not believed")
	}
	n := 0
	for i := range 3000 {
		dst := netip.AddrFrom4([4]byte{192, 1, byte(i >> 8), byte(i)})
		if tell(dst, 1000); known(dst) {
			n++
		}
	}
	if n != 1023 {
		t.Errorf("%d paths more are remembered, want 1,024 in all", n)
	}
}

// The table is full of paths that nobody uses any more: when what was told of them is too
// old to be believed, there is room for others.
func TestPathMTUTableAges(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, _ := b.join6(host)
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	learn := func(dst netip.Addr) int {
		host.LearnPathMTU(&network.Error{Errno: syscall.EMSGSIZE, MTU: 1300, Dst: dst})
		path, err := host.Path(dst, netip.Addr{})
		check(t, err)
		return host.PathMTU(&path)
	}
	dst := addr("2001:db8::1:0")
	for range 1024 {
		dst = dst.Next()
		host.LearnPathMTU(&network.Error{Errno: syscall.EMSGSIZE, MTU: 1300, Dst: dst})
	}
	last := addr("2001:db8::2:0")
	if got := learn(last); got != 1500 {
		t.Errorf("the MTU of one path more is %d, want 1500: 1,024 are remembered and none is pushed out", got)
	}
	b.run(11 * time.Minute)
	if got := learn(last); got != 1300 {
		t.Errorf("the MTU of a path is %d after the others have aged, want 1300 as its router has told", got)
	}
}
