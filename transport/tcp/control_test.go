package tcp

import (
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// RFC 3168, section 6.1.2: the window is not opened by an ACK that carries an
// ECN-Echo.
func TestControlsHoldOnECNEcho(t *testing.T) {
	for _, name := range Controls {
		for _, ssthresh := range []int{unlimited, 10 * testMSS} {
			c, w := testControl(t, name, 1), testWindow(10)
			c.Open(w, 0)
			w.Ssthresh = ssthresh
			grows := func(ece bool) bool {
				before := w.Cwnd
				for i := range 50 {
					s := ackOf(w, time.Duration(i)*time.Millisecond, testMSS, 10*time.Millisecond)
					s.ECE, s.TotalDelivered = ece, int64(i*testMSS)
					c.Acked(w, s)
				}
				return w.Cwnd > before
			}
			if grows(true) {
				t.Errorf("%s, ssthresh %d: ACKs with an ECN-Echo opened the window", name, ssthresh)
			}
			if !grows(false) {
				t.Errorf("%s, ssthresh %d: ACKs without one did not open it", name, ssthresh)
			}
		}
	}
}

// restarts counts what a connection tells of restarts.
type restarts struct {
	Reno
	n int
}

func (r *restarts) Restarted(*Window, ev.Time) { r.n++ }

// draft-ietf-ccwg-bbr, section 5.4.1: a control hears of a restart when the
// application had left nothing in flight, and only then.
func TestControlHearsOfRestart(t *testing.T) {
	wire := physical.Impairment{Delay: 10 * time.Millisecond}
	p := newPair(t, 1, wire, wire)
	defer p.loop.Close()
	client, _ := p.connect(p.listen(80))
	r := &restarts{}
	client.c.needTraffic().ctrl = r
	write := func(n, want int, why string) {
		t.Helper()
		if _, err := client.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if r.n != want {
			t.Errorf("%d restarts, want %d: %s", r.n, want, why)
		}
	}
	write(5000, 1, "the first data finds nothing in flight, and its other segments do not")
	write(1000, 1, "5000 bytes are in flight")
	p.loop.Run(p.loop.Now().Add(time.Second))
	write(1000, 2, "everything was acknowledged, and the application had nothing to send")
}

// A repetition that is acknowledged sooner than the path allows is not what has
// arrived: there is no rate in that.
func TestRateOfAmbiguousSegment(t *testing.T) {
	const ms = ev.Time(time.Millisecond)
	var r deliveryRate
	first, second := &sentSegment{seq: 0, end: 1000}, &sentSegment{seq: 1000, end: 2000}
	r.sent(0, first, 0)
	r.sent(0, second, 1000)
	second.resent = true
	r.sent(15*ms, second, 1000)
	var s rateSample
	if r.delivers(20*ms, &s, second, 20*time.Millisecond); s.valid {
		t.Errorf("the original's arrival 5 ms after the repetition is a sample: %+v", s)
	}
	if r.delivered != 1000 {
		t.Errorf("%d bytes count as delivered, want 1000: they have arrived, whichever copy it was", r.delivered)
	}
	if r.delivers(20*ms, &s, first, 20*time.Millisecond); !s.valid || s.sentAt != 0 {
		t.Errorf("what was sent once is no sample: %+v", s)
	}
	if r.delivers(40*ms, &s, second, 20*time.Millisecond); s.sentAt != 15*ms {
		t.Errorf("the repetition's arrival a round trip after it is no sample: %+v", s)
	}
}

// The receive buffer grows with the round trip as it is, queues included: a sender
// in a queue of two bandwidth-delay products is limited by its own window, fills it
// and has to answer for it.
func TestReceiveBufferGrowsWithQueue(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	const rate, delay = 100e6, 25 * time.Millisecond
	for _, name := range []string{"reno", "cubic"} {
		all := controlTransfers(t, 1, physical.Impairment{Rate: rate, Delay: delay, Queue: 2 * rate / 8 / 20}, name)
		p, c := all[0].p, all[0].conn
		p.loop.Run(p.loop.Now().Add(15 * time.Second))
		if p.a.tcp.stats.FastRetransmits == 0 {
			t.Errorf("%s never filled the queue: cwnd %d, but the peer's window is %d", name, c.win.Cwnd, c.sndWnd)
		}
		if c.sndWnd < c.win.Cwnd {
			t.Errorf("%s is held at the peer's window of %d, want at least its own of %d", name, c.sndWnd, c.win.Cwnd)
		}
	}
}
