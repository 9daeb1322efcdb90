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
