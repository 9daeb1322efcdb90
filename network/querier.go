package network

import (
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// The variables of a querier (RFC 3376, section 8; RFC 3810, section 9) beside those in
// groupreport.go.
const (
	queryResponse     = 10 * time.Second
	startupInterval   = defaultQueryInterval / 4
	lastListenerQuery = 1 * time.Second
	membershipTime    = defaultRobustness*defaultQueryInterval + queryResponse
	otherQuerierTime  = defaultRobustness*defaultQueryInterval + queryResponse/2
)

// querier asks the hosts of a link what they listen to, unless another router with a
// lower address does (RFC 3376, section 6; RFC 3810, section 7). It knows which groups
// have listeners, not which of their sources: nothing is forwarded to groups here, and
// the questions after a leave need no more.
type querier struct {
	all     *memberships
	timer   event.Timer
	next    event.Time // of the general queries
	other   event.Time // until when another router asks
	startup int        // quick queries that are left
	groups  map[netip.Addr]*heardGroup
	order   []*heardGroup
}

// heardGroup is a group with listeners on the link.
type heardGroup struct {
	addr    netip.Addr
	until   event.Time   // if nobody reports it again
	asks    int          // questions that are left, whether somebody still listens
	ask     event.Time   // when the next of them goes
	sources []netip.Addr // those that it is about, none for all
}

// SetIGMPQuerier makes a router ask the hosts of this link for their IPv4 groups, or
// stop. EINVAL on "lo" or without an address.
func (i *Interface) SetIGMPQuerier(on bool) error {
	if i.nic == nil || !i.addr.IsValid() {
		return syscall.EINVAL
	}
	return i.setQuerier(on, allRouters4, igmpRouters)
}

// SetMLDQuerier is SetIGMPQuerier for IPv6 groups. ENODEV where IPv6 is off.
func (i *Interface) SetMLDQuerier(on bool) error {
	if i.nic == nil {
		return syscall.EINVAL
	}
	return i.setQuerier(on, allRouters, mldRouters)
}

// setQuerier starts or ends the querier of the family that the groups of routers, in
// which it listens, are of.
func (i *Interface) setQuerier(on bool, routers ...netip.Addr) error {
	m, err := i.needMemberships(routers[0])
	if err != nil || on == (m.querier != nil) {
		return err
	}
	if !on {
		m.querier.timer.Stop()
		m.querier = nil
		i.nic.AcceptAllGroups(false)
		for _, a := range routers {
			_ = i.LeaveGroup(a)
		}
		return nil
	}
	for _, a := range routers {
		if err := i.JoinGroup(a); err != nil {
			return err
		}
	}
	q := &querier{all: m, startup: defaultRobustness, next: m.now(), groups: make(map[netip.Addr]*heardGroup)}
	q.timer.Init(i.layer.loop, q)
	q.timer.Reset(q.next)
	m.querier = q
	i.nic.AcceptAllGroups(true) // reports of the older versions go to the group that they are about
	return nil
}

// Listened returns the groups of both families for which a host of the link has
// reported that it listens, in their order, if this router keeps count of them.
func (i *Interface) Listened() []netip.Addr {
	var all []netip.Addr
	for m := range i.allMemberships() {
		if m.querier != nil {
			for _, g := range m.querier.order {
				all = append(all, g.addr)
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

// elected reports whether it is this router that asks.
func (q *querier) elected() bool { return q.other <= q.all.now() }

// Expire asks what is due, and forgets the groups of which nobody has reported.
func (q *querier) Expire(*event.Timer) {
	now := q.all.now()
	if q.next <= now && q.elected() {
		q.query(header.GroupQuery{MaxResponse: queryResponse, Group: q.unspecified()})
		q.next = now.Add(defaultQueryInterval)
		if q.startup--; q.startup > 0 {
			q.next = now.Add(startupInterval)
		}
	}
	for _, g := range slices.Clone(q.order) {
		if g.asks > 0 && g.ask <= now {
			q.query(header.GroupQuery{MaxResponse: lastListenerQuery, Group: g.addr, Sources: g.sources})
			g.asks, g.ask = g.asks-1, now.Add(lastListenerQuery)
		}
		if g.until <= now {
			delete(q.groups, g.addr)
			n := slices.Index(q.order, g)
			q.order = slices.Delete(q.order, n, n+1)
		}
	}
	q.arm()
}

func (q *querier) arm() {
	next := max(q.next, q.other)
	for _, g := range q.order {
		if next = min(next, g.until); g.asks > 0 {
			next = min(next, g.ask)
		}
	}
	q.timer.Reset(next)
}

func (q *querier) unspecified() netip.Addr {
	if q.all.six {
		return anyAddr6
	}
	return anyAddr
}

// query sends a query: to all nodes, or to the group that it is about.
func (q *querier) query(m header.GroupQuery) {
	m.Robustness, m.Interval = defaultRobustness, defaultQueryInterval
	to := m.Group
	if q.all.six {
		if m.Group.IsUnspecified() {
			to = allNodes
		}
		b := make([]byte, m.MLDLen())
		m.PutMLD(b)
		q.all.transmit(to, b)
		return
	}
	if m.Group.IsUnspecified() {
		to = allSystems
	}
	b := make([]byte, m.IGMPLen())
	m.PutIGMP(b)
	q.all.transmit(to, b)
}

// heardQuery takes the query of another router. RFC 3376, section 6.6.2; RFC 3810,
// section 7.6.2: the one with the lowest address asks.
func (q *querier) heardQuery(m *header.GroupQuery, src netip.Addr) {
	mine := q.all.via.addr
	if q.all.six {
		mine = q.all.via.linkLocal()
	}
	if src.IsUnspecified() || src.WithZone("").Compare(mine.WithZone("")) >= 0 {
		return
	}
	q.other = q.all.now().Add(otherQuerierTime)
	// RFC 3376, section 6.6.1: what it asks for in particular may have no listener left.
	if g := q.groups[m.Group]; g != nil && !m.Suppress && len(m.Sources) == 0 {
		g.until = min(g.until, q.all.now().Add(defaultRobustness*lastListenerQuery))
	}
	q.arm()
}

// reported takes the records of a report (RFC 3376, section 6.4; RFC 3810, section 7.4).
func (q *querier) reported(records []header.GroupRecord) {
	for _, r := range records {
		switch r.Type {
		case header.GroupIsExclude, header.GroupToExclude:
			q.heard(r.Group, true)
		case header.GroupIsInclude, header.GroupAllowNew:
			if len(r.Sources) > 0 {
				q.heard(r.Group, true)
			}
		case header.GroupToInclude:
			if q.heard(r.Group, false); len(r.Sources) > 0 {
				q.heard(r.Group, true)
			}
		case header.GroupBlockOld:
			q.askAgain(r.Group, r.Sources)
		}
	}
}

// heard notes that a host listens to a group, or that one does not any more.
func (q *querier) heard(group netip.Addr, listens bool) {
	g := q.groups[group]
	switch {
	case !listens:
		q.askAgain(group, nil)
		return
	case g == nil && len(q.order) >= maxGroups:
		q.all.via.layer.stats.GroupsFull++
		return
	case g == nil:
		g = &heardGroup{addr: group}
		q.groups[group] = g
		q.order = append(q.order, g)
	}
	g.until = q.all.now().Add(membershipTime)
	g.asks = 0
	q.arm()
}

// askAgain asks whether somebody else still listens to a group, or to some sources of it
// (RFC 3376, section 6.6.3; RFC 3810, section 7.6.3).
func (q *querier) askAgain(group netip.Addr, sources []netip.Addr) {
	g := q.groups[group]
	if g == nil || !q.elected() {
		return
	}
	now := q.all.now()
	g.asks, g.ask, g.sources = defaultRobustness, now, sources[:min(len(sources), maxAskSources)]
	if len(sources) == 0 {
		g.until = min(g.until, now.Add(defaultRobustness*lastListenerQuery))
	}
	q.arm()
}

// maxAskSources is how many sources one query names.
const maxAskSources = 64
