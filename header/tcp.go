package header

import "strings"

// TCPFlags are the control bits of a segment (RFC 9293, section 3.1).
type TCPFlags uint8

// The control bits.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}

// String names the set bits in the order in which they are usually said:
// "SYN, ACK".
func (f TCPFlags) String() string {
	var names []string
	for _, i := range [...]int{1, 0, 2, 3, 4, 5, 6, 7} {
		if f&(1<<i) != 0 {
			names = append(names, flagNames[i])
		}
	}
	return strings.Join(names, ", ")
}

// Has reports whether all bits of g are set in f.
func (f TCPFlags) Has(g TCPFlags) bool { return f&g == g }

// Lengths of a TCP header, without options and at most.
const (
	TCPLen    = 20
	TCPMaxLen = 60
)

// Kinds of TCP options (IANA).
const (
	OptionEnd           = 0
	OptionNop           = 1
	OptionMSS           = 2
	OptionWindowScale   = 3
	OptionSACKPermitted = 4
	OptionSACK          = 5
	OptionTimestamps    = 8
	OptionUserTimeout   = 28
	OptionFastOpen      = 34
)

// MaxWindowScale is the largest shift of the window (RFC 7323, section 2.3).
const MaxWindowScale = 14

// SACKBlock is a range of received bytes: from Left up to but not including
// Right (RFC 2018).
type SACKBlock struct{ Left, Right Seq }

// MaxFastOpenCookie is the longest cookie of Fast Open (RFC 7413, section 4.1.1).
const MaxFastOpenCookie = 16

// FastOpenCookie is a cookie of Fast Open: an even number of bytes from 4 to 16,
// or none, which asks for one.
type FastOpenCookie struct {
	Len   uint8
	Value [MaxFastOpenCookie]byte
}

// TCPOptions are the options of a segment that Septet knows. They stand without gaps,
// so that two of them are compared in one go.
type TCPOptions struct {
	HasMSS         bool
	HasWindowScale bool
	SACKPermitted  bool
	HasTimestamps  bool
	HasUserTimeout bool
	HasFastOpen    bool
	WindowScale    uint8
	NumSACK        uint8
	UserTimeout    uint16 // granularity bit and 15-bit value (RFC 5482, section 2)
	MSS            uint16
	TSVal, TSEcr   uint32
	SACK           [4]SACKBlock
	FastOpen       FastOpenCookie
}

// TCP is the header of a segment (RFC 9293, section 3.1).
//
//	0        2        4            8            12   13    14     16     18   20
//	+--------+--------+------------+------------+----+-----+------+------+----+---
//	|  src   |  dst   |  seq       |  ack       |off |flags|window| sum  |urg | options
//	+--------+--------+------------+------------+----+-----+------+------+----+---
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         Seq
	Flags            TCPFlags
	Window           uint16 // as on the wire, not scaled
	Checksum         uint16
	Urgent           uint16
	Options          TCPOptions
}

// ParseTCP reads a TCP header with its options into h and returns the header's
// length. The checksum is the caller's to verify: it covers the payload and a
// pseudo-header.
func ParseTCP(b []byte, h *TCP) (n int, err error) {
	if len(b) < TCPLen {
		return 0, truncated("TCP", len(b), TCPLen)
	}
	n = int(b[12]>>4) * 4
	if n < TCPLen {
		return 0, malformed("TCP", "data offset below 20")
	}
	if n > len(b) {
		return 0, truncated("TCP", len(b), n)
	}
	h.SrcPort, h.DstPort = be.Uint16(b[0:]), be.Uint16(b[2:])
	h.Seq, h.Ack = Seq(be.Uint32(b[4:])), Seq(be.Uint32(b[8:]))
	h.Flags = TCPFlags(b[13])
	h.Window = be.Uint16(b[14:])
	h.Checksum = be.Uint16(b[16:])
	h.Urgent = be.Uint16(b[18:])
	h.Options = TCPOptions{}
	if options := b[TCPLen:n]; len(options) == timestampsLen && be.Uint32(options) == timestampsLayout {
		h.Options.HasTimestamps = true
		h.Options.TSVal, h.Options.TSEcr = be.Uint32(options[4:]), be.Uint32(options[8:])
	} else if len(options) > 0 {
		h.Options.parse(options)
	}
	return n, nil
}

// timestampsLayout is how nearly every segment with timestamps begins its options: two
// no-ops, then kind and length (RFC 7323, appendix A). Mostly there are no others.
const (
	timestampsLayout = OptionNop<<24 | OptionNop<<16 | OptionTimestamps<<8 | 10
	timestampsLen    = 12
)

// usualSYN is how the options of nearly every SYN stand: the MSS, then SACK-permitted and
// timestamps as synLayout has them, a no-op and the window scale.
const (
	usualSYNLen = 20
	synMSS      = OptionMSS<<8 | 4
	synLayout   = OptionSACKPermitted<<24 | 2<<16 | OptionTimestamps<<8 | 10
	synScale    = OptionNop<<16 | OptionWindowScale<<8 | 3
)

// parseSYN reads the options of a SYN, if they are the usual ones.
func (o *TCPOptions) parseSYN(b *[usualSYNLen]byte) bool {
	scale := be.Uint32(b[16:])
	if be.Uint16(b[:]) != synMSS || be.Uint32(b[4:]) != synLayout || scale>>8 != synScale {
		return false
	}
	o.HasMSS, o.HasWindowScale, o.SACKPermitted, o.HasTimestamps = true, true, true, true
	o.MSS, o.WindowScale = be.Uint16(b[2:]), uint8(scale)
	o.TSVal, o.TSEcr = be.Uint32(b[8:]), be.Uint32(b[12:])
	return true
}

// putSYN writes what parseSYN reads.
func (o *TCPOptions) putSYN(b *[usualSYNLen]byte) {
	be.PutUint32(b[0:], synMSS<<16|uint32(o.MSS))
	be.PutUint32(b[4:], synLayout)
	be.PutUint32(b[8:], o.TSVal)
	be.PutUint32(b[12:], o.TSEcr)
	be.PutUint32(b[16:], synScale<<8|uint32(o.WindowScale))
}

// parse reads the options as far as they make sense. RFC 9293, section 3.1
// (MUST-7): an illegal option length may not do harm; what follows it is
// ignored, and what came before it stands.
func (o *TCPOptions) parse(b []byte) {
	if len(b) == usualSYNLen && o.parseSYN((*[usualSYNLen]byte)(b)) {
		return
	}
	if len(b) >= timestampsLen && be.Uint32(b) == timestampsLayout {
		o.HasTimestamps = true
		o.TSVal, o.TSEcr = be.Uint32(b[4:]), be.Uint32(b[8:])
		b = b[timestampsLen:]
	}
	for len(b) > 0 {
		switch b[0] {
		case OptionEnd:
			return
		case OptionNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		o.set(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
}

// set takes over one option if its value has the right length.
func (o *TCPOptions) set(kind byte, value []byte) {
	switch {
	case kind == OptionMSS && len(value) == 2:
		o.HasMSS, o.MSS = true, be.Uint16(value)
	case kind == OptionWindowScale && len(value) == 1:
		o.HasWindowScale, o.WindowScale = true, value[0]
	case kind == OptionSACKPermitted && len(value) == 0:
		o.SACKPermitted = true
	case kind == OptionTimestamps && len(value) == 8:
		o.HasTimestamps = true
		o.TSVal, o.TSEcr = be.Uint32(value), be.Uint32(value[4:])
	case kind == OptionUserTimeout && len(value) == 2:
		o.HasUserTimeout, o.UserTimeout = true, be.Uint16(value)
	case kind == OptionFastOpen && validCookie(len(value)):
		o.HasFastOpen = true
		o.FastOpen = FastOpenCookie{Len: uint8(len(value))}
		copy(o.FastOpen.Value[:], value)
	case kind == OptionSACK && len(value) > 0 && len(value)%8 == 0 && len(value) <= 32:
		o.NumSACK = uint8(len(value) / 8)
		for i := range int(o.NumSACK) {
			o.SACK[i] = SACKBlock{Seq(be.Uint32(value[8*i:])), Seq(be.Uint32(value[8*i+4:]))}
		}
	}
}

// validCookie reports whether a Fast Open option may have n bytes of cookie (RFC
// 7413, section 4.1.1).
func validCookie(n int) bool { return n == 0 || n >= 4 && n <= MaxFastOpenCookie && n%2 == 0 }

// Len returns the length of the options in bytes, with padding.
func (o *TCPOptions) Len() int {
	n := 0
	if o.HasMSS {
		n += 4
	}
	if o.HasTimestamps {
		n += 12 // SACK-permitted, if there, takes the place of the two no-ops
	} else if o.SACKPermitted {
		n += 4
	}
	if o.HasWindowScale {
		n += 4
	}
	if o.NumSACK > 0 {
		n += 4 + 8*int(o.NumSACK)
	}
	if o.HasUserTimeout {
		n += 4
	}
	if o.HasFastOpen {
		n += (2 + int(o.FastOpen.Len) + 3) &^ 3
	}
	return n
}

// put writes the options in the order and with the padding that Linux uses.
func (o *TCPOptions) put(b []byte) {
	if len(b) == usualSYNLen && o.HasMSS && o.SACKPermitted && o.HasTimestamps && o.HasWindowScale {
		o.putSYN((*[usualSYNLen]byte)(b)) // these four alone have that length
		return
	}
	i := 0
	if o.HasMSS {
		b[i], b[i+1] = OptionMSS, 4
		be.PutUint16(b[i+2:], o.MSS)
		i += 4
	}
	switch {
	case o.SACKPermitted && o.HasTimestamps:
		b[i], b[i+1], b[i+2], b[i+3] = OptionSACKPermitted, 2, OptionTimestamps, 10
	case o.HasTimestamps:
		be.PutUint32(b[i:], timestampsLayout)
	case o.SACKPermitted:
		b[i], b[i+1], b[i+2], b[i+3] = OptionNop, OptionNop, OptionSACKPermitted, 2
		i += 4
	}
	if o.HasTimestamps {
		be.PutUint32(b[i+4:], o.TSVal)
		be.PutUint32(b[i+8:], o.TSEcr)
		i += 12
	}
	if o.HasWindowScale {
		b[i], b[i+1], b[i+2], b[i+3] = OptionNop, OptionWindowScale, 3, o.WindowScale
		i += 4
	}
	if o.NumSACK > 0 {
		b[i], b[i+1], b[i+2], b[i+3] = OptionNop, OptionNop, OptionSACK, 2+8*o.NumSACK
		for j := range int(o.NumSACK) {
			be.PutUint32(b[i+4+8*j:], uint32(o.SACK[j].Left))
			be.PutUint32(b[i+8+8*j:], uint32(o.SACK[j].Right))
		}
		i += 4 + 8*int(o.NumSACK)
	}
	if o.HasUserTimeout {
		b[i], b[i+1] = OptionUserTimeout, 4
		be.PutUint16(b[i+2:], o.UserTimeout)
		i += 4
	}
	if o.HasFastOpen {
		o.putFastOpen(b[i:])
	}
}

// putFastOpen writes no-ops up to a multiple of four, and the cookie.
func (o *TCPOptions) putFastOpen(b []byte) {
	n := 2 + int(o.FastOpen.Len)
	i := 0
	for ; (i+n)%4 != 0; i++ {
		b[i] = OptionNop
	}
	b[i], b[i+1] = OptionFastOpen, byte(n)
	copy(b[i+2:], o.FastOpen.Value[:o.FastOpen.Len])
}

// Len returns the length that Put writes.
func (h *TCP) Len() int { return TCPLen + h.Options.Len() }

// Put writes the header with its Checksum as it is.
func (h *TCP) Put(b []byte) int {
	n := h.Len()
	h.Fill(b[:n])
	return n
}

// Fill is Put for who knows the length: b has Len bytes.
func (h *TCP) Fill(b []byte) {
	n := len(b)
	_ = b[TCPLen-1]
	be.PutUint16(b[0:], h.SrcPort)
	be.PutUint16(b[2:], h.DstPort)
	be.PutUint32(b[4:], uint32(h.Seq))
	be.PutUint32(b[8:], uint32(h.Ack))
	b[12], b[13] = byte(n/4)<<4, byte(h.Flags)
	be.PutUint16(b[14:], h.Window)
	be.PutUint16(b[16:], h.Checksum)
	be.PutUint16(b[18:], h.Urgent)
	if options := b[TCPLen:]; len(options) == timestampsLen && h.Options.HasTimestamps && !h.Options.SACKPermitted {
		be.PutUint32(options, timestampsLayout)
		be.PutUint32(options[4:], h.Options.TSVal)
		be.PutUint32(options[8:], h.Options.TSEcr)
	} else if len(options) > 0 {
		h.Options.put(options)
	}
}
