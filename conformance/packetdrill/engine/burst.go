package engine

import (
	"bytes"
	"encoding/binary"

	"septet/header"
)

// Linux leaves the cutting of segments to its network card (TSO), or does it last
// of all. A capture on a Linux host is taken before that and shows several as one
// packet, longer than the MTU. Scripts written on Linux expect to see the same, so
// the segments of a burst are put together again here. A burst ends with PSH.

// take keeps a packet of the host for the tool.
func (w *wire) take(s Sent) {
	if w.bursts && w.open && len(w.sent) > 0 && w.sent[len(w.sent)-1].join(s) {
		last := &w.sent[len(w.sent)-1]
		w.open = last.goesOn()
		return
	}
	w.sent = append(w.sent, s)
	w.open = s.goesOn()
}

// tcpSegment returns where a packet's text begins, zero if it is not IPv4 and TCP.
func tcpSegment(b []byte) int {
	if len(b) < header.IPv4Len+header.TCPLen || b[0] != 4<<4|header.IPv4Len/4 || b[9] != byte(header.ProtocolTCP) {
		return 0
	}
	return header.IPv4Len + int(b[header.IPv4Len+12]>>4)*4
}

// Offsets in a TCP header behind an IPv4 one without options.
const (
	seqAt   = header.IPv4Len + 4
	ackAt   = header.IPv4Len + 8
	flagsAt = header.IPv4Len + 13
	sumAt   = header.IPv4Len + 16
)

// goesOn reports whether the next packet may belong to the same burst.
func (s *Sent) goesOn() bool {
	const alone = header.PSH | header.FIN | header.SYN | header.RST | header.URG
	at := tcpSegment(s.Bytes)
	return at > 0 && len(s.Bytes) > at && header.TCPFlags(s.Bytes[flagsAt])&alone == 0
}

// join appends the text of next to a packet if the two differ in nothing but what
// cutting makes different.
func (s *Sent) join(next Sent) bool {
	a, b, at := s.Bytes, next.Bytes, tcpSegment(s.Bytes)
	ending := byte(header.PSH | header.FIN)
	switch {
	case s.Micro != next.Micro || tcpSegment(b) != at || len(b) <= at || len(a)+len(b)-at > 0xffff:
		return false
	case a[1] != b[1] || !bytes.Equal(a[12:seqAt], b[12:seqAt]): // type of service, addresses, ports
		return false
	case binary.BigEndian.Uint32(a[seqAt:])+uint32(len(a)-at) != binary.BigEndian.Uint32(b[seqAt:]):
		return false
	case !bytes.Equal(a[ackAt:flagsAt], b[ackAt:flagsAt]) || b[flagsAt]&^ending&^a[flagsAt] != 0:
		return false
	case !bytes.Equal(a[flagsAt+1:sumAt], b[flagsAt+1:sumAt]) || !bytes.Equal(a[sumAt+2:at], b[sumAt+2:at]):
		return false
	}
	a[flagsAt] |= b[flagsAt] & ending
	s.Bytes = append(a, b[at:]...)
	s.reseal()
	return true
}

// reseal puts the length and the checksums right.
func (s *Sent) reseal() {
	b := s.Bytes
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	clear(b[10:12])
	binary.BigEndian.PutUint16(b[10:], ^header.Checksum(b[:header.IPv4Len], 0))
	h, segment, err := header.ParseIPv4(b)
	if err != nil {
		return // it was one before: cannot be
	}
	clear(segment[16:18])
	sum := header.Checksum(segment, header.PseudoSum(h.Src, h.Dst, header.ProtocolTCP, len(segment)))
	binary.BigEndian.PutUint16(segment[16:], ^sum)
}
