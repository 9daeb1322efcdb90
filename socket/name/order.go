package name

import (
	"context"
	"net"
	"net/netip"

	"septet/network"
	"septet/socket"
)

// order sorts addresses as they are to be tried: by RFC 6724, section 6. From where the
// System would send to each it says itself: a UDP socket is connected, which sends nothing.
func order(ctx context.Context, sys socket.System, addrs []netip.Addr) {
	if len(addrs) < 2 {
		return
	}
	own, _ := ownPrefixes(sys)
	all := make([]network.Destination, len(addrs))
	for n, a := range addrs {
		source := sourceTo(ctx, sys, a)
		bits := 128
		for _, p := range own {
			if p.Addr() == source.WithZone("") {
				bits = p.Bits()
			}
		}
		all[n] = network.NewDestination(a, source, bits, false)
	}
	network.OrderDestinations(all)
	for n := range all {
		addrs[n] = all[n].Addr
	}
}

// discard is RFC 863's port. Nothing is sent to it.
const discard = 9

// sourceTo returns the address from which the System would send to a, the zero Addr if it
// cannot.
func sourceTo(ctx context.Context, sys socket.System, a netip.Addr) netip.Addr {
	switch a { // these stand for the host itself
	case netip.IPv4Unspecified():
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		a = netip.IPv6Loopback()
	}
	conn, err := sys.DialContext(ctx, "udp", netip.AddrPortFrom(a, discard).String())
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	if u, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
