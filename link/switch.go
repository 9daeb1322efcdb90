package link

import (
	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// Switch is a learning Ethernet switch (IEEE 802.1D, section 7): it learns from
// the source of each frame behind which port a station is, forwards a frame for
// a known station to its port alone and floods every other frame.
//
// Of what is sent to a group it looks into IGMP and MLD, to spare the ports without
// listeners, see snoop.go.
//
// It knows nothing of VLANs, and passes on tagged frames like others, until a port is
// given some (SetAccess, SetTrunk).
//
// It has no spanning tree: ports must not form a loop, in which flooded frames
// would go round for ever.
type Switch struct {
	loop  *event.Loop
	pool  *packet.Pool
	name  string
	ports []*switchPort
	table macTable
	vlans bool // see SetAccess
	stats SwitchStats

	snoops snooping
	marks  uint64 // the last mark that ports were given
}

// SwitchStats counts what a switch did with the frames that arrived.
type SwitchStats struct {
	InFrames uint64

	Forwarded uint64 // to one port
	Flooded   uint64 // to all other ports
	Grouped   uint64 // to those of the ports that want frames to the group

	Filtered  uint64 // for a station behind the port it came from, or no other port
	Reserved  uint64 // for a group address that bridges keep to the link
	Runts     uint64 // shorter than an Ethernet header
	BadSource uint64 // from a group address or from zero
	WrongVLAN uint64 // of a VLAN that the port it came from is not in
	TooLong   uint64 // copies longer than the MTU of the port they should leave by

	Moved      uint64 // stations seen behind another port than before
	NotLearned uint64 // frames of new stations while the table was full
	GroupsFull uint64 // reports of new groups while there were too many
}

// switchPort is one socket of a switch.
type switchPort struct {
	sw    *Switch
	index int
	port  physical.Port
	rail  physical.Trainway // the port, if it takes trains
	down  bool              // the port has no carrier
	vlans portVLANs
	known [4]*station // found last for frames from this port, by the end of the address

	attached
	unregistered bool   // see SetUnregistered
	mark         uint64 // of the last frame that only some ports get
}

// NewSwitch returns a switch without ports.
func NewSwitch(l *event.Loop, pool *packet.Pool, name string) *Switch {
	return &Switch{loop: l, pool: pool, name: name}
}

// Name returns the switch's name.
func (s *Switch) Name() string { return s.name }

// AddPort makes the switch use a port, and returns its number, from 0.
func (s *Switch) AddPort(port physical.Port) int {
	in := &switchPort{sw: s, index: len(s.ports), port: port, vlans: portVLANs{untagged: DefaultVLAN}}
	in.rail, _ = port.(physical.Trainway)
	if c, ok := port.(physical.Carrier); ok {
		in.down = !c.Up()
		c.OnCarrier(in.carrierChanged)
	}
	s.ports = append(s.ports, in)
	port.OnReceive(in.input)
	return in.index
}

// Stats returns the counters.
func (s *Switch) Stats() SwitchStats { return s.stats }

// carrierChanged forgets the stations behind a port whose cable was pulled: they may
// come back behind another.
func (in *switchPort) carrierChanged(up bool) {
	in.down = !up
	if in.down {
		in.sw.table.forget(in.index)
		in.sw.forgetAttached(in.index)
	}
}

// input takes a frame that arrived at a port.
func (in *switchPort) input(p *packet.Packet) {
	s := in.sw
	s.stats.InFrames += uint64(p.Frames())
	if len(p.Head()) < header.EthernetLen {
		p.Own()
	}
	h, _, err := header.ParseEthernet(p.Head())
	switch {
	case err != nil:
		s.drop(p, &s.stats.Runts)
		return
	case h.Src.IsGroup() || h.Src == header.MAC{}:
		s.drop(p, &s.stats.BadSource)
		return
	}
	var v header.VLAN
	if s.vlans {
		var ok bool
		if v, ok = in.classify(p); !ok {
			return
		}
	}
	s.learn(v.ID, h.Src, in)
	switch {
	case isReserved(h.Dst):
		s.drop(p, &s.stats.Reserved)
	case h.Dst == header.BroadcastMAC:
		s.flood(p, v, in, everybody)
	case h.Dst.IsGroup():
		s.multicast(p, v, h.Src, in)
	default:
		s.forward(p, v, h.Dst, in)
	}
}

// learn notes behind which port a station is. Groups are never learned: a group
// address as source has been refused before.
func (s *Switch) learn(vlan uint16, src header.MAC, in *switchPort) {
	now := s.loop.Now()
	st := in.find(vlan, src, now)
	switch {
	case st == nil:
		in.met(src)
		if !s.table.add(vlan, src, in.index, now) {
			s.stats.NotLearned++
		}
	case st.port != in.index:
		in.met(src)
		s.stats.Moved++
		st.port, st.seen = in.index, now
	default:
		st.seen = now
	}
}

// find is the table's, for a frame from this port: mostly it was one of the same stations
// that the frames before were from and for.
func (in *switchPort) find(vlan uint16, m header.MAC, now event.Time) *station {
	known := &in.known[int(m[5])%len(in.known)]
	if st := *known; st != nil && st.mac == m && st.vlan == vlan && !st.gone && !st.aged(now) {
		return st
	}
	*known = in.sw.table.find(vlan, m, now)
	return *known
}

// forward sends a frame to the port of its destination.
func (s *Switch) forward(p *packet.Packet, v header.VLAN, dst header.MAC, in *switchPort) {
	st := in.find(v.ID, dst, s.loop.Now())
	switch {
	case st == nil:
		s.flood(p, v, in, everybody)
	case st.port == in.index:
		s.drop(p, &s.stats.Filtered)
	default:
		s.stats.Forwarded += uint64(p.Frames())
		s.ports[st.port].output(p, v)
	}
}

// flood sends a frame to every port of its VLAN that has a mark, but the one it came from.
// The last one gets the frame itself, the others copies.
func (s *Switch) flood(p *packet.Packet, v header.VLAN, in *switchPort, mark uint64) {
	last := len(s.ports) - 1
	for last >= 0 && !s.ports[last].gets(v, in, mark) {
		last--
	}
	if last < 0 {
		s.drop(p, &s.stats.Filtered)
		return
	}
	if p.Frames() > 1 {
		p.Break(func(frame *packet.Packet) { s.flood(frame, v, in, mark) })
		return
	}
	if mark == everybody {
		s.stats.Flooded++
	} else {
		s.stats.Grouped++
	}
	for _, out := range s.ports[:last] {
		if out.gets(v, in, mark) {
			out.output(p.Clone(), v)
		}
	}
	s.ports[last].output(p, v)
}

// gets reports whether a frame that came from another port is flooded to this one.
func (out *switchPort) gets(v header.VLAN, in *switchPort, mark uint64) bool {
	return (mark == everybody || out.mark == mark) && out != in && !out.down && (!out.sw.vlans || out.vlans.has(v.ID))
}

// output gives a frame to the port, if it fits.
func (out *switchPort) output(p *packet.Packet, v header.VLAN) {
	if out.sw.vlans && v.ID != out.vlans.untagged {
		putTag(p, v)
	}
	if p.FrameLen() > physical.MaxFrame(out.port.MTU()) {
		out.sw.drop(p, &out.sw.stats.TooLong)
		return
	}
	if p.Frames() > 1 && out.rail == nil {
		p.Break(out.port.Transmit)
		return
	}
	out.port.Transmit(p)
}

func (s *Switch) drop(p *packet.Packet, counter *uint64) {
	*counter += uint64(p.Frames())
	p.Release()
}

// isReserved reports whether a bridge must not forward frames to m. IEEE 802.1D,
// section 7.12.6: 01-80-C2-00-00-00 to 01-80-C2-00-00-0F.
func isReserved(m header.MAC) bool {
	return m[0] == 0x01 && m[1] == 0x80 && m[2] == 0xc2 && m[3] == 0 && m[4] == 0 && m[5] < 0x10
}
