package file

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// spot is where frames with a tag, zero for none, can be: at a card, given as
// "r1:eth0", at a switch that passes tags on as they are; or, at one that heeds them,
// in a VLAN.
type spot struct {
	at  string
	tag uint16
}

// spot returns where frames with a tag are that cross a link, at one of its ends. There
// is none if a switch drops them.
func (r *reader) spot(l *Link, e End, tag uint16) (s spot, ok bool) {
	if b := r.nodes[e.Node].bridge; b != nil && b.VLANs {
		tag = l.VLANs.of(tag)
		return spot{e.Node, tag}, tag != 0
	}
	return spot{e.String(), tag}, true
}

// divide finds out which VLANs of which switches, and which interfaces, are one segment.
func (r *reader) divide() {
	r.wires.segments = make(sets[spot])
	tags := slices.Sorted(maps.Keys(r.vlans))
	for _, l := range r.lab.Links {
		a, b := l.Ends[0], l.Ends[1]
		for _, e := range l.Ends {
			s := r.nodes[e.Node].bridge
			if s != nil && s.VLANs && l.VLANs.Untagged == 0 && l.VLANs.Tagged == nil {
				l.VLANs.Untagged = defaultVLAN
			}
		}
		for _, tag := range append([]uint16{0, defaultVLAN}, tags...) {
			from, okFrom := r.spot(l, a, tag)
			to, okTo := r.spot(l, b, tag)
			if okFrom && okTo {
				r.wires.segments.join(from, to)
			}
		}
	}
}

// switchPort returns the link of an interface, if it ends at a switch that heeds VLANs.
func (r *reader) switchPort(h *Host, i *Interface) (*Link, *Switch) {
	end := cardName(h, i)
	l := r.wires.used[end].link
	if l == nil {
		return nil, nil
	}
	far := l.Ends[0]
	if far.String() == end {
		far = l.Ends[1]
	}
	s := r.nodes[far.Node].bridge
	if s == nil || !s.VLANs {
		return nil, nil
	}
	return l, s
}

// checkTag holds an interface against the port of a switch to which it is linked: what
// the one sends the other must take.
func (r *reader) checkTag(h *Host, i *Interface) {
	l, s := r.switchPort(h, i)
	if l == nil || l.VLANs.of(i.VLAN) != 0 || i.unread || r.wires.broken {
		return
	}
	problem, expected := "", ""
	switch v := l.VLANs; {
	case i.VLAN == 0:
		problem = fmt.Sprintf("%s of %s sends frames without a tag, for which the trunk %s has no VLAN", i.Name, h.Name, l.Name)
		expected = "expected native: 1 there, or vlan in place of trunk"
	case v.Tagged == nil:
		problem = fmt.Sprintf("%s of %s sends frames with tags, but its port of %s is an access port, of VLAN %d alone", i.Name, h.Name, s.Name, v.Untagged)
		expected = fmt.Sprintf("expected trunk: %s at the link %s", h.tags(i.Card, nil), l.Name)
	case v.Untagged == i.VLAN:
		problem = fmt.Sprintf("VLAN %d is the native one of the trunk %s, so its frames have no tag", i.VLAN, l.Name)
		expected = fmt.Sprintf("expected %s in place of %s", i.Card, i.Name)
	default:
		problem = fmt.Sprintf("the trunk %s does not carry VLAN %d", l.Name, i.VLAN)
		expected = "expected trunk: " + h.tags(i.Card, v.Tagged)
	}
	r.mistake(r.unlinked(h, i), problem, expected)
}

// tags lists the VLANs of a host's interfaces on a card, and those of more, as a trunk
// has them.
func (h *Host) tags(card string, more []uint16) string {
	list := slices.Clone(more)
	for _, i := range h.On(card) {
		if i.VLAN != 0 {
			list = append(list, i.VLAN)
		}
	}
	slices.Sort(list)
	return strings.ReplaceAll(fmt.Sprint(slices.Compact(list)), " ", ", ")
}

// vlanOf returns the VLAN in which an interface is, zero if its switch heeds none.
func (r *reader) vlanOf(h *Host, i *Interface) uint16 {
	l, _ := r.switchPort(h, i)
	if l == nil {
		return 0
	}
	return l.VLANs.of(i.VLAN)
}

// separated says which VLANs keep a host from an address of a network of its own.
func (r *reader) separated(h *Host, from netip.Addr) string {
	owner := r.addresses[from]
	if owner == nil {
		return ""
	}
	for _, i := range h.Interfaces {
		for _, j := range owner.Interfaces {
			mine, other := r.vlanOf(h, i), r.vlanOf(owner, j)
			switch {
			case !i.reaches(from) || !j.has(from) || mine == 0 || other == 0:
			case mine != other:
				return fmt.Sprintf("%s looks for %v on its own network, but is in VLAN %d and %s in VLAN %d; only a router joins VLANs", h.Name, from, mine, owner.Name, other)
			case r.wires.cables.root(cardName(h, i)) == r.wires.cables.root(cardName(owner, j)):
				return fmt.Sprintf("%s looks for %v, which is in VLAN %d too, but no trunk between them carries it", h.Name, from, mine)
			}
		}
	}
	return ""
}

// sets are sets of things, each with one that stands for it (union-find).
type sets[K comparable] map[K]K

// root returns what stands for the set of x.
func (s sets[K]) root(x K) K {
	for {
		p, ok := s[x]
		if !ok || p == x {
			return x
		}
		if next, ok := s[p]; ok {
			s[x] = next // halve the path
		}
		x = p
	}
}

// join makes one set of two.
func (s sets[K]) join(a, b K) { s[s.root(a)] = s.root(b) }
