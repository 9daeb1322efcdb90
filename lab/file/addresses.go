package file

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	prefixForm  = "an address with the length of its network's prefix, like 10.0.1.10/24"
	networkForm = "a network like 10.0.3.0/24, or default"
	addressForm = "an IPv4 address like 10.0.1.1"
)

// hostAddress reads the address of an interface.
func (r *reader) hostAddress(h *Host, i *Interface, w word) netip.Prefix {
	p, ok := r.prefix(w, prefixForm)
	if !ok || !r.usable(w.place, p.Addr(), p) {
		return netip.Prefix{}
	}
	if owner, taken := r.addresses[p.Addr()]; taken {
		r.mistake(w.place, fmt.Sprintf("the address %v is taken", p.Addr()), owner.Name+" has it; every interface needs its own")
		return netip.Prefix{}
	}
	for _, other := range h.Interfaces {
		if other != i && other.Address.IsValid() && other.Address.Overlaps(p) {
			r.mistake(w.place, fmt.Sprintf("%s and %s of %s are on the same network, %v", other.Name, i.Name, h.Name, other.Address.Masked()),
				"a host chooses the interface by the network; give each its own")
			return netip.Prefix{}
		}
	}
	r.addresses[p.Addr()] = h
	return p
}

func (r *reader) prefix(w word, form string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(w.text)
	if err == nil && p.Addr().Is4() {
		return p, true
	}
	problem := " is not an address with a prefix"
	if a, err := netip.ParseAddr(w.text); err == nil && a.Is4() {
		problem = " lacks the length of its network's prefix"
	} else if err == nil || p.IsValid() {
		problem = " is not IPv4, the only version a lab speaks so far"
	}
	r.mistake(w.place, quote(w.text)+problem, "expected "+form)
	return netip.Prefix{}, false
}

// network reads the destination of a route.
func (r *reader) network(w word) (netip.Prefix, bool) {
	if w.text == "default" {
		return defaultRoute, true
	}
	p, ok := r.prefix(w, networkForm)
	if ok && p != p.Masked() {
		r.mistake(w.place, fmt.Sprintf("%v is an address in a network", p), fmt.Sprintf("the network is %v; one address alone is %v/32", p.Masked(), p.Addr()))
		return p, false
	}
	return p, ok
}

func (r *reader) address(w word) (netip.Addr, bool) {
	a, err := netip.ParseAddr(w.text)
	if err != nil || !a.Is4() {
		r.mistake(w.place, quote(w.text)+" is not an IPv4 address", "expected "+addressForm)
		return a, false
	}
	return a, true
}

// neighbour reads the address of a router that h sends to: it must be on a
// network of h, for only there it can be reached directly.
func (r *reader) neighbour(h *Host, w word) (netip.Addr, bool) {
	a, ok := r.address(w)
	if !ok {
		return a, false
	}
	known := true
	for _, i := range h.Interfaces {
		switch {
		case !i.Address.IsValid():
			known = false
		case i.Address.Addr() == a:
			r.mistake(w.place, fmt.Sprintf("%v is %s itself", a, h.Name), "expected the address of a router beside it")
			return a, false
		case i.Address.Contains(a):
			return a, r.usable(w.place, a, i.Address)
		}
	}
	if known { // otherwise the interface's own mistake says it
		r.mistake(w.place, fmt.Sprintf("%v is not on a network of %s", a, h.Name), "expected an address in "+h.networks())
	}
	return a, false
}

// usable reports whether a can be the address of one host on the network of p.
func (r *reader) usable(at place, a netip.Addr, p netip.Prefix) bool {
	problem := ""
	switch {
	case a.IsLoopback():
		problem = "is a loopback address, which every host has for itself" // RFC 1122, section 3.2.1.3 (g)
	case a.IsMulticast():
		problem = "is a multicast address, which stands for a group"
	case a.As4()[0] == 0:
		problem = "means this network, not a host" // RFC 1122, section 3.2.1.3 (a, b)
	case a.As4()[0] >= 240:
		problem = "is reserved" // RFC 1112, section 4: class E
	case p.Bits() == 0:
		problem = "has a prefix of length 0, which is every address there is"
	case p.Bits() <= 30 && a == p.Masked().Addr():
		problem = "is the address of the network itself" // a /31 has no such addresses (RFC 3021)
	case p.Bits() <= 30 && a == broadcast(p):
		problem = "is the broadcast address of its network"
	default:
		return true
	}
	r.mistake(at, fmt.Sprintf("%v %s", a, problem), "expected the address of one host"+within(p))
	return false
}

// within says which addresses of a network hosts can have.
func within(p netip.Prefix) string {
	if p.Bits() < 8 || p.Bits() > 30 || p.Addr().IsLoopback() || p.Addr().As4()[0] == 0 || p.Addr().As4()[0] >= 224 {
		return ""
	}
	return fmt.Sprintf(", from %v to %v", p.Masked().Addr().Next(), broadcast(p).Prev())
}

// broadcast is the last address of a network: all bits of the host part set.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])|uint32(uint64(1)<<(32-p.Bits())-1))
	return netip.AddrFrom4(a)
}
