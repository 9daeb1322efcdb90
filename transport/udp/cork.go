package udp

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/network"
)

// held is a datagram that is put together of what several sends bring (MSG_MORE, and
// UDP_CORK of udp(7)). As on Linux, the first piece says where it goes, from where and how.
type held struct {
	data     []byte
	src, dst uint16 // ports
	path     network.Path
	way      *Way
}

// Holding reports whether the endpoint has pieces of a datagram that was not sent yet.
func (e *Endpoint) Holding() bool { return e.held != nil }

// Hold is SendBy for the first piece of a datagram, which waits for Push. It has SendBy's
// errors, and EMSGSIZE already if a datagram of this length cannot be sent.
func (e *Endpoint) Hold(b []byte, to netip.AddrPort, w *Way) error {
	port, err := e.ready(len(b), to, w)
	if err != nil {
		return err
	}
	e.held = &held{src: e.local.Port(), dst: port, path: e.path, way: w}
	return e.Append(b, e.path.Dst().Is4())
}

// Append adds a piece to what is held. four says that it was meant for IPv4, of which
// Linux takes none into a datagram of IPv6: EINVAL. EMSGSIZE if the datagram becomes
// longer than it may be, and then all of it is dropped.
func (e *Endpoint) Append(b []byte, four bool) error {
	h := e.held
	if four && h.path.Dst().Is6() {
		return syscall.EINVAL
	}
	if len(h.data)+len(b) > e.mostHeld(&h.path) {
		e.held = nil
		return syscall.EMSGSIZE
	}
	h.data = append(h.data, b...)
	return nil
}

// mostHeld is how long a datagram may be that goes by the path: as long as its MTU, if
// nobody is to cut it.
func (e *Endpoint) mostHeld(path *network.Path) int {
	most, headers := MaxPayload6, header.IPv6Len+header.UDPLen
	if path.Dst().Is4() {
		most, headers = MaxPayload, header.IPv4Len+header.UDPLen
	}
	switch e.marks(path.Dst()).discover {
	case network.DiscoverDo:
		most = min(most, e.layer.network.PathMTU(path)-headers)
	case network.DiscoverProbe, network.DiscoverInterface:
		most = min(most, path.MTU()-headers)
	}
	return most
}

// Push sends what is held, if there is anything.
func (e *Endpoint) Push() error {
	h := e.held
	if h == nil {
		return nil
	}
	e.held = nil
	e.path, e.pathTo = h.path, netip.Addr{} // not for the next one
	return e.output(h.data, h.src, h.dst, h.way)
}

// redirect is what Linux does of IPv4 when the endpoint is connected meanwhile: what is
// held goes to the peer.
func (h *held) redirect(path network.Path, port uint16) {
	if h.path.Dst().Is4() && path.Dst().Is4() {
		h.path, h.dst = path, port
	}
}
