package file

import (
	"fmt"
	"net/netip"
	"slices"
)

// autoBits is how many bits name a network in which hosts make their own addresses
// (RFC 4862, section 5.5.3 d: the other 64 are the interface's).
const autoBits = 64

// readAutomatic reads ipv6 and advertise. A router's addresses are given to it
// (RFC 4862, section 1), and only routers advertise (RFC 4861, section 6.2).
func (r *reader) readAutomatic(h *Host, i *Interface, o object) {
	if v, ok := o.get("ipv6"); ok {
		w, ok := r.text(v, "auto")
		switch {
		case !ok:
		case w.text != "auto":
			r.mistake(w.place, quote(w.text)+" is not a way to IPv6 addresses", "expected auto, or the addresses themselves under address")
		case h.Router:
			r.mistake(w.place, h.Name+" is a router, which does not configure itself", "expected its IPv6 address under address")
		default:
			i.Auto = true
			r.autos[i] = w.place
		}
		i.unread = i.unread || !i.Auto
	}
	v, ok := o.get("advertise")
	if !ok {
		return
	}
	w, ok := r.text(v, "true or false")
	switch {
	case !ok || w.text == "false":
	case w.text != "true":
		r.mistake(w.place, quote(w.text)+" does not say whether", "expected true or false")
	case !h.Router:
		r.mistake(w.place, h.Name+" is a host, which does not advertise", "routers do")
	case !i.unread && len(i.advertised()) == 0:
		r.mistake(w.place, i.Name+" has no network to advertise", fmt.Sprintf("expected an IPv6 address with a prefix of %d bits", autoBits))
	default:
		i.Advertise = true
	}
}

// advertised returns the networks in which a router's neighbours can make addresses.
func (i *Interface) advertised() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range i.IPv6 {
		if p.Bits() == autoBits {
			all = append(all, p.Masked())
		}
	}
	return all
}

// configure finds out what the interfaces of a segment that configure themselves
// will have.
func (r *reader) configure(members []member) {
	var routers []member
	for _, m := range members {
		if m.on.Advertise {
			routers = append(routers, m)
		}
	}
	for _, m := range members {
		switch {
		case !m.on.Auto:
		case len(routers) > 0:
			r.advertisers[m.on] = routers[0].host
			m.on.find(routers)
		case !r.wires.broken && r.complete():
			r.mistake(r.autos[m.on], fmt.Sprintf("no router beside %s advertises a network, so it finds no IPv6 address", m.host.Name),
				"expected advertise: true at a router's interface on its segment")
		}
	}
}

// find notes the addresses that an interface makes of its own MAC (RFC 4862, section
// 5.5.3 d) in the networks that routers advertise.
func (i *Interface) find(routers []member) {
	for _, m := range routers {
		for _, p := range m.on.advertised() {
			a := netip.PrefixFrom(interfaceAddress(p, i.MAC), autoBits)
			if !slices.Contains(i.Found, a) && len(i.IPv6)+len(i.Found) < maxAddresses {
				i.Found = append(i.Found, a)
			}
		}
	}
}

// has reports whether a is the interface's, on its link or everywhere.
func (i *Interface) has(a netip.Addr) bool {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return i.SpeaksIPv6() && i.LinkLocal().WithZone("") == a.WithZone("")
	}
	for p := range i.all() {
		if p.Addr() == a {
			return true
		}
	}
	return false
}

// onLink finds who has the address of the link a, whose zone is an interface of h.
func (r *reader) onLink(h *Host, a netip.Addr) (member, bool) {
	i := h.Interface(a.Zone())
	if i == nil {
		return member{}, false
	}
	for _, m := range r.wires.on(h, i) {
		if m.on.has(a) {
			return m, true
		}
	}
	return member{}, false
}
