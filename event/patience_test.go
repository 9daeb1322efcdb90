package event

import "testing"

// Whoever takes turn after turn lets others in after a while, once each while: a
// goroutine that sends without end must not keep the rest of its network waiting.
func TestOthersAreLetInAfterAWhile(t *testing.T) {
	l := newLoop(realTime, 1)
	step := Time(patience / 2)
	if l.now = step; l.passing() {
		t.Error("nobody waits, so there is nobody to let in")
	}
	l.wanted.Add(1) // somebody waits from now on
	var let []Time
	for range 7 {
		l.now += step
		if l.passing() {
			let = append(let, l.now/step)
		}
	}
	// Noticed in turn 2, passed by for longer than the patience in turn 5; then anew.
	if len(let) != 1 || let[0] != 5 {
		t.Errorf("let in at turns %v, should be turn 5 alone: the first after more than %v", let, patience)
	}
	l.passing()
	if l.admit(); l.wanted.Load() != 0 || l.passed != Never {
		t.Errorf("after the one who waited was let in %d wait, since %v; should be none", l.wanted.Load(), l.passed)
	}
}
