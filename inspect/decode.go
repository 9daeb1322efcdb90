package inspect

import (
	"hash/maphash"
	"net/netip"

	"septet/header"
)

// point is where a frame was seen: an interface of the capture, and what
// divides one interface into several.
type point struct {
	iface int
	index uint32 // of the interface within a capture of "any" (Linux cooked v2)
	vlan  uint32 // the identifiers of all tags, 12 bits each, as far as there is room
}

// sighting is what the tracker needs of a frame, read without building a tree.
type sighting struct {
	at       point
	arp      *header.ARP
	src, dst netip.Addr
	protocol header.Protocol
	id       uint32 // IPv4's identification, or that of an IPv6 fragment
	ttl      uint8
	fate     Fate
	group    bool // the frame is for several stations
	offset   int  // of a fragment
	more     bool // more fragments follow
	payload  []byte
	length   int  // of the payload by the IP header: more than len(payload) in a cut frame
	damaged  bool // the IPv4 header's checksum is wrong
}

func (s *sighting) cut() bool { return len(s.payload) < s.length || s.more || s.offset > 0 }

// decode reads a frame down to what IP carries. It returns false for frames
// that carry neither IP nor ARP, and for those that cannot be read.
func decode(f *Frame) (s sighting, ok bool) {
	s.at.iface, s.fate = f.Interface, f.Fate
	b := f.Data
	switch f.LinkType {
	case LinkEthernet:
		if len(b) < header.EthernetLen {
			return s, false
		}
		s.group = b[0]&1 != 0 // IEEE 802.3, section 3.2.3: the first bit on the wire
		return s, s.ether(be.Uint16(b[12:]), b[header.EthernetLen:])
	case LinkLinuxSLL:
		if len(b) < 16 {
			return s, false
		}
		return s, s.ether(be.Uint16(b[14:]), b[16:])
	case LinkLinuxSLL2:
		if len(b) < 20 {
			return s, false
		}
		s.at.index = be.Uint32(b[4:])
		return s, s.ether(be.Uint16(b), b[20:])
	case LinkNull, LinkLoop:
		if len(b) < 4 {
			return s, false
		}
		family := loopbackFamily(b)
		return s, (family == familyINET || isFamilyINET6(family)) && s.ip(b[4:])
	case LinkRaw, LinkRaw12, LinkRaw14, LinkIPv4, LinkIPv6:
		return s, s.ip(b)
	}
	return s, false
}

func (s *sighting) ether(kind uint16, b []byte) bool {
	for range maxDepth {
		if header.EtherType(kind) != header.EtherTypeVLAN && kind != etherTypeServiceTag || len(b) < 4 {
			break
		}
		s.at.vlan = s.at.vlan<<12 | uint32(be.Uint16(b)&0xfff)
		kind, b = be.Uint16(b[2:]), b[4:]
	}
	switch header.EtherType(kind) {
	case header.EtherTypeIPv4, header.EtherTypeIPv6:
		return s.ip(b)
	case header.EtherTypeARP:
		arp, err := header.ParseARP(b)
		s.arp = &arp
		return err == nil
	}
	return false
}

func (s *sighting) ip(b []byte) bool {
	switch {
	case len(b) >= header.IPv4Len && b[0]>>4 == 4:
		return s.ipv4(b)
	case len(b) >= ipv6Len && b[0]>>4 == 6:
		return s.ipv6(b)
	}
	return false
}

func (s *sighting) ipv4(b []byte) bool {
	n, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	if total == 0 {
		total = len(b) // as in dissection.ipv4
	}
	if n < header.IPv4Len || n > len(b) || total < n {
		return false
	}
	routed := header.IPv4{Dst: netip.AddrFrom4([4]byte(b[16:])), Options: b[header.IPv4Len:n]}
	s.src, s.dst = netip.AddrFrom4([4]byte(b[12:])), routed.FinalDst()
	s.protocol, s.id, s.ttl = header.Protocol(b[9]), uint32(be.Uint16(b[4:])), b[8]
	s.offset, s.more = int(be.Uint16(b[6:])&0x1fff)*8, b[6]&0x20 != 0
	s.payload, s.length = b[n:min(len(b), total)], total-n
	// A checksum of zero is left to the network card: no header sums to it.
	s.damaged = be.Uint16(b[10:]) != 0 && header.Checksum(b[:n], 0) != 0xffff
	return true
}

func (s *sighting) ipv6(b []byte) bool {
	length, next := int(be.Uint16(b[4:])), header.Protocol(b[6])
	s.ttl = b[7]
	s.src, s.dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	b = b[ipv6Len:]
	if length == 0 && next != header.ProtocolHopByHop && next != header.ProtocolNoNext {
		length = len(b) // as in dissection.ipv6
	}
	b = b[:min(len(b), length)]
	for range maxExtensions {
		if !next.IsExtension() || s.offset > 0 {
			break
		}
		x, rest, err := header.ParseExtension(next, b)
		if err != nil {
			return false
		}
		switch next {
		case header.ProtocolIPv6Fragment:
			h, _, _ := header.ParseIPv6Fragment(x.Data)
			s.offset, s.more, s.id = h.Offset, h.More, h.ID
		case header.ProtocolIPv6Route:
			if s.dst = header.FinalDst6(x.Data, s.dst); !s.dst.IsValid() {
				return false
			}
		}
		next, b, length = x.NextHeader, rest, length-len(x.Data)
	}
	s.protocol, s.payload, s.length = next, b, length
	return true
}

// verdict looks at the checksum of a TCP, UDP, ICMP or IGMP payload; field is its
// place.
func (s *sighting) verdict(field int) Check {
	if s.cut() || len(s.payload) < field+2 {
		return Unverifiable
	}
	value := be.Uint16(s.payload[field:])
	if s.protocol == header.ProtocolUDP && value == 0 {
		if s.dst.Is4() {
			return Absent
		}
		return Bad // RFC 8200, section 8.1: over IPv6 it is not optional
	}
	var pseudo uint16
	if s.protocol != header.ProtocolICMP && s.protocol != header.ProtocolIGMP {
		pseudo = pseudoSum(s.src, s.dst, s.protocol, s.length)
	}
	c, _ := judge(value, header.Checksum(s.payload, pseudo), pseudo, len(s.payload), s.length)
	return c
}

var seed = maphash.MakeSeed()

// fingerprint is the same for all copies of one packet on its way: it leaves
// out what routers change.
func (s *sighting) fingerprint() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	if s.arp != nil {
		var b [header.ARPLen]byte
		s.arp.Put(b[:])
		h.Write(b[:])
		return h.Sum64()
	}
	h.Write(s.src.AsSlice())
	h.Write(s.dst.AsSlice())
	h.WriteByte(byte(s.protocol))
	var b [8]byte
	be.PutUint32(b[:], s.id)
	be.PutUint32(b[4:], uint32(s.offset))
	h.Write(b[:])
	h.Write(s.payload)
	return h.Sum64()
}
