package network_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/network"
)

// The sender learns that nobody answers at a neighbour's address, also where that, or its
// own, is of the link alone (RFC 4861, section 7.2.2).
func TestNeighbourUnreachable(t *testing.T) {
	for _, c := range []struct{ src, dst string }{
		{"2001:db8::1", "2001:db8::9"},
		{"link-local", "fe80::9"},
		{"2001:db8::1", "fe80::9"},
		{"link-local", "2001:db8::9"},
	} {
		b := newBench(t)
		host := b.host()
		b.join6(host) // the link is not the host's first
		i, _ := b.join6(host)
		check(t, host.Interfaces()[1].EnableIPv6())
		check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
		var got sink
		host.Handle(experimental, &got)
		src := i.Addresses()[0].Addr
		if c.src != "link-local" {
			src = addr(c.src)
		}
		dst := i.Scoped(addr(c.dst))
		path, err := host.Path(dst, src)
		check(t, err)
		check(t, host.Output(b.pool.From([]byte("hello there")), &path, &network.Send{Protocol: experimental}))
		b.run(10 * time.Second)
		if len(got.errors) != 1 || got.errors[0].Errno != syscall.EHOSTUNREACH || got.errors[0].Src != src || got.errors[0].Dst != dst {
			t.Errorf("from %v to %v: errors %+v, want one that says EHOSTUNREACH", src, dst, got.errors)
		}
	}
}
