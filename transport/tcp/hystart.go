package tcp

import (
	"time"

	"septet/header"
)

// hyStart is HyStart++ (RFC 9406): it ends the first slow start when the round
// trip grows longer, before the queue overflows. Between slow start and avoidance
// it goes through conservative slow start (CSS), and back if the delay was only
// jitter.
//
//	slow start --RTT up--> CSS --five rounds--> avoidance
//	     ^                  |
//	     +----RTT down------+
type hyStart struct {
	windowEnd header.Seq    // the round ends when it is acknowledged
	last      time.Duration // least RTT of the last round, 0: none
	current   time.Duration // of this round
	baseline  time.Duration // of the round in which CSS began
	samples   uint8
	cssRounds uint8 // rounds begun in CSS, 0: in slow start
	inRound   bool
	done      bool // avoidance has begun, and slow start will be the plain one
}

// RFC 9406, section 4.3.
const (
	hyMinThresh     = 4 * time.Millisecond
	hyMaxThresh     = 16 * time.Millisecond
	hyRTTDivisor    = 8
	hySamples       = 8 // N_RTT_SAMPLE
	hyGrowthDivisor = 4 // of CSS
	hyRounds        = 5 // of CSS
	hyLimit         = 8 // L, in segments, when not paced
)

// acked grows the window in the first slow start, and reports whether the time for
// congestion avoidance has come.
func (h *hyStart) acked(w *Window, s *Sample) (finished bool) {
	h.round(s)
	if s.WindowLimited {
		n := s.Acked
		if w.PacingRate == 0 {
			n = min(n, hyLimit*w.MSS)
		}
		if h.cssRounds > 0 {
			n /= hyGrowthDivisor
		}
		w.Cwnd = min(w.Cwnd+n, maxCwnd)
	}
	h.sample(s.rtt())
	return h.cssRounds > hyRounds
}

// round begins a new round when what was outstanding at the beginning of the last
// one has been acknowledged (section 4.2).
func (h *hyStart) round(s *Sample) {
	if h.inRound && s.SndUna.Before(h.windowEnd) {
		return
	}
	h.inRound = true
	h.windowEnd = s.SndNxt
	h.last, h.current, h.samples = h.current, 0, 0
	if h.cssRounds > 0 {
		h.cssRounds++
	}
}

// sample takes one round-trip time, and decides once there are enough of them.
func (h *hyStart) sample(rtt time.Duration) {
	if rtt <= 0 {
		return
	}
	if h.current == 0 || rtt < h.current {
		h.current = rtt
	}
	if h.samples < hySamples {
		h.samples++
	}
	if h.samples < hySamples {
		return
	}
	switch {
	case h.cssRounds > 0:
		if h.current < h.baseline {
			h.cssRounds = 0 // the delay has gone: it was no queue of ours
		}
	case h.last > 0:
		thresh := max(hyMinThresh, min(h.last/hyRTTDivisor, hyMaxThresh))
		if h.current >= h.last+thresh {
			h.baseline = h.current
			h.cssRounds = 1 // the rest of this round counts
		}
	}
}
