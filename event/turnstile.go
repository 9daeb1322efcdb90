package event

import (
	"sync"
	"sync/atomic"
	"time"
)

// turnstile gives the turn of a loop in real time to one goroutine at a time.
//
// Nothing of the protocols is worked on in parallel, so it does not matter who comes
// next, except for the caches: what a turn has moved is read best by whoever it has
// woken, and is overwritten best by whoever moved it. A sync.Mutex does the opposite
// once somebody has waited for a millisecond: from then on all go in the order in which
// they came, and of many connections each finds what it needs gone from the caches. Here
//
//   - who has been woken from a Wait in a turn is next after it, if he is quick enough:
//     nobody else is called;
//   - otherwise who came last is called, as he has been away from the turn the shortest;
//   - who has stood longest is handed the turn after a while (patience), one each while.
//
// Whoever finds the turn free takes it, called or not.
type turnstile struct {
	held   sync.Mutex   // the turn
	stand  atomic.Int32 // how many stand in the line
	handed Time         // when the turn was last handed over; belongs to the turn

	mu             sync.Mutex // over what follows; under the turn
	newest, oldest *claim     // the line
	called         bool       // somebody was called and has not tried yet
	spare          *claim     // claims to use again, linked by older
	spares         int
}

// claim is one goroutine that waits for the turn.
type claim struct {
	newer, older *claim
	inLine       bool
	handed       bool          // the turn is his already
	since        Time          // when he came
	call         chan struct{} // holds one
}

// maxSpareClaims bounds how many are kept. They are kept with their loop, because a
// channel that was made in a bubble of testing/synctest must not be used outside of it.
const maxSpareClaims = 256

// patience is for how long one may stand in the line while others take their turns. It
// is the least time between two hand-overs too, which cost a little each: the turn is
// nobody's until the other goroutine runs. Of a thousand that wait the last comes after
// fifty milliseconds. With ten times as much, a few connections have the turn to
// themselves, and half of a thousand stand still for half a second.
const patience = 50 * time.Microsecond

func (t *turnstile) newClaim(now Time) *claim {
	t.mu.Lock()
	c := t.spare
	if c != nil {
		t.spare, c.older = c.older, nil
		t.spares--
	}
	t.mu.Unlock()
	if c == nil {
		c = &claim{call: make(chan struct{}, 1)}
	}
	c.since, c.handed = now, false
	return c
}

func (t *turnstile) freeClaim(c *claim) {
	t.mu.Lock()
	if t.spares < maxSpareClaims {
		c.older, t.spare = t.spare, c
		t.spares++
	}
	t.mu.Unlock()
}

// enter waits for the turn.
func (t *turnstile) enter(l *Loop) {
	c := t.newClaim(l.elapsed())
	t.lineUp(c)
	if t.held.TryLock() { // it was given back before c could be called
		t.stepOut(c)
	} else {
		t.await(c)
	}
	t.freeClaim(c)
}

// aside gives the turn to heir and returns with it when others have had theirs.
func (t *turnstile) aside(l *Loop, heir *waiter) {
	next := t.overdue(l) // where nobody stands any more it is nobody
	c := t.newClaim(l.now)
	t.lineUp(c)
	t.pass(next)
	heir.park.Signal()
	t.await(c)
	t.freeClaim(c)
}

// pass gives the turn to next, or to whoever takes it if that is nil.
func (t *turnstile) pass(next *claim) {
	if next == nil {
		t.held.Unlock()
	} else {
		next.call <- struct{}{}
	}
}

// await waits for the turn in the line.
func (t *turnstile) await(c *claim) {
	for {
		<-c.call
		if c.handed {
			return
		}
		got := t.held.TryLock()
		t.mu.Lock()
		t.called = false
		t.mu.Unlock()
		if got {
			return
		}
		t.lineUp(c)
		if t.held.TryLock() {
			t.stepOut(c)
			return
		}
	}
}

// leave gives the turn back. heir was woken in it, or is nil.
func (t *turnstile) leave(l *Loop, heir *waiter) {
	var next *claim
	if t.stand.Load() > 0 {
		next = t.overdue(l)
	}
	t.pass(next)
	switch {
	case heir != nil:
		heir.park.Signal() // he takes the turn, and calls the next one when he leaves
	case next == nil && t.stand.Load() > 0:
		t.callNewest()
	}
}

// overdue takes who stands longest out of the line and gives him the turn, if it is
// time for that.
func (t *turnstile) overdue(l *Loop) *claim {
	now := l.Now()
	if now.Sub(t.handed) <= patience {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.oldest
	if c == nil || now.Sub(c.since) <= patience {
		return nil
	}
	t.remove(c)
	t.handed, c.handed = now, true
	return c
}

// callNewest wakes who came last, if nobody is on his way.
func (t *turnstile) callNewest() {
	t.mu.Lock()
	c := t.newest
	if c == nil || t.called {
		t.mu.Unlock()
		return
	}
	t.called = true
	t.remove(c)
	t.mu.Unlock()
	c.call <- struct{}{}
}

// lineUp puts c at the newest end of the line.
func (t *turnstile) lineUp(c *claim) {
	t.mu.Lock()
	c.older, c.inLine = t.newest, true
	if t.newest != nil {
		t.newest.newer = c
	} else {
		t.oldest = c
	}
	t.newest = c
	t.stand.Add(1)
	t.mu.Unlock()
}

// stepOut takes c, who has the turn without having been called, out of the line; or he
// has been called meanwhile.
func (t *turnstile) stepOut(c *claim) {
	t.mu.Lock()
	called := !c.inLine
	if called {
		t.called = false
	} else {
		t.remove(c)
	}
	t.mu.Unlock()
	if called {
		<-c.call
	}
}

func (t *turnstile) remove(c *claim) {
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		t.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		t.oldest = c.newer
	}
	c.newer, c.older, c.inLine = nil, nil, false
	t.stand.Add(-1)
}
