package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// rttEstimator computes the retransmission timeout (RFC 6298). It times one
// segment per round trip, to the nanosecond, and never one that was
// retransmitted (Karn's algorithm, RFC 6298 section 3).
type rttEstimator struct {
	srtt, rttvar time.Duration
	rto          time.Duration // without backoff

	begun  ev.Time
	seq    header.Seq // an acknowledgement at or beyond it ends the timing
	timing bool
}

func (r *rttEstimator) init(p *Personality) {
	r.rto = p.InitialRTO // RFC 6298, 2.1
}

// start begins timing a segment that ends at seq, unless one is being timed.
func (r *rttEstimator) start(now ev.Time, seq header.Seq) {
	if !r.timing {
		r.timing, r.seq, r.begun = true, seq, now
	}
}

// cancel ends the timing: something that it covers was sent again.
func (r *rttEstimator) cancel() { r.timing = false }

// measured takes one measurement of the round-trip time.
func (r *rttEstimator) measured(p *Personality, rtt time.Duration) {
	if r.srtt == 0 {
		// RFC 6298, 2.2.
		r.srtt, r.rttvar = max(rtt, 1), rtt/2
	} else {
		// RFC 6298, 2.3, with alpha 1/8 and beta 1/4.
		r.rttvar += (max(r.srtt-rtt, rtt-r.srtt) - r.rttvar) / 4
		r.srtt = max(r.srtt+(rtt-r.srtt)/8, 1)
	}
	r.rto = p.clampRTO(r.srtt + max(p.ClockGranule, p.VarianceFloor, 4*r.rttvar))
}

// clampRTO holds a timeout between the bounds of RFC 6298, 2.4 and 2.5.
func (p *Personality) clampRTO(rto time.Duration) time.Duration {
	return min(max(rto, p.MinRTO), p.MaxRTO)
}

// backedOff returns the timeout after n retransmissions in a row (RFC 6298,
// 5.5).
func (r *rttEstimator) backedOff(p *Personality, n uint8) time.Duration {
	return min(r.rto<<min(n, 20), p.MaxRTO)
}

// timestamps is the state of RFC 7323's timestamps option.
type timestamps struct {
	enabled  bool
	offset   uint32     // added to the clock, so that it tells nothing about the host
	recent   uint32     // TS.Recent
	lastAck  header.Seq // Last.ACK.sent
	recentAt ev.Time    // when TS.Recent was last updated
}

// timestampTick is the granularity of our timestamp clock: between 1 ms and 1 s
// (RFC 7323, section 5.4).
const (
	timestampTickDuration = time.Millisecond
	timestampTick         = ev.Time(timestampTickDuration)
)

// clock returns TSval for a segment sent now.
func (t *timestamps) clock(now ev.Time) uint32 { return uint32(now/timestampTick) + t.offset }

// outdated is RFC 7323, section 5.5: TS.Recent is of no use after 24 days.
func (t *timestamps) outdated(now ev.Time) bool {
	return now.Sub(t.recentAt) > 24*24*time.Hour
}

// old is the PAWS test (RFC 7323, section 5.3, R1): the segment's timestamp is
// before TS.Recent.
func (t *timestamps) old(now ev.Time, val uint32) bool {
	return int32(val-t.recent) < 0 && !t.outdated(now)
}

// update takes over a segment's timestamp (RFC 7323, section 4.3, (2)).
func (t *timestamps) update(now ev.Time, seq header.Seq, val uint32) {
	if seq.AtMost(t.lastAck) && (int32(val-t.recent) >= 0 || t.outdated(now)) {
		t.recent, t.recentAt = val, now
	}
}
