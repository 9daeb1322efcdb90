package udp_test

import (
	"flag"
	"net/netip"
	"testing"

	"septet/header"
)

// overIPv6 makes the tests of this package, which are written down with addresses of
// IPv4, run over IPv6: each address is another's then, and the link carries as much more
// as the header is longer.
var overIPv6 = flag.Bool("ipv6", false, "run the tests over IPv6")

// ofIPv4 skips a test, over IPv6, about what only IPv4 has, or of both families.
func ofIPv4(t testing.TB, why string) {
	t.Helper()
	if *overIPv6 {
		t.Skip(why)
	}
}

// every returns the unspecified address.
func every() netip.Addr {
	if *overIPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// mtu is that of the link.
func mtu() int {
	if *overIPv6 {
		return 1500 + header.IPv6Len - header.IPv4Len
	}
	return 1500
}

// host returns an address, or over IPv6 the one that stands for it: 10.0.0.1 is
// 2001:db8:a00::1, and the special ones are those of IPv6.
func host(s string) netip.Addr {
	a := netip.MustParseAddr(s)
	switch {
	case !*overIPv6 || a.Is6():
		return a
	case a.IsUnspecified():
		return netip.IPv6Unspecified()
	case a.IsLoopback():
		return netip.IPv6Loopback()
	}
	b, last := netip.MustParseAddr("2001:db8::").As16(), a.As4()
	copy(b[4:], last[:3])
	b[15] = last[3]
	return netip.AddrFrom16(b)
}

func addr(s string) netip.AddrPort {
	a := netip.MustParseAddrPort(s)
	return netip.AddrPortFrom(host(a.Addr().String()), a.Port())
}

// prefix is host for an address with the prefix of its network.
func prefix(s string) netip.Prefix {
	p := netip.MustParsePrefix(s)
	bits := p.Bits()
	if *overIPv6 {
		bits = min(bits, 1) * 64
	}
	return netip.PrefixFrom(host(p.Addr().String()), bits)
}
