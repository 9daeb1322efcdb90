package tcp

import (
	"cmp"

	ev "septet/event"
)

// Reno is the algorithm of RFC 5681: slow start and congestion avoidance, with
// byte counting (RFC 3465) and the smaller reduction for ECN (RFC 8511).
type Reno struct {
	timedOut bool                         // in the slow start that follows a timeout
	undo     struct{ cwnd, ssthresh int } // cwnd 0: nothing to undo
}

// Name returns "reno".
func (*Reno) Name() string { return "reno" }

// Open has nothing to prepare.
func (*Reno) Open(*Window, ev.Time) {}

// OwnsRecovery is false: PRR moves the window.
func (*Reno) OwnsRecovery() bool { return false }

// Restarted has nothing to do: see restartIdle.
func (*Reno) Restarted(*Window, ev.Time) {}

// Acked opens the window: in slow start by what was acknowledged, within a limit;
// in avoidance by one segment a window. Duplicates, with SACK or without, do not
// count (RFC 5681, section 3.2). A window that was not needed says nothing about
// the path and does not grow (RFC 7661).
func (r *Reno) Acked(w *Window, s *Sample) {
	switch {
	case w.Recovering && !r.timedOut || !s.WindowLimited:
	case s.ECE: // RFC 3168, section 6.1.2: such an ACK does not open the window
	case w.Cwnd < w.Ssthresh:
		slowStart(w, s, r.timedOut)
	default:
		r.timedOut = r.timedOut && w.Recovering
		w.Acked += s.Acked
		if w.Acked >= w.Cwnd {
			w.Acked -= w.Cwnd
			w.Cwnd = min(w.Cwnd+w.MSS, maxCwnd)
		}
	}
}

// slowStart is RFC 3465, section 2.2. The limit L, where there is one, is two
// segments, what a delayed ACK covers, but one in the slow start that follows a timeout, when an ACK may
// cover much that had arrived before (section 2.3).
func slowStart(w *Window, s *Sample, timedOut bool) {
	if w.SlowStart < 0 {
		w.Cwnd = min(w.Cwnd+s.Acked, max(w.Ssthresh, w.Cwnd), maxCwnd)
		return
	}
	limit := int(cmp.Or(w.SlowStart, 2)) * w.MSS
	if timedOut {
		limit = w.MSS
	}
	w.Cwnd = min(w.Cwnd+min(s.Acked, limit), maxCwnd)
}

// Congested halves what is in flight (RFC 5681, equation 4), or takes a fifth of
// it away if the network said so with ECN before it lost anything (RFC 8511,
// section 3).
func (r *Reno) Congested(w *Window, s *Sample, cause Cause) {
	flight := s.flight(w)
	reduced := flight / 2
	if cause == CauseECN {
		reduced = int(int64(flight) * 8 / 10)
		r.undo.cwnd = 0 // a mark is never spurious
	} else {
		r.undo.cwnd, r.undo.ssthresh = w.Cwnd, w.Ssthresh
	}
	if cause != CauseECN {
		r.timedOut = cause == CauseTimeout
	}
	w.Ssthresh = max(reduced, 2*w.MSS)
	w.Acked = 0
}

// Recovered has nothing to do.
func (*Reno) Recovered(*Window, ev.Time) {}

// Undo restores the window and the threshold.
func (r *Reno) Undo(w *Window) {
	if r.undo.cwnd != 0 {
		w.Cwnd = max(w.Cwnd, r.undo.cwnd)
		w.Ssthresh = r.undo.ssthresh
		r.undo.cwnd = 0
	}
	r.timedOut = false
}
