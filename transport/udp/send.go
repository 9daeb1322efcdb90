package udp

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/network"
)

// Send sends b as one datagram to the address to, or to the peer if that is the
// zero AddrPort. b must stay as it is until the end of the turn. Errors, in the order
// in which Linux looks for them: EBADF after Close, EAGAIN if no port is free,
// EDESTADDRREQ without a destination, EINVAL for port 0, those of network's Path, EACCES
// for a broadcast address without SetBroadcast, EMSGSIZE above MaxPayload, a pending
// ICMP error (TakeError), EPIPE after CloseWrite. One that fails has bound the endpoint
// to a port all the same.
func (e *Endpoint) Send(b []byte, to netip.AddrPort) error { return e.SendBy(b, to, nil) }

// Way is how one datagram is sent otherwise than its endpoint's others: what its control
// messages say (ip(7), ipv6(7)).
type Way struct {
	Src    netip.Addr         // valid: the source address
	Via    *network.Interface // not nil: where it leaves the host
	TTL    uint8              // not zero: time to live, or hop limit
	TOS    uint8              // with SetTOS: type of service, or traffic class
	SetTOS bool
}

// SendBy is Send with a way that may be nil.
func (e *Endpoint) SendBy(b []byte, to netip.AddrPort, w *Way) error {
	port, err := e.ready(len(b), to, w)
	if err != nil {
		return err
	}
	return e.output(b, e.local.Port(), port, w)
}

// ready makes e.path the way of a datagram of so many bytes, and returns the port it
// goes to. Its errors are Send's.
func (e *Endpoint) ready(length int, to netip.AddrPort, w *Way) (port uint16, err error) {
	if err := e.Use(); err != nil {
		return 0, err
	}
	if !to.IsValid() {
		to = e.remote
	}
	switch {
	case !to.IsValid():
		return 0, syscall.EDESTADDRREQ
	case to.Port() == 0:
		return 0, syscall.EINVAL
	}
	if err := e.findWay(to.Addr(), w); err != nil {
		return 0, err
	}
	switch {
	case e.path.Broadcast() && !e.broadcast:
		return 0, syscall.EACCES
	case length > MaxPayload && (to.Addr().Is4() || length > MaxPayload6):
		return 0, syscall.EMSGSIZE
	case e.err != 0:
		return 0, e.TakeError()
	case e.shut:
		return 0, syscall.EPIPE
	}
	return to.Port(), nil
}

// findWay is findPath, but for a datagram that has its own way.
func (e *Endpoint) findWay(dst netip.Addr, w *Way) error {
	if w == nil || !w.Src.IsValid() && w.Via == nil {
		return e.findPath(dst)
	}
	src := w.Src
	if !src.IsValid() {
		src = e.sourceFor(e.local.Addr())
	}
	via := w.Via
	if via == nil {
		via = e.device
	}
	path, err := e.lookUpOn(dst, src, via)
	if err != nil {
		return err
	}
	e.path, e.pathTo = path, netip.Addr{} // not for the next one
	return nil
}

// findPath makes e.path the way to dst, which it mostly is already.
func (e *Endpoint) findPath(dst netip.Addr) error {
	n := e.layer.network
	if dst == e.pathTo && n.Fresh(&e.path) {
		return nil
	}
	path, err := e.lookUp(dst, e.local.Addr())
	if err != nil {
		return err
	}
	e.path, e.pathTo = path, dst
	return nil
}

// output sends a datagram from one port to another along e.path.
func (e *Endpoint) output(b []byte, src, dst uint16, w *Way) error {
	n := e.layer.network
	h := header.UDP{SrcPort: src, DstPort: dst, Length: header.UDPLen + len(b)}
	none := e.noSum && e.path.Dst().Is4() // RFC 768: all zero if there is none
	if !none {
		h.Checksum = header.PseudoSum(e.path.Src(), e.path.Dst(), header.ProtocolUDP, h.Length)
	}
	p := n.Pool().Get(len(b))
	p.Borrow(b)
	h.Put(p.Push(header.UDPLen))
	if !none {
		p.PartialChecksum(checksumOffset)
	}
	e.layer.stats.Sent++
	m := e.marks()
	ttl, tos := w.Marks(e.hops(m.ttl), m.tos)
	return n.Output(p, &e.path, &network.Send{
		Protocol: header.ProtocolUDP, TTL: ttl, TOS: tos, Discover: m.discover, MTU: int(e.mtu6),
	})
}

// Marks returns what a datagram's header says that would otherwise say ttl and tos. w may
// be nil.
func (w *Way) Marks(ttl, tos uint8) (uint8, uint8) {
	if w == nil {
		return ttl, tos
	}
	if w.TTL != 0 {
		ttl = w.TTL
	}
	if w.SetTOS {
		tos = w.TOS
	}
	return ttl, tos
}

// checksumOffset is where the checksum is in a UDP header.
const checksumOffset = 6
