package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"septet/link"
)

// AddressText lists the interfaces and their addresses, as "ip address" does.
func (l *Layer) AddressText() string {
	var b strings.Builder
	for _, i := range l.interfaces {
		if i.Loopback() {
			fmt.Fprintf(&b, "%d: lo: mtu %d\n    link/loopback\n    inet %v scope host\n    inet6 ::1/128 scope host\n", i.index, i.MTU(), i.prefix)
			continue
		}
		fmt.Fprintf(&b, "%d: %s: mtu %d\n    link/ether %v\n", i.index, i.name, i.MTU(), i.nic.MAC())
		if i.addr.IsValid() {
			fmt.Fprintf(&b, "    inet %v%s scope %s\n", i.prefix, i.broadcastText(), scopeText(i.addr))
		}
		addresses := i.Addresses()
		slices.SortStableFunc(addresses, func(a, b Address) int { // as Linux lists them: the widest scope first
			return cmp.Compare(scopeOf(b.Addr), scopeOf(a.Addr))
		})
		for _, a := range addresses {
			fmt.Fprintf(&b, "    inet6 %v/%d scope %s%s\n", a.Addr.WithZone(""), a.Bits, scopeText(a.Addr), a.flags())
		}
	}
	return b.String()
}

// flags are the words of "ip address" for what is special about an address.
func (a *Address) flags() string {
	text := ""
	switch a.Origin {
	case Autoconfigured:
		text += " dynamic"
	case Temporary:
		text += " temporary dynamic"
	}
	switch a.State {
	case Tentative:
		text += " tentative"
	case Duplicated:
		text += " dadfailed"
	case Deprecated:
		text += " deprecated"
	}
	return text
}

func (i *Interface) broadcastText() string {
	if !i.Broadcast().IsValid() {
		return ""
	}
	return fmt.Sprintf(" brd %v", i.Broadcast())
}

// scopeText says how far an address of a card is known. Linux counts those of private
// networks as global.
func scopeText(a netip.Addr) string {
	switch {
	case a.IsLinkLocalUnicast():
		return "link"
	case a.Is6() && scopeOf(a) == scopeSite:
		return "site"
	}
	return "global"
}

// RouteText lists the routes, as "ip route" and "ip -6 route" do: IPv4 first, the
// default routes before the others.
func (l *Layer) RouteText() string {
	routes := l.Routes()
	slices.SortStableFunc(routes, func(a, b Route) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	var b strings.Builder
	for _, r := range routes {
		b.WriteString(r.text() + "\n")
	}
	return b.String()
}

// text is the route in the words of "ip route".
func (r *Route) text() string {
	text := r.Prefix.String()
	switch {
	case r.Prefix.Bits() == 0:
		text = "default"
	case r.Prefix.IsSingleIP():
		text = r.Prefix.Addr().String()
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.WithZone("").String()
	}
	text += " dev " + r.Interface.name
	if !r.Gateway.IsValid() {
		if r.Prefix.Addr().Is4() {
			text += " scope link"
		}
		if src := r.Interface.sourceFor(r.Prefix.Addr()); src.IsValid() {
			text += " src " + src.WithZone("").String()
		}
	}
	if r.Metric != 0 {
		text += fmt.Sprintf(" metric %d", r.Metric)
	}
	if !r.Interface.up() {
		text += " linkdown" // it is not used
	}
	return text
}

// NeighbourText lists the neighbours that the cards know of, as "ip neighbour" does,
// with the states of RFC 4861, section 7.3.2.
func (l *Layer) NeighbourText() string {
	var b strings.Builder
	for _, i := range l.interfaces[1:] {
		for _, n := range i.nic.Neighbours() {
			b.WriteString(n.Addr.String() + " dev " + i.name)
			if n.State != link.Incomplete && n.State != link.Failed && n.State != link.None {
				b.WriteString(" lladdr " + n.MAC.String())
			}
			b.WriteString(" " + strings.ToUpper(n.State.String()) + "\n")
		}
	}
	return b.String()
}
