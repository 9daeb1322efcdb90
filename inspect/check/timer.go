package check

import (
	"time"

	"septet/header"
)

// timer is what is known of an end's retransmissions. Packet numbers stand for
// moments: several things may happen at one time.
type timer struct {
	hint    int   // the last packet that told it of a loss, or might have
	recover int64 // what stands before it may be sent again: a loss was found
	tlp     bool  // a tail loss probe was sent for what is outstanding

	chainFrom   int64 // the segment that is sent again and again without an answer
	chainAt     time.Duration
	chainPacket int
	chainGap    time.Duration
	chainBroken bool
	chainHeld   bool // the last time of it was held back

	lossOpen  bool // there was a timeout, and nothing has been heard since
	lossBytes int
}

const (
	minSYNRTO = time.Second // RFC 6298, 2.1
	// How long a first segment may have been held back until its neighbour's address
	// was known, without a trace of that in the capture. The timer runs from when TCP
	// sent it, which the wire does not show.
	maxUnseen = 100 * time.Millisecond
)

// hearLoss notes what the segment from e may tell the peer of losses.
func (c *connection) hearLoss(e, peer *end, s *segment) {
	t := &peer.timer
	if t.lossOpen && peer.heardAny && s.has(header.ACK) && s.ack > peer.heardAck {
		peer.credit += 2 // RFC 5682, 2.1: two new segments find out whether the timeout was spurious
	}
	t.chainBroken, t.lossOpen = true, false
	if s.has(header.SYN) {
		t.hint = c.k.packets // a SYN again asks for its answer again
		return
	}
	if !s.has(header.ACK) || !peer.heardAny {
		return
	}
	switch {
	case s.Options.NumSACK > 0:
		t.hint = c.k.packets
		for _, b := range s.Options.SACK[:s.Options.NumSACK] {
			if right := peer.place(b.Right); right <= peer.max {
				peer.sacked = max(peer.sacked, right)
			}
		}
	case s.ack == peer.heardAck && peer.max > s.ack:
		t.hint = c.k.packets
	}
	switch {
	case s.ack > peer.heardAck:
		t.tlp = false
		if s.ack < t.recover {
			t.hint = c.k.packets // a partial acknowledgement (RFC 6582)
		}
	case s.ack == peer.heardAck && peer.max > s.ack:
		peer.duplicates++
	}
}

// slack is how much the times of a capture may be off: clocks tick in jiffies.
func (c *connection) slack(gap time.Duration) time.Duration {
	if c.k.options.Complete {
		return 0
	}
	return 10*time.Millisecond + gap/50
}

// checkTimer judges when a segment is sent again.
func (c *connection) checkTimer(e, peer *end, s *segment) {
	if e.vantage < atSender || c.lossy || c.midway && !e.settled || s.span() == 0 {
		return
	}
	if s.again && !s.probe && !s.keepAlive {
		c.checkAgain(e, peer, s)
	}
	c.checkLossWindow(e, peer, s)
}

func (c *connection) checkAgain(e, peer *end, s *segment) {
	least, rule := c.k.options.Limits.MinRTO, ruleMinRTO
	if s.has(header.SYN) {
		least, rule = minSYNRTO, ruleSYNRTO
		if !c.k.options.Complete {
			least -= maxUnseen
		}
	}
	gap := s.now - s.before.at
	told := e.hint > s.before.packet
	switch {
	case told:
		e.recover = max(e.recover, e.max)
	case gap+c.slack(gap) >= least:
		if s.from == e.heardAck {
			// A timeout. Everything outstanding may follow.
			e.recover = max(e.recover, e.max)
			e.lossOpen, e.lossBytes = true, 0
		}
	case s.before.held:
	case s.from < e.recover && !s.has(header.SYN):
	case c.synData:
	case s.has(header.SYN) && !e.heardAny && gap < time.Millisecond:
		// Both have waited until the neighbour's address was known.
	case s.to == e.max && !e.tlp && e.offersSACK && peer.offersSACK:
		e.tlp = true // RFC 8985, 7: one probe with the last segment
	default:
		c.find(rule, e, s, "bytes %d to %d are sent again after %v, with no sign of a loss; the least timeout is %v",
			s.from, s.to, gap, least)
	}
	c.checkBackoff(e, s)
}

// checkBackoff judges the distances between retransmissions of one segment
// while nothing is heard. The first is left out: its timer may have been started
// later, and it may be a probe.
func (c *connection) checkBackoff(e *end, s *segment) {
	t := &e.timer
	gap := s.now - t.chainAt
	same := t.chainPacket > 0 && t.chainFrom == s.from && !t.chainBroken && t.hint < t.chainPacket
	if !same || t.chainHeld || s.held {
		gap = 0
	} else if t.chainGap > 0 && gap+c.slack(gap) < min(2*t.chainGap, c.k.options.Limits.MaxRTO) {
		rule := ruleBackoff
		if s.has(header.SYN) {
			rule = ruleSYNBackoff
		}
		c.find(rule, e, s, "sent again after %v; the time before was %v", gap, t.chainGap)
	}
	if e.lastData > t.chainAt {
		// What was sent since may have been a tail loss probe, with new data. It starts the
		// timer again: RFC 8985, 7.3.
		gap = min(gap, s.now-e.lastData)
	}
	t.chainFrom, t.chainAt, t.chainPacket, t.chainGap, t.chainBroken, t.chainHeld = s.from, s.now, s.packet, gap, false, s.held
}

// lossSegments is how many segments may follow a timeout before anything is
// heard: one, and room for one that is cut differently.
const lossSegments = 3

func (c *connection) checkLossWindow(e, peer *end, s *segment) {
	if !e.lossOpen || !peer.offered {
		return
	}
	before := e.lossBytes
	e.lossBytes += s.length
	limit := lossSegments * max(int(peer.mss), leastMSS)
	if e.lossBytes > limit && before <= limit {
		c.find(ruleLossWindow, e, s, "%d bytes after a timeout, and nothing heard since; one segment has %d", e.lossBytes, peer.mss)
	}
}

// growth bounds the congestion window of an end from above.
type growth struct {
	credit     int64 // segments that were acknowledged, or allowed otherwise
	duplicates int64
	sacked     int64         // the highest place in a SACK block
	unit       int64         // of counting: the MSS
	lastData   time.Duration // when it last sent any
}

// leastProbe is less than a tail loss probe waits, and more than there is between
// the segments of a burst.
const leastProbe = time.Millisecond

// progressed counts the segments that the acknowledgement p takes off what is
// outstanding.
func (e *end) progressed(p int64) {
	for _, s := range e.past.spans {
		if s.from >= p {
			break
		}
		n := min(s.to, p) - s.from
		e.credit += (n + max(e.unit, 1) - 1) / max(e.unit, 1)
		if s.from == 0 {
			e.credit-- // the SYN
		}
	}
}

// checkGrowth judges whether a new segment is more than any congestion window
// can allow: ten segments at first, and one more for each that is acknowledged,
// which doubles it each round trip. What is selectively acknowledged, and each
// duplicate, has left the network (RFC 5681, 3.2).
func (c *connection) checkGrowth(e, peer *end, s *segment) {
	if c.midway || c.lossy || !peer.offered || !e.heardAny || s.fresh == 0 || s.probe || s.length == 0 || s.has(header.SYN) || c.synData || e.past.lost {
		return
	}
	e.unit = int64(max(int(peer.mss), leastMSS))
	if e.largest > 0 {
		e.unit = min(e.unit, int64(e.largest)) // counts what is acknowledged generously
	}
	mss := int64(max(int(peer.mss), leastMSS))
	flight := s.from + int64(s.length) - e.heardAck - max(0, e.sacked-e.heardAck)
	limit := (int64(c.k.options.Limits.InitialWindow) + e.credit + e.duplicates) * mss
	// Away from the sender the time between segments is the network's.
	waited := e.vantage < atSender || s.now-e.lastData >= leastProbe
	switch {
	case flight <= limit:
		return
	case flight <= limit+mss && !e.tlp && e.offersSACK && peer.offersSACK && waited:
		e.tlp = true // RFC 8985, 7.3: a probe with new data, whatever the congestion window
		e.credit++
		return
	}
	if e.credit == 0 {
		c.find(ruleInitial, e, s, "%d bytes outstanding before any is acknowledged; %d segments of %d are %d",
			flight, c.k.options.Limits.InitialWindow, peer.mss, limit)
		return
	}
	c.find(ruleSlowStart, e, s, "%d bytes outstanding after %s acknowledged; the congestion window is at most %d",
		flight, count(int(e.credit), "segment"), limit)
}
