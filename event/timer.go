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
// retransmission timer), so it only writes two words: the queue keeps the old,
// earlier key and corrects it when that comes first. Timers that are due seconds
// from now wait elsewhere, see distant.
type Timer struct {
	loop  *Loop
	owner Expirer
	when  Time
	seq   uint64
	slot  int32 // place in the tournament plus one; if negative, in its distant second

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
	q := &t.loop.timers
	q.seq++
	t.seq = q.seq
	switch {
	case t.slot < 0 && when >= q.distant.begin(t):
	case t.slot <= 0:
		q.sooner = true
		t.unqueue()
		q.add(t)
	case when < q.keys[t.slot-1].when:
		q.sooner = true
		q.set(t.slot-1, key{when, t.seq})
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
		t.loop.timers.remove(t.slot - 1)
	case t.slot < 0:
		t.loop.timers.distant.remove(t)
	}
}

// When returns the moment at which the timer will expire, or Never.
func (t *Timer) When() Time { return t.when }
