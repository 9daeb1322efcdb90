package network

import (
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// The bounds of what is remembered of paths whose MTU is smaller than the link's.
const (
	// pathMTUAge is how long that is believed (RFC 1191, section 6.3; RFC 8201, section
	// 5.3; Linux's value).
	pathMTUAge = 10 * time.Minute
	// maxPathMTUs caps the destinations.
	maxPathMTUs = 1024
	// minPathMTU is the least that is believed of an IPv4 path, as on Linux
	// (net.ipv4.route.min_pmtu): to send in smaller pieces only wastes headers. What
	// does not pass even so may be cut on the way.
	minPathMTU = 552
)

// pathMTUs are the MTUs of paths by their destinations, as routers have told them.
type pathMTUs map[netip.Addr]pathMTU

type pathMTU struct {
	mtu    int
	locked bool // less than minPathMTU was told: routers may cut
	until  event.Time
}

// Discovery says what becomes of a datagram that is longer than its path's MTU (ip(7),
// IP_MTU_DISCOVER).
type Discovery uint8

const (
	// DiscoverNot leaves it to the routers on the way to cut it. IPv6's do not: there
	// it is DiscoverWant.
	DiscoverNot Discovery = iota
	// DiscoverWant cuts it here, by what is known of the path, and routers must not.
	DiscoverWant
	// DiscoverDo refuses it with EMSGSIZE.
	DiscoverDo
	// DiscoverProbe refuses it only if it is longer than the first link's MTU.
	DiscoverProbe
	// DiscoverInterface does too, but lets routers cut it; what they tell is not heeded.
	DiscoverInterface
	// DiscoverOmit is DiscoverNot, and what routers tell is not heeded.
	DiscoverOmit
)

// Heeds reports whether the sender wants to know that a router could not pass a datagram
// on because of its length.
func (d Discovery) Heeds() bool { return d == DiscoverWant || d == DiscoverDo || d == DiscoverProbe }

// knownMTU returns what routers have told of the path to dst.
func (l *Layer) knownMTU(dst netip.Addr) (pathMTU, bool) {
	known, ok := l.mtus[dst]
	if ok && l.loop.Now() >= known.until {
		delete(l.mtus, dst)
		return pathMTU{}, false
	}
	return known, ok
}

// forgetOld makes room by what is not believed any more, and reports whether there is.
func (m pathMTUs) forgetOld(now event.Time) bool {
	for dst, known := range m {
		if now >= known.until {
			delete(m, dst)
		}
	}
	return len(m) < maxPathMTUs
}

// pathMTU returns the MTU of the path to dst, which is at most that of its link.
func (l *Layer) pathMTU(dst netip.Addr, link int) int {
	if len(l.mtus) == 0 {
		return link
	}
	if known, ok := l.knownMTU(dst); ok {
		return min(link, known.mtu)
	}
	return link
}

// PathMTU returns what is known of the MTU of a path, at most that of its first link.
func (l *Layer) PathMTU(p *Path) int { return l.pathMTU(p.dst, p.MTU()) }

// discover applies o.Discover to an IPv4 datagram of total bytes: it returns the size to
// which it is to be cut, if it is longer, and whether routers must not.
func (l *Layer) discover(path *Path, o *Send, total, link int) (mtu int, dontFragment bool, err error) {
	mtu = link
	known, ok := pathMTU{}, false
	switch {
	case o.Discover == DiscoverOmit:
		return mtu, false, nil
	case o.Discover == DiscoverInterface && total > mtu:
		return mtu, false, syscall.EMSGSIZE
	case o.Discover == DiscoverInterface:
		return mtu, false, nil
	}
	if len(l.mtus) > 0 && o.Discover != DiscoverProbe && path.kind == toOne {
		if known, ok = l.knownMTU(path.dst); ok {
			mtu = min(mtu, known.mtu)
		}
	}
	if o.Discover == DiscoverWant {
		// As Linux does: what is cut here, or too long for what was told, may be cut.
		return mtu, total <= mtu && !(ok && known.locked), nil
	}
	if total > mtu {
		return mtu, true, syscall.EMSGSIZE
	}
	return mtu, true, nil
}

// LearnPathMTU notes what a router has said of the path to e.Dst (RFC 1191, section 6.3;
// RFC 8201, section 4). It is for the protocol that has sent what e quotes, after it has
// recognised it as its own: anybody can send such a message (RFC 5927, section 7).
func (l *Layer) LearnPathMTU(e *Error) {
	if e.Errno != syscall.EMSGSIZE {
		return
	}
	if l.mtus == nil {
		l.mtus = make(pathMTUs)
	}
	known, ok := l.knownMTU(e.Dst)
	if !ok && len(l.mtus) >= maxPathMTUs && !l.mtus.forgetOld(l.loop.Now()) {
		return // what is believed still cannot be pushed out
	}
	if e.Dst.Is6() && e.MTU < header.IPv6MinMTU {
		return // RFC 8201, section 4: such a message is discarded
	}
	told := pathMTU{mtu: e.MTU, until: l.loop.Now().Add(pathMTUAge)}
	if e.Dst.Is4() && told.mtu < minPathMTU {
		told.mtu, told.locked = minPathMTU, true
	}
	// Nor is a path believed to have become larger.
	if !ok || told.mtu < known.mtu {
		l.mtus[e.Dst] = told
	}
}

// report passes an ICMP error, whose quotation is of this host, to the protocol that has
// sent the quoted datagram.
func (l *Layer) report(e *Error) {
	proto := l.findProtocol(e.Protocol)
	proto.reportRaw(e)
	switch {
	case proto.serves(e.Src):
		proto.handler.Error(e)
	case proto != nil && len(proto.raws)+len(proto.raws6) > 0:
		l.LearnPathMTU(e) // of a raw socket, which has no marks to know it by
	default:
		l.stats.ICMPBadError++
	}
}
