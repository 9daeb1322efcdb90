package event

import (
	"runtime"
	"testing/synctest"
	"time"
)

// driver is what a loop in real time has: a goroutine that sleeps until the next
// timer is due.
type driver struct {
	begin time.Time
	until Time          // how long the driver sleeps at most
	alarm chan struct{} // wakes it earlier
	done  chan struct{}

	released bool // a goroutine of a bubble was let go on and may still run
}

func (l *Loop) elapsed() Time {
	if l.kind == virtualTime {
		return l.now
	}
	return Time(time.Since(l.begin))
}

// readClock is not part of Now, so that Now is inlined.
//
//go:noinline
func (l *Loop) readClock() { l.now, l.stale = l.elapsed(), false }

func (l *Loop) startDriver() {
	l.begin = time.Now()
	l.alarm = make(chan struct{}, 1)
	l.done = make(chan struct{})
	l.until = Never
	go l.drive()
}

func (l *Loop) stopDriver() {
	select {
	case l.alarm <- struct{}{}:
	default:
	}
	<-l.done
}

// rouse wakes the driver if there is something for it to do before the moment it
// sleeps to: a timer is due, or in a bubble somebody may go on.
func (l *Loop) rouse() {
	if l.timers.sooner || l.ready.size > 0 {
		l.rouseDriver()
	}
}

func (l *Loop) rouseDriver() {
	l.timers.sooner = false
	switch {
	case l.ready.size > 0:
	case l.firstTimer() >= l.until:
		return
	default:
		l.until = l.timers.least()
	}
	select {
	case l.alarm <- struct{}{}:
	default:
	}
}

// firstTimer returns the moment at which the driver must look next. In real time it looks
// once too often rather than have every turn look for timers that were unset or moved
// later since they were queued: most of them soon are set again, later.
func (l *Loop) firstTimer() Time {
	if l.kind == realTime {
		if first := l.timers.least(); first > l.now {
			return first
		}
	}
	return l.timers.earliest()
}

// burst bounds how many timers the driver fires before others get a turn.
const burst = 64

func (l *Loop) drive() {
	defer close(l.done)
	sleep := time.NewTimer(forever)
	defer sleep.Stop()
	for {
		wait, more := l.fireDue()
		if !more {
			return
		}
		if wait == 0 {
			runtime.Gosched()
			continue
		}
		sleep.Reset(wait)
		if wait == forever && l.kind == bubbleTime {
			// Without a timer synctest finds out that nothing can happen any more.
			sleep.Stop()
		}
		select {
		case <-sleep.C:
		case <-l.alarm:
		}
	}
}

// forever is how long the driver sleeps when no timer is set.
const forever = time.Duration(Never)

// fireDue fires timers that are due and says how long there is nothing to do.
func (l *Loop) fireDue() (wait time.Duration, more bool) {
	l.Lock()
	defer l.giveBack()
	l.until = 0 // awake: nobody needs to rouse it
	for range burst {
		if l.closed {
			return 0, false
		}
		if l.releaseNext() {
			continue
		}
		now := l.Now()
		first := l.firstTimer()
		if first == Never {
			l.until = Never
			return forever, true
		}
		if first > now {
			l.until = first
			return first.Sub(now), true
		}
		// None is due if only a second has begun whose timers waited outside the tournament.
		if t := l.timers.next(); t != nil && t.when <= l.now {
			l.expire(t)
		}
	}
	return 0, true
}

// releaseNext, in a bubble, lets the next goroutine that was woken go on, after
// all others have blocked. So goroutines woken at the same moment react in the
// order in which they were woken, whatever Go's scheduler would do, and all
// reactions to one event are over before the next event.
func (l *Loop) releaseNext() bool {
	if l.ready.size == 0 && !l.released {
		return false
	}
	l.released = false
	l.giveBack()
	letOthersReact()
	l.Lock()
	if r := l.ready.pop(); r != nil {
		r.Run()
		l.released = true
	}
	return true
}

// starter is a goroutine that has not begun.
type starter struct{ f func() }

func (s starter) Run() { go s.f() }

func (l *Loop) startInOrder(f func()) {
	l.Lock()
	defer l.Unlock()
	if l.closed {
		go f()
		return
	}
	l.ready.push(starter{f})
}

// releaseAll lets everybody go on at the end of the loop.
func (l *Loop) releaseAll() {
	for r := l.ready.pop(); r != nil; r = l.ready.pop() {
		r.Run()
	}
}

// letOthersReact waits until every other goroutine of the bubble is blocked.
func letOthersReact() {
	defer func() {
		// Another goroutine of the bubble is in synctest.Wait, which allows
		// only one: the smallest sleep ends at the same point.
		if recover() != nil {
			time.Sleep(time.Nanosecond)
		}
	}()
	synctest.Wait()
}
