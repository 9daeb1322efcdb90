package network

import (
	"math/bits"
	"net/netip"
	"slices"
)

// sourceFor returns the address of this interface from which it sends to dst, the zero
// Addr if it has none.
func (i *Interface) sourceFor(dst netip.Addr) netip.Addr {
	if dst.Is4() {
		return i.addr
	}
	return i.bestSource(nil, dst, netip.Addr{}).address()
}

// sourceVia is sourceFor where it is known that the packet goes to the router hop. RFC
// 6724, section 4: a router may send to other links from an address of another interface,
// so that its errors get further than a link with link-local addresses alone.
func (i *Interface) sourceVia(dst, hop netip.Addr) netip.Addr {
	if dst.Is4() {
		return i.addr
	}
	best := i.bestSource(nil, dst, hop)
	if best != nil && scopeOf(best.Addr) >= scopeOf(dst) || !i.layer.forwarding || scopeOf(dst) == scopeLink {
		return best.address()
	}
	for _, j := range i.layer.interfaces {
		best = j.bestSource(best, dst, hop)
	}
	return best.address()
}

// address returns the zero Addr for none.
func (a *address6) address() netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	return a.Addr
}

// bestSource returns what is better as a source: best, or one of the interface's.
func (i *Interface) bestSource(best *address6, dst, hop netip.Addr) *address6 {
	if !i.speaksIPv6() {
		return best
	}
	for _, a := range i.six.addresses {
		if a.usable() && (best == nil || i.prefers(a, best, dst, hop)) {
			best = a
		}
	}
	return best
}

// prefers reports whether a is a better source than b for dst (RFC 6724, section 5).
// Both are of the interface by which the packet goes (rule 5), and home addresses (rule
// 4) are a mobile node's.
func (i *Interface) prefers(a, b *address6, dst, hop netip.Addr) bool {
	sa, sb, sd := scopeOf(a.Addr), scopeOf(b.Addr), scopeOf(dst)
	switch {
	case a.Addr == dst || b.Addr == dst: // rule 1: the same address
		return a.Addr == dst
	case sa != sb: // rule 2: the smallest scope that reaches dst
		if sa < sb {
			return sa >= sd
		}
		return sb < sd
	case a.State != b.State: // rule 3: not the deprecated one
		return a.State == Preferred
	}
	// Rule 5.5: that whose prefix the router has advertised.
	if ra, rb := slices.Contains(a.routers, hop), slices.Contains(b.routers, hop); ra != rb {
		return ra
	}
	label := labelOf(dst)
	if la, lb := labelOf(a.Addr) == label, labelOf(b.Addr) == label; la != lb {
		return la // rule 6: the same label
	}
	if ta, tb := a.Origin == Temporary, b.Origin == Temporary; ta != tb {
		return ta // rule 7: the temporary one
	}
	// Rule 8: the longest prefix in common, of the length of the source's network.
	return min(commonBits(a.Addr, dst), a.Bits) > min(commonBits(b.Addr, dst), b.Bits)
}

// Scopes of addresses (RFC 4291, section 2.7; RFC 6724, section 3.1).
const (
	scopeLink   = 0x2
	scopeSite   = 0x5
	scopeGlobal = 0xe
)

// scopeOf returns an address's scope. IPv4's are those of RFC 6724, section 3.2.
func scopeOf(a netip.Addr) int {
	b := a.As16()
	switch {
	case a.IsMulticast() && a.Is6():
		return int(b[1] & 15)
	case a.IsLinkLocalUnicast(), a.IsLoopback():
		return scopeLink
	case b[0] == 0xfe && b[1]&0xc0 == 0xc0:
		return scopeSite
	}
	return scopeGlobal
}

// policy is the default table of RFC 6724, section 2.1, the longest prefixes first.
var policy = []struct {
	prefix            netip.Prefix
	precedence, label int
}{
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.MustParsePrefix("::ffff:0:0/96"), 35, 4},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// labelOf returns an address's label in the policy table.
func labelOf(a netip.Addr) int {
	_, label := policyOf(a)
	return label
}

func policyOf(a netip.Addr) (precedence, label int) {
	a = netip.AddrFrom16(a.As16()) // IPv4 as IPv4-mapped
	for _, p := range policy {
		if p.prefix.Contains(a) || p.prefix.Bits() == 96 && a.Is4In6() && p.label == 4 {
			return p.precedence, p.label
		}
	}
	return 0, 0
}

// commonBits returns how many leading bits two addresses have in common.
func commonBits(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for n := 0; n < 16; n += 8 {
		if d := be.Uint64(x[n:]) ^ be.Uint64(y[n:]); d != 0 {
			return n*8 + bits.LeadingZeros64(d)
		}
	}
	return 128
}
