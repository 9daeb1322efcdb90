package tcp

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// newSimPath has a buffer of so many bandwidth-delay products.
func newSimPath(rate int64, rtt time.Duration, bdps, loss float64, seed uint64) *simPath {
	return &simPath{
		rate: rate, rtt: rtt, loss: loss, buffer: int(float64(rate) * rtt.Seconds() * bdps),
		rng: rand.New(rand.NewPCG(seed, 2)),
	}
}

// 1 Gb/s and 100 ms, the fifth second after the connection was opened.
func TestControlsFillLongFatPath(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	for _, name := range []string{"cubic", "bbr"} {
		p := newSimPath(gigabit, 100*time.Millisecond, 1, 0, 1)
		f := p.add(testControl(t, name, 1), 0)
		p.run(4*time.Second, 5*time.Second)
		if share := f.share(p, time.Second); share < 0.9 {
			t.Errorf("%s uses %.0f %% of 1 Gb/s x 100 ms in the fifth second, want 90", name, 100*share)
		}
	}
}

// Random losses, which say nothing about congestion, hardly touch BBR.
func TestBBRBearsRandomLoss(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	for _, test := range []struct{ loss, want float64 }{{0.0001, 0.85}, {0.01, 0.75}} {
		p := newSimPath(gigabit, 100*time.Millisecond, 1, test.loss, 1)
		f := p.add(testControl(t, "bbr", 1), 0)
		p.run(5*time.Second, 25*time.Second)
		if share := f.share(p, 20*time.Second); share < test.want {
			t.Errorf("BBR uses %.0f %% of 1 Gb/s x 100 ms with %g %% random loss, want %.0f",
				100*share, 100*test.loss, 100*test.want)
		}
	}
}

// RFC 9438, section 5: the mean window is (C*(3+beta)/(4*(1-beta)))^(1/4) *
// RTT^(3/4) / p^(3/4) = 1.054 * 0.1^0.75 / p^0.75 segments: 187 for p = 10^-4. That is 2 % of 1 Gb/s x 100 ms (8600 segments);
// 60 % of it are kept up to p = 1.2 * 10^-6.
func TestCubicResponseFunction(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	//rfc:9438 5.1 rule the window as a function of the loss rate
	const over = 300 * time.Second
	total := 0.0
	for seed := range uint64(3) {
		p := newSimPath(gigabit/5, 100*time.Millisecond, 1, 1e-4, seed)
		f := p.add(testControl(t, "cubic", seed), 0)
		p.run(20*time.Second, 20*time.Second+over)
		total += f.share(p, over) * float64(p.rate) * p.rtt.Seconds() / simMSS
	}
	if mean := total / 3; math.Abs(mean-187)/187 > 0.25 {
		t.Errorf("at one loss in 10 000 CUBIC's mean window is %.0f segments, want about 187", mean)
	}
	p := newSimPath(gigabit, 100*time.Millisecond, 1, 1e-6, 1)
	f := p.add(testControl(t, "cubic", 1), 0)
	p.run(5*time.Second, 35*time.Second)
	if share := f.share(p, 30*time.Second); share < 0.6 {
		t.Errorf("CUBIC uses %.0f %% of 1 Gb/s x 100 ms with 0.0001 %% random loss, want 60", 100*share)
	}
}

// Where windows are small, CUBIC is as fast as Reno: 1 Gb/s x 2 ms with the losses
// that would cost it nearly everything on a long path.
func TestCubicOnShortPath(t *testing.T) {
	p := newSimPath(gigabit, 2*time.Millisecond, 1, 1e-4, 1)
	f := p.add(testControl(t, "cubic", 1), 0)
	p.run(time.Second, 11*time.Second)
	if share := f.share(p, 10*time.Second); share < 0.6 {
		t.Errorf("CUBIC uses %.0f %% of 1 Gb/s x 2 ms with 0.01 %% random loss, want 60", 100*share)
	}
}

// Two flows of one kind, one second apart, have a half of the path each, within a
// fifth, once they have found each other.
func TestControlsShareFairly(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	for _, name := range Controls {
		for seed := range uint64(3) {
			p := newSimPath(gigabit/100, 40*time.Millisecond, 1, 0, seed)
			a, b := p.add(testControl(t, name, 2*seed), 0), p.add(testControl(t, name, 2*seed+1), time.Second)
			p.run(60*time.Second, 180*time.Second)
			sa, sb := a.share(p, 2*time.Minute), b.share(p, 2*time.Minute)
			if part := sa / (sa + sb); part < 0.4 || part > 0.6 {
				t.Errorf("%s, seed %d: two flows have %.0f and %.0f %% of the path, want half each within a fifth",
					name, seed, 100*sa, 100*sb)
			}
			if sa+sb < 0.9 {
				t.Errorf("%s, seed %d: two flows use %.0f %% of the path together, want 90", name, seed, 100*(sa+sb))
			}
		}
	}
}

// RFC 9438, section 4.3: beside Reno, where Reno does well, CUBIC takes no more.
func TestCubicIsFriendlyToReno(t *testing.T) {
	//rfc:9438 4.3 rule never slower than Reno
	for seed := range uint64(3) {
		p := newSimPath(gigabit/100, 20*time.Millisecond, 1, 0, seed)
		reno, cubic := p.add(testControl(t, "reno", 1), 0), p.add(testControl(t, "cubic", 1), time.Second)
		p.run(20*time.Second, 120*time.Second)
		r, c := reno.share(p, 100*time.Second), cubic.share(p, 100*time.Second)
		if part := r / (r + c); part < 0.4 || part > 0.6 {
			t.Errorf("seed %d: at 10 Mb/s x 20 ms Reno has %.0f %% and CUBIC %.0f, want a half each within a fifth",
				seed, 100*r, 100*c)
		}
	}
}

// BBR leaves the buffer nearly empty, which the others fill.
func TestBBRKeepsQueueShort(t *testing.T) {
	const rtt = 40 * time.Millisecond
	queue := map[string]time.Duration{}
	for _, name := range []string{"cubic", "bbr"} {
		p := newSimPath(gigabit/10, rtt, 4, 0, 1)
		f := p.add(testControl(t, name, 1), 0)
		p.run(10*time.Second, 40*time.Second)
		queue[name] = p.meanQueue()
		if share := f.share(p, 30*time.Second); share < 0.9 {
			t.Errorf("%s uses %.0f %% of the path, want 90", name, 100*share)
		}
	}
	if queue["bbr"] > rtt/5 || queue["bbr"] > queue["cubic"]/5 {
		t.Errorf("the mean queue is %v with BBR and %v with CUBIC, want BBR's below a fifth of the round trip",
			queue["bbr"], queue["cubic"])
	}
}

// Marks at a quarter of the buffer keep the queue there, and nothing is lost.
func TestControlsAnswerMarks(t *testing.T) {
	for _, name := range Controls {
		p := newSimPath(gigabit/10, 40*time.Millisecond, 1, 0, 1)
		p.markAt = p.buffer / 4
		f := p.add(testControl(t, name, 1), 0)
		p.run(5*time.Second, 35*time.Second)
		if share := f.share(p, 30*time.Second); share < 0.9 {
			t.Errorf("%s uses %.0f %% of a path that marks, want 90", name, 100*share)
		}
		if p.maxQueued > p.buffer*3/4 {
			t.Errorf("%s filled %d of %d bytes of a buffer that marks from a quarter on", name, p.maxQueued, p.buffer)
		}
	}
}
