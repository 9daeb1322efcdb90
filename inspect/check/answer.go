package check

import (
	"time"

	"septet/header"
)

// answers is what an end owes for what has just arrived at it. It is judged only
// where arrivals are seen.
type answers struct {
	asked      bool // something has arrived since it last sent anything
	owes       *Rule
	owedAt     time.Duration
	owedFor    int  // the packet
	challenged bool // a reset has arrived, the last one then
	challenge  time.Duration

	threatened   bool // a reset has arrived that some believe
	unbelieved   bool // and one that nobody may, the last then
	unbelievedAt time.Duration

	tsRecent  uint32 // of RFC 7323
	hasRecent bool
	sawStamp  bool // in a SYN
	recentAt  time.Duration
	lastEdge  int64 // of the window that it has told last
}

// maxIdle is when TS.Recent says nothing any more (RFC 7323, 5.5).
const maxIdle = 24 * 24 * time.Hour

// checkEmpty judges where a segment without data stands (RFC 9293, 3.10.7.4 and
// 3.8.4), and whether there is a reason for it.
func (c *connection) checkEmpty(e, peer *end, s *segment) {
	if !c.k.options.Complete || !s.pure() || c.midway || c.lossy || s.has(header.SYN) || !e.heardAny || s.held {
		return
	}
	// A keep-alive, or a window probe as some have it.
	asks := s.from == e.heardAck-1 || s.from == e.heardAck && e.heardWindow < int(peer.mss)
	switch {
	case s.from >= e.max, asks:
	case s.from == e.heardEdge, s.from == e.heardAck+int64(e.heardWindow), s.from == e.believedAck+int64(e.believedWindow):
		// The window has moved back: beyond it nobody would look at the segment.
	default:
		c.find(ruleEmpty, e, s, "a segment without data at %d; it has sent up to %d, and %d is acknowledged", s.from, e.max, e.heardAck)
	}
	if c.k.options.Arrivals == nil || e.asked || asks || !e.acked {
		return
	}
	edge := s.ack + int64(e.scaled(peer, s))
	if s.ack == e.ack && edge == e.lastEdge && e.due == 0 && s.Flags&(header.FIN|header.URG|header.CWR) == 0 {
		c.find(ruleAckIdle, e, s, "an acknowledgement of %d and a window up to %d once more, though nothing has arrived", s.ack, edge)
	}
}

// saidSo notes that e has sent a segment.
func (c *connection) saidSo(e, peer *end, s *segment) {
	e.asked, e.owes = false, nil
	e.mayBeAhead = e.mayBeAhead && (s.held || !s.pure())
	if s.has(header.ACK) {
		e.lastEdge = s.ack + int64(e.scaled(peer, s))
	}
}

// owe notes that e has to answer at once.
func (c *connection) owe(e *end, r *Rule) {
	if e.owes == nil {
		e.owes, e.owedAt, e.owedFor = r, c.k.now, c.k.packets
	}
}

// overdue judges what e should have answered at once, when time has passed.
func (c *connection) overdue(e *end) {
	if e.owes == nil || c.k.now <= e.owedAt {
		return
	}
	if !e.reset && !c.lossy && !c.k.mayAsk(e.card, e.owedAt) {
		c.findAt(*e.owes, e, e.owedAt, e.owedFor, "nothing is sent in answer")
	}
	e.owes = nil
}

// arrivesAt takes a segment of the peer that has arrived at e, before anything else
// is made of it.
func (c *connection) arrivesAt(e, peer *end, s *segment) {
	next := c.arrivedUpTo(e)
	inWindow := s.from >= next && s.from < e.edge
	switch {
	case !e.spoke || c.midway || e.reset || c.over():
	case s.has(header.RST):
		if inWindow && s.from != next && (!e.challenged || c.k.now-e.challenge >= time.Second) {
			c.owe(e, &ruleChallenge)
		}
		e.challenged, e.challenge = true, c.k.now // no more than so many a second
		if e.mayBelieve(s) {
			e.threatened = true
		} else {
			e.unbelieved, e.unbelievedAt = true, c.k.now
		}
	case s.length > 0 && s.from > next && s.to <= e.edge && !s.has(header.SYN) && e.fin == 0:
		c.owe(e, &ruleAckAtOnce)
	}
	c.stampArrives(e, s, next)
}

// stampArrives keeps TS.Recent of e (RFC 7323, 4.3): the timestamp of a segment that
// begins at or before what e has last acknowledged.
func (c *connection) stampArrives(e *end, s *segment, next int64) {
	o := &s.Options
	if !o.HasTimestamps || s.has(header.RST) {
		return
	}
	switch {
	case s.has(header.SYN):
		// A second one counts only in some states, which are not known.
		e.hasRecent, e.sawStamp = !e.sawStamp, true
		e.tsRecent, e.recentAt = o.TSVal, c.k.now
	case int32(o.TSVal-e.tsRecent) < 0 && c.k.now-e.recentAt < maxIdle:
		e.hasRecent = false // PAWS: it has not taken what it seems to have
	case s.to > e.ack && s.to <= next && s.span() > 0:
		e.hasRecent, e.tsRecent = false, o.TSVal // the first time PAWS may have dropped it
	case s.to > e.edge && s.span() > 0:
		e.hasRecent, e.tsRecent = false, o.TSVal // it may take what its rounded window does not tell
	case s.from < next && s.to <= next || s.from > e.edge: // not acceptable: RFC 7323, 5.3, R2
	case s.from > e.ack && e.mayBeAhead:
		e.hasRecent = false
	case s.from <= e.ack:
		e.hasRecent = e.sawStamp
		e.tsRecent, e.recentAt = o.TSVal, c.k.now
	}
}

// checkRecent judges TSecr.
func (c *connection) checkRecent(e *end, s *segment) {
	if c.k.options.Arrivals == nil || c.midway || c.lossy || s.held || !e.hasRecent || e.tooMany ||
		!s.has(header.ACK) || s.has(header.SYN) || !s.Options.HasTimestamps {
		return
	}
	if s.Options.TSEcr != e.tsRecent {
		c.find(ruleTSRecent, e, s, "TSecr %d; the segment that began where its last acknowledgement was has TSval %d", s.Options.TSEcr, e.tsRecent)
	}
}
