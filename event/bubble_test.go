package event

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestBubbleLetsGoroutinesReactBeforeTheNextEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewBubble(1)
		defer l.Close()
		begin := time.Now()
		var log []string
		relay := make(chan string)
		go func() {
			l.Sleep(time.Hour)
			relay <- "woken"
		}()
		go func() { log = append(log, <-relay) }() // a goroutine that knows no loop
		synctest.Wait()                            // the sleeper has set its timer, which so comes first
		l.Lock()
		after := newAlarm(l, "timer", &log)
		after.Reset(Time(time.Hour))
		l.Unlock()
		l.Sleep(2 * time.Hour)
		l.Lock()
		expectLog(t, log, "woken", "timer@1h0m0s")
		l.Unlock()
		if passed := time.Since(begin); passed != 2*time.Hour {
			t.Errorf("%v of the bubble's time have passed, should be 2h", passed)
		}
	})
}

func TestSleepOfZeroInABubbleLetsAllReact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewBubble(1)
		defer l.Close()
		begin := time.Now()
		const sleepers = 50
		var c Cond
		var woken []int
		for i := range sleepers {
			l.Go("sleeper", func() {
				l.Lock()
				defer l.Unlock()
				if err := l.Wait(&c, Never); err != nil {
					t.Errorf("Wait = %v", err)
				}
				woken = append(woken, i)
			})
		}
		_ = l.Sleep(0) // all have begun
		l.Lock()
		l.Signal(&c)
		l.Unlock()
		_ = l.Sleep(0)
		l.Lock()
		defer l.Unlock()
		if len(woken) != sleepers || !slices.IsSorted(woken) {
			t.Errorf("woken: %v, should be all %d, in the order in which they began to wait", woken, sleepers)
		}
		if passed := time.Since(begin); passed != 0 {
			t.Errorf("%v of the bubble's time have passed, should be none", passed)
		}
	})
}

func TestBubbleAtAStandstillIsADeadlock(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("synctest should have found that every goroutine of the bubble is blocked for ever")
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		l := NewBubble(1)
		var nothing Cond
		l.Lock()
		defer l.Unlock()
		_ = l.Wait(&nothing, Never)
	})
}
