package tcp

import (
	"time"

	ev "septet/event"
)

// Cubic is RFC 9438. Its window is a cubic function of the time since the last
// reduction: it comes back to where that happened (wMax) fast, stays there for a
// while, and then looks beyond. Where Reno would be faster it does as Reno.
//
// All of it is integer arithmetic, so that one seed gives one trace on every
// machine: windows in bytes, times on the curve in milliseconds.
type Cubic struct {
	slow     hyStart
	curve    cubicCurve
	undo     cubicUndo
	lastAck  ev.Time
	timedOut bool // in the slow start that follows a timeout
}

// cubicCurve is the state of congestion avoidance, under RFC 9438's names
// (section 4.1).
type cubicCurve struct {
	epoch     ev.Time // t_epoch, later by what the application let pass
	k         int64   // K, ms
	wMax      int
	wEst      int // what Reno's window would be
	estRest   int64
	cwndPrior int  // the window before the last reduction
	begun     bool // the epoch
	reduced   bool // wMax is where a loss or a mark was
}

// cubicUndo is what section 4.9 wants kept.
type cubicUndo struct {
	curve          cubicCurve
	cwnd, ssthresh int
	slowDone       bool
	valid          bool
}

// RFC 9438, sections 4.1, 4.3, 4.6; the factor for ECN is RFC 8511's.
const (
	cubicBeta    = 70 // percent
	cubicBetaECN = 85
	// alpha is 3*(1-beta)/(1+beta) = 9/17: then Reno with beta is as fast as Reno
	// with one half and alpha 1.
	cubicAlphaNum, cubicAlphaDen = 9, 17
	// C is 2/5 segments a second cubed.
	cubicCNum, cubicCDen = 2, 5
	// cubicHorizon bounds |t-K| in ms, so that its cube fits: 17 minutes.
	cubicHorizon = 1 << 20
)

// Name returns "cubic".
func (*Cubic) Name() string { return "cubic" }

// Open has nothing to prepare.
func (c *Cubic) Open(_ *Window, now ev.Time) { c.lastAck = now }

// OwnsRecovery is false: PRR moves the window.
func (*Cubic) OwnsRecovery() bool { return false }

// Restarted has nothing to do: see restartIdle and excludeIdle.
func (*Cubic) Restarted(*Window, ev.Time) {}

// Acked opens the window.
func (c *Cubic) Acked(w *Window, s *Sample) {
	c.excludeIdle(s)
	c.lastAck = s.Now
	switch {
	case w.Recovering && !c.timedOut:
	case s.ECE: // RFC 3168, section 6.1.2: such an ACK does not open the window
	case w.Cwnd < w.Ssthresh && !c.slow.done:
		if c.slow.acked(w, s) {
			c.slow.done = true
			w.Ssthresh = w.Cwnd
		}
	case !s.WindowLimited:
	case w.Cwnd < w.Ssthresh:
		// Section 4.10, and RFC 9406, section 4.3: HyStart++ is for the first slow
		// start only.
		slowStart(w, s, c.timedOut)
		c.curve.begun = false
	default:
		c.timedOut = c.timedOut && w.Recovering
		c.curve.avoid(w, s)
	}
}

// excludeIdle moves the epoch on by the time in which the window could not have
// grown, because the application was the limit (sections 4.2 and 5.8).
func (c *Cubic) excludeIdle(s *Sample) {
	if !c.curve.begun {
		return
	}
	idle := s.Now.Sub(c.lastAck)
	if s.WindowLimited {
		// Nothing was in flight between the last ACK and the sending of what this
		// one acknowledges.
		idle -= max(s.RTT, s.SRTT)
	}
	if idle > 0 {
		c.curve.epoch = c.curve.epoch.Add(idle)
	}
}

// Congested is the multiplicative decrease (section 4.6), with fast convergence
// (section 4.7) and, for a timeout, section 4.8.
func (c *Cubic) Congested(w *Window, s *Sample, cause Cause) {
	beta := int64(cubicBeta)
	if cause == CauseECN {
		beta = cubicBetaECN
		c.undo.valid = false // a mark is never spurious
	} else {
		c.undo = cubicUndo{c.curve, w.Cwnd, w.Ssthresh, c.slow.done, true}
	}
	if cause != CauseECN {
		c.timedOut = cause == CauseTimeout
	}
	v := &c.curve
	before := w.Cwnd
	switch {
	case cause == CauseTimeout:
		// "During the first congestion avoidance stage after a timeout ... K is set
		// to 0, and W_max is set to the congestion window size at the beginning".
		v.reduced = false
	case v.reduced && before < v.wMax:
		// The flow has less than the last time: others need room.
		v.wMax = scale(before, 100+beta, 200)
	default:
		v.wMax = before
	}
	if cause != CauseTimeout {
		v.reduced = true
	}
	v.cwndPrior = before
	v.begun = false
	c.slow.done = true
	w.Ssthresh = max(scale(s.flight(w), beta, 100), 2*w.MSS)
	w.Acked = 0
}

// Recovered has nothing to do.
func (*Cubic) Recovered(*Window, ev.Time) {}

// Undo is section 4.9: everything as it was before the spurious congestion event.
func (c *Cubic) Undo(w *Window) {
	if c.undo.valid {
		c.curve = c.undo.curve
		w.Cwnd = max(w.Cwnd, c.undo.cwnd)
		w.Ssthresh = c.undo.ssthresh
		c.slow.done = c.undo.slowDone
		c.undo.valid = false
	}
	c.timedOut = false
}

// avoid is congestion avoidance: sections 4.3 to 4.5.
func (v *cubicCurve) avoid(w *Window, s *Sample) {
	if !v.begun {
		v.begin(w, s.Now)
	}
	v.estimate(w, s.Acked)
	t := s.Now.Sub(v.epoch)
	if v.window(t, w.MSS) < v.wEst {
		w.Cwnd = min(max(w.Cwnd, v.wEst), maxCwnd) // the Reno-friendly region
		return
	}
	// "cwnd MUST be incremented by (target - cwnd) / cwnd for each received new
	// ACK", and target is between cwnd and half as much again (section 4.2).
	target := min(max(v.window(t+s.SRTT, w.MSS), w.Cwnd), w.Cwnd+w.Cwnd/2)
	n := int64(target-w.Cwnd)*int64(s.Acked) + int64(w.Acked)
	grow := n / int64(w.Cwnd)
	w.Acked = int(n % int64(w.Cwnd))
	w.Cwnd = min(w.Cwnd+int(grow), maxCwnd)
}

// begin starts the epoch: the window is at the foot of the curve, K before wMax.
func (v *cubicCurve) begin(w *Window, now ev.Time) {
	v.begun = true
	v.epoch = now
	v.wEst, v.estRest = w.Cwnd, 0
	w.Acked = 0
	if v.cwndPrior == 0 {
		v.cwndPrior = w.Cwnd // slow start ended without a loss (section 4.10)
	}
	if !v.reduced || v.wMax <= w.Cwnd {
		v.wMax, v.k = w.Cwnd, 0
		return
	}
	// Figure 2: K = cbrt((W_max - cwnd_epoch) / C), here in ms.
	const ms3 = 1e9 * cubicCDen / cubicCNum
	v.k = cubeRoot(int64(v.wMax-w.Cwnd) * ms3 / int64(w.MSS))
}

// window is figure 1: W_cubic(t) = C*(t-K)^3 + W_max.
func (v *cubicCurve) window(t time.Duration, mss int) int {
	d := t.Milliseconds() - v.k
	d = min(max(d, -cubicHorizon), cubicHorizon)
	// In two steps, so that it fits: ms^3 to 10^-3 s^3, then to bytes.
	n := d * d * d / 1e6 * int64(mss) * cubicCNum / (cubicCDen * 1000)
	return int(min(max(int64(v.wMax)+n, 0), maxCwnd))
}

// estimate is figure 4: W_est = W_est + alpha * segments_acked / cwnd. Once it
// has come back to where the reduction was, alpha is 1, as Reno's.
func (v *cubicCurve) estimate(w *Window, acked int) {
	alpha := int64(cubicAlphaNum)
	if v.wEst >= v.cwndPrior {
		alpha = cubicAlphaDen
	}
	n := alpha*int64(w.MSS)*int64(acked) + v.estRest
	per := cubicAlphaDen * int64(w.Cwnd)
	v.wEst = min(v.wEst+int(n/per), maxCwnd)
	v.estRest = n % per
}

// scale returns n*num/den.
func scale(n int, num, den int64) int { return int(int64(n) * num / den) }

// cubeRoot returns the largest integer whose cube is at most n.
func cubeRoot(n int64) int64 {
	var r int64
	for bit := int64(1) << 20; bit > 0; bit >>= 1 {
		if t := r | bit; t*t*t <= n {
			r = t
		}
	}
	return r
}
