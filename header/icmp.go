package header

// Types of ICMP messages (RFC 792).
const (
	ICMPEchoReply        uint8 = 0
	ICMPUnreachable      uint8 = 3
	ICMPSourceQuench     uint8 = 4
	ICMPRedirect         uint8 = 5
	ICMPEchoRequest      uint8 = 8
	ICMPTimeExceeded     uint8 = 11
	ICMPParameterProblem uint8 = 12
)

// Codes of destination unreachable (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812
// section 5.2.7.1), of redirects and of time exceeded.
const (
	ICMPNetUnreachable      uint8 = 0
	ICMPHostUnreachable     uint8 = 1
	ICMPProtocolUnreachable uint8 = 2
	ICMPPortUnreachable     uint8 = 3
	ICMPFragmentationNeeded uint8 = 4
	ICMPSourceRouteFailed   uint8 = 5
	ICMPAdminProhibited     uint8 = 13

	ICMPRedirectNet     uint8 = 0
	ICMPRedirectHost    uint8 = 1
	ICMPRedirectTOSNet  uint8 = 2
	ICMPRedirectTOSHost uint8 = 3

	ICMPTTLExceeded        uint8 = 0
	ICMPReassemblyExceeded uint8 = 1
)

// ICMPLen is the length of an ICMP header.
const ICMPLen = 8

// ICMP is the header of an ICMP message (RFC 792).
//
//	0      1      2          4            8
//	+------+------+----------+------------+
//	| type | code | checksum | rest       |
//	+------+------+----------+------------+
type ICMP struct {
	Type, Code uint8
	Checksum   uint16 // as received; Put leaves it zero, see SetICMPChecksum
	Rest       uint32 // identifier and sequence number, next-hop MTU, pointer
}

// ID returns the identifier of an echo message.
func (h *ICMP) ID() uint16 { return uint16(h.Rest >> 16) }

// Sequence returns the sequence number of an echo message.
func (h *ICMP) Sequence() uint16 { return uint16(h.Rest) }

// MTU returns the next-hop MTU of "fragmentation needed" (RFC 1191).
func (h *ICMP) MTU() int { return int(uint16(h.Rest)) }

// IsError reports whether the message is an error, about which no ICMP error may
// be sent (RFC 1122, section 3.2.2).
func (h *ICMP) IsError() bool {
	switch h.Type {
	case ICMPUnreachable, ICMPSourceQuench, ICMPRedirect, ICMPTimeExceeded, ICMPParameterProblem:
		return true
	}
	return false
}

// ParseICMP reads an ICMP header and verifies the checksum of the message, which
// is all of b.
func ParseICMP(b []byte) (h ICMP, payload []byte, err error) {
	if len(b) < ICMPLen {
		return h, nil, truncated("ICMP", len(b), ICMPLen)
	}
	h = ICMP{Type: b[0], Code: b[1], Checksum: be.Uint16(b[2:]), Rest: be.Uint32(b[4:])}
	if Checksum(b, 0) != 0xffff {
		return h, nil, ErrChecksum
	}
	return h, b[ICMPLen:], nil
}

// Put writes the header with a checksum of zero.
func (h *ICMP) Put(b []byte) int {
	_ = b[ICMPLen-1]
	b[0], b[1], b[2], b[3] = h.Type, h.Code, 0, 0
	be.PutUint32(b[4:], h.Rest)
	return ICMPLen
}

// SetICMPChecksum fills in the checksum of the message b.
func SetICMPChecksum(b []byte) {
	b[2], b[3] = 0, 0
	be.PutUint16(b[2:], ^Checksum(b, 0))
}
