package file

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"septet/header"
)

const linkForm = "two ends with a dash between blanks, like pc1 - s1 or r1:eth0 - s1"

func (r *reader) readLinks(o object) {
	v, ok := o.get("links")
	if !ok {
		return
	}
	values, ok := r.list(v, "a list of links, like - link: pc1 - s1")
	r.wires.broken = !ok
	for _, v := range values {
		if len(r.lab.Links) >= maxLinks {
			r.mistake(v.at, "too many links", fmt.Sprintf("the most is %d", maxLinks))
			return
		}
		r.readLink(v)
	}
}

// readLink reads one link. It may be its two ends alone, without properties.
func (r *reader) readLink(v value) {
	if kindOf(v.node) == "a single value" {
		if w, ok := r.text(v, linkForm); ok {
			r.plug(&Link{Position: w.Position, Name: w.text}, w)
		}
		return
	}
	entries, ok := r.mapping(v, "a link, like link: pc1 - s1")
	if !ok {
		r.wires.broken = true
		return
	}
	plain, directed := splitDirections(entries)
	o := r.known(v.at, plain, linkKeys)
	l := &Link{Position: v.at.Position}
	both := r.readChange(o)
	var same Impairment
	both.Apply(&same)
	r.checkImpairment(o, same)
	changes := [2]Change{both, both}
	ends, ok := o.get("link")
	if !ok {
		r.mistake(v.at, "this link has no ends", "expected link: and "+linkForm)
		r.wires.broken = true
		return
	}
	if w, ok := r.text(ends, linkForm); ok {
		l.Name = w.text
		if r.plug(l, w) {
			before := len(r.mistakes)
			r.readVLANs(o, l)
			r.wires.broken = r.wires.broken || len(r.mistakes) > before
			r.checkQueue(o, l)
			r.readDirections(l, directed, &changes, l.Impairments)
		}
	} else {
		r.wires.broken = true
	}
	for i, c := range changes {
		c.Apply(&l.Impairments[i])
	}
}

// dashes are what may stand between the ends of a link.
var dashes = []string{" - ", " – ", " — ", " -- "}

// splitEnds returns the two ends that a link is written with.
func splitEnds(w word) (a, b word, ok bool) {
	for _, dash := range dashes {
		if a, b, ok := w.cut(dash); ok {
			return a.trim(), b.trim(), true
		}
	}
	return w, w, false
}

// plug resolves the ends of a link and adds it to the lab.
func (r *reader) plug(l *Link, w word) bool {
	a, b, ok := splitEnds(w)
	if !ok {
		r.mistake(w.place, quote(w.text)+" is not a link", "expected "+linkForm)
		r.wires.broken = true
		return false
	}
	from, okFrom := r.end(a)
	to, okTo := r.end(b)
	if !okFrom || !okTo {
		r.wires.broken = true
		return false
	}
	l.Ends = [2]End{from, to}
	if !r.wires.connect(r, l, a.place, b.place) {
		return false
	}
	r.lab.Links = append(r.lab.Links, l)
	return true
}

// end resolves "s1", "pc1" or "r1:eth0".
func (r *reader) end(w word) (End, bool) {
	name, port, named := w.cut(":")
	e := End{Position: w.Position, Node: name.text, Interface: port.text}
	n, ok := r.nodes[name.text]
	switch {
	case !ok:
		if !r.full() {
			r.mistake(name.place, "unknown host "+quote(name.text), oneOf("hosts and switches here", name.text, r.nodeNames()))
		}
		return e, false
	case n.bridge != nil && named:
		r.mistake(w.place, fmt.Sprintf("%s is a switch, whose ports have no names", name.text), "expected "+name.text)
		return e, false
	case n.bridge != nil:
		return e, true
	}
	cards := n.host.cards()
	switch i := n.host.Interface(port.text); {
	case named && slices.Contains(cards, port.text):
	case named && i != nil:
		r.mistake(port.place, fmt.Sprintf("%s is a VLAN, not a card with a plug", i.Name), fmt.Sprintf("expected %s:%s", name.text, i.Card))
		return e, false
	case named:
		r.mistake(port.place, fmt.Sprintf("%s has no interface %s", name.text, quote(port.text)), oneOf("interfaces here", port.text, cards))
		return e, false
	case len(cards) > 1:
		r.mistake(w.place, fmt.Sprintf("%s has several interfaces", name.text),
			fmt.Sprintf("say which: %s:%s", name.text, strings.Join(cards, ", "+name.text+":")))
		return e, false
	case len(cards) == 0:
		return e, false // its missing interface is a mistake already
	default:
		e.Interface = cards[0]
	}
	return e, true
}

func (h *Host) interfaceNames() []string {
	names := make([]string, 0, len(h.Interfaces))
	for _, i := range h.Interfaces {
		names = append(names, i.Name)
	}
	return names
}

// nodeNames lists everything that a link can end at.
func (r *reader) nodeNames() []string {
	names := r.hostNames()
	for _, s := range r.lab.Switches {
		names = append(names, s.Name)
	}
	return names
}

// splitDirections separates the entries "from pc1: ..." from the others.
func splitDirections(entries []entry) (plain, directed []entry) {
	for _, e := range entries {
		if strings.HasPrefix(e.key.text, "from ") {
			directed = append(directed, e)
		} else {
			plain = append(plain, e)
		}
	}
	return plain, directed
}

// readDirections reads what holds for one direction alone. It comes on top of
// what holds for both, and of what the link has already.
func (r *reader) readDirections(l *Link, directed []entry, changes *[2]Change, has [2]Impairment) {
	for _, e := range directed {
		_, from, _ := e.key.cut("from ")
		from = from.trim()
		direction := -1
		for i, end := range l.Ends {
			if from.text == end.Node || from.text == end.Node+":"+end.Interface {
				direction = i
			}
		}
		if direction < 0 {
			r.mistake(from.place, fmt.Sprintf("%s is not an end of %s", quote(from.text), l.Name),
				fmt.Sprintf("expected from %s or from %s", l.Ends[0].Node, l.Ends[1].Node))
			continue
		}
		o, ok := r.object(e.value, impairmentKeys)
		if !ok {
			continue
		}
		c := &changes[direction]
		c.settings = slices.Concat(c.settings, r.readChange(o).settings)
		c.Apply(&has[direction])
		r.checkImpairment(o, has[direction])
		r.checkQueue(o, l)
	}
}

// checkQueue looks for a queue in which not even one frame has room: what comes
// while another frame is sent would always be lost.
func (r *reader) checkQueue(o object, l *Link) {
	v, ok := o.get("queue")
	if !ok {
		return
	}
	var set Impairment
	r.readQueue(v).Apply(&set)
	headers := "the Ethernet header"
	if l.VLANs.Tagged != nil {
		headers += ", the tag"
	}
	if frame := r.longestFrame(l); set.Queue > 0 && set.Queue < frame {
		r.mistake(v.at, fmt.Sprintf("a queue of %d bytes is smaller than a frame", set.Queue),
			fmt.Sprintf("expected at least %d bytes: %s and the MTU", frame, headers))
	}
}

// longestFrame is the length of the longest frame on a link.
func (r *reader) longestFrame(l *Link) int {
	n := header.EthernetLen + r.lab.MTU(l)
	if l.VLANs.Tagged != nil {
		n += header.VLANLen
	}
	return n
}

// MTU returns that of a link: the largest of the interfaces at its ends.
func (l *Lab) MTU(k *Link) int {
	mtu := 0
	for _, e := range k.Ends {
		if h := l.Host(e.Node); h != nil {
			for _, i := range h.On(e.Interface) {
				mtu = max(mtu, i.MTU)
			}
		}
	}
	if mtu == 0 {
		mtu = defaultMTU // between two switches
	}
	return mtu
}

const defaultMTU = 1500

// maxDelay is how long a frame may be on its way.
const maxDelay = 24 * time.Hour

// readChange reads the impairments that an object names.
func (r *reader) readChange(o object) Change {
	var c Change
	set := func(f func(*Impairment)) { c.settings = append(c.settings, f) }
	times := []struct {
		key string
		set func(*Impairment, time.Duration)
	}{
		{"delay", func(i *Impairment, d time.Duration) { i.Delay = d }},
		{"jitter", func(i *Impairment, d time.Duration) { i.Jitter = d }},
		{"reorder-by", func(i *Impairment, d time.Duration) { i.ReorderBy = d }},
	}
	for _, t := range times {
		if v, ok := o.get(t.key); ok {
			if d, ok := r.limitedDuration(v, maxDelay); ok {
				set(func(i *Impairment) { t.set(i, d) })
			}
		}
	}
	shares := []struct {
		key string
		set func(*Impairment, float64)
	}{
		{"loss", func(i *Impairment, p float64) { i.Loss = p }},
		{"duplicate", func(i *Impairment, p float64) { i.Duplicate = p }},
		{"reorder", func(i *Impairment, p float64) { i.Reorder = p }},
		{"corrupt", func(i *Impairment, p float64) { i.Corrupt = p }},
	}
	for _, s := range shares {
		if v, ok := o.get(s.key); ok {
			if p, ok := r.probability(v); ok {
				set(func(i *Impairment) { s.set(i, p) })
			}
		}
	}
	if v, ok := o.get("rate"); ok {
		if n, ok := r.rate(v); ok {
			set(func(i *Impairment) { i.Rate = n })
		}
	}
	if v, ok := o.get("queue"); ok {
		c.settings = append(c.settings, r.readQueue(v).settings...)
	}
	if v, ok := o.get("burst"); ok {
		if n, ok := r.burst(v); ok {
			set(func(i *Impairment) { i.Burst = n })
		}
	}
	return c
}

func (r *reader) readQueue(v value) (c Change) {
	if n, ok := r.size(v); ok {
		c.settings = append(c.settings, func(i *Impairment) { i.Queue = n })
	}
	return c
}

func (r *reader) burst(v value) (float64, bool) {
	const form = "the mean number of frames lost in a row, at least 1, like 4 or 2.5"
	w, ok := r.text(v, form)
	if !ok {
		return 0, false
	}
	n, ok := decimal(w.text)
	if !ok || n < 1 || n > 1e6 {
		r.mistake(w.place, quote(w.text)+" is not a length of a burst", "expected "+form)
		return 0, false
	}
	return n, true
}

// checkImpairment looks for a burst that is too short for the loss: with gaps of
// at least one frame, a share p of losses needs bursts of p/(1-p).
func (r *reader) checkImpairment(o object, i Impairment) {
	if i.Burst == 0 || i.Loss == 1 || i.Burst >= i.Loss/(1-i.Loss) {
		return
	}
	at := o.key("burst")
	if _, ok := o.get("burst"); !ok {
		at = o.key("loss")
	}
	r.mistake(at, fmt.Sprintf("bursts of %g frames cannot make a loss of %g %%", i.Burst, i.Loss*100),
		"expected longer bursts or less loss: between two bursts at least one frame passes")
}
