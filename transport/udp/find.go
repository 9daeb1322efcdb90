package udp

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"septet/network"
)

// found is whom find has found last for what: datagrams come in flows. Whatever
// changes whom it would find forgets it.
type found struct {
	dst      netip.Addr
	port     uint16
	from     netip.AddrPort
	endpoint *Endpoint
}

// find returns the endpoint for a datagram: one that is connected to its sender
// before one that is bound to the address, and that before one that is bound to
// any address.
func (l *Layer) find(d *network.Datagram, port uint16, from netip.AddrPort) *Endpoint {
	dst := d.Dst
	if r := &l.recent; r.port == port && r.dst == dst && r.from == from {
		return r.endpoint
	}
	var device *network.Interface
	if l.atDevices > 0 {
		device = d.Device()
	}
	var e *Endpoint
	for _, a := range [...]netip.Addr{dst, anyOf(dst), {}} {
		if e = l.endpoints[keyOf(a, port)].best(from, device); e != nil {
			break
		}
	}
	if e != nil && e.sharingPort && !e.remote.IsValid() {
		e = l.pickSharer(e, netip.AddrPortFrom(dst, port), from)
	}
	if l.atDevices == 0 { // else the interface counts too
		l.recent = found{dst, port, from, e}
	}
	return e
}

// best picks from endpoints of one address and port: one at the device by which the
// datagram came before one at any. A device of nil is not looked at.
func (e *Endpoint) best(from netip.AddrPort, device *network.Interface) *Endpoint {
	var unconnected *Endpoint
	for ; e != nil; e = e.next {
		switch {
		case device != nil && e.device != nil && e.device != device:
		case e.remote == from:
			return e
		case e.remote.IsValid():
		case unconnected == nil, unconnected.device == nil && e.device != nil:
			unconnected = e
		}
	}
	return unconnected
}

// pickSharer returns the one to which the datagram's addresses lead of the endpoints
// that share the port with e (SO_REUSEPORT). Who does not know the secret cannot choose.
func (l *Layer) pickSharer(e *Endpoint, dst, from netip.AddrPort) *Endpoint {
	first := l.endpoints[keyOf(e.local.Addr(), e.local.Port())]
	n := 0
	for at := first; at != nil; at = at.next {
		if at.sharesWith(e) {
			n++
		}
	}
	if n < 2 {
		return e
	}
	if l.secret == 0 {
		l.secret = l.Loop().Rand().Uint64() | 1
	}
	n = int(flowHash(l.secret, dst, from) % uint64(n))
	for at := first; ; at = at.next {
		if at.sharesWith(e) {
			if n == 0 {
				return at
			}
			n--
		}
	}
}

// sharesWith reports whether datagrams are spread over the endpoint and e, which have
// one address and port.
func (at *Endpoint) sharesWith(e *Endpoint) bool {
	return at.sharingPort && !at.remote.IsValid() && at.device == e.device
}

// flowHash mixes the addresses of a flow with a secret.
func flowHash(secret uint64, dst, from netip.AddrPort) uint64 {
	h := secret ^ uint64(dst.Port())<<16 ^ uint64(from.Port())
	for _, a := range [...][16]byte{dst.Addr().As16(), from.Addr().As16()} {
		h = mix(h ^ binary.LittleEndian.Uint64(a[:8]))
		h = mix(h ^ binary.LittleEndian.Uint64(a[8:]))
	}
	return h
}

func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9)
	return hi ^ lo
}
