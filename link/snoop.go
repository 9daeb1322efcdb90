package link

import (
	"net/netip"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// A switch looks into IGMP and MLD, so that packets to a group go to those who listen to
// it (RFC 4541):
//
//  1. Reports of hosts say behind which ports a group has listeners. They go on to the
//     ports of routers alone (section 2.1.1).
//  2. Queries, and in IPv6 router advertisements, say behind which ports routers are.
//     These get what is sent to any group (section 2.1.2).
//  3. What all nodes of a link hear goes to all: 224.0.0.0/24, ff02::1, and messages of
//     IGMP of a kind that is not known (sections 2.1.1, 2.1.2 and 3).
//  4. A packet to any other group goes to its listeners and to the routers.
//
// As long as a querier asks, everybody who listens is known, and that is all. It counts
// as there when its first question has been answered, as in Linux's bridge. Without a
// querier nobody says again what he listens to, and memberships that nobody takes back
// stay; Linux's bridge then floods all groups. Here, what is sent to a group of IPv6 that
// has listeners is kept from one kind of port: that of a station known to be alone there and
// to tell its groups. All IPv6 stations tell theirs when the cable is plugged in (RFC 4862,
// section 5.4.2), and that such a message has come when no router was known is the proof
// that the station itself is at the end of the cable: a switch would have kept it. As soon
// as a second station is seen at the port or an entry runs out, the port gets everything
// again. So a group without listeners is flooded, nobody
// who has been silent is cut off, and duplicate address detection and neighbour
// solicitations (RFC 4861), nearly all of what is sent to groups, reach few.
const (
	// MaxSnoopedGroups caps the groups that a switch knows. Ports behind which there are
	// listeners to more get everything.
	MaxSnoopedGroups = 1 << 13

	// The usual variables of a querier, for those that do not tell theirs (RFC 3376,
	// section 8; RFC 3810, section 9).
	usualRobustness    = 2
	usualQueryInterval = 125 * time.Second
	usualResponse      = 10 * time.Second
	usualMembership    = usualRobustness*usualQueryInterval + usualResponse
)

// SetSnooping ends or begins that the switch looks into IGMP and MLD, which it does at first.
// What it has learned is forgotten.
func (s *Switch) SetSnooping(on bool) {
	s.snoops = snooping{off: !on}
	for _, in := range s.ports {
		in.attached = attached{several: true, told: in.told} // nobody tells his groups again
	}
}

// SetUnregistered has a port get what is sent to groups that have no listeners although a
// querier asks for them, or not, as at first. RFC 4541, section 2.1.2: a switch that does
// not flood them must leave that choice.
func (s *Switch) SetUnregistered(port int, flood bool) { s.ports[port].unregistered = flood }

// attached is what the frames of a port say of whom it leads to.
type attached struct {
	station  header.MAC // that was seen there first
	several  bool       // others were too
	reported bool       // the station has told its groups of IPv6 itself, see snoop.go
	told     bool       // a router was announced there: reports may come from afar
	overflow bool       // there are listeners behind it that the table has no room for
}

// met notes that frames of a station come from the port.
func (a *attached) met(station header.MAC) {
	switch a.station {
	case header.MAC{}:
		a.station = station
	case station:
	default:
		a.several = true
	}
}

// alone reports whether there is one station at the port, which tells its groups of IPv6.
func (a *attached) alone() bool { return a.reported && !a.several && !a.overflow }

// multicast sends a frame to a group of stations to those who are to get it, and learns
// from what it says.
func (s *Switch) multicast(p *packet.Packet, v header.VLAN, src header.MAC, in *switchPort) {
	f, ok := readGroupFrame(p)
	if !ok || s.snoops.off {
		s.flood(p, v, in, everybody)
		return
	}
	now := s.loop.Now()
	switch f.says {
	case groupReport:
		in.noteReport(&f, v.ID, src, now)
		s.flood(p, v, in, s.markRouters(v.ID, now))
		return
	case groupQuery:
		s.noteQuery(&f, v.ID, in, now)
	case routerAdvertisement:
		s.noteRouter(&f, v.ID, in, now)
	}
	s.flood(p, v, in, s.markListeners(v.ID, f.group, now))
}

// toAllNodes reports whether what is sent to a group concerns all nodes of the link, which
// do not report it (RFC 4541, sections 2.1.2 and 3).
func toAllNodes(group netip.Addr) bool {
	if group.Is4() {
		b := group.As4()
		return b[0] == 224 && b[1] == 0 && b[2] == 0
	}
	b := group.As16()
	return b[1]&15 < 2 || group == allNodesGroup
}

var allNodesGroup = netip.MustParseAddr("ff02::1")

// everybody is the mark that all ports have.
const everybody = 0

// markRouters marks the ports that reports go to.
func (s *Switch) markRouters(vlan uint16, now event.Time) (mark uint64) {
	s.marks++
	if t := s.snoops.vlans[vlan]; t != nil {
		s.markRoutersOf(t, now)
	}
	return s.marks
}

func (s *Switch) markRoutersOf(t *snooped, now event.Time) {
	for _, r := range t.routers {
		if now < r.until {
			s.ports[r.port].mark = s.marks
		}
	}
}

// markListeners marks the ports that get what is sent to a group.
func (s *Switch) markListeners(vlan uint16, group netip.Addr, now event.Time) (mark uint64) {
	t := s.snoops.vlans[vlan]
	if t == nil || toAllNodes(group) {
		return everybody
	}
	asked := t.querierOf(group).there(now)
	g := t.groups[group]
	if g != nil && asked {
		g = s.age(t, g, now)
	}
	if !asked && (g == nil || group.Is4()) {
		return everybody
	}
	s.marks++
	s.markRoutersOf(t, now)
	if g != nil {
		for _, m := range g.members {
			s.ports[m.port].mark = s.marks
		}
	}
	for _, out := range s.ports {
		if out.overflow || !asked && !out.alone() || asked && g == nil && out.unregistered {
			out.mark = s.marks
		}
	}
	return s.marks
}
