package inspect

// place is a conversation's place in the order of its last activity.
type place struct {
	prev, next *place
	owner      talk
}

// talk is a conversation of any kind.
type talk interface {
	over() bool
	forget(t *Tracker)
}

// recency lists conversations, the longest silent first.
type recency struct {
	first, last *place
	n           int
}

func (r *recency) add(p *place) {
	p.prev, p.next = r.last, nil
	if r.last == nil {
		r.first = p
	} else {
		r.last.next = p
	}
	r.last = p
	r.n++
}

func (r *recency) remove(p *place) {
	if p.prev == nil {
		r.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		r.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	r.n--
}

func (r *recency) touch(p *place) {
	if r.last != p {
		r.remove(p)
		r.add(p)
	}
}

// victim is the first that is over among the longest silent, or the longest
// silent of all.
func (r *recency) victim() *place {
	const look = 64
	p := r.first
	for i := 0; p != nil && i < look; i++ {
		if p.owner.over() {
			return p
		}
		p = p.next
	}
	return r.first
}

const defaultMaxConversations = 1 << 16

func (t *Tracker) remember(p *place, owner talk) {
	limit := t.MaxConversations
	if limit <= 0 {
		limit = defaultMaxConversations
	}
	for t.recent.n >= limit {
		old := t.recent.victim()
		t.recent.remove(old)
		old.owner.forget(t)
		t.counts.Forgotten++
	}
	p.owner = owner
	t.recent.add(p)
}

func (c *conversation) over() bool { return true }

func (c *conversation) forget(t *Tracker) { delete(t.udp, c.flow) }

func (c *connection) over() bool { return c.reset || c.ends[0].finAcked && c.ends[1].finAcked }

// forget leaves the table alone if a newer connection has the same ports.
func (c *connection) forget(t *Tracker) {
	if t.tcp[c.flow] == c {
		delete(t.tcp, c.flow)
	}
}
