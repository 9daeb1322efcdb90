package tcp

import ev "septet/event"

// bbrRounds counts packet-timed round trips (section 5.5.1): one ends when what
// was sent after its beginning is acknowledged.
type bbrRounds struct {
	next    int64 // next_round_delivered
	count   uint32
	sinceUp uint32 // rounds_since_probe_up
	start   bool
}

// update is UpdateRound.
func (r *bbrRounds) update(s *Sample) {
	r.start = s.rated() && s.PriorDelivered >= r.next
	if r.start {
		r.begin(s.TotalDelivered)
		r.count++
		r.sinceUp++
	}
}

// begin is StartRound.
func (r *bbrRounds) begin(delivered int64) { r.next = delivered }

// bbrBandwidth estimates the bandwidth, in bytes per second (sections 5.5.2 to
// 5.5.6).
type bbrBandwidth struct {
	bw        int64    // what may be used now
	max       int64    // max_bw: what the path was seen to carry
	cycle     [2]int64 // the maximum of the last cycle of ProbeBW and of this one
	shortterm int64    // bound set by losses in this cycle
}

// update is UpdateMaxBw. What the application held back says something only if it
// is more than was known.
func (b *bbrBandwidth) update(s *Sample) {
	if s.rated() && s.Rate > 0 && (s.Rate >= b.max || !s.AppLimited) {
		b.cycle[1] = max(b.cycle[1], s.Rate)
		b.max = max(b.cycle[0], b.cycle[1])
	}
}

// advance is AdvanceMaxBwFilter. A cycle that measured nothing leaves the last one
// standing.
func (b *bbrBandwidth) advance() {
	if b.cycle[1] != 0 {
		b.cycle[0], b.cycle[1] = b.cycle[1], 0
		b.max = b.cycle[0]
	}
}

// bound is BoundBWForModel.
func (b *bbrBandwidth) bound() { b.bw = min(b.max, b.shortterm) }

// bbrExtraAcked estimates aggregation (section 5.5.9): how much more is sometimes
// acknowledged than the bandwidth explains. The filter's ten rounds are two halves
// of five.
type bbrExtraAcked struct {
	since     ev.Time // extra_acked_interval_start
	delivered int
	half      [2]int
	begun     uint32 // round in which the present half began
}

const bbrExtraRounds = 10

// update is UpdateACKAggregation.
func (e *bbrExtraAcked) update(w *Window, s *Sample, bw int64, full bool, r *bbrRounds) {
	expected := mulDiv(bw, int64(max(s.Now.Sub(e.since), 0)), 1e9)
	if int64(e.delivered) <= expected {
		e.delivered, e.since, expected = 0, s.Now, 0
	}
	e.delivered += s.Delivered
	extra := min(e.delivered-int(expected), w.Cwnd)
	rounds := uint32(bbrExtraRounds / 2)
	if !full {
		rounds = 1 // "in Startup, just remember 1 round"
	}
	if r.count-e.begun >= rounds {
		e.half[0], e.half[1] = e.half[1], 0
		if !full {
			e.half[0] = 0
		}
		e.begun = r.count
	}
	e.half[1] = max(e.half[1], extra)
}

func (e *bbrExtraAcked) most() int { return max(e.half[0], e.half[1]) }

// bbrFullPipe sees that sending faster does not deliver more (section 5.3.1.2).
type bbrFullPipe struct {
	bw      int64
	rounds  uint8
	now     bool // since it was last reset
	reached bool // ever
}

// reset is ResetFullBW.
func (f *bbrFullPipe) reset(bw int64) { f.bw, f.rounds, f.now = bw, 0, false }

// check is CheckFullBWReached: three rounds that grew by less than a quarter.
func (f *bbrFullPipe) check(s *Sample, roundStart bool) {
	if f.now || !roundStart || s.AppLimited || !s.rated() {
		return
	}
	if s.Rate >= f.bw+f.bw/4 {
		f.reset(s.Rate)
		return
	}
	f.rounds++
	if f.rounds >= 3 {
		f.now, f.reached = true, true
	}
}
