package network

import (
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/header"
)

// learnedRoute is a route that a router has advertised, as it is in the routing table.
type learnedRoute struct {
	Route
	kind        learnedKind
	preference  int8 // RFC 4191: 1 high, 0 medium, -1 low
	unreachable bool // the gateway has not answered
	until       event.Time
	probe       event.Time // unreachable: when the gateway is asked again
}

// learnedKind says what kind of thing was advertised.
type learnedKind uint8

const (
	onLink        learnedKind = iota // a prefix whose addresses are neighbours
	defaultRouter                    // RFC 4861, section 6.3.4
	moreSpecifics                    // RFC 4191, section 3
)

// mostLearned caps what is kept of each kind for an interface: a rogue router may
// advertise without end (RFC 6104, section 4; the numbers are our own).
var mostLearned = [...]int{onLink: 16, defaultRouter: 8, moreSpecifics: 16}

// Metrics of learned routes. The first two are Linux's. RFC 4191, section 3.2: a router
// that is reachable comes before one that is not, whatever their preferences.
const (
	metricOnLink      = 256
	metricRouter      = 1024
	metricUnreachable = 8
)

// probeInterval is how often a router that would be used if it were reachable is asked
// whether it is (RFC 4191, section 3.3).
const probeInterval = time.Minute

func (r *learnedRoute) metric() int {
	switch {
	case r.kind == onLink:
		return metricOnLink
	case r.unreachable:
		return metricRouter + metricUnreachable - int(r.preference)
	}
	return metricRouter - int(r.preference)
}

// takeRoutes takes the router itself as a default router, and the routes that it
// advertises. RFC 4191, section 3.1: one of these for ::/0 has the last word on the
// former.
func (c *autoconfiguration) takeRoutes(h *header.RouterAdvertisement, more []header.RouteInformation, router netip.Addr) {
	preference, lifetime := h.Preference, h.Lifetime
	for _, r := range more {
		switch {
		case r.Prefix == anyPrefix6:
			preference, lifetime = r.Preference, r.Lifetime
		case routable(r.Prefix):
			c.learn(moreSpecifics, Route{Prefix: r.Prefix, Gateway: router}, r.Preference, r.Lifetime)
		}
	}
	c.learn(defaultRouter, Route{Prefix: anyPrefix6, Gateway: router}, preference, lifetime)
}

// learn notes a route for its lifetime, or forgets it if that is zero.
func (c *autoconfiguration) learn(kind learnedKind, r Route, preference int8, lifetime time.Duration) {
	r.Interface = c.i
	n := slices.IndexFunc(c.routes, func(have learnedRoute) bool {
		return have.kind == kind && have.Prefix == r.Prefix && have.Gateway == r.Gateway
	})
	switch {
	case lifetime == 0:
		if n >= 0 {
			c.forget(n)
		}
		return
	case n < 0:
		if c.full(kind) {
			return
		}
		n = len(c.routes)
		c.routes = append(c.routes, learnedRoute{Route: r, kind: kind, preference: preference})
		c.install(&c.routes[n])
	case c.routes[n].preference != preference:
		c.uninstall(&c.routes[n])
		c.routes[n].preference = preference
		c.install(&c.routes[n])
	}
	c.routes[n].until = c.i.layer.loop.Now().Add(lifetime)
	c.schedule()
}

// full reports, and counts, that no more of a kind is kept.
func (c *autoconfiguration) full(kind learnedKind) bool {
	n := 0
	for _, r := range c.routes {
		if r.kind == kind {
			n++
		}
	}
	if n < mostLearned[kind] && c.i.layer.routes.len() < maxRoutes {
		return false
	}
	switch stats := c.i.layer.discovery(); kind {
	case onLink:
		stats.PrefixesRefused++
	case defaultRouter:
		stats.RoutersRefused++
	case moreSpecifics:
		stats.RoutesRefused++
	}
	return true
}

func (c *autoconfiguration) install(r *learnedRoute) {
	r.Metric = r.metric()
	c.i.layer.insertRoute(r.Route)
}

func (c *autoconfiguration) uninstall(r *learnedRoute) { _ = c.i.layer.RemoveRoute(r.Route) }

func (c *autoconfiguration) forget(n int) {
	c.uninstall(&c.routes[n])
	c.routes = slices.Delete(c.routes, n, n+1)
}

// schedule sets the timer for what happens next to a route, a server or a domain.
func (c *autoconfiguration) schedule() {
	next := min(c.servers.next(), c.domains.next())
	for _, r := range c.routes {
		next = min(next, r.until)
		if r.unreachable {
			next = min(next, r.probe)
		}
	}
	if next == event.Never {
		c.expiry.Stop()
		return
	}
	c.expiry.Reset(next)
}

// age forgets routes, servers and domains whose lifetime is over, and asks for routers that did
// not answer.
func (c *autoconfiguration) age() {
	now := c.i.layer.loop.Now()
	c.servers.age(now)
	c.domains.age(now)
	for n := len(c.routes) - 1; n >= 0; n-- {
		switch r := &c.routes[n]; {
		case now >= r.until:
			c.forget(n)
		case r.unreachable && now >= r.probe:
			r.probe = now.Add(probeInterval)
			c.i.nic.Ask(r.Gateway.WithZone(""))
		}
	}
	c.schedule()
}

// judge notes whether a gateway answers. Its routes go behind those of the same
// preference, so that among routers which do not answer each has its turn (RFC 4861,
// section 6.3.6).
func (c *autoconfiguration) judge(gateway netip.Addr, unreachable bool) {
	changed := false
	for n := range c.routes {
		r := &c.routes[n]
		if r.kind == onLink || r.Gateway != gateway || !unreachable && !r.unreachable {
			continue
		}
		changed = true
		c.uninstall(r)
		r.unreachable, r.probe = unreachable, c.i.layer.loop.Now().Add(probeInterval)
		c.install(r)
	}
	if changed {
		c.schedule()
	}
}

// noRouter takes note that a neighbour is no router. RFC 4861, section 7.2.5: if it was
// a default router, it is removed at once.
func (i *Interface) noRouter(neighbour netip.Addr) {
	c := i.six.auto
	if c == nil {
		return
	}
	for n := len(c.routes) - 1; n >= 0; n-- {
		if c.routes[n].kind != onLink && c.routes[n].Gateway == neighbour {
			c.forget(n)
		}
	}
	c.schedule()
}

// unreachable is told that a neighbour has not answered: if it is a gateway, another is
// used from now on.
func (i *Interface) unreachable(neighbour netip.Addr) {
	neighbour = i.Scoped(neighbour)
	i.layer.unredirect(neighbour)
	if c := i.six.auto; c != nil {
		c.judge(neighbour, true)
	}
	i.layer.passOver(i, neighbour)
}

// reachable is told that a neighbour whose Ethernet address was not known has answered,
// or has said something.
func (i *Interface) reachable(neighbour netip.Addr) {
	if c := i.six.auto; c != nil {
		c.judge(i.Scoped(neighbour), false)
	}
}

// passOver puts a default route through a gateway that has not answered behind the
// others with the same metric.
func (l *Layer) passOver(i *Interface, gateway netip.Addr) {
	var failed *Route
	for r := range l.routes.to(netip.PrefixFrom(anyOf(gateway), 0)) {
		switch {
		case failed == nil && r.Gateway == gateway && r.Interface == i:
			failed = r
		case failed != nil && r.Metric == failed.Metric:
			again := *failed
			_ = l.RemoveRoute(again)
			l.insertRoute(again)
			return
		}
	}
}
