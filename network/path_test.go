package network_test

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"septet/network"
)

// What a path is: source, destination and interface, as `ip route get` of Linux
// gives them for the same addresses and routes.
func TestPath(t *testing.T) {
	b := newBench(t)
	l, other, third := b.host(), b.host(), b.host()
	b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	b.cable(l, "10.9.0.1/16", third, "10.9.0.2/16", 9000)
	defaultRoute(t, l, "10.0.0.2")

	for _, c := range []struct {
		name, dst, src   string // what is asked
		wantDst, wantSrc string
		mtu              int
		loopback, group  bool
		err              error
	}{
		{name: "neighbour", dst: "10.0.0.2", wantSrc: "10.0.0.1", mtu: 1500},
		{name: "other network", dst: "10.9.7.7", wantSrc: "10.9.0.1", mtu: 9000},
		{name: "default route", dst: "192.0.2.1", wantSrc: "10.0.0.1", mtu: 1500},
		{name: "source of the other interface", dst: "10.0.0.2", src: "10.9.0.1", wantSrc: "10.9.0.1", mtu: 1500},
		{name: "any source", dst: "10.0.0.2", src: "0.0.0.0", wantSrc: "10.0.0.1", mtu: 1500},
		{name: "localhost", dst: "127.0.0.1", wantSrc: "127.0.0.1", mtu: 65535, loopback: true},
		{name: "all of 127/8", dst: "127.0.1.1", wantSrc: "127.0.0.1", mtu: 65535, loopback: true},
		{name: "own address", dst: "10.9.0.1", wantSrc: "10.9.0.1", mtu: 65535, loopback: true},
		{name: "0.0.0.0 is this host", dst: "0.0.0.0", wantDst: "127.0.0.1", wantSrc: "127.0.0.1", mtu: 65535, loopback: true},
		{name: "0.0.0.0 from an address", dst: "0.0.0.0", src: "10.0.0.1", wantDst: "10.0.0.1", wantSrc: "10.0.0.1", mtu: 65535, loopback: true},
		{name: "subnet broadcast", dst: "10.9.255.255", wantSrc: "10.9.0.1", mtu: 9000, group: true},
		{name: "limited broadcast", dst: "255.255.255.255", wantSrc: "10.0.0.1", mtu: 1500, group: true},
		{name: "limited broadcast of an interface", dst: "255.255.255.255", src: "10.9.0.1", wantSrc: "10.9.0.1", mtu: 9000, group: true},
		{name: "mapped address", dst: "::ffff:10.0.0.2", wantDst: "10.0.0.2", wantSrc: "10.0.0.1", mtu: 1500},
		{name: "source not ours", dst: "10.0.0.2", src: "10.0.0.9", err: syscall.ENETUNREACH},
		{name: "localhost does not leave", dst: "10.0.0.2", src: "127.0.0.1", err: syscall.EINVAL},
		{name: "class E", dst: "240.0.0.1", err: syscall.ENETUNREACH},
		{name: "IPv6, which is off", dst: "2001:db8::1", err: syscall.ENETUNREACH},
	} {
		t.Run(c.name, func(t *testing.T) {
			var src netip.Addr
			if c.src != "" {
				src = addr(c.src)
			}
			p, err := l.Path(addr(c.dst), src)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if c.wantDst == "" {
				c.wantDst = c.dst
			}
			if p.Dst() != addr(c.wantDst) || p.Src() != addr(c.wantSrc) {
				t.Errorf("from %v to %v, want from %s to %s", p.Src(), p.Dst(), c.wantSrc, c.wantDst)
			}
			if p.MTU() != c.mtu || p.Loopback() != c.loopback || p.Broadcast() != c.group {
				t.Errorf("MTU %d, loopback %v, broadcast %v; want %d, %v, %v",
					p.MTU(), p.Loopback(), p.Broadcast(), c.mtu, c.loopback, c.group)
			}
		})
	}
}

func TestNoRoute(t *testing.T) {
	b := newBench(t)
	l := b.host()
	for _, dst := range []string{"192.0.2.1", "255.255.255.255", "224.0.0.1"} {
		if _, err := l.Path(addr(dst), netip.Addr{}); err != syscall.ENETUNREACH {
			t.Errorf("path to %s on a host without a network: %v, want ENETUNREACH", dst, err)
		}
	}
}

func TestAddInterfaceErrors(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	i, _ := b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	for prefix, want := range map[string]error{
		"10.0.0.1/24":        syscall.EEXIST, // the card has an address
		"10.1.0.0/24":        syscall.EINVAL, // the network
		"10.1.0.255/24":      syscall.EINVAL, // its broadcast address
		"127.0.0.2/8":        syscall.EINVAL,
		"224.0.0.1/24":       syscall.EINVAL,
		"0.0.0.0/0":          syscall.EINVAL,
		"255.255.255.255/32": syscall.EINVAL,
		"2001:db8::1/64":     syscall.EEXIST, // the card has an interface
		"ff02::1/64":         syscall.EINVAL,
	} {
		if _, err := l.AddInterface(i.NIC(), netip.MustParsePrefix(prefix)); err != want {
			t.Errorf("AddInterface(%s): %v, want %v", prefix, err, want)
		}
	}
	if i.Broadcast() != addr("10.0.0.255") || i.Addr() != addr("10.0.0.1") || i.MTU() != 1500 {
		t.Errorf("the interface has address %v, broadcast %v, MTU %d", i.Addr(), i.Broadcast(), i.MTU())
	}
	point, _ := b.cable(l, "10.2.0.0/31", other, "10.2.0.1/31", 1500)
	if point.Broadcast().IsValid() {
		t.Errorf("a /31 has the broadcast address %v; RFC 3021 gives it none", point.Broadcast())
	}
	if lo := l.Interfaces()[0]; lo.Name() != "lo" || lo.Prefix().String() != "127.0.0.1/8" || !lo.Loopback() {
		t.Errorf("the first interface is %s %v, want lo 127.0.0.1/8", lo.Name(), lo.Prefix())
	}
}

func TestRouteErrors(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	defaultRoute(t, l, "10.0.0.2")
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		name string
		r    network.Route
		want error
	}{
		{"gateway off the link", network.Route{Prefix: prefix("10.5.0.0/16"), Gateway: addr("10.1.0.1")}, syscall.ENETUNREACH},
		{"own address as gateway", network.Route{Prefix: prefix("10.5.0.0/16"), Gateway: addr("10.0.0.1")}, syscall.EINVAL},
		{"there already", network.Route{Prefix: prefix("0.0.0.0/0"), Gateway: addr("10.0.0.7")}, syscall.EEXIST},
		{"host bits", network.Route{Prefix: prefix("10.5.0.1/16"), Gateway: addr("10.0.0.2")}, syscall.EINVAL},
		{"nowhere", network.Route{Prefix: prefix("10.5.0.0/16")}, syscall.ENODEV},
		{"another metric", network.Route{Prefix: prefix("0.0.0.0/0"), Gateway: addr("10.0.0.7"), Metric: 1}, nil},
	} {
		if err := l.AddRoute(c.r); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if err := l.RemoveRoute(network.Route{Prefix: prefix("10.5.0.0/16")}); err != syscall.ESRCH {
		t.Errorf("removing a route that is not there: %v, want ESRCH", err)
	}
}

// Routes of IPv6 are in the same table. A router is known by its link-local address
// (RFC 4861, section 8), which needs an interface.
func TestRouteErrors6(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	i, _ := b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	prefix := netip.MustParsePrefix
	check(t, l.AddRoute(network.Route{Prefix: prefix("2001:db8:1::/64"), Interface: i}))
	for _, c := range []struct {
		name string
		r    network.Route
		want error
	}{
		{"gateway off the link", network.Route{Prefix: prefix("::/0"), Gateway: addr("2001:db8:2::1")}, syscall.EHOSTUNREACH},
		{"link-local without an interface", network.Route{Prefix: prefix("::/0"), Gateway: addr("fe80::1")}, syscall.EINVAL},
		{"zone of nobody", network.Route{Prefix: prefix("::/0"), Gateway: addr("fe80::1%eth9")}, syscall.EINVAL},
		{"multicast gateway", network.Route{Prefix: prefix("::/0"), Gateway: addr("ff02::1")}, syscall.EINVAL},
		{"gateway of the other family", network.Route{Prefix: prefix("::/0"), Gateway: addr("10.0.0.2")}, syscall.EINVAL},
		{"and the other way", network.Route{Prefix: prefix("0.0.0.0/0"), Gateway: addr("2001:db8:1::1")}, syscall.EINVAL},
		{"IPv4 in IPv6", network.Route{Prefix: prefix("::ffff:0:0/96"), Interface: i}, syscall.EINVAL},
		{"host bits", network.Route{Prefix: prefix("2001:db8::1/64"), Interface: i}, syscall.EINVAL},
		{"on the link", network.Route{Prefix: prefix("::/0"), Gateway: addr("2001:db8:1::1"), Metric: 7}, nil},
		{"link-local with a zone", network.Route{Prefix: prefix("::/0"), Gateway: addr("fe80::1%" + i.Name())}, nil},
		{"there already", network.Route{Prefix: prefix("::/0"), Gateway: addr("fe80::2%" + i.Name())}, syscall.EEXIST},
		{"link-local with an interface", network.Route{Prefix: prefix("::/0"), Gateway: addr("fe80::1"), Interface: i, Metric: 1}, nil},
	} {
		if err := l.AddRoute(c.r); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	var gateways []string
	for _, r := range l.Routes() {
		if r.Prefix == prefix("::/0") {
			gateways = append(gateways, r.Gateway.String())
		}
	}
	want := []string{"fe80::1%" + i.Name(), "fe80::1%" + i.Name(), "2001:db8:1::1"}
	if !slices.Equal(gateways, want) {
		t.Errorf("the default routers are %v, should be %v: by metric, link-local ones with their zone", gateways, want)
	}
}

// Several default routers stand beside each other with AppendRoute, and the first is
// used.
func TestAppendRoute(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	for _, c := range []struct {
		gateway string
		want    error
		via     string
	}{
		{"10.0.0.2", nil, "10.0.0.2"},
		{"10.0.0.7", nil, "10.0.0.2"},
		{"10.0.0.7", syscall.EEXIST, "10.0.0.2"},
		{"10.0.1.7", syscall.ENETUNREACH, "10.0.0.2"},
	} {
		if err := l.AppendRoute(network.Route{Prefix: everywhere, Gateway: addr(c.gateway)}); err != c.want {
			t.Errorf("appending the default router %s: %v, want %v", c.gateway, err, c.want)
		}
		expectRoute(t, l, "192.0.2.1", "192.0.2.1 via "+c.via+" dev eth1 src 10.0.0.1")
	}
	check(t, l.RemoveRoute(network.Route{Prefix: everywhere, Gateway: addr("10.0.0.2")}))
	expectRoute(t, l, "192.0.2.1", "192.0.2.1 via 10.0.0.7 dev eth1 src 10.0.0.1")
	if err := l.RemoveRoute(network.Route{Prefix: everywhere, Gateway: addr("10.0.0.2")}); err != syscall.ESRCH {
		t.Errorf("removing a default router that has been removed: %v, want ESRCH", err)
	}
}

// The answers have the form of "ip route get" on Linux.
func TestRouteTo(t *testing.T) {
	b := newBench(t)
	l, other := b.host(), b.host()
	b.cable(l, "10.0.0.1/24", other, "10.0.0.2/24", 1500)
	if got, err := l.RouteTo(addr("192.0.2.1")); err != syscall.ENETUNREACH {
		t.Errorf("without a default route the way to 192.0.2.1 is %q, %v; want ENETUNREACH", got, err)
	}
	defaultRoute(t, l, "10.0.0.2")
	expectRoute(t, l, "192.0.2.1", "192.0.2.1 via 10.0.0.2 dev eth1 src 10.0.0.1")
	expectRoute(t, l, "10.0.0.2", "10.0.0.2 dev eth1 src 10.0.0.1")
	expectRoute(t, l, "10.0.0.1", "local 10.0.0.1 dev lo src 10.0.0.1")
	expectRoute(t, l, "127.0.0.1", "local 127.0.0.1 dev lo src 127.0.0.1")
	expectRoute(t, l, "10.0.0.255", "broadcast 10.0.0.255 dev eth1 src 10.0.0.1")
}

func expectRoute(t *testing.T, l *network.Layer, dst, want string) {
	t.Helper()
	if got, err := l.RouteTo(addr(dst)); err != nil || got != want {
		t.Errorf("the way to %s is %q, %v; should be %q", dst, got, err, want)
	}
}

// RFC 1812, section 5.2.4.3: the most specific route is used, then the one with
// the lowest metric; and a path that is kept follows the routes.
func TestLongestPrefix(t *testing.T) {
	b := newBench(t)
	l := b.host()
	east := b.attach(l, "10.0.1.1/24", "10.0.1.2", 1500)
	west := b.attach(l, "10.0.2.1/24", "10.0.2.2", 1500)
	add := func(prefix, gateway string, metric int) network.Route {
		r := network.Route{Prefix: netip.MustParsePrefix(prefix), Gateway: addr(gateway), Metric: metric}
		check(t, l.AddRoute(r))
		return r
	}
	path := network.Path{}
	where := func() string {
		check(t, l.Output(b.pool.From([]byte("x")), &path, &network.Send{Protocol: experimental}))
		b.run(time.Second)
		e, w := len(east.take()), len(west.take())
		switch {
		case e == 1 && w == 0:
			return "east"
		case e == 0 && w == 1:
			return "west"
		}
		t.Fatalf("%d packets went east and %d west", e, w)
		return ""
	}
	add("0.0.0.0/0", "10.0.1.2", 0)
	path, err := l.Path(addr("172.16.5.5"), netip.Addr{})
	check(t, err)
	src := path.Src()
	for _, step := range []struct {
		do   func()
		want string
		why  string
	}{
		{func() {}, "east", "only the default route is there"},
		{func() { add("172.16.0.0/12", "10.0.2.2", 9) }, "west", "a /12 is more specific than a /0"},
		{func() { add("172.16.0.0/12", "10.0.1.2", 5) }, "east", "metric 5 is lower than 9"},
		{func() { add("172.16.5.0/24", "10.0.2.2", 100) }, "west", "the prefix counts before the metric"},
		{func() { add("172.16.4.0/24", "10.0.1.2", 0) }, "west", "another network's route does not matter"},
		{func() {
			check(t, l.RemoveRoute(network.Route{Prefix: netip.MustParsePrefix("172.16.5.0/24"), Metric: 100}))
		}, "east", "the /24 is gone"},
	} {
		step.do()
		if got := where(); got != step.want {
			t.Errorf("went %s, want %s: %s", got, step.want, step.why)
		}
	}
	if path.Src() != src {
		t.Errorf("the source became %v, was %v: a connection is bound to its address", path.Src(), src)
	}
}

// A group of a link that there is not: nothing goes out by another.
func TestGroupOfUnknownZone(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, _ := b.join6(host)
	check(t, i.EnableIPv6())
	if p, err := host.Path(addr("ff02::1%nowhere"), netip.Addr{}); err != syscall.EINVAL {
		t.Errorf("a path by %v and %v, want EINVAL: the host has no such link", p.Interface(), err)
	}
}
