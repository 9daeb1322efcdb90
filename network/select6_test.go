package network_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// A router whose links to other routers have link-local addresses alone: what it says of
// a packet reaches the sender, from an address of another of its interfaces (RFC 6724,
// section 4; RFC 4443, section 2.2).
func TestErrorFromLinkWithoutGlobalAddress(t *testing.T) {
	b := newBench(t)
	host, first, second := b.host(), b.router(), b.router()
	b.cable6(host, "2001:db8:1::2/64", first, "2001:db8:1::1/64")
	i, j := b.cable6(first, "", second, "")
	far, _ := b.join6(second)
	check(t, far.AddAddress(netip.MustParsePrefix("2001:db8:2::1/64")))
	linkLocal := func(i *network.Interface) netip.Addr { return i.Addresses()[0].Addr.WithZone("") }
	all := netip.MustParsePrefix("::/0")
	check(t, host.AddRoute(network.Route{Prefix: all, Gateway: addr("2001:db8:1::1")}))
	check(t, first.AddRoute(network.Route{Prefix: all, Gateway: linkLocal(j), Interface: i}))
	check(t, second.AddRoute(network.Route{Prefix: all, Gateway: linkLocal(i), Interface: j}))
	b.run(5 * time.Second)
	var got sink
	host.Handle(experimental, &got)
	check(t, output(host, "2001:db8:2::9", []byte("hello there"), network.Send{TTL: 2}))
	b.run(time.Second)
	if len(got.errors) != 1 || got.errors[0].Type != header.ICMPv6TimeExceeded || got.errors[0].From != addr("2001:db8:2::1") {
		t.Errorf("errors %+v, want one of the second router, from its global address", got.errors)
	}
}
