// Package event decides what runs next and what time it is. It holds the only
// clock and the only source of randomness of a network.
//
// All protocol state of one network belongs to its Loop's turn: whoever has
// called Lock may touch it, and nobody else. Below the sockets there are no
// other locks, no goroutines and no channels.
//
// A turn goes like this:
//
//  1. A call from an application, or the loop's own driver when a timer is due,
//     takes the turn (Lock).
//  2. It works on the protocol state. What must follow from that without a
//     delay, such as a packet arriving at the other end of a bare wire, it
//     posts (Post) instead of calling, so no layer is ever entered twice.
//  3. It gives the turn back (Unlock, or Wait in a blocking call). Everything
//     posted runs first, in order, until nothing is left.
//
// There are three kinds of time. NewReal follows the machine's clock.
// NewVirtual jumps from event to event and runs tasks as coroutines, so that
// one seed gives one run. NewBubble is the real loop made for a
// testing/synctest bubble, where goroutines of other libraries take part.
package event

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// Errors of the waiting calls.
var (
	// ErrClosed says that the loop has ended, and with it whatever was awaited.
	ErrClosed = errors.New("event: the loop is closed")
	// ErrTimeout says that the moment given to a waiting call has come.
	ErrTimeout = errors.New("event: timed out")
	// ErrDeadlock says that in virtual time nothing is left that could end the
	// wait: no timer is set and every task is blocked.
	ErrDeadlock = errors.New("event: blocked for ever: no timer is set and every task waits")
)

// Runner is work that was posted.
type Runner interface {
	Run()
}

type kind uint8

const (
	virtualTime kind = iota
	realTime
	bubbleTime
)

// Loop is the turn, the time, the timers and the randomness of one network.
type Loop struct {
	gate   turnstile // to the turn; unused in virtual time, where one thing runs anyway
	kind   kind
	now    Time
	stale  bool // real time: whoever asks first in a turn looks at the clock
	rough  rough
	timers tournament
	posted fifo
	turn   uint64
	rand   *rand.Rand
	closed bool

	waiters []*waiter // of every blocked call, and spare ones
	settled bool      // Settle was called in this turn
	letIn   letIn
	woken   *waiter // of the calls that go on when the turn is given back the last
	spare   *waiter // waiters to use again, linked by their own spare
	spares  int

	handedIn atomic.Pointer[waiter] // more of those, linked by spare too

	shared map[any]any // see Shared

	scheduler // virtual time
	driver    // real time
}

// NewVirtual returns a loop in virtual time. Everything on it happens on the
// goroutine that calls Run or a blocking call, and is a function of the seed.
func NewVirtual(seed uint64) *Loop {
	return newLoop(virtualTime, seed)
}

// NewReal returns a loop that follows the machine's clock. It has one
// goroutine, the driver, which ends with Close.
func NewReal(seed uint64) *Loop {
	l := newLoop(realTime, seed)
	l.startDriver()
	return l
}

// NewBubble returns a loop for use inside a testing/synctest bubble: virtual
// time for goroutines that know nothing of this package. All reactions to one
// event are over before the next event happens. To that end the driver calls
// synctest.Wait, in which only one goroutine of a bubble may be: whoever else wants
// to wait until all reactions are over calls Sleep(0). As in every bubble, nothing
// goes on while a goroutine waits for a sync.Mutex: who holds one that others want
// must not wait for the network.
func NewBubble(seed uint64) *Loop {
	l := newLoop(bubbleTime, seed)
	l.startDriver()
	return l
}

func newLoop(k kind, seed uint64) *Loop {
	l := &Loop{kind: k, rand: rand.New(rand.NewPCG(seed, 0x5e97e7))}
	l.rough.timer.Init(l, &l.rough)
	return l
}

// Virtual reports whether the loop's time is its own (NewVirtual).
func (l *Loop) Virtual() bool { return l.kind == virtualTime }

// Simulated reports whether the loop's time is not the machine's: it passes as
// fast as the events of the network allow (NewVirtual and NewBubble).
func (l *Loop) Simulated() bool { return l.kind != realTime }

// Now returns the time of this turn. The turn must be held.
func (l *Loop) Now() Time {
	if l.stale {
		l.readClock()
	}
	return l.now
}

// Rand returns the network's source of randomness. The turn must be held.
func (l *Loop) Rand() *rand.Rand { return l.rand }

// Shared returns what the loop has under a key, and makes it first if it has nothing. It
// is for the working space of layers: within a turn only one of all hosts' is at work, and
// what the last one has used is in the processor's caches. The turn must be held.
func (l *Loop) Shared(key any, make func() any) any {
	x, ok := l.shared[key]
	if !ok {
		x = make()
		if l.shared == nil {
			l.shared = map[any]any{}
		}
		l.shared[key] = x
	}
	return x
}

// Lock takes the turn.
func (l *Loop) Lock() {
	if l.kind == virtualTime {
		return
	}
	if !l.gate.held.TryLock() {
		l.await()
	}
	l.stale = true
}

// await takes the turn when somebody else has it.
func (l *Loop) await() {
	if l.kind == bubbleTime {
		l.gate.held.Lock() // so that the bubble's clock stands meanwhile
		return
	}
	l.gate.enter(l)
}

// Unlock runs what was posted and gives the turn back.
func (l *Loop) Unlock() {
	l.settle()
	if l.kind == virtualTime {
		return
	}
	if l.letIn.asked {
		l.giveWay()
	}
	l.rouse()
	if !l.settled || l.woken == nil || l.partFor(l.woken) {
		l.giveBack()
	}
}

// Yield is Unlock and Lock: others may have their turns meanwhile.
func (l *Loop) Yield() {
	l.settle()
	if l.kind == virtualTime {
		return
	}
	l.rouse()
	if l.settled && l.woken != nil {
		if l.partFor(l.woken) {
			return
		}
	} else {
		l.giveBack()
	}
	l.Lock()
}

// partFor gives the turn back and has w go first, whom settled work has woken. If others
// wait for the turn too, partFor returns with a new one, which it reports.
func (l *Loop) partFor(w *waiter) bool {
	if l.gate.stand.Load() > 0 && w.handed.Load() == 0 {
		l.settled, l.letIn.asked = false, false
		l.gate.aside(l, l.heir())
		l.stale = true
		return true
	}
	l.giveBack()
	runtime.Gosched()
	return false
}

// giveBack ends a turn that is not virtual. The goroutines woken in it are let go on
// only now: earlier, they would start on another processor, find the turn taken and go
// to sleep again.
func (l *Loop) giveBack() {
	l.settled, l.letIn.asked = false, false
	heir := l.woken
	if heir != nil {
		heir = l.heir()
	}
	l.gate.leave(l, heir)
}

// heir returns the waiter woken last in a turn that ends, in which there is one, and has
// the others go on. He is let go on when the turn is free. Where his waker blocks next,
// Go's scheduler mostly goes on with him on the same processor.
func (l *Loop) heir() *waiter {
	w := l.woken
	l.woken = nil
	if w.also != nil {
		w.letOthersGo()
	}
	return w
}

// letOthersGo lets go on who was woken before w in the same turn.
func (w *waiter) letOthersGo() {
	other := w.also
	w.also = nil
	for other != nil {
		next := other.also
		other.also = nil
		other.Run()
		other = next
	}
}

// Turn returns a number that changes whenever all posted work is done: bytes
// borrowed under an earlier number are not looked at any more.
func (l *Loop) Turn() uint64 { return l.turn }

// Post has r run before the turn ends, after all that was posted earlier. The
// turn must be held.
func (l *Loop) Post(r Runner) { l.posted.push(r) }

// Settle runs everything posted, and what that posts, within the turn. It is for
// whoever took the turn; what was posted must not call it.
//
// In real time those that it has woken go on before whoever took the turn: they have
// more to do than to notice that they may, and what they need is in the processor's
// caches now.
func (l *Loop) Settle() {
	l.settle()
	l.settled = true
}

// settle runs everything posted, and what that posts, until nothing is left.
func (l *Loop) settle() {
	for {
		r := l.posted.pop()
		if r == nil {
			l.turn++
			return
		}
		r.Run()
	}
}

// Close ends the loop: every blocked call returns ErrClosed, and so does every
// later one; no timer expires any more. In virtual time it runs the tasks until
// they have unwound. It does not wait for goroutines in real time.
func (l *Loop) Close() {
	l.Lock()
	l.closed = true
	l.wakeAll(ErrClosed)
	if l.kind == bubbleTime {
		l.releaseAll()
	}
	l.Unlock()
	if l.kind == virtualTime {
		l.unwind()
	} else {
		l.stopDriver()
	}
}

// fifo is a queue of posted work in a ring that is used again and again.
type fifo struct {
	ring       []Runner
	head, size int
}

func (q *fifo) push(r Runner) {
	if q.size == len(q.ring) {
		grown := make([]Runner, max(16, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.size)&(len(q.ring)-1)] = r
	q.size++
}

func (q *fifo) pop() Runner {
	if q.size == 0 {
		return nil
	}
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.size--
	return r
}

// Sleep blocks the caller for d on the loop's clock. It is called without the
// turn and returns ErrClosed when the loop ends first.
func (l *Loop) Sleep(d time.Duration) error {
	l.Lock()
	defer l.Unlock()
	var nobody Cond
	if err := l.Wait(&nobody, l.Now().Add(d)); err != ErrTimeout {
		return err
	}
	return nil
}
