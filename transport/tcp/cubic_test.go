package tcp

import (
	"math"
	"testing"
	"time"
)

// cubicAfterLoss has lost something at so many segments, and is back in avoidance
// at the moment 0 with seven tenths of them.
func cubicAfterLoss(segments int) (*Cubic, *Window) {
	c, w := &Cubic{}, testWindow(segments)
	c.Congested(w, ackOf(w, 0, 0, 0), CauseLoss)
	w.Cwnd = w.Ssthresh
	c.Recovered(w, 0)
	return c, w
}

// drive acknowledges whole windows, segment by segment, from one moment to
// another.
func drive(c Control, w *Window, from, to, rtt time.Duration) {
	for at := from; at < to; {
		n := w.Cwnd / w.MSS
		for i := range n {
			c.Acked(w, ackOf(w, at+rtt*time.Duration(i)/time.Duration(n), w.MSS, rtt))
		}
		at += rtt
	}
}

// RFC 9438, figures 1 and 2. For a loss at 100 segments:
// K = cbrt((100 - 70) / 0.4) = cbrt(75) = 4.2172 s, and
//
//	W(0)       = 0.4*(-4.2172)^3 + 100 = 70
//	W(2 s)     = 100 - 0.4*2.2172^3    = 100 - 4.360 = 95.640
//	W(4.217 s) = 100
//	W(8.217 s) = 100 + 0.4*4^3         = 125.6
//	W(14.217s) = 100 + 0.4*10^3        = 500
func TestCubicCurve(t *testing.T) {
	//rfc:9438 4.2 rule W(t) = C*(t-K)^3 + W_max
	c, w := cubicAfterLoss(100)
	if w.Ssthresh != 70000 {
		t.Fatalf("ssthresh is %d, want beta_cubic * 100 segments = 70000", w.Ssthresh)
	}
	c.Acked(w, ackOf(w, 0, testMSS, 100*time.Millisecond))
	if c.curve.k != 4217 {
		t.Fatalf("K is %d ms, want cbrt(75) s = 4217 ms", c.curve.k)
	}
	for _, p := range []struct {
		ms   time.Duration
		want float64
	}{{0, 70}, {2000, 95.640}, {4217, 100}, {8217, 125.6}, {14217, 500}} {
		got := float64(c.curve.window(p.ms*time.Millisecond, testMSS)) / testMSS
		if math.Abs(got-p.want) > 0.02 {
			t.Errorf("W_cubic(%d ms) is %.3f segments, want %.3f", p.ms, got, p.want)
		}
	}
}

// The window itself follows the curve from W(t) towards W(t+RTT).
func TestCubicWindowFollowsCurve(t *testing.T) {
	//rfc:9438 4.4 MUST below W_max the window follows the curve
	//rfc:9438 4.5 MUST above W_max the window follows the curve
	const rtt = 200 * time.Millisecond
	c, w := cubicAfterLoss(100)
	for _, at := range []time.Duration{2, 4, 6, 8} {
		drive(c, w, (at-2)*time.Second, at*time.Second, rtt)
		low := c.curve.window(at*time.Second-2*rtt, testMSS)
		high := c.curve.window(at*time.Second+rtt, testMSS)
		if w.Cwnd < low || w.Cwnd > high+testMSS {
			t.Errorf("at %d s cwnd is %d, want it between %d and %d, where the curve is", at, w.Cwnd, low, high)
		}
	}
}

// Section 4.2: the target is at most half as much again, however late it is.
func TestCubicTargetIsBounded(t *testing.T) {
	//rfc:9438 4.2 rule the target is at most half as much again
	c, w := cubicAfterLoss(100)
	c.Acked(w, ackOf(w, 0, 0, time.Second))
	c.lastAck = 0
	s := ackOf(w, 60*time.Second, testMSS, time.Minute) // W(120 s) is 622 000 segments
	before := w.Cwnd
	c.Acked(w, s)
	// (1.5*70000 - 70000) * 1000 / 70000 = 500.
	if grown := w.Cwnd - before; grown != 500 {
		t.Errorf("one segment acknowledged far up the curve grew cwnd by %d, want 500", grown)
	}
}

// Section 4.3: alpha_cubic = 3*(1-0.7)/(1+0.7) = 0.5294 segments a window, until
// the window of before the loss, and one from there.
func TestCubicRenoFriendlyRegion(t *testing.T) {
	//rfc:9438 4.3 rule never slower than Reno
	// At 10 segments and 5 ms, the curve rises by 0.1 segments in a round trip at
	// most: Reno is faster.
	c, w := cubicAfterLoss(10)
	drive(c, w, 0, 5*time.Millisecond, 5*time.Millisecond)
	if w.Cwnd < 7500 || w.Cwnd > 7530 {
		t.Errorf("after a window of ACKs cwnd is %d, want about 7000 + 529", w.Cwnd)
	}
	v := &c.curve
	v.wEst, v.estRest = v.cwndPrior, 0
	w.Cwnd = 10000
	v.estimate(w, 10000)
	if v.wEst != 11000 {
		t.Errorf("above the window before the loss W_est grew from 10000 to %d in a window, want 11000", v.wEst)
	}
}

// Section 4.7: lost again before it came back to where it was, the flow looks for
// 85 % of where it is.
func TestCubicFastConvergence(t *testing.T) {
	//rfc:9438 4.7 SHOULD fast convergence
	c, w := cubicAfterLoss(100)
	w.Cwnd = 80000
	c.Congested(w, ackOf(w, 0, 0, 0), CauseLoss)
	if c.curve.wMax != 68000 {
		t.Errorf("W_max is %d, want 80000*(1+0.7)/2 = 68000", c.curve.wMax)
	}
	c, w = cubicAfterLoss(100)
	w.Cwnd = 120000
	c.Congested(w, ackOf(w, 0, 0, 0), CauseLoss)
	if c.curve.wMax != 120000 {
		t.Errorf("W_max is %d, want where the loss was: 120000", c.curve.wMax)
	}
}

func TestCubicReductions(t *testing.T) {
	//rfc:9438 4.6 SHOULD a loss leaves seven tenths
	for _, test := range []struct {
		cause Cause
		want  int
	}{{CauseLoss, 14000}, {CauseTimeout, 14000}, {CauseECN, 17000}} {
		c, w := &Cubic{}, testWindow(20)
		c.Congested(w, ackOf(w, 0, 0, 0), test.cause)
		if w.Ssthresh != test.want {
			t.Errorf("cause %d at 20 segments: ssthresh %d, want %d", test.cause, w.Ssthresh, test.want)
		}
	}
}

// Section 4.8: after a timeout K is 0 and W_max is where avoidance begins.
func TestCubicTimeout(t *testing.T) {
	//rfc:9438 4.8 rule after a timeout the curve begins where slow start ends
	c, w := cubicAfterLoss(100)
	c.Congested(w, ackOf(w, 0, 0, 0), CauseTimeout)
	w.Cwnd, w.Recovering = testMSS, true
	drive(c, w, 0, 3*time.Second, 100*time.Millisecond)
	if c.curve.k != 0 || c.curve.wMax < w.Ssthresh || c.curve.wMax > w.Ssthresh+testMSS {
		t.Errorf("avoidance after a timeout has K = %d ms and W_max = %d, want 0 and ssthresh = %d",
			c.curve.k, c.curve.wMax, w.Ssthresh)
	}
}

// Sections 4.2 and 5.8: an hour in which the application was slow, or silent, does
// not count.
func TestCubicIgnoresApplicationLimitedTime(t *testing.T) {
	//rfc:9438 4.2 rule the time in which the application is the limit does not count
	const rtt = 100 * time.Millisecond
	slow, w1 := cubicAfterLoss(100)
	silent, w2 := cubicAfterLoss(100)
	drive(slow, w1, 0, time.Second, rtt)
	drive(silent, w2, 0, time.Second, rtt)
	before := w1.Cwnd
	for at := time.Second; at < time.Hour; at += time.Second {
		s := ackOf(w1, at, testMSS, rtt)
		s.WindowLimited = false
		slow.Acked(w1, s)
	}
	if w1.Cwnd != before {
		t.Errorf("cwnd grew from %d to %d though it was not needed", before, w1.Cwnd)
	}
	drive(slow, w1, time.Hour, time.Hour+rtt, rtt)
	drive(silent, w2, time.Hour, time.Hour+rtt, rtt)
	// W(1.2 s) is 100 - 0.4*3.017^3 = 89.0.
	for name, w := range map[string]*Window{"slow": w1, "silent": w2} {
		if w.Cwnd > 90000 {
			t.Errorf("after a %s hour cwnd is %d: the curve went on, and a burst follows", name, w.Cwnd)
		}
	}
}

// Section 4.9: the curve goes on as if nothing had happened.
func TestCubicUndoRestoresCurve(t *testing.T) {
	//rfc:9438 4.9 rule a spurious event is taken back
	const rtt = 100 * time.Millisecond
	c, w := cubicAfterLoss(100)
	drive(c, w, 0, 2*time.Second, rtt)
	curve, cwnd, ssthresh := c.curve, w.Cwnd, w.Ssthresh
	c.Congested(w, ackOf(w, 2*time.Second, 0, rtt), CauseTimeout)
	w.Cwnd = testMSS
	c.Undo(w)
	if c.curve != curve || w.Cwnd != cwnd || w.Ssthresh != ssthresh {
		t.Errorf("undone: %+v cwnd %d ssthresh %d, want %+v %d %d",
			c.curve, w.Cwnd, w.Ssthresh, curve, cwnd, ssthresh)
	}
}

func TestCubeRoot(t *testing.T) {
	for _, n := range []int64{0, 1, 7, 8, 26, 27, 75e9, 1<<62 - 1, math.MaxInt64 / 2} {
		r := cubeRoot(n)
		if r*r*r > n || (r+1)*(r+1)*(r+1) <= n {
			t.Errorf("cubeRoot(%d) = %d", n, r)
		}
	}
}
