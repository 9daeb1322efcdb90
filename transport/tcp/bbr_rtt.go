package tcp

import (
	"math"
	"time"

	ev "septet/event"
)

// bbrRTT estimates the round-trip time of the empty path, and says when it is time
// to look at it again (section 5.3.4.3): the filter of the estimate is ten seconds
// long, and after five in which no sample was lower, BBR empties the queue.
type bbrRTT struct {
	min      time.Duration // min_rtt
	minAt    ev.Time
	recent   time.Duration // probe_rtt_min_delay
	recentAt ev.Time
	expired  bool    // probe_rtt_expired
	doneAt   ev.Time // probe_rtt_done_stamp, 0: what is in flight is still too much
	rounded  bool    // a round has passed in ProbeRTT
}

const (
	bbrNoRTT            = time.Duration(math.MaxInt64)
	bbrMinRTTFilter     = 10 * time.Second
	bbrProbeRTTInterval = 5 * time.Second
	bbrProbeRTTDuration = 200 * time.Millisecond
)

func (r *bbrRTT) init(now ev.Time) {
	r.min, r.recent = bbrNoRTT, bbrNoRTT
	r.minAt, r.recentAt = now, now
}

// update is UpdateMinRTT.
func (r *bbrRTT) update(s *Sample) {
	r.expired = s.Now > r.recentAt.Add(bbrProbeRTTInterval)
	if rtt := s.rtt(); rtt > 0 && (rtt < r.recent || r.expired) {
		r.recent, r.recentAt = rtt, s.Now
	}
	if r.recent < r.min || s.Now > r.minAt.Add(bbrMinRTTFilter) {
		r.min, r.minAt = r.recent, r.recentAt
	}
}

// checkProbeRTT is CheckProbeRTT. After an idle period there is no queue of ours to
// empty.
func (b *BBR) checkProbeRTT(w *Window, s *Sample) {
	if b.state != bbrProbeRTT && b.rtt.expired && !b.idleRestart {
		b.saveCwnd(w)
		b.state = bbrProbeRTT
		b.rtt.doneAt = 0
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

// handleProbeRTT is HandleProbeRTT: 200 ms, and a round, with little in flight.
func (b *BBR) handleProbeRTT(w *Window) {
	switch {
	case b.rtt.doneAt != 0:
		b.rtt.rounded = b.rtt.rounded || b.rounds.start
		if b.rtt.rounded {
			b.checkProbeRTTDone(w)
		}
	case b.inFlight <= b.probeRTTCwnd(w):
		b.rtt.doneAt = b.now.Add(bbrProbeRTTDuration)
		b.rtt.rounded = false
		b.rounds.begin(b.delivered)
	}
}

// probeRTTCwnd is ProbeRTTCwnd: half of what the path holds.
func (b *BBR) probeRTTCwnd(w *Window) int {
	return max(b.bdp(b.bw.bw, bbrGains[bbrProbeRTT].cwnd), bbrMinPipe*w.MSS)
}

// checkProbeRTTDone is CheckProbeRTTDone and ExitProbeRTT. The next probe for
// bandwidth is a cycle away, but there is no queue to drain first.
func (b *BBR) checkProbeRTTDone(w *Window) {
	if b.rtt.doneAt == 0 || b.now <= b.rtt.doneAt {
		return
	}
	b.rtt.recentAt = b.now
	b.restoreCwnd(w)
	b.resetShortTerm()
	b.holdLosses()
	b.state = bbrStartup
	if b.full.reached {
		b.startDown()
		b.state = bbrCruise
	}
}
