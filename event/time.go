package event

import (
	"math"
	"time"
)

// Time is a moment on a loop's clock: nanoseconds since the loop began.
type Time int64

// Never is later than every moment: the deadline of what waits for nothing.
const Never Time = math.MaxInt64

// Add returns the moment d after t, or Never where that would overflow.
func (t Time) Add(d time.Duration) Time {
	if t == Never || (d > 0 && t > Never-Time(d)) {
		return Never
	}
	return t + Time(d)
}

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String prints t as a duration since the loop began.
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}
