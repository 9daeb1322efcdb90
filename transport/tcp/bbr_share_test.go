package tcp

import (
	"testing"
	"time"
)

// After a probe that lost too much the next one ends when what is in flight comes to
// the bound that those losses set; a whole one follows if that was borne.
func TestBBRProbesCautiouslyAfterLoss(t *testing.T) {
	//rfc:BBR 5.3.3.6 rule after a probe that lost, one that ends at the bound
	p := newSimPath(gigabit/10, 80*time.Millisecond, 0.5, 0, 1)
	f := runBBR(t, p, 20*time.Second, "a probe that lost too much", func(b *BBR) bool { return b.probe.tooHigh })
	b := f.ctl.(*BBR)
	continueBBR(t, p, f, 5*time.Second, "the next probe", inState(bbrUp))
	bound, lost := b.inflightLT, f.lost
	continueBBR(t, p, f, time.Second, "its end", inState(bbrDown))
	if f.lost != lost || f.inFlight < bound-2*simMSS || f.inFlight > bound+2*simMSS {
		t.Errorf("the probe after one that lost too much ended with %d bytes in flight and %d lost, want the bound of %d and none",
			f.inFlight, f.lost-lost, bound)
	}
	continueBBR(t, p, f, time.Second, "another state", func(b *BBR) bool { return b.state != bbrDown })
	if b.state != bbrRefill {
		t.Fatalf("after a cautious probe that lost nothing comes state %d, want Refill at once", b.state)
	}
	continueBBR(t, p, f, time.Second, "Up", inState(bbrUp))
	continueBBR(t, p, f, 5*time.Second, "the end of the whole probe", func(b *BBR) bool { return b.state != bbrUp })
	if f.lost == lost {
		t.Errorf("the whole probe found the room for %d bytes without a loss, in a path that holds no more than it had", b.inflightLT)
	}
}

// "Ignore low rate samples during ProbeRTT": it is no cycle of the bandwidth's filter.
func TestBBRKeepsBandwidthOverProbeRTT(t *testing.T) {
	//rfc:BBR 5.3.4.3 rule what ProbeRTT holds back says nothing of the bandwidth
	p := newSimPath(gigabit/10, 40*time.Millisecond, 2, 0, 1)
	f := runBBR(t, p, 12*time.Second, "ProbeRTT", inState(bbrProbeRTT))
	b := f.ctl.(*BBR)
	known := b.bw.max * 11 / 10 // the last cycle saw more than this one
	b.bw.cycle[0], b.bw.max = known, known
	continueBBR(t, p, f, time.Second, "the end of ProbeRTT", inState(bbrCruise))
	rounds := b.rounds.count + 3
	continueBBR(t, p, f, time.Second, "three rounds more", func(b *BBR) bool { return b.rounds.count == rounds })
	if b.bw.max != known {
		t.Errorf("ProbeRTT took max_bw from %d to %d, want it to say nothing of the bandwidth", known, b.bw.max)
	}
}

// The wait for the next probe for bandwidth goes on through ProbeRTT.
func TestBBRProbeRTTDoesNotRestartTheWait(t *testing.T) {
	p := newSimPath(gigabit/10, 80*time.Millisecond, 2, 0, 1)
	f := runBBR(t, p, 12*time.Second, "ProbeRTT", inState(bbrProbeRTT))
	b := f.ctl.(*BBR)
	due := b.probe.cycleAt.Add(3 * time.Second)
	continueBBR(t, p, f, time.Second, "the end of ProbeRTT", inState(bbrCruise))
	ended := p.now
	if due >= ended.Add(2*time.Second) {
		t.Fatalf("ProbeRTT ended at %v, too soon to tell a wait until %v from a new one", ended, due)
	}
	continueBBR(t, p, f, 5*time.Second, "the next probe", inState(bbrRefill))
	if by := max(due, ended).Add(100 * time.Millisecond); p.now > by {
		t.Errorf("the probe after ProbeRTT began at %v, want it three seconds after the last at most, by %v", p.now, by)
	}
}

// On a short path, where rounds and not seconds are waited for, the waits differ by
// half as much as there they do.
func TestBBRWaitsDiffer(t *testing.T) {
	//rfc:BBR 5.3.3.8 rule no sooner than Reno would probe
	b, w, _ := cruising(t)
	reno := uint32(b.targetInflight(w) / w.MSS)
	least, most := uint32(1000), uint32(0)
	for range 200 {
		b.startDown()
		for !b.timeToProbe(w) {
			b.rounds.sinceUp++
		}
		least, most = min(least, b.rounds.sinceUp), max(most, b.rounds.sinceUp)
	}
	if least < reno || least > reno+1 || most < reno*7/5 || most > reno*3/2+1 {
		t.Errorf("200 waits were %d to %d rounds, want them from Reno's %d to half as many again", least, most, reno)
	}
}

// A flow that comes five seconds later gets its half. A probe takes a second and
// more here, and for the bound to grow by what the other leaves takes eight rounds.
func TestBBRSharesWithLaterFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of segments")
	}
	for seed := uint64(1); seed <= 2; seed++ {
		p := newSimPath(gigabit/10, 100*time.Millisecond, 1, 0, seed)
		a, b := p.add(testControl(t, "bbr", seed), 0), p.add(testControl(t, "bbr", seed+1), 5*time.Second)
		p.run(100*time.Second, 400*time.Second)
		sa, sb := a.share(p, 300*time.Second), b.share(p, 300*time.Second)
		if min(sa, sb) < 0.8*max(sa, sb) || sa+sb < 0.9 {
			t.Errorf("seed %d: of 100 Mb/s x 100 ms the first has %.0f %% and the later one %.0f, want half each within a fifth",
				seed, 100*sa, 100*sb)
		}
	}
}
