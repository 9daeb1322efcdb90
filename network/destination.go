package network

import (
	"net/netip"
	"slices"
)

// SortDestinations orders the addresses of a destination as they are to be tried: by
// RFC 6724, section 6. Those between which it makes no difference stay as they were;
// among IPv4 addresses it makes none which has more bits in common with the source, since
// servers spread their load by the order.
func SortDestinations(l *Layer, addrs []netip.Addr) {
	if len(addrs) < 2 {
		return
	}
	all := make([]Destination, len(addrs))
	for n, a := range addrs {
		all[n] = l.destination(a)
	}
	OrderDestinations(all)
	for n := range all {
		addrs[n] = all[n].Addr
	}
}

// OrderDestinations is SortDestinations for who has found the sources in another way.
func OrderDestinations(all []Destination) {
	slices.SortStableFunc(all, func(a, b Destination) int {
		switch {
		case a.better(&b):
			return -1
		case b.better(&a):
			return 1
		}
		return 0
	})
}

// Destination is an address with what the rules want to know of it, see NewDestination.
type Destination struct {
	Addr       netip.Addr
	source     netip.Addr // from which it would be sent to; not valid: it cannot be
	common     int        // bits of the two
	deprecated bool       // the source
	label      bool       // the same as the source's
	scope      int
	precedence int
}

// NewDestination returns an address to which would be sent from source, the zero Addr if
// it cannot be reached. bits is the length of the source's prefix.
func NewDestination(a, source netip.Addr, bits int, deprecated bool) Destination {
	d := Destination{Addr: a, source: source, scope: scopeOf(a.Unmap())}
	d.precedence, _ = policyOf(a)
	if !source.IsValid() {
		return d
	}
	d.label = labelOf(source) == labelOf(a)
	if source.Is6() {
		d.common = min(commonBits(a, source), bits)
		d.deprecated = deprecated
	}
	return d
}

func (l *Layer) destination(a netip.Addr) Destination {
	source := l.sourceTo(l.Zoned(a.Unmap()))
	if source.Is6() {
		if i := l.interfaceOf(source); i != nil {
			if own := i.address6(source); own != nil {
				return NewDestination(a, source, own.Bits, own.State == Deprecated)
			}
		}
	}
	return NewDestination(a, source, 0, false)
}

// sourceTo returns the address from which the host would send to dst, the zero Addr if
// it could not.
func (l *Layer) sourceTo(dst netip.Addr) netip.Addr {
	switch {
	case l.IsLocal(dst):
		return dst
	case dst.Is6() && dst.IsLinkLocalUnicast():
		if i := l.InterfaceNamed(dst.Zone()); i != nil {
			return i.sourceFor(dst)
		}
		return netip.Addr{}
	}
	if r := l.routeTo(dst); r != nil && !r.Interface.Loopback() {
		return r.Interface.sourceVia(dst, r.Gateway)
	}
	return netip.Addr{}
}

// better reports whether a is to be tried before b: the rules of RFC 6724, section 6, in
// their order, without the fourth, of home addresses, and the seventh, of tunnels.
func (a *Destination) better(b *Destination) bool {
	sa, sb := a.scope == scopeOf(a.source), b.scope == scopeOf(b.source)
	switch {
	case a.source.IsValid() != b.source.IsValid(): // rule 1: a usable one
		return a.source.IsValid()
	case !a.source.IsValid() && a.precedence != b.precedence: // rule 6: those before are of sources
		return a.precedence > b.precedence
	case !a.source.IsValid(): // rule 8
		return a.scope < b.scope
	case sa != sb: // rule 2: matching scopes
		return sa
	case a.deprecated != b.deprecated: // rule 3
		return b.deprecated
	case a.label != b.label: // rule 5: matching labels
		return a.label
	case a.precedence != b.precedence: // rule 6
		return a.precedence > b.precedence
	case a.scope != b.scope: // rule 8: the smaller
		return a.scope < b.scope
	}
	// Rule 9: the longest prefix in common with the source.
	return a.source.Is6() && b.source.Is6() && a.common > b.common
}
