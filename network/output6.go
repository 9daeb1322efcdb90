package network

import (
	"syscall"

	"septet/header"
	"septet/packet"
)

// maxPayload6 is the longest payload of an IPv6 packet: its length has 16 bits.
const maxPayload6 = 65535

// output6 is Output for IPv6.
func (l *Layer) output6(p *packet.Packet, path *Path, o *Send) error {
	length := p.FrameLen()
	mtu := path.via.mtu6()
	if len(l.mtus) > 0 && !o.DontFragment && o.Discover < DiscoverProbe && path.kind != toGroup {
		mtu = l.pathMTU(path.dst, mtu)
	}
	if o.MTU > 0 {
		mtu = min(mtu, o.MTU)
	}
	dontFragment := o.DontFragment || o.Discover >= DiscoverDo && o.Discover != DiscoverOmit
	fits := header.IPv6Len+length <= mtu
	if length > maxPayload6 || (!fits && dontFragment) {
		l.drop(p, &l.stats.OutTooLong)
		return syscall.EMSGSIZE
	}
	hops := o.TTL
	if hops == 0 {
		hops = path.hopLimit()
	}
	header.PutIPv6((*[header.IPv6Len]byte)(p.Push(header.IPv6Len)),
		o.TOS, o.FlowLabel, length, o.Protocol, hops, path.src, path.dst)
	p.MarkIP()
	l.stats.Sent += uint64(p.Frames())
	switch {
	case fits && path.neighbour != nil:
		path.via.nic.Output(p, path.neighbour, header.EtherTypeIPv6)
		return nil
	case fits:
		l.transmitFrame(p, path)
		return nil
	}
	pieces := l.fragment6(p, mtu)
	for piece := pieces.Pop(); piece != nil; piece = pieces.Pop() {
		l.transmitFrame(piece, path)
	}
	return nil
}

// hopLimit is that of packets that ask for no other: what the routers of the link
// recommend (RFC 4861, section 6.3.4), and for a group one (RFC 3493, section 5.2).
func (p *Path) hopLimit() uint8 {
	switch six := p.via.six; {
	case p.kind == toGroup:
		return 1
	case six != nil && six.hopLimit > 0:
		return six.hopLimit
	}
	return DefaultTTL
}

// fragment6 cuts a packet that starts at its IPv6 header, and has no extension headers,
// into fragments of at most mtu bytes (RFC 8200, section 4.5). It takes p.
func (l *Layer) fragment6(p *packet.Packet, mtu int) packet.Queue {
	var pieces packet.Queue
	h, payload, err := header.ParseIPv6(p.Bytes())
	room := (mtu - header.IPv6Len - header.IPv6FragmentLen) &^ 7
	if err != nil || room < 8 {
		l.drop(p, &l.stats.OutTooLong)
		return pieces
	}
	f := header.IPv6Fragment{NextHeader: h.NextHeader, ID: l.loop.Rand().Uint32()}
	h.NextHeader = header.ProtocolIPv6Fragment
	for f.Offset = 0; f.Offset < len(payload); f.Offset += room {
		n := min(room, len(payload)-f.Offset)
		f.More = f.Offset+n < len(payload)
		h.PayloadLength = header.IPv6FragmentLen + n
		piece := l.pool.Get(header.IPv6Len + h.PayloadLength)
		h.Put(piece.Extend(header.IPv6Len))
		f.Put(piece.Extend(header.IPv6FragmentLen))
		piece.Append(payload[f.Offset : f.Offset+n])
		pieces.Push(piece)
		l.stats.FragmentsCreated++
	}
	l.stats.Fragmented++
	p.Release()
	return pieces
}
