package network

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/packet"
	"septet/physical"
)

// naiveTable is the definition of a routing table: of the routes whose prefix contains
// an address those with the longest, of these the one with the lowest metric, and of
// these the one that came first.
type naiveTable []Route

func (n naiveTable) lookup(dst netip.Addr) (best *Route) {
	for i := range n {
		have := &n[i]
		if have.Prefix.Contains(dst) && (best == nil || have.Prefix.Bits() > best.Prefix.Bits() ||
			have.Prefix == best.Prefix && have.Metric < best.Metric) {
			best = have
		}
	}
	return best
}

// tables are a table and its definition, to which the same is done.
type tables struct {
	t     *testing.T
	table routeTable
	naive naiveTable
}

func (b *tables) add(r Route) {
	b.table.add(r)
	b.naive = append(b.naive, r)
}

// remove removes the route with the number i of those added and still there.
func (b *tables) remove(i int) {
	r := b.naive[i]
	meant := func(have *Route) bool { return *have == r }
	if !b.table.remove(r.Prefix, meant) {
		b.t.Fatalf("the route %v cannot be removed, though it was added", r)
	}
	first := slices.IndexFunc(b.naive, func(have Route) bool { return meant(&have) })
	b.naive = slices.Delete(b.naive, first, first+1)
}

func (b *tables) compare(dst netip.Addr) {
	b.t.Helper()
	got, want := b.table.lookup(dst), b.naive.lookup(dst)
	if (got == nil) != (want == nil) || got != nil && wayOf(*got) != wayOf(*want) {
		b.t.Fatalf("with %d routes %v goes along %+v, should go along %+v: the longest prefix, then the lowest metric, then the first",
			len(b.naive), dst, got, want)
	}
}

// crowd draws addresses and prefixes of both families that often lie in each other.
type crowd struct{ *rand.Rand }

func (c crowd) addr() netip.Addr {
	if c.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, byte(c.IntN(3)), byte(c.IntN(4)), byte(c.Uint32())})
	}
	b := [16]byte{0x20, 1, 0xd, 0xb8}
	for i := 4; i < 16; i++ {
		if c.IntN(3) == 0 {
			b[i] = byte(c.IntN(3))
		}
	}
	return netip.AddrFrom16(b)
}

func (c crowd) route() Route {
	a := c.addr()
	bits := c.IntN(a.BitLen() + 1)
	if c.IntN(3) == 0 {
		bits &^= 15 // the ends of the levels of a routeTrie
	}
	prefix, _ := a.Prefix(bits)
	r := Route{Prefix: prefix, Metric: c.IntN(3)}
	if c.IntN(2) == 0 {
		r.Gateway = c.addr()
	}
	return r
}

// TestRouteTableAgainstDefinition fills a table and empties it again, over all its
// forms, and looks up addresses on the way.
func TestRouteTableAgainstDefinition(t *testing.T) {
	c := crowd{rand.New(rand.NewPCG(1, 2))}
	b := &tables{t: t}
	for step := range 12_000 {
		grow := step < 6000
		if len(b.naive) == 0 || grow == (c.IntN(4) > 0) {
			b.add(c.route())
		} else {
			b.remove(c.IntN(len(b.naive)))
		}
		b.compare(c.addr())
		if step%1000 == 0 {
			slices.SortStableFunc(b.naive, moreSpecific)
			if got := b.table.all(); !slices.Equal(got, b.naive) {
				t.Fatalf("after %d steps the routes are not listed in order, or not all of them", step)
			}
		}
	}
	for len(b.naive) > 0 {
		b.remove(c.IntN(len(b.naive)))
		b.compare(c.addr())
	}
	if n := b.table.len(); n != 0 {
		t.Errorf("%d routes are left after all were removed", n)
	}
}

// TestRouteTrieDense fills the nodes of a trie with so many routes that each value has
// a word of its own, and empties them again, with routes above and around.
func TestRouteTrieDense(t *testing.T) {
	b := &tables{t: t}
	prefix := netip.MustParsePrefix
	for i, s := range []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.128.0/17", "10.1.128.0/20", "10.2.0.0/16", "::/0"} {
		b.add(Route{Prefix: prefix(s), Metric: i})
	}
	host := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}) }
	for n := 0; n < 1<<16; n += 3 {
		b.add(Route{Prefix: netip.PrefixFrom(host(n), 32), Metric: n})
	}
	many := b.table.many
	expect := func(dst netip.Addr, want string) {
		t.Helper()
		if got := b.table.lookup(dst); got == nil || got.Prefix != prefix(want) {
			t.Fatalf("%v goes along %+v, should go to %s", dst, got, want)
		}
	}
	for n := range 1 << 16 {
		want := netip.PrefixFrom(host(n), 32).String()
		switch {
		case n%3 == 0:
		case n>>12 == 8:
			want = "10.1.128.0/20"
		case n>>15 == 1:
			want = "10.1.128.0/17"
		default:
			want = "10.1.0.0/16"
		}
		expect(host(n), want)
	}
	full := len(many.trie.cells)
	for n := 0; n < 1<<16; n += 3 {
		many.remove(netip.PrefixFrom(host(n), 32), func(*Route) bool { return true })
	}
	expect(host(7), "10.1.0.0/16")
	expect(host(0x8007), "10.1.128.0/20")
	expect(netip.MustParseAddr("10.2.0.7"), "10.2.0.0/16")
	expect(netip.MustParseAddr("10.3.0.7"), "10.0.0.0/8")
	expect(netip.MustParseAddr("11.3.0.7"), "0.0.0.0/0")
	expect(netip.MustParseAddr("2001:db8::1"), "::/0")
	if full < 256*64 {
		t.Errorf("256 nodes of 85 routes take %d cells: this test should reach nodes of 256 runs", full)
	}
	if now := len(many.trie.cells); now > 2048 {
		t.Errorf("seven routes are left, and %d cells: what they took should be free again", now)
	}
}

// TestRouteTableMetrics holds the order of routes for one prefix, in both forms of the
// table, while they come and go.
func TestRouteTableMetrics(t *testing.T) {
	for _, others := range []int{0, 100} {
		b := &tables{t: t}
		for i := range others {
			b.add(Route{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 0}), 16)})
		}
		dst := netip.MustParseAddr("192.0.2.7")
		gateways := func() (all []byte) {
			for r := range b.table.matching(dst) {
				all = append(all, r.Gateway.As4()[3])
			}
			return all
		}
		via := func(n byte, metric int) Route {
			return Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.AddrFrom4([4]byte{10, 0, 0, n}), Metric: metric}
		}
		for _, r := range []Route{via(5, 20), via(1, 10), via(6, 20), via(2, 10), via(9, 30)} {
			b.add(r)
			b.compare(dst)
		}
		if got := gateways(); !slices.Equal(got, []byte{1, 2, 5, 6, 9}) {
			t.Errorf("beside %d routes the gateways are tried in the order %v, should be 1 2 5 6 9: by metric, then as they came", others, got)
		}
		for range 5 {
			b.remove(slices.IndexFunc(b.naive, func(r Route) bool { return wayOf(r) == wayOf(*b.table.lookup(dst)) }))
			b.compare(dst)
		}
		if got := b.table.lookup(dst); got != nil {
			t.Errorf("192.0.2.7 goes along %v, but all its routes were removed", got)
		}
	}
}

// TestRouteTablePassesOver has routes over an interface that is down give way to those
// that are left.
func TestRouteTablePassesOver(t *testing.T) {
	for _, others := range []int{0, 100} {
		loop, pool := event.NewVirtual(1), new(packet.Pool)
		l := New(loop, pool)
		card := func(name string) (*Interface, *physical.Wire) {
			w := physical.NewWire(loop, pool, 1500, physical.Impairment{}, physical.Impairment{})
			i, err := l.AddInterface(link.NewNIC(loop, pool, name, header.MAC{2}, w.A()), netip.Prefix{})
			if err != nil {
				t.Fatal(err)
			}
			return i, w
		}
		eth0, wire0 := card("eth0")
		eth1, wire1 := card("eth1")
		setUp := func(w *physical.Wire, up bool) {
			w.SetUp(up)
			loop.Run(loop.Now())
		}
		table := &l.routes
		for i := range others {
			table.add(Route{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 0}), 16)})
		}
		table.add(Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Interface: eth0})
		table.add(Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Interface: eth1, Metric: 1})
		table.add(Route{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Interface: eth1})
		for _, i := range []*Interface{eth0, eth1} {
			table.add(Route{Prefix: netip.MustParsePrefix("fe80::/64"), Interface: i})
		}
		expect := func(dst string, want *Interface) {
			t.Helper()
			var got *Interface
			if r := table.lookup(netip.MustParseAddr(dst)); r != nil {
				got = r.Interface
			}
			if got != want {
				t.Errorf("beside %d routes, with eth0 up: %v, eth1 up: %v, %s leaves by %+v, should leave by %+v",
					others, eth0.up(), eth1.up(), dst, got, want)
			}
		}
		expect("10.1.2.3", eth1)
		expect("192.0.2.1", eth0)
		expect("fe80::1%eth0", eth0)
		expect("fe80::1%eth1", eth1)
		expect("fe80::1%eth2", nil)
		setUp(wire1, false)
		expect("10.1.2.3", eth0)
		expect("192.0.2.1", eth0)
		expect("fe80::1%eth1", nil)
		setUp(wire0, false)
		expect("192.0.2.1", nil)
		setUp(wire1, true)
		expect("192.0.2.1", eth1)
		setUp(wire0, true)
		expect("192.0.2.1", eth0)
	}
}

// FuzzRouteTable does to a table and to its definition what the bytes say.
func FuzzRouteTable(f *testing.F) {
	f.Add(uint64(1), uint16(40), uint16(10))
	f.Add(uint64(2), uint16(300), uint16(300))
	f.Fuzz(func(t *testing.T, seed uint64, added, removed uint16) {
		c := crowd{rand.New(rand.NewPCG(seed, 0))}
		b := &tables{t: t}
		for range added % 512 {
			b.add(c.route())
		}
		for range min(int(removed), len(b.naive)) {
			b.remove(c.IntN(len(b.naive)))
		}
		for range 64 {
			b.compare(c.addr())
		}
	})
}

// lengths of the prefixes of the Internet's routing tables, one of 5 is of IPv6; how
// many of a thousand each.
var (
	lengths4 = map[int]int{8: 1, 12: 2, 14: 4, 15: 4, 16: 14, 17: 9, 18: 15, 19: 26, 20: 45, 21: 52, 22: 115, 23: 100, 24: 600, 28: 5, 32: 8}
	lengths6 = map[int]int{28: 5, 29: 30, 32: 120, 33: 20, 36: 55, 38: 15, 40: 90, 42: 20, 44: 100, 45: 20, 46: 30, 47: 25, 48: 440, 64: 20, 128: 10}
)

// internet returns n prefixes with the lengths of the Internet's, at random, which is
// worse for caches than how they are there.
func internet(r *rand.Rand, n int) []netip.Prefix { return internetOf(r, n, 0) }

// internetOf is internet for one family, for both if that is zero.
func internetOf(r *rand.Rand, n, family int) []netip.Prefix {
	draw := func(of map[int]int) int {
		left := r.IntN(1000)
		for bits := 0; ; bits++ {
			if left -= of[bits]; left < 0 {
				return bits
			}
		}
	}
	var all []netip.Prefix
	seen := make(map[netip.Prefix]bool)
	for len(all) < n {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0], b[1] = 0x20|b[0]&15, b[1]&1
		p, _ := netip.AddrFrom16(b).Prefix(draw(lengths6))
		if family == 4 || family == 0 && len(all)%5 > 0 {
			p, _ = netip.AddrFrom4([4]byte{byte(1 + r.IntN(223)), b[2], b[3], b[4]}).Prefix(draw(lengths4))
		}
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}

// within returns a random address of a prefix.
func within(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= byte(r.Uint32()) & (0x80 >> (i % 8))
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// BenchmarkRouteLookup looks up random destinations that are behind so many routes by 16
// gateways, mostly of IPv4 or all of one family.
func BenchmarkRouteLookup(b *testing.B) {
	for _, n := range []int{2, 8, 9, 16, 1000, 100_000} {
		b.Run(fmt.Sprintf("%droutes", n), func(b *testing.B) { benchmarkLookup(b, n, 0) })
	}
	for _, family := range []int{4, 6} {
		b.Run(fmt.Sprintf("100000routes/ipv%d", family), func(b *testing.B) { benchmarkLookup(b, 100_000, family) })
	}
}

func benchmarkLookup(b *testing.B, n, family int) {
	r := rand.New(rand.NewPCG(1, 2))
	prefixes := internetOf(r, n, family)
	var table routeTable
	for i, p := range prefixes {
		table.add(Route{Prefix: p, Gateway: netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i%16)})})
	}
	dsts := make([]netip.Addr, 1<<17)
	for i := range dsts {
		dsts[i] = within(r, prefixes[r.IntN(len(prefixes))])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if r := table.lookup(dsts[i&(1<<17-1)]); r == nil || !r.Gateway.IsValid() {
			b.Fatal("there should be a route to each destination")
		}
	}
	if table.many != nil {
		trie := &table.many.trie
		bytes := 8*len(trie.cells) + 8*len(trie.long.slots) + 8*len(trie.long.cells) + 16*len(trie.short.lists)
		for _, top := range trie.top {
			if top != nil {
				bytes += 8 * len(top)
			}
		}
		b.ReportMetric(float64(bytes)/float64(n), "trie-B/route")
	}
}

// BenchmarkRouteChange adds a route to 100,000 others and removes it again.
func BenchmarkRouteChange(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	prefixes := internet(r, 110_000)
	var table routeTable
	route := func(i int) Route {
		return Route{Prefix: prefixes[i], Gateway: netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i%16)})}
	}
	for i := range 100_000 {
		table.add(route(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := route(100_000 + i%10_000)
		table.add(r)
		table.remove(r.Prefix, func(*Route) bool { return true })
	}
}

// BenchmarkRouteAmongMany is what the first packet to a destination costs with
// 10,000 routes.
func BenchmarkRouteAmongMany(b *testing.B) {
	l := New(event.NewVirtual(1), new(packet.Pool))
	for n := range 10_000 {
		to := netip.AddrFrom4([4]byte{20, byte(n >> 8), byte(n), 0})
		l.insertRoute(Route{Prefix: netip.PrefixFrom(to, 28), Interface: l.lo()})
	}
	l.insertRoute(Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Interface: l.lo()})
	dst := netip.MustParseAddr("10.0.2.2")
	b.ReportAllocs()
	for b.Loop() {
		if l.route(dst) == nil {
			b.Fatal("there is a default route")
		}
	}
}
