package tcp

import (
	"time"

	ev "septet/event"
)

// bbrProbe is the state of ProbeBW (sections 5.3.2 and 5.3.3).
type bbrProbe struct {
	drainRound  uint32        // in which Drain began
	cycleAt     ev.Time       // cycle_stamp
	wait        time.Duration // bw_probe_wait
	waitRounds  int           // of as many rounds as Reno would need, in percent
	ackedPerInc int           // probe_up_acked_per_inc
	acked       int           // bw_probe_up_acked
	upRounds    uint8         // bw_probe_up_rounds
	sample      bool          // is_bw_probe_sample: acknowledgements are of a probe
	tooHigh     bool          // prev_probe_too_high: the last probe lost too much
	cautious    bool          // prev_probe_precautionary: it ended at inflight_longterm
}

// bbrAckPhase says what the acknowledgements that arrive are about.
type bbrAckPhase uint8

const (
	bbrAcksInit          bbrAckPhase = iota // no probe
	bbrAcksRefilling                        // sending at the estimated bandwidth
	bbrAcksProbeStarting                    // more and more is in flight
	bbrAcksProbeFeedback                    // the first answers to that
	bbrAcksProbeStopping                    // the last answers
)

// probesBW is IsInAProbeBWState.
func (s bbrState) probesBW() bool { return s >= bbrDown && s <= bbrUp }

// accelerates is IsProbingBW.
func (s bbrState) accelerates() bool { return s == bbrStartup || s == bbrRefill || s == bbrUp }

// checkStartupDone is CheckStartupDone and EnterDrain.
func (b *BBR) checkStartupDone() {
	if b.state == bbrStartup && b.full.reached {
		b.state = bbrDrain
		b.probe.drainRound = b.rounds.count
	}
}

// checkDrainDone is CheckDrainDone: the queue is gone, or it was no queue.
func (b *BBR) checkDrainDone(w *Window) {
	if b.state == bbrDrain &&
		(b.inFlight <= b.inflight(w, b.bw.bw) || b.rounds.count > b.probe.drainRound+3) {
		b.startDown()
	}
}

// startDown is StartProbeBW_DOWN.
func (b *BBR) startDown() {
	b.pickProbeWait()
	b.enterDown()
}

// pickProbeWait is PickProbeWait: two to three seconds from now, or as many rounds as
// Reno would need and up to half as many again. That half is ours: the draft draws
// one round or none, for "better mixing and fairness convergence" (section 5.3.3.8),
// and on paths where 63 rounds are less than two seconds that mixes little. Flows that
// once probed together go on to, and none finds the room that another leaves. The 95
// rounds that it comes to are fewer than the 137 after which losses of 1 % would have
// cost too much.
func (b *BBR) pickProbeWait() {
	b.rounds.sinceUp = 0
	b.probe.waitRounds = 100 + b.rng.IntN(51)
	b.probe.wait = 2*time.Second + time.Duration(b.rng.Int64N(int64(time.Second)))
	b.probe.cycleAt = b.now
}

func (b *BBR) enterDown() {
	b.resetCongestionSignals()
	b.probe.ackedPerInc = bbrUnbounded
	b.ackPhase = bbrAcksProbeStopping
	b.rounds.begin(b.delivered)
	b.state = bbrDown
}

// startRefill is StartProbeBW_REFILL: what losses said in the last cycle is
// forgotten.
func (b *BBR) startRefill() {
	b.resetShortTerm()
	b.probe.upRounds, b.probe.acked = 0, 0
	b.probe.cautious = false
	b.ackPhase = bbrAcksRefilling
	b.rounds.begin(b.delivered)
	b.state = bbrRefill
}

// startUp is StartProbeBW_UP.
func (b *BBR) startUp(w *Window, s *Sample) {
	b.probe.sample = true
	b.ackPhase = bbrAcksProbeStarting
	b.rounds.begin(b.delivered)
	b.full.reset(s.rate())
	b.state = bbrUp
	b.raiseSlope(w)
}

// probeBW is UpdateProbeBWCyclePhase.
func (b *BBR) probeBW(w *Window, s *Sample) {
	if !b.full.reached || b.adaptLongTerm(w, s) {
		return
	}
	switch b.state {
	case bbrDown:
		if b.timeToProbe(w) {
			b.startRefill()
		} else if b.timeToCruise(w) {
			b.state = bbrCruise
		}
	case bbrCruise:
		if b.timeToProbe(w) {
			b.startRefill()
		}
	case bbrRefill:
		if b.rounds.start {
			b.startUp(w, s)
		}
	case bbrUp:
		if b.timeToGoDown(w, s) {
			b.probe.tooHigh = false
			b.startDown()
		}
	}
}

// timeToProbe is IsTimeToProbeBW: after two to three seconds, or as many rounds as
// Reno would take to lose something on this path, so that it can live beside us.
func (b *BBR) timeToProbe(w *Window) bool {
	if b.now > b.probe.cycleAt.Add(b.probe.wait) {
		return true
	}
	rounds := min(b.targetInflight(w)/w.MSS, 63)
	return int(b.rounds.sinceUp)*100 >= rounds*b.probe.waitRounds
}

// targetInflight is TargetInflight.
func (b *BBR) targetInflight(w *Window) int { return min(b.bdp(b.bw.bw, 100), w.Cwnd) }

// timeToCruise is IsTimeToCruise: the queue is gone and there is room for others.
func (b *BBR) timeToCruise(w *Window) bool {
	return b.inFlight <= b.inflightWithHeadroom(w) && b.inFlight <= b.inflight(w, b.bw.max)
}

// timeToGoDown is IsTimeToGoDown: more does not deliver more, unless it was the
// long-term bound that held it back. If the last probe lost too much, this one ends
// as soon as that bound is reached, and waits for the answers ("precautionary
// bandwidth probing", section 5.3.3.6).
func (b *BBR) timeToGoDown(w *Window, s *Sample) bool {
	if b.probe.tooHigh && s.PriorInFlight+w.MSS > b.inflightLT {
		b.probe.cautious = true
		return true
	}
	if s.WindowLimited && w.Cwnd >= b.inflightLT {
		b.full.reset(s.rate())
		return false
	}
	return b.full.now
}

// inflightWithHeadroom is InflightWithHeadroom.
func (b *BBR) inflightWithHeadroom(w *Window) int {
	if b.inflightLT == bbrUnbounded {
		return bbrUnbounded
	}
	headroom := max(w.MSS, scale(b.inflightLT, bbrHeadroom, 100))
	return max(b.inflightLT-headroom, bbrMinPipe*w.MSS)
}

// adaptLongTerm is AdaptLongTermModel: it follows what the acknowledgements are
// about, and moves the long-term bound. It reports whether it has changed the state:
// a cautious probe that lost little is followed by a full one at once.
func (b *BBR) adaptLongTerm(w *Window, s *Sample) bool {
	if b.ackPhase == bbrAcksProbeStarting && b.rounds.start {
		b.ackPhase = bbrAcksProbeFeedback
	}
	if b.ackPhase == bbrAcksProbeStopping && b.rounds.start {
		b.probe.sample = false
		b.ackPhase = bbrAcksInit
		if b.state.probesBW() && !s.AppLimited {
			b.bw.advance()
		}
		if b.state.probesBW() && b.probe.cautious && !b.probe.tooHigh {
			b.startRefill()
			return true
		}
	}
	b.moveLongTerm(w, s)
	return false
}

// moveLongTerm moves the long-term bound: down if a probe lost too much, up if what
// was in flight is seen to be borne.
func (b *BBR) moveLongTerm(w *Window, s *Sample) {
	switch {
	case s.tooHigh():
		if b.probe.sample {
			b.handleTooHigh(w, s)
		}
	case b.inflightLT != bbrUnbounded:
		b.inflightLT = max(b.inflightLT, s.TxInFlight)
		if b.state == bbrUp {
			b.probeUpward(w, s)
		}
	}
}

// probeUpward is ProbeInflightLongtermUpward: by a segment a round, then two, four
// and so on.
func (b *BBR) probeUpward(w *Window, s *Sample) {
	if !s.WindowLimited || w.Cwnd < b.inflightLT {
		return
	}
	p := &b.probe
	p.acked += s.Delivered
	if n := p.acked / p.ackedPerInc; n > 0 {
		p.acked -= n * p.ackedPerInc
		b.inflightLT = min(b.inflightLT+n*w.MSS, maxCwnd)
	}
	if b.rounds.start {
		b.raiseSlope(w)
	}
}

// raiseSlope is RaiseInflightLongtermSlope.
func (b *BBR) raiseSlope(w *Window) {
	b.probe.ackedPerInc = max(w.Cwnd>>b.probe.upRounds, w.MSS)
	b.probe.upRounds = min(b.probe.upRounds+1, 30)
}
