package header

import (
	"net/netip"
	"time"
)

// Lengths of the messages of neighbour discovery without their options.
const (
	RouterSolicitationLen     = 8
	RouterAdvertisementLen    = 16
	NeighbourSolicitationLen  = 24
	NeighbourAdvertisementLen = 24
	RedirectLen               = 40
)

// The messages of neighbour discovery (RFC 4861) are ICMPv6 messages, which ParseICMPv6
// has verified. Each parser here takes the whole message, from its type on, and checks
// what the message alone shows of its validity: type, code, length and addresses (RFC
// 4861, sections 6.1, 7.1 and 8.1). Hop limit and IP addresses are the receiver's to
// check, and so are the options, see ParseNDOptions. Put leaves the checksum zero.

// ndMessage checks what all messages have in common: they are long enough, and their
// code is zero.
func ndMessage(b []byte, kind uint8, what string, n int) error {
	switch {
	case len(b) < n:
		return truncated(what, len(b), n)
	case b[0] != kind:
		return malformed(what, "another type of message")
	case b[1] != 0:
		return malformed(what, "a code other than zero")
	}
	return nil
}

// putND writes type, code, a checksum of zero and the four bytes after it.
func putND(b []byte, kind uint8, n int, rest uint32) int {
	_ = b[n-1]
	h := ICMPv6{Type: kind, Rest: rest}
	h.Put(b)
	return n
}

func addr16(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b[:16])) }

func putAddr16(b []byte, a netip.Addr) {
	all := a.As16()
	copy(b, all[:])
}

// RouterSolicitation asks the routers of a link to advertise themselves at once (RFC
// 4861, section 4.1). All that it says is in its options.
type RouterSolicitation struct{}

// ParseRouterSolicitation reads a router solicitation.
func ParseRouterSolicitation(b []byte) (h RouterSolicitation, options []byte, err error) {
	const n = RouterSolicitationLen
	if err := ndMessage(b, ICMPv6RouterSolicit, "router solicitation", n); err != nil {
		return h, nil, err
	}
	return h, b[n:], nil
}

// Put writes the message without options.
func (h *RouterSolicitation) Put(b []byte) int {
	return putND(b, ICMPv6RouterSolicit, RouterSolicitationLen, 0)
}

// RouterAdvertisement is what a router tells the hosts of a link (RFC 4861, section
// 4.2; RFC 4191, section 2.2, for the preference).
//
//	0      1      2          4           5            6          8
//	+------+------+----------+-----------+------------+----------+
//	| 134  |  0   | checksum | hop limit |M O - prf - | lifetime |
//	+------+------+----------+-----------+------------+----------+
//	8 reachable time         12 retrans timer                    16
type RouterAdvertisement struct {
	HopLimit   uint8 // for what hosts send; zero: the router does not say
	Managed    bool  // addresses come from DHCPv6
	Other      bool  // other configuration does
	Preference int8  // among default routers: 1 high, 0 medium, -1 low
	// Lifetime is for how long the router is a default router, in whole seconds up to
	// 65,535; with zero it is none.
	Lifetime time.Duration
	// ReachableTime and RetransTimer are the hosts' (RFC 4861, section 6.3.2), in
	// whole milliseconds; zero: the router does not say.
	ReachableTime, RetransTimer time.Duration
}

// ParseRouterAdvertisement reads a router advertisement.
func ParseRouterAdvertisement(b []byte) (h RouterAdvertisement, options []byte, err error) {
	const n = RouterAdvertisementLen
	if err := ndMessage(b, ICMPv6RouterAdvert, "router advertisement", n); err != nil {
		return h, nil, err
	}
	h = RouterAdvertisement{
		HopLimit: b[4], Managed: b[5]&0x80 != 0, Other: b[5]&0x40 != 0,
		Lifetime:      time.Duration(be.Uint16(b[6:])) * time.Second,
		ReachableTime: time.Duration(be.Uint32(b[8:])) * time.Millisecond,
		RetransTimer:  time.Duration(be.Uint32(b[12:])) * time.Millisecond,
	}
	// RFC 4191, section 2.2: the reserved value is read as medium, and where the
	// lifetime is zero the preference is ignored.
	if p, ok := preference(b[5]); ok && h.Lifetime > 0 {
		h.Preference = p
	}
	return h, b[n:], nil
}

// Put writes the message without options.
func (h *RouterAdvertisement) Put(b []byte) int {
	lifetime := min(max(h.Lifetime/time.Second, 0), 0xffff)
	rest := uint32(h.HopLimit)<<24 | uint32(lifetime)
	if h.Managed {
		rest |= 0x80 << 16
	}
	if h.Other {
		rest |= 0x40 << 16
	}
	if lifetime > 0 {
		rest |= uint32(preferenceBits(h.Preference)) << 16
	}
	n := putND(b, ICMPv6RouterAdvert, RouterAdvertisementLen, rest)
	be.PutUint32(b[8:], milliseconds(h.ReachableTime))
	be.PutUint32(b[12:], milliseconds(h.RetransTimer))
	return n
}

func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Millisecond, 0), 0xffffffff))
}

// preference reads the two bits 00011000 of RFC 4191, section 2.1, a signed number. The
// value 10 is reserved.
func preference(flags byte) (p int8, ok bool) {
	p = int8(flags<<3) >> 6
	return p, p != -2
}

func preferenceBits(p int8) byte { return byte(min(max(p, -1), 1)) & 3 << 3 }

// NeighbourSolicitation asks for the link-layer address of a neighbour, or whether it is
// still there (RFC 4861, section 4.3).
type NeighbourSolicitation struct {
	Target netip.Addr
}

// ParseNeighbourSolicitation reads a neighbour solicitation.
func ParseNeighbourSolicitation(b []byte) (h NeighbourSolicitation, options []byte, err error) {
	const what, n = "neighbour solicitation", NeighbourSolicitationLen
	if err := ndMessage(b, ICMPv6NeighbourSolicit, what, n); err != nil {
		return h, nil, err
	}
	h.Target = addr16(b[8:])
	if h.Target.IsMulticast() {
		return h, nil, malformed(what, "a multicast target")
	}
	return h, b[n:], nil
}

// Put writes the message without options.
func (h *NeighbourSolicitation) Put(b []byte) int {
	n := putND(b, ICMPv6NeighbourSolicit, NeighbourSolicitationLen, 0)
	putAddr16(b[8:], h.Target)
	return n
}

// NeighbourAdvertisement answers a neighbour solicitation, or says unasked that
// something has changed (RFC 4861, section 4.4).
//
//	0      1      2          4                        8
//	+------+------+----------+------------------------+-------------------+
//	| 136  |  0   | checksum |R S O                   | target (16 bytes) |
//	+------+------+----------+------------------------+-------------------+
type NeighbourAdvertisement struct {
	Target    netip.Addr
	Router    bool // the sender is a router
	Solicited bool // it answers a solicitation
	Override  bool // its link-layer address replaces the one that is known
}

// ParseNeighbourAdvertisement reads a neighbour advertisement.
func ParseNeighbourAdvertisement(b []byte) (h NeighbourAdvertisement, options []byte, err error) {
	const what, n = "neighbour advertisement", NeighbourAdvertisementLen
	if err := ndMessage(b, ICMPv6NeighbourAdvert, what, n); err != nil {
		return h, nil, err
	}
	h = NeighbourAdvertisement{
		Target: addr16(b[8:]), Router: b[4]&0x80 != 0, Solicited: b[4]&0x40 != 0, Override: b[4]&0x20 != 0,
	}
	if h.Target.IsMulticast() {
		return h, nil, malformed(what, "a multicast target")
	}
	return h, b[n:], nil
}

// Put writes the message without options.
func (h *NeighbourAdvertisement) Put(b []byte) int {
	n := putND(b, ICMPv6NeighbourAdvert, NeighbourAdvertisementLen, 0)
	for i, set := range [...]bool{h.Router, h.Solicited, h.Override} {
		if set {
			b[4] |= 0x80 >> i
		}
	}
	putAddr16(b[8:], h.Target)
	return n
}

// Redirect tells a host of a better first hop to a destination (RFC 4861, section 4.5).
type Redirect struct {
	Target netip.Addr // the better hop, or Dst where that is a neighbour
	Dst    netip.Addr
}

// ParseRedirect reads a redirect.
func ParseRedirect(b []byte) (h Redirect, options []byte, err error) {
	const what, n = "redirect", RedirectLen
	if err := ndMessage(b, ICMPv6Redirect, what, n); err != nil {
		return h, nil, err
	}
	h = Redirect{Target: addr16(b[8:]), Dst: addr16(b[24:])}
	switch {
	case h.Dst.IsMulticast():
		return h, nil, malformed(what, "a multicast destination")
	case h.Target != h.Dst && !h.Target.IsLinkLocalUnicast():
		return h, nil, malformed(what, "a target that is neither link-local nor the destination")
	}
	return h, b[n:], nil
}

// Put writes the message without options.
func (h *Redirect) Put(b []byte) int {
	n := putND(b, ICMPv6Redirect, RedirectLen, 0)
	putAddr16(b[8:], h.Target)
	putAddr16(b[24:], h.Dst)
	return n
}
