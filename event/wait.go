package event

import "sync"

// Cond is a condition that blocking calls wait for: "this socket has data".
// The zero value is ready for use and costs one word.
type Cond struct {
	first, last *waiter
}

// waiter is one blocked call. Waiters are kept and used again, so that blocking
// allocates nothing.
type waiter struct {
	loop  *Loop
	cond  *Cond
	err   error // why it was woken, once it was
	woken bool
	timer Timer

	parked   bool // its goroutine sleeps
	released bool // and may go on

	next, prev       *waiter // among the waiters of cond
	allNext, allPrev *waiter // among all waiters of the loop

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
	for c.first != nil {
		l.wake(c.first, nil)
	}
}

// SignalOne wakes the call that has waited longest for c.
func (l *Loop) SignalOne(c *Cond) {
	if c.first != nil {
		l.wake(c.first, nil)
	}
}

// Waited reports whether any call waits for c.
func (c *Cond) Waited() bool { return c.first != nil }

// Expire wakes a waiter whose time has come.
func (w *waiter) Expire(*Timer) { w.loop.wake(w, ErrTimeout) }

func (l *Loop) block(w *waiter) {
	if l.kind == virtualTime {
		l.blockTask(w)
		return
	}
	l.rouse()
	for w.parked = true; !w.released; {
		w.park.Wait()
	}
	w.parked = false
	l.now = l.elapsed()
}

// Run lets the goroutine of a waiter that was woken go on.
func (w *waiter) Run() {
	w.released = true
	w.park.Signal()
}

func (l *Loop) wake(w *waiter, err error) {
	w.woken, w.err = true, err
	w.unlink()
	w.timer.Reset(Never)
	switch {
	case l.kind == virtualTime:
		l.resume(w)
	case l.kind == bubbleTime && w.parked && !l.closed:
		l.ready.push(w) // the driver lets them go on one at a time
	default:
		w.Run()
	}
}

const maxSpareWaiters = 256

func (l *Loop) newWaiter(c *Cond) *waiter {
	w := l.spare
	if w == nil {
		w = &waiter{loop: l}
		w.park.L = &l.mu
		w.timer.Init(l, w)
	} else {
		l.spare = w.next
		l.spares--
	}
	w.woken, w.released, w.err, w.cond, w.task = false, false, nil, c, l.current
	w.next, w.prev = nil, c.last
	if c.last != nil {
		c.last.next = w
	} else {
		c.first = w
	}
	c.last = w
	l.waiting.add(w)
	return w
}

func (l *Loop) freeWaiter(w *waiter) {
	w.cond, w.task = nil, nil
	if l.spares >= maxSpareWaiters {
		w.timer.Stop()
		return
	}
	w.next, w.prev = l.spare, nil
	l.spare = w
	l.spares++
}

// unlink takes the waiter off its condition and off the loop's list.
func (w *waiter) unlink() {
	c := w.cond
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		c.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		c.last = w.prev
	}
	w.next, w.prev = nil, nil
	w.loop.waiting.remove(w)
}

// waiterList holds every blocked call of a loop, oldest first.
type waiterList struct {
	first, last *waiter
}

func (q *waiterList) add(w *waiter) {
	w.allNext, w.allPrev = nil, q.last
	if q.last != nil {
		q.last.allNext = w
	} else {
		q.first = w
	}
	q.last = w
}

func (q *waiterList) remove(w *waiter) {
	if w.allPrev != nil {
		w.allPrev.allNext = w.allNext
	} else {
		q.first = w.allNext
	}
	if w.allNext != nil {
		w.allNext.allPrev = w.allPrev
	} else {
		q.last = w.allPrev
	}
	w.allNext, w.allPrev = nil, nil
}
