package network

import (
	"net/netip"
	"time"

	"septet/event"
)

// The bounds of redirects.
const (
	// redirectAge is how long a host believes one. RFC 1122, section 3.3.1.3, and RFC
	// 4861, section 5.3, leave it open.
	redirectAge = 10 * time.Minute
	// maxRedirects caps the destinations that a host knows a better way to.
	maxRedirects = 128
	// redirectInterval is the least time in which a router repeats itself to a host
	// about a destination, as far as it remembers: it has that many places for what it
	// has said (RFC 1812, section 4.3.2.8; RFC 4861, section 8.2).
	redirectInterval = time.Second
	redirectMemory   = 64
)

// redirects are the better first hops of which a host was told (RFC 1122, section
// 3.2.2.2; RFC 4861, section 8.3), and what a router has told others.
type redirects struct {
	layer *Layer
	hops  map[netip.Addr]redirect // by destination
	age   event.Timer             // of the oldest
	told  [redirectMemory]told
}

// redirect is the way to one destination.
type redirect struct {
	Route // the gateway is the destination itself where that is a neighbour
	until event.Time
}

// told is a redirect that a router has sent.
type told struct {
	host, dst netip.Addr
	again     event.Time
}

func (l *Layer) needRedirects() *redirects {
	if l.redirects == nil {
		l.redirects = &redirects{layer: l, hops: make(map[netip.Addr]redirect)}
		l.redirects.age.Init(l.loop, l.redirects)
	}
	return l.redirects
}

// routeTo returns the way to dst: that of a redirect, or of the routing table, nil if
// there is none.
func (l *Layer) routeTo(dst netip.Addr) *Route {
	if l.redirects != nil {
		if r, ok := l.redirects.hops[dst]; ok {
			return &r.Route
		}
	}
	return l.route(dst)
}

// firstHop reports whether hop, by the interface i, is the router to which this host
// sends what is for dst.
func (l *Layer) firstHop(dst, hop netip.Addr, i *Interface) bool {
	r := l.routeTo(dst)
	return r != nil && r.Interface == i && r.Gateway == hop && hop != dst
}

// redirect makes the host send to gateway what is for dst. Its caller has checked who
// says so.
func (l *Layer) redirect(dst, gateway netip.Addr, i *Interface) {
	s := l.needRedirects()
	if _, known := s.hops[dst]; !known && len(s.hops) >= maxRedirects {
		l.stats.RedirectsIgnored++
		return
	}
	l.stats.RedirectsFollowed++
	until := l.loop.Now().Add(redirectAge)
	s.hops[dst] = redirect{Route{Gateway: gateway, Interface: i}, until}
	if s.age.When() == event.Never {
		s.age.Reset(until)
	}
	l.changed()
}

// Expire forgets what is old.
func (s *redirects) Expire(*event.Timer) {
	now, next := s.layer.loop.Now(), event.Never
	for dst, r := range s.hops {
		if now >= r.until {
			delete(s.hops, dst)
			continue
		}
		next = min(next, r.until)
	}
	s.age.Reset(next)
	s.layer.changed()
}

// unredirect forgets the ways through a gateway that does not answer.
func (l *Layer) unredirect(gateway netip.Addr) {
	if l.redirects == nil {
		return
	}
	for dst, r := range l.redirects.hops {
		if r.Gateway == gateway || dst == gateway {
			delete(l.redirects.hops, dst)
			l.changed()
		}
	}
}

// forgetRedirects forgets all: they were about routes that have changed.
func (l *Layer) forgetRedirects() {
	if l.redirects != nil {
		clear(l.redirects.hops)
		l.redirects.age.Stop()
	}
}

// mayRedirect reports whether a router may now tell host of a better way to dst.
func (l *Layer) mayRedirect(host, dst netip.Addr) bool {
	now := l.loop.Now()
	t := &l.needRedirects().told[(forwardSlot(host)+forwardSlot(dst))%redirectMemory]
	if t.host == host && t.dst == dst && now < t.again || !l.mayTell(host, false) {
		return false
	}
	*t = told{host, dst, now.Add(redirectInterval)}
	l.stats.RedirectsSent++
	return true
}
