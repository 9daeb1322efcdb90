package tcp

import "net/netip"

// maxPeers caps what the layer remembers about other hosts.
const maxPeers = 1024

// peers remembers something about other hosts. When it is full, the one that was
// added first gives way.
type peers[V any] struct {
	known map[netip.Addr]*V
	order []netip.Addr // in which they were added: a ring once it is full
	next  int          // of the ring
}

// find returns what is known about a, nil for nothing.
func (p *peers[V]) find(a netip.Addr) *V { return p.known[a] }

// add returns what is known about a, a zero value if that is nothing.
func (p *peers[V]) add(a netip.Addr) *V {
	if v := p.known[a]; v != nil {
		return v
	}
	if p.known == nil {
		p.known = make(map[netip.Addr]*V)
	}
	if len(p.order) < maxPeers {
		p.order = append(p.order, a)
	} else {
		delete(p.known, p.order[p.next])
		p.order[p.next] = a
		p.next = (p.next + 1) % maxPeers
	}
	v := new(V)
	p.known[a] = v
	return v
}
