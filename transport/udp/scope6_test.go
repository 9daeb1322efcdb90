package udp_test

import (
	"net/netip"
	"testing"
)

// A receiver can answer whoever has sent from a link-local address: it has the zone of
// the link (RFC 4007, section 6), whichever way the datagram has come.
func TestReceivedScope(t *testing.T) {
	for _, c := range []struct{ name, dst string }{
		{"to the host", "link-local"},
		{"to a group", "ff02::123"},
		{"to itself", "own"},
		{"from its link-local address to its other", "own other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t).six()
			a, b := p.netA.Interfaces()[1], p.netB.Interfaces()[1]
			sender, receiver := p.a.Open(netip.IPv6Unspecified()), p.b.Open(netip.IPv6Unspecified())
			dst, from := netip.Addr{}, a.Addresses()[0].Addr.WithZone(b.Name())
			switch c.dst {
			case "link-local":
				dst = b.Addresses()[0].Addr.WithZone(a.Name())
			case "own":
				receiver, dst, from = p.a.Open(netip.IPv6Unspecified()), a.Addresses()[0].Addr, a.Addresses()[0].Addr
			case "own other":
				receiver, dst, from = p.a.Open(netip.IPv6Unspecified()), netip.MustParseAddr("2001:db8::1"), a.Addresses()[0].Addr
			default:
				dst = netip.MustParseAddr(c.dst)
				check(t, receiver.Multicast(true).Join(b, dst))
			}
			check(t, receiver.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 7)))
			check(t, sender.Bind(netip.AddrPortFrom(a.Addresses()[0].Addr, 8)))
			check(t, sender.Send([]byte("hello"), netip.AddrPortFrom(dst, 7)))
			p.run()
			_, got, _, ok := receiver.Receive(make([]byte, 10))
			if !ok || got.Addr() != from {
				t.Errorf("received from %v (%v), want %v: an answer must know the link", got, ok, from)
			}
		})
	}
}
