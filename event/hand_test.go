package event

import (
	"sync"
	"testing"
)

// waitHanded starts a goroutine that waits for c until it is handed something, and returns
// with the turn once it waits.
func waitHanded(l *Loop, c *Cond) (handed chan int) {
	handed = make(chan int, 1)
	go func() {
		l.Lock()
		n, err := l.WaitHanded(c, Never)
		if n == 0 || err != nil {
			l.Unlock()
		}
		handed <- n
	}()
	for l.Lock(); !c.Awaited(); l.Lock() {
		l.Unlock()
		l.Sleep(1)
	}
	return handed
}

// Who is handed what he waits for goes on though somebody else has the turn.
func TestWhoIsHandedNeedsNoTurn(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var c Cond
	for n := 1; n <= 3*maxSpareWaiters; n++ { // waiters are used again
		handed := waitHanded(l, &c)
		if !l.CanHand(&c) {
			t.Fatal("one call waits to be handed something: that should be seen")
		}
		l.Hand(&c, n)
		if c.Awaited() || l.CanHand(&c) {
			t.Fatal("who was handed something waits no more")
		}
		l.Unlock()
		l.Lock()
		if got := <-handed; got != n { // would block for ever
			t.Fatalf("handed %d, was given %d", got, n)
		}
		l.Unlock()
	}
	if n := len(l.waiters); n > 2 {
		t.Errorf("one call at a time has waited, with %d waiters; they should be used again", n)
	}
}

// Who is handed something does not take the turn, so he is not the one who calls the next
// in the line.
func TestWhoStandsInLineIsCalledAfterHanding(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var c Cond
	for range 100 {
		handed := waitHanded(l, &c)
		var ends sync.WaitGroup
		var log []string
		contend(t, l, &ends, &log, "first")
		l.Hand(&c, 1)
		l.Settle() // who was woken may go first
		l.Unlock()
		ends.Wait() // would block for ever
		<-handed
	}
}

// Where others wait too, or time is simulated, nobody can be handed anything; a signal, the
// end of the time and of the loop come with the turn.
func TestWhatIsNotHandedComesWithTheTurn(t *testing.T) {
	l := NewReal(1)
	var c Cond
	first := waitHanded(l, &c)
	l.Unlock()
	second := make(chan error, 1)
	go func() {
		l.Lock()
		defer l.Unlock()
		second <- l.Wait(&c, Never)
	}()
	for waiting := 0; waiting < 2; {
		l.Sleep(1)
		l.Lock()
		waiting = waitersOf(&c)
		l.Unlock()
	}
	l.Lock()
	if l.CanHand(&c) {
		t.Error("of two that wait for the same, one cannot be handed it")
	}
	l.Signal(&c)
	l.Unlock()
	if n, err := <-first, <-second; n != 0 || err != nil {
		t.Errorf("after a signal: handed %d, %v, should both simply go on", n, err)
	}

	l.Lock()
	if n, err := l.WaitHanded(&c, l.Now()); n != 0 || err != ErrTimeout {
		t.Errorf("at the end of the time: handed %d, %v, should be ErrTimeout", n, err)
	}
	l.Unlock() // the turn is held
	last := waitHanded(l, &c)
	l.Unlock()
	l.Close()
	if n := <-last; n != 0 {
		t.Errorf("at the end of the loop: handed %d, should be nothing", n)
	}

	v := NewVirtual(1)
	v.Go("who waits", func() {
		v.Lock()
		defer v.Unlock()
		if n, err := v.WaitHanded(&c, Never); n != 0 || err != nil {
			t.Errorf("in virtual time: handed %d, %v, should be woken", n, err)
		}
	})
	v.Run(0)
	if v.CanHand(&c) {
		t.Error("in virtual time nobody can be handed anything: there is nothing to win")
	}
	v.Signal(&c)
	v.Run(Never)
}
