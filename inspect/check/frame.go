package check

import (
	"encoding/binary"
	"net/netip"
	"time"

	"septet/header"
	"septet/inspect"
)

var be = binary.BigEndian

// point is where a frame was seen: an interface of the capture, and what
// divides one interface into several.
type point struct {
	iface int
	index uint32 // of the interface within a capture of "any"
	vlan  uint16
}

// checksum is what is known about a segment's checksum.
type checksum uint8

const (
	sumUnknown checksum = iota // the segment is not all there
	sumGood
	sumPartial // only the pseudo-header's sum: the network card does the rest
	sumBad
)

// segment is a TCP segment that was seen somewhere.
type segment struct {
	header.TCP
	now      time.Duration
	packet   int
	at       point
	src, dst netip.AddrPort
	options  []byte // as on the wire
	payload  []byte // as much as the capture has
	length   int    // of the payload on the wire
	reserved uint8  // the four bits between data offset and control bits
	ecn      uint8  // of the IP header
	ttl      uint8
	id       uint32
	fragment bool
	sum      checksum
	summed   bool       // its checksums were all computed
	early    bool       // its time is before that of the frame before it
	card     header.MAC // on Ethernet, the one that it is for
	fromCard header.MAC
	arp      header.ARP // if it is ARP
	held     bool       // it may have waited for its neighbour's address

	// Relative to the sender's initial sequence number, and not modulo 2^32.
	from, to int64
	ack      int64 // relative to the peer's
	sending        // found by the rules of the sequence space
}

func (s *segment) has(f header.TCPFlags) bool { return s.Flags.Has(f) }

// span is what the segment takes of the sequence space.
func (s *segment) span() int {
	n := s.length
	if s.has(header.SYN) {
		n++
	}
	if s.has(header.FIN) {
		n++
	}
	return n
}

// pure reports an acknowledgement that carries nothing else.
func (s *segment) pure() bool {
	return s.span() == 0 && s.has(header.ACK) && !s.has(header.RST)
}

type content uint8

const (
	isOther content = iota
	isTCP
	isICMP // an error, of which src and dst are the quoted packet's
	isARP
	isCut // TCP, of which only src and dst are known
)

// decode reads a frame into s. Frames that cannot be read, or whose IP header is
// damaged, are none of the judge's business. In a complete capture no checksum was left
// to a network card.
func decode(f *inspect.Frame, s *segment, complete bool) content {
	*s = segment{at: point{iface: f.Interface}, summed: complete}
	b := f.Data
	skip, kind := 0, uint16(header.EtherTypeIPv4) // links of IP alone do not say; its version does
	switch f.LinkType {
	case inspect.LinkEthernet:
		skip = header.EthernetLen
	case inspect.LinkLinuxSLL:
		skip = 16
	case inspect.LinkLinuxSLL2:
		skip = 20
	case inspect.LinkNull, inspect.LinkLoop:
		skip = 4
	case inspect.LinkRaw, inspect.LinkRaw12, inspect.LinkRaw14, inspect.LinkIPv4, inspect.LinkIPv6:
	default:
		return isOther
	}
	if len(b) < skip {
		return isOther
	}
	switch f.LinkType {
	case inspect.LinkEthernet, inspect.LinkLinuxSLL:
		if f.LinkType == inspect.LinkEthernet {
			s.card, s.fromCard = header.MAC(b[:6]), header.MAC(b[6:12])
		}
		kind = be.Uint16(b[skip-2:])
	case inspect.LinkLinuxSLL2:
		kind, s.at.index = be.Uint16(b), be.Uint32(b[4:])
	}
	b = b[skip:]
	for (header.EtherType(kind) == header.EtherTypeVLAN || kind == etherTypeServiceTag) && len(b) >= 4 {
		s.at.vlan = be.Uint16(b) & 0xfff
		kind, b = be.Uint16(b[2:]), b[4:]
	}
	if header.EtherType(kind) == header.EtherTypeARP {
		if a, err := header.ParseARP(b); err == nil {
			s.arp = a
			return isARP
		}
		return isOther
	}
	if header.EtherType(kind) == header.EtherTypeIPv6 && s.discovery(b) {
		return isARP
	}
	// No card takes a frame from a group of stations, and no host a segment that was
	// sent to one (RFC 1122, section 3.3.6; RFC 9293, MUST-57).
	if s.card.IsGroup() || s.fromCard.IsGroup() {
		return isOther
	}
	if k := header.EtherType(kind); k != header.EtherTypeIPv4 && k != header.EtherTypeIPv6 {
		return isOther // nor one whose type the way has changed
	}
	return s.ip(b)
}

func (s *segment) ip(b []byte) content {
	src, dst, protocol, length, payload, ok := s.network(b)
	switch {
	case !ok:
		return isOther
	case protocol == header.ProtocolTCP && s.tcp(src, dst, payload, length):
		return isTCP
	case protocol == header.ProtocolTCP && len(payload) >= 4 && len(payload) < length:
		s.ports(src, dst, payload)
		return isCut
	case !s.fragment && isError(protocol, payload) && s.quoted(payload[8:]):
		return isICMP
	}
	return isOther
}

// etherTypeServiceTag is the outer of two VLAN tags (IEEE 802.1ad).
const etherTypeServiceTag = 0x88a8

// network reads the IP header. length is that of the payload on the wire.
func (s *segment) network(b []byte) (src, dst netip.Addr, p header.Protocol, length int, payload []byte, ok bool) {
	switch {
	case len(b) >= header.IPv4Len && b[0]>>4 == 4:
		n, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
		if total == 0 {
			total = len(b) // a segment too long for the field, before the card cuts it
		}
		// A checksum of zero is mostly left to the network card: hardly a header has it.
		given := s.summed || be.Uint16(b[10:]) != 0
		damaged := n <= len(b) && given && header.Checksum(b[:n], 0) != 0xffff
		if n < header.IPv4Len || n > len(b) || total < n || damaged {
			return
		}
		src, dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		if n > header.IPv4Len {
			routed := header.IPv4{Dst: dst, Options: b[header.IPv4Len:n]}
			dst = routed.FinalDst()
		}
		s.id, s.ecn, s.ttl = uint32(be.Uint16(b[4:])), b[1]&3, b[8]
		s.fragment = be.Uint16(b[6:])&0x3fff != 0
		ok = be.Uint16(b[6:])&0x1fff == 0
		return src, dst, header.Protocol(b[9]), total - n, b[n:min(len(b), total)], ok
	case len(b) >= header.IPv6Len && b[0]>>4 == 6:
		return s.network6(b)
	}
	return
}

func (s *segment) tcp(src, dst netip.Addr, b []byte, length int) bool {
	n, err := header.ParseTCP(b, &s.TCP)
	if err != nil || length < n {
		return false
	}
	s.src, s.dst = netip.AddrPortFrom(src, s.SrcPort), netip.AddrPortFrom(dst, s.DstPort)
	s.options, s.payload, s.length = b[header.TCPLen:n], b[n:], length-n
	s.reserved = b[12] & 15
	if !s.fragment {
		s.sum = verify(src, dst, b, length)
	}
	return true
}

// verify compares the checksum with all that it covers: RFC 9293, 3.1, and for
// IPv6 RFC 8200, 8.1.
func verify(src, dst netip.Addr, b []byte, length int) checksum {
	if len(b) < length {
		return sumUnknown
	}
	last := [8]byte{0, 0, byte(length >> 8), byte(length), 0, 0, 0, byte(header.ProtocolTCP)}
	last[1] = byte(length >> 16)
	pseudo := header.Checksum(last[:], header.Checksum(dst.AsSlice(), header.Checksum(src.AsSlice(), 0)))
	switch {
	case header.Checksum(b, pseudo) == 0xffff:
		return sumGood
	case be.Uint16(b[16:]) == pseudo:
		return sumPartial
	}
	return sumBad
}

// isError reports an ICMP error that quotes a packet.
func isError(p header.Protocol, b []byte) bool {
	if len(b) < 8 {
		return false
	}
	switch p {
	case header.ProtocolICMP:
		return b[0] == 3 || b[0] == 4 || b[0] == 11 || b[0] == 12
	case header.ProtocolICMPv6:
		return b[0] >= 1 && b[0] <= 4
	}
	return false
}

// quoted reads the ends of the packet that an ICMP error quotes.
func (s *segment) quoted(b []byte) bool {
	var q segment
	if len(b) > header.IPv4Len && b[0]>>4 == 4 {
		b = append([]byte(nil), b...)
		b[10], b[11] = 0, 0 // a router may have changed the header without its checksum
	}
	src, dst, p, _, payload, ok := q.network(b)
	if !ok || p != header.ProtocolTCP || len(payload) < 4 {
		return false
	}
	s.ports(src, dst, payload)
	return true
}

// ports takes the ends of a segment from its first four bytes.
func (s *segment) ports(src, dst netip.Addr, b []byte) {
	s.src, s.dst = netip.AddrPortFrom(src, be.Uint16(b)), netip.AddrPortFrom(dst, be.Uint16(b[2:]))
}
