package event

import "sync"

// Cond is a condition that blocking calls wait for: "this socket has data".
// The zero value is ready for use and costs one word.
type Cond struct{ waiters waiterList }

// waiter is one blocked call. Waiters are kept and used again, so that blocking
// allocates nothing.
type waiter struct {
	loop  *Loop
	cond  *Cond
	err   error // why it was woken, once it was
	woken bool
	timer Timer

	parked   bool // its goroutine or task sleeps
	released bool // and may go on (not in virtual time)

	next, prev *waiter // of those who wait for the same condition, see waiterList
	place      int     // in the loop's list of all waiters
	spare      *waiter // the next of those to be used again
	also       *waiter // woken before it in the same turn

	task *Task     // virtual time: whom to resume, nil for a call outside every task
	park sync.Cond // real time
}

// Wait blocks until c is signalled (nil), the moment until has come
// (ErrTimeout), the loop ends (ErrClosed) or, in virtual time, nothing can ever
// end the wait (ErrDeadlock). The turn must be held; it is given away while
// waiting and held again on return. As with sync.Cond, the caller looks again
// whether what it waited for is true.
func (l *Loop) Wait(c *Cond, until Time) error {
	if l.closed {
		return ErrClosed
	}
	w := l.newWaiter(c)
	if until != Never {
		w.timer.Reset(until)
	}
	// What is still posted may be exactly what this call waits for.
	l.settle()
	if !w.woken {
		l.block(w)
	}
	err := w.err
	l.freeWaiter(w)
	return err
}

// Signal wakes every call that waits for c. The turn must be held.
func (l *Loop) Signal(c *Cond) {
	for c.waiters.first != nil {
		l.wake(c.waiters.first, nil)
	}
}

// SignalOne wakes the call that has waited longest for c.
func (l *Loop) SignalOne(c *Cond) {
	if c.waiters.first != nil {
		l.wake(c.waiters.first, nil)
	}
}

// SignalNewest wakes the call that began to wait for c last.
func (l *Loop) SignalNewest(c *Cond) {
	if c.waiters.first != nil {
		l.wake(c.waiters.first.prev, nil)
	}
}

// Awaited reports whether a call waits for c that was not woken yet.
func (c *Cond) Awaited() bool { return c.waiters.first != nil }

// Expire wakes a waiter whose time has come.
func (w *waiter) Expire(*Timer) { w.loop.wake(w, ErrTimeout) }

func (l *Loop) block(w *waiter) {
	w.parked = true
	if l.kind == virtualTime {
		l.blockTask(w)
	} else {
		l.rouse()
		for !w.released {
			w.park.Wait()
		}
		l.arrived(w)
	}
	w.parked = false
}

// Run lets the goroutine of a waiter that was woken in a bubble go on.
func (w *waiter) Run() {
	w.released = true
	w.park.Signal()
}

func (l *Loop) wake(w *waiter, err error) {
	w.woken, w.err = true, err
	w.cond.waiters.remove(w)
	if w.timer.When() != Never {
		w.timer.Reset(Never)
	}
	switch {
	case !w.parked:
		// Woken by what was still posted: Wait sees it and does not block.
	case l.kind == virtualTime:
		l.resume(w)
	case l.kind == bubbleTime && !l.closed:
		l.ready.push(w) // the driver lets them go on one at a time
	default:
		w.released = true
		l.expect(w)
		w.also, l.woken = l.woken, w
	}
}

const maxSpareWaiters = 256

func (l *Loop) newWaiter(c *Cond) *waiter {
	w := l.spare
	if w == nil {
		w = l.makeWaiter()
	} else {
		l.spare = w.spare
		l.spares--
	}
	w.woken, w.released, w.err, w.cond, w.task = false, false, nil, c, l.current
	c.waiters.add(w)
	return w
}

// makeWaiter returns a waiter that stands in the loop's list of all, as long as it is
// used or kept: so a call that blocks needs to be entered nowhere.
func (l *Loop) makeWaiter() *waiter {
	w := &waiter{loop: l, place: len(l.waiters)}
	l.waiters = append(l.waiters, w)
	w.park.L = (*turn)(l)
	w.timer.Init(l, w)
	return w
}

func (l *Loop) freeWaiter(w *waiter) {
	w.cond, w.task = nil, nil
	if l.spares < maxSpareWaiters {
		w.spare, l.spare = l.spare, w
		l.spares++
		return
	}
	w.timer.Stop()
	last := len(l.waiters) - 1
	other := l.waiters[last]
	l.waiters[w.place], other.place = other, w.place
	l.waiters[last] = nil
	l.waiters = l.waiters[:last]
}

// wakeAll wakes every blocked call.
func (l *Loop) wakeAll(err error) {
	for _, w := range l.waiters {
		if w.cond != nil && !w.woken {
			l.wake(w, err)
		}
	}
}

// waiterList holds those who wait for one condition, oldest first. It is a ring, so that
// the list itself is one word.
type waiterList struct{ first *waiter }

func (q *waiterList) add(w *waiter) {
	first := q.first
	if first == nil {
		w.next, w.prev = w, w
		q.first = w
		return
	}
	w.next, w.prev = first, first.prev
	first.prev.next = w
	first.prev = w
}

func (q *waiterList) remove(w *waiter) {
	if w.next == w {
		q.first = nil
		return
	}
	if q.first == w {
		q.first = w.next
	}
	w.next.prev, w.prev.next = w.prev, w.next
}
