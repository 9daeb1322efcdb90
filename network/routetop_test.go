package network

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// ways is a routing table by its definition, with one route for a prefix.
type ways map[netip.Prefix]netip.Addr

func (w ways) lookup(dst netip.Addr) (gateway netip.Addr) {
	for bits := dst.BitLen(); bits >= 0; bits-- {
		prefix, _ := dst.Prefix(bits)
		if gateway, known := w[prefix]; known {
			return gateway
		}
	}
	return netip.Addr{}
}

// aroundLong returns a prefix of IPv6 that lies among others on both sides of the 32 bits of
// a longTable.
func aroundLong(r *rand.Rand) netip.Prefix {
	a := netip.AddrFrom16([16]byte{0x20, 2, byte(r.IntN(4)), byte(r.Uint32()), byte(r.IntN(4)), byte(r.Uint32()), byte(r.IntN(2))})
	p, _ := a.Prefix(20 + r.IntN(36))
	return p
}

// TestRouteTopAgainstDefinition fills a table of both families until lookups begin at their
// routeTops, has its prefixes go other ways, and empties it until they end.
func TestRouteTopAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var table routeTable
	want := make(ways)
	compare := func(near []netip.Prefix) {
		t.Helper()
		if table.many != nil {
			books(t, table.many)
		}
		for range 2000 {
			dst := within(r, near[r.IntN(len(near))])
			got := table.lookup(dst)
			if gateway := want.lookup(dst); (got == nil) == gateway.IsValid() || got != nil && got.Gateway != gateway {
				t.Fatalf("with %d routes %v goes along %+v, should go to %v: the longest prefix decides", len(want), dst, got, gateway)
			}
		}
	}
	via := func() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(40)), byte(r.Uint32())}) }
	var all []netip.Prefix
	add := func(p netip.Prefix, metric int) {
		want[p] = via()
		table.add(Route{Prefix: p, Gateway: want[p], Metric: metric})
	}
	crowded := crowd{r}
	for _, family := range []int{4, 6} {
		for n, p := range internetOf(r, topFrom+1000, family) {
			switch {
			case n%16 == 0:
				p = crowded.route().Prefix // some lie in each other
			case n%16 < 4 && family == 6:
				p = aroundLong(r)
			}
			if _, known := want[p]; !known {
				add(p, 1)
				all = append(all, p)
			}
			if n%2000 == 0 {
				compare(all)
			}
		}
	}
	top := table.many.trie.top
	if top[root4] == nil || top[root6] == nil {
		t.Fatalf("%d prefixes of both families, and not both have a routeTop: it should be there from %d", len(all), topFrom)
	}
	compare(all)
	for _, p := range all[:len(all)/2] {
		add(p, 0) // comes before what was there
	}
	compare(all)
	if table.many.trie.top != top {
		t.Errorf("a prefix with a second route counts twice: the routeTops were made anew")
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	gone := func(p netip.Prefix) bool { return table.remove(p, func(*Route) bool { return true }) }
	for n, p := range all {
		for gone(p) {
		}
		delete(want, p)
		if n%2000 == 0 {
			compare(all)
		}
		if len(want) == fewRoutesMost {
			break
		}
	}
	compare(all)
	if table.many.trie.top != [2]*routeTop{} {
		t.Errorf("%d routes are left, and a routeTop: below %d prefixes it should be gone", len(want), topUntil)
	}
	if places := len(table.many.routes); places > leastPlaces {
		t.Errorf("%d routes are left, and there are %d places for routes: beyond %d three quarters free ones should be given back", len(want), places, leastPlaces)
	}
	if taken := len(table.many.ways) - 1 - len(table.many.freeWays); taken > len(want) {
		t.Errorf("%d routes go %d ways: those of removed routes should be free again", len(want), taken)
	}
}

// TestLongTableBesideShorter has prefixes on both sides of 32 bits come and go above and
// below each other.
func TestLongTableBesideShorter(t *testing.T) {
	var trie routeTrie
	trie.init()
	trie.resize(root6, topFrom)
	prefix := netip.MustParsePrefix
	steps := []struct {
		why    string
		change func()
		ways   [3]wayID // to an address of the /48, to another of the /32, and of the /29
	}{
		{"a /48 alone", func() { trie.insert(prefix("2001:db8:5::/48"), 1) }, [...]wayID{1, 0, 0}},
		{"a /29 comes above it", func() { trie.insert(prefix("2001:db8::/29"), 2) }, [...]wayID{1, 2, 2}},
		{"a /32 comes between", func() { trie.insert(prefix("2001:db8::/32"), 3) }, [...]wayID{1, 3, 2}},
		{"the /48 goes", func() { trie.remove(prefix("2001:db8:5::/48"), 0, 0) }, [...]wayID{3, 3, 2}},
		{"the /32 goes", func() { trie.remove(prefix("2001:db8::/32"), 29, 2) }, [...]wayID{2, 2, 2}},
		{"another /48 comes", func() { trie.insert(prefix("2001:db8:5::/48"), 4) }, [...]wayID{4, 2, 2}},
		{"the /29 goes", func() { trie.remove(prefix("2001:db8::/29"), 0, 0) }, [...]wayID{4, 0, 0}},
		{"the /48 goes", func() { trie.remove(prefix("2001:db8:5::/48"), 0, 0) }, [3]wayID{}},
	}
	for _, step := range steps {
		step.change()
		for n, dst := range []string{"2001:db8:5::1", "2001:db8:6::1", "2001:db9::1"} {
			if got := trie.lookup(routeKey(netip.MustParseAddr(dst))); got != step.ways[n] {
				t.Errorf("%s: %s goes the way %d, should go %d", step.why, dst, got, step.ways[n])
			}
		}
	}
	if trie.long.used != 0 {
		t.Errorf("all were removed, and %d slots are in use", trie.long.used)
	}
}
