package file

import (
	"fmt"
	"net/netip"
)

// maxHops is how many routers a packet may pass: the TTL that hosts start with
// (RFC 1700 names 64).
const maxHops = 64

// checkReach follows packets from a host to a target, and the answers back, in each
// family that both speak. Addresses that no host has are left alone: to dial one may
// be the lesson.
func (r *reader) checkReach(at place, from *Host, t Target) {
	to := r.lab.Host(t.Name)
	if to == nil || to == from {
		return
	}
	for _, a := range t.Addrs {
		switch {
		case a.IsLoopback(), a.IsLinkLocalUnicast():
		case len(t.Addrs) > 1 && !from.speaks(a): // it takes the other
		default:
			r.checkWay(at, from, to, t, a)
		}
	}
}

// speaks reports whether a host has an address of a's family.
func (h *Host) speaks(a netip.Addr) bool {
	for _, i := range h.Interfaces {
		if i.sourceFor(a).IsValid() {
			return true
		}
	}
	return false
}

// checkWay follows packets to one address of the target, and back.
func (r *reader) checkWay(at place, from, to *Host, t Target, a netip.Addr) {
	pair := [2]string{from.Name, a.String()}
	if r.walked[pair] {
		return
	}
	r.walked[pair] = true
	source, problem := r.walk(from, a)
	if problem != "" {
		r.mistake(at, fmt.Sprintf("no route from %s to %s: %s", from.Name, t.Text, problem), "check gateway and routes")
		return
	}
	if _, problem := r.walk(to, source); problem != "" {
		r.mistake(at, fmt.Sprintf("no route back from %s to %s: %s", to.Name, from.Name, problem), "check gateway and routes")
	}
}

// walk follows a packet hop by hop. It returns the address the packet is sent
// from, or why it does not arrive.
func (r *reader) walk(from *Host, to netip.Addr) (source netip.Addr, problem string) {
	at := from
	for range maxHops {
		if at.owns(to) {
			return source, ""
		}
		if at != from && !at.Router {
			return source, fmt.Sprintf("%s, a host, does not forward; routers do", at.Name)
		}
		next, out, problem := r.hop(at, to)
		if problem != "" {
			return source, problem
		}
		if at == from {
			if source = out.sourceFor(to); !source.IsValid() {
				return source, fmt.Sprintf("%s of %s has no %s address", out.Name, at.Name, familyOf(to))
			}
		}
		at = next
	}
	return source, fmt.Sprintf("more than %d routers pass it on, it goes round in a circle", maxHops)
}

// sourceFor returns an address from which an interface sends to another, if possible
// one of the same network, the zero Addr if it has none of the family.
func (i *Interface) sourceFor(to netip.Addr) netip.Addr {
	var source netip.Addr
	for p := range i.all() {
		switch {
		case p.Contains(to):
			return p.Addr()
		case p.Addr().Is4() == to.Is4() && !source.IsValid():
			source = p.Addr()
		}
	}
	return source
}

// hop returns where a host sends a packet, and by which of its interfaces. Of
// the networks and routes that match, the longest prefix wins (RFC 1812,
// section 5.2.4.3).
func (r *reader) hop(at *Host, to netip.Addr) (next *Host, out *Interface, problem string) {
	best, via := -1, netip.Addr{}
	for _, i := range at.Interfaces {
		for p := range i.all() {
			if p.Contains(to) && p.Bits() > best {
				best, via = p.Bits(), to
			}
		}
	}
	for _, route := range at.Routes {
		if route.To.Contains(to) && route.To.Bits() > best {
			best, via = route.To.Bits(), route.Via
		}
	}
	if best < 0 {
		if router, i := r.advertiser(at); to.Is6() && router != nil {
			return router, i, ""
		}
		return nil, nil, fmt.Sprintf("%s has no route to %v", at.Name, r.networkOf(to))
	}
	for _, i := range at.Interfaces {
		if !i.reaches(via) {
			continue
		}
		for _, m := range r.wires.on(at, i) {
			if m.on.has(via) {
				return m.host, i, ""
			}
		}
	}
	if problem := r.separated(at, via); problem != "" {
		return nil, nil, problem
	}
	if via == to {
		return nil, nil, fmt.Sprintf("%s looks for %v on its own network, but it is not linked to that segment", at.Name, to)
	}
	return nil, nil, fmt.Sprintf("%s sends to the gateway %v, but no host beside it has that address", at.Name, via)
}

// reaches reports whether an address is on the network, or the link, of an interface.
func (i *Interface) reaches(a netip.Addr) bool {
	if a.Zone() != "" {
		return a.Zone() == i.Name
	}
	for p := range i.all() {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// advertiser returns the router that a host has learnt of, nil if there is none.
func (r *reader) advertiser(h *Host) (*Host, *Interface) {
	for _, i := range h.Interfaces {
		if router := r.advertisers[i]; router != nil {
			return router, i
		}
	}
	return nil, nil
}

// gateway is a neighbour that a route of a host names, and where it does.
type gateway struct {
	of   *Host
	addr netip.Addr
	at   place
}

// checkGateways looks for gateways that nobody is. One that is on another
// segment is for checkReach to find.
func (r *reader) checkGateways() {
	if !r.complete() {
		return // it may be the one that could not be read
	}
	for _, g := range r.gateways {
		_, found := r.onLink(g.of, g.addr)
		if r.addresses[g.addr] == nil && !found && !r.full() {
			r.mistake(g.at, fmt.Sprintf("no host has the address %v, so %s cannot send to it", g.addr, g.of.Name),
				"expected the address of a router beside it"+r.routersBeside(g.of, g.addr))
		}
	}
}

// complete reports whether every host and address could be read.
func (r *reader) complete() bool {
	for _, h := range r.lab.Hosts {
		if h.unread() {
			return false
		}
	}
	return !r.unnamed
}

// routersBeside lists the addresses of routers on the segments of a host, of the kind
// that a is.
func (r *reader) routersBeside(h *Host, a netip.Addr) string {
	list := ""
	for _, i := range h.Interfaces {
		for _, m := range r.wires.on(h, i) {
			if m.host == h || !m.host.Router || len(list) >= 80 {
				continue
			}
			if a.Zone() == i.Name && m.on.SpeaksIPv6() {
				list += fmt.Sprintf(", like %v of %s", m.on.LinkLocal().WithZone(i.Name), m.host.Name)
			}
			for _, p := range m.on.Addresses() {
				if a.Zone() == "" && p.Addr().Is4() == a.Is4() && i.reaches(p.Addr()) {
					list += fmt.Sprintf(", like %v of %s", p.Addr(), m.host.Name)
				}
			}
		}
	}
	return list
}

// networkOf returns the network that an address of the lab is on.
func (r *reader) networkOf(a netip.Addr) netip.Prefix {
	for _, h := range r.lab.Hosts {
		for _, i := range h.Interfaces {
			for p := range i.all() {
				if p.Addr() == a {
					return p.Masked()
				}
			}
		}
	}
	return netip.PrefixFrom(a, a.BitLen())
}
