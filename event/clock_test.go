package event

import (
	"testing"
	"time"
)

// TestTimeStandsStillInATurn: whoever asks for the time in one turn is told the
// same, and the next turn's is not earlier.
func TestTimeStandsStillInATurn(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var last Time
	for range 100 {
		l.Lock()
		first := l.Now()
		for began := time.Now(); time.Since(began) < 10*time.Microsecond; {
		}
		if again := l.Now(); again != first {
			t.Errorf("in one turn it is %v and then %v", first, again)
		}
		if first < last {
			t.Errorf("it is %v in a turn after one at %v", first, last)
		}
		last = first
		l.Unlock()
	}
}

// TestWokenFindsTheTurnFree: a goroutine that is woken goes on when its waker has
// given the turn back, also by waiting itself, and of several none is left behind.
func TestWokenFindsTheTurnFree(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var mine, yours Cond
	const waiters = 5
	ready, done := make(chan struct{}), make(chan error, waiters)
	left := waiters
	for range waiters {
		go func() {
			l.Lock()
			defer l.Unlock()
			ready <- struct{}{}
			err := l.Wait(&mine, Never)
			if left--; left == 0 {
				l.Signal(&yours)
			}
			done <- err
		}()
		<-ready
	}
	l.Lock()
	l.Signal(&mine)
	err := l.Wait(&yours, Never)
	l.Unlock()
	if err != nil {
		t.Errorf("the waker's own wait ended with %v, want nil: the last it woke has signalled", err)
	}
	for range waiters {
		if err := <-done; err != nil {
			t.Errorf("a wait ended with %v, want nil: it was signalled", err)
		}
	}
}

// TestDriverAfterTimersMovedLater: the driver sleeps to a timer's old moment when it
// was only moved later, and still fires every timer at its time.
func TestDriverAfterTimersMovedLater(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var soon Timer
	l.Lock()
	soon.Init(l, expirerFunc(func() {}))
	begin := l.Now()
	soon.Reset(begin.Add(5 * time.Millisecond))
	l.Unlock()
	l.Lock()
	soon.Reset(begin.Add(time.Hour)) // the queue still has the earlier moment
	l.Unlock()
	if err := l.Sleep(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	l.Lock()
	defer l.Unlock()
	if now := l.Now(); now < begin.Add(10*time.Millisecond) || now > begin.Add(10*time.Second) {
		t.Errorf("a sleep of 10 ms ended %v after it began", now.Sub(begin))
	}
	if soon.When() != begin.Add(time.Hour) {
		t.Errorf("the timer that was moved is set to %v, want an hour from the beginning", soon.When())
	}
}

type expirerFunc func()

func (f expirerFunc) Expire(*Timer) { f() }

// Who asks roughly is told the time of the last look at the clock, until that is a tenth of
// a second ago; in virtual time there is no difference.
func TestRoughly(t *testing.T) {
	l := heldLoop()
	first := l.Roughly()
	laterBy(l, roughness/2)
	if again := l.Roughly(); again != first {
		t.Errorf("soon after %v it is roughly %v, should be the same: nobody has looked at the clock", first, again)
	}
	if now := l.Now(); now < first.Add(roughness/2) || l.Roughly() != now {
		t.Errorf("it is %v, and roughly %v, should be the same after a look at the clock", now, l.Roughly())
	}
	laterBy(l, time.Second)
	due := l.timers.next()
	if due == nil || due.When() > first.Add(roughness) {
		t.Fatal("a timer should say when the clock is to be looked at again")
	}
	l.expire(due)
	l.stale = true
	if now := l.Roughly(); now < first.Add(time.Second) {
		t.Errorf("a second later it is roughly %v after %v", now, first)
	}

	v := NewVirtual(1)
	v.Run(Time(time.Second))
	if v.Roughly() != Time(time.Second) || v.timers.next() != nil {
		t.Errorf("in virtual time it is roughly %v, should be a second, and no timer set", v.Roughly())
	}
}
