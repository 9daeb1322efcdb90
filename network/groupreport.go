package network

import (
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/header"
)

// What a host tells the routers of a link (RFC 3376, section 5; RFC 3810, section 6):
//
//  1. What has changed, at once and again after a random time, until it was told as
//     often as the robustness variable says. An interface that has just come up waits a
//     moment with those of IPv6, see comeUp.
//  2. What it listens to, when a querier asks, after a random time.
//
// To a querier of an older version the host speaks that (RFC 3376, section 7; RFC 3810,
// section 8).

// The variables of RFC 3376, section 8, and RFC 3810, section 9, with their defaults.
const (
	defaultRobustness    = 2
	defaultQueryInterval = 125 * time.Second
	// unsolicitedInterval is the longest time between two reports of one change;
	// the older versions have another (RFC 2236, section 8.10; RFC 2710, section 7.10).
	unsolicitedInterval = 1 * time.Second
	olderInterval       = 10 * time.Second
)

// reporter is when an interface reports.
type reporter struct {
	timer      event.Timer
	change     event.Time // when the changes are told
	all        event.Time // when a general query is answered
	robustness int
	interval   time.Duration // of the querier's queries
	// older is until when a querier of version 1 (0) and 2 (1) is on the link; version
	// is what was spoken last.
	older   [2]event.Time
	version int
}

// report is what of a group has to be told.
type report struct {
	mode    int             // how often still that the filter's mode is another
	sources []changedSource // where it is the same
	answer  event.Time      // when a query for the group is answered
	asked   []netip.Addr    // the sources of that query, none for all
}

type changedSource struct {
	addr netip.Addr
	left int
}

func (r *reporter) init(m *memberships) {
	r.timer.Init(m.via.layer.loop, m)
	r.change, r.all = event.Never, event.Never
	r.robustness, r.interval = defaultRobustness, defaultQueryInterval
	r.version = m.newest()
}

// telling reports whether a change has still to be told.
func (r *report) telling() bool { return r.mode > 0 || len(r.sources) > 0 }

// newest is the version of the protocol that is spoken where nobody speaks an older one.
func (m *memberships) newest() int {
	if m.six {
		return 2
	}
	return 3
}

// silent reports whether a group is never reported: that of all nodes, and those whose
// scope is less than a link (RFC 3376, section 5; RFC 3810, section 6). Nor is anything
// on "lo".
func (m *memberships) silent(group netip.Addr) bool {
	return group == allSystems || group == allNodes || group.IsInterfaceLocalMulticast() || m.via.Loopback()
}

// stateChanged notes that what is heard of g was another before (RFC 3376, section 5.1;
// RFC 3810, section 6.1).
func (m *memberships) stateChanged(g *group, before *Filter) {
	if before.Exclude != g.filter.Exclude {
		// A record of the new mode has all sources, so nothing else is left to tell.
		g.mode, g.sources = m.robustness, nil
	} else {
		for _, a := range difference(before.Sources, g.filter.Sources) {
			g.tellSource(a, m.robustness)
		}
		for _, a := range difference(g.filter.Sources, before.Sources) {
			g.tellSource(a, m.robustness)
		}
	}
	m.change = m.earliest()
	m.arm()
}

// earliest is when a report may be sent now at the earliest: an interface on which IPv6 has
// just come up waits, see comeUp.
func (m *memberships) earliest() event.Time {
	if m.six && m.via.six != nil {
		return max(m.now(), m.via.six.tellFrom)
	}
	return m.now()
}

func (r *report) tellSource(a netip.Addr, times int) {
	for n := range r.sources {
		if r.sources[n].addr == a {
			r.sources[n].left = times
			return
		}
	}
	r.sources = append(r.sources, changedSource{a, times})
}

func (m *memberships) now() event.Time { return m.via.layer.loop.Now() }

// soon returns a random moment that is at most d away.
func (m *memberships) soon(d time.Duration) event.Time {
	if d <= 0 {
		return m.now()
	}
	return m.now().Add(1 + time.Duration(m.via.layer.loop.Rand().Int64N(int64(d))))
}

// arm sets the timer to the next moment at which something is told.
func (m *memberships) arm() {
	next := min(m.change, m.all)
	for _, g := range m.order {
		next = min(next, g.answer)
	}
	// A timer that is set anew goes behind others of the same moment: the questions about
	// addresses, before which their groups are to be told (RFC 4862, section 5.4.2).
	if next != m.timer.When() {
		m.timer.Reset(next)
	}
}

// Expire tells what is due.
func (m *memberships) Expire(*event.Timer) {
	now := m.now()
	if m.adapt(); m.change <= now {
		m.tellChanges()
	}
	var due []header.GroupRecord
	if m.all <= now {
		m.all = event.Never
		for _, g := range m.order {
			due = m.current(due, g, nil)
		}
	}
	for _, g := range m.order {
		if g.answer <= now {
			due = m.current(due, g, g.asked)
			g.answer, g.asked = event.Never, nil
		}
	}
	m.send(due)
	m.arm()
}

// tellChanges sends a report of what has changed.
func (m *memberships) tellChanges() {
	var records []header.GroupRecord
	left := false
	for n := 0; n < len(m.order); {
		g := m.order[n]
		records = m.changes(records, g)
		left = left || g.telling()
		if m.forget(g); n < len(m.order) && m.order[n] == g {
			n++
		}
	}
	m.change = event.Never
	if left {
		interval := unsolicitedInterval
		if m.version < m.newest() {
			interval = olderInterval
		}
		m.change = m.soon(interval)
	}
	m.send(records)
}

// changes adds the records of what has changed of g, and counts them as told once
// more. RFC 3376, section 5.1; RFC 3810, section 6.1: as long as a new mode is told,
// the sources are in its record.
func (m *memberships) changes(records []header.GroupRecord, g *group) []header.GroupRecord {
	if g.mode > 0 {
		if g.mode--; m.version < m.newest() && g.filter.nobody() {
			g.mode = 0 // the older versions leave once
		}
		kind := header.GroupToInclude
		if g.filter.Exclude {
			kind = header.GroupToExclude
		}
		return append(records, header.GroupRecord{Type: kind, Group: g.addr, Sources: g.filter.Sources})
	}
	var allow, block []netip.Addr
	var rest []changedSource
	for _, s := range g.sources {
		if g.filter.Hears(s.addr) {
			allow = append(allow, s.addr)
		} else {
			block = append(block, s.addr)
		}
		if s.left--; s.left > 0 {
			rest = append(rest, s)
		}
	}
	g.sources = rest
	if len(allow) > 0 {
		records = append(records, header.GroupRecord{Type: header.GroupAllowNew, Group: g.addr, Sources: allow})
	}
	if len(block) > 0 {
		records = append(records, header.GroupRecord{Type: header.GroupBlockOld, Group: g.addr, Sources: block})
	}
	return records
}

// current adds what is heard of g, or of some sources of it (RFC 3376, section 5.2; RFC
// 3810, section 6.3).
func (m *memberships) current(records []header.GroupRecord, g *group, asked []netip.Addr) []header.GroupRecord {
	r := header.GroupRecord{Type: header.GroupIsInclude, Group: g.addr, Sources: g.filter.Sources}
	switch {
	case g.filter.nobody() || m.silent(g.addr):
		return records
	case len(asked) > 0:
		r.Sources = keep(asked, g.filter.Hears)
		if len(r.Sources) == 0 {
			return records
		}
	case g.filter.Exclude:
		r.Type = header.GroupIsExclude
	}
	return append(records, r)
}

// askedBy takes a query (RFC 3376, section 5.2; RFC 3810, section 6.2).
func (m *memberships) askedBy(q *header.GroupQuery) {
	m.noteQuerier(q)
	at := m.soon(q.MaxResponse)
	switch {
	case m.all <= at:
		// Rule 1: all is told sooner anyway.
	case q.Group.IsUnspecified() && m.version == m.newest():
		m.all = at // rule 2
	case q.Group.IsUnspecified():
		// RFC 2236, section 3; RFC 2710, section 4: each group in its own time.
		for _, g := range m.order {
			if last := m.now().Add(q.MaxResponse); g.answer > last {
				g.answer = m.soon(q.MaxResponse)
			}
		}
	default:
		if g := m.find(q.Group); g != nil {
			g.askedFor(q.Sources, at)
		}
	}
	m.arm()
}

// askedFor is rules 3 to 5: a query for a group, or for some of its sources.
func (r *report) askedFor(sources []netip.Addr, at event.Time) {
	switch {
	case r.answer == event.Never:
		r.asked = sources
	case len(sources) == 0 || len(r.asked) == 0:
		r.asked = nil
	case len(r.asked)+len(sources) > maxAsked:
		r.asked = nil // so many that all is told
	default:
		r.asked = NewFilter(false, append(slices.Clone(r.asked), sources...)...).Sources
	}
	if len(r.asked) > maxAsked {
		r.asked = nil
	}
	r.answer = min(r.answer, at)
}

// maxAsked caps the sources that are remembered of queries for one group.
const maxAsked = 256

// noteQuerier notes the version and the variables of who asks.
func (m *memberships) noteQuerier(q *header.GroupQuery) {
	if q.Version == m.newest() {
		m.robustness = or(int(q.Robustness), defaultRobustness)
		m.interval = or(q.Interval, defaultQueryInterval)
		return
	}
	// RFC 3376, section 7.2.1: version 2 is noted of general queries alone.
	if q.Version == 2 && !q.Group.IsUnspecified() {
		return
	}
	// RFC 3376, section 8.12; RFC 3810, section 9.12: "Older Version Querier Present".
	timeout := time.Duration(m.robustness)*m.interval + q.MaxResponse
	m.older[q.Version-1] = m.now().Add(timeout)
	m.adapt()
}

// or returns v, or the usual value where that is zero.
func or[T int | time.Duration](v, usual T) T {
	if v == 0 {
		return usual
	}
	return v
}

// adapt speaks the oldest version that a querier of the link does. RFC 3376, section
// 7.2.1; RFC 3810, section 8.2.1: a change cancels all that was to be told.
func (m *memberships) adapt() {
	version, now := m.newest(), m.now()
	for n, until := range m.older {
		if until > now {
			version = min(version, n+1)
		}
	}
	if version == m.version {
		return
	}
	m.version = version
	m.all = event.Never
	for _, g := range slices.Clone(m.order) {
		g.report = report{answer: event.Never}
		m.forget(g)
	}
	m.change = event.Never
}

// heardReport takes a report of version 1 or 2 of another host: where the querier
// speaks no newer one, one answer for a group is enough (RFC 2236, section 3; RFC 2710,
// section 4).
func (m *memberships) heardReport(group netip.Addr) {
	if g := m.find(group); g != nil && m.version < m.newest() {
		g.answer, g.asked = event.Never, nil
		m.arm()
	}
}
