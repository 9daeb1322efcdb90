package header

// VLANLen is the length of a VLAN tag after the type that announces it.
const VLANLen = 4

// VLANMax is the highest identifier that a VLAN may have: 4095 is reserved, and zero says
// that the tag has a priority only (IEEE 802.1Q, table 9-2).
const VLANMax = 4094

// VLAN is the tag of IEEE 802.1Q, which follows an Ethernet header of EtherTypeVLAN. The
// two bytes of that type and the two of the control information are the standard's tag;
// here it is read as a header, with the type of what it carries at its end.
//
//	0                              2      4
//	+------------------------------+------+
//	| priority, drop eligible, id  | type |
//	+------------------------------+------+
type VLAN struct {
	Priority     uint8 // the priority code point, 0 to 7
	DropEligible bool
	ID           uint16 // 12 bits
	Type         EtherType
}

// ParseVLAN reads a VLAN tag.
func ParseVLAN(b []byte) (h VLAN, payload []byte, err error) {
	if len(b) < VLANLen {
		return h, nil, truncated("VLAN tag", len(b), VLANLen)
	}
	tag := be.Uint16(b)
	h = VLAN{Priority: uint8(tag >> 13), DropEligible: tag&0x1000 != 0, ID: tag & 0xfff, Type: EtherType(be.Uint16(b[2:]))}
	return h, b[VLANLen:], nil
}

// Put writes the tag.
func (h *VLAN) Put(b []byte) int {
	_ = b[VLANLen-1]
	tag := uint16(h.Priority)<<13 | h.ID&0xfff
	if h.DropEligible {
		tag |= 0x1000
	}
	be.PutUint16(b, tag)
	be.PutUint16(b[2:], uint16(h.Type))
	return VLANLen
}
