package link

import (
	"septet/header"
	"septet/packet"
)

// DefaultVLAN is the VLAN of every port of a switch that was given no other
// (IEEE 802.1Q, table 9-2).
const DefaultVLAN = 1

// portVLANs says to which VLANs a port of a switch belongs.
type portVLANs struct {
	untagged uint16   // of frames without a tag (PVID); zero if there are none
	tagged   *VLANSet // of the others, if any
}

func (v *portVLANs) has(vlan uint16) bool {
	return vlan == v.untagged || v.tagged != nil && v.tagged.Has(vlan)
}

// SetAccess makes a port one for stations that know nothing of VLANs: their frames have
// no tag and are of this one. The first call of SetAccess or SetTrunk makes the switch
// heed VLANs (IEEE 802.1Q); all other ports then are access ports of DefaultVLAN.
func (s *Switch) SetAccess(port int, vlan uint16) error {
	if err := checkVLAN(vlan); err != nil {
		return err
	}
	s.setVLANs(port, portVLANs{untagged: vlan})
	return nil
}

// SetTrunk makes a port one to another switch, or to a station that is in several
// VLANs: frames of those in tagged have a tag. Frames of the VLAN native have none; if
// it is zero, there are no such frames.
func (s *Switch) SetTrunk(port int, native uint16, tagged VLANSet) error {
	if native != 0 {
		if err := checkVLAN(native); err != nil {
			return err
		}
	}
	s.setVLANs(port, portVLANs{untagged: native, tagged: &tagged})
	return nil
}

// setVLANs changes a port. The stations behind it are learned anew; those behind all
// ports when the switch begins to tell VLANs apart.
func (s *Switch) setVLANs(port int, v portVLANs) {
	s.ports[port].vlans = v
	if !s.vlans {
		s.vlans = true
		s.table = macTable{}
		for port := range s.ports {
			s.forgetAttached(port)
		}
	}
	s.table.forget(port)
	s.forgetAttached(port)
}

// classify finds out the VLAN of a frame, takes its tag off and returns it, or drops the
// frame. IEEE 802.1Q, section 6.9: a frame without a tag, or with one that has a priority
// alone, is of the port's VLAN; any other is of the VLAN of its tag. One of a VLAN to
// which the port does not belong is dropped (section 8.6.2, ingress filtering).
func (in *switchPort) classify(p *packet.Packet) (v header.VLAN, ok bool) {
	s := in.sw
	v, tagged, err := parseTag(p)
	if err != nil {
		s.drop(p, &s.stats.Runts)
		return v, false
	}
	if v.ID == 0 { // also if there is no tag
		v.ID = in.vlans.untagged
	}
	if v.ID == 0 || !in.vlans.has(v.ID) {
		s.drop(p, &s.stats.WrongVLAN)
		return v, false
	}
	if tagged {
		takeTag(p)
	}
	return v, true
}
