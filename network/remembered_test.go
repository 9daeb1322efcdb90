package network_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// What a layer remembers of the last packet is good for that alone: the next may not
// pass because of it.

// A source that has passed the checks sends to addresses that no packet on a wire is to
// (RFC 4291, sections 2.5.2, 2.5.3 and 2.7; RFC 4942, section 2.2).
func TestMartianDestinationAfterGoodSource6(t *testing.T) {
	for _, dst := range []string{"::1", "::", "::ffff:192.0.2.1", "ff01::1", "ff00::1"} {
		b := newBench(t)
		r, out := b.router(), b.host()
		i, s := b.join6(r)
		check(t, i.AddAddress(netip.MustParsePrefix("2001:db8:1::1/64")))
		j, _ := b.cable6(r, "2001:db8:2::1/64", out, "2001:db8:2::2/64")
		check(t, r.AddRoute(network.Route{Prefix: netip.MustParsePrefix("::/0"), Gateway: addr("2001:db8:2::2"), Interface: j}))
		_, _ = i.Listen(addr("ff01::1"), network.NewFilter(true))
		b.run(5 * time.Second)
		var got sink
		r.Handle(experimental, &got)
		send := func(to string) {
			h := header.IPv6{PayloadLength: 5, NextHeader: experimental, HopLimit: 64, Src: addr("2001:db8:1::7"), Dst: addr(to)}
			ip := make([]byte, header.IPv6Len+5)
			h.Put(ip)
			s.nic.Learn(addr("2001:db8:1::1"), i.NIC().MAC())
			s.nic.Output(b.pool.From(ip), s.nic.Neighbour(addr("2001:db8:1::1")), header.EtherTypeIPv6)
			if h.Dst.IsMulticast() {
				s.nic.Multicast(b.pool.From(ip), h.Dst, header.EtherTypeIPv6)
			}
			b.run(0)
		}
		send("2001:db8:1::1")
		before := r.Stats()
		send(dst)
		after := r.Stats()
		if after.InMartian == before.InMartian || after.Forwarded != before.Forwarded || len(got.payloads) != 1 {
			t.Errorf("to %s: %d dropped as martians, %d forwarded, %d delivered; it should be dropped whoever sends it",
				dst, after.InMartian-before.InMartian, after.Forwarded-before.Forwarded, len(got.payloads)-1)
		}
	}
}

// A route leads out of an interface without an address: every packet is dropped, also
// the second, which finds the way in the cache.
func TestForwardByInterfaceWithoutAddress(t *testing.T) {
	b := newBench(t)
	r := b.router()
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	i, err := r.AddInterface(b.nic(w.A()), netip.Prefix{})
	check(t, err)
	station := b.nic(w.B())
	station.OnReceive(func(p *packet.Packet, _ header.EtherType, _ bool) { p.Release() })
	check(t, r.AddRoute(network.Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Interface: i}))
	station.Learn(addr("10.0.0.1"), i.NIC().MAC())
	for range 3 {
		station.Output(b.pool.From(ip(header.IPv4{
			Src: addr("10.0.0.2"), Dst: addr("192.0.2.1"), Protocol: experimental,
		}, make([]byte, 8))), station.Neighbour(addr("10.0.0.1")), header.EtherTypeIPv4)
		b.run(0)
	}
	if s := r.Stats(); s.NoRoute != 3 || s.Forwarded != 0 {
		t.Errorf("%d packets without a way and %d forwarded, want 3 and none: the interface has no address", s.NoRoute, s.Forwarded)
	}
}

// A host of both families that hears the same stations again and again: what it remembers
// of the last packet changes nothing about who is told to have sent the next one, and lets
// nothing through that is wrong.
func TestSameStationAgain(t *testing.T) {
	b := newBench(t)
	l := b.host()
	i, s := b.join6(l)
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8:1::1/64")))
	check(t, i.AddAddress(netip.MustParsePrefix("10.0.0.1/24")))
	b.run(5 * time.Second)
	var got sink
	l.Handle(experimental, &got)
	mine := addr("10.0.0.1")
	s.nic.Learn(mine, i.NIC().MAC())
	send := func(ip []byte, typ header.EtherType) {
		got = sink{}
		s.nic.Output(b.pool.From(ip), s.nic.Neighbour(mine), typ)
		b.run(0)
	}
	four := func(src string, tos uint8) []byte {
		return ip(header.IPv4{Src: addr(src), Dst: mine, TTL: 7, TOS: tos, Protocol: experimental}, []byte("hello"))
	}
	six := func(src string, tos uint8) []byte {
		p := make([]byte, header.IPv6Len)
		h := header.IPv6{PayloadLength: 5, NextHeader: experimental, HopLimit: 7, TrafficClass: tos, Src: addr(src), Dst: addr("2001:db8:1::1")}
		h.Put(p)
		return append(p, "hello"...)
	}
	for round := range 4 {
		for _, src := range []string{"10.0.0.7", "10.0.0.7", "2001:db8:1::7", "2001:db8:1::7", "10.0.0.8", "2001:db8:1::8"} {
			dst, n := mine, header.IPv4Len
			if addr(src).Is6() {
				dst, n = addr("2001:db8:1::1"), header.IPv6Len
				send(append(six(src, uint8(round)), "padding"...), header.EtherTypeIPv6)
			} else {
				send(append(four(src, uint8(round)), "padding"...), header.EtherTypeIPv4)
			}
			if len(got.payloads) != 1 || string(got.payloads[0]) != "hello" {
				t.Fatalf("from %s: received %q, want the payload without header and padding", src, got.payloads)
			}
			if d := got.datagrams[0]; d.Src != addr(src) || d.Dst != dst || d.TTL != 7 || d.TOS != uint8(round) ||
				d.Protocol != experimental || d.Interface != i || d.HeaderLen != n || d.Broadcast || d.Route != nil {
				t.Fatalf("from %s: it came as %+v", src, d)
			}
		}
	}
	// Each right after a good one from the same station.
	for name, wrong := range map[string]func(p []byte) []byte{
		"cut short":            func(p []byte) []byte { return p[:len(p)-1] },
		"without a payload":    func(p []byte) []byte { return p[:header.IPv6Len-1] },
		"of version 4":         func(p []byte) []byte { p[0] = 0x40; return p },
		"from another station": func(p []byte) []byte { p[8] = 0xff; return p },
		"to another host":      func(p []byte) []byte { p[39]++; return p },
		"with a bad extension": func(p []byte) []byte { p[6] = byte(header.ProtocolDestinationOptions); return p },
	} {
		send(six("2001:db8:1::7", 0), header.EtherTypeIPv6)
		send(six("2001:db8:1::7", 0), header.EtherTypeIPv6)
		if send(wrong(six("2001:db8:1::7", 0)), header.EtherTypeIPv6); len(got.payloads) != 0 {
			t.Errorf("one that is %s was delivered after a good one", name)
		}
	}
}
