package link

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/header"
)

// snooping is what a switch knows by IGMP and MLD.
type snooping struct {
	off                               bool
	vlans                             map[uint16]*snooped
	list[snoopedGroup, *snoopedGroup] // first is the group reported longest ago
	count                             int
}

// snooped is what it knows of one VLAN.
type snooped struct {
	groups   map[netip.Addr]*snoopedGroup
	routers  []routerPort
	queriers [2]presence // of IPv4 and IPv6
}

// snoopedGroup is a group with listeners. As in a macTable there is no timer: ports that
// were not reported again go when looked up, or when room is needed.
type snoopedGroup struct {
	addr    netip.Addr
	vlan    uint16
	members []memberPort
	links[snoopedGroup]
}

// memberPort is a port behind which somebody listens; until when, if a querier asks and
// nobody reports it again.
type memberPort struct {
	port  int
	until event.Time
}

// routerPort is a port that leads to a router.
type routerPort struct {
	port  int
	until event.Time
}

// presence is what is known of who asks the hosts of a VLAN.
type presence struct {
	settled    event.Time // when the first query has been answered
	until      event.Time
	membership time.Duration // RFC 3376, section 8.4; RFC 3810, section 9.4
}

func (q *presence) there(now event.Time) bool { return q.settled <= now && now < q.until }

func (t *snooped) querierOf(group netip.Addr) *presence {
	if group.Is4() {
		return &t.queriers[0]
	}
	return &t.queriers[1]
}

// need returns the table of a VLAN.
func (n *snooping) need(vlan uint16) *snooped {
	t := n.vlans[vlan]
	if t == nil {
		if n.vlans == nil {
			n.vlans = make(map[uint16]*snooped)
		}
		t = &snooped{groups: make(map[netip.Addr]*snoopedGroup)}
		n.vlans[vlan] = t
	}
	return t
}

// noteReport takes what a host says of its groups. A message that cannot be read says
// nothing.
func (in *switchPort) noteReport(f *groupFrame, vlan uint16, src header.MAC, now event.Time) {
	records, err := readReport(f)
	if err != nil {
		return
	}
	if f.src.Is6() && !in.told && in.vlans.tagged == nil {
		in.reported = in.reported || in.station == src
	}
	t := in.sw.snoops.need(vlan)
	for _, r := range records {
		switch none := len(r.Sources) == 0; {
		case !r.Group.IsMulticast() || toAllNodes(r.Group), r.Type == header.GroupBlockOld:
		case !none, r.Type == header.GroupIsExclude, r.Type == header.GroupToExclude:
			in.join(t, r.Group, vlan, now)
		case r.Type == header.GroupToInclude && in.station == src && in.alone():
			// Nobody else is there to ask.
			if g := t.groups[r.Group]; g != nil {
				in.sw.dropMember(t, g, in.index)
			}
		}
	}
}

// readReport returns what a message of any version says, in the words of the newest.
func readReport(f *groupFrame) ([]header.GroupRecord, error) {
	b := f.message
	switch {
	case f.group.Is4() && b[0] == header.IGMPv3Report:
		return header.ParseIGMPReport(b)
	case f.group.Is4():
		m, err := header.ParseIGMP(b)
		return olderReport(m.Group, m.Type != header.IGMPv2Leave), err
	case b[0] == header.ICMPv6ListenerReport2:
		return header.ParseMLDReport(b)
	}
	m, err := header.ParseMLDv1(b)
	return olderReport(m.Group, m.Type != header.ICMPv6ListenerDone), err
}

func olderReport(group netip.Addr, listens bool) []header.GroupRecord {
	kind := header.GroupToInclude
	if listens {
		kind = header.GroupIsExclude
	}
	return []header.GroupRecord{{Type: kind, Group: group}}
}

// join notes that somebody behind the port listens to a group.
func (in *switchPort) join(t *snooped, group netip.Addr, vlan uint16, now event.Time) {
	n := &in.sw.snoops
	g := t.groups[group]
	if g == nil {
		if n.count >= MaxSnoopedGroups {
			in.sw.makeRoom(now)
		}
		if n.count >= MaxSnoopedGroups {
			in.sw.stats.GroupsFull++
			in.overflow = true
			return
		}
		g = &snoopedGroup{addr: group, vlan: vlan}
		t.groups[group] = g
		n.append(g)
		n.count++
	} else if g != n.last {
		n.unlink(g)
		n.append(g)
	}
	until := now.Add(or(t.querierOf(group).membership, usualMembership))
	for i := range g.members {
		if g.members[i].port == in.index {
			g.members[i].until = until
			return
		}
	}
	g.members = append(g.members, memberPort{in.index, until})
}

// or returns v, or the usual value where that is zero.
func or[T int | time.Duration](v, usual T) T {
	if v == 0 {
		return usual
	}
	return v
}

// age takes out the ports of a group that were not reported again in time, and returns the
// group if any is left. A port that is taken out so has a listener that was not heard, or
// none: it is not known who is there.
func (s *Switch) age(t *snooped, g *snoopedGroup, now event.Time) *snoopedGroup {
	for i := len(g.members) - 1; i >= 0; i-- {
		if m := g.members[i]; m.until <= now {
			s.ports[m.port].reported = false
			s.dropMember(t, g, m.port)
		}
	}
	if len(g.members) == 0 {
		return nil
	}
	return g
}

// makeRoom takes out the groups reported longest ago, as far as their time is over.
func (s *Switch) makeRoom(now event.Time) {
	for g := s.snoops.first; g != nil; g = s.snoops.first {
		t := s.snoops.vlans[g.vlan]
		if !t.querierOf(g.addr).there(now) || s.age(t, g, now) != nil {
			return
		}
	}
}

// dropMember takes a port out of a group, which goes with its last.
func (s *Switch) dropMember(t *snooped, g *snoopedGroup, port int) {
	g.members = slices.DeleteFunc(g.members, func(m memberPort) bool { return m.port == port })
	if len(g.members) == 0 {
		delete(t.groups, g.addr)
		s.snoops.unlink(g)
		s.snoops.count--
	}
}

// noteQuery takes a query. RFC 4541, section 2.1.1: one from 0.0.0.0 is another switch's.
func (s *Switch) noteQuery(f *groupFrame, vlan uint16, in *switchPort, now event.Time) {
	parse := header.ParseMLDQuery
	if f.group.Is4() {
		parse = header.ParseIGMPQuery
	}
	q, err := parse(f.message)
	if err != nil {
		return
	}
	in.announce()
	robustness := time.Duration(or(int(q.Robustness), usualRobustness))
	t := s.snoops.need(vlan)
	switch {
	case f.src.IsUnspecified() || f.src.Is6() && !f.src.IsLinkLocalUnicast():
	case q.Group.IsUnspecified():
		interval := or(q.Interval, usualQueryInterval)
		p := t.querierOf(f.group)
		if p.until <= now {
			p.settled = now.Add(q.MaxResponse)
		}
		// RFC 3376, section 8.5; RFC 3810, section 9.5: until then it is there.
		p.until = now.Add(robustness*interval + q.MaxResponse/2)
		p.membership = robustness*interval + q.MaxResponse
		t.noteRouter(in.index, p.until)
	case len(q.Sources) == 0 && !q.Suppress && t.groups[q.Group] != nil:
		// RFC 3376, section 6.6.1: who does not answer now does not listen any more.
		last := now.Add(robustness * q.MaxResponse)
		for i := range t.groups[q.Group].members {
			m := &t.groups[q.Group].members[i]
			m.until = min(m.until, last)
		}
	}
}

// noteRouter takes a router advertisement.
func (s *Switch) noteRouter(f *groupFrame, vlan uint16, in *switchPort, now event.Time) {
	h, _, err := header.ParseRouterAdvertisement(f.message)
	if err != nil || !f.src.IsLinkLocalUnicast() {
		return
	}
	in.announce()
	if h.Lifetime > 0 {
		s.snoops.need(vlan).noteRouter(in.index, now.Add(h.Lifetime))
	}
}

// announce notes that the other ports hear of a router: from now on, reports that come
// there may have been passed on by switches.
func (in *switchPort) announce() {
	for _, out := range in.sw.ports {
		out.told = out.told || out != in
	}
}

func (t *snooped) noteRouter(port int, until event.Time) {
	for i := range t.routers {
		if r := &t.routers[i]; r.port == port {
			r.until = max(r.until, until)
			return
		}
	}
	t.routers = append(t.routers, routerPort{port, until})
}

// forgetAttached forgets what is known of a port: somebody else may be there. Not that he has
// been told of a router, for he need not have noticed anything.
func (s *Switch) forgetAttached(port int) {
	s.ports[port].attached = attached{told: s.ports[port].told}
	for _, t := range s.snoops.vlans {
		t.routers = slices.DeleteFunc(t.routers, func(r routerPort) bool { return r.port == port })
	}
	for g := s.snoops.first; g != nil; {
		next := g.next
		s.dropMember(s.snoops.vlans[g.vlan], g, port)
		g = next
	}
}

// GroupInfo describes a group of which a switch knows the listeners, for display.
type GroupInfo struct {
	VLAN  uint16 // zero on a switch without VLANs
	Group netip.Addr
	Ports []int // behind which somebody listens
}

// Groups returns the groups with listeners that the switch knows, in the order of their
// VLANs and addresses.
func (s *Switch) Groups() []GroupInfo {
	var all []GroupInfo
	now := s.loop.Now()
	for g := s.snoops.first; g != nil; g = g.next {
		asked := s.snoops.vlans[g.vlan].querierOf(g.addr).there(now)
		info := GroupInfo{VLAN: g.vlan, Group: g.addr}
		for _, m := range g.members {
			if !asked || now < m.until {
				info.Ports = append(info.Ports, m.port)
			}
		}
		if slices.Sort(info.Ports); info.Ports != nil {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b GroupInfo) int {
		return cmp.Or(cmp.Compare(a.VLAN, b.VLAN), a.Group.Compare(b.Group))
	})
	return all
}

// RouterPorts returns the ports of a VLAN, zero on a switch without, that are known to lead
// to routers.
func (s *Switch) RouterPorts(vlan uint16) []int {
	var all []int
	if t := s.snoops.vlans[vlan]; t != nil {
		for _, r := range t.routers {
			if s.loop.Now() < r.until {
				all = append(all, r.port)
			}
		}
	}
	slices.Sort(all)
	return all
}
