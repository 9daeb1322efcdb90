package network_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// selecting returns a host with the given source addresses on one interface, to whose
// link everything is sent. After an address may stand "deprecated" or "temporary".
func selecting(b *bench, sources []string) (*network.Layer, *network.Interface) {
	b.t.Helper()
	host := b.host()
	i, s := b.join6(host)
	check(b.t, i.Autoconfigure(network.Autoconf{Temporary: true}))
	for _, source := range sources {
		a, how, _ := strings.Cut(source, " ")
		bits := 64
		if addr(a).Is4() {
			bits = 16
		}
		switch how {
		case "":
			check(b.t, i.AddAddress(netip.PrefixFrom(addr(a), bits)))
		default:
			p := netip.PrefixFrom(addr(a), bits).Masked().String()
			o := prefix(p, time.Hour, time.Hour)
			if how == "deprecated" {
				o.Preferred = 0
			}
			s.advertise(router, header.RouterAdvertisement{}, header.NDOptions{Prefixes: []header.PrefixInformation{o}})
		}
	}
	b.run(5 * time.Second)
	for _, p := range []string{"::/0", "0.0.0.0/0"} {
		check(b.t, host.AddRoute(network.Route{Prefix: netip.MustParsePrefix(p), Interface: i}))
	}
	return host, i
}

// The examples of RFC 6724, section 10.1, but those of home addresses. Where it says
// "deprecated" or "temporary" the host has made the address itself, so that the network
// is all that is known of it; and fe80 stands for the address of the link, which is what
// EnableIPv6 makes of it.
func TestSourceSelection(t *testing.T) {
	for _, c := range []struct {
		dst     string
		sources []string
		want    string // a network
	}{
		{"2001:db8:1::1", []string{"2001:db8:3::1"}, "2001:db8:3::/64"},                                              // appropriate scope
		{"ff05::1", []string{"2001:db8:3::1"}, "2001:db8:3::/64"},                                                    // appropriate scope
		{"fe80::1", []string{"2001:db8:1::1"}, "fe80::/64"},                                                          // appropriate scope
		{"2001:db8:1::1", []string{"2001:db8:1::2", "2001:db8:3::2"}, "2001:db8:1::/64"},                             // longest prefix
		{"2002:c633:6401::1", []string{"2002:c633:6401::2 temporary", "2001:db8:1::2"}, "2002:c633:6401::/64"},       // label
		{"2001:db8:1::d5e3:0:0:1", []string{"2001:db8:1::2", "2001:db8:1::d5e3:0:0:2 temporary"}, "2001:db8:1::/64"}, // temporary
		{"2001:db8:1::1", []string{"2001:db8:1::2 deprecated", "2001:db8:3::2"}, "2001:db8:3::/64"},                  // rule 3
	} {
		b := newBench(t)
		host, i := selecting(b, c.sources)
		dst := addr(c.dst)
		if dst.IsLinkLocalUnicast() {
			dst = dst.WithZone(i.Name())
		}
		path, err := host.Path(dst, netip.Addr{})
		check(t, err)
		if !netip.MustParsePrefix(c.want).Contains(path.Src().WithZone("")) {
			t.Errorf("to %s from %v: got %v, want one of %s", c.dst, c.sources, path.Src(), c.want)
		}
		for _, a := range i.Addresses() {
			if a.Addr == path.Src() && strings.Contains(c.dst, "d5e3") && a.Origin != network.Temporary {
				t.Errorf("to %s: got the %v %v, want the temporary address", c.dst, a.Origin, a.Addr)
			}
		}
	}
}

// A destination that is the host's own comes before everything, even deprecated (RFC
// 6724, section 10.1, third example).
func TestSourceSameAddress(t *testing.T) {
	b := newBench(t)
	host, i := selecting(b, []string{"2001:db8:1::2 deprecated", "2001:db8:2::1"})
	var old netip.Addr
	for _, a := range i.Addresses() {
		if a.State == network.Deprecated {
			old = a.Addr
		}
	}
	if path, err := host.Path(old, netip.Addr{}); err != nil || path.Src() != old {
		t.Errorf("to the own %v: from %v (%v), want the same", old, path.Src(), err)
	}
}

// The examples of RFC 6724, section 10.2, but that of home addresses; and in place of
// its deprecated address of the link, which no host here has, another.
func TestSortDestinations(t *testing.T) {
	for _, c := range []struct {
		sources []string
		want    []string
		why     string
	}{
		{[]string{"2001:db8:1::2", "169.254.13.78"}, []string{"2001:db8:1::1", "198.51.100.121"}, "matching scope"},
		{[]string{"198.51.100.117"}, []string{"198.51.100.121", "2001:db8:1::1"}, "matching scope"},
		{[]string{"2001:db8:1::2", "10.1.2.4"}, []string{"2001:db8:1::1", "10.1.2.3"}, "higher precedence"},
		{[]string{"2001:db8:1::2"}, []string{"fe80::1", "2001:db8:1::1"}, "smaller scope"},
		{[]string{"2001:db8:1::2 deprecated", "10.1.2.4"}, []string{"10.1.2.3", "2001:db8:1::1"}, "avoid deprecated"},
		{[]string{"2001:db8:1::2", "2001:db8:3f44::2"}, []string{"2001:db8:1::1", "2001:db8:3ffe::1"}, "longest prefix"},
		{[]string{"2002:c633:6401::2"}, []string{"2002:c633:6401::1", "2001:db8:1::1"}, "matching label"},
		{[]string{"2002:c633:6401::2", "2001:db8:1::2"}, []string{"2001:db8:1::1", "2002:c633:6401::1"}, "higher precedence"},
		{[]string{"10.1.2.4"}, []string{"10.1.9.9", "10.1.2.5"}, "IPv4 addresses keep their order"},
	} {
		b := newBench(t)
		host, i := selecting(b, c.sources)
		var want []netip.Addr
		for _, s := range c.want {
			a := addr(s)
			if a.Is6() && a.IsLinkLocalUnicast() {
				a = a.WithZone(i.Name())
			}
			want = append(want, a)
		}
		for _, given := range [][]netip.Addr{want, {want[1], want[0]}} {
			got := slices.Clone(given)
			network.SortDestinations(host, got)
			if strings.HasPrefix(c.why, "IPv4") {
				want = given
			}
			if !slices.Equal(got, want) {
				t.Errorf("from %v: %v is sorted to %v, want %v (%s)", c.sources, given, got, want, c.why)
			}
		}
	}
}

// Addresses that cannot be reached come last.
func TestSortUnreachable(t *testing.T) {
	b := newBench(t)
	host := b.host()
	b.attach(host, "10.0.0.9/24", "10.0.0.1", 1500)
	got := []netip.Addr{addr("2001:db8::1"), addr("192.0.2.1"), addr("10.0.0.7")}
	network.SortDestinations(host, got)
	if want := []netip.Addr{addr("10.0.0.7"), addr("2001:db8::1"), addr("192.0.2.1")}; !slices.Equal(got, want) {
		t.Errorf("sorted to %v, want %v: only 10.0.0/24 can be reached", got, want)
	}
}
