package network

// When a family has a routeTop, and does not any more: by its prefixes.
const (
	topFrom  = 1 << 13
	topUntil = topFrom / 2
)

// resize gives a family with so many prefixes a routeTop, or takes it away.
func (t *routeTrie) resize(root, prefixes int) {
	switch {
	case prefixes >= topFrom && t.top[root] == nil:
		t.expandTop(root, 0)
		t.top[root] = new(routeTop)
		t.pointAll(root)
	case prefixes < topUntil:
		t.top[root] = nil
	}
}

// expandTop makes nodes of the leaves above the 17th bit, which a routeTop does not show.
func (t *routeTrie) expandTop(at, depth int) {
	t.expand(at)
	node := t.cells[at].node()
	if depth == 2 || node == 0 || node.narrow() {
		return
	}
	first, last := t.place(node, 0xff)
	for run := range last + 1 {
		t.expandTop(first+run, depth+1)
	}
}

// point notes where the node is below the first bits of an address.
func (t *routeTrie) point(root int, hi uint64) {
	top := t.top[root]
	if top == nil {
		return
	}
	c := t.cells[root]
	for shift := 56; shift >= 48 && c.node() != 0; shift -= 8 {
		c = t.find(c.node(), int(hi>>shift&0xff))
	}
	top[hi>>48] = c.node()
}

func (t *routeTrie) pointAll(root int) {
	if t.top[root] != nil {
		for n := range uint64(1 << 16) {
			t.point(root, n<<48)
		}
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
