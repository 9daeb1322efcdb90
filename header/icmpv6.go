package header

import "net/netip"

// Types of ICMPv6 messages (RFC 4443; RFC 4861 and 3810 for those of the link).
const (
	ICMPv6Unreachable      uint8 = 1
	ICMPv6PacketTooBig     uint8 = 2
	ICMPv6TimeExceeded     uint8 = 3
	ICMPv6ParameterProblem uint8 = 4
	ICMPv6EchoRequest      uint8 = 128
	ICMPv6EchoReply        uint8 = 129
	ICMPv6ListenerQuery    uint8 = 130
	ICMPv6ListenerReport   uint8 = 131 // MLDv1
	ICMPv6ListenerDone     uint8 = 132 // MLDv1
	ICMPv6RouterSolicit    uint8 = 133
	ICMPv6RouterAdvert     uint8 = 134
	ICMPv6NeighbourSolicit uint8 = 135
	ICMPv6NeighbourAdvert  uint8 = 136
	ICMPv6Redirect         uint8 = 137
	ICMPv6ListenerReport2  uint8 = 143 // MLDv2
)

// Codes of destination unreachable, time exceeded and parameter problem (RFC 4443,
// section 3; RFC 7112, section 5 for the last).
const (
	ICMPv6NoRoute           uint8 = 0
	ICMPv6AdminProhibited   uint8 = 1
	ICMPv6BeyondScope       uint8 = 2
	ICMPv6AddressUnreached  uint8 = 3
	ICMPv6PortUnreachable   uint8 = 4
	ICMPv6PolicyFailed      uint8 = 5
	ICMPv6RouteRejected     uint8 = 6
	ICMPv6HopLimitExceeded  uint8 = 0
	ICMPv6ReassemblyTimeout uint8 = 1
	ICMPv6BadField          uint8 = 0
	ICMPv6BadNextHeader     uint8 = 1
	ICMPv6BadOption         uint8 = 2
	ICMPv6IncompleteChain   uint8 = 3
)

// ICMPv6Len is the length of an ICMPv6 header.
const ICMPv6Len = 8

// ICMPv6 is the header of an ICMPv6 message (RFC 4443, section 2.1): that of ICMP,
// with other types.
type ICMPv6 struct {
	Type, Code uint8
	Checksum   uint16 // as received; Put leaves it zero, see SetICMPv6Checksum
	Rest       uint32 // identifier and sequence number, MTU, pointer, flags
}

// ID returns the identifier of an echo message.
func (h *ICMPv6) ID() uint16 { return uint16(h.Rest >> 16) }

// Sequence returns the sequence number of an echo message.
func (h *ICMPv6) Sequence() uint16 { return uint16(h.Rest) }

// IsError reports whether the message is an error: "message types from 0 to 127" (RFC
// 4443, section 2.1).
func (h *ICMPv6) IsError() bool { return h.Type < 128 }

// ParseICMPv6 reads an ICMPv6 header and verifies the checksum of the message, which
// is all of b, sent from src to dst.
func ParseICMPv6(b []byte, src, dst netip.Addr) (h ICMPv6, payload []byte, err error) {
	if len(b) < ICMPv6Len {
		return h, nil, truncated("ICMPv6", len(b), ICMPv6Len)
	}
	h = ICMPv6{Type: b[0], Code: b[1], Checksum: be.Uint16(b[2:]), Rest: be.Uint32(b[4:])}
	if Checksum(b, PseudoSum(src, dst, ProtocolICMPv6, len(b))) != 0xffff {
		return h, nil, ErrChecksum
	}
	return h, b[ICMPv6Len:], nil
}

// Put writes the header with a checksum of zero.
func (h *ICMPv6) Put(b []byte) int {
	_ = b[ICMPv6Len-1]
	b[0], b[1], b[2], b[3] = h.Type, h.Code, 0, 0
	be.PutUint32(b[4:], h.Rest)
	return ICMPv6Len
}

// SetICMPv6Checksum fills in the checksum of the message b, which covers the
// addresses too.
func SetICMPv6Checksum(b []byte, src, dst netip.Addr) {
	b[2], b[3] = 0, 0
	be.PutUint16(b[2:], ^Checksum(b, PseudoSum(src, dst, ProtocolICMPv6, len(b))))
}
