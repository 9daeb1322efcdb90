package tcp

import (
	"testing"
	"time"

	"septet/physical"
)

// transfer is endless: from a to b with a control of a's, measured at b.
type transfer struct {
	p        *pair
	conn     *Conn
	received int
}

// controlTransfers has one transfer for each name, a second apart, over one wire.
func controlTransfers(t *testing.T, seed uint64, out physical.Impairment, names ...string) []*transfer {
	t.Helper()
	p := newPair(t, seed, out, physical.Impairment{Rate: out.Rate, Delay: out.Delay})
	t.Cleanup(p.loop.Close)
	ln := p.listen(80)
	var all []*transfer
	for i, name := range names {
		p.loop.Run(p.loop.Now().Add(min(time.Duration(i), 1) * time.Second))
		all = append(all, p.transfer(ln, testControl(t, name, seed+uint64(i))))
	}
	return all
}

// transfer begins one.
func (p *pair) transfer(ln *Listener, ctl Control) *transfer {
	client, server := p.connect(ln)
	x := &transfer{p: p, conn: client.c}
	p.loop.Lock()
	x.conn.needTraffic().ctrl = ctl
	x.conn.ctrl.Open(&x.conn.win, p.loop.Now())
	p.loop.Unlock()
	buf := make([]byte, 1<<20)
	p.loop.Go("send", func() {
		for {
			if _, err := client.Write(buf); err != nil {
				return
			}
		}
	})
	in := make([]byte, 1<<20)
	p.loop.Go("receive", func() {
		for {
			n, err := server.Read(in)
			if err != nil {
				return
			}
			x.received += n
		}
	})
	return x
}

// shares lets the controlTransfers run, and returns which part of the rate each had
// between two moments.
func shares(all []*transfer, rate int64, from, to time.Duration) []float64 {
	loop := all[0].p.loop
	begin := loop.Now()
	loop.Run(begin.Add(from))
	before := make([]int, len(all))
	for i, x := range all {
		before[i] = x.received
	}
	loop.Run(begin.Add(to))
	part := make([]float64, len(all))
	for i, x := range all {
		part[i] = float64(x.received-before[i]) * 8 / (float64(rate) * (to - from).Seconds())
	}
	return part
}

// The long fat link for real: 1 Gb/s and 100 ms, with a buffer of as much, from the
// opening on.
func TestTransferFillsLongFatLink(t *testing.T) {
	if testing.Short() {
		t.Skip("gigabits take a while, most of all with the race detector")
	}
	const rate = 1e9
	// CUBIC's share under random loss is RFC 9438's: see TestCubicResponseFunction.
	for _, test := range []struct {
		control  string
		loss     float64
		from, to time.Duration
		want     float64
	}{
		{"cubic", 0, 4 * time.Second, 5 * time.Second, 0.9},
		{"bbr", 0, 4 * time.Second, 5 * time.Second, 0.9},
		{"bbr", 0.0001, 4 * time.Second, 10 * time.Second, 0.85},
	} {
		all := controlTransfers(t, 1, physical.Impairment{Rate: rate, Delay: 50 * time.Millisecond, Loss: test.loss}, test.control)
		if part := shares(all, rate, test.from, test.to)[0]; part < test.want {
			t.Errorf("%s fills 1 Gb/s x 100 ms with %g %% loss to %.1f %%, want %.0f",
				test.control, 100*test.loss, 100*part, 100*test.want)
		} else {
			t.Logf("%s, %g %% loss: %.1f %%", test.control, 100*test.loss, 100*part)
		}
	}
}

// Beside Reno, on a short path, CUBIC takes no more.
func TestTransferCubicBesideReno(t *testing.T) {
	const rate, delay = 10e6, 10 * time.Millisecond
	all := controlTransfers(t, 1, physical.Impairment{Rate: rate, Delay: delay, Jitter: 2 * time.Millisecond, Queue: 25000}, "reno", "cubic")
	part := shares(all, rate, 20*time.Second, 120*time.Second)
	t.Logf("reno %.3f, cubic %.3f", part[0], part[1])
	if reno := part[0] / (part[0] + part[1]); reno < 0.4 || reno > 0.6 {
		t.Errorf("Reno has %.0f and CUBIC %.0f %% of the link, want half each within a fifth", 100*part[0], 100*part[1])
	}
}

// A deep buffer does not make the round trip long.
func TestTransferBBRKeepsQueueShort(t *testing.T) {
	const rate, delay = 50e6, 20 * time.Millisecond
	srtt := map[string]time.Duration{}
	for _, name := range []string{"cubic", "bbr"} {
		all := controlTransfers(t, 1, physical.Impairment{Rate: rate, Delay: delay, Queue: 1 << 20}, name)
		if part := shares(all, rate, 5*time.Second, 20*time.Second)[0]; part < 0.85 {
			t.Errorf("%s uses %.0f %% of the link, want 85", name, 100*part)
		}
		srtt[name] = all[0].conn.rtt.srtt
	}
	t.Logf("%v", srtt)
	if srtt["bbr"] > 2*delay*3/2 || srtt["cubic"] < srtt["bbr"]*3/2 {
		t.Errorf("on a path of %v the round-trip time is %v with BBR and %v with CUBIC, want BBR's near the path's",
			2*delay, srtt["bbr"], srtt["cubic"])
	}
}
