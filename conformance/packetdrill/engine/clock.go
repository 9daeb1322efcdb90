package engine

import (
	"time"

	"septet/event"
	"septet/socket"
)

// GetTimeOfDay returns the time in microseconds since 1970. Looking at the clock
// takes a microsecond, so that a tool which spins on it gets on.
func (c Caller) GetTimeOfDay() int64 {
	e := c.engine
	now, _ := direct(c, func() (int64, error) {
		until := e.loop.Now().Add(time.Microsecond)
		for e.step(until) {
		}
		e.setClock(until)
		if c.side {
			e.owed = false
		}
		return micros(until), nil
	})
	return now
}

// Sleep lets d pass. All that is due meanwhile happens, in its order.
func (c Caller) Sleep(d time.Duration) {
	e := c.engine
	_, _ = direct(c, func() (struct{}, error) {
		until := e.loop.Now().Add(d)
		for e.step(until) {
			e.waitForStamp()
		}
		e.setClock(until)
		return struct{}{}, nil
	})
}

// micros is the date at which virtual time is t.
func micros(t event.Time) int64 { return socket.Epoch.UnixMicro() + int64(t)/1000 }

// step lets one thing happen at or before the moment until, and reports whether
// there was one.
func (e *Engine) step(until event.Time) bool {
	did := e.loop.Step(until)
	return e.rousePolls() || did
}

// settle lets everything happen that needs no time.
func (e *Engine) settle() {
	for e.step(e.loop.Now()) {
	}
}

// setClock moves the clock to a moment before which nothing is due.
func (e *Engine) setClock(to event.Time) { _ = e.loop.Run(to) }
