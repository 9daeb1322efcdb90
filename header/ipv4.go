package header

import (
	"math/bits"
	"net/netip"
)

// Protocol is the protocol number of an IP payload (IANA).
type Protocol uint8

// Values of Protocol.
const (
	ProtocolHopByHop           Protocol = 0
	ProtocolICMP               Protocol = 1
	ProtocolIGMP               Protocol = 2
	ProtocolTCP                Protocol = 6
	ProtocolUDP                Protocol = 17
	ProtocolIPv6Route          Protocol = 43
	ProtocolIPv6Fragment       Protocol = 44
	ProtocolICMPv6             Protocol = 58
	ProtocolNoNext             Protocol = 59
	ProtocolDestinationOptions Protocol = 60
)

// Lengths of an IPv4 header, without options and at most.
const (
	IPv4Len    = 20
	IPv4MaxLen = 60
)

// IPv4 is the header of an IPv4 packet (RFC 791).
//
//	0      1      2             4             6
//	+------+------+-------------+-------------+---------------+
//	|ver+hl| tos  | total length|     id      | flags, offset |
//	+------+------+-------------+-------------+---------------+
//	8 ttl  9 proto 10 checksum   12 source      16 destination
type IPv4 struct {
	TOS            uint8
	TotalLength    int // header and payload, in bytes
	ID             uint16
	DontFragment   bool
	MoreFragments  bool
	FragmentOffset int // in bytes
	TTL            uint8
	Protocol       Protocol
	Checksum       uint16 // as received; Put computes it
	Src, Dst       netip.Addr
	Options        []byte // padded to a multiple of four
}

// ParseIPv4 reads an IPv4 header and verifies its checksum. The payload is cut
// to TotalLength; a packet shorter than that is the caller's to notice, because
// the quotation in an ICMP error is.
func ParseIPv4(b []byte) (h IPv4, payload []byte, err error) {
	n, err := h.Parse(b)
	if err != nil {
		return h, nil, err
	}
	return h, b[n:max(n, min(len(b), h.TotalLength))], nil
}

// Parse is ParseIPv4 into h, which must be zero. It returns the header's length. With a
// wrong checksum, ErrChecksum, h is what stands there all the same.
func (h *IPv4) Parse(b []byte) (n int, err error) {
	if len(b) < IPv4Len {
		return 0, truncated("IPv4", len(b), IPv4Len)
	}
	if b[0]>>4 != 4 {
		return 0, ErrVersion
	}
	n = int(b[0]&15) * 4
	h.TotalLength = int(be.Uint16(b[2:]))
	switch {
	case n < IPv4Len:
		return 0, malformed("IPv4", "header length below 20")
	case n > len(b):
		return 0, truncated("IPv4", len(b), n)
	case h.TotalLength < n:
		return 0, malformed("IPv4", "total length below the header's")
	}
	h.TOS = b[1]
	h.ID = be.Uint16(b[4:])
	fragment := be.Uint16(b[6:])
	h.DontFragment = fragment&0x4000 != 0
	h.MoreFragments = fragment&0x2000 != 0
	h.FragmentOffset = int(fragment&0x1fff) * 8
	h.TTL, h.Protocol = b[8], Protocol(b[9])
	h.Checksum = be.Uint16(b[10:])
	h.Src = netip.AddrFrom4([4]byte(b[12:16]))
	h.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	sum := checksumPlain((*[IPv4Len]byte)(b))
	if n > IPv4Len {
		h.Options = b[IPv4Len:n]
		sum = Checksum(h.Options, sum)
	}
	if sum != 0xffff {
		return 0, ErrChecksum
	}
	return n, nil
}

// Len returns the length that Put writes.
func (h *IPv4) Len() int { return IPv4Len + (len(h.Options)+3)&^3 }

// The bits beside the offset of a fragment.
const (
	dontFragment  = 0x4000
	moreFragments = 0x2000
)

// Put writes the header with its checksum.
func (h *IPv4) Put(b []byte) int {
	n := h.Len()
	_ = b[n-1]
	fragment := uint16(h.FragmentOffset / 8)
	if h.DontFragment {
		fragment |= dontFragment
	}
	if h.MoreFragments {
		fragment |= moreFragments
	}
	src, dst := h.Src.As4(), h.Dst.As4()
	plain := (*[IPv4Len]byte)(b)
	putIPv4(plain, uint32(0x40|n/4)<<24|uint32(h.TOS)<<16|uint32(uint16(h.TotalLength)),
		uint32(h.ID)<<16|uint32(fragment), uint32(h.TTL)<<24|uint32(h.Protocol)<<16,
		be.Uint32(src[:]), be.Uint32(dst[:]))
	if n > IPv4Len {
		clear(b[IPv4Len+copy(b[IPv4Len:n], h.Options) : n])
		be.PutUint16(b[10:], ^Checksum(b[IPv4Len:n], ^be.Uint16(b[10:])))
	}
	return n
}

// putIPv4 writes a header without options, the five words of which are given but for the
// checksum. The order of their bytes does not matter to the sum (RFC 1071, section 2).
func putIPv4(b *[IPv4Len]byte, first, second, third, src, dst uint32) {
	sum := foldWords(uint64(first) + uint64(second) + uint64(third) + uint64(src) + uint64(dst))
	be.PutUint32(b[0:], first)
	be.PutUint32(b[4:], second)
	be.PutUint32(b[8:], third|uint32(^sum))
	be.PutUint32(b[12:], src)
	be.PutUint32(b[16:], dst)
}

// PutAtomicIPv4 is Put for a datagram without options that is no fragment and must not be
// cut (RFC 6864, section 4), as nearly all are.
func PutAtomicIPv4(b *[IPv4Len]byte, tos uint8, total int, id uint16, ttl uint8, p Protocol, src, dst [4]byte) {
	putIPv4(b, 0x45<<24|uint32(tos)<<16|uint32(uint16(total)), uint32(id)<<16|dontFragment,
		uint32(ttl)<<24|uint32(p)<<16, be.Uint32(src[:]), be.Uint32(dst[:]))
}

// PlainIPv4 reports whether b begins with the right header of an IPv4 packet that has no
// options and is no fragment, as nearly all are, and the length of the whole packet.
func PlainIPv4(b []byte) (total int, ok bool) {
	if len(b) < IPv4Len || b[0] != 0x45 || be.Uint16(b[6:])&0x3fff != 0 {
		return 0, false
	}
	total = int(be.Uint16(b[2:]))
	return total, total >= IPv4Len && checksumPlain((*[IPv4Len]byte)(b)) == 0xffff
}

// IsFragment reports whether the packet is a part of a larger one.
func (h *IPv4) IsFragment() bool { return h.MoreFragments || h.FragmentOffset > 0 }

// PseudoSum returns the folded sum of the pseudo-header that TCP, UDP and ICMPv6
// cover with their checksums (RFC 9293, section 3.1; RFC 8200, section 8.1), for a
// segment of n bytes. Both addresses are of one family.
func PseudoSum(src, dst netip.Addr, p Protocol, n int) uint16 {
	if !src.Is4() {
		return pseudoSum6(src, dst, p, n)
	}
	s, d := src.As4(), dst.As4()
	sum := uint32(be.Uint16(s[0:])) + uint32(be.Uint16(s[2:])) +
		uint32(be.Uint16(d[0:])) + uint32(be.Uint16(d[2:])) + uint32(p) + uint32(n)
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}

func pseudoSum6(src, dst netip.Addr, p Protocol, n int) uint16 {
	if !src.Is6() || !dst.Is6() {
		src, dst = netip.AddrFrom16(src.As16()), netip.AddrFrom16(dst.As16())
	}
	// Not As16: its array is written in words and then copied as a whole, which has to wait
	// until the words are in the cache.
	s, d := src.AsSlice(), dst.AsSlice()
	sum, carry := bits.Add64(be.Uint64(s[0:]), be.Uint64(s[8:]), 0)
	sum, carry = bits.Add64(sum, be.Uint64(d[0:]), carry)
	sum, carry = bits.Add64(sum, be.Uint64(d[8:]), carry)
	sum, carry = bits.Add64(sum, uint64(p)+uint64(n), carry)
	sum += carry // after which there is no other: what was added last is small
	return foldWords(sum>>32 + sum&0xffffffff)
}
