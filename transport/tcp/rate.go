package tcp

import (
	"time"

	ev "septet/event"
)

// deliveryRate estimates how fast the network delivers, segment by segment
// (draft-ietf-ccwg-bbr, section 4.1: delivery rate samples). Each segment remembers
// what had been delivered when it was sent.
type deliveryRate struct {
	delivered   int64   // C.delivered: bytes, ever
	lost        int64   // C.lost
	deliveredAt ev.Time // C.delivered_time
	firstSentAt ev.Time // C.first_send_time, of the flight being measured
	limitedTo   int64   // C.app_limited: until so much is delivered; 0: not limited
}

// sent notes the state of the connection in a segment that is being sent, with
// flight bytes on their way already.
func (r *deliveryRate) sent(now ev.Time, g *sentSegment, flight int) {
	if flight == 0 {
		r.firstSentAt, r.deliveredAt = now, now
	}
	g.sentAt = now
	g.firstSentAt, g.deliveredAt = r.firstSentAt, r.deliveredAt
	g.delivered, g.lostBefore = r.delivered, r.lost
	g.limited = r.limitedTo != 0
	g.inFlight = flight + g.len()
}

// rateSample is the segment that an acknowledgement's rate is measured by: the
// one sent last among those it delivers.
type rateSample struct {
	valid          bool
	limited        bool
	priorDelivered int64
	priorLost      int64
	priorAt        ev.Time
	sendElapsed    time.Duration
	sentAt         ev.Time
	inFlight       int
}

// delivers takes a segment that has been delivered, in less than minRTT after it was
// sent again if it is the original that has arrived. That would make a sample of the
// wrong interval, and the draft lets it be left out (section 4.1.3.5, "Impact of
// packet loss and retransmissions"). In doubt it is a sample: in long recoveries
// there may be no others.
func (r *deliveryRate) delivers(now ev.Time, s *rateSample, g *sentSegment, minRTT time.Duration) {
	r.delivered += int64(g.len())
	r.deliveredAt = now
	if g.resent && now.Sub(g.sentAt) < minRTT {
		return
	}
	if s.valid && (g.delivered < s.priorDelivered || g.delivered == s.priorDelivered && g.sentAt < s.sentAt) {
		return
	}
	*s = rateSample{
		valid: true, limited: g.limited, priorDelivered: g.delivered, priorLost: g.lostBefore,
		priorAt: g.deliveredAt, sendElapsed: g.sentAt.Sub(g.firstSentAt), sentAt: g.sentAt, inFlight: g.inFlight,
	}
	r.firstSentAt = g.sentAt
}

// finish writes the rate into a sample for the congestion control.
func (r *deliveryRate) finish(s *rateSample, out *Sample) {
	r.total(out)
	if !s.valid {
		return
	}
	out.PriorDelivered, out.PriorLost = s.priorDelivered, s.priorLost
	out.AppLimited, out.TxInFlight = s.limited, s.inFlight
	r.measure(out, s.sendElapsed, s.priorAt)
}

// total writes what has been delivered and lost until now.
func (r *deliveryRate) total(out *Sample) {
	if r.limitedTo != 0 && r.delivered > r.limitedTo {
		r.limitedTo = 0
	}
	out.TotalDelivered, out.TotalLost = r.delivered, r.lost
}

// measure writes the rate itself: of what was delivered since priorAt, and was sent in
// sendElapsed.
func (r *deliveryRate) measure(out *Sample, sendElapsed time.Duration, priorAt ev.Time) {
	// The slower of sending and of acknowledging is what the path can do.
	interval := max(sendElapsed, r.deliveredAt.Sub(priorAt))
	if interval <= 0 || interval < out.MinRTT {
		return
	}
	out.Interval = interval
	out.Rate = int64(float64(r.delivered-out.PriorDelivered) / interval.Seconds())
}

// idle notes that the application has nothing more to send, though the network
// would take it: rates measured from here on are the application's.
func (r *deliveryRate) idle(flight int) { r.limitedTo = max(r.delivered+int64(flight), 1) }
