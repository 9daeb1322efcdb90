package tcp

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// Controls are the names that NewControl knows, Linux's for TCP_CONGESTION.
var Controls = []string{"reno", "cubic", "bbr"}

// NewControl returns a congestion control by its name, ENOENT if there is none of
// that name, as Linux has it. What it decides at random it draws from rng.
func NewControl(name string, rng *rand.Rand) (Control, error) {
	switch name {
	case "reno":
		return &Reno{}, nil
	case "cubic":
		return &Cubic{}, nil
	case "bbr":
		return &BBR{rng: rng}, nil
	}
	return nil, syscall.ENOENT
}

// maxCwnd is as large as a congestion window grows: no peer can offer more (RFC
// 7323, section 2.3).
const maxCwnd = 1 << 30

// flight is FlightSize as RFC 5681, equation 4 wants it: sent and not
// cumulatively acknowledged. What limited transmit added beyond the window does
// not count (section 3.2).
func (s *Sample) flight(w *Window) int {
	return min(max(s.SndNxt.Sub(s.SndUna), s.PriorInFlight), w.Cwnd)
}

// rtt is RTT if it is believable. One below the connection's least was measured
// against the wrong one of two transmissions.
func (s *Sample) rtt() time.Duration {
	if s.RTT < s.MinRTT {
		return 0
	}
	return s.RTT
}

// rated reports whether there is a rate sample: the newest segment that the
// acknowledgement covers is known, and it was not the wrong one of two
// transmissions.
func (s *Sample) rated() bool { return s.Interval > 0 && s.RTT >= s.MinRTT }
