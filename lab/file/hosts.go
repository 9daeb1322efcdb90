package file

import (
	"fmt"
	"net/netip"
	"strings"

	"septet/header"
)

// readHosts reads the hosts, or the routers, which have the same keys.
func (r *reader) readHosts(o object, section string) {
	v, ok := o.get(section)
	if !ok {
		return
	}
	entries, ok := r.mapping(v, "names with their addresses, like pc1: {address: 10.0.1.10/24}")
	if !ok {
		return
	}
	for _, e := range entries {
		h := &Host{Position: e.key.Position, Name: e.key.text, Router: section == "routers"}
		if r.declare(e.key, node{host: h}) {
			r.lab.Hosts = append(r.lab.Hosts, h)
			r.readHost(h, e)
		} else {
			r.unnamed = true
		}
	}
}

func (r *reader) readHost(h *Host, e entry) {
	o, ok := r.object(e.value, hostKeys)
	if !ok {
		return
	}
	r.readInterfaces(h, o, e.key.place)
	r.readRoutes(h, o)
	r.readNameservers(h, o)
	r.readSearch(h, o)
	if v, ok := o.get("services"); ok {
		r.readServices(h, v)
	}
}

// readInterfaces reads either the one address of a host or its interfaces.
func (r *reader) readInterfaces(h *Host, o object, name place) {
	v, several := o.get("interfaces")
	if !several {
		i := &Interface{Position: h.Position, Name: "eth0", Card: "eth0"}
		if !addressed(o) {
			r.mistake(name, fmt.Sprintf("%s has no address", h.Name), "expected address: 10.0.1.10/24, or interfaces: with an address each")
			i.unread = true
		}
		h.Interfaces = []*Interface{i}
		r.readInterface(h, i, o)
		return
	}
	for _, key := range interfaceKeys.names {
		if _, ok := o.get(key); ok {
			r.mistake(o.key(key), fmt.Sprintf("%s has interfaces, so %s belongs to one of them", h.Name, key), "expected it under interfaces")
		}
	}
	entries, _ := r.mapping(v, "names with their addresses, like eth0: 10.0.1.1/24")
	for _, e := range entries {
		i, ok := r.interfaceName(e.key)
		if !ok {
			r.unnamed = true
			continue
		}
		if len(h.Interfaces) >= maxPerHost {
			r.mistake(e.key.place, "too many interfaces", fmt.Sprintf("the most is %d", maxPerHost))
			return
		}
		h.Interfaces = append(h.Interfaces, i)
		r.readInterfaceValue(h, i, e.value)
	}
	if len(h.Interfaces) == 0 && v.node != nil {
		r.mistake(name, h.Name+" has no interface", "expected at least one, like eth0: 10.0.1.1/24")
	}
}

// readInterfaceValue reads an interface in its short form, the address alone,
// or in its long form.
func (r *reader) readInterfaceValue(h *Host, i *Interface, v value) {
	switch kindOf(v.node) {
	case "a mapping":
		if o, ok := r.object(v, interfaceKeys); ok {
			if !addressed(o) {
				r.mistake(r.at(i.Position, i.Name), i.Name+" has no address", "expected "+prefixForm)
				i.unread = true
			}
			r.readInterface(h, i, o)
		} else {
			i.unread = true
		}
	default:
		r.readInterface(h, i, object{at: v.at, entries: []entry{{key: word{text: "address"}, value: v}}})
	}
}

// addressed reports whether something says which address an interface has.
func addressed(o object) bool {
	_, given := o.get("address")
	_, auto := o.get("ipv6")
	return given || auto
}

// readInterface reads the addresses, MAC and MTU.
func (r *reader) readInterface(h *Host, i *Interface, o object) {
	if v, ok := o.get("address"); ok {
		values := r.oneOrMore(v, prefixForm)
		i.unread = i.unread || len(values) == 0
		for _, v := range values {
			if w, ok := r.text(v, prefixForm); !ok || !r.hostAddress(h, i, w) {
				i.unread = true
			}
		}
	}
	r.readAutomatic(h, i, o)
	r.readMTU(i, o)
	r.readMAC(h, i, o)
}

// oneOrMore returns a value, or the elements of the list that it is.
func (r *reader) oneOrMore(v value, form string) []value {
	if kindOf(v.node) != "a list" {
		return []value{v}
	}
	values, _ := r.list(v, form)
	if len(values) == 0 {
		r.mistake(v.at, "this list is empty", "expected "+form)
	}
	return values
}

// minMTU6 is what every link must carry whole (RFC 8200, section 5).
const minMTU6 = 1280

func (r *reader) readMTU(i *Interface, o object) {
	i.MTU = defaultMTU
	v, ok := o.get("mtu")
	if !ok {
		return
	}
	// RFC 791, section 3.2: 68 octets must pass every network whole.
	n, ok := r.number(v, 68, 65535)
	switch {
	case !ok:
		return
	case n < minMTU6 && i.SpeaksIPv6():
		r.mistake(v.at, fmt.Sprintf("%d is too little for IPv6", n), fmt.Sprintf("expected %d at least", minMTU6))
		return
	}
	i.MTU = n
}

const macForm = "an Ethernet address like 02:00:00:00:00:01"

// readMAC reads the MAC or makes one, locally administered, of the IPv4 address or of
// the names. The interfaces of one card have that of the first.
func (r *reader) readMAC(h *Host, i *Interface, o object) {
	at := r.at(i.Position, i.Name)
	first := h.On(i.Card)[0]
	if first != i {
		i.MAC = first.MAC
	} else if i.Address.IsValid() {
		a := i.Address.Addr().As4()
		i.MAC = header.MAC{0x02, 0x00, a[0], a[1], a[2], a[3]}
	} else if !i.unread {
		i.MAC = header.LocalMAC(h.Name, i.Name)
	}
	if v, ok := o.get("mac"); ok {
		if first != i {
			r.mistake(o.key("mac"), fmt.Sprintf("%s and %s of %s have one card, so one Ethernet address", first.Name, i.Name, h.Name), "expected mac at the first of them alone")
			return
		}
		w, ok := r.text(v, macForm)
		if !ok {
			return
		}
		mac, err := header.ParseMAC(w.text)
		switch {
		case err != nil:
			r.mistake(w.place, quote(w.text)+" is not a MAC address", "expected "+macForm)
			return
		case mac.IsGroup() || mac == header.MAC{}:
			r.mistake(w.place, mac.String()+" is not the address of one station", "expected an even first byte, like 02:00:00:00:00:01")
			return
		}
		i.MAC, at = mac, w.place
	}
	if i.MAC == (header.MAC{}) || first != i {
		return
	}
	if owner, taken := r.macs[i.MAC]; taken {
		r.mistake(at, fmt.Sprintf("the MAC address %v is taken", i.MAC), owner+" has it; every interface needs its own")
		return
	}
	r.macs[i.MAC] = h.Name + ":" + i.Name
}

const routeForm = "a route like 10.0.3.0/24 via 10.0.2.2 or 2001:db8:3::/64 via 2001:db8:2::2"

// readRoutes reads the routes and the gateways, which are routes too.
func (r *reader) readRoutes(h *Host, o object) {
	if v, ok := o.get("gateway"); ok {
		values := r.oneOrMore(v, addressForm)
		for _, v := range values {
			at := o.key("gateway")
			if len(values) > 1 {
				at = v.at
			}
			if w, ok := r.text(v, addressForm); ok {
				r.readRoute(h, at, defaultRoute(w), w)
			}
		}
	}
	v, ok := o.get("routes")
	if !ok {
		return
	}
	values, _ := r.list(v, "a list of routes, like 10.0.3.0/24 via 10.0.2.2")
	for _, v := range values {
		w, ok := r.text(v, routeForm)
		if !ok {
			continue
		}
		to, via, ok := w.cut(" via ")
		if !ok {
			r.mistake(w.place, quote(w.text)+" is not a route", "expected "+routeForm)
			continue
		}
		if network, ok := r.network(to.trim(), via.trim()); ok {
			r.readRoute(h, to.trim().place, network, via.trim())
		}
	}
}

// The destinations of default routes.
var (
	everything  = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	everything6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

// defaultRoute returns the default destination of the family of the gateway via.
func defaultRoute(via word) netip.Prefix {
	if strings.Contains(via.text, ":") {
		return everything6
	}
	return everything
}

func (r *reader) readRoute(h *Host, at place, to netip.Prefix, via word) {
	for _, route := range h.Routes {
		switch {
		case route.To != to:
		case to.Bits() == 0:
			r.mistake(at, fmt.Sprintf("%s has two default gateways of %s", h.Name, familyOf(to.Addr())), fmt.Sprintf("the first, %v, is on line %d", route.Via, route.Line))
			return
		default:
			r.mistake(at, fmt.Sprintf("%s has two routes to %v", h.Name, to), fmt.Sprintf("the first is on line %d", route.Line))
			return
		}
	}
	if len(h.Routes) >= maxPerHost {
		r.mistake(at, "too many routes", fmt.Sprintf("the most is %d", maxPerHost))
		return
	}
	if a, ok := r.neighbour(h, to, via); ok {
		h.Routes = append(h.Routes, Route{Position: at.Position, To: to, Via: a})
		r.gateways = append(r.gateways, gateway{h, a, via.place})
	}
}

// readSwitches reads the list of names of switches.
func (r *reader) readSwitches(o object) {
	v, ok := o.get("switches")
	if !ok {
		return
	}
	values, _ := r.list(v, "a list of names, like [s1, s2]")
	for _, v := range values {
		w, ok := r.text(v, "the name of a switch")
		if !ok {
			continue
		}
		b := &Switch{Position: w.Position, Name: w.text}
		if r.declare(w, node{bridge: b}) {
			r.lab.Switches = append(r.lab.Switches, b)
		}
	}
}

// at is the place of text that stands at p.
func (r *reader) at(p Position, text string) place {
	return place{p, len([]rune(text))}
}

// networks lists the networks of a's family to which a host is attached, for messages.
func (h *Host) networks(a netip.Addr) string {
	var list []string
	for _, i := range h.Interfaces {
		for _, p := range i.Addresses() {
			if p.Addr().Is4() == a.Is4() {
				list = append(list, p.Masked().String())
			}
		}
	}
	if len(list) == 0 {
		return fmt.Sprintf("it has no %s address", familyOf(a))
	}
	return "expected an address in " + strings.Join(list, " or ")
}
