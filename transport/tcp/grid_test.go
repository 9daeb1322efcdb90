package tcp

import (
	"flag"
	"fmt"
	"testing"
	"time"

	ev "septet/event"
	"septet/inspect/check/checktest"
	"septet/physical"
)

var grid = flag.Bool("grid", false, "TestGrid: every cell, 10 MB, 20 seeds, instead of a sample; a million segments at near-zero round trips; every cell of TestTransfersShareLink")

var gridShares = []float64{0, 0.01, 0.02, 0.1, 0.3}

// TestGrid sends data each way over wires that lose, reorder, duplicate and corrupt,
// each by every share of gridShares, in bursts of up to three. It must arrive byte
// for byte, however long it takes.
func TestGrid(t *testing.T) {
	if *grid {
		n := 0
		for _, loss := range gridShares {
			for _, reorder := range gridShares {
				for _, duplicate := range gridShares {
					for _, corrupt := range gridShares {
						n++
						gridCell(t, physical.Impairment{Loss: loss, Burst: float64(n%3 + 1), Reorder: reorder, Duplicate: duplicate, Corrupt: corrupt}, 20, 10<<20)
					}
				}
			}
		}
		return
	}
	for i, cell := range []physical.Impairment{
		{},
		{Loss: 0.01, Burst: 3},
		{Reorder: 0.3},
		{Duplicate: 0.3, Corrupt: 0.1},
		{Loss: 0.1, Reorder: 0.1, Duplicate: 0.1, Corrupt: 0.02},
		{Loss: 0.3, Burst: 3, Reorder: 0.3, Duplicate: 0.3, Corrupt: 0.3},
	} {
		size := 1 << 20
		if i == 5 {
			size = 64 << 10
		}
		gridCell(t, cell, 1, size)
	}
}

func gridCell(t *testing.T, cell physical.Impairment, seeds uint64, size int) {
	if cell.Burst != 0 && (cell.Loss == 0 || cell.Burst < 1) {
		cell.Burst = 0
	}
	cell.Delay = 5 * time.Millisecond
	name := fmt.Sprintf("loss %v in bursts of %v, reorder %v, duplicate %v, corrupt %v",
		cell.Loss, cell.Burst, cell.Reorder, cell.Duplicate, cell.Corrupt)
	begin := time.Now()
	var virtual time.Duration
	var timeouts, probes uint64
	for seed := range seeds {
		t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
			p := gridRun(t, cell, seed, size)
			virtual += time.Duration(p.loop.Now()) - p.a.tcp.about.TimeWait
			timeouts += p.a.tcp.stats.Timeouts + p.b.tcp.stats.Timeouts
			probes += p.a.tcp.stats.TailProbes + p.b.tcp.stats.TailProbes
		})
	}
	t.Logf("%s: %v of virtual time in %v, %d timeouts, %d probes",
		name, (virtual / time.Duration(seeds)).Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), timeouts, probes)
}

// gridRun is one run.
func gridRun(t *testing.T, cell physical.Impairment, seed uint64, size int) *pair {
	// The open is over a good wire: ARP has no checksum, and on the worst cells its
	// cache may be wrong for longer than a SYN is sent again.
	p := newPairUnjudged(t, ev.NewVirtual(seed), 1500, physical.Impairment{}, physical.Impairment{})
	p.a.tcp.about, p.b.tcp.about = patient(), patient()
	checktest.Wire(t, p.loop, p.wire, patient().limits())
	client, server := p.connect(p.listen(80))
	for _, d := range []physical.Direction{physical.AToB, physical.BToA} {
		if err := p.wire.SetImpairment(d, cell); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.stream(client, server, size, seed); err != nil {
		t.Fatalf("%v\n%+v\n%+v", err, p.a.tcp.stats, p.b.tcp.stats)
	}
	if a, b := p.a.tcp.Count(), p.b.tcp.Count(); a != 0 || b != 0 || p.pool.Live() != 0 {
		t.Errorf("left behind: %d and %d connections, %d packets", a, b, p.pool.Live())
	}
	return p
}

// patient is a personality that gives up later: on the worst cells one segment in
// two is lost each way, and sixteen losses in a row happen.
func patient() *Personality {
	p := LinuxPersonality
	p.DataRetries, p.SynRetries, p.SynAckRetries = 60, 60, 60
	p.MaxRTO = 10 * time.Second
	return &p
}

// TestNearZeroRoundTrip: on a path of no or hardly any delay nothing stalls and
// nothing is sent again: in a hundred thousand segments both ways together, with
// -grid in a million.
func TestNearZeroRoundTrip(t *testing.T) {
	//rfc:8985 6.2 rule nothing is lost falsely at a round trip near zero
	segments := 100000
	if *grid {
		segments = 1000000
	}
	for _, delay := range []time.Duration{0, time.Microsecond, 50 * time.Microsecond} {
		t.Run(fmt.Sprint("virtual ", delay), func(t *testing.T) {
			wire := physical.Impairment{Delay: delay}
			p := newPair(t, 1, wire, wire)
			client, server := p.connect(p.listen(80))
			begin := time.Now()
			if err := p.stream(client, server, (segments/2*1448+1<<16)>>16<<16, 1); err != nil {
				t.Fatal(err)
			}
			checkQuiet(t, p)
			if n := client.c.data.dataOut + server.c.data.dataOut; int(n) < segments {
				t.Errorf("%d segments with data were sent, want at least %d", n, segments)
			}
			t.Logf("%d segments in %v, %v of virtual time", p.a.tcp.stats.SegmentsOut+p.b.tcp.stats.SegmentsOut,
				time.Since(begin).Round(time.Millisecond), time.Duration(p.loop.Now())-p.a.tcp.about.TimeWait)
			// Every round trip moves at least the first window of ten segments; half a
			// million need 50000 of them. A single timeout costs 200 ms.
			if busy := time.Duration(p.loop.Now()) - p.a.tcp.about.TimeWait; busy > time.Duration(segments/20)*2*delay+100*time.Millisecond {
				t.Errorf("it took %v of virtual time: something has waited", busy)
			}
		})
	}
}

// stall describes a connection that does not move.
func stall(c *Conn) string {
	now := c.env.now()
	in := func(at ev.Time) string {
		if at == ev.Never {
			return "never"
		}
		return at.Sub(now).String()
	}
	return fmt.Sprintf("%v una %d nxt +%d max +%d window %d cwnd %d pipe %d queued %d unread %d told %d ahead %d phase %d persist %v rto in %s ack in %s tlp in %s timer in %s",
		c.state, c.sndUna, c.sndNxt.Sub(c.sndUna), c.sndMax.Sub(c.sndUna), c.sndWnd, c.win.Cwnd, c.inFlight(),
		c.snd.size, c.rcv.size, c.rcvAdv.Sub(c.rcvNxt), len(c.rcv.ahead), c.loss.phase, c.is(flagPersist),
		in(c.rtoAt), in(c.ackAt), in(c.tlpAt), in(c.timer.When()))
}

func checkQuiet(t *testing.T, p *pair) {
	t.Helper()
	for _, s := range []*station{p.a, p.b} {
		if x := s.tcp.stats; x.Retransmitted+x.Timeouts+x.TailProbes+x.FastRetransmits+x.DSACKsIn != 0 {
			t.Errorf("on a wire that loses nothing: %d segments sent again, %d timeouts, %d probes, %d recoveries, %d duplicates",
				x.Retransmitted, x.Timeouts, x.TailProbes, x.FastRetransmits, x.DSACKsIn)
		}
	}
}

// TestNearZeroRoundTripInRealTime is the same on the machine's clock, where the
// scheduler may be late; then a tail probe may be sent, but nothing may be called
// lost.
func TestNearZeroRoundTripInRealTime(t *testing.T) {
	size := 16 << 20
	if *grid {
		size = 1 << 30
	}
	for _, delay := range []time.Duration{0, time.Microsecond, 50 * time.Microsecond} {
		n := size
		if delay > 0 {
			n = min(size, 64<<20)
		}
		t.Run(fmt.Sprint("real ", delay), func(t *testing.T) {
			l := ev.NewReal(1)
			defer l.Close()
			wire := physical.Impairment{Delay: delay}
			p := newPairOn(t, l, 1500, wire, wire)
			client, server := p.connect(p.listen(80))
			done := make(chan error, 2)
			send := func(s *stream) {
				b := make([]byte, 64<<10)
				for left := n; left > 0; left -= len(b) {
					if _, err := s.Write(b); err != nil {
						t.Error(err)
						return
					}
				}
				s.CloseWrite()
			}
			receive := func(s *stream) {
				b, got := make([]byte, 64<<10), 0
				for {
					m, err := s.Read(b)
					if got += m; err != nil {
						if got != n {
							err = fmt.Errorf("%d of %d bytes: %w", got, n, err)
						} else {
							err = nil
						}
						done <- err
						return
					}
				}
			}
			begin := time.Now()
			go send(client)
			go send(server)
			go receive(client)
			go receive(server)
			for range 2 {
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
				case <-time.After(20 * time.Second):
					l.Lock()
					defer l.Unlock()
					t.Fatalf("nothing has moved for long\n%s\n%s", stall(client.c), stall(server.c))
				}
			}
			l.Lock()
			defer l.Unlock()
			t.Logf("%d MB each way in %v", n>>20, time.Since(begin).Round(time.Millisecond))
			for _, s := range []*station{p.a, p.b} {
				if x := s.tcp.stats; x.FastRetransmits+x.Timeouts != 0 || x.Retransmitted > x.TailProbes {
					t.Errorf("on a wire that loses nothing: %d segments sent again, %d probes, %d recoveries, %d timeouts",
						x.Retransmitted, x.TailProbes, x.FastRetransmits, x.Timeouts)
				}
			}
		})
	}
}
