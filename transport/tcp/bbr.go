package tcp

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"time"

	ev "septet/event"
)

// BBR is version 3 of draft-ietf-ccwg-bbr. It keeps a model of the path: the
// bandwidth of its bottleneck and its round-trip time without queues, bounded by
// what losses say. It sends at that bandwidth, and now and then faster to see
// whether there is more of it, or less to see the round-trip time:
//
//	Startup -> Drain -> Down -> Cruise -> Refill -> Up -+
//	                     ^                              |
//	                     +------------------------------+
//	and from each state, when the round-trip time has not been seen for a while,
//	ProbeRTT, then back to Cruise, or to Startup if the pipe was never full.
//
// An acknowledgement goes through Acked in the order of the draft's section 5.2.3:
// the model (bbr_model.go), the bounds that losses set (bbr_loss.go), the state
// machine (bbr_probe.go, bbr_rtt.go), and the window and rate (here). All of it is
// integer arithmetic: bytes, bytes per second, gains in percent.
//
// Where ours is not the draft's (version 06), a comment says why: losses are judged by
// the segment that an acknowledgement delivers and not by each one lost (tooHigh), and
// set no bounds just after ProbeRTT (holdLosses), which comes every ten seconds
// (bbrRTT); the wait between probes for bandwidth is spread more widely (pickProbeWait)
// and goes on through ProbeRTT (checkProbeRTTDone).
type BBR struct {
	rng *rand.Rand

	state    bbrState
	ackPhase bbrAckPhase
	rounds   bbrRounds
	bw       bbrBandwidth
	rtt      bbrRTT
	extra    bbrExtraAcked
	loss     bbrLoss
	probe    bbrProbe
	full     bbrFullPipe

	now         ev.Time // of the last acknowledgement
	delivered   int64   // C.delivered at it
	inFlight    int     // after it
	initialCwnd int
	priorCwnd   int // the last good window, before recovery or ProbeRTT
	inflightLT  int // inflight_longterm
	recovering  bool
	idleRestart bool
	paced       bool // the rate comes from a measured round-trip time
}

type bbrState uint8

const (
	bbrStartup bbrState = iota
	bbrDrain
	bbrDown // the states of ProbeBW
	bbrCruise
	bbrRefill
	bbrUp
	bbrProbeRTT
)

// bbrGains has the table of section 5.6.1, in percent.
var bbrGains = [...]struct{ pacing, cwnd int64 }{
	bbrStartup:  {277, 200},
	bbrDrain:    {50, 200},
	bbrDown:     {90, 200},
	bbrCruise:   {100, 200},
	bbrRefill:   {100, 200},
	bbrUp:       {125, 225},
	bbrProbeRTT: {100, 50},
}

// The parameters of section 2, in percent or as they are.
const (
	bbrLossThresh   = 2
	bbrBeta         = 70
	bbrHeadroom     = 15
	bbrPacingMargin = 1
	bbrMinPipe      = 4 // segments

	bbrUnbounded     = math.MaxInt
	bbrUnboundedRate = math.MaxInt64
)

// Name returns "bbr".
func (*BBR) Name() string { return "bbr" }

// OwnsRecovery is true: the model bounds what is in flight, also while losses are
// repaired.
func (*BBR) OwnsRecovery() bool { return true }

// Open is OnInit (section 5.2.1).
func (b *BBR) Open(w *Window, now ev.Time) {
	*b = BBR{rng: b.rng, now: now, initialCwnd: w.Cwnd, inflightLT: bbrUnbounded}
	b.rtt.init(now)
	b.extra.since = now
	b.probe.ackedPerInc = bbrUnbounded
	b.resetShortTerm()
	// "nominal_bandwidth = C.InitialCwnd / (C.srtt ? C.srtt : 1ms)"
	w.PacingRate = mulDiv(int64(w.Cwnd)*1000, bbrGains[bbrStartup].pacing, 100)
}

// Acked is UpdateOnACK (section 5.2.3).
func (b *BBR) Acked(w *Window, s *Sample) {
	b.now, b.delivered = s.Now, s.TotalDelivered
	b.inFlight = s.InFlight
	s.AppLimited = s.AppLimited || b.rtt.heldBack(s)
	if s.TotalLost > b.loss.total {
		b.loss.total = s.TotalLost
		b.noteLoss()
	}
	b.latestDelivery(s)
	b.congestionSignals(w, s)
	b.extra.update(w, s, b.bw.bw, b.full.reached, &b.rounds)
	b.full.check(s, b.rounds.start)
	b.checkStartupDone()
	b.checkDrainDone(w)
	b.probeBW(w, s)
	b.updateMinRTT(w, s)
	b.checkProbeRTT(w, s)
	b.loss.advance(s)
	b.bw.bound()

	b.setPacingRate(w, s)
	b.setCwnd(w, s)
}

// Congested takes the beginning of an episode. A loss itself comes with Acked; the
// window falls only for a timeout, to one segment more than what is in flight
// (section 5.6.4.4).
func (b *BBR) Congested(w *Window, s *Sample, cause Cause) {
	b.delivered = max(b.delivered, s.TotalDelivered)
	b.loss.total = max(b.loss.total, s.TotalLost)
	if cause == CauseECN {
		// "the congestion controller response MUST treat any CE marks as congestion"
		// (section 3.7): as a round with more losses than BBR bears.
		b.noteLoss()
		b.marked(w, s)
		return
	}
	b.saveUponLoss(w)
	b.noteLoss()
	if cause == CauseTimeout {
		w.Cwnd = s.InFlight + w.MSS
	}
}

// Recovered goes back to the window from before; the model bounds it with the next
// acknowledgement.
func (b *BBR) Recovered(w *Window, _ ev.Time) {
	if b.recovering {
		b.recovering = false
		b.restoreCwnd(w)
	}
}

// Restarted is HandleRestartFromIdle (section 5.4.1).
func (b *BBR) Restarted(w *Window, now ev.Time) {
	b.idleRestart = true
	b.extra.since, b.extra.delivered = now, 0
	b.now = now
	switch {
	case b.state.probesBW():
		b.setPacingRateWithGain(w, 100)
	case b.state == bbrProbeRTT:
		b.checkProbeRTTDone(w)
	}
}

// saveCwnd and restoreCwnd remember "the latest C.cwnd unmodulated by loss
// recovery or ProbeRTT" (section 5.6.4.4).
func (b *BBR) saveCwnd(w *Window) {
	if b.recovering || b.state == bbrProbeRTT {
		b.priorCwnd = max(b.priorCwnd, w.Cwnd)
	} else {
		b.priorCwnd = w.Cwnd
	}
}

func (b *BBR) restoreCwnd(w *Window) { w.Cwnd = max(w.Cwnd, b.priorCwnd) }

// setPacingRate is SetPacingRate (section 5.6.2). The first round-trip time
// replaces the guess that the first rate was made of.
func (b *BBR) setPacingRate(w *Window, s *Sample) {
	if !b.paced && s.SRTT > 0 {
		b.paced = true
		w.PacingRate = mulDiv(int64(b.initialCwnd), bbrGains[bbrStartup].pacing*int64(time.Second)/100, int64(s.SRTT))
	}
	b.setPacingRateWithGain(w, bbrGains[b.state].pacing)
}

func (b *BBR) setPacingRateWithGain(w *Window, gain int64) {
	rate := mulDiv(b.bw.bw, gain*(100-bbrPacingMargin), 100*100)
	if rate > 0 && (b.full.reached || rate > w.PacingRate) {
		w.PacingRate = rate
	}
}

// setCwnd is SetCwnd (section 5.6.4.6).
func (b *BBR) setCwnd(w *Window, s *Sample) {
	limit, opens := b.maxInflight(w), s.Delivered
	if s.ECE {
		opens = 0 // RFC 3168, section 6.1.2: such an ACK does not open the window
	}
	if b.full.reached {
		w.Cwnd = min(w.Cwnd+opens, limit)
	} else if w.Cwnd < limit || b.delivered < int64(b.initialCwnd) {
		w.Cwnd += opens
	}
	w.Cwnd = min(max(w.Cwnd, bbrMinPipe*w.MSS), maxCwnd)
	if b.state == bbrProbeRTT {
		w.Cwnd = min(w.Cwnd, b.rtt.cwnd)
	}
	b.boundCwnd(w)
}

// boundCwnd is BoundCwndForModel (section 5.6.4.7).
func (b *BBR) boundCwnd(w *Window) {
	limit := bbrUnbounded
	switch b.state {
	case bbrDown, bbrRefill, bbrUp:
		limit = b.inflightLT
	case bbrCruise, bbrProbeRTT:
		limit = b.inflightWithHeadroom(w)
	}
	limit = max(min(limit, b.loss.inflightST), bbrMinPipe*w.MSS)
	w.Cwnd = min(w.Cwnd, limit)
}

// bdp returns gain percent of the bandwidth-delay product, the initial window
// while there is no round-trip time.
func (b *BBR) bdp(rate, gain int64) int {
	if b.rtt.min == bbrNoRTT {
		return b.initialCwnd
	}
	n := mulDiv(rate, int64(b.rtt.min), int64(time.Second))
	return int(min(mulDiv(n, gain, 100), maxCwnd))
}

// quantized is QuantizationBudget (section 5.6.4.2): what offload keeps busy comes
// on top of what the path holds.
func (b *BBR) quantized(w *Window, n int) int {
	quantum := int(min(w.PacingRate/1000, 64<<10))
	n = max(n, 3*max(quantum, 2*w.MSS), bbrMinPipe*w.MSS)
	if b.state == bbrUp {
		n += 2 * w.MSS
	}
	return n
}

// inflight is Inflight(1.0).
func (b *BBR) inflight(w *Window, rate int64) int { return b.quantized(w, b.bdp(rate, 100)) }

// maxInflight is UpdateMaxInflight.
func (b *BBR) maxInflight(w *Window) int {
	return b.quantized(w, b.bdp(b.bw.bw, bbrGains[b.state].cwnd)+b.extra.most())
}

// mulDiv returns a*b/c, bounded by the largest int64, without overflow between.
// None is negative, and c is not 0.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}
