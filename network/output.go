package network

import (
	"syscall"

	"septet/header"
	"septet/packet"
)

// maxDatagram is the longest IP datagram: the total length has 16 bits.
const maxDatagram = 65535

// Send says how a datagram is to be sent.
type Send struct {
	Protocol header.Protocol
	TTL      uint8 // if zero DefaultTTL, to a group 1; IPv6's hop limit
	TOS      uint8 // IPv6's traffic class
	// FlowLabel tells the flows between two hosts apart, IPv6 only (RFC 6437).
	FlowLabel uint32
	// DontFragment forbids every router, and this host, to cut the datagram. IPv6's
	// routers never do.
	DontFragment bool
	// Discover, if it is not DiscoverNot, decides about cutting instead of DontFragment,
	// by what is known of the path.
	Discover Discovery
	// MTU, if it is not zero, is how long a packet of IPv6 may be at most (IPV6_MTU).
	MTU int
	// SourceRoute is the way that the path was looked up for (PathVia).
	SourceRoute *SourceRoute
	// Options are others of IPv4, whole words; with the route at most 40 bytes.
	Options []byte
}

// Output sends p, which starts at the transport header, along path, and takes p
// in any case. A datagram longer than the path's MTU is sent in fragments, or
// refused with EMSGSIZE if it must not be cut or is longer than an IP datagram
// can be. If the host's routes have changed, path is looked up again, with the
// errors of Path. No error does not mean that anything arrives.
func (l *Layer) Output(p *packet.Packet, path *Path, o *Send) error {
	if !l.Fresh(path) {
		if err := l.refresh(path, o.SourceRoute); err != nil {
			l.drop(p, &l.stats.OutNoRoute)
			return err
		}
	}
	if path.dst.Is6() {
		return l.output6(p, path, o)
	}
	total := header.IPv4Len + o.SourceRoute.Len() + len(o.Options) + p.FrameLen()
	mtu, dontFragment := path.via.MTU(), o.DontFragment
	if o.Discover != DiscoverNot {
		var err error
		if mtu, dontFragment, err = l.discover(path, o, total, mtu); err != nil {
			l.drop(p, &l.stats.OutTooLong)
			return err
		}
	}
	fits := total <= mtu
	if total > maxDatagram || (!fits && dontFragment) {
		l.drop(p, &l.stats.OutTooLong)
		return syscall.EMSGSIZE
	}
	ttl := o.TTL
	if ttl == 0 {
		ttl = path.ttl()
	}
	h := header.IPv4{
		TOS: o.TOS, TotalLength: total, DontFragment: dontFragment,
		TTL: ttl, Protocol: o.Protocol, Src: path.src, Dst: path.dst, Options: o.Options,
	}
	h.ID = l.nextIDs(&h, p.Frames())
	if o.SourceRoute.Len() > 0 {
		h.Options, h.Dst = append(o.SourceRoute.options(path.dst), o.Options...), o.SourceRoute.Hops[0]
	}
	h.Put(p.Push(h.Len()))
	p.MarkIP()
	l.stats.Sent += uint64(p.Frames())
	if fits && path.neighbour != nil {
		path.via.nic.Output(p, path.neighbour, header.EtherTypeIPv4)
		return nil
	}
	l.transmit(p, path, fits, mtu)
	return nil
}

// ttl is that of datagrams that ask for no other: for a group one, so that they stay
// on the link (RFC 1112, section 6.1).
func (p *Path) ttl() uint8 {
	if p.kind == toGroup {
		return 1
	}
	return DefaultTTL
}

// transmit puts a datagram with its IP header on the way, whole or in fragments of at
// most mtu bytes.
func (l *Layer) transmit(p *packet.Packet, path *Path, fits bool, mtu int) {
	if fits {
		l.transmitFrame(p, path)
		return
	}
	pieces := l.fragment(p, mtu)
	for piece := pieces.Pop(); piece != nil; piece = pieces.Pop() {
		l.transmitFrame(piece, path)
	}
}

func (l *Layer) transmitFrame(p *packet.Packet, path *Path) {
	typ := header.EtherTypeIPv4
	if path.dst.Is6() {
		typ = header.EtherTypeIPv6
	}
	switch {
	case path.neighbour != nil:
		path.via.nic.Output(p, path.neighbour, typ)
	case path.kind == toBroadcast && path.via.nic != nil:
		// What is sent to every host of the network is sent to this one too,
		// as on Linux; an Ethernet card does not hear itself.
		copied := p.Clone()
		copied.In = uint16(path.via.index)
		l.loopback.push(copied)
		path.via.nic.Broadcast(p, typ)
	case path.kind == toGroup:
		l.multicast(p, path, typ)
	case path.kind == toNobody:
		l.drop(p, &l.stats.OutNoRoute)
	default:
		l.loopback.push(p)
	}
}

// loopback is the queue behind "lo". What is sent there is received later in
// the same turn, so a layer is never entered while it is at work.
type loopback struct {
	layer  *Layer
	queue  packet.Queue
	posted bool
}

func (q *loopback) push(p *packet.Packet) {
	if q.layer.sniffer != nil && q.passes(p) {
		if p.Frames() > 1 {
			p.Break(q.push)
			return
		}
		q.show(p, true)
	}
	q.queue.Push(p)
	if !q.posted {
		q.posted = true
		q.layer.loop.Post(q)
	}
}

// Run receives what was queued when it was posted; answers to that wait for
// their own turn, behind whatever else was posted meanwhile.
func (q *loopback) Run() {
	q.posted = false
	lo := q.layer.lo()
	for range q.queue.Len() {
		p := q.queue.Pop()
		if q.layer.sniffer != nil && q.passes(p) {
			q.show(p, false)
		}
		if p.Head()[0]>>4 == 6 {
			q.layer.input6(p, lo, false)
			continue
		}
		q.layer.input(p, lo, false)
	}
}
