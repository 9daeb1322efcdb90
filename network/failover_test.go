package network_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/link"
	"septet/network"
)

// Of two default routers one dies: a flow goes on through the other, and comes back to
// it when that dies as well (RFC 1122, section 3.3.1.4; RFC 4861, section 6.3.6).
func TestDefaultRouterFails(t *testing.T) {
	for _, c := range []struct{ all, one, two, far string }{
		{"0.0.0.0/0", "10.0.1.1", "10.0.1.2", "10.0.9.9"},
		{"::/0", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:9::9"},
	} {
		b := newBench(t)
		n := &lan{b, link.NewSwitch(b.loop, b.pool, "s")}
		host, one, two := b.host(), b.router(), b.router()
		n.join(host, "10.0.1.9/24", "2001:db8:1::9/64")
		i := n.join(one, "10.0.1.1/24", "2001:db8:1::1/64")
		n.join(two, "10.0.1.2/24", "2001:db8:1::2/64")
		for _, gateway := range []string{c.one, c.two} {
			check(t, host.AppendRoute(network.Route{Prefix: netip.MustParsePrefix(c.all), Gateway: addr(gateway)}))
		}
		b.run(5 * time.Second)
		path, err := host.Path(addr(c.far), netip.Addr{})
		check(t, err)
		send := func(seconds int) (first, second uint64) {
			were := two.Stats().NoRoute
			before := one.Stats().NoRoute
			for range seconds {
				check(t, host.Output(b.pool.From([]byte("x")), &path, &network.Send{Protocol: experimental}))
				b.run(time.Second)
			}
			return one.Stats().NoRoute - before, two.Stats().NoRoute - were
		}
		if first, second := send(5); first != 5 || second != 0 {
			t.Errorf("%s: %d packets have reached the first router and %d the second, want all five and none", c.all, first, second)
		}
		i.NIC().Close()
		if _, second := send(120); second < 30 {
			t.Errorf("%s: the first router is dead and %d of 120 packets have reached the second", c.all, second)
		}
		if _, second := send(10); second != 10 {
			t.Errorf("%s: %d of 10 packets have reached the second router, all should now", c.all, second)
		}
	}
}
