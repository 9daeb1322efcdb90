package network

import (
	"net/netip"
	"slices"
	"syscall"

	"septet/header"
	"septet/packet"
)

// maxRaws is how many raw sockets a host can have for one protocol.
const maxRaws = 256

// Raw is what a raw socket (SOCK_RAW) stands on: it hears every datagram of one
// protocol that is for this host and sends datagrams of its own making.
type Raw struct {
	layer    *Layer
	protocol header.Protocol
	receive  func(p *packet.Packet, d *Datagram)
	six      bool
	closed   bool
	failed   func(e *Error)

	TTL uint8 // of what is sent without a header; zero means DefaultTTL
	TOS uint8
}

// OpenRaw opens a raw socket of IPv4. receive is given, with the turn held, its own copy
// of every datagram of protocol proto that this host receives, whole and with
// the IP header; d is valid during the call only. The protocol's handler gets
// the datagram too. While a raw socket is open nobody is told that the protocol
// is unreachable. ENOBUFS if too many are open.
func (l *Layer) OpenRaw(proto header.Protocol, receive func(p *packet.Packet, d *Datagram)) (*Raw, error) {
	return l.openRaw(&Raw{layer: l, protocol: proto, receive: receive})
}

// OpenRaw6 is OpenRaw for IPv6: proto is the number behind the extension headers, and
// d.HeaderLen says where that header stands.
func (l *Layer) OpenRaw6(proto header.Protocol, receive func(p *packet.Packet, d *Datagram)) (*Raw, error) {
	if proto == header.ProtocolICMPv6 {
		l.needSix()
	}
	return l.openRaw(&Raw{layer: l, protocol: proto, receive: receive, six: true})
}

// OnError has f told of every ICMP error about a datagram of the protocol. e is valid
// during the call only.
func (r *Raw) OnError(f func(e *Error)) { r.failed = f }

// reportRaw tells raw sockets of an error.
func (p *protocol) reportRaw(e *Error) {
	if p == nil {
		return
	}
	raws := p.raws
	if e.From.Is6() {
		raws = p.raws6
	}
	for _, r := range raws {
		if r.failed != nil && !r.closed {
			r.failed(e)
		}
	}
}

func (l *Layer) openRaw(r *Raw) (*Raw, error) {
	open := r.siblings()
	if len(*open) >= maxRaws {
		return nil, syscall.ENOBUFS
	}
	// A new slice: a receive function may open or close while deliverRaw walks.
	*open = append(slices.Clone(*open), r)
	return r, nil
}

// siblings are the raw sockets of the same protocol and family.
func (r *Raw) siblings() *[]*Raw {
	pr := r.layer.protocol(r.protocol)
	if r.six {
		return &pr.raws6
	}
	return &pr.raws
}

// Close ends the raw socket. Nothing is received any more.
func (r *Raw) Close() {
	if r.closed {
		return
	}
	r.closed = true
	open := r.siblings()
	i := slices.Index(*open, r)
	*open = slices.Delete(slices.Clone(*open), i, i+1)
}

func (l *Layer) deliverRaw(p *packet.Packet, d *Datagram, raws []*Raw) {
	p.Own()
	for _, r := range raws {
		if r.closed {
			continue
		}
		copied := p.Clone()
		copied.Bytes() // nobody above will fill in the checksum
		r.receive(copied, d)
	}
}

// Send sends p, which it takes, to dst. Without headerIncluded p is the payload
// and gets an IP header; with it p starts with one, of which, as on Linux, the
// total length and the checksum are filled in, and the source and the
// identification if they are zero. Errors are those of Path and Output, EINVAL
// for a header that is none, EBADF after Close.
func (r *Raw) Send(p *packet.Packet, dst netip.Addr, headerIncluded bool) error {
	l := r.layer
	if r.closed {
		p.Release()
		return syscall.EBADF
	}
	path, err := l.Path(dst, netip.Addr{})
	if err != nil {
		l.drop(p, &l.stats.OutNoRoute)
		return err
	}
	if headerIncluded {
		return l.outputHeader(p, &path)
	}
	return l.Output(p, &path, &Send{Protocol: r.protocol, TTL: r.TTL, TOS: r.TOS})
}

// SendHeader is Send with headerIncluded along a path that is known. EBADF after Close.
func (r *Raw) SendHeader(p *packet.Packet, path *Path) error {
	if r.closed {
		p.Release()
		return syscall.EBADF
	}
	if r.six {
		return r.layer.outputHeader6(p, path)
	}
	return r.layer.outputHeader(p, path)
}

// outputHeader6 sends a packet that has its IPv6 header already, as it is (RFC 3542,
// section 3, leaves it to the host; so does Linux).
func (l *Layer) outputHeader6(p *packet.Packet, path *Path) error {
	switch n := p.Len(); {
	case n > path.MTU():
		l.drop(p, &l.stats.OutTooLong)
		return syscall.EMSGSIZE
	case n < header.IPv6Len:
		p.Release()
		return syscall.EINVAL
	}
	l.stats.Sent++
	l.transmitFrame(p, path)
	return nil
}

// outputHeader sends a packet that has its IP header already.
func (l *Layer) outputHeader(p *packet.Packet, path *Path) error {
	b := p.Bytes()
	if len(b) > min(path.MTU(), maxDatagram) {
		l.drop(p, &l.stats.OutTooLong)
		return syscall.EMSGSIZE
	}
	if len(b) < header.IPv4Len || path.dst.Is6() {
		p.Release()
		return syscall.EINVAL
	}
	n := int(b[0]&15) * 4
	if n < header.IPv4Len || n > len(b) {
		p.Release()
		return syscall.EINVAL
	}
	be.PutUint16(b[2:], uint16(len(b)))
	if be.Uint32(b[12:]) == 0 {
		src := path.src.As4()
		copy(b[12:], src[:])
	}
	if be.Uint16(b[4:]) == 0 {
		h := header.IPv4{
			DontFragment: b[6]&0x40 != 0, Protocol: header.Protocol(b[9]),
			Src: netip.AddrFrom4([4]byte(b[12:])), Dst: netip.AddrFrom4([4]byte(b[16:])),
		}
		be.PutUint16(b[4:], l.nextIDs(&h, 1))
	}
	b[10], b[11] = 0, 0
	be.PutUint16(b[10:], ^header.Checksum(b[:n], 0))
	l.stats.Sent++
	l.transmitFrame(p, path)
	return nil
}
