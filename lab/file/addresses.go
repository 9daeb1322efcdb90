package file

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	prefixForm  = "an address with the length of its network's prefix, like 10.0.1.10/24 or 2001:db8:1::10/64"
	networkForm = "a network like 10.0.3.0/24 or 2001:db8:3::/64, or default"
	addressForm = "an address like 10.0.1.1 or 2001:db8:1::1"
)

// maxAddresses is how many IPv6 addresses an interface can be given: a host allows it
// 16, and one is that of the link.
const maxAddresses = 15

// hostAddress reads an address of an interface.
func (r *reader) hostAddress(h *Host, i *Interface, w word) bool {
	p, ok := r.prefix(w, prefixForm)
	if !ok || !r.usable(w.place, p.Addr(), p) || !r.free(h, i, w, p) {
		return false
	}
	r.addresses[p.Addr()] = h
	if p.Addr().Is4() {
		i.Address = p
	} else {
		i.IPv6 = append(i.IPv6, p)
	}
	return true
}

// free reports whether an interface can have one more address, p.
func (r *reader) free(h *Host, i *Interface, w word, p netip.Prefix) bool {
	owner, taken := r.addresses[p.Addr()]
	switch {
	case taken:
		r.mistake(w.place, fmt.Sprintf("the address %v is taken", p.Addr()), owner.Name+" has it; every interface needs its own")
		return false
	case p.Addr().Is4() && i.Address.IsValid():
		r.mistake(w.place, fmt.Sprintf("%s of %s has two IPv4 addresses", i.Name, h.Name), fmt.Sprintf("the first is %v; only of IPv6 there may be several", i.Address))
		return false
	case len(i.IPv6) >= maxAddresses:
		r.mistake(w.place, "too many addresses", fmt.Sprintf("the most is %d of IPv6", maxAddresses))
		return false
	}
	for _, other := range h.Interfaces {
		for _, q := range other.Addresses() {
			switch {
			case !q.Overlaps(p):
			case other != i:
				r.mistake(w.place, fmt.Sprintf("%s and %s of %s are on the same network, %v", other.Name, i.Name, h.Name, q.Masked()),
					"a host chooses the interface by the network; give each its own")
				return false
			case q.Bits() != p.Bits():
				r.mistake(w.place, fmt.Sprintf("the networks %v and %v of %s overlap", q.Masked(), p.Masked(), i.Name), "give both the same prefix length")
				return false
			}
		}
	}
	return true
}

func (r *reader) prefix(w word, form string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(w.text)
	if err == nil && !p.Addr().Is4In6() {
		return p, true
	}
	problem, expected := " is not an address with a prefix", "expected "+form
	if a, err := netip.ParseAddr(w.text); err == nil && a.Zone() == "" {
		problem = " lacks the length of its network's prefix"
	} else if p.IsValid() {
		problem, expected = " is an IPv4 address in the form of IPv6", mappedAdvice(p.Addr())
	}
	r.mistake(w.place, quote(w.text)+problem, expected)
	return netip.Prefix{}, false
}

// mappedAdvice says how to write an IPv4-mapped address: none is ever on a wire
// (RFC 4291, section 2.5.5.2).
func mappedAdvice(a netip.Addr) string { return fmt.Sprintf("write it as %v", a.Unmap()) }

// network reads the destination of a route to be reached by a gateway: that decides
// of which family the default is.
func (r *reader) network(w, via word) (netip.Prefix, bool) {
	if w.text == "default" {
		return defaultRoute(via), true
	}
	p, ok := r.prefix(w, networkForm)
	if ok && p != p.Masked() {
		r.mistake(w.place, fmt.Sprintf("%v is an address in a network", p), fmt.Sprintf("the network is %v; one address alone is %v/%d", p.Masked(), p.Addr(), p.Addr().BitLen()))
		return p, false
	}
	return p, ok
}

// address reads an address. Only one of the link can have a zone (RFC 4007, section
// 11): fe80::1%eth0.
func (r *reader) address(w word) (netip.Addr, bool) {
	a, err := netip.ParseAddr(w.text)
	switch {
	case err != nil:
		r.mistake(w.place, quote(w.text)+" is not an address", "expected "+addressForm)
	case a.Is4In6():
		r.mistake(w.place, quote(w.text)+" is an IPv4 address in the form of IPv6", mappedAdvice(a))
	case a.Zone() != "" && !a.IsLinkLocalUnicast():
		r.mistake(w.place, quote(w.text)+" names an interface, which only addresses of the link need", fmt.Sprintf("write it as %v", a.WithZone("")))
	default:
		return a, true
	}
	return a, false
}

// linkAddress reads an address of the link: h reaches it by the interface that its
// zone names, or by the only one it has. The address has the zone then.
func (r *reader) linkAddress(h *Host, at place, a netip.Addr) (netip.Addr, bool) {
	if a.Zone() == "" && len(h.Interfaces) == 1 {
		a = a.WithZone(h.Interfaces[0].Name)
	}
	i := h.Interface(a.Zone())
	switch {
	case len(h.Interfaces) == 0: // which was said
	case a.Zone() == "":
		r.mistake(at, fmt.Sprintf("%v does not say on which link of %s", a, h.Name), fmt.Sprintf("expected the interface behind it, like %v%%%s", a, h.Interfaces[0].Name))
	case i == nil:
		r.mistake(at, fmt.Sprintf("%s has no interface %q", h.Name, a.Zone()), oneOf("its interfaces", a.Zone(), h.interfaceNames()))
	case !i.SpeaksIPv6():
		r.mistake(at, fmt.Sprintf("%s of %s does not speak IPv6", i.Name, h.Name), "give it an IPv6 address, or ipv6: auto")
	default:
		return a, true
	}
	return a, false
}

// neighbour reads the address of a router to which h sends what is for a network: it
// must be on a network of h, for only there it can be reached directly.
func (r *reader) neighbour(h *Host, to netip.Prefix, w word) (netip.Addr, bool) {
	a, ok := r.address(w)
	switch {
	case !ok:
		return a, false
	case a.Is4() != to.Addr().Is4():
		r.mistake(w.place, fmt.Sprintf("%v is an address of %s, but %v is a network of %s", a, familyOf(a), to, familyOf(to.Addr())),
			"expected a router's address in the same family")
		return a, false
	case a.Is6() && a.IsLinkLocalUnicast():
		return r.linkAddress(h, w.place, a)
	}
	known := true
	for _, i := range h.Interfaces {
		known = known && !i.unread
		for _, p := range i.Addresses() {
			switch {
			case p.Addr() == a:
				r.mistake(w.place, fmt.Sprintf("%v is %s itself", a, h.Name), "expected the address of a router beside it")
				return a, false
			case p.Contains(a):
				return a, r.usable(w.place, a, p)
			}
		}
	}
	if known { // otherwise the interface's own mistake says it
		r.mistake(w.place, fmt.Sprintf("%v is not on a network of %s", a, h.Name), h.networks(a))
	}
	return a, false
}

// usable reports whether a can be the address of one host on the network of p.
func (r *reader) usable(at place, a netip.Addr, p netip.Prefix) bool {
	problem, expected := "", "expected the address of one host"+within(p)
	if a.Is4() {
		problem = unusable(a, p)
	} else {
		problem, expected = unusable6(a, p)
	}
	if problem == "" {
		return true
	}
	r.mistake(at, fmt.Sprintf("%v %s", a, problem), expected)
	return false
}

// unusable says why a host cannot have the IPv4 address a.
func unusable(a netip.Addr, p netip.Prefix) string {
	switch {
	case a.IsLoopback():
		return "is a loopback address, which every host has for itself" // RFC 1122, section 3.2.1.3 (g)
	case a.IsMulticast():
		return "is a multicast address, which stands for a group"
	case a.As4()[0] == 0:
		return "means this network, not a host" // RFC 1122, section 3.2.1.3 (a, b)
	case a.As4()[0] >= 240:
		return "is reserved" // RFC 1112, section 4: class E
	case p.Bits() == 0:
		return "has a prefix of length 0, which is every address there is"
	case p.Bits() <= 30 && a == p.Masked().Addr():
		return "is the address of the network itself" // a /31 has no such addresses (RFC 3021)
	case p.Bits() <= 30 && a == broadcast(p):
		return "is the broadcast address of its network"
	}
	return ""
}

// unusable6 says why a host cannot have the IPv6 address a, and what it can have.
func unusable6(a netip.Addr, p netip.Prefix) (problem, expected string) {
	expected = "expected the address of one host"
	switch {
	case a.IsLoopback():
		problem = "is the loopback address, which every host has for itself" // RFC 4291, section 2.5.3
	case a.IsUnspecified():
		problem = "means that there is no address" // RFC 4291, section 2.5.2
	case a.IsMulticast():
		problem = "is a multicast address, which stands for a group"
	case a.IsLinkLocalUnicast():
		problem = "is an address of the link, which every interface with IPv6 makes for itself" // RFC 4862, section 5.3
		expected += " in the whole lab, like 2001:db8:1::1/64"
	case p.Bits() == 0:
		problem = "has a prefix of length 0, which is every address there is"
	case p.Bits() <= 126 && a == p.Masked().Addr():
		problem = "is the address of any router of its network" // RFC 4291, section 2.6.1; not of a /127 (RFC 6164)
		expected += fmt.Sprintf(", like %v", a.Next())
	}
	return problem, expected
}

// within says which addresses of a network hosts can have.
func within(p netip.Prefix) string {
	if p.Addr().Is6() || p.Bits() < 8 || p.Bits() > 30 || p.Addr().IsLoopback() || p.Addr().As4()[0] == 0 || p.Addr().As4()[0] >= 224 {
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
