package link

import (
	"cmp"
	"slices"

	"septet/header"
	"septet/packet"
	"septet/physical"
)

// Splitter makes of one port a port for each VLAN, as Linux makes "eth0.10" of "eth0".
// A NIC on such a port sees the frames of its VLAN alone and knows nothing of tags
// (IEEE 802.1Q); several of them may have the same Ethernet address.
//
//	"eth0"   "eth0.10"  "eth0.20"
//	   |         |          |
//	 Port(0)  Port(10)   Port(20)
//	   '---------+----------'
//	             |
//	          parent, to the trunk port of a switch
type Splitter struct {
	parent physical.Port
	rail   physical.Trainway // the parent, if it takes trains
	ports  []*vlanPort       // in the order of their VLANs
	stats  SplitterStats
}

// SplitterStats counts the frames that a splitter dropped.
type SplitterStats struct {
	Runts       uint64 // shorter than an Ethernet header, or than their tag
	UnknownVLAN uint64 // of a VLAN for which there is no port, or nobody at it
}

// vlanPort is the port of a splitter for one VLAN.
type vlanPort struct {
	splitter *Splitter
	vlan     uint16 // zero for frames without a tag
	receive  func(*packet.Packet)
	carrier  func(up bool)
}

// NewSplitter takes over a port.
func NewSplitter(parent physical.Port) *Splitter {
	s := &Splitter{parent: parent}
	s.rail, _ = parent.(physical.Trainway)
	if c, ok := parent.(physical.Carrier); ok {
		c.OnCarrier(s.carrierChanged)
	}
	parent.OnReceive(s.input)
	return s
}

// Port returns the port for a VLAN, or with zero the one for frames without a tag. Its
// MTU is the parent's: the tag comes on top (IEEE 802.3, section 3.2.7). The error is
// an ErrVLAN.
func (s *Splitter) Port(vlan uint16) (physical.Port, error) {
	i, found := s.find(vlan)
	if found {
		return s.ports[i], nil
	}
	if vlan != 0 {
		if err := checkVLAN(vlan); err != nil {
			return nil, err
		}
	}
	p := &vlanPort{splitter: s, vlan: vlan}
	s.ports = slices.Insert(s.ports, i, p)
	return p, nil
}

// Stats returns the counters.
func (s *Splitter) Stats() SplitterStats { return s.stats }

func (s *Splitter) find(vlan uint16) (i int, found bool) {
	return slices.BinarySearchFunc(s.ports, vlan, func(p *vlanPort, vlan uint16) int { return cmp.Compare(p.vlan, vlan) })
}

// input gives a frame to the port of its VLAN. A tag that has a priority alone is of no
// VLAN (IEEE 802.1Q, section 6.9).
func (s *Splitter) input(p *packet.Packet) {
	v, tagged, err := parseTag(p)
	if err != nil {
		s.drop(p, &s.stats.Runts)
		return
	}
	i, found := s.find(v.ID)
	if !found || s.ports[i].receive == nil {
		s.drop(p, &s.stats.UnknownVLAN)
		return
	}
	if tagged {
		takeTag(p)
	}
	s.ports[i].receive(p)
}

func (s *Splitter) drop(p *packet.Packet, counter *uint64) {
	*counter += uint64(p.Frames())
	p.Release()
}

func (s *Splitter) carrierChanged(up bool) {
	for _, p := range s.ports {
		if p.carrier != nil {
			p.carrier(up)
		}
	}
}

// Transmit puts the tag on.
func (v *vlanPort) Transmit(p *packet.Packet) {
	s := v.splitter
	if len(p.Head()) < header.EthernetLen {
		p.Own()
	}
	if len(p.Head()) < header.EthernetLen {
		s.drop(p, &s.stats.Runts)
		return
	}
	if v.vlan != 0 {
		putTag(p, header.VLAN{ID: v.vlan})
	}
	if p.Frames() > 1 && s.rail == nil {
		p.Break(s.parent.Transmit)
		return
	}
	s.parent.Transmit(p)
}

func (v *vlanPort) CarriesTrains() bool {
	return v.splitter.rail != nil && v.splitter.rail.CarriesTrains()
}

func (v *vlanPort) OnReceive(receive func(*packet.Packet)) { v.receive = receive }

func (v *vlanPort) MTU() int { return v.splitter.parent.MTU() }

func (v *vlanPort) Up() bool {
	c, ok := v.splitter.parent.(physical.Carrier)
	return !ok || c.Up()
}

func (v *vlanPort) OnCarrier(changed func(up bool)) { v.carrier = changed }
