package file

import "fmt"

func (r *reader) subjectLink(o object, action word) (*Link, bool) {
	v, ok := o.get("link")
	if !ok {
		r.mistake(action.place, fmt.Sprintf("%s does not say which link", action.text), "expected link: beside it, like link: pc1 - s1")
		return nil, false
	}
	w, ok := r.text(v, linkForm)
	if !ok {
		return nil, false
	}
	a, b, ok := splitEnds(w)
	if !ok {
		r.mistake(w.place, quote(w.text)+" is not a link", "expected "+linkForm)
		return nil, false
	}
	var found []*Link
	for _, l := range r.lab.Links {
		if (l.Ends[0].is(a.text) && l.Ends[1].is(b.text)) || (l.Ends[0].is(b.text) && l.Ends[1].is(a.text)) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		if r.wires.broken {
			return nil, false // it may be one that could not be read
		}
		r.mistake(w.place, "there is no link "+quote(w.text), oneOf("links here", w.text, r.linkNames()))
	case 1:
		return found[0], true
	default:
		r.mistake(w.place, fmt.Sprintf("%d links are called %q", len(found), w.text), "say which, with the interface: r1:eth0 - s1")
	}
	return nil, false
}

// is reports whether text names the end, with or without its interface.
func (e End) is(text string) bool { return text == e.Node || text == e.String() }

func (r *reader) linkNames() []string {
	names := make([]string, 0, len(r.lab.Links))
	for _, l := range r.lab.Links {
		names = append(names, l.Name)
	}
	return names
}

func (r *reader) readLinkAction(s *Step, l *Link, a entry) {
	if a.key.text == "state" {
		w, ok := r.text(a.value, "up or down")
		if ok && w.text != "up" && w.text != "down" {
			r.mistake(w.place, quote(w.text)+" is not a state of a link", "expected up or down")
			return
		}
		s.Action = &LinkState{Link: l, Up: w.text == "up"}
		return
	}
	if a.key.text == "cable" {
		w, ok := r.text(a.value, "pulled or plugged")
		if ok && w.text != "pulled" && w.text != "plugged" {
			r.mistake(w.place, quote(w.text)+" is not what one does to a cable", "expected pulled or plugged")
			return
		}
		s.Action = &Cable{Link: l, Plugged: w.text == "plugged"}
		return
	}
	entries, ok := r.mapping(a.value, "impairments, like {loss: 10%}")
	if !ok {
		return
	}
	before := len(r.mistakes)
	plain, directed := splitDirections(entries)
	o := r.known(a.value.at, plain, impairmentKeys)
	both := r.readChange(o)
	set := &SetLink{Link: l, Changes: [2]Change{both, both}}
	state, changed := r.states[l]
	if !changed {
		state = l.Impairments
	}
	for i, c := range set.Changes {
		c.Apply(&state[i])
		r.checkImpairment(o, state[i])
	}
	r.checkQueue(o, l)
	r.readDirections(l, directed, &set.Changes, state)
	for i, c := range set.Changes {
		c.Apply(&state[i])
	}
	r.states[l] = state
	if set.Changes[0].Empty() && set.Changes[1].Empty() && len(r.mistakes) == before {
		r.mistake(a.key.place, "set changes nothing", "expected impairments, like {loss: 10%}")
	}
	s.Action = set
}
