package udp

import (
	"net/netip"
	"syscall"
)

// portUse says how many endpoints are bound to a port, on any address, how many of
// them share it, and how many have an address of one family only.
type portUse struct{ bound, sharing, four, six int }

// in reports whether an endpoint has the port on an address of a's family.
func (u portUse) in(a netip.Addr) bool {
	if a.Is4() {
		return u.bound > u.six
	}
	return u.bound > u.four
}

// count adds n endpoints that are bound to an address.
func (u *portUse) count(a netip.Addr, n int) {
	u.bound += n
	switch {
	case a.Is4():
		u.four += n
	case a.Is6():
		u.six += n
	}
}

// Bind gives the endpoint its local address and port. The zero Addr stands for every
// address of the host, 0.0.0.0 and :: for those of one family, and port 0 for one that
// is free. A broadcast address or a group can be bound to hear only what is sent there.
// Errors:
// EADDRINUSE, EADDRNOTAVAIL for an address that is not the host's, EINVAL if
// the endpoint is bound already, EBADF after Close.
func (e *Endpoint) Bind(local netip.AddrPort) error {
	network := e.layer.network
	if e.closed {
		return syscall.EBADF
	}
	if e.bound() {
		return syscall.EINVAL
	}
	addr := local.Addr().Unmap()
	switch {
	case !e.anywhere && addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() &&
		!network.IsLocal(addr) && !network.IsBroadcast(addr):
		return syscall.EADDRNOTAVAIL
	}
	port := local.Port()
	switch {
	case port == 0:
		if port = e.freePort(addr); port == 0 {
			return syscall.EADDRINUSE
		}
	case e.conflicts(addr, port):
		return syscall.EADDRINUSE
	}
	e.asked = local
	e.insert(netip.AddrPortFrom(addr, port))
	return nil
}

// bound reports whether the endpoint has a port.
func (e *Endpoint) bound() bool { return e.local.Port() != 0 }

// autobind gives an endpoint that was never bound a port of its own, as the
// first use of a socket does.
func (e *Endpoint) autobind() error {
	if e.bound() {
		return nil
	}
	port := e.freePort(e.everyAddr)
	if port == 0 {
		return syscall.EAGAIN
	}
	e.insert(netip.AddrPortFrom(e.everyAddr, port))
	return nil
}

// freePort returns a free port of the ephemeral range, zero if all are taken. It
// begins anywhere, so that a stranger cannot guess it (RFC 6056, section 3.3.1).
func (e *Endpoint) freePort(addr netip.Addr) uint16 {
	const size = lastEphemeral - firstEphemeral + 1
	start := e.layer.Loop().Rand().IntN(size)
	for i := range size {
		// A port that nobody else has, even where sharing were possible.
		port := uint16(firstEphemeral + (start+i)%size)
		if !e.occupied(addr, port) {
			return port
		}
	}
	return 0
}

// occupied reports whether another endpoint has the port on one of the addresses
// that addr stands for.
func (e *Endpoint) occupied(addr netip.Addr, port uint16) bool {
	l := e.layer
	switch {
	case l.ports[port].bound == 0:
		return false
	case !addr.IsValid():
		return true
	case addr.IsUnspecified():
		return l.ports[port].in(addr)
	}
	for _, a := range [...]netip.Addr{addr, anyOf(addr), {}} {
		if l.endpoints[keyOf(a, port)] != nil {
			return true
		}
	}
	return false
}

// conflicts reports whether an endpoint that has the port stands in the way:
// unless all of them, and this one, share it.
func (e *Endpoint) conflicts(addr netip.Addr, port uint16) bool {
	use := e.layer.ports[port]
	if e.sharing && use.sharing == use.bound {
		return false
	}
	return e.occupied(addr, port)
}

// SetReuseAddress lets the endpoint share its address and port with others that
// allow it too (SO_REUSEADDR). A broadcast goes to all of them, a datagram for
// this host only to the one bound last.
func (e *Endpoint) SetReuseAddress(on bool) {
	if e.bound() && e.sharing != on {
		use := e.layer.ports[e.local.Port()]
		if use.sharing--; on {
			use.sharing += 2
		}
		e.layer.ports[e.local.Port()] = use
	}
	e.sharing = on
}

// insert makes the endpoint found at a local address and port.
func (e *Endpoint) insert(local netip.AddrPort) {
	l := e.layer
	l.recent = found{}
	if l.endpoints == nil {
		l.endpoints, l.ports = make(map[key]*Endpoint), make(map[uint16]portUse)
	}
	e.local = local
	k := keyOf(local.Addr(), local.Port())
	e.next = l.endpoints[k]
	l.endpoints[k] = e
	use := l.ports[local.Port()]
	use.count(local.Addr(), 1)
	if e.sharing {
		use.sharing++
	}
	l.ports[local.Port()] = use
}

// remove undoes insert.
func (e *Endpoint) remove() {
	if !e.bound() {
		return
	}
	l, port := e.layer, e.local.Port()
	l.recent = found{}
	k := keyOf(e.local.Addr(), port)
	first := l.endpoints[k]
	if first == e {
		first = e.next
	} else {
		for other := first; other != nil; other = other.next {
			if other.next == e {
				other.next = e.next
			}
		}
	}
	if first == nil {
		delete(l.endpoints, k)
	} else {
		l.endpoints[k] = first
	}
	use := l.ports[port]
	use.count(e.local.Addr(), -1)
	if e.sharing {
		use.sharing--
	}
	if use.bound == 0 {
		delete(l.ports, port)
	} else {
		l.ports[port] = use
	}
	e.local, e.next = netip.AddrPort{}, nil
}
