package link

import (
	"errors"
	"fmt"

	"septet/header"
	"septet/packet"
)

// ErrVLAN says that a number is not that of a VLAN, which are 1 to 4094.
var ErrVLAN = errors.New("link: not a VLAN")

// checkVLAN returns an ErrVLAN unless there is a VLAN with this number.
func checkVLAN(vlan uint16) error {
	if vlan < 1 || vlan > header.VLANMax {
		return fmt.Errorf("%w: %d, must be from 1 to %d", ErrVLAN, vlan, header.VLANMax)
	}
	return nil
}

// VLANSet is a set of VLANs. The zero value is empty.
type VLANSet [(header.VLANMax + 2) / 64]uint64

// AllVLANs returns the set of all VLANs.
func AllVLANs() VLANSet {
	var s VLANSet
	for i := range s {
		s[i] = ^uint64(0)
	}
	return s
}

// Add adds a VLAN.
func (s *VLANSet) Add(vlan uint16) error {
	if err := checkVLAN(vlan); err != nil {
		return err
	}
	s[vlan/64] |= 1 << (vlan % 64)
	return nil
}

// Has reports whether a VLAN is in the set.
func (s *VLANSet) Has(vlan uint16) bool {
	return vlan >= 1 && vlan <= header.VLANMax && s[vlan/64]>>(vlan%64)&1 != 0
}

// putTag puts a tag on a frame.
func putTag(p *packet.Packet, v header.VLAN) {
	h, _, _ := header.ParseEthernet(p.Head())
	h.Type, v.Type = header.EtherTypeVLAN, h.Type
	p.Push(header.VLANLen)
	h.Put(p.Head())
	v.Put(p.Head()[header.EthernetLen:])
}

// takeTag takes the tag off a frame that has one.
func takeTag(p *packet.Packet) {
	h, rest, _ := header.ParseEthernet(p.Head())
	v, _, _ := header.ParseVLAN(rest)
	h.Type = v.Type
	p.Pull(header.VLANLen)
	h.Put(p.Head())
}

// parseTag reads the tag of a frame, if it has one.
func parseTag(p *packet.Packet) (v header.VLAN, tagged bool, err error) {
	if len(p.Head()) < header.EthernetLen+header.VLANLen {
		p.Own()
	}
	h, rest, err := header.ParseEthernet(p.Head())
	if err != nil || h.Type != header.EtherTypeVLAN {
		return v, false, err
	}
	v, _, err = header.ParseVLAN(rest)
	return v, true, err
}
