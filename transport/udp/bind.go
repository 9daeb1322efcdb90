package udp

import (
	"net/netip"
	"syscall"

	"septet/network"
)

// portUse says how many endpoints are bound to a port, on any address, how many of
// them share it by SO_REUSEADDR or SO_REUSEPORT, how many are at a device, and how many
// have an address of one family only.
type portUse struct{ bound, sharing, sharingPort, atDevice, four, six int }

// in reports whether an endpoint has the port on an address of a's family.
func (u portUse) in(a netip.Addr) bool {
	if a.Is4() {
		return u.bound > u.six
	}
	return u.bound > u.four
}

// count adds the endpoint, or with n = -1 takes it out.
func (l *Layer) count(e *Endpoint, n int) {
	u, a := l.ports[e.local.Port()], e.local.Addr()
	u.bound += n
	switch {
	case a.Is4():
		u.four += n
	case a.Is6():
		u.six += n
	}
	if e.sharing {
		u.sharing += n
	}
	if e.sharingPort {
		u.sharingPort += n
	}
	if e.device != nil {
		u.atDevice += n
		l.atDevices += n
	}
	l.recent = found{}
	if u.bound == 0 {
		delete(l.ports, e.local.Port())
	} else {
		l.ports[e.local.Port()] = u
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
	e.asked = netip.AddrPortFrom(addr, local.Port())
	e.insert(netip.AddrPortFrom(addr, port))
	return nil
}

// bound reports whether the endpoint has a port.
func (e *Endpoint) bound() bool { return e.local.Port() != 0 }

// autobind gives an endpoint that was never bound a port of its own, as the
// first use of a socket does.
func (e *Endpoint) autobind() error {
	if e.closed {
		return syscall.EBADF
	}
	addr := e.everyAddr
	if e.addrAsked() {
		addr = e.asked.Addr() // of an endpoint that was disconnected
	}
	port := e.freePort(addr)
	if port == 0 {
		return syscall.EAGAIN
	}
	e.insert(netip.AddrPortFrom(addr, port))
	return nil
}

// Use gives an endpoint that is not bound a port: what Send and Connect begin with, for
// whoever fails before that. EAGAIN if none is free.
func (e *Endpoint) Use() error {
	if e.bound() { // what is closed is not
		return nil
	}
	return e.autobind()
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

// conflicts reports whether an endpoint that has the port stands in the way: unless all
// that do share it, and so does this one, or are at other devices.
func (e *Endpoint) conflicts(addr netip.Addr, port uint16) bool {
	use := e.layer.ports[port]
	switch {
	case e.sharing && use.sharing == use.bound, e.sharingPort && use.sharingPort == use.bound:
		return false
	case e.sharing && use.sharing > 0, e.sharingPort && use.sharingPort > 0, e.device != nil && use.atDevice > 0:
		return e.conflictsWithOne(addr, port)
	}
	return e.occupied(addr, port)
}

// conflictsWithOne looks at each endpoint, for ports that not everybody shares.
func (e *Endpoint) conflictsWithOne(addr netip.Addr, port uint16) bool {
	for k, other := range e.layer.endpoints {
		if k.port != uint64(port) || !network.Overlap(k.addr, addr) {
			continue
		}
		for ; other != nil; other = other.next {
			apart := e.device != nil && other.device != nil && e.device != other.device
			if !apart && !(e.sharing && other.sharing) && !(e.sharingPort && other.sharingPort) {
				return true
			}
		}
	}
	return false
}

// SetReuseAddress lets the endpoint share its address and port with others that
// allow it too (SO_REUSEADDR). A broadcast goes to all of them, a datagram for
// this host only to the one bound last.
func (e *Endpoint) SetReuseAddress(on bool) { e.change(func() { e.sharing = on }) }

// SetReusePort lets the endpoint share its address and port with others that allow it
// too (SO_REUSEPORT). A broadcast goes to all of them, each flow for this host to one.
func (e *Endpoint) SetReusePort(on bool) { e.change(func() { e.sharingPort = on }) }

// SetDevice has the endpoint send and hear by one interface alone, by any if it is nil
// (SO_BINDTODEVICE).
func (e *Endpoint) SetDevice(i *network.Interface) {
	e.change(func() { e.device = i })
	e.Reroute()
}

// Device returns what SetDevice was given.
func (e *Endpoint) Device() *network.Interface { return e.device }

// change changes with whom a port can be shared, and keeps the books.
func (e *Endpoint) change(set func()) {
	if !e.bound() {
		set()
		return
	}
	e.layer.count(e, -1)
	set()
	e.layer.count(e, 1)
}

// insert makes the endpoint found at a local address and port.
func (e *Endpoint) insert(local netip.AddrPort) {
	l := e.layer
	if l.endpoints == nil {
		l.endpoints, l.ports = make(map[key]*Endpoint), make(map[uint16]portUse)
	}
	e.local = local
	k := keyOf(local.Addr(), local.Port())
	e.next = l.endpoints[k]
	l.endpoints[k] = e
	l.count(e, 1)
}

// remove undoes insert.
func (e *Endpoint) remove() {
	if !e.bound() {
		return
	}
	l, port := e.layer, e.local.Port()
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
	l.count(e, -1)
	e.local, e.next = netip.AddrPort{}, nil
}
