package file

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"septet/header"
)

// VLANs says to which VLANs (IEEE 802.1Q) a link belongs: how the ports of the switches
// at its ends are set.
type VLANs struct {
	// Untagged is the VLAN of frames without a tag: that of an access port, or the
	// native one of a trunk, which is zero if it has none.
	Untagged uint16
	// Tagged are the VLANs of a trunk, in order, whose frames have a tag; nil if the
	// ports are access ports.
	Tagged []uint16
}

// of returns the VLAN of frames with a tag, zero for none; it is zero if there is none.
func (v VLANs) of(tag uint16) uint16 {
	if tag == 0 {
		return v.Untagged
	}
	if _, found := slices.BinarySearch(v.Tagged, tag); found && tag != v.Untagged {
		return tag
	}
	return 0
}

// defaultVLAN is that of a port of which nothing is said (IEEE 802.1Q, table 9-2).
const defaultVLAN = 1

// maxVLANs is how many VLANs a lab may name.
const maxVLANs = 256

var allVLANs = func() []uint16 {
	all := make([]uint16, header.VLANMax)
	for i := range all {
		all[i] = uint16(i + 1)
	}
	return all
}()

var vlanForm = fmt.Sprintf("the number of a VLAN, 1 to %d", header.VLANMax)

// vlan reads the number of a VLAN.
func (r *reader) vlan(w word) (uint16, bool) {
	n, err := strconv.ParseUint(w.text, 10, 16)
	switch {
	case err != nil || n < 1 || n > header.VLANMax || strconv.FormatUint(n, 10) != w.text:
		r.mistake(w.place, quote(w.text)+" is not a VLAN", "expected "+vlanForm)
		return 0, false
	case len(r.vlans) >= maxVLANs && !r.vlans[uint16(n)]:
		r.mistake(w.place, "too many VLANs", fmt.Sprintf("the most that a lab may name is %d", maxVLANs))
		return 0, false
	}
	r.vlans[uint16(n)] = true
	return uint16(n), true
}

// interfaceName reads a name like eth0, or eth0.10 for VLAN 10 on the card eth0, as
// Linux calls it.
func (r *reader) interfaceName(w word) (i *Interface, ok bool) {
	card, number, tagged := w.cut(".")
	if !isName(card.text, 15) || len(w.text) > 15 || card.text == "lo" { // Linux's IFNAMSIZ is 16 with the closing zero
		r.mistake(w.place, quote(w.text)+" cannot be an interface",
			"expected a name like eth0, or eth0.10 for VLAN 10 on it, at most 15 characters; lo is on every host")
		return nil, false
	}
	i = &Interface{Position: w.Position, Name: w.text, Card: card.text}
	if tagged {
		i.VLAN, ok = r.vlan(number)
		return i, ok
	}
	return i, true
}

// On returns the interfaces of a host that share a card: one that is named as the card
// is, for frames without a tag, and one for each VLAN.
func (h *Host) On(card string) []*Interface {
	var all []*Interface
	for _, i := range h.Interfaces {
		if i.Card == card {
			all = append(all, i)
		}
	}
	return all
}

// cards returns the names of a host's cards.
func (h *Host) cards() []string {
	var names []string
	for _, i := range h.Interfaces {
		if !slices.Contains(names, i.Card) {
			names = append(names, i.Card)
		}
	}
	return names
}

// readVLANs reads vlan, trunk and native. Which port is left at its default is known
// when all links are.
func (r *reader) readVLANs(o object, l *Link) {
	access, isAccess := o.get("vlan")
	trunk, isTrunk := o.get("trunk")
	native, hasNative := o.get("native")
	switch {
	case !isAccess && !isTrunk && !hasNative:
		return
	case l.Ends[0].Interface != "" && l.Ends[1].Interface != "":
		for _, key := range []string{"vlan", "trunk", "native"} {
			if _, ok := o.get(key); ok {
				r.mistake(o.key(key), fmt.Sprintf("%s has no switch, so there is no port with a %s", l.Name, key), "leave it out")
			}
		}
		return
	case isAccess && isTrunk:
		r.mistake(o.key("trunk"), l.Name+" is in one VLAN already", "expected vlan for one VLAN without tags, or trunk for several with tags")
	case hasNative && !isTrunk:
		r.mistake(o.key("native"), "only a trunk has a native VLAN", "expected trunk beside it, or vlan in place of it")
	}
	if isAccess {
		l.VLANs.Untagged = r.vlanValue(access)
	}
	if isTrunk {
		l.VLANs.Tagged = r.readTrunk(trunk)
	}
	if hasNative {
		l.VLANs.Untagged = r.vlanValue(native)
	}
	for _, e := range l.Ends {
		if s := r.nodes[e.Node].bridge; s != nil {
			s.VLANs = true
		}
	}
}

func (r *reader) vlanValue(v value) uint16 {
	w, ok := r.text(v, vlanForm)
	if !ok {
		return 0
	}
	n, _ := r.vlan(w)
	return n
}

const trunkForm = "the VLANs whose frames have tags, like [10, 20], or all"

// readTrunk reads the VLANs of a trunk. It never returns nil, so that a trunk stays one.
func (r *reader) readTrunk(v value) []uint16 {
	if kindOf(v.node) == "a single value" {
		w, _ := r.text(v, trunkForm)
		if w.text != "all" {
			r.mistake(w.place, quote(w.text)+" is not a list of VLANs", "expected "+trunkForm)
		}
		return allVLANs
	}
	list := []uint16{}
	values, ok := r.list(v, trunkForm)
	if ok && len(values) == 0 {
		r.mistake(v.at, "this list is empty", "expected "+trunkForm)
	}
	for _, v := range values {
		w, ok := r.text(v, vlanForm)
		if !ok {
			continue
		}
		n, ok := r.vlan(w)
		switch {
		case !ok:
		case slices.Contains(list, n):
			r.mistake(w.place, fmt.Sprintf("VLAN %d stands here twice", n), "expected each once")
		default:
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

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
	if l == nil || l.VLANs.of(i.VLAN) != 0 || i.unread {
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
