package network

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/packet"
)

// GroupPath looks up the way to a group: by the interface via, or, if that is nil, by
// the one that the route shows. The source address is src, or that of the interface.
// Errors are those of Path, EINVAL if the address is no group.
func (l *Layer) GroupPath(group, src netip.Addr, via *Interface) (Path, error) {
	switch {
	case !group.IsMulticast():
		return Path{}, syscall.EINVAL
	case src.IsValid() && src.Is4() != group.Is4():
		return Path{}, syscall.EAFNOSUPPORT
	case src.IsUnspecified():
		src = netip.Addr{}
	case src.IsValid() && !l.IsLocal(src):
		return Path{}, syscall.EADDRNOTAVAIL
	}
	p := Path{src: src, dst: group, via: via, pinned: via != nil, generation: l.generation}
	var err error
	if group.Is6() {
		err = l.resolveGroup6(&p)
	} else {
		err = l.resolveGroup(&p)
	}
	return p, err
}

// resolveGroup finds the interface for an IPv4 group: the one that was asked for, that
// of the source address, or that of the route (RFC 1112, section 6.1).
func (l *Layer) resolveGroup(p *Path) error {
	p.kind = toGroup
	if p.via == nil && p.src.IsValid() {
		p.via = l.interfaceOf(p.src)
	}
	if r := l.route(p.dst); p.via == nil && r != nil {
		p.via = r.Interface
	}
	switch {
	case p.via == nil:
		return syscall.ENETUNREACH
	case !p.src.IsValid():
		p.src = p.via.addr
	}
	if !p.src.IsValid() {
		return syscall.EADDRNOTAVAIL
	}
	return nil
}

// multicast sends a packet to a group of the path's link, and a copy to this host if it
// listens there itself and the copy is wanted (RFC 1112, section 6.1).
func (l *Layer) multicast(p *packet.Packet, path *Path, typ header.EtherType) {
	i := path.via
	// What goes out by "lo" comes in there in any case, as on Linux.
	if (!path.noLoop || i.nic == nil) && i.hears(path.dst, path.src.WithZone("")) {
		looped := p.Clone()
		looped.In = uint16(i.index)
		l.loopback.push(looped)
	}
	if i.nic == nil || path.local {
		p.Release()
		return
	}
	i.nic.Multicast(p, path.dst, typ)
}

// looped reports whether p is a copy of what this host has sent to a group. It is taken
// as if it had come by the interface by which it went out.
func (l *Layer) looped(p *packet.Packet, d *Datagram) bool {
	if p.In == 0 || !d.Dst.IsMulticast() {
		return false
	}
	d.Interface, d.Broadcast = l.Interface(int(p.In)), true
	d.Src = d.Interface.Scoped(d.Src)
	return true
}

// classifyGroup takes a packet that came by wire to an IPv4 group.
func (l *Layer) classifyGroup(p *packet.Packet, d *Datagram) {
	in := d.Interface
	if !in.hears(d.Dst, d.Src) && !(d.Protocol == header.ProtocolIGMP && in.heedsMessages(d.Dst)) {
		l.drop(p, &l.stats.InMulticast)
		return
	}
	d.Broadcast = true
	l.deliver(p, d)
}
