package tcp

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
	"unsafe"

	ev "septet/event"
	"septet/header"
)

const testMSS = 1000

// testWindow is a window of so many segments of 1000 bytes, in avoidance.
func testWindow(segments int) *Window {
	return &Window{MSS: testMSS, Cwnd: segments * testMSS, Ssthresh: segments * testMSS}
}

// ackOf acknowledges n bytes of a full window.
func ackOf(w *Window, at time.Duration, n int, rtt time.Duration) *Sample {
	return &Sample{
		Now: ev.Time(at), Acked: n, Delivered: n, WindowLimited: true, RTT: rtt, SRTT: rtt,
		PriorInFlight: w.Cwnd, InFlight: w.Cwnd - n, SndUna: 1, SndNxt: header.Seq(1 + w.Cwnd),
	}
}

func testControl(t testing.TB, name string, seed uint64) Control {
	t.Helper()
	c, err := NewControl(name, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatalf("NewControl(%q): %v", name, err)
	}
	return c
}

func TestControlsByName(t *testing.T) {
	//rfc:9293 MAY-18
	for _, name := range Controls {
		if got := testControl(t, name, 1).Name(); got != name {
			t.Errorf("the control asked for as %q calls itself %q", name, got)
		}
	}
	// setsockopt(TCP_CONGESTION) of an unknown name gives ENOENT on Linux.
	if _, err := NewControl("vegas", nil); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("NewControl of an unknown name: %v, want ENOENT", err)
	}
}

// Every connection has a control, also the 100 000 idle ones.
func TestControlsAreSmall(t *testing.T) {
	for name, size := range map[string]uintptr{
		"reno": unsafe.Sizeof(Reno{}), "cubic": unsafe.Sizeof(Cubic{}), "bbr": unsafe.Sizeof(BBR{}),
	} {
		t.Logf("%s: %d bytes", name, size)
		if size > 512 {
			t.Errorf("%s needs %d bytes a connection, more than 512", name, size)
		}
	}
}

func TestControlsDoNotAllocate(t *testing.T) {
	for _, name := range Controls {
		c, w := testControl(t, name, 1), testWindow(100)
		c.Open(w, 0)
		s := ackOf(w, 0, testMSS, 10*time.Millisecond)
		n := testing.AllocsPerRun(1000, func() {
			s.Now = s.Now.Add(time.Millisecond)
			s.TotalDelivered += testMSS
			c.Acked(w, s)
			c.Congested(w, s, CauseLoss)
			c.Recovered(w, s.Now)
		})
		if n != 0 {
			t.Errorf("%s allocates %v times an ACK", name, n)
		}
	}
}

func TestRenoSlowStart(t *testing.T) {
	//rfc:3465 2.2 rule one ACK counts for two segments at most
	//rfc:3465 2.3 rule after a timeout one ACK counts for one segment
	r, w := &Reno{}, testWindow(10)
	w.Ssthresh = 1 << 30
	// RFC 3465, section 2.2: by what is acknowledged, but at most L = 2 segments.
	for _, step := range []struct{ acked, want int }{{1000, 11000}, {2000, 13000}, {5000, 15000}, {10, 15010}} {
		r.Acked(w, ackOf(w, 0, step.acked, 0))
		if w.Cwnd != step.want {
			t.Fatalf("after an ACK of %d in slow start cwnd is %d, want %d", step.acked, w.Cwnd, step.want)
		}
	}
	// Section 2.3: after a timeout L = 1, although the window counts as recovering.
	r.Congested(w, ackOf(w, 0, 0, 0), CauseTimeout)
	w.Cwnd, w.Recovering = testMSS, true
	r.Acked(w, ackOf(w, 0, 3000, 0))
	if w.Cwnd != 2000 {
		t.Errorf("slow start after a timeout: an ACK of 3 segments took cwnd from 1000 to %d, want 2000", w.Cwnd)
	}
}

func TestRenoAvoidance(t *testing.T) {
	//rfc:5681 3.1 MUST avoidance grows by no more than a segment a round trip
	//rfc:3465 2.1 rule avoidance counts bytes
	r, w := &Reno{}, testWindow(10)
	for range 10 {
		r.Acked(w, ackOf(w, 0, 1000, 0))
	}
	if w.Cwnd != 11000 {
		t.Errorf("after a window of ACKs cwnd is %d, want one segment more: 11000", w.Cwnd)
	}
	for range 100 {
		s := ackOf(w, 0, 1000, 0)
		s.WindowLimited = false
		r.Acked(w, s)
	}
	if w.Cwnd != 11000 {
		t.Errorf("cwnd grew to %d although it was not needed", w.Cwnd)
	}
	w.Recovering = true
	for range 20 {
		r.Acked(w, ackOf(w, 0, 1000, 0))
	}
	if w.Cwnd != 11000 {
		t.Errorf("Reno moved cwnd to %d in fast recovery, which is PRR's", w.Cwnd)
	}
}

func TestRenoReductions(t *testing.T) {
	//rfc:5681 3.1 MUST a timeout sets ssthresh to half the flight, two segments at least
	//rfc:8511 3 rule an echo reduces by less than a loss
	//rfc:8511 3 rule never less than two segments
	for _, test := range []struct {
		cause    Cause
		segments int
		want     int
	}{
		{CauseLoss, 20, 10000},    // RFC 5681, equation 4: FlightSize / 2
		{CauseLoss, 3, 2000},      // and at least 2*SMSS
		{CauseTimeout, 20, 10000}, // the same
		{CauseECN, 20, 16000},     // RFC 8511: FlightSize * 0.8
		{CauseECN, 2, 2000},
	} {
		r, w := &Reno{}, testWindow(test.segments)
		r.Congested(w, ackOf(w, 0, 0, 0), test.cause)
		if w.Ssthresh != test.want {
			t.Errorf("cause %d with %d segments in flight: ssthresh %d, want %d",
				test.cause, test.segments, w.Ssthresh, test.want)
		}
	}
	// FlightSize, not cwnd: an application that sent little does not keep half of a
	// window that it never used.
	r, w := &Reno{}, testWindow(100)
	s := ackOf(w, 0, 0, 0)
	s.PriorInFlight, s.SndNxt = 10000, s.SndUna.Add(10000)
	r.Congested(w, s, CauseLoss)
	if w.Ssthresh != 5000 {
		t.Errorf("10 of 100 segments in flight: ssthresh %d, want 5000", w.Ssthresh)
	}
}

// The window is back where it was after a spurious reduction, but a mark was meant.
func TestControlsUndo(t *testing.T) {
	//rfc:9438 4.9 rule a spurious event is taken back
	for _, name := range []string{"reno", "cubic"} {
		for _, cause := range []Cause{CauseLoss, CauseTimeout, CauseECN} {
			c, w := testControl(t, name, 1), testWindow(20)
			w.Ssthresh = 15000
			c.Congested(w, ackOf(w, 0, 0, 0), cause)
			reduced := w.Ssthresh
			w.Cwnd = reduced
			c.Undo(w)
			wantCwnd, wantThresh := 20000, 15000
			if cause == CauseECN {
				wantCwnd, wantThresh = reduced, reduced
			}
			if w.Cwnd != wantCwnd || w.Ssthresh != wantThresh {
				t.Errorf("%s, cause %d undone: cwnd %d ssthresh %d, want %d and %d",
					name, cause, w.Cwnd, w.Ssthresh, wantCwnd, wantThresh)
			}
		}
	}
}
