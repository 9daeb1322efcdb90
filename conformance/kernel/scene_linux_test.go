package kernel

import (
	"fmt"
	"net/netip"
	"testing"

	"septet/header"
	"septet/host"
	"septet/network"
	"septet/physical"
)

// family is one of the two, with the addresses that the scenes have in it.
type family struct {
	name         string // as tests are called
	flag         string // of ip, ping and traceroute
	ours, theirs netip.Addr
	far          netip.Addr
}

var families = []family{
	{"IPv4", "-4", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("198.51.100.9")},
	{"IPv6", "-6", netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8:1::9")},
}

// most returns the MSS of a link.
func (f family) most(mtu int) int {
	if f.ours.Is4() {
		return mtu - header.IPv4Len - header.TCPLen
	}
	return mtu - header.IPv6Len - header.TCPLen
}

// neighbours is a scene: a host of ours and the kernel at one cable.
//
//	ours .1 -------- .2 the kernel's tap0       192.0.2.0/24, 2001:db8::/64
func neighbours(t *testing.T, mtu int) (*lab, *cable, *host.Host) {
	t.Helper()
	l := newLab(t)
	c := l.cable("tap0", mtu)
	l.addresses("tap0", "192.0.2.2/24", "2001:db8::2/64")
	return l, c, l.host("ours", c.A(), "192.0.2.1/24", "2001:db8::1/64")
}

// addresses gives the kernel's interface some.
func (l *lab) addresses(name string, prefixes ...string) {
	l.t.Helper()
	for _, p := range prefixes {
		l.ip("address add " + p + " dev " + name)
	}
	eventually(l.t, "the kernel's addresses can be used", func() bool {
		return l.ip("-6 address show dev "+name+" tentative") == "" && l.ip("-6 address show dev "+name+" scope link") != ""
	})
}

// ourRouter is a scene: the kernel behind a router of ours, whose card at the far link
// has the MTU farMTU.
//
//	far .9 ---- .1 router .1 ------ .2 the kernel's tap0
//	  198.51.100.0/24             192.0.2.0/24
//	  2001:db8:1::/64             2001:db8::/64
func ourRouter(t *testing.T, mtu, farMTU int) (l *lab, c *cable, router, far *host.Host) {
	t.Helper()
	l = newLab(t)
	c = l.cable("tap0", mtu)
	l.addresses("tap0", "192.0.2.2/24", "2001:db8::2/64")
	router, far = l.router(c, farMTU)
	l.ip("route add default via 192.0.2.1")
	l.ip("-6 route add default via 2001:db8::1")
	return l, c, router, far
}

// router puts a router of ours at the cable, and a host behind it.
func (l *lab) router(c *cable, farMTU int) (router, far *host.Host) {
	l.t.Helper()
	router = l.host("router", c.A(), "192.0.2.1/24", "2001:db8::1/64")
	l.loop.Lock()
	router.Network.SetForwarding(true)
	w := physical.NewWire(l.loop, &l.pool, c.A().MTU(), physical.Impairment{}, physical.Impairment{}) // Unjudged: the cable to the kernel is
	l.loop.Unlock()
	l.narrow(l.attach(router, "eth1", w.A(), "198.51.100.1/24", "2001:db8:1::1/64"), farMTU)
	far = l.host("far", w.B(), "198.51.100.9/24", "2001:db8:1::9/64")
	l.gateways(far, "198.51.100.1", "2001:db8:1::1")
	return router, far
}

// theirRouter is a scene: the kernel is the router between a host of ours and another,
// and its interface at the far link has the MTU farMTU.
//
//	ours .1 ------ .2 tap0, the kernel, tap1 .2 ------ .9 far
//	      192.0.2.0/24                198.51.100.0/24
//	      2001:db8::/64               2001:db8:1::/64
func theirRouter(t *testing.T, mtu, farMTU int) (l *lab, c *cable, ours, far *host.Host) {
	t.Helper()
	l = newLab(t)
	c = l.cable("tap0", mtu)
	l.addresses("tap0", "192.0.2.2/24", "2001:db8::2/64")
	farCable := l.cable("tap1", mtu)
	l.ip(fmt.Sprintf("link set tap1 mtu %d", farMTU))
	l.addresses("tap1", "198.51.100.2/24", "2001:db8:1::2/64")
	l.set("net/ipv4/ip_forward", "1")
	l.set("net/ipv6/conf/all/forwarding", "1")
	ours = l.host("ours", c.A(), "192.0.2.1/24", "2001:db8::1/64")
	far = l.host("far", farCable.A(), "198.51.100.9/24", "2001:db8:1::9/64")
	l.gateways(ours, "192.0.2.2", "2001:db8::2")
	l.gateways(far, "198.51.100.2", "2001:db8:1::2")
	return l, c, ours, far
}

// narrow gives a card a smaller MTU than its cable has, so that who is at the other end
// knows nothing of it.
func (l *lab) narrow(i *network.Interface, mtu int) {
	l.t.Helper()
	l.loop.Lock()
	defer l.loop.Unlock()
	if err := i.NIC().SetMTU(mtu); err != nil {
		l.t.Fatal(err)
	}
}

// gateways gives a host of ours its default routers.
func (l *lab) gateways(h *host.Host, via ...string) {
	l.t.Helper()
	l.loop.Lock()
	defer l.loop.Unlock()
	for _, v := range via {
		to := netip.MustParsePrefix("0.0.0.0/0")
		a := netip.MustParseAddr(v)
		if a.Is6() {
			to = netip.MustParsePrefix("::/0")
		}
		if err := h.Network.AddRoute(network.Route{Prefix: to, Gateway: a}); err != nil {
			l.t.Fatal(err)
		}
	}
}
