package tcp

import (
	"net/netip"
	"syscall"
)

// Ephemeral ports, as Linux has them (RFC 6056 leaves the range to the host).
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// Port is a local address that was bound.
type Port struct {
	layer     *Layer
	addr      netip.AddrPort
	reuse     bool // SO_REUSEADDR
	listening bool
	refs      int // the binder, and every connection that came from it
}

// Addr returns the bound address; its IP may be unspecified.
func (p *Port) Addr() netip.AddrPort { return p.addr }

// Release gives the port back. It becomes free when the last connection on it
// has ended.
func (p *Port) Release() {
	p.refs--
	if p.refs > 0 {
		return
	}
	l, n := p.layer, p.addr.Port()
	rest := l.ports[n][:0]
	for _, other := range l.ports[n] {
		if other != p {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(l.ports, n)
	} else {
		l.ports[n] = rest
	}
}

// Reserve binds a local address. Port zero picks an ephemeral port. It returns
// EADDRNOTAVAIL if the address is not this host's, EADDRINUSE if it is taken or
// no port is left.
func (l *Layer) Reserve(local netip.AddrPort, reuseAddr bool) (*Port, error) {
	if a := local.Addr(); !a.Is4() || !a.IsUnspecified() && !l.net.IsLocal(a) {
		return nil, syscall.EADDRNOTAVAIL
	}
	if local.Port() == 0 {
		n := l.findEphemeral(func(n uint16) bool {
			return len(l.ports[n]) == 0 && l.implicit[n] == 0
		})
		if n == 0 {
			return nil, syscall.EADDRINUSE
		}
		local = netip.AddrPortFrom(local.Addr(), n)
	} else if l.conflicts(local, reuseAddr) {
		return nil, syscall.EADDRINUSE
	}
	p := &Port{layer: l, addr: local, reuse: reuseAddr, refs: 1}
	l.ports[local.Port()] = append(l.ports[local.Port()], p)
	return p, nil
}

// conflicts reports whether a binding would collide: the addresses are the same
// or one is unspecified, and not both sides allow reuse, or one is listening.
func (l *Layer) conflicts(local netip.AddrPort, reuse bool) bool {
	for _, p := range l.ports[local.Port()] {
		overlap := p.addr.Addr() == local.Addr() || p.addr.Addr().IsUnspecified() || local.Addr().IsUnspecified()
		if overlap && (!reuse || !p.reuse || p.listening) {
			return true
		}
	}
	return !reuse && l.implicit[local.Port()] > 0
}

// findEphemeral returns an ephemeral port that free accepts, zero if there is
// none: from a random one upwards (RFC 6056, algorithm 1).
func (l *Layer) findEphemeral(free func(uint16) bool) uint16 {
	const count = lastEphemeral - firstEphemeral + 1
	start := l.loop.Rand().IntN(count)
	for i := range count {
		if n := uint16(firstEphemeral + (start+i)%count); free(n) {
			return n
		}
	}
	return 0
}
