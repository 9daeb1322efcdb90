package event

// Expirer is what a Timer belongs to: it is told, with the turn held, that the
// timer has run out.
type Expirer interface {
	Expire(t *Timer)
}

// Timer is one pending moment, meant to be a field of the structure it serves,
// so that starting and moving it allocates nothing. Timers due at the same
// moment expire in the order in which they were set.
//
// Moving a timer later is the common case (every acknowledgement restarts the
// retransmission timer), so it only writes two words: the heap keeps the old,
// earlier key and corrects it when that comes to the top. Timers that are due seconds
// from now wait elsewhere, see distant.
type Timer struct {
	loop  *Loop
	owner Expirer
	when  Time
	seq   uint64
	slot  int32 // place in the heap plus one; if negative, in its distant second

	second uint8 // which of the distant ones
}

// Init ties the timer to its loop and its owner. It must come before any other
// call and leaves the timer unset.
func (t *Timer) Init(l *Loop, owner Expirer) {
	*t = Timer{loop: l, owner: owner, when: Never}
}

// Reset sets the timer to expire at when, wherever it was set before.
// Reset(Never) unsets it.
func (t *Timer) Reset(when Time) {
	t.when = when
	if when == Never {
		return
	}
	h := &t.loop.timers
	h.seq++
	t.seq = h.seq
	switch {
	case t.slot < 0 && when >= h.distant.begin(t):
	case t.slot <= 0:
		t.unqueue()
		h.add(t)
	case when < h.entries[t.slot-1].when:
		i := int(t.slot - 1)
		h.entries[i].when, h.entries[i].seq = when, t.seq
		h.up(i)
	}
}

// Stop unsets the timer and takes it out of the loop at once, so that nothing
// keeps its owner alive.
func (t *Timer) Stop() {
	t.when = Never
	t.unqueue()
}

func (t *Timer) unqueue() {
	switch {
	case t.slot > 0:
		t.loop.timers.remove(int(t.slot - 1))
	case t.slot < 0:
		t.loop.timers.distant.remove(t)
	}
}

// When returns the moment at which the timer will expire, or Never.
func (t *Timer) When() Time { return t.when }

// heap is a four-ary heap of timers by (when, seq). The keys stand in the
// entries, so that sifting touches one array only.
type heap struct {
	entries []entry
	seq     uint64
	distant distant
}

type entry struct {
	when  Time
	seq   uint64
	timer *Timer
}

func (a *entry) before(b *entry) bool {
	return a.when < b.when || (a.when == b.when && a.seq < b.seq)
}

// add takes a timer that waits nowhere.
func (h *heap) add(t *Timer) {
	if h.distant.takes(t) {
		h.distant.add(t)
	} else {
		h.push(t)
	}
}

func (h *heap) push(t *Timer) {
	h.entries = append(h.entries, entry{t.when, t.seq, t})
	t.slot = int32(len(h.entries))
	h.up(len(h.entries) - 1)
}

func (h *heap) remove(i int) {
	h.entries[i].timer.slot = 0
	last := len(h.entries) - 1
	moved := h.entries[last]
	h.entries[last] = entry{}
	h.entries = h.entries[:last]
	if i == last {
		return
	}
	h.place(i, moved)
	h.down(i)
	h.up(int(moved.timer.slot - 1))
}

// least returns a moment before which no timer expires, and mostly the moment at
// which one does: what was moved later still counts with where it was.
func (h *heap) least() Time {
	first := h.distant.least()
	if len(h.entries) > 0 && h.entries[0].when < first {
		return h.entries[0].when
	}
	return first
}

// next returns the timer that expires first, nil when none is set. It first
// corrects the keys of timers that were moved or unset since they were queued.
func (h *heap) next() *Timer {
	for {
		second := h.distant.least()
		switch empty := len(h.entries) == 0; {
		case empty && second == Never:
			return nil
		case empty || second <= h.entries[0].when:
			h.distant.spill(h)
			continue
		}
		top := &h.entries[0]
		t := top.timer
		switch {
		case t.when == Never:
			h.remove(0)
		case t.when == top.when && t.seq == top.seq:
			return t
		case h.distant.takes(t):
			h.remove(0)
			h.distant.add(t)
		default:
			top.when, top.seq = t.when, t.seq
			h.down(0)
		}
	}
}

func (h *heap) place(i int, e entry) {
	h.entries[i] = e
	e.timer.slot = int32(i + 1)
}

func (h *heap) up(i int) {
	e := h.entries[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&h.entries[parent]) {
			break
		}
		h.place(i, h.entries[parent])
		i = parent
	}
	h.place(i, e)
}

func (h *heap) down(i int) {
	e := h.entries[i]
	for {
		least, first := -1, 4*i+1
		for child := first; child < first+4 && child < len(h.entries); child++ {
			if least < 0 || h.entries[child].before(&h.entries[least]) {
				least = child
			}
		}
		if least < 0 || !h.entries[least].before(&e) {
			break
		}
		h.place(i, h.entries[least])
		i = least
	}
	h.place(i, e)
}
