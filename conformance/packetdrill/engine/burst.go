package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"

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

// tcpAt returns where a packet's TCP header begins, zero if it has none: behind an
// IPv4 header without options, or one of IPv6 without extensions.
func tcpAt(b []byte) int {
	at := 0
	switch {
	case len(b) < header.IPv4Len:
	case b[0] == 4<<4|header.IPv4Len/4 && b[9] == byte(header.ProtocolTCP):
		at = header.IPv4Len
	case b[0]>>4 == 6 && b[6] == byte(header.ProtocolTCP):
		at = header.IPv6Len
	}
	if len(b) < at+header.TCPLen {
		return 0
	}
	return at
}

// textAt returns where the text of a packet with TCP begins.
func textAt(b []byte, tcp int) int { return tcp + int(b[tcp+12]>>4)*4 }

// Offsets in a TCP header.
const (
	seqAt   = 4
	ackAt   = 8
	flagsAt = 13
	sumAt   = 16
)

// goesOn reports whether the next packet may belong to the same burst.
func (s *Sent) goesOn() bool {
	const alone = header.PSH | header.FIN | header.SYN | header.RST | header.URG
	at := tcpAt(s.Bytes)
	return at > 0 && len(s.Bytes) > textAt(s.Bytes, at) && header.TCPFlags(s.Bytes[at+flagsAt])&alone == 0
}

// join appends the text of next to a packet if the two differ in nothing but what
// cutting makes different.
func (s *Sent) join(next Sent) bool {
	a, b := s.Bytes, next.Bytes
	tcp := tcpAt(a)
	if tcp == 0 || tcpAt(b) != tcp || s.Micro != next.Micro || !sameFlow(a[:tcp], b[:tcp]) {
		return false
	}
	at := textAt(a, tcp)
	if textAt(b, tcp) != at || len(b) <= at || len(a)+len(b)-at > 0xffff {
		return false
	}
	x, y := a[tcp:at], b[tcp:at] // the TCP headers
	ending := byte(header.PSH | header.FIN)
	switch {
	case !bytes.Equal(x[:seqAt], y[:seqAt]):
		return false
	case binary.BigEndian.Uint32(x[seqAt:])+uint32(len(a)-at) != binary.BigEndian.Uint32(y[seqAt:]):
		return false
	case !bytes.Equal(x[ackAt:flagsAt], y[ackAt:flagsAt]) || y[flagsAt]&^ending&^x[flagsAt] != 0:
		return false
	case !bytes.Equal(x[flagsAt+1:sumAt], y[flagsAt+1:sumAt]) || !bytes.Equal(x[sumAt+2:], y[sumAt+2:]):
		return false
	}
	x[flagsAt] |= y[flagsAt] & ending
	s.Bytes = append(a, b[at:]...)
	s.reseal()
	return true
}

// sameFlow compares two IP headers in what a burst has in common: addresses, and type
// of service or traffic class and flow label.
func sameFlow(a, b []byte) bool {
	if len(a) == header.IPv6Len {
		return bytes.Equal(a[:4], b[:4]) && bytes.Equal(a[8:], b[8:])
	}
	return a[1] == b[1] && bytes.Equal(a[12:], b[12:])
}

// reseal puts the length and the checksums right.
func (s *Sent) reseal() {
	b := s.Bytes
	at := tcpAt(b)
	segment := b[at:]
	var src, dst netip.Addr
	if at == header.IPv6Len {
		binary.BigEndian.PutUint16(b[4:], uint16(len(segment)))
		h, _, _ := header.ParseIPv6(b)
		src, dst = h.Src, h.Dst
	} else {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		clear(b[10:12])
		binary.BigEndian.PutUint16(b[10:], ^header.Checksum(b[:header.IPv4Len], 0))
		h, _, _ := header.ParseIPv4(b)
		src, dst = h.Src, h.Dst
	}
	clear(segment[sumAt : sumAt+2])
	sum := header.Checksum(segment, header.PseudoSum(src, dst, header.ProtocolTCP, len(segment)))
	binary.BigEndian.PutUint16(segment[sumAt:], ^sum)
}
