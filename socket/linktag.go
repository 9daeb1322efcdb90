package socket

import (
	"encoding/binary"

	"septet/header"
	"septet/network"
	"septet/packet"
)

// Tags of IEEE 802.1Q at packet sockets. As on Linux, a card takes the outermost tag off a
// frame before anybody sees it, and struct tpacket_auxdata has it. Sockets of one protocol
// stand behind VLANs, of which this host is in none: they do not see the tag at all, and that
// of another VLAN makes the frame somebody else's. A frame that leaves still has its tags.

// etherTypeService is the type before a service tag (IEEE 802.1Q, section 9.5).
const etherTypeService = header.EtherType(0x88a8)

func isTag(t header.EtherType) bool { return t == header.EtherTypeVLAN || t == etherTypeService }

// leastTyped is where EtherTypes begin; less is a length (IEEE 802.3, section 3.2.6), and
// ETH_P_802_2 to packet sockets.
const leastTyped = header.EtherType(0x600)

// ethP8022 is Linux's ETH_P_802_2.
const ethP8022 = 0x0004

// tagLen is that of a tag with the type that announces it, leastTagged how much must follow
// that type: the tag, and two bytes that it belongs to, or the frame is dropped.
const (
	tagLen      = 4
	leastTagged = header.VLANLen + 2
)

// Marks in a packet's In beside the interface's number.
const (
	outgoingMark = 1 << 15 // the frame left the host
	taggedMark   = 1 << 14 // its tag stands before it
	strangeMark  = 1 << 13 // it is of a VLAN that this host is not in
	marks        = outgoingMark | taggedMark | strangeMark
)

// sight is a frame that passes an interface.
type sight struct {
	via      *network.Interface
	frame    *packet.Packet
	outgoing bool
	typ      header.EtherType // to sockets of one protocol; 0 if they do not see it
	tags     int              // those that are off then
	strange  bool
}

// look finds what is inside of a frame's tags, of which those with a priority alone mean
// nothing here. It reports whether anybody sees the frame.
func (s *sight) look(typ header.EtherType, payload []byte) bool {
	for s.typ = typ; !s.outgoing && isTag(s.typ) && !s.strange; s.tags++ {
		if len(payload) < leastTagged {
			s.typ = 0
			return s.tags > 0
		}
		var v header.VLAN
		v, payload, _ = header.ParseVLAN(payload)
		s.typ, s.strange = v.Type, v.ID != 0
	}
	return true
}

// copyFor returns the socket's own copy of the frame.
func (s *sight) copyFor(k *linkSocket) *packet.Packet {
	p := s.frame.Clone()
	off := s.tags
	p.In = uint16(s.via.Index())
	switch {
	case s.outgoing:
		p.In |= outgoingMark
	case k.protocol == ETH_P_ALL && s.tags > 0:
		p.In |= taggedMark
		off = 1
	case s.strange:
		p.In |= strangeMark
	}
	for range off {
		untag(p)
	}
	return p
}

// untag takes the outermost tag off a frame and puts it before the frame.
func untag(p *packet.Packet) {
	b := p.Bytes()
	tag := [tagLen]byte(b[12:])
	copy(b[tagLen:], b[:12])
	copy(b, tag[:])
	p.Pull(tagLen)
}

// tag is one with the type that announces it.
type tag struct {
	kind    header.EtherType
	control uint16
}

// taken returns the tag that untag has put before a frame.
func taken(p *packet.Packet) tag {
	p.Unpull(tagLen)
	b := p.Pull(tagLen)
	return tag{header.EtherType(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint16(b[2:])}
}

// inside returns the type of what is inside of all tags, and how long those are: zero and
// zero if the last one is not whole.
func inside(typ header.EtherType, payload []byte) (header.EtherType, int) {
	length := 0
	for isTag(typ) {
		v, rest, err := header.ParseVLAN(payload)
		if err != nil {
			return 0, 0
		}
		typ, payload, length = v.Type, rest, length+header.VLANLen
	}
	return typ, length
}

// view is a frame as the socket for which it waits receives it.
type view struct {
	data    []byte
	typ     header.EtherType
	network int // where in data the header of what it carries is
	tag     tag
	tagged  bool
}

// view reads a frame that waits. SOCK_DGRAM looks into tags, and of what leaves it sees what
// is inside of them.
func (k *linkSocket) view(p *packet.Packet) view {
	v := view{data: p.Bytes(), network: header.EthernetLen, tagged: p.In&taggedMark != 0}
	h, payload, _ := header.ParseEthernet(v.data) // it was parsed when it came
	v.typ = h.Type
	if v.tagged {
		v.tag = taken(p)
	}
	outgoing := p.In&outgoingMark != 0
	if !outgoing && v.typ < leastTyped {
		v.typ = ethP8022
	}
	if isTag(h.Type) {
		typ, length := inside(h.Type, payload)
		if outgoing {
			v.network += length
		}
		if k.socket.kind == SOCK_DGRAM {
			v.typ = typ
			if !v.tagged {
				v.tagged, v.tag.kind = true, h.Type
				if len(payload) >= header.VLANLen {
					v.tag.control = binary.BigEndian.Uint16(payload)
				}
			}
		}
	}
	if k.socket.kind == SOCK_DGRAM {
		v.data, v.network = v.data[v.network:], 0
	}
	return v
}
