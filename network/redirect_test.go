package network_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/link"
	"septet/network"
	"septet/physical"
)

// lan is a switch to which the hosts of a test are connected.
type lan struct {
	b  *bench
	sw *link.Switch
}

func (n *lan) join(l *network.Layer, addrs ...string) *network.Interface {
	n.b.t.Helper()
	w := physical.NewWire(n.b.loop, n.b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	n.sw.AddPort(w.B())
	i, err := l.AddInterface(n.b.nic(w.A()), netip.Prefix{})
	check(n.b.t, err)
	for _, a := range addrs {
		check(n.b.t, i.AddAddress(netip.MustParsePrefix(a)))
	}
	return i
}

// detour is a host whose default router is not the one that leads to far, on one network
// with both.
type detour struct {
	host, wrong, right, far *network.Layer
	fars                    []string // addresses of far, IPv4's first
}

func newDetour(b *bench) *detour {
	n := &lan{b, link.NewSwitch(b.loop, b.pool, "s")}
	d := &detour{host: b.host(), wrong: b.router(), right: b.router(), far: b.host(), fars: []string{"10.0.2.2", "2001:db8:2::2"}}
	n.join(d.host, "10.0.1.9/24", "2001:db8:1::9/64")
	i := n.join(d.wrong, "10.0.1.1/24", "2001:db8:1::1/64")
	j := n.join(d.right, "10.0.1.2/24", "2001:db8:1::2/64")
	b.cable(d.right, "10.0.2.1/24", d.far, "10.0.2.2/24", 1500)
	check(b.t, d.right.Interfaces()[2].AddAddress(netip.MustParsePrefix("2001:db8:2::1/64")))
	check(b.t, d.far.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8:2::2/64")))
	add := func(l *network.Layer, p string, gateway netip.Addr) {
		check(b.t, l.AddRoute(network.Route{Prefix: netip.MustParsePrefix(p), Gateway: gateway, Interface: l.Interfaces()[1]}))
	}
	linkLocal := func(i *network.Interface) netip.Addr { return i.Addresses()[0].Addr.WithZone("") }
	add(d.host, "0.0.0.0/0", addr("10.0.1.1"))
	add(d.host, "::/0", linkLocal(i))
	add(d.wrong, "10.0.2.0/24", addr("10.0.1.2"))
	add(d.wrong, "2001:db8:2::/64", linkLocal(j))
	add(d.far, "0.0.0.0/0", addr("10.0.2.1"))
	add(d.far, "::/0", addr("2001:db8:2::1"))
	b.run(5 * time.Second)
	return d
}

// A router sends a packet back to the network from which it came, and tells the host of
// the better way, which the host takes until it is old (RFC 1812, section 5.2.7.2; RFC
// 4861, section 8).
func TestRedirect(t *testing.T) {
	for n := range 2 {
		b := newBench(t)
		d := newDetour(b)
		far := d.fars[n]
		var got sink
		d.far.Handle(experimental, &got)
		path, err := d.host.Path(addr(far), netip.Addr{})
		check(t, err)
		send := func() {
			check(t, d.host.Output(b.pool.From([]byte("hello there")), &path, &network.Send{Protocol: experimental}))
			b.run(time.Second)
		}
		for range 5 {
			send()
		}
		if s := d.wrong.Stats(); s.Forwarded != 1 || s.RedirectsSent != 1 {
			t.Errorf("%s: the wrong router has forwarded %d packets and sent %d redirects, want one each", far, s.Forwarded, s.RedirectsSent)
		}
		if s := d.host.Stats(); s.RedirectsFollowed != 1 || len(got.payloads) != 5 {
			t.Errorf("%s: %d redirects followed and %d of 5 packets arrived", far, s.RedirectsFollowed, len(got.payloads))
		}
		b.run(10 * time.Minute)
		send()
		if s := d.wrong.Stats(); s.Forwarded != 2 {
			t.Errorf("%s: the wrong router has forwarded %d packets, after ten minutes it should be asked again", far, s.Forwarded)
		}
		// A change of the routes is the last word.
		check(t, d.host.AddRoute(network.Route{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Gateway: addr("10.0.1.1")}))
		send()
		if s := d.wrong.Stats(); s.Forwarded != 3 {
			t.Errorf("%s: after the routes have changed the redirect should be forgotten", far)
		}
	}
}

// The better gateway fails: the host goes back to its router.
func TestRedirectGatewayFails(t *testing.T) {
	for n := range 2 {
		b := newBench(t)
		d := newDetour(b)
		path, err := d.host.Path(addr(d.fars[n]), netip.Addr{})
		check(t, err)
		send := func() {
			check(t, d.host.Output(b.pool.From([]byte("hello there")), &path, &network.Send{Protocol: experimental}))
		}
		send()
		b.run(time.Second)
		d.right.Interfaces()[1].NIC().Close()
		for range 120 {
			send()
			b.run(time.Second)
		}
		if s := d.wrong.Stats(); s.Forwarded < 2 {
			t.Errorf("%s: the wrong router has forwarded %d packets; when the other is dead it should be used again", d.fars[n], s.Forwarded)
		}
	}
}

// A destination that is a neighbour after all: the redirect names it itself.
func TestRedirectToNeighbour(t *testing.T) {
	b := newBench(t)
	n := &lan{b, link.NewSwitch(b.loop, b.pool, "s")}
	host, gate, other := b.host(), b.router(), b.host()
	i := n.join(host, "2001:db8:1::9/64")
	j := n.join(gate, "2001:db8:1::1/64", "2001:db8:2::1/64")
	n.join(other, "2001:db8:2::9/64")
	check(t, host.AddRoute(network.Route{
		Prefix: netip.MustParsePrefix("::/0"), Gateway: j.Addresses()[0].Addr.WithZone(""), Interface: i,
	}))
	b.run(5 * time.Second)
	for range 3 {
		if !reach6(t, b, host, other, "2001:db8:2::9") {
			t.Error("a packet got lost")
		}
	}
	if s := gate.Stats(); s.Forwarded != 1 || host.Stats().RedirectsFollowed != 1 {
		t.Errorf("the router has forwarded %d packets and the host followed %d redirects, want one each", s.Forwarded, host.Stats().RedirectsFollowed)
	}
}

// What a host does not follow (RFC 4861, section 8.1).
func TestRedirectUnsafe6(t *testing.T) {
	const far = "2001:db8:9::1"
	for _, c := range []struct {
		name     string
		src      string
		target   string
		hopLimit uint8
		bad      uint64 // counted as not valid
	}{
		{"from another router", "fe80::2", "fe80::3", 255, 0},
		{"from an address that is not of the link", "2001:db8::1", "fe80::3", 255, 1},
		{"forwarded", router, "fe80::3", 254, 1},
		{"to a router by another address", router, "2001:db8::3", 255, 1},
		{"to a group", router, "ff02::1", 255, 1},
		{"to this host", router, "own", 255, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			host, i, s := configured(b, network.Autoconf{})
			s.advertise(router, advertised, header.NDOptions{})
			if c.target == "own" {
				c.target = i.Addresses()[0].Addr.WithZone("").String()
			}
			h := header.Redirect{Target: addr(c.target), Dst: addr(far)}
			before := host.Stats()
			s.send(message{
				src: c.src, dst: i.Addresses()[0].Addr.WithZone("").String(), hopLimit: c.hopLimit, put: &h, n: header.RedirectLen,
			}.bytes())
			after := host.Stats()
			if after.RedirectsFollowed != 0 || after.NeighbourBad-before.NeighbourBad != c.bad || after.RedirectsIgnored != 1-c.bad {
				t.Errorf("followed %d, ignored %d, not valid %d; want it dropped and counted",
					after.RedirectsFollowed, after.RedirectsIgnored, after.NeighbourBad-before.NeighbourBad)
			}
		})
	}
}

// A router may redirect every destination: 128 are remembered.
func TestRedirectCap(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	s.advertise(router, header.RouterAdvertisement{Lifetime: time.Hour}, header.NDOptions{})
	for n := range 1000 {
		h := header.Redirect{Target: addr("fe80::3"), Dst: addr(fmt.Sprintf("2001:db8:9::%x", n))}
		s.send(message{
			src: router, dst: i.Addresses()[0].Addr.WithZone("").String(), put: &h, n: header.RedirectLen,
		}.bytes())
	}
	if got := host.Stats(); got.RedirectsFollowed != 128 || got.RedirectsIgnored != 1000-128 {
		t.Errorf("%d followed, %d ignored; want 128 and the rest", got.RedirectsFollowed, got.RedirectsIgnored)
	}
}

// IPv4's (RFC 1122, section 3.2.2.2).
func TestRedirectUnsafe4(t *testing.T) {
	for _, c := range []struct {
		name, src, gateway string
		code               uint8
		router             bool
		followed           uint64
	}{
		{"good", "10.0.0.1", "10.0.0.3", header.ICMPRedirectHost, false, 1},
		{"for the network, treated as for the host", "10.0.0.1", "10.0.0.3", header.ICMPRedirectNet, false, 1},
		{"from another than the gateway", "10.0.0.2", "10.0.0.3", header.ICMPRedirectHost, false, 0},
		{"to a gateway that is not on the network", "10.0.0.1", "10.0.1.3", header.ICMPRedirectHost, false, 0},
		{"to this host", "10.0.0.1", "10.0.0.9", header.ICMPRedirectHost, false, 0},
		{"to the broadcast address", "10.0.0.1", "10.0.0.255", header.ICMPRedirectHost, false, 0},
		{"of an unknown code", "10.0.0.1", "10.0.0.3", 4, false, 0},
		{"to a router", "10.0.0.1", "10.0.0.3", header.ICMPRedirectHost, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			host := b.host()
			p := b.attach(host, "10.0.0.9/24", "10.0.0.1", 1500)
			defaultRoute(t, host, "10.0.0.1")
			host.SetForwarding(c.router)
			gateway := addr(c.gateway).As4()
			quoted := ip(header.IPv4{Src: addr("10.0.0.9"), Dst: addr("192.0.2.1"), Protocol: experimental}, make([]byte, 8))
			rest := uint32(gateway[0])<<24 | uint32(gateway[1])<<16 | uint32(gateway[2])<<8 | uint32(gateway[3])
			p.send("10.0.0.9", ip(header.IPv4{
				Src: addr(c.src), Dst: addr("10.0.0.9"), Protocol: header.ProtocolICMP,
			}, icmp(header.ICMPRedirect, c.code, rest, quoted)))
			if got := host.Stats(); got.RedirectsFollowed != c.followed || got.RedirectsIgnored != 1-c.followed {
				t.Errorf("%d followed, %d ignored; want %d followed", got.RedirectsFollowed, got.RedirectsIgnored, c.followed)
			}
		})
	}
}
