package network_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// lsrr and ssrr are the bytes of an option with these addresses, of which so many have
// been visited, padded as in a header.
func lsrr(visited int, addrs ...string) []byte { return srr(131, visited, addrs) }
func ssrr(visited int, addrs ...string) []byte { return srr(137, visited, addrs) }

func srr(kind byte, visited int, addrs []string) []byte {
	b := []byte{kind, byte(3 + 4*len(addrs)), byte(4 + 4*visited)}
	for _, a := range addrs {
		b = append(b, addr(a).AsSlice()...)
	}
	return append(b, 0)
}

// RFC 791, section 3.1: a hop puts the next address into the header and its own, as it
// is known there, in the place of that.
func TestSourceRouteForwarded(t *testing.T) {
	for _, c := range []struct {
		name, dst string
		options   []byte
		wantDst   string
		want      []byte
	}{
		{"loose", "10.0.1.1", lsrr(0, "10.0.2.2", "192.0.2.9"), "10.0.2.2", lsrr(1, "10.0.2.1", "192.0.2.9")},
		{"strict", "10.0.1.1", ssrr(0, "10.0.2.2", "192.0.2.9"), "10.0.2.2", ssrr(1, "10.0.2.1", "192.0.2.9")},
		{"the last hop", "10.0.1.1", ssrr(1, "10.9.9.9", "10.0.2.2"), "10.0.2.2", ssrr(2, "10.9.9.9", "10.0.2.1")},
		{"loose, over another router", "10.0.1.1", lsrr(0, "192.0.2.9"), "192.0.2.9", lsrr(1, "10.0.2.1")},
		{"loose, between two hops", "192.0.2.9", lsrr(0, "192.0.2.10"), "192.0.2.9", lsrr(0, "192.0.2.10")},
		{"by two of the router's addresses", "10.0.1.1", lsrr(0, "10.0.2.1", "10.0.2.2"), "10.0.2.2", lsrr(2, "10.0.2.1", "10.0.2.1")},
		{"completed", "10.0.2.2", lsrr(1, "10.9.9.9"), "10.0.2.2", lsrr(1, "10.9.9.9")},
		{"behind another option", "10.0.1.1", append([]byte{1, 1, 1, 1}, lsrr(0, "10.0.2.2")...), "10.0.2.2",
			append([]byte{1, 1, 1, 1}, lsrr(1, "10.0.2.1")...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			router := b.router()
			router.SetSourceRouting(true)
			in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
			out := b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
			defaultRoute(t, router, "10.0.2.2")
			h := header.IPv4{Src: addr("10.0.1.2"), Dst: addr(c.dst), Protocol: experimental, Options: c.options}
			in.send("10.0.1.1", ip(h, []byte("routed")))
			b.run(time.Second)
			got := out.take()
			if len(got) != 1 {
				t.Fatalf("%d packets were forwarded, must be one: %+v", len(got), router.Stats())
			}
			g, payload, err := header.ParseIPv4(got[0])
			check(t, err)
			if g.Dst != addr(c.wantDst) || !bytes.Equal(g.Options, c.want) {
				t.Errorf("it goes to %v with the options %v, must go to %s with %v", g.Dst, g.Options, c.wantDst, c.want)
			}
			if g.TTL != 63 || g.Src != addr("10.0.1.2") || string(payload) != "routed" {
				t.Errorf("time to live %d, source %v, payload %q: nothing but the time to live may change", g.TTL, g.Src, payload)
			}
		})
	}
}

// What cannot go on by its route is told to the sender: source route failed (RFC 1812,
// section 5.2.7.1; for a host that is no router RFC 1122, section 3.3.5), or where in
// the header the error is.
func TestSourceRouteRefused(t *testing.T) {
	const failed, problem = header.ICMPUnreachable, header.ICMPParameterProblem
	for _, c := range []struct {
		name, dst string
		options   []byte
		router    bool
		typ, code uint8
		pointer   uint32
	}{
		{"the next hop of a strict route is behind a router", "10.0.1.1", ssrr(0, "192.0.2.9"), true, failed, 5, 0},
		{"a strict route left on the way", "192.0.2.9", ssrr(0, "192.0.2.10"), true, failed, 5, 0},
		{"no route to the next hop", "10.0.1.1", lsrr(0, "203.0.113.1"), true, failed, 5, 0},
		{"on to a broadcast address", "10.0.1.1", lsrr(0, "10.0.2.255"), true, failed, 5, 0},
		{"on to a group", "10.0.1.1", lsrr(0, "224.0.0.1"), true, failed, 5, 0},
		{"on to the loopback address", "10.0.1.1", lsrr(0, "127.0.0.1"), true, failed, 5, 0},
		{"on from a host that is no router", "10.0.1.1", lsrr(0, "10.0.2.2"), false, failed, 5, 0},
		{"a pointer into an address", "10.0.1.1", []byte{131, 7, 5, 10, 0, 2, 2, 0}, true, problem, 0, 20},
		{"half an address", "10.0.1.1", []byte{1, 131, 5, 4, 10, 0, 0, 0}, true, problem, 0, 21},
		{"two routes", "10.0.1.1", append([]byte{131, 7, 4, 10, 0, 2, 2, 1}, ssrr(0, "10.0.2.2")...), true, problem, 0, 28},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			l := b.host()
			l.SetForwarding(c.router)
			l.SetSourceRouting(true)
			in := b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
			out := b.attach(l, "10.0.2.1/24", "10.0.2.2", 1500)
			check(t, l.AddRoute(network.Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Gateway: addr("10.0.2.2")}))
			sent := ip(header.IPv4{Src: addr("10.0.1.2"), Dst: addr(c.dst), Protocol: experimental, Options: c.options}, []byte("routed"))
			in.send("10.0.1.1", sent)
			b.run(time.Second)
			_, m, quote := wantICMP(t, in.take(), c.typ, c.code)
			if m.Rest>>24 != c.pointer || !bytes.Equal(quote, sent) {
				t.Errorf("the pointer is %d and the quotation %v, must be %d and the packet as it came, %v", m.Rest>>24, quote, c.pointer, sent)
			}
			if n := len(out.take()); n > 0 {
				t.Errorf("%d packets went on all the same", n)
			}
		})
	}
}

// RFC 7126, sections 4.3 and 4.4: source routes are dropped unless the administrator
// wants them.
func TestSourceRoutingIsOff(t *testing.T) {
	b := newBench(t)
	router := b.router()
	in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	out := b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
	for _, options := range [][]byte{lsrr(0, "10.0.2.2"), ssrr(0, "10.0.2.2"), lsrr(1, "10.0.2.2"), {131, 3, 3, 0}} {
		for _, dst := range []string{"10.0.1.1", "10.0.2.2"} {
			in.send("10.0.1.1", ip(header.IPv4{Src: addr("10.0.1.2"), Dst: addr(dst), Protocol: experimental, Options: options}, nil))
		}
	}
	b.run(time.Second)
	if n := router.Stats().InSourceRouted; n != 8 || len(in.take()) > 0 || len(out.take()) > 0 {
		t.Errorf("%d of 8 were dropped, and none may be answered or forwarded", n)
	}
}

// RFC 1122, section 3.2.1.8: the recorded route is handed up, to be gone the other way,
// whether the source has put itself into it or not.
func TestSourceRouteBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []byte
		want    *network.SourceRoute
	}{
		{"case A", lsrr(2, "10.0.9.1", "10.0.8.1"), &network.SourceRoute{Hops: []netip.Addr{addr("10.0.8.1"), addr("10.0.9.1")}}},
		{"case B", ssrr(3, "10.0.7.7", "10.0.9.1", "10.0.1.2"), &network.SourceRoute{Strict: true, Hops: []netip.Addr{addr("10.0.1.2"), addr("10.0.9.1")}}},
		{"nothing recorded", []byte{131, 3, 4, 0}, nil},
		{"the source alone", lsrr(1, "10.0.7.7"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			l := b.host()
			l.SetSourceRouting(true)
			p := b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
			var got sink
			l.Handle(experimental, &got)
			p.send("10.0.1.1", ip(header.IPv4{Src: addr("10.0.7.7"), Dst: addr("10.0.1.1"), Protocol: experimental, Options: c.options}, nil))
			if len(got.datagrams) != 1 {
				t.Fatalf("%d datagrams were handed up, must be one", len(got.datagrams))
			}
			if back := got.datagrams[0].Route; !back.Equal(c.want) {
				t.Errorf("the way back is %+v, must be %+v", back, c.want)
			}
		})
	}
}

// The option that a host sends has the hops but the first, and the destination (RFC
// 1122, section 3.2.1.8, case A).
func TestSourceRouteSent(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.1.1/24", "10.0.1.2", 100)
	route := &network.SourceRoute{Strict: true, Hops: []netip.Addr{addr("10.0.1.2"), addr("10.0.2.2")}}
	path, err := l.PathVia(addr("192.0.2.9"), netip.Addr{}, route)
	check(t, err)
	o := network.Send{Protocol: experimental, DontFragment: true, SourceRoute: route}
	check(t, l.Output(l.Pool().From(make([]byte, 100-20-12)), &path, &o))
	if err := l.Output(l.Pool().From(make([]byte, 100-20-12+1)), &path, &o); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("one byte more than fits behind 12 bytes of options: %v, must be EMSGSIZE", err)
	}
	// A change of the routes must not make it leave the route.
	defaultRoute(t, l, "10.0.1.3")
	check(t, l.Output(l.Pool().From(nil), &path, &o))
	b.run(time.Second)
	got := p.take()
	if len(got) != 2 {
		t.Fatalf("the first hop got %d packets, must be 2", len(got))
	}
	for _, g := range got {
		h, _, err := header.ParseIPv4(g)
		check(t, err)
		if want := ssrr(0, "10.0.2.2", "192.0.2.9"); h.Dst != addr("10.0.1.2") || !bytes.Equal(h.Options, want) {
			t.Errorf("it goes to %v with the options %v, must go to the first hop with %v", h.Dst, h.Options, want)
		}
	}
}

func TestPathViaErrors(t *testing.T) {
	b := newBench(t)
	l := b.host()
	b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
	defaultRoute(t, l, "10.0.1.2")
	many := slices.Repeat([]netip.Addr{addr("10.0.1.2")}, network.MaxHops)
	for _, c := range []struct {
		name  string
		dst   string
		route network.SourceRoute
		want  error
	}{
		{"as many hops as there is room for", "192.0.2.1", network.SourceRoute{Hops: many}, nil},
		{"one more", "192.0.2.1", network.SourceRoute{Hops: append(many, many[0])}, syscall.EINVAL},
		{"a hop that is a group", "192.0.2.1", network.SourceRoute{Hops: []netip.Addr{addr("224.0.0.1")}}, syscall.EINVAL},
		{"a hop of IPv6", "192.0.2.1", network.SourceRoute{Hops: []netip.Addr{addr("::1")}}, syscall.EINVAL},
		{"a hop that is this host", "192.0.2.1", network.SourceRoute{Hops: []netip.Addr{addr("10.0.1.1")}}, syscall.EINVAL},
		{"a hop that is a broadcast address", "192.0.2.1", network.SourceRoute{Hops: []netip.Addr{addr("10.0.1.255")}}, syscall.EINVAL},
		{"to everybody", "255.255.255.255", network.SourceRoute{Hops: many[:1]}, syscall.EINVAL},
		{"a loose hop behind a router", "192.0.2.1", network.SourceRoute{Hops: []netip.Addr{addr("192.0.2.7")}}, nil},
		{"a strict one", "192.0.2.1", network.SourceRoute{Strict: true, Hops: []netip.Addr{addr("192.0.2.7")}}, syscall.EHOSTUNREACH},
	} {
		if _, err := l.PathVia(addr(c.dst), netip.Addr{}, &c.route); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, must be %v", c.name, err, c.want)
		}
	}
}

// TestSourceRouteThere sends an echo request by a route that no routing table has, and
// an error finds its way back to who sent what it is about.
//
//	one --- a --- two
//	  \          /
//	   ---- b ---
func TestSourceRouteThere(t *testing.T) {
	b := newBench(t)
	one, a, other, two := b.host(), b.router(), b.router(), b.host()
	b.cable(one, "10.0.1.2/24", a, "10.0.1.1/24", 1500)
	b.cable(a, "10.0.2.1/24", two, "10.0.2.2/24", 1500)
	b.cable(one, "10.0.3.2/24", other, "10.0.3.1/24", 1500)
	b.cable(other, "10.0.4.1/24", two, "10.0.4.2/24", 1500)
	defaultRoute(t, one, "10.0.1.1")
	defaultRoute(t, two, "10.0.2.1")
	for _, l := range []*network.Layer{a, other, two} {
		l.SetSourceRouting(true)
	}
	one.SetSourceRouting(true)
	var got sink
	one.Handle(experimental, &got)
	route := &network.SourceRoute{Strict: true, Hops: []netip.Addr{addr("10.0.3.1")}}
	path, err := one.PathVia(addr("10.0.4.2"), addr("10.0.3.2"), route)
	check(t, err)

	// Nothing is open for the protocol at two, which says so.
	check(t, one.Output(one.Pool().From(pattern(40)), &path, &network.Send{Protocol: experimental, SourceRoute: route}))
	b.run(time.Second)
	if len(got.errors) != 1 || got.errors[0].Dst != addr("10.0.4.2") || got.errors[0].Code != header.ICMPProtocolUnreachable {
		t.Fatalf("the errors are %+v, must be one about a datagram to 10.0.4.2", got.errors)
	}
	if n, m := other.Stats().Forwarded, a.Stats().Forwarded; n != 2 || m != 0 {
		t.Errorf("there and back %d passed the router of the route and %d the one of the tables, must be 2 and 0", n, m)
	}

	// The router is told of a datagram with no time left: its quotation is still for
	// the hop, and about a datagram to two.
	check(t, one.Output(one.Pool().From(pattern(40)), &path, &network.Send{Protocol: experimental, SourceRoute: route, TTL: 1}))
	b.run(time.Second)
	if len(got.errors) != 2 || got.errors[1].Dst != addr("10.0.4.2") || got.errors[1].Type != header.ICMPTimeExceeded {
		t.Fatalf("the errors are %+v, the second must be time exceeded about a datagram to 10.0.4.2", got.errors)
	}
}

// RFC 1122, section 3.2.2.6: an echo reply goes by the route of its request.
func TestEchoReplyBySourceRoute(t *testing.T) {
	b := newBench(t)
	l := b.host()
	l.SetSourceRouting(true)
	p := b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
	h := header.IPv4{Src: addr("192.0.2.9"), Dst: addr("10.0.1.1"), Protocol: header.ProtocolICMP, Options: lsrr(2, "10.0.8.1", "10.0.1.2")}
	p.send("10.0.1.1", ip(h, icmp(header.ICMPEchoRequest, 0, 1<<16|1, []byte("hello"))))
	b.run(time.Second)
	g, _, _ := wantICMP(t, p.take(), header.ICMPEchoReply, 0)
	if want := lsrr(0, "10.0.8.1", "192.0.2.9"); g.Dst != addr("10.0.1.2") || !bytes.Equal(g.Options, want) {
		t.Errorf("the reply goes to %v with the options %v, must go to 10.0.1.2 with %v", g.Dst, g.Options, want)
	}
}
