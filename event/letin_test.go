package event

import "testing"

// Whoever asks for it at the end of a turn goes on when one of those that were woken has
// had a turn of his own, however slow he is to come.
func TestWhoWasWokenIsLetIn(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var ready Cond
	turns := 0
	waits := func() bool {
		l.Lock()
		defer l.Unlock()
		return ready.Awaited()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Lock()
		defer l.Unlock()
		for turns < 100 {
			if err := l.Wait(&ready, Never); err != nil {
				t.Errorf("waiting: %v, want to be woken", err)
				return
			}
			turns++
		}
	}()
	for n := range 100 {
		for !waits() {
			l.Sleep(1)
		}
		l.Lock()
		l.Signal(&ready)
		l.LetIn()
		l.Unlock()
		l.Lock()
		if turns != n+1 {
			t.Errorf("after %d wake-ups the one who waits has had %d turns, should be let in each time", n+1, turns)
		}
		l.Unlock()
	}
	<-done
}

// Nobody is waited for who was not woken, and none who was woken by what is simulated.
func TestNobodyIsLetInWhoWasNotWoken(t *testing.T) {
	for name, l := range map[string]*Loop{"real": NewReal(1), "virtual": NewVirtual(1)} {
		l.Lock()
		l.LetIn()
		l.Unlock() // would block for ever
		l.Lock()
		if l.letIn.asked {
			t.Errorf("%s: what was asked for in one turn is not to be done in the next", name)
		}
		l.Unlock()
		l.Close()
	}
}
