package tcp

import (
	"net/netip"

	"septet/network"
)

// listener returns who listens on local for a segment from remote: by its address, on
// all of its family, or on all there are.
func (l *Layer) listener(local, remote netip.AddrPort, d *network.Datagram) *Listener {
	if len(l.listeners) == 0 {
		return nil
	}
	if l.addressed > 0 {
		if ln := l.listeners[local].pick(local, remote, d); ln != nil {
			return ln
		}
	}
	anyAddr := netip.IPv4Unspecified()
	if local.Addr().Is6() {
		anyAddr = netip.IPv6Unspecified()
	}
	if ln := l.listeners[netip.AddrPortFrom(anyAddr, local.Port())].pick(local, remote, d); ln != nil {
		return ln
	}
	return l.listeners[netip.AddrPortFrom(netip.Addr{}, local.Port())].pick(local, remote, d)
}

// pick returns one of the listeners on an address: those at the device by which the
// segment came before those at any, and of several that share the port the one to which
// the connection's addresses lead.
func (ln *Listener) pick(local, remote netip.AddrPort, d *network.Datagram) *Listener {
	if ln == nil || ln.next == nil && ln.port.Device == nil {
		return ln
	}
	device, sharers := d.Device(), 0
	var best *Listener
	for at := ln; at != nil; at = at.next {
		switch {
		case at.port.Device != nil && at.port.Device != device:
		case best == nil, best.port.Device == nil && at.port.Device != nil:
			best, sharers = at, 1
		case at.port.Device == best.port.Device:
			sharers++
		}
	}
	if sharers < 2 {
		return best
	}
	n := best.layer.keyed(forSharer, local, remote) % uint64(sharers)
	for at := ln; ; at = at.next {
		if at.port.Device == best.port.Device {
			if n == 0 {
				return at
			}
			n--
		}
	}
}

// removeListener reports false if the listener was removed before.
func (l *Layer) removeListener(ln *Listener) bool {
	addr := ln.port.addr
	first := l.listeners[addr]
	for at := &first; *at != nil; at = &(*at).next {
		if *at != ln {
			continue
		}
		*at, ln.next = ln.next, nil
		if ln.addressed() {
			l.addressed--
		}
		if first == nil {
			delete(l.listeners, addr)
		} else {
			l.listeners[addr] = first
		}
		return true
	}
	return false
}
