package network

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"septet/event"
	"septet/packet"
)

// TestRouteAmongMany holds the search for a route against the definition: of all
// routes whose prefix contains the address the longest, and of those the one with
// the lowest metric.
func TestRouteAmongMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := New(event.NewVirtual(1), new(packet.Pool))
	some := func() netip.Addr { // few enough addresses that prefixes lie in each other
		return netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(8)), byte(r.IntN(256))})
	}
	for len(l.routes) < 3000 {
		prefix, _ := some().Prefix(r.IntN(33))
		route := Route{Prefix: prefix, Metric: r.IntN(3), Interface: l.lo()}
		if _, found := l.findRoute(route); !found {
			l.insertRoute(route)
		}
	}
	for range 20_000 {
		dst := some()
		var want *Route
		for i := range l.routes {
			have := &l.routes[i]
			if !have.Prefix.Contains(dst) {
				continue
			}
			if want == nil || have.Prefix.Bits() > want.Prefix.Bits() ||
				have.Prefix == want.Prefix && have.Metric < want.Metric {
				want = have
			}
		}
		if got := l.route(dst); got != want {
			t.Fatalf("to %v the route is %+v, should be %+v: the longest prefix, then the lowest metric", dst, got, want)
		}
	}
	if got := l.route(netip.MustParseAddr("192.0.2.1")); got != nil && got.Prefix.Bits() != 0 {
		t.Errorf("192.0.2.1 is sent along %v, which does not contain it", got.Prefix)
	}
}

// BenchmarkRouteAmongMany is what the first packet to a destination costs with
// 10,000 routes.
func BenchmarkRouteAmongMany(b *testing.B) {
	l := New(event.NewVirtual(1), new(packet.Pool))
	for n := range 10_000 {
		to := netip.AddrFrom4([4]byte{20, byte(n >> 8), byte(n), 0})
		l.insertRoute(Route{Prefix: netip.PrefixFrom(to, 28), Interface: l.lo()})
	}
	l.insertRoute(Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Interface: l.lo()})
	dst := netip.MustParseAddr("10.0.2.2")
	b.ReportAllocs()
	for b.Loop() {
		if l.route(dst) == nil {
			b.Fatal("there is a default route")
		}
	}
}
