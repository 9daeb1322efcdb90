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

// A host that becomes a router may send from addresses of other interfaces (RFC 6724,
// section 4), so a way that was looked up before is looked up again.
func TestWayOfHostThatBecomesRouter(t *testing.T) {
	b := newBench(t)
	host, router := b.host(), b.router()
	near, far := b.cable6(host, "", router, "")
	other, _ := b.join6(host)
	check(t, other.AddAddress(netip.MustParsePrefix("2001:db8:1::1/64")))
	hop := far.Addresses()[0].Addr.WithZone("")
	check(t, host.AddRoute(network.Route{Prefix: netip.MustParsePrefix("::/0"), Gateway: hop, Interface: near}))
	dst := addr("2001:db8:2::1")
	path, err := host.Path(dst, netip.Addr{})
	check(t, err)
	if src := path.Src(); !src.IsLinkLocalUnicast() {
		t.Errorf("a host sends from %v, the interface has an address of the link alone", src)
	}
	host.SetForwarding(true)
	if host.Fresh(&path) {
		t.Error("the host is a router, but the way that it has looked up before is still fresh")
	}
	path, err = host.Path(dst, netip.Addr{})
	check(t, err)
	if src := path.Src(); src != addr("2001:db8:1::1") {
		t.Errorf("a router sends from %v, another of its interfaces has an address that reaches further", src)
	}
}
