package network

import (
	"net/netip"
	"slices"
)

// Filter says whose datagrams to a group are heard (RFC 3376, section 2; RFC 3810,
// section 2). The zero Filter hears nobody, which is not to be in the group at all.
type Filter struct {
	Exclude bool         // all sources but these, else these alone
	Sources []netip.Addr // sorted, each once
}

// anySource hears everybody.
var anySource = Filter{Exclude: true}

// NewFilter returns a filter of sources in any order.
func NewFilter(exclude bool, sources ...netip.Addr) Filter {
	f := Filter{Exclude: exclude, Sources: slices.Clone(sources)}
	slices.SortFunc(f.Sources, netip.Addr.Compare)
	f.Sources = slices.Compact(f.Sources)
	return f
}

// Hears reports whether datagrams from src are heard.
func (f *Filter) Hears(src netip.Addr) bool {
	if len(f.Sources) == 0 {
		return f.Exclude
	}
	_, listed := slices.BinarySearchFunc(f.Sources, src, netip.Addr.Compare)
	return listed != f.Exclude
}

// nobody reports whether the filter hears nobody.
func (f *Filter) nobody() bool { return !f.Exclude && len(f.Sources) == 0 }

func (f *Filter) equal(g *Filter) bool {
	return f.Exclude == g.Exclude && slices.Equal(f.Sources, g.Sources)
}

// merge returns what an interface has to hear for all that listen there. RFC 3376,
// section 3.2; RFC 3810, section 4.2: if one of them excludes sources, all sources but
// those that every such filter excludes and no other includes; else those that any
// includes.
func merge(all []*Listener) Filter {
	var include, exclude []netip.Addr
	excluding := false
	for _, m := range all {
		switch {
		case !m.filter.Exclude:
			include = append(include, m.filter.Sources...)
		case !excluding:
			excluding, exclude = true, slices.Clone(m.filter.Sources)
		default:
			exclude = intersection(exclude, m.filter.Sources)
		}
	}
	if excluding {
		return Filter{Exclude: true, Sources: difference(exclude, include)}
	}
	return NewFilter(false, include...)
}

// intersection returns what stands in both lists.
func intersection(a, b []netip.Addr) []netip.Addr {
	return keep(a, func(x netip.Addr) bool { return slices.Contains(b, x) })
}

// difference returns what stands in a alone.
func difference(a, b []netip.Addr) []netip.Addr {
	return keep(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
}

func keep(all []netip.Addr, wanted func(netip.Addr) bool) []netip.Addr {
	var kept []netip.Addr
	for _, a := range all {
		if wanted(a) {
			kept = append(kept, a)
		}
	}
	return kept
}
