package tcp

// bbrLoss is what losses tell, a round at a time (sections 5.5.10 and 5.5.11).
type bbrLoss struct {
	delivered  int64 // loss_round_delivered: the round of losses ends there
	roundStart bool
	inRound    bool   // something was lost in this round
	total      int64  // C.lost at the last acknowledgement
	events     uint8  // acknowledgements that told of losses in it
	rounds     uint8  // that ended in the present episode
	from       uint32 // losses count from this round on, see holdLosses
	bwLatest   int64  // greatest rate in this round
	inflLatest int    // and volume
	inflightST int    // inflight_shortterm
	undoState  bbrState
	undoBW     int64
	undoST     int
	undoLT     int
	left       bool // a loss ended undoState
}

// bbrStartupLosses is how many losses end Startup (section 5.3.1.3).
const bbrStartupLosses = 6

// noteLoss is NoteLoss.
func (b *BBR) noteLoss() {
	l := &b.loss
	if !l.inRound {
		l.delivered = b.delivered
	}
	l.inRound = true
	if l.events < bbrStartupLosses {
		l.events++
	}
}

// latestDelivery is UpdateLatestDeliverySignals.
func (b *BBR) latestDelivery(s *Sample) {
	l := &b.loss
	l.bwLatest = max(l.bwLatest, s.rate())
	l.inflLatest = max(l.inflLatest, s.volume())
	l.roundStart = s.rated() && s.PriorDelivered >= l.delivered
	if l.roundStart {
		l.delivered = s.TotalDelivered
	}
}

// advance is AdvanceLatestDeliverySignals.
func (l *bbrLoss) advance(s *Sample) {
	if l.roundStart {
		l.bwLatest, l.inflLatest = s.rate(), s.volume()
	}
}

// rate is RS.delivery_rate, 0 if there is none.
func (s *Sample) rate() int64 {
	if !s.rated() {
		return 0
	}
	return s.Rate
}

// volume is RS.delivered, 0 if no segment is known to be delivered (without SACK a
// duplicate does not say which).
func (s *Sample) volume() int {
	if !s.rated() {
		return 0
	}
	return int(s.TotalDelivered - s.PriorDelivered)
}

// congestionSignals is UpdateCongestionSignals: once a round, the short-term
// bounds follow what was delivered.
func (b *BBR) congestionSignals(w *Window, s *Sample) {
	b.rounds.update(s)
	b.bw.update(s)
	l := &b.loss
	if !l.roundStart {
		return
	}
	if l.inRound && !b.state.accelerates() && int32(b.rounds.count-l.from) >= 0 {
		b.lowerBounds(w)
	}
	if b.recovering && l.rounds < 255 {
		l.rounds++
	}
	b.checkStartupLoss(w, s)
	l.inRound, l.events = false, 0
}

// lowerBounds is InitLowerBounds and LossLowerBounds: to the rate and volume of
// the last round, but not by more than Beta.
func (b *BBR) lowerBounds(w *Window) {
	l := &b.loss
	if b.bw.shortterm == bbrUnboundedRate {
		b.bw.shortterm = b.bw.max
	}
	if l.inflightST == bbrUnbounded {
		l.inflightST = w.Cwnd
	}
	b.bw.shortterm = max(l.bwLatest, mulDiv(b.bw.shortterm, bbrBeta, 100))
	l.inflightST = max(l.inflLatest, scale(l.inflightST, bbrBeta, 100))
}

// holdLosses lets the next two rounds set no bounds. What they deliver is what
// ProbeRTT let into the network, and the draft would take it for the path's
// capacity: one random loss after each ProbeRTT, and BBR cruises at 70 %.
func (b *BBR) holdLosses() { b.loss.from = b.rounds.count + 3 }

// resetShortTerm is ResetShortTermModel.
func (b *BBR) resetShortTerm() {
	b.bw.shortterm = bbrUnboundedRate
	b.loss.inflightST = bbrUnbounded
}

// resetCongestionSignals is ResetCongestionSignals.
func (b *BBR) resetCongestionSignals() {
	b.loss.inRound, b.loss.events = false, 0
	b.loss.bwLatest, b.loss.inflLatest = 0, 0
}

// tooHigh is IsInflightTooHigh: more than 2 % of what was in flight was lost. The draft
// asks that of each segment lost (HandleLostPacket); ours is the one whose delivery
// showed the loss, sent a few segments later.
func (s *Sample) tooHigh() bool {
	lost := s.TotalLost - s.PriorLost
	return s.rated() && lost > 0 && lost*100 > int64(s.TxInFlight)*bbrLossThresh
}

// checkStartupLoss is CheckStartupHighLoss, at the end of a round: the pipe is full
// if recovery has gone on for a round that lost more than 2 %, in six places.
func (b *BBR) checkStartupLoss(w *Window, s *Sample) {
	l := &b.loss
	if b.state == bbrStartup && l.rounds > 0 && l.events >= bbrStartupLosses && s.tooHigh() {
		b.leaveStartup(w)
	}
}

// leaveStartup takes what was delivered for what the path bears.
func (b *BBR) leaveStartup(w *Window) {
	b.loss.undoState, b.loss.left = bbrStartup, true
	b.full.reached = true
	b.inflightLT = max(b.bdp(b.bw.max, 100), b.loss.inflLatest, bbrMinPipe*w.MSS)
}

// handleTooHigh is HandleInflightTooHigh: the long-term bound comes down, once for
// each probe.
func (b *BBR) handleTooHigh(w *Window, s *Sample) {
	b.probe.sample, b.probe.tooHigh = false, true
	if !s.AppLimited {
		b.inflightLT = max(s.TxInFlight, scale(b.targetInflight(w), bbrBeta, 100))
	}
	if b.state == bbrUp {
		b.loss.undoState, b.loss.left = bbrUp, true
		b.startDown()
	}
}

// marked answers an ECN mark. The draft leaves open how; here as it answers a
// round with too much loss.
func (b *BBR) marked(w *Window, s *Sample) {
	switch {
	case b.state == bbrStartup:
		b.leaveStartup(w)
	case b.probe.sample:
		b.handleTooHigh(w, s)
	}
	b.loss.left = false // a mark is never spurious
}

// saveUponLoss is SaveStateUponLoss and OnEnterFastRecovery or OnEnterRTO.
func (b *BBR) saveUponLoss(w *Window) {
	l := &b.loss
	b.saveCwnd(w)
	b.recovering, l.rounds = true, 0
	l.left = false
	l.undoBW, l.undoST, l.undoLT = b.bw.shortterm, l.inflightST, b.inflightLT
}

// Undo is HandleSpuriousLossDetection (section 5.5.11.2).
func (b *BBR) Undo(w *Window) {
	l := &b.loss
	if !b.recovering && l.undoBW == 0 {
		return // nothing was reduced
	}
	b.recovering = false
	b.restoreCwnd(w)
	l.inRound = false
	b.full.reset(0)
	b.bw.shortterm = max(b.bw.shortterm, l.undoBW)
	l.inflightST = max(l.inflightST, l.undoST)
	b.inflightLT = max(b.inflightLT, l.undoLT)
	l.undoBW, l.undoST, l.undoLT = 0, 0, 0
	if !l.left {
		return
	}
	l.left = false
	switch {
	case l.undoState == bbrStartup && b.state != bbrStartup:
		b.full.reached = false
		if b.state != bbrProbeRTT {
			b.state = bbrStartup
		}
	case l.undoState == bbrUp && b.state != bbrUp && b.state != bbrProbeRTT:
		b.startRefill()
	}
}
