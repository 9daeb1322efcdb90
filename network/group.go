package network

import (
	"iter"
	"net/netip"
	"slices"
	"syscall"

	"septet/event"
	"septet/link"
)

// Caps of what an interface listens to in one family, and of the sources of one
// filter: Linux's igmp_max_msf and mld_max_msf.
const (
	maxGroups   = 1024
	maxSources  = 10
	maxSources6 = 64
)

// memberships are the groups that a host listens to at one interface, in one family:
// the interface state of RFC 3376, section 3.2, and RFC 3810, section 4.2. They are
// told to the routers of the link, see groupreport.go.
type memberships struct {
	via   *Interface
	six   bool
	order []*group              // as they were joined; reports go in this order
	index map[netip.Addr]*group // of more than fewGroups
	reporter
	querier *querier // of a router that asks; else nil
}

// group is one of them. One that nobody listens to any more stays until the routers
// have been told.
type group struct {
	addr      netip.Addr
	listeners []*Listener
	filter    Filter // of all listeners together
	report
}

// Listener is one socket, or one part of the stack, that listens to a group at an
// interface.
type Listener struct {
	via     *Interface
	group   netip.Addr
	filter  Filter
	counted bool // made by JoinGroup
	closed  bool
}

// Group returns the group's address.
func (m *Listener) Group() netip.Addr { return m.group }

// Interface returns where the listener listens.
func (m *Listener) Interface() *Interface { return m.via }

// Filter returns whom the listener hears.
func (m *Listener) Filter() Filter { return m.filter }

// Listen makes the host listen to a group at this interface. Errors: EINVAL if the
// address is no group or of the scope of nothing, ENODEV for IPv6 where it is off,
// ENOBUFS for more than 1,024 groups or too many sources.
func (i *Interface) Listen(addr netip.Addr, f Filter) (*Listener, error) {
	addr = addr.WithZone("")
	if !addr.IsMulticast() || addr.Is6() && reservedScope(addr) {
		return nil, syscall.EINVAL
	}
	m, err := i.needMemberships(addr)
	if err != nil {
		return nil, err
	}
	if !m.takes(&f) {
		return nil, syscall.ENOBUFS
	}
	m.adapt()
	g := m.find(addr)
	if g == nil {
		if len(m.order) >= maxGroups {
			return nil, syscall.ENOBUFS
		}
		g = &group{addr: addr, report: report{answer: event.Never}}
		m.enter(g)
	}
	l := &Listener{via: i, group: addr, filter: f}
	g.listeners = append(g.listeners, l)
	m.changed(g)
	return l, nil
}

// SetFilter changes whom the listener hears. ENOBUFS for too many sources.
func (m *Listener) SetFilter(f Filter) error {
	all := m.via.memberships(m.group)
	if m.closed {
		return syscall.EBADF
	}
	if !all.takes(&f) {
		return syscall.ENOBUFS
	}
	all.adapt()
	m.filter = f
	all.changed(all.find(m.group))
	return nil
}

// Close ends the listening.
func (m *Listener) Close() {
	if m.closed {
		return
	}
	m.closed = true
	all := m.via.memberships(m.group)
	all.adapt()
	g := all.find(m.group)
	n := slices.Index(g.listeners, m)
	g.listeners = slices.Delete(g.listeners, n, n+1)
	all.changed(g)
}

// JoinGroup makes the host listen to a group on this interface, whoever sends. Each call
// wants a LeaveGroup. Errors are those of Listen.
func (i *Interface) JoinGroup(group netip.Addr) error {
	l, err := i.Listen(group, anySource)
	if err == nil {
		l.counted = true
	}
	return err
}

// LeaveGroup undoes one JoinGroup. EADDRNOTAVAIL if there was none.
func (i *Interface) LeaveGroup(group netip.Addr) error {
	group = group.WithZone("")
	if m := i.memberships(group); m != nil && m.find(group) != nil {
		for _, l := range m.find(group).listeners {
			if l.counted {
				l.Close()
				return nil
			}
		}
	}
	return syscall.EADDRNOTAVAIL
}

// GroupState is what an interface hears of a group, for display.
type GroupState struct {
	Group     netip.Addr
	Filter    Filter
	Listeners int // sockets, and parts of the stack
}

// Groups returns the groups of both families, as they were joined.
func (i *Interface) Groups() []GroupState {
	var all []GroupState
	for m := range i.allMemberships() {
		for _, g := range m.order {
			if len(g.listeners) > 0 {
				all = append(all, GroupState{g.addr, g.filter, len(g.listeners)})
			}
		}
	}
	return all
}

// allSystems is the group of all hosts of a link, which needs no joining (RFC 1112,
// section 4).
var allSystems = netip.AddrFrom4([4]byte{224, 0, 0, 1})

// hears reports whether somebody on this host wants what src sends to a group here.
func (i *Interface) hears(group, src netip.Addr) bool {
	if group == allSystems {
		return true
	}
	m := i.memberships(group)
	if m == nil {
		return false
	}
	g := m.find(group.WithZone(""))
	return g != nil && g.filter.Hears(src)
}

// heedsMessages reports whether messages of IGMP and MLD that are sent to a group here
// are taken. RFC 3376, section 3.1; RFC 3810, section 4.1: no filter applies to them. A
// querier takes them all.
func (i *Interface) heedsMessages(group netip.Addr) bool {
	m := i.memberships(group)
	return m != nil && (m.querier != nil || m.find(group) != nil)
}

// interfaceGroups are the memberships of both families, nil where there never was one.
type interfaceGroups struct{ four, six *memberships }

// memberships returns those of a's family.
func (i *Interface) memberships(a netip.Addr) *memberships {
	switch {
	case i.groups == nil:
		return nil
	case a.Is4():
		return i.groups.four
	}
	return i.groups.six
}

// allMemberships goes through those that there are.
func (i *Interface) allMemberships() iter.Seq[*memberships] {
	return func(yield func(*memberships) bool) {
		if i.groups == nil {
			return
		}
		if i.groups.four != nil && !yield(i.groups.four) {
			return
		}
		if i.groups.six != nil {
			yield(i.groups.six)
		}
	}
}

// needMemberships makes them if there were none.
func (i *Interface) needMemberships(a netip.Addr) (*memberships, error) {
	if m := i.memberships(a); m != nil {
		return m, nil
	}
	if a.Is6() && i.six == nil && !i.Loopback() {
		return nil, syscall.ENODEV
	}
	m := &memberships{via: i, six: a.Is6()}
	m.reporter.init(m)
	if i.groups == nil {
		i.groups = new(interfaceGroups)
	}
	if m.six {
		i.layer.needSix()
		i.groups.six = m
	} else {
		i.layer.needIGMP()
		i.groups.four = m
	}
	return m, nil
}

// takes reports whether a filter has not too many sources.
func (m *memberships) takes(f *Filter) bool {
	if m.six {
		return len(f.Sources) <= maxSources6
	}
	return len(f.Sources) <= maxSources
}

// changed notes that the listeners of a group have, and has the routers told.
func (m *memberships) changed(g *group) {
	before := g.filter
	g.filter = merge(g.listeners)
	if m.silent(g.addr) {
		m.forget(g)
		return
	}
	if !before.equal(&g.filter) {
		m.stateChanged(g, &before)
	}
	m.forget(g)
}

// forget takes out a group that nobody listens to and of which nothing is left to tell.
func (m *memberships) forget(g *group) {
	if len(g.listeners) == 0 && !g.telling() {
		m.take(g)
	}
}

// fewGroups is how many are found one after the other: most hosts have fewer.
const fewGroups = 8

// find returns a group, nil if there is none with this address.
func (m *memberships) find(addr netip.Addr) *group {
	if m.index != nil {
		return m.index[addr]
	}
	for _, g := range m.order {
		if g.addr == addr {
			return g
		}
	}
	return nil
}

// enter adds a group. The card lets through what is sent to it.
func (m *memberships) enter(g *group) {
	m.order = append(m.order, g)
	switch {
	case m.index != nil:
		m.index[g.addr] = g
	case len(m.order) > fewGroups:
		m.index = make(map[netip.Addr]*group)
		for _, g := range m.order {
			m.index[g.addr] = g
		}
	}
	if nic := m.via.nic; nic != nil {
		nic.AcceptGroup(link.GroupMAC(g.addr))
	}
}

// take takes a group out.
func (m *memberships) take(g *group) {
	n := slices.Index(m.order, g)
	m.order = slices.Delete(m.order, n, n+1)
	delete(m.index, g.addr)
	if nic := m.via.nic; nic != nil {
		nic.IgnoreGroup(link.GroupMAC(g.addr))
	}
}

// stop ends all telling, for a host that is switched off.
func (m *memberships) stop() {
	m.timer.Stop()
	if m.querier != nil {
		m.querier.timer.Stop()
	}
}
