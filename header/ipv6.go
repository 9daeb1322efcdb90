package header

import "net/netip"

// Lengths of an IPv6 header, and the smallest MTU of a link that carries it (RFC
// 8200, section 5).
const (
	IPv6Len    = 40
	IPv6MinMTU = 1280
)

// IPv6FlowLabel has the bits of a flow label.
const IPv6FlowLabel = 1<<20 - 1

// IPv6 is the header of an IPv6 packet (RFC 8200, section 3).
//
//	0                             4                6             7
//	+-----------------------------+----------------+-------------+-----------+
//	| version, class, flow label  | payload length | next header | hop limit |
//	+-----------------------------+----------------+-------------+-----------+
//	8 source (16 bytes)           24 destination (16 bytes)
type IPv6 struct {
	TrafficClass  uint8
	FlowLabel     uint32   // 20 bits
	PayloadLength int      // all that follows the header, in bytes
	NextHeader    Protocol // of the first extension header, or of the payload
	HopLimit      uint8
	Src, Dst      netip.Addr // without a zone
}

// ParseIPv6 reads an IPv6 header. The payload, extension headers and all, is cut to
// PayloadLength; a packet shorter than that is the caller's to notice, because the
// quotation in an ICMPv6 error is.
func ParseIPv6(b []byte) (h IPv6, payload []byte, err error) {
	if len(b) < IPv6Len {
		return h, nil, truncated("IPv6", len(b), IPv6Len)
	}
	first := be.Uint32(b)
	if first>>28 != 6 {
		return h, nil, ErrVersion
	}
	h = IPv6{
		TrafficClass: uint8(first >> 20), FlowLabel: first & IPv6FlowLabel,
		PayloadLength: int(be.Uint16(b[4:])), NextHeader: Protocol(b[6]), HopLimit: b[7],
		Src: netip.AddrFrom16([16]byte(b[8:24])), Dst: netip.AddrFrom16([16]byte(b[24:40])),
	}
	return h, b[IPv6Len:min(len(b), IPv6Len+h.PayloadLength)], nil
}

// Len returns the length that Put writes.
func (h *IPv6) Len() int { return IPv6Len }

// Put writes the header.
func (h *IPv6) Put(b []byte) int {
	PutIPv6((*[IPv6Len]byte)(b), h.TrafficClass, h.FlowLabel, h.PayloadLength, h.NextHeader, h.HopLimit, h.Src, h.Dst)
	return IPv6Len
}

// PutIPv6 is IPv6.Put for who has the fields and not the struct.
func PutIPv6(b *[IPv6Len]byte, class uint8, label uint32, length int, next Protocol, hops uint8, src, dst netip.Addr) {
	be.PutUint64(b[0:], 6<<60|uint64(class)<<52|uint64(label&IPv6FlowLabel)<<32|
		uint64(uint16(length))<<16|uint64(next)<<8|uint64(hops))
	*(*[16]byte)(b[8:]) = src.As16()
	*(*[16]byte)(b[24:]) = dst.As16()
}

// IsExtension reports whether p is the number of an extension header that has the
// common form of RFC 6564: next header, length, data. The fragment header, which all
// stacks know, is one too.
func (p Protocol) IsExtension() bool {
	return p < 64 && extensions>>p&1 != 0
}

// extensions has the bits of the numbers of extension headers.
const extensions uint64 = 1<<ProtocolHopByHop | 1<<ProtocolIPv6Route | 1<<ProtocolIPv6Fragment |
	1<<ProtocolDestinationOptions

// Extension is one IPv6 extension header (RFC 8200, section 4).
type Extension struct {
	NextHeader Protocol
	Data       []byte // the whole header, its first two bytes too; a multiple of eight
}

// ParseExtension reads the extension header of type p at the beginning of b.
func ParseExtension(p Protocol, b []byte) (x Extension, rest []byte, err error) {
	if len(b) < 8 {
		return x, nil, truncated("IPv6 extension", len(b), 8)
	}
	n := 8
	if p != ProtocolIPv6Fragment { // whose second byte is reserved
		n += int(b[1]) * 8
	}
	if n > len(b) {
		return x, nil, truncated("IPv6 extension", len(b), n)
	}
	return Extension{NextHeader: Protocol(b[0]), Data: b[:n]}, b[n:], nil
}

// FinalDst6 returns the destination that the pseudo-header of TCP, UDP and ICMPv6 has in
// a packet to dst with the given routing header: while segments are left that of the last
// (RFC 8200, section 8.1). It is the zero Addr where the type of the header is not known.
func FinalDst6(routing []byte, dst netip.Addr) netip.Addr {
	n := len(routing)
	switch {
	case n < 4 || routing[3] == 0:
		return dst
	case routing[2] == 0 && n >= 24: // RFC 2460, section 4.4
		return netip.AddrFrom16([16]byte(routing[n-16:]))
	case (routing[2] == 2 || routing[2] == 4) && n >= 24: // RFC 6275, section 6.4; RFC 8754, section 2
		return netip.AddrFrom16([16]byte(routing[8:24]))
	}
	return netip.Addr{}
}

// IPv6FragmentLen is the length of a fragment header.
const IPv6FragmentLen = 8

// IPv6Fragment is the fragment header (RFC 8200, section 4.5).
//
//	0             1          2               4
//	+-------------+----------+---------------+----------------+
//	| next header | reserved | offset, flags | identification |
//	+-------------+----------+---------------+----------------+
type IPv6Fragment struct {
	NextHeader Protocol
	Offset     int // in bytes, of what follows the unfragmentable part
	More       bool
	ID         uint32
}

// ParseIPv6Fragment reads a fragment header.
func ParseIPv6Fragment(b []byte) (h IPv6Fragment, payload []byte, err error) {
	if len(b) < IPv6FragmentLen {
		return h, nil, truncated("IPv6 fragment", len(b), IPv6FragmentLen)
	}
	offset := be.Uint16(b[2:])
	h = IPv6Fragment{
		NextHeader: Protocol(b[0]), Offset: int(offset &^ 7), More: offset&1 != 0, ID: be.Uint32(b[4:]),
	}
	return h, b[IPv6FragmentLen:], nil
}

// Put writes the header.
func (h *IPv6Fragment) Put(b []byte) int {
	_ = b[IPv6FragmentLen-1]
	offset := uint16(h.Offset) &^ 7
	if h.More {
		offset |= 1
	}
	b[0], b[1] = byte(h.NextHeader), 0
	be.PutUint16(b[2:], offset)
	be.PutUint32(b[4:], h.ID)
	return IPv6FragmentLen
}
