package file

import (
	"fmt"
	"net/netip"
)

// maxHops is how many routers a packet may pass: the TTL that hosts start with
// (RFC 1700 names 64).
const maxHops = 64

// checkReach follows packets from a host to a target, and the answers back.
// Addresses that no host has are left alone: to dial one may be the lesson.
func (r *reader) checkReach(at place, from *Host, t Target) {
	to := r.lab.Host(t.Name)
	if to == nil || to == from || t.Addr.IsLoopback() {
		return
	}
	pair := [2]string{from.Name, t.Addr.String()}
	if r.walked[pair] {
		return
	}
	r.walked[pair] = true
	source, problem := r.walk(from, t.Addr)
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
			source = out.Address.Addr()
		}
		at = next
	}
	return source, fmt.Sprintf("more than %d routers pass it on, it goes round in a circle", maxHops)
}

// hop returns where a host sends a packet, and by which of its interfaces. Of
// the networks and routes that match, the longest prefix wins (RFC 1812,
// section 5.2.4.3).
func (r *reader) hop(at *Host, to netip.Addr) (next *Host, out *Interface, problem string) {
	best, via := -1, netip.Addr{}
	for _, i := range at.Interfaces {
		if i.Address.Contains(to) {
			best, via = i.Address.Bits(), to
		}
	}
	for _, route := range at.Routes {
		if route.To.Contains(to) && route.To.Bits() > best {
			best, via = route.To.Bits(), route.Via
		}
	}
	if best < 0 {
		return nil, nil, fmt.Sprintf("%s has no route to %v", at.Name, r.networkOf(to))
	}
	for _, i := range at.Interfaces {
		if !i.Address.Contains(via) {
			continue
		}
		for _, m := range r.wires.members[r.wires.root(End{Node: at.Name, Interface: i.Name}.String())] {
			if m.on.Address.Addr() == via {
				return m.host, i, ""
			}
		}
	}
	if via == to {
		return nil, nil, fmt.Sprintf("%s looks for %v on its own network, but it is not linked to that segment", at.Name, to)
	}
	return nil, nil, fmt.Sprintf("%s sends to the gateway %v, but no host beside it has that address", at.Name, via)
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
		if r.addresses[g.addr] == nil && !r.full() {
			r.mistake(g.at, fmt.Sprintf("no host has the address %v, so %s cannot send to it", g.addr, g.of.Name),
				"expected the address of a router beside it"+r.routersBeside(g.of))
		}
	}
}

// complete reports whether every host and address could be read.
func (r *reader) complete() bool {
	for _, h := range r.lab.Hosts {
		for _, i := range h.Interfaces {
			if !i.Address.IsValid() {
				return false
			}
		}
	}
	return !r.unnamed
}

// routersBeside lists the addresses of routers on the segments of a host.
func (r *reader) routersBeside(h *Host) string {
	list := ""
	for _, i := range h.Interfaces {
		for _, m := range r.wires.members[r.wires.root(End{Node: h.Name, Interface: i.Name}.String())] {
			if m.host != h && m.host.Router && i.Address.Contains(m.on.Address.Addr()) && len(list) < 80 {
				list += fmt.Sprintf(", like %v of %s", m.on.Address.Addr(), m.host.Name)
			}
		}
	}
	return list
}

// networkOf returns the network that an address of the lab is on.
func (r *reader) networkOf(a netip.Addr) netip.Prefix {
	if h := r.addresses[a]; h != nil {
		for _, i := range h.Interfaces {
			if i.Address.Addr() == a {
				return i.Address.Masked()
			}
		}
	}
	return netip.PrefixFrom(a, 32)
}
