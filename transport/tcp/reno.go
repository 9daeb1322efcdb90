package tcp

import ev "septet/event"

// Reno is the algorithm of RFC 5681: slow start and congestion avoidance, with
// appropriate byte counting (RFC 3465) and the gentler answer to ECN of RFC 8511.
type Reno struct {
	prior Window // before the last reduction
}

// Name returns "reno".
func (*Reno) Name() string { return "reno" }

// Open has nothing to prepare.
func (*Reno) Open(*Window, ev.Time) {}

// Acked opens the window: in slow start by what was acknowledged, within a limit;
// in avoidance by one segment a window (RFC 5681, section 3.1, the byte-counting
// form). The limit is RFC 3465's: two segments, what a delayed ACK covers, but one
// (RFC 5681, equation 2) once there has been a loss, because an ACK may then cover
// much that had arrived before.
func (*Reno) Acked(w *Window, s *Sample) {
	// RFC 3168, section 6.1.2: an ACK with an ECN-Echo does not open the window.
	if !s.WindowLimited || s.Acked == 0 || s.ECE {
		return
	}
	if w.Cwnd < w.Ssthresh {
		limit := 2 * w.MSS
		if w.Ssthresh < unlimited {
			limit = w.MSS
		}
		w.Cwnd += min(s.Acked, limit)
		return
	}
	if w.Recovering {
		return
	}
	w.Acked += s.Acked
	if w.Acked >= w.Cwnd {
		w.Acked -= w.Cwnd
		w.Cwnd += w.MSS
	}
}

// Congested halves what is in flight (RFC 5681, equation 4); for ECN it takes a
// fifth of it (RFC 8511, section 3).
func (r *Reno) Congested(w *Window, s *Sample, cause Cause) {
	r.prior = *w
	w.Acked = 0
	if cause == CauseECN {
		w.Ssthresh = max(s.PriorInFlight*4/5, 2*w.MSS)
		return
	}
	w.Ssthresh = max(s.PriorInFlight/2, 2*w.MSS)
}

// Recovered has nothing to do.
func (*Reno) Recovered(*Window, ev.Time) {}

// Undo restores the window (RFC 5682, section 3; RFC 4015).
func (r *Reno) Undo(w *Window) {
	w.Cwnd = max(w.Cwnd, r.prior.Cwnd)
	w.Ssthresh = r.prior.Ssthresh
}

// OwnsRecovery is false: proportional rate reduction moves the window.
func (*Reno) OwnsRecovery() bool { return false }
