package event

import (
	"fmt"
	"iter"
	"strings"
)

// scheduler is what a loop in virtual time has: tasks, of which exactly one
// runs, or none while an event is worked on.
type scheduler struct {
	current *Task
	ready   fifo    // tasks, in a bubble goroutines, that may go on or begin
	tasks   []*Task // all that have not ended, in the order of their start
}

// Task is a coroutine of a loop in virtual time.
type Task struct {
	loop  *Loop
	name  string
	next  func() (struct{}, bool)
	yield func(struct{}) bool
}

// Go starts f under a name that Run's error can mention. In virtual time f is a
// task, which begins when the loop next runs; otherwise it is a goroutine, which
// in a bubble begins after those started before it have blocked. Go is called
// without the turn.
func (l *Loop) Go(name string, f func()) {
	switch l.kind {
	case realTime:
		go f()
		return
	case bubbleTime:
		l.startInOrder(f)
		return
	}
	t := &Task{loop: l, name: name}
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f()
	})
	l.tasks = append(l.tasks, t)
	l.ready.push(t)
}

// Run lets the task go on until it blocks or ends.
func (t *Task) Run() {
	outer, blocked := t.loop.current, false
	t.loop.current = t
	defer func() { // also when the task panics, or fails its test
		t.loop.current = outer
		if !blocked {
			t.loop.forget(t)
		}
	}()
	_, blocked = t.next()
}

func (l *Loop) forget(t *Task) {
	for i := range l.tasks {
		if l.tasks[i] == t {
			l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
			return
		}
	}
}

// BlockedError is Run's answer when tasks are left over.
type BlockedError struct {
	Now   Time
	Tasks []string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("event: at %v still blocked: %s", e.Now, strings.Join(e.Tasks, ", "))
}

// Run lets virtual time pass until the moment until, or, if until is Never,
// until no event is left. It returns a *BlockedError that names the tasks that
// have not ended. On a loop that is not virtual it just waits.
func (l *Loop) Run(until Time) error {
	if l.kind != virtualTime {
		return l.Sleep(until.Sub(l.elapsed()))
	}
	for l.step(until) {
	}
	if until != Never && until > l.now {
		l.now = until
	}
	if len(l.tasks) == 0 {
		return nil
	}
	blocked := &BlockedError{Now: l.now}
	for _, t := range l.tasks {
		blocked.Tasks = append(blocked.Tasks, t.name)
	}
	return blocked
}

// Step does one thing of a loop in virtual time, the next there is to do at or
// before the moment until, and reports whether there was one. It is for whoever
// drives the loop from outside and has to look between two events; Run is what
// everybody else wants. The clock stands at the event's moment afterwards.
func (l *Loop) Step(until Time) bool { return l.kind == virtualTime && l.step(until) }

// step does the next thing there is to do at or before the moment until: posted
// work, then a task that may go on, then the timer that is due first.
func (l *Loop) step(until Time) bool {
	if l.posted.size > 0 {
		l.settle()
	}
	if t := l.ready.pop(); t != nil {
		t.Run()
		return true
	}
	if l.closed {
		return false
	}
	t := l.timers.next()
	if t == nil || t.when > until {
		return false
	}
	l.expire(t)
	return true
}

// expire advances the clock to t's moment and fires it. The timer keeps its place
// meanwhile: most are set again by their owners at once, and then
// need to find their new place only once. Otherwise next takes it out.
func (l *Loop) expire(t *Timer) {
	if t.when > l.now {
		l.now = t.when
	}
	t.when = Never
	t.owner.Expire(t)
	l.settle()
}

func (l *Loop) blockTask(w *waiter) {
	if w.task != nil {
		w.task.yield(struct{}{})
		return
	}
	// A blocking call outside every task runs the network itself.
	for !w.woken {
		if !l.step(Never) {
			l.wake(w, ErrDeadlock)
		}
	}
}

func (l *Loop) resume(w *waiter) {
	if w.task != nil {
		l.ready.push(w.task)
	}
}

// unwind runs the tasks of a closed loop to their ends.
func (l *Loop) unwind() {
	if l.current != nil {
		return // called by a task: Run goes on with the others
	}
	for l.step(Never) {
	}
}
