package event

// A blocked call may be handed what it waits for. It goes on without a turn of its own
// then: in an exchange of short messages, who was woken would have nothing to do in that
// turn, and would meet there who has woken him and waits for the answer.

// WaitHanded is Wait for who needs the turn no more if he is handed what he waits for. If
// n is not zero, that has happened: he has not got the turn, which may be somebody else's.
func (l *Loop) WaitHanded(c *Cond, until Time) (n int, err error) {
	return l.wait(c, until, true)
}

// CanHand reports whether one call alone waits for c, by WaitHanded, in real time. The
// turn must be held.
func (l *Loop) CanHand(c *Cond) bool {
	w := c.waiters.first
	return w != nil && w.open && w.parked && w.next == w && l.kind == realTime
}

// Hand wakes the call of which CanHand has told, with n, which is not zero. What was done
// before is seen by whoever is woken.
func (l *Loop) Hand(c *Cond, n int) {
	w := c.waiters.first
	w.handed.Store(int64(n))
	l.wake(w, nil)
	w.cond = nil
}

// A waiter is the sync.Locker of its own park: a blocked call gives the turn back when it
// is ready to be woken, and takes it again afterwards, unless it was handed something.

// Lock takes the turn again.
func (w *waiter) Lock() {
	if w.handed.Load() == 0 {
		w.loop.Lock()
	}
}

// Unlock gives the turn back.
func (w *waiter) Unlock() { w.loop.giveBack() }

// handIn gives back a waiter without the turn.
func (l *Loop) handIn(w *waiter) {
	for {
		w.spare = l.handedIn.Load()
		if l.handedIn.CompareAndSwap(w.spare, w) {
			return
		}
	}
}

// takeIn makes those waiters spare that were handed in. There must be no other.
func (l *Loop) takeIn() {
	if l.handedIn.Load() == nil {
		return
	}
	l.spare = l.handedIn.Swap(nil)
	for w := l.spare; w != nil; w = w.spare {
		w.parked = false
		w.handed.Store(0)
		l.spares++
	}
}
