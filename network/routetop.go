package network

// routeTop has, by the first 16 bits of an address, what is below them. Where that says
// nothing of an address, the trie is asked from its root.
type routeTop [1 << 16]topEntry

// When a family has a routeTop, and does not any more: by its prefixes.
const (
	topFrom  = 1 << 13
	topUntil = topFrom / 2
)

// How many levels of a family have no leaves while it has a routeTop, so that what this
// shows is there: the node below the first 16 bits, and in IPv6 the cell of the first 32.
var topLevels = [...]int{root4: 2, root6: 3}

// resize gives a family with so many prefixes a routeTop, or takes it away.
func (t *routeTrie) resize(root, prefixes int) {
	switch {
	case prefixes >= topFrom && t.top[root] == nil:
		t.expandTop(root, 0, topLevels[root])
		t.top[root] = new(routeTop)
		t.pointAll(root)
	case prefixes < topUntil && t.top[root] != nil:
		t.top[root] = nil
		if root == root6 {
			t.long = longTable{}
		} else {
			t.short = shortLists{}
		}
	}
}

// expandTop makes nodes of the leaves of the first levels.
func (t *routeTrie) expandTop(at, depth, levels int) {
	t.expand(at)
	node := t.cells[at].node()
	if depth == levels || node == 0 || node.narrow() {
		return
	}
	first, last := t.place(node, 0xff)
	for run := range last + 1 {
		t.expandTop(first+run, depth+1, levels)
	}
}

// point notes what is below the first bits of a prefix of so many, which has just changed.
func (t *routeTrie) point(root int, hi uint64, length int) {
	top := t.top[root]
	if top == nil {
		return
	}
	c := t.after(t.cells[root], hi, 2)
	if root == root4 {
		t.short.vacate(top[hi>>48])
		top[hi>>48] = t.summary(c)
	} else {
		top[hi>>48] = topEntry(c.node())
	}
	if root == root6 && length >= longBits {
		t.long.set(uint32(hi>>32), ofLong(t.after(c, hi<<16, 2)))
	}
}

// after returns the cell that is some levels below one for an address, zero if there is
// none.
func (t *routeTrie) after(c routeCell, hi uint64, levels int) routeCell {
	for range levels {
		if c.node() == 0 {
			return 0
		}
		c = t.find(c.node(), int(hi>>56))
		hi <<= 8
	}
	return c
}

func (t *routeTrie) pointAll(root int) {
	if t.top[root] == nil {
		return
	}
	for n := range uint64(1 << 16) {
		t.point(root, n<<48, 0)
	}
	if root == root6 {
		t.long.clear()
		t.enterLong(t.cells[root], 0, 0)
	}
}

// enterLong notes the cells of the first 32 bits that are below one of fewer.
func (t *routeTrie) enterLong(c routeCell, first uint32, length int) {
	node := c.node()
	if node == 0 {
		return
	}
	at, last := t.place(node, 0xff)
	for run, from := 0, 0; run <= last; run++ {
		to := 0xff
		if run < last {
			to = t.end(node, run, from)
		}
		c := t.run(node, at, run)
		for value := from; value <= to && length+8 == longBits && ofLong(c) != 0; value++ {
			t.long.set(first|uint32(value), ofLong(c))
		}
		if length+8 < longBits {
			t.enterLong(c, first|uint32(from)<<(longBits-8-length), length+8)
		}
		from = to + 1
	}
}

// compact copies the nodes once a quarter of the cells is waste.
func (t *routeTrie) compact() {
	if t.waste < 1024 || t.waste < len(t.cells)/4 {
		return
	}
	old := t.cells
	t.cells, t.waste = make([]routeCell, firstNode, len(old)-t.waste), 0
	for _, root := range [...]int{root4, root6} {
		copied := t.take(old, old[root])
		t.cells[root] = copied
		t.pointAll(root)
	}
}

// take copies the node below a cell of old, and those below it, and returns the cell
// for the copy.
func (t *routeTrie) take(old []routeCell, c routeCell) routeCell {
	node := c.node()
	if c.leaf() || node == 0 {
		return c
	}
	from := routeTrie{cells: old}
	size := from.size(node)
	at, last := from.place(node, 0xff)
	index := len(t.cells)
	t.cells = append(t.cells, old[node.index():][:size]...)
	if !node.narrow() {
		at += index - node.index()
		for run := range last + 1 {
			copied := t.take(old, t.cells[at+run])
			t.cells[at+run] = copied
		}
	}
	return c.withNode(makeRef(index, node.kind(), node.narrow()))
}
