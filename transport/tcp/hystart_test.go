package tcp

import (
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
)

// slowStarter sends rounds of ten ACKs through HyStart++.
type slowStarter struct {
	t   *testing.T
	c   *Cubic
	w   *Window
	una header.Seq
	now ev.Time
}

func newSlowStarter(t *testing.T) *slowStarter {
	w := testWindow(10)
	w.Ssthresh = 1 << 30
	return &slowStarter{t: t, c: &Cubic{}, w: w}
}

// round acknowledges n segments of one round trip, and returns by how much the
// window grew.
func (s *slowStarter) round(n int, rtt time.Duration) int {
	before := s.w.Cwnd
	end := s.una.Add(n * testMSS)
	for range n {
		s.una = s.una.Add(testMSS)
		a := ackOf(s.w, time.Duration(s.now), testMSS, rtt)
		a.SndUna, a.SndNxt = s.una, end.Add(n*testMSS)
		if s.una != end {
			a.SndNxt = s.una.Add(n * testMSS)
		}
		s.c.Acked(s.w, a)
	}
	return s.w.Cwnd - before
}

const ms = time.Millisecond

// RFC 9406, section 4.2: the threshold is an eighth of the last round's least RTT,
// between 4 and 16 ms.
func TestHyStartThreshold(t *testing.T) {
	//rfc:9406 4.2 rule the threshold is an eighth of the round trip, within 4 and 16 ms
	for _, test := range []struct{ last, below, at time.Duration }{
		{10 * ms, 13999 * time.Microsecond, 14 * ms},    // 10/8 < 4: 4
		{80 * ms, 89999 * time.Microsecond, 90 * ms},    // 80/8 = 10
		{400 * ms, 415999 * time.Microsecond, 416 * ms}, // 400/8 > 16: 16
	} {
		for _, rtt := range []time.Duration{test.below, test.at} {
			s := newSlowStarter(t)
			s.round(10, test.last)
			s.round(10, test.last)
			s.round(10, rtt)
			if conservative, want := s.c.slow.cssRounds > 0, rtt == test.at; conservative != want {
				t.Errorf("RTT went from %v to %v: conservative slow start %v, want %v", test.last, rtt, conservative, want)
			}
		}
	}
}

// Section 4.2: in CSS the window grows by a quarter of what it would, for five
// rounds, and then avoidance begins.
func TestHyStartConservativeRounds(t *testing.T) {
	//rfc:9406 4.2 rule five rounds of a quarter of the growth
	s := newSlowStarter(t)
	s.round(20, 100*ms)
	if grown := s.round(20, 100*ms); grown != 20*testMSS {
		t.Fatalf("20 segments acknowledged in slow start grew cwnd by %d, want 20000", grown)
	}
	s.round(20, 120*ms) // CSS begins after its eighth sample, the rest is its first round
	for round := 2; round <= 5; round++ {
		if grown := s.round(20, 120*ms); grown != 5*testMSS {
			t.Fatalf("20 segments acknowledged in round %d of CSS grew cwnd by %d, want 5000", round, grown)
		}
	}
	if s.c.slow.done {
		t.Fatal("slow start has ended before the fifth round of CSS was over")
	}
	s.round(20, 120*ms)
	if !s.c.slow.done || s.w.Ssthresh > s.w.Cwnd {
		t.Errorf("after five rounds of CSS ssthresh is %d and cwnd %d, want avoidance", s.w.Ssthresh, s.w.Cwnd)
	}
}

// Section 4.2: slow start goes on if in CSS the round-trip time falls below what it
// was when CSS began: it was jitter.
func TestHyStartResumes(t *testing.T) {
	//rfc:9406 4.2 rule slow start goes on if it was jitter
	s := newSlowStarter(t)
	s.round(20, 100*ms)
	s.round(20, 100*ms)
	s.round(20, 120*ms)
	s.round(20, 100*ms)
	if grown := s.round(20, 100*ms); grown != 20*testMSS {
		t.Errorf("the delay went away and a round grew cwnd by %d, want slow start's 20000", grown)
	}
}

// Eight samples are needed, and L is eight segments when nothing is paced.
func TestHyStartLimits(t *testing.T) {
	//rfc:9406 4.2 rule eight samples are needed
	//rfc:9406 4.2 rule eight segments an ACK unless paced
	s := newSlowStarter(t)
	s.round(20, 100*ms)
	s.round(20, 100*ms)
	s.round(7, 200*ms)
	if s.c.slow.cssRounds != 0 {
		t.Error("seven samples of a longer RTT were enough for CSS, want eight")
	}
	for _, test := range []struct {
		rate int64
		want int
	}{{0, 8 * testMSS}, {1, 30 * testMSS}} {
		c, w := &Cubic{}, testWindow(40)
		w.Ssthresh, w.PacingRate = 1<<30, test.rate
		c.Acked(w, ackOf(w, 0, 30*testMSS, 100*ms))
		if grown := w.Cwnd - 40*testMSS; grown != test.want {
			t.Errorf("pacing rate %d: an ACK of 30 segments grew cwnd by %d, want %d", test.rate, grown, test.want)
		}
	}
}

// Section 4.3: HyStart++ is for the first slow start only.
func TestHyStartOnlyOnce(t *testing.T) {
	//rfc:9406 4.3 rule HyStart++ is for the first slow start only
	c, w := &Cubic{}, testWindow(40)
	w.Ssthresh = 1 << 30
	c.Congested(w, ackOf(w, 0, 0, 0), CauseTimeout)
	c.Recovered(w, 0)
	w.Cwnd = 10 * testMSS
	c.Acked(w, ackOf(w, 0, 5*testMSS, 100*ms))
	if w.Cwnd != 11*testMSS {
		t.Errorf("after a timeout an ACK of 5 segments took cwnd from 10000 to %d, want 11000 (L = 1)", w.Cwnd)
	}
}
