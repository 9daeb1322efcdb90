package event

// letIn is how a goroutine that takes turn after turn lets another one come that it has
// woken, in real time.
//
// A goroutine that was woken comes when Go's scheduler and the machine's let it, which
// may be thousands of turns later, or ten milliseconds where there is one processor. Who
// fills a queue meanwhile fills it with what is long gone from the caches when it is
// read, or what is dropped for want of room.
type letIn struct {
	asked  bool // in this turn
	coming int  // were woken and have not had their turn
	came   Cond
}

// LetIn has whoever has the turn wait, when it ends with Unlock, until one of those that
// were woken has had a turn, if anybody was. They are on their way, so it does not take
// long. It is for a layer whose queue is filled faster than it is read; in simulated time
// it does nothing.
func (l *Loop) LetIn() { l.letIn.asked = l.kind == realTime }

// giveWay does what LetIn has asked for.
func (l *Loop) giveWay() {
	if l.letIn.asked = false; l.letIn.coming > 0 {
		_ = l.Wait(&l.letIn.came, Never) // the end of the loop ends it too
	}
}

// expect notes that w will come.
func (l *Loop) expect(w *waiter) {
	if l.kind == realTime && w.cond != &l.letIn.came && w.handed.Load() == 0 {
		l.letIn.coming++
	}
}

// arrived notes that w has come. Who waits for that goes on after his turn.
func (l *Loop) arrived(w *waiter) {
	if l.kind == realTime && w.cond != &l.letIn.came {
		l.letIn.coming--
		l.Signal(&l.letIn.came)
	}
}
