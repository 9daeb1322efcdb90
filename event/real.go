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
}

func (l *Loop) elapsed() Time {
	if l.kind == virtualTime {
		return l.now
	}
	return Time(time.Since(l.begin))
}

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

// rouse wakes the driver if a timer is now due before the moment it sleeps to.
func (l *Loop) rouse() {
	t := l.timers.next()
	if t == nil || t.when >= l.until {
		return
	}
	l.until = t.when
	select {
	case l.alarm <- struct{}{}:
	default:
	}
}

// burst bounds how many timers the driver fires before others get a turn.
const burst = 64

func (l *Loop) drive() {
	defer close(l.done)
	sleep := time.NewTimer(time.Hour)
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
		select {
		case <-sleep.C:
		case <-l.alarm:
		}
	}
}

// fireDue fires timers that are due and says how long there is nothing to do.
func (l *Loop) fireDue() (wait time.Duration, more bool) {
	l.Lock()
	defer l.mu.Unlock()
	l.until = 0 // awake: nobody needs to rouse it
	for range burst {
		if l.closed {
			return 0, false
		}
		t := l.timers.next()
		if t == nil {
			l.until = Never
			return time.Hour, true
		}
		if t.when > l.now {
			l.until = t.when
			return t.when.Sub(l.now), true
		}
		l.fire(t)
	}
	return 0, true
}

func (l *Loop) fire(t *Timer) {
	l.woke = false
	l.expire(t)
	if l.kind == bubbleTime && l.woke {
		l.mu.Unlock()
		letOthersReact()
		l.mu.Lock()
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
