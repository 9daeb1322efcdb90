package kernel

import (
	"septet/header"
	"septet/inspect"
)

// The ECN field of an IP header (RFC 3168, section 5).
const (
	notECT = 0
	ect1   = 1
	ect0   = 2
	ce     = 3
)

// segment is one of TCP as it crossed a cable.
type segment struct {
	header.TCP
	src    string
	length int // of its text
	ecn    byte
}

// segmentOf reads the segment in a frame, if it has one.
func segmentOf(f inspect.Frame) (s segment, ok bool) {
	if len(f.Data) < header.EthernetLen {
		return s, false
	}
	ip := f.Data[header.EthernetLen:]
	var payload []byte
	switch h, _, err := header.ParseEthernet(f.Data); {
	case err != nil:
		return s, false
	case h.Type == header.EtherTypeIPv4:
		h, b, err := header.ParseIPv4(ip)
		if err != nil || h.Protocol != header.ProtocolTCP {
			return s, false
		}
		payload, s.src, s.ecn = b, h.Src.String(), h.TOS&3
	case h.Type == header.EtherTypeIPv6:
		h, b, err := header.ParseIPv6(ip)
		if err != nil || h.NextHeader != header.ProtocolTCP {
			return s, false
		}
		payload, s.src, s.ecn = b, h.Src.String(), h.TrafficClass&3
	}
	n, err := header.ParseTCP(payload, &s.TCP)
	s.length = len(payload) - n
	return s, err == nil && payload != nil
}

// congest marks a frame as a router does that has a queue, if it may (RFC 3168, section
// 5). It reports whether it has.
func congest(frame []byte) bool {
	if len(frame) < header.EthernetLen+header.IPv4Len {
		return false
	}
	ip := frame[header.EthernetLen:]
	switch ip[0] >> 4 {
	case 4:
		h, _, err := header.ParseIPv4(ip)
		if err != nil || h.TOS&3 == notECT {
			return false
		}
		h.TOS |= ce
		h.Put(ip)
	case 6:
		h, _, err := header.ParseIPv6(ip)
		if err != nil || h.TrafficClass&3 == notECT {
			return false
		}
		ip[1] |= ce << 4
	}
	return true
}
