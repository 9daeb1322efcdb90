package tcp

import (
	"math"
	"time"

	ev "septet/event"
)

// bbrRTT estimates the round-trip time of the empty path, and says when it is time
// to look at it again (section 5.3.4.3): when no sample was lower for ten seconds, BBR
// empties the queue before it believes a higher one.
//
// Version 06 of the draft does so every five seconds, with a second filter. Its
// authors' working text since then has this, after their issues 17 and 109: the probes
// for bandwidth are interrupted half as often.
type bbrRTT struct {
	min     time.Duration // min_rtt
	minAt   ev.Time
	expired bool    // min_rtt_expired
	cwnd    int     // probe_rtt_cwnd, of what min was before it expired
	doneAt  ev.Time // probe_rtt_done_stamp, 0: what is in flight is still too much
	rounded bool    // a round has passed in ProbeRTT

	// What was sent when so much had been delivered, ProbeRTT held back.
	heldFrom, heldTo int64
}

const (
	bbrNoRTT            = time.Duration(math.MaxInt64)
	bbrMinRTTFilter     = 10 * time.Second
	bbrProbeRTTDuration = 200 * time.Millisecond
)

func (r *bbrRTT) init(now ev.Time) {
	r.min, r.minAt = bbrNoRTT, now
	r.heldTo = -1
}

// updateMinRTT is UpdateMinRTT. The sample that replaces the expired minimum has
// probably waited in a queue: how much is little enough in flight to empty it is said
// before.
func (b *BBR) updateMinRTT(w *Window, s *Sample) {
	r := &b.rtt
	r.expired = s.Now > r.minAt.Add(bbrMinRTTFilter)
	if r.expired && b.state != bbrProbeRTT {
		r.cwnd = max(b.bdp(b.bw.bw, bbrGains[bbrProbeRTT].cwnd), bbrMinPipe*w.MSS)
	}
	if rtt := s.rtt(); rtt > 0 && (rtt < r.min || r.expired) {
		r.min, r.minAt = rtt, s.Now
	}
}

// checkProbeRTT is CheckProbeRTT. After an idle period there is no queue of ours to
// empty.
func (b *BBR) checkProbeRTT(w *Window, s *Sample) {
	if b.state != bbrProbeRTT && b.rtt.expired && !b.idleRestart {
		if b.state != bbrDown && b.state != bbrCruise {
			b.pickProbeWait() // the probe for bandwidth that this ends has been one
		}
		b.saveCwnd(w)
		b.state = bbrProbeRTT
		b.rtt.doneAt, b.rtt.heldFrom = 0, b.delivered
		b.ackPhase = bbrAcksProbeStopping
		b.rounds.begin(b.delivered)
	}
	if b.state == bbrProbeRTT {
		b.handleProbeRTT(w)
	}
	if s.Delivered > 0 {
		b.idleRestart = false
	}
}

// heldBack reports whether ProbeRTT held back what a sample is of. "Ignore low rate
// samples during ProbeRTT": they count like those of an application that has no more
// to send, and no cycle of the bandwidth's filter ends with them.
func (r *bbrRTT) heldBack(s *Sample) bool {
	return s.PriorDelivered >= r.heldFrom && s.PriorDelivered <= r.heldTo
}

// handleProbeRTT is HandleProbeRTT: 200 ms, and a round, with little in flight.
func (b *BBR) handleProbeRTT(w *Window) {
	b.rtt.heldTo = b.delivered + int64(b.inFlight)
	switch {
	case b.rtt.doneAt != 0:
		b.rtt.rounded = b.rtt.rounded || b.rounds.start
		if b.rtt.rounded {
			b.checkProbeRTTDone(w)
		}
	case b.inFlight <= b.rtt.cwnd:
		b.rtt.doneAt = b.now.Add(bbrProbeRTTDuration)
		b.rtt.rounded = false
		b.rounds.begin(b.delivered)
	}
}

// checkProbeRTTDone is CheckProbeRTTDone and ExitProbeRTT. There is no queue to drain
// before Cruise.
//
// The draft draws the wait for the next probe for bandwidth anew here, ours goes on.
// All flows leave ProbeRTT together, which is its purpose: with new waits of two to
// three seconds they then probe within a second of each other, and where a round trip
// with a full queue is long such probes overlap. Each takes back the headroom that it
// had left and none gets that of another, and that is how their shares were to come
// together (section 5.3.3.1). Two flows on 100 Mb/s and 100 ms had five to one for five
// minutes (TestBBRSharesWithLaterFlow).
func (b *BBR) checkProbeRTTDone(w *Window) {
	if b.rtt.doneAt == 0 || b.now <= b.rtt.doneAt {
		return
	}
	b.rtt.minAt = b.now
	b.restoreCwnd(w)
	b.resetShortTerm()
	b.holdLosses()
	b.state = bbrStartup
	if b.full.reached {
		b.enterDown()
		b.state = bbrCruise
	}
}
