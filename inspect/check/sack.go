package check

import (
	"septet/header"
)

// checkSACK judges the SACK blocks.
func (c *connection) checkSACK(e, peer *end, s *segment) {
	n := int(s.Options.NumSACK)
	if n == 0 || !s.has(header.ACK) || s.ack > peer.max || s.ack < 0 {
		return
	}
	if peer.offered && !peer.offersSACK {
		c.find(ruleSACKOffered, e, s, "a SACK option; the other end does not permit it")
		return
	}
	for i, b := range s.Options.SACK[:n] {
		left, right := peer.place(b.Left), peer.place(b.Right)
		switch {
		case left >= right:
			c.find(ruleSACKBlock, e, s, "block %d to %d is empty", left, right)
		case right > peer.max:
			if c.excusesGap(peer) {
				c.missed()
				continue
			}
			c.find(ruleSACKUnsent, e, s, "block %d to %d; the other end has sent up to %d", left, right, peer.max)
		case left <= s.ack && i > 0:
			c.find(ruleSACKBelow, e, s, "block %d to %d is the %d. and not above the acknowledgement, %d", left, right, i+1, s.ack)
		case left <= s.ack && right > s.ack:
			c.find(ruleSACKBelow, e, s, "block %d to %d is on both sides of the acknowledgement, %d", left, right, s.ack)
		case c.k.options.Arrivals != nil && !e.has(left, right):
			c.find(ruleSACKArrived, e, s, "block %d to %d has not all arrived", left, right)
		}
		c.checkOverlap(e, peer, s, i)
	}
}

// checkOverlap compares block i with those before it. The first may be a
// duplicate that lies within another (RFC 2883, 4).
func (c *connection) checkOverlap(e, peer *end, s *segment, i int) {
	b := s.Options.SACK[i]
	for j := 1; j < i; j++ {
		o := s.Options.SACK[j]
		if b.Left.Before(o.Right) && b.Right.After(o.Left) {
			c.find(ruleSACKBlock, e, s, "blocks %d to %d and %d to %d overlap",
				peer.place(o.Left), peer.place(o.Right), peer.place(b.Left), peer.place(b.Right))
		}
	}
}

// interval is a part of the stream that has arrived.
type interval struct{ from, to int64 }

// maxIntervals caps what is known of what has arrived out of order.
const maxIntervals = 1 << 14

// has reports whether all of [from, to) has arrived.
func (a *arrival) has(from, to int64) bool {
	if a.tooMany || to <= a.next {
		return true
	}
	from = max(from, a.next)
	for _, i := range a.parts {
		if i.from <= from && i.to >= to {
			return true
		}
	}
	return false
}

// take adds [from, to) to what has arrived.
func (a *arrival) take(from, to int64) {
	if to <= a.next {
		return
	}
	if from <= a.next && len(a.parts) == 0 {
		a.next = to
		return
	}
	i := 0
	for i < len(a.parts) && a.parts[i].to < from {
		i++
	}
	j := i
	for j < len(a.parts) && a.parts[j].from <= to {
		from, to = min(from, a.parts[j].from), max(to, a.parts[j].to)
		j++
	}
	if i == j {
		if len(a.parts) >= maxIntervals {
			a.tooMany = true
			return
		}
		a.parts = append(a.parts, interval{})
		copy(a.parts[i+1:], a.parts[i:])
	} else {
		a.parts = append(a.parts[:i+1], a.parts[j:]...)
	}
	a.parts[i] = interval{from, to}
	for len(a.parts) > 0 && a.parts[0].from <= a.next {
		a.next = max(a.next, a.parts[0].to)
		a.parts = append(a.parts[:0], a.parts[1:]...)
	}
}
