package header

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The bytes are laid out by hand after the figures of RFC 4861, section 4, RFC 4191,
// section 2, RFC 8106, section 5.1, and RFC 3971, section 5.3.2; checksums are zero.
const (
	ndSolicit = `87 00 0000 00000000 fe80000000000000 0000000000000001
		01 01 020000000002`
	ndAdvert = `88 00 0000 e0000000 20010db800000000 0000000000000001
		02 01 020000000001`
	ndRouterSolicit = `85 00 0000 00000000 01 01 020000000002 0e 01 a1a2a3a4a5a6`
	ndRouterAdvert  = `86 00 0000 40 c8 0708 00007530 000003e8
		01 01 020000000001
		05 01 0000 000005dc
		03 04 40 c0 00278d00 00093a80 00000000 20010db800010000 0000000000000000
		03 04 30 80 ffffffff ffffffff 00000000 20010db800020000 0000000000000000
		18 01 00 18 00000708
		18 02 40 08 ffffffff 20010db800030000
		18 03 80 00 0000003c 20010db800040000 0000000000000005
		19 03 0000 00000e10 20010db800000000 0000000000000053`
	ndRedirect = `89 00 0000 00000000 fe80000000000000 0000000000000001 20010db800050000 0000000000000009
		02 01 020000000001
		04 02 000000000000 6000000000003b40`
)

// ndMessages are values and their bytes, which the tests hold in both directions.
var ndMessages = []struct {
	name    string
	hex     string
	message putter
	options NDOptions
}{
	{
		"neighbour solicitation", ndSolicit, &NeighbourSolicitation{Target: addr("fe80::1")},
		NDOptions{Source: MAC{2, 0, 0, 0, 0, 2}, HasSource: true},
	},
	{
		"neighbour advertisement", ndAdvert,
		&NeighbourAdvertisement{Target: addr("2001:db8::1"), Router: true, Solicited: true, Override: true},
		NDOptions{Target: MAC{2, 0, 0, 0, 0, 1}, HasTarget: true},
	},
	{
		"router solicitation", ndRouterSolicit, &RouterSolicitation{},
		NDOptions{Source: MAC{2, 0, 0, 0, 0, 2}, HasSource: true, Nonce: []byte("\xa1\xa2\xa3\xa4\xa5\xa6")},
	},
	{
		"router advertisement", ndRouterAdvert,
		&RouterAdvertisement{
			HopLimit: 64, Managed: true, Other: true, Preference: 1, Lifetime: 30 * time.Minute,
			ReachableTime: 30 * time.Second, RetransTimer: time.Second,
		},
		NDOptions{
			Source: MAC{2, 0, 0, 0, 0, 1}, HasSource: true, MTU: 1500,
			Prefixes: []PrefixInformation{
				{netip.MustParsePrefix("2001:db8:1::/64"), true, true, 30 * 24 * time.Hour, 7 * 24 * time.Hour},
				{netip.MustParsePrefix("2001:db8:2::/48"), true, false, Infinity, Infinity},
			},
			Routes: []RouteInformation{
				{netip.MustParsePrefix("::/0"), -1, 30 * time.Minute},
				{netip.MustParsePrefix("2001:db8:3::/64"), 1, Infinity},
				{netip.MustParsePrefix("2001:db8:4::5/128"), 0, time.Minute},
			},
			DNS: []DNSServers{{[]netip.Addr{addr("2001:db8::53")}, time.Hour}},
		},
	},
	{
		"redirect", ndRedirect, &Redirect{Target: addr("fe80::1"), Dst: addr("2001:db8:5::9")},
		NDOptions{Target: MAC{2, 0, 0, 0, 0, 1}, HasTarget: true, Redirected: []byte("\x60\x00\x00\x00\x00\x00\x3b\x40")},
	},
}

type putter interface{ Put(b []byte) int }

// parseND reads a message of any type.
func parseND(b []byte) (m putter, options []byte, err error) {
	if len(b) == 0 {
		return nil, nil, ErrTruncated
	}
	switch b[0] {
	case ICMPv6RouterSolicit:
		h, o, err := ParseRouterSolicitation(b)
		return &h, o, err
	case ICMPv6RouterAdvert:
		h, o, err := ParseRouterAdvertisement(b)
		return &h, o, err
	case ICMPv6NeighbourSolicit:
		h, o, err := ParseNeighbourSolicitation(b)
		return &h, o, err
	case ICMPv6NeighbourAdvert:
		h, o, err := ParseNeighbourAdvertisement(b)
		return &h, o, err
	}
	h, o, err := ParseRedirect(b)
	return &h, o, err
}

func TestNeighbourDiscoveryIsReadAndWritten(t *testing.T) {
	for _, c := range ndMessages {
		b := unhex(t, c.hex)
		m, rest, err := parseND(b)
		if err != nil || !reflect.DeepEqual(m, c.message) {
			t.Errorf("%s: read as %+v, %v, want %+v", c.name, m, err, c.message)
			continue
		}
		o, err := ParseNDOptions(rest)
		if err != nil || !reflect.DeepEqual(o, c.options) {
			t.Errorf("%s: options read as\n%+v, %v, want\n%+v", c.name, o, err, c.options)
		}
		out := bytes.Repeat([]byte{0xee}, len(b)) // Put must not rely on zeros
		n := c.message.Put(out)
		if n += c.options.Put(out[n:]); n != len(b) || !bytes.Equal(out, b) {
			t.Errorf("%s: written as %d bytes\n%x, want\n%x", c.name, n, out, b)
		}
		if got, want := c.options.Len(), len(rest); got != want {
			t.Errorf("%s: the options say they need %d bytes, they are %d", c.name, got, want)
		}
	}
}

// RFC 4861, sections 6.1, 7.1 and 8.1: what makes a message invalid by itself.
func TestInvalidNeighbourDiscoveryIsRefused(t *testing.T) {
	change := func(s string, at int, to byte) []byte {
		b := unhex(t, s)
		b[at] = to
		return b
	}
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"a solicitation of 23 bytes", unhex(t, ndSolicit)[:23], ErrTruncated},
		{"a solicitation with a code", change(ndSolicit, 1, 1), ErrMalformed},
		{"a solicitation for a group", change(ndSolicit, 8, 0xff), ErrMalformed},
		{"an advertisement of 23 bytes", unhex(t, ndAdvert)[:23], ErrTruncated},
		{"an advertisement with a code", change(ndAdvert, 1, 1), ErrMalformed},
		{"an advertisement of a group", change(ndAdvert, 8, 0xff), ErrMalformed},
		{"a router solicitation of 7 bytes", unhex(t, ndRouterSolicit)[:7], ErrTruncated},
		{"a router solicitation with a code", change(ndRouterSolicit, 1, 1), ErrMalformed},
		{"a router advertisement of 15 bytes", unhex(t, ndRouterAdvert)[:15], ErrTruncated},
		{"a router advertisement with a code", change(ndRouterAdvert, 1, 1), ErrMalformed},
		{"a redirect of 39 bytes", unhex(t, ndRedirect)[:39], ErrTruncated},
		{"a redirect with a code", change(ndRedirect, 1, 1), ErrMalformed},
		{"a redirect of a group", change(ndRedirect, 24, 0xff), ErrMalformed},
		{"a redirect to a global address that is not the destination", change(ndRedirect, 8, 0x20), ErrMalformed},
		{"another type", change(ndRedirect, 0, 138), ErrMalformed},
	}
	for _, c := range tests {
		if _, _, err := parseND(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestNDOptionsAreReadWithCare(t *testing.T) {
	const link = "01 01 020000000002"
	good := NDOptions{Source: MAC{2, 0, 0, 0, 0, 2}, HasSource: true}
	prefix := "03 04 81 c0 00278d00 00093a80 00000000 20010db800010000 0000000000000000"
	tests := []struct {
		name string
		hex  string
		want NDOptions
		err  error
	}{
		{"none", "", NDOptions{}, nil},
		{"length zero", link + "0a 00 000000000000", NDOptions{}, ErrMalformed},
		{"beyond the end", link + "0a 02 000000000000", NDOptions{}, ErrTruncated},
		{"half of an option's head", link + "0a", NDOptions{}, ErrTruncated},
		{"unknown", "fd 02 0000000000000000000000000000" + link, good, nil},
		{"a second source", link + "01 01 020000000003", good, nil},
		{"a link-layer address of fourteen bytes", "02 02 0000000000000000000000000000" + link, good, nil},
		{"an MTU of another length", "05 02 0000000005dc0000000000000000" + link, good, nil},
		{"a prefix of 129 bits", prefix + link, good, nil},
		{"a route of the reserved preference", "18 01 00 10 00000708" + link, good, nil},
		{"a route without its prefix", "18 01 40 00 00000708" + link, good, nil},
		{"DNS servers of another length", "19 02 0000 00000e10 20010db800000000" + link, good, nil},
	}
	for _, c := range tests {
		o, err := ParseNDOptions(unhex(t, c.hex))
		if !errors.Is(err, c.err) || !reflect.DeepEqual(o, c.want) {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, o, err, c.want, c.err)
		}
	}
}

// RFC 4861, section 4.6.2: bits behind the prefix must be ignored.
func TestPrefixIsMasked(t *testing.T) {
	o, err := ParseNDOptions(unhex(t, "03 04 40 c0 00000000 00000000 00000000 20010db800010000 00000000000000ff"))
	if want := netip.MustParsePrefix("2001:db8:1::/64"); err != nil || len(o.Prefixes) != 1 || o.Prefixes[0].Prefix != want {
		t.Errorf("%v, %v, want %v", o.Prefixes, err, want)
	}
}

// RFC 4191, section 2.2.
func TestRouterPreference(t *testing.T) {
	for flags, want := range map[byte]int8{0x00: 0, 0x08: 1, 0x10: 0, 0x18: -1} {
		b := unhex(t, ndRouterAdvert)
		b[5] = flags
		if h, _, err := ParseRouterAdvertisement(b); err != nil || h.Preference != want {
			t.Errorf("flags %02x: preference %d, %v, want %d", flags, h.Preference, err, want)
		}
		b[6], b[7] = 0, 0
		if h, _, err := ParseRouterAdvertisement(b); err != nil || h.Preference != 0 {
			t.Errorf("flags %02x, lifetime zero: preference %d, %v, must be ignored", flags, h.Preference, err)
		}
	}
	// "If the Router Lifetime is zero, the preference value MUST be set to (00)".
	var b [RouterAdvertisementLen]byte
	if (&RouterAdvertisement{Preference: -1}).Put(b[:]); b[5] != 0 {
		t.Errorf("flags %02x with a lifetime of zero, want 00", b[5])
	}
}

// RFC 8106, section 5.1: an option for each lifetime, which is zero for servers that are
// not to be asked any more.
func TestDNSServersOfSeveralLifetimes(t *testing.T) {
	b := unhex(t, `1903000000000e10 20010db8000000000000000000000053
		1905000000000000 20010db8000000000000000000000054 fe800000000000000000000000000053`)
	want := NDOptions{DNS: []DNSServers{
		{[]netip.Addr{addr("2001:db8::53")}, time.Hour},
		{[]netip.Addr{addr("2001:db8::54"), addr("fe80::53")}, 0},
	}}
	if o, err := ParseNDOptions(b); err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("read as %+v, %v; want %+v", o, err, want)
	}
	out := make([]byte, want.Len())
	if want.Put(out); !bytes.Equal(out, b) {
		t.Errorf("written as\n%x, want\n%x", out, b)
	}
}

func TestLongNDOptionsAreWritten(t *testing.T) {
	o := NDOptions{Redirected: bytes.Repeat([]byte{1}, 3000), Nonce: make([]byte, 7)}
	servers := DNSServers{Lifetime: time.Hour}
	for i := range 200 {
		servers.Addrs = append(servers.Addrs, netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}))
	}
	o.DNS = []DNSServers{servers}
	b := make([]byte, o.Len())
	if n := o.Put(b); n != len(b) {
		t.Fatalf("%d bytes are written, %d were said", n, len(b))
	}
	again, err := ParseNDOptions(b)
	if err != nil || len(again.DNS) != 2 || len(again.DNS[0].Addrs) != 127 || len(again.DNS[1].Addrs) != 73 || again.DNS[1].Addrs[72] != servers.Addrs[199] {
		t.Errorf("200 DNS servers are read in %d options, %v; want two, with 127, which is the most, and 73", len(again.DNS), err)
	}
	if len(again.Redirected) != 2032 || len(again.Nonce) != 14 {
		t.Errorf("%d bytes redirected and a nonce of %d, want 2032, which is the most, and 14, the next length that there is",
			len(again.Redirected), len(again.Nonce))
	}
}

func TestNDOptionsWithoutPrefixesDoNotAllocate(t *testing.T) {
	b := unhex(t, "01 01 020000000001 02 01 020000000002 05 01 0000 000005dc 0e 01 a1a2a3a4a5a6")
	if n := testing.AllocsPerRun(100, func() {
		if o, err := ParseNDOptions(b); err != nil || o.MTU != 1500 {
			t.Fatal(o, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// RFC 8106, section 5.2: names as in RFC 1035, section 3.1, one behind the other, and zeros
// up to a multiple of eight bytes.
const ndSearchList = `1f04000000000e10 04636f7270076578 616d706c65000361 5f62000000000000`

func TestDNSSearch(t *testing.T) {
	want := NDOptions{Search: []DNSSearch{{[]string{"corp.example", "a_b"}, time.Hour}}}
	b := unhex(t, ndSearchList)
	if o, err := ParseNDOptions(b); err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("read as %+v, %v; want %+v", o, err, want)
	}
	out := make([]byte, want.Len())
	if n := want.Put(out); n != len(b) || !bytes.Equal(out, b) {
		t.Errorf("written as\n%x, want\n%x", out, b)
	}
	for why, hex := range map[string]string{
		"a length of one has no room for a domain":  `1f01000000000e10`,
		"there is no domain before the padding":     `1f02000000000e10 0000000000000000`,
		"the name does not end":                     `1f02000000000e10 0763636363636363`,
		"the label is longer than the option":       `1f02000000000e10 0f63636300000000`,
		"names are not compressed here":             `1f02000000000e10 036c6162c0080000`,
		"a label with a line break is no host name": `1f02000000000e10 04610a6263000000`,
		"nor one with a dot in it":                  `1f02000000000e10 04612e6263000000`,
		"a bad name makes the whole list bad":       `1f03000000000e10 036c616200022020 0000000000000000`,
	} {
		if o, err := ParseNDOptions(unhex(t, hex)); err != nil || o.Search != nil {
			t.Errorf("%s: read as %q, %v; the option should be skipped", why, o.Search, err)
		}
	}
}

func TestDomainName(t *testing.T) {
	long := strings.Repeat("a", 63)
	longest := strings.Join([]string{long, long, long, long[:61]}, ".")
	for name, want := range map[string]bool{
		"lab": true, "corp.example": true, "_tcp.A-1": true, longest: true,
		"": false, ".": false, "lab.": false, "a..b": false, ".a": false, "a b": false, "ä.example": false,
		"a\nnameserver": false, long + "a": false, longest + "a": false,
	} {
		if DomainName(name) != want {
			t.Errorf("DomainName(%q) is %v, should be %v", name, !want, want)
		}
	}
	o := NDOptions{Search: []DNSSearch{{Domains: []string{longest}}}}
	b := make([]byte, o.Len())
	o.Put(b)
	if again, _ := ParseNDOptions(b); !reflect.DeepEqual(again, o) {
		t.Errorf("the longest name that there is, of 255 bytes on the wire, is read as %+v", again)
	}
}

// An option has 2,032 bytes of domains at most.
func TestLongDNSSearch(t *testing.T) {
	s := DNSSearch{Lifetime: time.Hour}
	for i := range 100 {
		s.Domains = append(s.Domains, fmt.Sprintf("%03d.a-long-domain.for.tests.example", i)) // 37 bytes on the wire
	}
	o := NDOptions{Search: []DNSSearch{s}}
	b := make([]byte, o.Len())
	if n := o.Put(b); n != len(b) {
		t.Fatalf("%d bytes are written, %d were said", n, len(b))
	}
	again, err := ParseNDOptions(b)
	if err != nil || len(again.Search) != 2 || len(again.Search[0].Domains) != 54 ||
		!slices.Equal(slices.Concat(again.Search[0].Domains, again.Search[1].Domains), s.Domains) {
		t.Errorf("100 domains are read as %+v, %v; want two options, the first with 54, which is the most", again.Search, err)
	}
}

func FuzzParseND(f *testing.F) {
	for _, c := range ndMessages {
		f.Add(unhex(f, c.hex))
	}
	f.Add(unhex(f, ndRouterAdvert+ndSearchList))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := parseND(b)
		if err != nil {
			return
		}
		o, err := ParseNDOptions(rest)
		if err != nil {
			return
		}
		out := make([]byte, 64+o.Len())
		n := m.Put(out)
		again, rest, err := parseND(out[:n+o.Put(out[n:])])
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v was written and read again as %+v, %v", m, again, err)
		}
		if p, err := ParseNDOptions(rest); err != nil || !reflect.DeepEqual(p, o) {
			t.Errorf("%+v were written and read again as\n%+v, %v", o, p, err)
		}
	})
}
