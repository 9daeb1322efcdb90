package event

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// heldLoop returns a loop in real time without a driver, and with its turn.
func heldLoop() *Loop {
	l := newLoop(realTime, 1)
	l.begin, l.until = time.Now(), Never
	l.Lock()
	return l
}

// contend starts a goroutine that wants the turn of l, which is held, and returns once it
// stands in the line. It writes its name into the log in its turn.
func contend(t *testing.T, l *Loop, ends *sync.WaitGroup, log *[]string, name string) {
	t.Helper()
	before := l.gate.stand.Load()
	ends.Go(func() {
		l.Lock()
		*log = append(*log, name)
		l.Unlock()
	})
	for range int(1e8) {
		if l.gate.stand.Load() > before {
			return
		}
		runtime.Gosched()
	}
	t.Fatal("who wants a turn that is held should stand in the line")
}

// laterBy makes it d later for a loop in real time, whose turn is held.
func laterBy(l *Loop, d time.Duration) {
	l.begin = l.begin.Add(-d)
	l.stale = true
}

// Of those who wait for the turn who came last is called: what it needs is in the caches.
func TestWhoCameLastHasTheNextTurn(t *testing.T) {
	l := heldLoop()
	var ends sync.WaitGroup
	var log []string
	l.gate.handed = l.Now().Add(time.Hour) // nothing is handed over
	for _, name := range []string{"first", "second", "third"} {
		contend(t, l, &ends, &log, name)
	}
	l.Unlock()
	ends.Wait()
	if want := []string{"third", "second", "first"}; !slices.Equal(log, want) {
		t.Errorf("the turns were those of %v, should be of %v", log, want)
	}
}

// Whoever has stood in the line for longer than the patience is handed the turn, one
// each while: others who take turn after turn must not keep it out.
func TestWhoWaitsLongIsHandedTheTurn(t *testing.T) {
	l := heldLoop()
	var ends sync.WaitGroup
	var log []string
	contend(t, l, &ends, &log, "first")
	contend(t, l, &ends, &log, "second")
	laterBy(l, 2*patience)
	contend(t, l, &ends, &log, "third")
	l.Unlock()
	ends.Wait()
	// The second has waited as long, but the while after the first has only begun.
	if want := []string{"first", "third", "second"}; !slices.Equal(log, want) {
		t.Errorf("the turns were those of %v, should be of %v", log, want)
	}
}

// Whoever has settled work goes on after the goroutine that it has woken, which finds
// what it was woken for in the cache; and before others, who have waited already.
func TestWhoWasWokenGoesFirst(t *testing.T) {
	l := heldLoop()
	var ends sync.WaitGroup
	var log []string
	var c Cond
	ends.Go(func() {
		l.Lock()
		l.Wait(&c, Never)
		log = append(log, "woken")
		l.Wait(&c, Never)
		log = append(log, "woken again")
		l.Unlock()
	})
	for !c.Awaited() {
		l.Unlock()
		runtime.Gosched()
		l.Lock()
	}
	l.gate.handed = l.Now().Add(time.Hour) // nothing is handed over
	contend(t, l, &ends, &log, "other")
	l.Signal(&c)
	l.Settle()
	l.Yield()
	log = append(log, "waker")
	l.Signal(&c)
	l.Settle()
	l.Unlock()
	ends.Wait()
	if want := []string{"woken", "waker", "woken again", "other"}; !slices.Equal(log, want) {
		t.Errorf("the turns were those of %v, should be of %v", log, want)
	}
}

// Many goroutines that take turns in every way there is: each turn is one goroutine's
// alone, and all of them come to their end.
func TestManyTakeTheirTurns(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	const goroutines, turns = 32, 300
	var ends sync.WaitGroup
	var c Cond
	inside, done, left := 0, 0, goroutines
	one := func(t *testing.T) {
		if inside++; inside != 1 {
			t.Errorf("%d goroutines have the turn at once", inside)
		}
		done++
		inside--
	}
	for i := range goroutines {
		ends.Go(func() {
			for k := range turns {
				l.Lock()
				one(t)
				switch l.Signal(&c); (i + k) % 4 {
				case 0:
					l.Settle()
					l.Yield()
					one(t)
				case 1:
					l.Settle()
				case 2:
					if left > 1 { // somebody else signals c yet
						l.Wait(&c, l.Now().Add(time.Millisecond))
						one(t)
					}
				}
				l.Unlock()
			}
			l.Lock()
			left--
			l.Unlock()
		})
	}
	ends.Wait()
	if least := goroutines * turns; done < least {
		t.Errorf("%d turns were taken, should be at least %d", done, least)
	}
	if n := l.gate.stand.Load(); n != 0 {
		t.Errorf("%d still stand in the line, should be none", n)
	}
}

// A loop in real time may be used in a bubble, and others outside of it afterwards: Go
// allows nobody outside to use a channel that was made inside.
func TestTurnsInABubbleAndOutside(t *testing.T) {
	one := func(t *testing.T) {
		l := heldLoop()
		var ends sync.WaitGroup
		var log []string
		for _, name := range []string{"first", "second", "third"} {
			contend(t, l, &ends, &log, name)
		}
		l.Unlock()
		ends.Wait()
		if len(log) != 3 {
			t.Errorf("%v had their turns, should be all three", log)
		}
	}
	synctest.Test(t, one)
	one(t)
}
