package file

import (
	"fmt"
	"slices"
	"strconv"

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

// VLAN returns the VLAN to which an interface of a host belongs, by its tag or by the
// port of the switch where its cable ends; zero where nobody heeds VLANs.
func (l *Lab) VLAN(h *Host, i *Interface) uint16 {
	for _, k := range l.Links {
		for n, end := range k.Ends {
			if end.Node != h.Name || end.Interface != i.Card {
				continue
			}
			heeds := slices.ContainsFunc(l.Switches, func(s *Switch) bool { return s.VLANs && s.Name == k.Ends[1-n].Node })
			if heeds {
				return k.VLANs.of(i.VLAN)
			}
		}
	}
	return i.VLAN
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
