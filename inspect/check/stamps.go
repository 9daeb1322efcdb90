package check

import (
	"slices"

	"septet/header"
)

// stamps are the timestamps that an end has sent: the latest of the different
// values, in order.
type stamps struct {
	sentStamps []uint32
	oldStamps  bool // some were forgotten
}

const maxStamps = 4096

// stamped reports whether a was sent, and whether that can be known.
func (t *stamps) stamped(v uint32) (was, known bool) {
	n := len(t.sentStamps)
	if n == 0 {
		return false, false
	}
	if int32(v-t.sentStamps[0]) < 0 {
		return false, !t.oldStamps
	}
	_, was = slices.BinarySearchFunc(t.sentStamps, v, func(a, b uint32) int { return int(int32(a - b)) })
	return was, true
}

// stamp adds a value. Those that go back are put in their place.
func (t *stamps) stamp(v uint32) {
	n := len(t.sentStamps)
	switch {
	case n == 0 || int32(v-t.sentStamps[n-1]) > 0:
		t.sentStamps = append(t.sentStamps, v)
	case v == t.sentStamps[n-1]:
		return
	default:
		i, was := slices.BinarySearchFunc(t.sentStamps, v, func(a, b uint32) int { return int(int32(a - b)) })
		if !was {
			t.sentStamps = slices.Insert(t.sentStamps, i, v)
		}
	}
	if len(t.sentStamps) > maxStamps {
		t.sentStamps = append(t.sentStamps[:0], t.sentStamps[maxStamps/2:]...)
		t.oldStamps = true
	}
}

// checkTimestamps judges the timestamps option (RFC 7323).
func (c *connection) checkTimestamps(e, peer *end, s *segment) {
	o := &s.Options
	if !s.has(header.SYN) && e.offered && peer.offered {
		agreed := e.offersStamps && peer.offersStamps
		switch {
		case agreed && !o.HasTimestamps:
			c.find(ruleTimestamps, e, s, "no timestamps, though both ends agreed on them")
		case !agreed && o.HasTimestamps:
			c.find(ruleTimestamps, e, s, "timestamps, though the ends did not agree on them")
		}
	}
	if !o.HasTimestamps {
		return
	}
	if n := len(e.sentStamps); n > 0 && int32(o.TSVal-e.sentStamps[n-1]) < 0 && e.vantage > behindRouter {
		c.find(ruleTSVal, e, s, "TSval %d; before it was %d", o.TSVal, e.sentStamps[n-1])
	}
	e.stamp(o.TSVal)
	if !s.has(header.ACK) || c.midway {
		return
	}
	if was, known := peer.stamped(o.TSEcr); known && !was {
		if !c.k.options.Complete {
			c.missed() // the capture lacks the segment that had it
			return
		}
		c.find(ruleTSEcr, e, s, "TSecr %d was never a TSval of the other end", o.TSEcr)
	}
}
