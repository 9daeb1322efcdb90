package network

import (
	"net/netip"
	"time"

	"septet/event"
)

// The bounds of what is remembered of paths whose MTU is smaller than the link's.
const (
	// pathMTUAge is how long that is believed (RFC 8201, section 5.3; Linux's value).
	pathMTUAge = 10 * time.Minute
	// maxPathMTUs caps the destinations.
	maxPathMTUs = 1024
)

// pathMTUs are the MTUs of paths by their destinations, as routers have told them.
type pathMTUs map[netip.Addr]pathMTU

type pathMTU struct {
	mtu   int
	until event.Time
}

// pathMTU returns the MTU of the path to dst, which is at most that of its link.
func (l *Layer) pathMTU(dst netip.Addr, link int) int {
	if l.six == nil || len(l.six.mtus) == 0 {
		return link
	}
	known, ok := l.six.mtus[dst]
	switch {
	case !ok:
		return link
	case l.loop.Now() >= known.until:
		delete(l.six.mtus, dst)
		return link
	}
	return min(link, known.mtu)
}

// tooBig6 notes what a router has said of the path to e.Dst (RFC 8201, section 4).
func (l *Layer) tooBig6(e *Error) {
	s := l.needSix()
	if s.mtus == nil {
		s.mtus = make(pathMTUs)
	}
	known, ok := s.mtus[e.Dst]
	if !ok && len(s.mtus) >= maxPathMTUs {
		return // what is known ages; nobody can push it out
	}
	// RFC 8201, section 4: never larger than it is believed to be.
	if !ok || e.MTU < known.mtu || l.loop.Now() >= known.until {
		s.mtus[e.Dst] = pathMTU{e.MTU, l.loop.Now().Add(pathMTUAge)}
	}
}
