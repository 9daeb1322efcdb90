package network

import (
	"net/netip"

	"septet/link"
)

// forwards is what a router remembers of the ways that packets went, so that it need not
// look for them again: those to the last destinations, which help where flows are few, and
// the gateways, which help where packets go to ever new destinations. Each has its place,
// where a newer one simply replaces an older.
type forwards struct {
	paths    [1 << forwardBits]Path
	gateways [64]gateway
}

const forwardBits = 8

// gateway is a next hop of routes.
type gateway struct {
	via       *Interface
	addr      netip.Addr
	neighbour *link.Neighbour
}

// forwardSlot is the place of an address: its multiplicative hash.
func forwardSlot(dst netip.Addr) uint32 {
	_, hi, lo := routeKey(dst)
	return (uint32(hi>>32) ^ uint32(hi) ^ uint32(lo>>32) ^ uint32(lo)) * 2654435761 >> (32 - forwardBits)
}

// place returns where the way to a destination is, if it is there.
func (f *forwards) place(dst netip.Addr) *Path { return &f.paths[forwardSlot(dst)] }

// newForward notes the way along r for packets as d.
func (l *Layer) newForward(d *Datagram, r *Route) *Path {
	if l.forwards == nil {
		l.forwards = new(forwards)
	}
	path := l.forwards.place(d.Dst)
	*path = Path{dst: d.Dst, via: r.Interface, generation: l.generation}
	if r.Gateway.IsValid() {
		path.neighbour = l.forwards.gateway(r)
	} else {
		path.neighbour = r.Interface.nic.Neighbour(d.Dst)
	}
	return path
}

// gateway returns the neighbour to which packets go along r.
func (f *forwards) gateway(r *Route) *link.Neighbour {
	g := &f.gateways[forwardSlot(r.Gateway)%uint32(len(f.gateways))]
	if g.via != r.Interface || g.addr != r.Gateway || g.neighbour.Dead() {
		*g = gateway{r.Interface, r.Gateway, r.Interface.nic.Neighbour(r.Gateway.WithZone(""))}
	}
	return g.neighbour
}
