package udp_test

import (
	"net/netip"
	"testing"

	"septet/network"
	"septet/transport/udp"
)

// six gives both hosts IPv6 beside IPv4: 2001:db8::1 and 2001:db8::2.
func (p *pair) six() *pair {
	ofIPv4(p.t, "this test is of both families, or of IPv6, anyway")
	check(p.t, p.netA.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	check(p.t, p.netB.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8::2/64")))
	p.run()
	return p
}

// groupFamilies have the names of each family: a group, another, the addresses of both
// hosts and of nobody.
var groupFamilies = []struct {
	name               string
	six                bool
	group, other, a, b string
	every              netip.Addr
}{
	{"IPv4", false, "239.1.2.3", "239.9.9.9", "10.0.0.1", "10.0.0.2", netip.IPv4Unspecified()},
	{"IPv6", true, "ff15::123", "ff15::999", "2001:db8::1", "2001:db8::2", netip.IPv6Unspecified()},
}

// sharing binds an endpoint that shares its port.
func (p *pair) sharing(l *udp.Layer, every netip.Addr, local netip.Addr, port uint16) *udp.Endpoint {
	p.t.Helper()
	e := l.Open(every)
	e.SetReuseAddress(true)
	check(p.t, e.Bind(netip.AddrPortFrom(local, port)))
	return e
}

// A datagram to a group goes to every endpoint of the port: those that have joined, by
// their filters; those that are bound to the group; and, as on Linux, those that have
// joined nothing, unless they want only what they have joined.
func TestGroupDelivery(t *testing.T) {
	for _, f := range groupFamilies {
		t.Run(f.name, func(t *testing.T) {
			p := newPair(t).six()
			group, other := netip.MustParseAddr(f.group), netip.MustParseAddr(f.other)
			eth0, src := p.netB.Interfaces()[1], netip.MustParseAddr(f.a)
			open := func(local netip.Addr, do func(m *network.Multicast) error) *udp.Endpoint {
				e := p.sharing(p.b, f.every, local, 7)
				if do != nil {
					check(t, do(e.Multicast(f.six)))
				}
				return e
			}
			only := func(m *network.Multicast) error { m.OnlyJoined = true; return nil }
			endpoints := map[string]struct {
				e    *udp.Endpoint
				want bool
			}{
				"joined":                    {open(f.every, func(m *network.Multicast) error { return m.Join(eth0, group) }), true},
				"joined, of the source":     {open(f.every, func(m *network.Multicast) error { return m.AddSource(eth0, group, src) }), true},
				"joined, of another source": {open(f.every, func(m *network.Multicast) error { return m.AddSource(eth0, group, netip.MustParseAddr(f.b)) }), false},
				"joined, the source blocked": {open(f.every, func(m *network.Multicast) error {
					check(t, m.Join(eth0, group))
					return m.Block(eth0, group, src)
				}), false},
				"joined another":                    {open(f.every, func(m *network.Multicast) error { return m.Join(eth0, other) }), true},
				"joined another and wants no other": {open(f.every, func(m *network.Multicast) error { check(t, only(m)); return m.Join(eth0, other) }), false},
				"joined nothing":                    {open(f.every, nil), true},
				"wants only what it has joined":     {open(f.every, only), false},
				"bound to the group":                {open(group, nil), true},
				"bound to another group":            {open(other, nil), false},
				"bound to an address":               {open(netip.MustParseAddr(f.b), nil), false},
			}
			sender := p.a.Open(f.every)
			p.send(sender, "hello", netip.AddrPortFrom(group, 7).String())
			for name, c := range endpoints {
				if got := receive(c.e); (got == "hello") != c.want {
					t.Errorf("%s: received %q, wanted: %v", name, got, c.want)
				}
				c.e.Close()
			}
			p.run()
			if state := eth0.Groups(); len(state) != 2 { // those of IPv6 itself
				t.Errorf("after all were closed the host listens to %v", state)
			}
			// By the card, or by IP as long as the routers have still to be told.
			dropped := func() uint64 { return eth0.NIC().Stats().InOtherGroup + p.netB.Stats().InMulticast }
			before := dropped()
			p.send(sender, "hello", netip.AddrPortFrom(group, 7).String())
			if dropped() != before+1 {
				t.Error("a datagram to a group that nobody has joined got through")
			}
			if n := p.netB.Stats().ICMPErrorsSent; n != 0 {
				t.Errorf("%d errors were sent about datagrams to groups", n)
			}
		})
	}
}

// What a host sends to a group it hears itself, if it has joined, as from the interface
// by which it went out; unless it does not want to, or wants nobody else to.
func TestGroupLoop(t *testing.T) {
	for _, f := range groupFamilies {
		t.Run(f.name, func(t *testing.T) {
			p := newPair(t).six()
			group := netip.MustParseAddr(f.group)
			to := netip.AddrPortFrom(group, 7)
			here, there := p.sharing(p.a, f.every, f.every, 7), p.sharing(p.b, f.every, f.every, 7)
			for e, n := range map[*udp.Endpoint]*network.Layer{here: p.netA, there: p.netB} {
				m := e.Multicast(f.six)
				m.OnlyJoined = true // so that the interface counts
				check(t, m.Join(n.Interfaces()[1], group))
			}
			sender := p.a.Open(f.every)
			for _, c := range []struct {
				name        string
				set         func(m *network.Multicast)
				here, there bool
			}{
				{"at first", func(*network.Multicast) {}, true, true},
				{"without a loop", func(m *network.Multicast) { m.NoLoop = true }, false, true},
				{"with zero hops", func(m *network.Multicast) { m.NoLoop, m.Hops = false, 0 }, true, false},
				{"by lo", func(m *network.Multicast) { m.Hops, m.Via = 1, p.netA.Interfaces()[0] }, false, false},
				{"by the card", func(m *network.Multicast) { m.Via = p.netA.Interfaces()[1] }, true, true},
			} {
				c.set(sender.Multicast(f.six))
				sender.Reroute()
				p.send(sender, "hello", to.String())
				if a, b := receive(here) == "hello", receive(there) == "hello"; a != c.here || b != c.there {
					t.Errorf("%s: heard here: %v, there: %v; want %v and %v", c.name, a, b, c.here, c.there)
				}
			}
			// A longer one goes and comes in fragments.
			p.send(sender, string(make([]byte, 4000)), to.String())
			if a, b := len(receive(here)), len(receive(there)); a != 4000 || b != 4000 {
				t.Errorf("of 4,000 bytes %d were heard here and %d there", a, b)
			}
		})
	}
}

// If no interface is asked for, the route to the group shows it.
func TestGroupRoute(t *testing.T) {
	ofIPv4(t, "there is no route to groups of IPv4")
	p := newPair(t)
	e := p.a.Open(netip.IPv4Unspecified())
	check(t, e.Connect(addr("239.1.2.3:7"))) // by the default route
	if e.Local().Addr().String() != "10.0.0.1" {
		t.Errorf("sends from %v, want the address of the interface", e.Local())
	}
	check(t, e.Send([]byte("x"), netip.AddrPort{}))
}
