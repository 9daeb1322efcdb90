package tcp

import (
	"math"
	"testing"
	"time"
)

const gigabit = 125_000_000 // bytes per second

// runBBR runs one flow over a path without random losses until a condition holds.
func runBBR(t *testing.T, p *simPath, limit time.Duration, what string, until func(*BBR) bool) *simFlow {
	t.Helper()
	f := p.add(testControl(t, "bbr", 1), 0)
	continueBBR(t, p, f, limit, what, until)
	return f
}

func continueBBR(t *testing.T, p *simPath, f *simFlow, limit time.Duration, what string, until func(*BBR) bool) {
	t.Helper()
	b := f.ctl.(*BBR)
	for end := p.now.Add(limit); !until(b); {
		if !p.step(end) {
			t.Fatalf("after %v BBR is in state %d with %+v: it should have come to %s", limit, b.state, b.full, what)
		}
	}
}

func inState(s bbrState) func(*BBR) bool { return func(b *BBR) bool { return b.state == s } }

// The draft's appendix, "Exiting STARTUP on Bandwidth Plateau".
func TestBBRStartupEndsOnPlateau(t *testing.T) {
	//rfc:BBR 5.3.1.2 rule three rounds without growth fill the pipe
	p := newSimPath(gigabit/10, 40*time.Millisecond, 4, 0, 1)
	f := runBBR(t, p, 2*time.Second, "Drain", inState(bbrDrain))
	b := f.ctl.(*BBR)
	if !b.full.now || !b.full.reached || b.full.rounds != 3 {
		t.Errorf("Startup ended with %+v, want it full after three rounds without growth", b.full)
	}
	if ratio := float64(b.bw.max) / float64(p.rate); ratio < 0.98 || ratio > 1.02 {
		t.Errorf("max_bw is %.3f of the bottleneck's rate, want it within 2 %%", ratio)
	}
	if f.lost != 0 {
		t.Errorf("Startup lost %d bytes in a buffer of four BDP", f.lost)
	}
	if want := mulDiv(b.bw.bw, 50*99, 10000); f.win.PacingRate != want {
		t.Errorf("Drain paces at %d, want half of bw less the margin of 1 %%: %d", f.win.PacingRate, want)
	}
}

// "Exiting DRAIN Based on Inflight", and the states that follow.
func TestBBRGoesThroughItsStates(t *testing.T) {
	//rfc:BBR 5.3 rule Startup, Drain, and the phases of ProbeBW
	p := newSimPath(gigabit/10, 40*time.Millisecond, 4, 0, 1)
	f := runBBR(t, p, 2*time.Second, "Drain", inState(bbrDrain))
	b := f.ctl.(*BBR)
	// Nothing has been lost and the queue is gone: Down is over as soon as it begins.
	for _, next := range []struct {
		state  bbrState
		pacing int64
		cwnd   int64
	}{{bbrCruise, 100, 200}, {bbrRefill, 100, 200}, {bbrUp, 125, 225}, {bbrDown, 90, 200}} {
		from, begun := b.state, p.now
		continueBBR(t, p, f, 4*time.Second, "the next state", func(b *BBR) bool { return b.state != from })
		if b.state != next.state {
			t.Fatalf("after state %d comes %d, want %d", from, b.state, next.state)
		}
		if from == bbrDrain && f.inFlight > b.inflight(&f.win, b.bw.bw) {
			t.Errorf("Drain ended with %d bytes in flight, more than the BDP of %d", f.inFlight, b.bdp(b.bw.bw, 100))
		}
		if stayed := p.now.Sub(begun); from == bbrCruise && (stayed < 1500*time.Millisecond || stayed > 3*time.Second) {
			t.Errorf("Cruise lasted %v, want two to three seconds less Down", stayed)
		}
		if g := bbrGains[b.state]; g.pacing != next.pacing || g.cwnd != next.cwnd {
			t.Errorf("state %d has gains %+v, want %d and %d", b.state, g, next.pacing, next.cwnd)
		}
	}
}

// "Exiting DRAIN Based on Time": what cannot drain does not hold BBR up.
func TestBBRDrainEndsAfterThreeRounds(t *testing.T) {
	//rfc:BBR 5.3.2 rule Drain ends
	p := newSimPath(gigabit/10, 40*time.Millisecond, 8, 0, 1)
	f := runBBR(t, p, 2*time.Second, "Drain", inState(bbrDrain))
	p.rate /= 4
	began := f.ctl.(*BBR).rounds.count
	continueBBR(t, p, f, 5*time.Second, "ProbeBW", func(b *BBR) bool { return b.state != bbrDrain })
	if rounds := f.ctl.(*BBR).rounds.count - began; rounds > 4 {
		t.Errorf("Drain lasted %d rounds, want no more than 3 whole ones", rounds)
	}
}

// "Never Exiting PROBE_UP (or STARTUP) When Application-Limited With No Loss", and
// "Exiting STARTUP on Loss When Application-Limited".
func TestBBRStartupOfLimitedApplication(t *testing.T) {
	b, w := &BBR{rng: testControl(t, "bbr", 1).(*BBR).rng}, testWindow(10)
	b.Open(w, 0)
	m := &bbrModelPath{b: b, w: w, rtt: 20 * time.Millisecond, rate: 1_000_000, appLimited: true}
	for range 100 {
		m.round(0)
	}
	if b.state != bbrStartup {
		t.Fatalf("100 rounds limited by the application ended Startup: state %d", b.state)
	}
	b.Congested(w, m.sample(0), CauseLoss)
	m.round(10)
	m.round(10)
	m.round(10)
	if !b.full.reached || b.state == bbrStartup {
		t.Errorf("rounds that lost a tenth left Startup going, want it ended although the application is the limit")
	}
	if b.inflightLT == bbrUnbounded {
		t.Error("losses ended Startup and set no bound to what is in flight")
	}
}

// Section 5.3.4: every ten seconds without a lower sample, half of the BDP for 200
// ms and a round.
func TestBBRProbeRTT(t *testing.T) {
	//rfc:BBR 5.3.4 rule ProbeRTT when no sample was lower for ten seconds
	p := newSimPath(gigabit/10, 40*time.Millisecond, 2, 0, 1)
	f := runBBR(t, p, 12*time.Second, "ProbeRTT", inState(bbrProbeRTT))
	b := f.ctl.(*BBR)
	if at := time.Duration(p.now); at < 10*time.Second {
		t.Errorf("ProbeRTT began at %v, want not before ten seconds", at)
	}
	bdp, begun, least := b.bdp(b.bw.bw, 100), p.now, math.MaxInt
	continueBBR(t, p, f, time.Second, "the end of ProbeRTT", func(b *BBR) bool {
		least = min(least, f.inFlight)
		return b.state != bbrProbeRTT
	})
	if least > bdp*6/10 {
		t.Errorf("in ProbeRTT at least %d bytes were in flight, want about half of the BDP of %d", least, bdp)
	}
	if took := p.now.Sub(begun); took < 200*time.Millisecond || took > 400*time.Millisecond {
		t.Errorf("ProbeRTT took %v, want 200 ms and the time to drain", took)
	}
	if b.state != bbrCruise || f.win.Cwnd < bdp {
		t.Errorf("after ProbeRTT BBR is in state %d with cwnd %d, want Cruise with at least the BDP %d",
			b.state, f.win.Cwnd, bdp)
	}
	if b.rtt.min > 41*time.Millisecond {
		t.Errorf("min_rtt is %v, want the empty path's 40 ms", b.rtt.min)
	}
}

// What ProbeRTT let into the network is no measure for the path: a loss just after
// it sets no bound, a later one does.
func TestBBRHoldsLossesAfterProbeRTT(t *testing.T) {
	for _, test := range []struct {
		rounds int
		want   bool
	}{{0, false}, {4, true}} {
		b, w, m := cruising(t)
		b.holdLosses()
		for range test.rounds {
			m.round(0)
		}
		m.round(1)
		m.round(0)
		if bounded := b.bw.shortterm != bbrUnboundedRate; bounded != test.want {
			t.Errorf("a loss %d rounds after ProbeRTT: bound set %v, want %v (cwnd %d)", test.rounds, bounded, test.want, w.Cwnd)
		}
	}
}

// The path has become longer: after the filter's ten seconds BBR believes it.
func TestBBRMinRTTRises(t *testing.T) {
	//rfc:BBR 5.3.4.3 rule a longer path is believed after ten seconds
	p := newSimPath(gigabit/10, 20*time.Millisecond, 8, 0, 1)
	f := runBBR(t, p, 2*time.Second, "Cruise", inState(bbrCruise))
	p.rtt = 60 * time.Millisecond
	continueBBR(t, p, f, 25*time.Second, "the longer round-trip time", func(b *BBR) bool {
		return b.rtt.min >= 60*time.Millisecond && b.rtt.min < 70*time.Millisecond
	})
	if at := time.Duration(p.now); at < 10*time.Second {
		t.Errorf("min_rtt rose at %v, want not before ten seconds", at)
	}
}

// Section 5.4.1: after an idle period BBR sends at bw, with the window it had, and
// does not probe for the round-trip time.
func TestBBRRestartsFromIdle(t *testing.T) {
	//rfc:BBR 5.4.1 rule after a pause it sends at the known bandwidth
	b, w, m := cruising(t)
	cwnd := w.Cwnd
	s := m.sample(0)
	s.InFlight = 0
	b.Acked(w, s)
	m.now = m.now.Add(time.Minute)
	b.state = bbrUp // whose gain must not count
	b.Restarted(w, m.now)
	b.state = bbrCruise
	if w.PacingRate != 990_000 {
		t.Errorf("restarted from idle at %d bytes a second, want bw less 1 %%: 990 000", w.PacingRate)
	}
	m.appLimited = true
	b.Acked(w, m.sample(0))
	if b.state == bbrProbeRTT {
		t.Error("BBR went to ProbeRTT after an idle minute: the queue has had time to drain")
	}
	if w.Cwnd < cwnd {
		t.Errorf("the idle minute took cwnd from %d to %d, want it as it was", cwnd, w.Cwnd)
	}
}

// Section 5.6.4.4: a timeout leaves one segment, and the window from before comes
// back when it is over.
func TestBBRTimeout(t *testing.T) {
	//rfc:BBR 5.6.4.4 rule a timeout leaves one segment, and the window comes back
	b, w, m := cruising(t)
	cwnd := w.Cwnd
	s := m.sample(0)
	s.InFlight = 0
	b.Congested(w, s, CauseTimeout)
	if w.Cwnd != testMSS {
		t.Errorf("after a timeout cwnd is %d, want one segment", w.Cwnd)
	}
	b.Acked(w, m.sample(0))
	b.Recovered(w, m.now)
	if w.Cwnd != cwnd {
		t.Errorf("after recovery cwnd is %d, want %d as before", w.Cwnd, cwnd)
	}
}

// Section 5.5.11: losses that were none give back the bounds and the probe.
func TestBBRUndo(t *testing.T) {
	//rfc:BBR 5.5.11 rule losses that were none are taken back
	b, w, m := cruising(t)
	b.startRefill()
	for n := 0; b.state != bbrUp && n < 3; n++ {
		m.round(0)
	}
	for range 20 { // the samples of the probe come a round later
		b.Acked(w, m.sample(0))
	}
	cwnd := w.Cwnd
	b.Congested(w, m.sample(0), CauseLoss)
	for n := 0; b.state == bbrUp && n < 60; n++ {
		b.Acked(w, m.sample(10))
	}
	if b.state != bbrDown || b.inflightLT == bbrUnbounded {
		t.Fatalf("a probe that lost a tenth left BBR in state %d with the bound %d, want Down and a bound",
			b.state, b.inflightLT)
	}
	b.Undo(w)
	if b.state != bbrRefill || b.inflightLT != bbrUnbounded || w.Cwnd < cwnd {
		t.Errorf("undone: state %d, bound %d, cwnd %d; want Refill, no bound, at least %d",
			b.state, b.inflightLT, w.Cwnd, cwnd)
	}
}

func TestBBRAnswersMarks(t *testing.T) {
	//rfc:BBR 3.7 rule ECN marks are answered
	b, w, m := cruising(t)
	m.rate = 800_000
	m.round(0)
	b.Congested(w, m.sample(0), CauseECN)
	m.round(0)
	m.round(0)
	if b.bw.bw > 810_000 {
		t.Errorf("after an ECN mark in Cruise bw is %d, want no more than the 800 000 delivered", b.bw.bw)
	}
	b, w = testControl(t, "bbr", 1).(*BBR), testWindow(10)
	b.Open(w, 0)
	m = &bbrModelPath{b: b, w: w, rtt: 20 * ms, rate: 1_000_000}
	m.round(0)
	b.Congested(w, m.sample(0), CauseECN)
	m.round(0)
	if b.state == bbrStartup {
		t.Error("an ECN mark left Startup going")
	}
}
