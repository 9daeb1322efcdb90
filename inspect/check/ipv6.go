package check

import (
	"net/netip"

	"septet/header"
)

// maxExtensions bounds the chain of extension headers that is followed.
const maxExtensions = 16

// network6 reads an IPv6 packet down to what follows its extension headers. length is that
// of the payload on the wire.
func (s *segment) network6(b []byte) (src, dst netip.Addr, p header.Protocol, length int, payload []byte, ok bool) {
	h, payload, err := header.ParseIPv6(b)
	if err != nil {
		return
	}
	src, dst, p, length = h.Src, h.Dst, h.NextHeader, h.PayloadLength
	s.ecn, s.ttl = h.TrafficClass&3, h.HopLimit
	if length == 0 {
		payload = b[header.IPv6Len:] // a segment too long for the field, before the card cuts it
		length = len(payload)
	}
	for range maxExtensions {
		if !p.IsExtension() {
			return src, dst, p, length, payload, true
		}
		x, rest, err := header.ParseExtension(p, payload)
		if err != nil {
			return
		}
		switch p {
		case header.ProtocolIPv6Route:
			if dst = header.FinalDst6(x.Data, dst); !dst.IsValid() {
				return
			}
		case header.ProtocolIPv6Fragment:
			f, _, _ := header.ParseIPv6Fragment(x.Data)
			s.fragment = s.fragment || f.More || f.Offset > 0
			if f.Offset > 0 {
				return
			}
		}
		p, payload, length = x.NextHeader, rest, length-len(x.Data)
	}
	return
}

// discovery reads a question for a neighbour, or the answer (RFC 4861), and notes what ARP
// would have said. It returns false for all else, and for what no neighbour believes: what
// is damaged, or has crossed a router.
func (s *segment) discovery(b []byte) bool {
	src, dst, p, length, m, ok := s.network6(b)
	if !ok || p != header.ProtocolICMPv6 || s.fragment || s.ttl != 255 || len(m) < length || length == 0 {
		return false
	}
	if _, _, err := header.ParseICMPv6(m, src, dst); err != nil {
		return false
	}
	s.arp = header.ARP{SenderMAC: s.fromCard, SenderIP: src}
	switch m[0] {
	case header.ICMPv6NeighbourSolicit:
		h, _, err := header.ParseNeighbourSolicitation(m)
		s.arp.Operation, s.arp.TargetIP = header.ARPRequest, h.Target
		if dst.IsMulticast() {
			s.card = header.BroadcastMAC // ARP asks all
		}
		return err == nil
	case header.ICMPv6NeighbourAdvert:
		h, _, err := header.ParseNeighbourAdvertisement(m)
		s.arp.Operation, s.arp.SenderIP = header.ARPReply, h.Target
		return err == nil
	}
	return false
}
