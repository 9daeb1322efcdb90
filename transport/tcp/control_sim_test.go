package tcp

import (
	"math/rand/v2"
	"time"

	ev "septet/event"
	"septet/header"
)

// simPath is a bottleneck with a queue before it, for trying out a Control alone:
// no segments, no ACK losses, every loss known when the next segment arrives, and
// what was lost is made good by sending as much again.
type simPath struct {
	rate   int64 // bytes per second
	rtt    time.Duration
	buffer int // bytes
	loss   float64
	markAt int // ECN: mark beyond this backlog; 0: never

	now   ev.Time
	busy  ev.Time // the bottleneck is, until then
	last  ev.Time // ackAt of the segment sent last
	rng   *rand.Rand
	way   []simSegment // sent, in order of ackAt
	head  int
	flows []*simFlow

	queued, arrivals int64 // sum of the backlogs that arrivals met
	maxQueued        int
}

type simSegment struct {
	flow                 *simFlow
	sent, ackAt          ev.Time
	end                  int64 // of its bytes
	dropped, marked      bool
	delivered, lost      int64
	deliveredAt, firstAt ev.Time
	inFlight             int
}

// simFlow is an endless transfer.
type simFlow struct {
	ctl      Control
	win      Window
	sent     int64
	inFlight int
	begins   ev.Time
	open     bool

	delivered, lost      int64
	deliveredAt, firstAt ev.Time
	pending              int // lost, not told yet
	recover, ecnEnd      int64
	nextSend             ev.Time
	limited              bool
	srtt, minRTT         time.Duration
	base                 int64 // delivered when measuring began
}

const simMSS = 1448

func (p *simPath) add(ctl Control, begins time.Duration) *simFlow {
	f := &simFlow{ctl: ctl, begins: ev.Time(begins)}
	f.win = Window{MSS: simMSS, Cwnd: 10 * simMSS, Ssthresh: 1 << 30}
	p.flows = append(p.flows, f)
	return f
}

// run goes on until the moment end, and measures from the moment from.
func (p *simPath) run(from, end time.Duration) {
	for _, until := range []time.Duration{from, end} {
		for p.step(ev.Time(until)) {
		}
		if until == from {
			for _, f := range p.flows {
				f.base = f.delivered
			}
			p.queued, p.arrivals, p.maxQueued = 0, 0, 0
		}
	}
}

// share returns how much of the path the flow had while it was measured.
func (f *simFlow) share(p *simPath, over time.Duration) float64 {
	return float64(f.delivered-f.base) / (float64(p.rate) * over.Seconds())
}

// meanQueue is the mean delay in the queue.
func (p *simPath) meanQueue() time.Duration {
	return time.Duration(float64(p.queued) / float64(p.arrivals) / float64(p.rate) * 1e9)
}

func (p *simPath) step(until ev.Time) bool {
	at, who := ev.Never, (*simFlow)(nil)
	if p.head < len(p.way) {
		at = p.way[p.head].ackAt
	}
	for _, f := range p.flows {
		when := f.begins
		if f.open {
			when = ev.Never
			if f.win.PacingRate > 0 && f.room() {
				when = f.nextSend
			}
		}
		if when < at {
			at, who = when, f
		}
	}
	if at > until {
		return false
	}
	p.now = max(p.now, at)
	switch {
	case who == nil:
		p.arrive()
	case !who.open:
		who.open = true
		who.ctl.Open(&who.win, p.now)
		p.send(who)
	default:
		p.send(who)
	}
	return true
}

func (f *simFlow) room() bool {
	f.limited = f.inFlight+f.win.MSS > f.win.Cwnd
	return !f.limited
}

func (p *simPath) send(f *simFlow) {
	for f.room() {
		if rate := f.win.PacingRate; rate > 0 {
			if f.nextSend > p.now {
				return
			}
			f.nextSend = p.now.Add(time.Duration(int64(f.win.MSS) * 1e9 / rate))
		}
		p.transmit(f)
	}
}

func (p *simPath) transmit(f *simFlow) {
	if f.inFlight == 0 {
		f.firstAt, f.deliveredAt = p.now, p.now
	}
	size := f.win.MSS
	f.sent += int64(size)
	f.inFlight += size
	p.busy = max(p.busy, p.now)
	backlog := int(int64(p.busy-p.now) * p.rate / 1e9)
	p.queued += int64(backlog)
	p.arrivals++
	p.maxQueued = max(p.maxQueued, backlog)
	s := simSegment{flow: f, sent: p.now, end: f.sent, delivered: f.delivered, lost: f.lost,
		deliveredAt: f.deliveredAt, firstAt: f.firstAt, inFlight: f.inFlight}
	s.dropped = backlog+size > p.buffer || p.rng.Float64() < p.loss
	s.marked = p.markAt > 0 && backlog > p.markAt
	if !s.dropped {
		p.busy += ev.Time(int64(size) * 1e9 / p.rate)
	}
	// A little jitter, of up to two segments, keeps flows from marching in step.
	s.ackAt = p.busy.Add(p.rtt)
	if len(p.flows) > 1 {
		s.ackAt = s.ackAt.Add(time.Duration(p.rng.Int64N(2 * int64(size) * 1e9 / p.rate)))
	}
	s.ackAt = max(s.ackAt, p.last)
	p.last = s.ackAt
	p.way = append(p.way, s)
}

func (p *simPath) arrive() {
	s := p.way[p.head]
	p.head++
	if p.head == len(p.way) {
		p.way, p.head = p.way[:0], 0
	} else if p.head > 1<<16 {
		p.way = p.way[:copy(p.way, p.way[p.head:])]
		p.head = 0
	}
	f, size := s.flow, simMSS
	prior := f.inFlight
	f.inFlight -= size
	if s.dropped {
		f.lost += int64(size)
		f.pending += size
		if f.inFlight == 0 {
			f.timeout(p.now)
			p.send(f)
		}
		return
	}
	f.acknowledged(p.now, &s, prior)
	p.send(f)
}

func (f *simFlow) timeout(now ev.Time) {
	f.ctl.Congested(&f.win, &Sample{Now: now, TotalDelivered: f.delivered}, CauseTimeout)
	f.win.Recovering, f.recover, f.pending = true, f.sent, 0
	if !f.ctl.OwnsRecovery() {
		f.win.Cwnd = f.win.MSS
	}
}

func (f *simFlow) acknowledged(now ev.Time, s *simSegment, prior int) {
	rtt := now.Sub(s.sent)
	if f.srtt == 0 {
		f.srtt, f.minRTT = rtt, rtt
	}
	f.srtt += (rtt - f.srtt) / 8
	f.minRTT = min(f.minRTT, rtt)
	f.delivered += simMSS
	f.deliveredAt, f.firstAt = now, s.sent
	a := Sample{
		Now: now, Acked: simMSS, Delivered: simMSS, Lost: f.pending,
		PriorInFlight: prior, InFlight: f.inFlight, WindowLimited: f.limited,
		RTT: rtt, SRTT: f.srtt, MinRTT: f.minRTT,
		TotalDelivered: f.delivered, PriorDelivered: s.delivered,
		TotalLost: f.lost, PriorLost: s.lost, TxInFlight: s.inFlight, ECE: s.marked,
		SndNxt: header.Seq(uint32(f.sent)), SndUna: header.Seq(uint32(s.end)),
	}
	interval := max(s.sent.Sub(s.firstAt), now.Sub(s.deliveredAt))
	if interval >= f.minRTT {
		a.Interval = interval
		a.Rate = (f.delivered - s.delivered) * 1e9 / int64(interval)
	}
	f.respond(&a, s)
	f.ctl.Acked(&f.win, &a)
}

// respond does what loss recovery does around a Control.
func (f *simFlow) respond(a *Sample, s *simSegment) {
	f.pending = 0
	if f.win.Recovering && s.end >= f.recover {
		f.win.Recovering = false
		f.ctl.Recovered(&f.win, a.Now)
	}
	cause := CauseLoss
	switch {
	case a.Lost > 0 && !f.win.Recovering:
		f.win.Recovering, f.recover = true, f.sent
	case a.ECE && s.end > f.ecnEnd && !f.win.Recovering:
		cause, f.ecnEnd = CauseECN, f.sent
	default:
		return
	}
	f.ctl.Congested(&f.win, a, cause)
	if !f.ctl.OwnsRecovery() {
		f.win.Cwnd = f.win.Ssthresh
	}
}
