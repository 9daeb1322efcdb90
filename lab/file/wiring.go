package file

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// wiring is which ends are connected with which: the segments of the lab. A
// segment is everything that a broadcast reaches: one link, or the links of
// the switches that are connected with each other, in one VLAN.
type wiring struct {
	cables   sets[string]        // switches and cards that are connected in any way
	segments sets[spot]          // and those between which frames pass
	used     map[string]plugged  // cards by what is plugged into them
	trunks   map[string][]string // switches by the switches they are linked to
	broken   bool                // a link or its VLANs could not be read: what is not linked may have been meant there
	members  map[spot][]member   // the interfaces of each segment, by its root
}

// plugged is a link, and where its end at a card stands.
type plugged struct {
	link *Link
	at   Position
}

// member is an interface on a segment.
type member struct {
	host *Host
	on   *Interface
}

func (e End) String() string {
	if e.Interface == "" {
		return e.Node
	}
	return e.Node + ":" + e.Interface
}

// cardName returns the name of an interface's card, as a link's end has it.
func cardName(h *Host, i *Interface) string {
	return End{Node: h.Name, Interface: i.Card}.String()
}

// segment returns what stands for the segment of an interface.
func (w *wiring) segment(h *Host, i *Interface) spot {
	return w.segments.root(spot{cardName(h, i), i.VLAN})
}

// on returns the interfaces on the segment of an interface.
func (w *wiring) on(h *Host, i *Interface) []member { return w.members[w.segment(h, i)] }

// connect notes what a link connects, whatever its VLANs. A card takes one
// cable. Switches must form a tree: there is no spanning tree protocol (IEEE
// 802.1D) that would cut a loop, and a broadcast in a loop never ends.
func (w *wiring) connect(r *reader, l *Link, places ...place) bool {
	if w.cables == nil {
		w.cables, w.used, w.trunks = make(sets[string]), make(map[string]plugged), make(map[string][]string)
	}
	for i, e := range l.Ends {
		if e.Interface == "" {
			continue
		}
		if first, taken := w.used[e.String()]; taken {
			r.mistake(places[i], e.String()+" is linked twice", fmt.Sprintf("the first link is on line %d; a switch connects more than two", first.at.Line))
			return false
		}
		w.used[e.String()] = plugged{l, e.Position}
	}
	a, b := l.Ends[0], l.Ends[1]
	if a.Interface == "" && b.Interface == "" {
		if w.cables.root(a.Node) == w.cables.root(b.Node) {
			way := append(w.path(a.Node, b.Node), a.Node)
			r.mistake(r.at(a.Position, l.Name), "this link closes a loop of switches: "+strings.Join(way, " - "),
				"take one of its links away, or broadcasts go round for ever")
			return false
		}
		w.trunks[a.Node] = append(w.trunks[a.Node], b.Node)
		w.trunks[b.Node] = append(w.trunks[b.Node], a.Node)
	}
	w.cables.join(a.String(), b.String())
	return true
}

// path returns the switches from one switch to another that is connected.
func (w *wiring) path(from, to string) []string {
	came := map[string]string{from: from}
	queue := []string{from}
	for len(queue) > 0 && came[to] == "" {
		for _, next := range w.trunks[queue[0]] {
			if came[next] == "" {
				came[next] = queue[0]
				queue = append(queue, next)
			}
		}
		queue = queue[1:]
	}
	way := []string{to}
	for at := to; at != from && came[at] != ""; at = came[at] {
		way = append(way, came[at])
	}
	slices.Reverse(way)
	return way
}

// checkWiring looks for what is not linked, and at the addresses of each segment.
func (r *reader) checkWiring() {
	w := &r.wires
	w.members = make(map[spot][]member)
	r.divide()
	var roots []spot
	for _, h := range r.lab.Hosts {
		for _, i := range h.Interfaces {
			name := cardName(h, i)
			if _, linked := w.used[name]; !linked {
				if !w.broken && !i.unread && i == h.On(i.Card)[0] {
					r.mistake(r.unlinked(h, i), name+" has no link", fmt.Sprintf("expected one under links, like - link: %s - s1", name))
				}
				continue
			}
			r.checkTag(h, i)
			root := w.segment(h, i)
			if w.members[root] == nil {
				roots = append(roots, root)
			}
			w.members[root] = append(w.members[root], member{h, i})
		}
	}
	for _, root := range roots {
		r.configure(w.members[root])
		r.checkSegment(w.members[root])
	}
}

func (r *reader) unlinked(h *Host, i *Interface) place {
	if i.Position == h.Position {
		return r.at(h.Position, h.Name)
	}
	return r.at(i.Position, i.Name)
}

// checkSegment holds the interfaces of a segment against each other. Where
// networks overlap they must be the same, or two hosts would not agree on who is
// a neighbour. There may be several, but nobody may be alone in all of its own: there
// would be nobody to talk to. That is asked of each family.
func (r *reader) checkSegment(members []member) {
	before := len(r.mistakes)
	seen := r.checkPrefixes(members)
	if len(r.mistakes) > before || r.wires.broken || !r.complete() {
		return
	}
	for _, is4 := range []bool{true, false} {
		var family []attachment
		for _, s := range seen {
			if s.network.Addr().Is4() == is4 {
				family = append(family, s)
			}
		}
		if len(family) > 1 {
			r.checkAlone(members, family)
		}
	}
}

// attachment is a member and one of its networks.
type attachment struct {
	member
	network netip.Prefix
}

// checkAlone looks for who shares no network with anyone. seen has one member of each
// network of a family on the segment.
func (r *reader) checkAlone(members []member, seen []attachment) {
	crowd := make(map[netip.Prefix]int)
	for _, m := range members {
		for network := range m.on.networks() {
			crowd[network]++
		}
	}
	social := func(a attachment) bool {
		for network := range a.on.networks() {
			if network.Addr().Is4() == a.network.Addr().Is4() && crowd[network] > 1 {
				return true
			}
		}
		return false
	}
	for _, m := range seen[1:] { // the first is who the others are held against
		first := seen[0]
		if m.on == first.on {
			continue
		}
		if social(m) {
			if social(first) {
				continue
			}
			m, first = first, m // it is the first who is alone
		}
		r.mistake(r.unlinked(m.host, m.on), fmt.Sprintf("%s is alone in the network %v on its segment", m.host.Name, m.network),
			fmt.Sprintf("%s beside it has %v; hosts reach each other without a router only in one network", first.host.Name, first.address()))
		if m == seen[0] {
			return
		}
	}
}

// networks returns the networks of an interface, each once.
func (i *Interface) networks() map[netip.Prefix]bool {
	all := make(map[netip.Prefix]bool)
	for p := range i.all() {
		all[p.Masked()] = true
	}
	return all
}

// address returns the address by which a member is in the network.
func (a attachment) address() netip.Prefix {
	for p := range a.on.all() {
		if p.Masked() == a.network {
			return p
		}
	}
	return a.network
}

// checkPrefixes returns one member of each network of a segment.
func (r *reader) checkPrefixes(members []member) (seen []attachment) {
	for _, m := range members {
		for p := range m.on.all() {
			network, known := p.Masked(), false
			for _, s := range seen {
				if r.full() {
					return seen
				}
				if s.network == network {
					known = true
				} else if !known && s.network.Overlaps(network) {
					r.mistake(r.unlinked(m.host, m.on), fmt.Sprintf("%s has the network %v, but %s on the same segment has %v", m.host.Name, network, s.host.Name, s.network),
						"give both the same prefix length")
					known = true
				}
			}
			if !known {
				seen = append(seen, attachment{m, network})
			}
		}
	}
	return seen
}
