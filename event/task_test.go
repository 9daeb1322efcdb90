package event

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTasksRunOneAtATimeInVirtualTime(t *testing.T) {
	run := func() (log []string) {
		l := NewVirtual(1)
		for _, name := range []string{"a", "b"} {
			l.Go(name, func() {
				for range 3 {
					log = append(log, fmt.Sprintf("%s@%v", name, l.Now()))
					l.Sleep(time.Hour)
				}
			})
		}
		if err := l.Run(Never); err != nil {
			t.Errorf("Run: %v, though both tasks have ended", err)
		}
		return log
	}
	want := []string{"a@0s", "b@0s", "a@1h0m0s", "b@1h0m0s", "a@2h0m0s", "b@2h0m0s"}
	expectLog(t, run(), want...)
	expectLog(t, run(), want...)
}

func TestRunNamesTheTasksThatAreBlocked(t *testing.T) {
	l := NewVirtual(1)
	var never Cond
	var ended error
	l.Go("the one that waits", func() {
		l.Lock()
		defer l.Unlock()
		ended = l.Wait(&never, Never)
	})
	err := l.Run(Time(time.Minute))
	var blocked *BlockedError
	if !errors.As(err, &blocked) || !strings.Contains(err.Error(), "the one that waits") {
		t.Fatalf("Run: %v, should name the blocked task", err)
	}
	if l.Now() != Time(time.Minute) {
		t.Errorf("after Run(1m) it is %v", l.Now())
	}
	l.Close()
	if ended != ErrClosed {
		t.Errorf("the task's wait ended with %v when the loop was closed, should be ErrClosed", ended)
	}
	if err := l.Run(Never); err != nil {
		t.Errorf("after Close every task should have unwound: %v", err)
	}
}

func TestWaitOutsideEveryTaskDrivesTheLoop(t *testing.T) {
	l := NewVirtual(1)
	var c, never Cond
	l.Go("signals", func() {
		l.Sleep(time.Second)
		l.Lock()
		l.Signal(&c)
		l.Unlock()
	})
	l.Lock()
	defer l.Unlock()
	if err := l.Wait(&c, Never); err != nil || l.Now() != Time(time.Second) {
		t.Errorf("Wait: %v at %v, should be woken at 1s", err, l.Now())
	}
	if err := l.Wait(&c, l.Now().Add(time.Second)); err != ErrTimeout || l.Now() != Time(2*time.Second) {
		t.Errorf("Wait: %v at %v, should time out at 2s", err, l.Now())
	}
	if err := l.Wait(&never, Never); err != ErrDeadlock {
		t.Errorf("Wait with nothing that could end it: %v, should be ErrDeadlock", err)
	}
}

func TestCloseInsideATaskUnwindsAllTasks(t *testing.T) {
	l := NewVirtual(1)
	ended := 0
	for range 3 {
		l.Go("sleeper", func() {
			if err := l.Sleep(time.Hour); err != ErrClosed {
				t.Errorf("Sleep on a loop that was closed = %v, should be %v", err, ErrClosed)
			}
			ended++
		})
	}
	l.Go("closer", func() {
		_ = l.Sleep(time.Minute)
		l.Close()
	})
	// This call drives the loop, and ends before the tasks that it drives.
	if err := l.Sleep(2 * time.Hour); err != ErrClosed {
		t.Errorf("Sleep on a loop that was closed = %v, should be %v", err, ErrClosed)
	}
	l.Close()
	if ended != 3 {
		t.Errorf("%d of 3 tasks have come to their end; Close runs them until they have", ended)
	}
}

// signaller is posted work that wakes somebody.
type signaller struct {
	loop *Loop
	cond *Cond
}

func (s signaller) Run() { s.loop.Signal(s.cond) }

// What a task has posted may be what it waits for: it does not block then, and
// must not be resumed for that wait when it blocks in the next.
func TestWaitForWhatIsPosted(t *testing.T) {
	for kind, l := range map[string]*Loop{"virtual": NewVirtual(1), "real": NewReal(1)} {
		var c Cond
		ended := make(chan bool, 1)
		l.Go("task", func() {
			defer func() { ended <- true }()
			l.Lock()
			l.Post(signaller{l, &c})
			err := l.Wait(&c, Never)
			begin := l.Now()
			l.Unlock()
			if err != nil {
				t.Errorf("%s: Wait = %v, should have been signalled", kind, err)
			}
			if err := l.Sleep(time.Millisecond); err != nil {
				t.Errorf("%s: Sleep: %v", kind, err)
			}
			l.Lock()
			if slept := l.Now().Sub(begin); slept < time.Millisecond {
				t.Errorf("%s: slept %v, should be 1ms", kind, slept)
			}
			l.Unlock()
		})
		if l.Virtual() {
			_ = l.Run(Never)
		}
		<-ended
		l.Close()
	}
}

func TestTaskThatPanicsHasEnded(t *testing.T) {
	l := NewVirtual(1)
	l.Go("clumsy", func() { panic("oh") })
	func() {
		defer func() {
			if got := recover(); got != "oh" {
				t.Errorf("Run panicked with %v, should pass on the task's panic", got)
			}
		}()
		_ = l.Run(Never)
	}()
	if err := l.Run(Never); err != nil {
		t.Errorf("Run after the panic = %v, should have no task left", err)
	}
}
