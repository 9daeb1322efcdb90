package header

// UDPLen is the length of a UDP header.
const UDPLen = 8

// UDP is the header of a datagram (RFC 768).
//
//	0          2          4          6          8
//	+----------+----------+----------+----------+
//	| src port | dst port |  length  | checksum |
//	+----------+----------+----------+----------+
type UDP struct {
	SrcPort, DstPort uint16
	Length           int // header and payload, in bytes
	Checksum         uint16
}

// ParseUDP reads a UDP header. The payload is cut to Length; whether all of it
// is there, and the checksum, are the caller's to check.
func ParseUDP(b []byte) (h UDP, payload []byte, err error) {
	if len(b) < UDPLen {
		return h, nil, truncated("UDP", len(b), UDPLen)
	}
	h = UDP{
		SrcPort: be.Uint16(b[0:]), DstPort: be.Uint16(b[2:]),
		Length: int(be.Uint16(b[4:])), Checksum: be.Uint16(b[6:]),
	}
	if h.Length < UDPLen {
		return h, nil, malformed("UDP", "length below 8")
	}
	return h, b[UDPLen:min(len(b), h.Length)], nil
}

// Put writes the header with its Checksum as it is.
func (h *UDP) Put(b []byte) int {
	_ = b[UDPLen-1]
	be.PutUint16(b[0:], h.SrcPort)
	be.PutUint16(b[2:], h.DstPort)
	be.PutUint16(b[4:], uint16(h.Length))
	be.PutUint16(b[6:], h.Checksum)
	return UDPLen
}
