package header

import "net/netip"

// Types of the IPv4 options that are source routes.
const (
	OptionLooseSourceRoute  = 131
	OptionStrictSourceRoute = 137
)

// SourceRouteLen is the length of a source route without its addresses.
const SourceRouteLen = 3

// SourceRoute is the IPv4 option by which a sender chooses the way of its datagram
// (RFC 791, section 3.1). The packet is addressed to one stop of the way; those that
// follow, and the destination as the last, are in the option. Each stop puts the next
// address into the header, and its own in that one's place.
//
//	0      1        2         3
//	+------+--------+---------+------------//-----------+
//	| type | length | pointer | addresses, of 4 bytes   |
//	+------+--------+---------+------------//-----------+
//	131 loose, 137 strict
type SourceRoute struct {
	Strict bool // nothing may lie between one stop and the next
	// Next is the index of the address that comes next; those before it record
	// the way so far. Where it is len(Addrs) the route is completed: the packet is
	// at its destination.
	Next  int
	Addrs []netip.Addr
}

// ParseSourceRoute reads the source route that b begins with.
func ParseSourceRoute(b []byte) (r SourceRoute, err error) {
	if len(b) < SourceRouteLen {
		return r, truncated("source route", len(b), SourceRouteLen)
	}
	n, pointer := int(b[1]), int(b[2])
	switch {
	case b[0] != OptionLooseSourceRoute && b[0] != OptionStrictSourceRoute:
		return r, malformed("source route", "another type of option")
	case n < SourceRouteLen || (n-SourceRouteLen)%4 != 0:
		return r, malformed("source route", "not a whole number of addresses")
	case n > len(b):
		return r, truncated("source route", len(b), n)
	case pointer < 4 || pointer%4 != 0:
		// It counts from the type octet, from one.
		return r, malformed("source route", "the pointer is not at an address")
	}
	r.Strict = b[0] == OptionStrictSourceRoute
	r.Addrs = make([]netip.Addr, (n-SourceRouteLen)/4)
	for i := range r.Addrs {
		r.Addrs[i] = netip.AddrFrom4([4]byte(b[SourceRouteLen+4*i:]))
	}
	// RFC 791: "if the pointer is greater than the length, the source route is
	// empty", wherever it points.
	r.Next = min(pointer/4-1, len(r.Addrs))
	return r, nil
}

// Completed reports whether no address is left to be visited.
func (r *SourceRoute) Completed() bool { return r.Next >= len(r.Addrs) }

// Len returns the length that Put writes.
func (r *SourceRoute) Len() int { return SourceRouteLen + 4*len(r.Addrs) }

// Put writes the option.
func (r *SourceRoute) Put(b []byte) int {
	n := r.Len()
	_ = b[n-1]
	b[0] = OptionLooseSourceRoute
	if r.Strict {
		b[0] = OptionStrictSourceRoute
	}
	b[1], b[2] = byte(n), byte(4+4*r.Next)
	for i, addr := range r.Addrs {
		a := addr.As4()
		copy(b[SourceRouteLen+4*i:], a[:])
	}
	return n
}

// FinalDst returns the destination of the packet: the last address of a source route
// that is not completed, else Dst. It is the one that the pseudo-header of TCP and UDP
// has, so that the checksum is right wherever the packet arrives.
func (h *IPv4) FinalDst() netip.Addr {
	for o := h.Options; len(o) > 1 && o[0] != 0; {
		n := int(o[1])
		switch {
		case o[0] == 1: // no operation
			n = 1
		case n < 2 || n > len(o):
			return h.Dst
		case o[0] == OptionLooseSourceRoute || o[0] == OptionStrictSourceRoute:
			r, err := ParseSourceRoute(o)
			if err != nil || r.Completed() {
				return h.Dst
			}
			return r.Addrs[len(r.Addrs)-1]
		}
		o = o[n:]
	}
	return h.Dst
}
