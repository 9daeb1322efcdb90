package event

import "time"

// roughness bounds how much later it may be than Roughly says.
const roughness = 100 * time.Millisecond

// rough is when, in real time, the clock must be looked at again for Roughly: a timer that
// only has to expire. It is set while somebody asks, so a network where nothing happens is
// not woken by it.
type rough struct{ timer Timer }

func (r *rough) Expire(*Timer) {}

// Roughly returns the time for who does not mind if it is a tenth of a second later: in
// real time it mostly does without a look at the clock, which costs as much as a layer. In
// simulated time it is Now. The turn must be held.
func (l *Loop) Roughly() Time {
	if l.stale && l.rough.timer.when == Never {
		l.readRoughly()
	}
	return l.now
}

func (l *Loop) readRoughly() {
	l.readClock()
	if l.kind == realTime {
		l.rough.timer.Reset(l.now.Add(roughness))
	}
}
