package host_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
)

// The listings have the words of ip(8): "ip address", "ip route", "ip neighbour" and
// "ip route get" on Linux show such hosts like this, without the kernel's own details.
// The cards' addresses are made from the names; those of the link from them (RFC 4291,
// appendix A).
func TestListings(t *testing.T) {
	m := dual(t)
	m.loop.Go("ping", func() {
		for _, to := range []string{"10.0.1.1", "2001:db8:1::1", "10.0.0.99"} {
			m.pc.Ping(netip.MustParseAddr(to), host.PingOptions{Count: 1}, nil)
		}
	})
	m.loop.Run(event.Time(0).Add(10 * time.Second))
	m.loop.Lock()
	defer m.loop.Unlock()
	n := m.pc.Network
	shows := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s are\n%s\nshould be\n%s", what, got, want)
		}
	}
	shows("the addresses", n.AddressText(), `1: lo: mtu 65536
    link/loopback
    inet 127.0.0.1/8 scope host
    inet6 ::1/128 scope host
2: eth0: mtu 1500
    link/ether 02:e4:22:59:18:79
    inet 10.0.0.1/24 brd 10.0.0.255 scope global
    inet6 2001:db8::1/64 scope global
    inet6 fe80::e4:22ff:fe59:1879/64 scope link
`)
	shows("the routes", n.RouteText(), `default via 10.0.0.254 dev eth0
10.0.0.0/24 dev eth0 scope link src 10.0.0.1
default via 2001:db8::fe dev eth0
2001:db8::/64 dev eth0 src 2001:db8::1
`)
	shows("the neighbours", n.NeighbourText(), `10.0.0.99 dev eth0 FAILED
10.0.0.254 dev eth0 lladdr 02:72:fe:ea:fa:6e REACHABLE
2001:db8::fe dev eth0 lladdr 02:72:fe:ea:fa:6e REACHABLE
`)
	for to, want := range map[string]string{
		"10.0.1.1":      "10.0.1.1 via 10.0.0.254 dev eth0 src 10.0.0.1",
		"10.0.0.9":      "10.0.0.9 dev eth0 src 10.0.0.1",
		"2001:db8:1::1": "2001:db8:1::1 via 2001:db8::fe dev eth0 src 2001:db8::1",
		"fe80::1%eth0":  "fe80::1 dev eth0 src fe80::e4:22ff:fe59:1879",
		"::1":           "local ::1 dev lo src ::1",
	} {
		got, err := n.RouteTo(netip.MustParseAddr(to))
		if err != nil || got != want {
			t.Errorf("the route to %s is %q, %v; should be %q", to, got, err, want)
		}
	}
}
