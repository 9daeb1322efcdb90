package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// advertised is what a router of these tests says when nothing else matters.
var advertised = header.RouterAdvertisement{Lifetime: 1800 * time.Second}

// configured returns an interface that heeds routers, and the station that plays them.
// It has asked already.
func configured(b *bench, o network.Autoconf) (*network.Layer, *network.Interface, *station) {
	b.t.Helper()
	host := b.host()
	i, s := b.join6(host)
	check(b.t, i.Autoconfigure(o))
	b.run(20 * time.Second)
	s.take(0)
	return host, i, s
}

// From our router to our host: address, routes, the numbers, and the way to elsewhere.
func TestAutoconfigure(t *testing.T) {
	b := newBench(t)
	host, r, far := b.host(), b.router(), b.host()
	j, _ := b.cable6(r, "2001:db8:1::1/64", host, "")
	b.cable6(r, "2001:db8:2::1/64", far, "2001:db8:2::2/64")
	check(t, far.AddRoute(network.Route{Prefix: netip.MustParsePrefix("::/0"), Gateway: addr("2001:db8:2::1")}))
	i := host.Interfaces()[1]
	check(t, i.Autoconfigure(network.Autoconf{}))
	check(t, j.Advertise(network.Advertising{MTU: 1400, HopLimit: 17}))
	b.run(5 * time.Second)
	made := madeFrom(i, "2001:db8:1::/64", network.Autoconfigured)
	if len(made) != 1 || made[0].State != network.Preferred || made[0].Bits != 64 {
		t.Fatalf("the host has made %+v of the router's prefix, want one preferred address", made)
	}
	if hardware := i.Addresses()[0].Addr.As16(); made[0].Addr.As16()[15] == hardware[15] && made[0].Addr.As16()[8] == hardware[8] {
		t.Errorf("%v shows the card's address, RFC 7217 is there to hide it", made[0].Addr)
	}
	gateway := j.Addresses()[0].Addr.WithZone(i.Name())
	routes := make(map[netip.Prefix]netip.Addr)
	for _, route := range host.Routes() {
		routes[route.Prefix] = route.Gateway
	}
	if routes[netip.MustParsePrefix("::/0")] != gateway {
		t.Errorf("routes %v, want a default route through %v", routes, gateway)
	}
	if hop, ok := routes[netip.MustParsePrefix("2001:db8:1::/64")]; !ok || hop.IsValid() {
		t.Errorf("routes %v, want the prefix on the link", routes)
	}
	var got sink
	far.Handle(experimental, &got)
	check(t, output(host, "2001:db8:2::2", []byte("hello"), network.Send{}))
	b.run(time.Second)
	if len(got.datagrams) != 1 || got.datagrams[0].Src != made[0].Addr || got.datagrams[0].TTL != 16 {
		t.Errorf("behind the router arrives %+v, want one datagram from %v with hop limit 17 less one", got.datagrams, made[0].Addr)
	}
	path, err := host.Path(addr("2001:db8:2::2"), netip.Addr{})
	if check(t, err); path.MTU() != 1400 {
		t.Errorf("the path's MTU is %d, the router says 1400", path.MTU())
	}

	// The router stops: hosts drop it at once and keep their addresses.
	j.StopAdvertising()
	b.run(5 * time.Second)
	if _, err := host.Path(addr("2001:db8:2::2"), netip.Addr{}); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("a path after the router's last word: %v, want ENETUNREACH", err)
	}
	if len(madeFrom(i, "2001:db8:1::/64", network.Autoconfigured)) != 1 {
		t.Error("the address should live as long as its prefix")
	}
}

// Three questions, four seconds apart, and none after an answer (RFC 4861, section
// 6.3.7).
func TestRouterSolicitations(t *testing.T) {
	b := newBench(t)
	for _, answers := range []bool{false, true} {
		i, s := b.join6(b.host())
		began := time.Duration(b.loop.Now())
		check(t, i.Autoconfigure(network.Autoconf{}))
		b.run(2 * time.Second)
		if answers {
			s.send(message{
				src: router, dst: "ff02::1", put: &advertised, n: header.RouterAdvertisementLen,
			}.bytes())
		}
		b.run(time.Minute)
		asked := s.take(header.ICMPv6RouterSolicit)
		switch want := 3; {
		case answers && len(asked) != 1:
			t.Fatalf("%d questions, want none after the answer to the first", len(asked))
		case answers:
		case len(asked) != want:
			t.Fatalf("%d questions, want %d", len(asked), want)
		case asked[1].at-asked[0].at != 4*time.Second || asked[2].at-asked[1].at != 4*time.Second:
			t.Errorf("asked at %v, %v and %v, want 4 s between", asked[0].at, asked[1].at, asked[2].at)
		}
		if m := asked[0]; m.at-began > time.Second || m.dst != addr("ff02::2") || m.hopLimit != 255 {
			t.Errorf("first asked after %v, %v with hop limit %d; want within a second, all routers, 255", m.at-began, m.dst, m.hopLimit)
		}
		for _, m := range asked {
			_, options, _ := header.ParseRouterSolicitation(m.b)
			if o, err := header.ParseNDOptions(options); err != nil || o.HasSource == m.src.IsUnspecified() {
				t.Errorf("from %v with a link-layer address %v (%v): only from a real address", m.src, o.HasSource, err)
			}
		}
	}
}

// RFC 4862, section 5.5.3 e, the two-hour rule, and section 5.5.4, deprecation.
func TestLifetimes(t *testing.T) {
	for _, c := range []struct {
		has, received time.Duration // valid lifetimes
		want          time.Duration
	}{
		{4 * time.Hour, 5 * time.Hour, 5 * time.Hour},       // longer than it has
		{5 * time.Hour, 3 * time.Hour, 3 * time.Hour},       // longer than two hours
		{time.Hour, 90 * time.Minute, 90 * time.Minute},     // longer than it has
		{time.Hour, time.Minute, time.Hour},                 // less, and it has less than two hours
		{5 * time.Hour, time.Minute, 2 * time.Hour},         // less than two hours
		{5 * time.Hour, 0, 2 * time.Hour},                   // nothing
		{header.Infinity, 0, 2 * time.Hour},                 // from for ever
		{time.Hour, header.Infinity, 1000 * 24 * time.Hour}, // for ever
	} {
		b := newBench(t)
		_, i, s := configured(b, network.Autoconf{})
		const p = "2001:db8::/64"
		s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{prefix(p, c.has, 0)}})
		s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{prefix(p, c.received, 0)}})
		b.run(c.want - time.Second)
		if n := len(madeFrom(i, p, network.Autoconfigured)); n != 1 {
			t.Errorf("%v left, %v received: the address is gone before %v", c.has, c.received, c.want)
		}
		b.run(2 * time.Second)
		if n := len(madeFrom(i, p, network.Autoconfigured)); n != 0 && c.received != header.Infinity {
			t.Errorf("%v left, %v received: the address is there after %v", c.has, c.received, c.want)
		}
	}
}

func TestDeprecation(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	const old, fresh = "2001:db8:1::/64", "2001:db8:2::/64"
	s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{
		prefix(old, 2*time.Hour, 10*time.Minute), prefix(fresh, 4*time.Hour, 4*time.Hour),
	}})
	b.run(9 * time.Minute)
	source := func() netip.Addr {
		path, err := host.Path(addr("2001:db8:1::99"), netip.Addr{})
		check(t, err)
		return path.Src()
	}
	if !netip.MustParsePrefix(old).Contains(source()) {
		t.Errorf("while it is preferred the source is of the destination's own prefix, not %v", source())
	}
	kept, err := host.Path(addr("2001:db8:1::99"), netip.Addr{})
	check(t, err)
	b.run(time.Minute)
	if host.Fresh(&kept) {
		t.Error("a way that was looked up before is still fresh, but another source is better now")
	}
	if made := madeFrom(i, old, network.Autoconfigured); len(made) != 1 || made[0].State != network.Deprecated {
		t.Errorf("after its preferred lifetime: %+v, want it deprecated", made)
	}
	if !netip.MustParsePrefix(fresh).Contains(source()) {
		t.Errorf("the source is %v, new connections should avoid the deprecated address (RFC 6724, rule 3)", source())
	}
	kept, err = host.Path(addr("2001:db8:1::99"), netip.Addr{})
	check(t, err)
	s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{prefix(old, 2*time.Hour, time.Hour)}})
	if made := madeFrom(i, old, network.Autoconfigured); len(made) != 1 || made[0].State != network.Preferred {
		t.Errorf("advertised again: %+v, want it preferred", made)
	}
	if host.Fresh(&kept) {
		t.Error("a way that was looked up while the address was deprecated is still fresh after it is preferred again")
	}
}

// What no address is made from (RFC 4862, section 5.5.3 a to d).
func TestPrefixesIgnored(t *testing.T) {
	b := newBench(t)
	_, i, s := configured(b, network.Autoconf{})
	notAutonomous := prefix("2001:db8:1::/64", time.Hour, time.Hour)
	notAutonomous.Autonomous = false
	s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{
		notAutonomous,
		prefix("fe80::/64", time.Hour, time.Hour),
		prefix("ff02::/64", time.Hour, time.Hour),
		prefix("2001:db8:2::/64", time.Hour, 2*time.Hour), // preferred for longer than valid
		prefix("2001:db8:3::/64", 0, 0),
		prefix("2001:db8:4::/56", time.Hour, time.Hour),
		prefix("2001:db8:5::/72", time.Hour, time.Hour),
	}})
	if all := i.Addresses(); len(all) != 1 {
		t.Errorf("the interface has %+v, want its address of the link alone", all)
	}
}

// Any router may be an enemy: what it advertises is kept up to the caps (issue: 10,000
// prefixes, at most 16 addresses).
func TestRogueRouter(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{Temporary: true})
	for n := range 10_000 {
		p := prefix(fmt.Sprintf("2001:db8:%x::/64", n), time.Hour, time.Hour)
		more := header.RouteInformation{Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db9:%x::/48", n)), Lifetime: time.Hour}
		s.advertise(fmt.Sprintf("fe80::%x", n+1), advertised, header.NDOptions{
			Prefixes: []header.PrefixInformation{p}, Routes: []header.RouteInformation{more},
		})
	}
	if n := len(i.Addresses()); n != network.MaxAddresses {
		t.Errorf("%d addresses, the cap is %d", n, network.MaxAddresses)
	}
	if n := len(host.Routes()); n != 16+16+8 {
		t.Errorf("%d routes, want 16 prefixes, 16 routes and 8 default routers", n)
	}
	stats := host.DiscoveryStats()
	if stats.PrefixesRefused != 10_000-16 || stats.RoutesRefused != 10_000-16 || stats.RoutersRefused != 10_000-8 {
		t.Errorf("%+v, want all others refused and counted", stats)
	}
	if stats.AddressesRefused == 0 {
		t.Error("the addresses that were not made are not counted")
	}
	b.run(2 * time.Hour)
	if n, m := len(i.Addresses()), len(host.Routes()); n != 1 || m != 0 {
		t.Errorf("when all lifetimes are over %d addresses and %d routes are left, want 1 and none", n, m)
	}
}

// Two routers of different preference, of which the better fails and comes back (RFC
// 4191, section 3.2; RFC 4861, section 6.3.6).
func TestRouterPreference(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	high, low := advertised, advertised
	high.Preference, low.Preference = 1, -1
	const good, bad = "fe80::a", "fe80::b"
	source := header.NDOptions{Source: s.nic.MAC(), HasSource: true, Prefixes: []header.PrefixInformation{
		prefix("2001:db8::/64", time.Hour, time.Hour),
	}}
	s.advertise(bad, low, source)
	s.advertise(good, high, source)
	b.run(5 * time.Second)
	gateway := func() netip.Addr {
		t.Helper()
		r, err := host.Path(addr("2001:db8:9::1"), netip.Addr{})
		check(t, err)
		for _, route := range host.Routes() {
			if route.Prefix.Bits() == 0 {
				return route.Gateway.WithZone("")
			}
		}
		t.Fatalf("no default route for %v", r.Dst())
		return netip.Addr{}
	}
	if gateway() != addr(good) {
		t.Errorf("the default router is %v, want %v of the higher preference", gateway(), good)
	}
	// The station answers nobody, so whatever is sent finds the router dead.
	path, err := host.Path(addr("2001:db8:9::1"), netip.Addr{})
	check(t, err)
	send := func() { check(t, host.Output(b.pool.From([]byte("x")), &path, &network.Send{Protocol: experimental})) }
	send()
	b.run(10 * time.Second)
	if gateway() != addr(bad) {
		t.Errorf("the default router is %v, want %v: the better one has not answered", gateway(), bad)
	}
	// It is asked again once a minute, and used again when it answers.
	s.take(0)
	b.run(63 * time.Second)
	if s.answer(good) == 0 {
		t.Error("nobody has asked the better router again, want once a minute (RFC 4191, section 3.3)")
	}
	if gateway() != addr(good) {
		t.Errorf("the default router is %v, want %v, which has answered", gateway(), good)
	}
	// RFC 4861, section 7.2.5: what comes from another card than the known one, and does
	// not say that it overrides, changes nothing but that the entry is doubted.
	h := header.NeighbourAdvertisement{Target: addr(good)}
	s.send(message{
		src: good, dst: "ff02::1", put: &h, n: header.NeighbourAdvertisementLen,
		options: header.NDOptions{Target: header.MAC{2, 9, 9, 9, 9, 9}, HasTarget: true},
	}.bytes())
	if gateway() != addr(good) {
		t.Errorf("the default router is %v, want %v: who has said that it is no router was not to be believed", gateway(), good)
	}
	// Who says that it is no router is none any more (RFC 4861, section 7.2.5).
	h = header.NeighbourAdvertisement{Target: addr(good), Override: true}
	s.send(message{src: good, dst: "ff02::1", put: &h, n: header.NeighbourAdvertisementLen}.bytes())
	if gateway() != addr(bad) {
		t.Errorf("the default router is %v, want %v: the other is no router", gateway(), bad)
	}
	_ = i
}

// Routes of RFC 4191, and the word of one for ::/0 about the default router.
func TestRouteInformation(t *testing.T) {
	b := newBench(t)
	host, _, s := configured(b, network.Autoconf{})
	inside := netip.MustParsePrefix("2001:db8:77::/48")
	s.advertise("fe80::a", advertised, header.NDOptions{})
	s.advertise("fe80::b", header.RouterAdvertisement{}, header.NDOptions{Routes: []header.RouteInformation{
		{Prefix: inside, Lifetime: time.Hour},
	}})
	via := func(p netip.Prefix) (all []string) {
		for _, r := range host.Routes() {
			if r.Prefix == p {
				all = append(all, r.Gateway.WithZone("").String())
			}
		}
		return all
	}
	if got := via(inside); len(got) != 1 || got[0] != "fe80::b" {
		t.Errorf("routes to %v: %v, want fe80::b", inside, got)
	}
	if got := via(netip.MustParsePrefix("::/0")); len(got) != 1 || got[0] != "fe80::a" {
		t.Errorf("default routers: %v, want fe80::a alone: the other has a lifetime of zero", got)
	}
	s.advertise("fe80::b", header.RouterAdvertisement{}, header.NDOptions{Routes: []header.RouteInformation{
		{Prefix: netip.MustParsePrefix("::/0"), Preference: 1, Lifetime: time.Minute},
		{Prefix: inside, Lifetime: 0},
	}})
	if got := via(inside); len(got) != 0 {
		t.Errorf("a route of lifetime zero is still there: %v", got)
	}
	if got := via(netip.MustParsePrefix("::/0")); len(got) != 2 || got[0] != "fe80::b" {
		t.Errorf("default routers: %v, want fe80::b first: its route for ::/0 has the higher preference", got)
	}
	b.run(2 * time.Minute)
	if got := via(netip.MustParsePrefix("::/0")); len(got) != 1 || got[0] != "fe80::a" {
		t.Errorf("after a minute: %v, want fe80::a alone", got)
	}
}

// With several prefixes the source is of the one that the router to be used has
// advertised (RFC 6724, rule 5.5).
func TestSourceOfRoutersPrefix(t *testing.T) {
	b := newBench(t)
	host, _, s := configured(b, network.Autoconf{})
	high := advertised
	high.Preference = 1
	s.advertise("fe80::a", high, header.NDOptions{Prefixes: []header.PrefixInformation{prefix("2001:db8:a::/64", time.Hour, time.Hour)}})
	s.advertise("fe80::b", advertised, header.NDOptions{Prefixes: []header.PrefixInformation{prefix("2001:db8:b::/64", time.Hour, time.Hour)}})
	b.run(5 * time.Second)
	// It has more bits in common with the other router's prefix.
	path, err := host.Path(addr("2001:db8:b:1::1"), netip.Addr{})
	if check(t, err); !netip.MustParsePrefix("2001:db8:a::/64").Contains(path.Src()) {
		t.Errorf("the source is %v, fe80::a has advertised 2001:db8:a::/64", path.Src())
	}
	// Now it has advertised the other too.
	s.advertise("fe80::a", high, header.NDOptions{Prefixes: []header.PrefixInformation{prefix("2001:db8:b::/64", time.Hour, time.Hour)}})
	if host.Fresh(&path) {
		t.Error("a way that was looked up before is still fresh, but another source is better now")
	}
	path, err = host.Path(addr("2001:db8:b:1::1"), netip.Addr{})
	if check(t, err); !netip.MustParsePrefix("2001:db8:b::/64").Contains(path.Src()) {
		t.Errorf("the source is %v, fe80::a has advertised both prefixes, of which 2001:db8:b::/64 has more bits in common", path.Src())
	}
}

// Bounds of RFC 4861, section 6.3.4, and of the MTU option.
func TestAdvertisedParameters(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	for _, c := range []struct{ mtu, want int }{
		{1279, 1500}, {1280, 1280}, {1501, 1280}, {1500, 1500}, {1 << 30, 1500},
	} {
		s.advertise(router, advertised, header.NDOptions{
			MTU: c.mtu, Prefixes: []header.PrefixInformation{prefix("2001:db8::/64", time.Hour, time.Hour)},
		})
		b.run(3 * time.Second)
		path, err := host.Path(addr("2001:db8::9"), netip.Addr{})
		if check(t, err); path.MTU() != c.want {
			t.Errorf("an MTU of %d is advertised, that of the path is %d, want %d", c.mtu, path.MTU(), c.want)
		}
	}
	// RetransTimer is the time between two questions.
	h := advertised
	h.RetransTimer = 250 * time.Millisecond
	s.advertise(router, h, header.NDOptions{})
	s.take(0)
	check(t, output(host, "2001:db8::9", nil, network.Send{}))
	b.run(time.Second)
	asked := solicited(t, s, "2001:db8::9")
	if len(asked) != 3 || asked[1].at-asked[0].at != 250*time.Millisecond {
		t.Errorf("%d questions, want three, 250 ms apart", len(asked))
	}
	_ = i
}
