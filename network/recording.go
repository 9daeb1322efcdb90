package network

import (
	"net/netip"

	"septet/header"
	"septet/packet"
)

// Options into which everybody on the way enters himself: Record Route and Internet
// Timestamp (RFC 791, section 3.1). Routers do it (RFC 1812, sections 5.3.13.5 and
// 5.3.13.6), and hosts with what they receive and with the echo reply that brings it back
// (RFC 1122, section 3.2.2.6): what "ping -R" shows.
const (
	optionRecordRoute = 7
	optionTimestamp   = 68
)

// What a timestamp stands with: the low four bits of the fourth octet. In the others is how
// many had no more room.
const (
	timestampAlone     = 0
	timestampAddress   = 1 // of who has entered it
	timestampAddressed = 3 // of who is to enter it
)

func records(kind byte) bool { return kind == optionRecordRoute || kind == optionTimestamp }

// entryLen is how long an entry of a recording option is, zero for one of an unknown kind.
func entryLen(option []byte) int {
	if option[0] == optionRecordRoute {
		return 4
	}
	switch option[3] & 15 {
	case timestampAlone:
		return 4
	case timestampAddress, timestampAddressed:
		return 8
	}
	return 0
}

// badRecording returns which octet of a recording option is wrong, 0 if none is.
func badRecording(option []byte) int {
	fixed := 3 // before the first entry
	if option[0] == optionTimestamp {
		fixed = 4
	}
	if len(option) < fixed {
		return 1
	}
	switch at := int(option[2]) - 1; { // the pointer counts from one
	case at < fixed:
		return 2
	case at < len(option) && at+entryLen(option) > len(option):
		return 2
	case at >= len(option) && option[0] == optionTimestamp && option[3]>>4 == 15:
		return 3 // RFC 791: the count of those without room overflows too
	}
	return 0
}

// record enters this host, as addr, into the options of the header that p begins with.
func (l *Layer) record(p *packet.Packet, addr netip.Addr) {
	b := p.Head()
	b = b[:int(b[0]&15)*4]
	l.enter(b[header.IPv4Len:], addr, false)
	b[10], b[11] = 0, 0
	be.PutUint16(b[10:], ^header.Checksum(b, 0))
}

// enter enters this host into options. It is in them already if it answers: then it is not
// counted again where there is no room.
func (l *Layer) enter(options []byte, addr netip.Addr, answers bool) {
	for len(options) > 0 && options[0] != optionEnd {
		n, err := optionLen(options)
		if err != nil {
			return
		}
		if o := options[:n]; records(o[0]) && badRecording(o) == 0 {
			l.enterInto(o, addr, answers)
		}
		options = options[n:]
	}
}

func (l *Layer) enterInto(o []byte, addr netip.Addr, answers bool) {
	switch room, route := int(o[2]) <= len(o), o[0] == optionRecordRoute; {
	case room && route:
		copy(o[o[2]-1:], addr.AsSlice())
		o[2] += 4
	case room:
		l.enterTime(o, addr)
	case !route && !answers:
		o[3] += 1 << 4
	}
}

func (l *Layer) enterTime(o []byte, addr netip.Addr) {
	at := int(o[2]) - 1
	switch o[3] & 15 {
	case timestampAlone:
	case timestampAddress:
		copy(o[at:], addr.AsSlice())
		at += 4
	case timestampAddressed:
		if next := netip.AddrFrom4([4]byte(o[at:])); l.addresses[next] != own {
			return
		}
		at += 4
	default:
		return
	}
	// RFC 791: milliseconds since midnight UT or, with the highest bit, since any other
	// moment. A lab has no midnight.
	be.PutUint32(o[at:], 1<<31|uint32(l.loop.Now()/1e6))
	o[2] = byte(at + 4 + 1)
}

// recorded returns the recording options of a header, for the one of an answer.
func recorded(options []byte) (copied []byte) {
	for len(options) > 0 && options[0] != optionEnd {
		n, err := optionLen(options)
		if err != nil {
			break
		}
		if records(options[0]) {
			copied = append(copied, options[:n]...)
		}
		options = options[n:]
	}
	for len(copied)%4 != 0 {
		copied = append(copied, optionEnd)
	}
	return copied
}
