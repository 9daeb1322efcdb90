package tcp

import (
	"time"

	ev "septet/event"
)

// paceQuantum is how far sending may run ahead of the pacing rate: timers are not
// exact, and a burst of two segments does no harm.
const paceQuantum = time.Millisecond

// paced reports whether the pacing rate forbids sending now, and sets the timer
// for when it allows it again.
func (c *Conn) paced(now ev.Time) bool {
	wait := c.win.PacingRate > 0 && c.paceNext > now
	switch {
	case wait:
		c.paceAt = c.paceNext
	case c.paceAt != ev.Never:
		c.paceAt = ev.Never
	}
	return wait
}

// pace spends n bytes of the pacing rate.
func (c *Conn) pace(now ev.Time, n int) {
	if c.win.PacingRate <= 0 {
		return
	}
	took := time.Duration(float64(n) / float64(c.win.PacingRate) * float64(time.Second))
	c.paceNext = max(c.paceNext, now.Add(-min(paceQuantum, took))).Add(took)
}
