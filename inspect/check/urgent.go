package check

import "septet/header"

// urgentFar is the pointer of urgent data that is farther away than the field
// can tell.
const urgentFar = 0xffff

// checkUrgent judges the urgent pointer: an offset from the sequence number
// (RFC 6093, 2).
func (c *connection) checkUrgent(e *end, s *segment) {
	if !s.has(header.URG) {
		if s.Urgent != 0 {
			c.find(ruleUrgentFlag, e, s, "an urgent pointer of %d without URG", s.Urgent)
		}
		return
	}
	up := s.from + int64(s.Urgent)
	if up < e.urgent && s.Urgent != urgentFar && e.orderly() {
		c.find(ruleUrgent, e, s, "the urgent pointer is at %d; before it was %d", up, e.urgent)
	}
	if s.Urgent != urgentFar {
		e.urgent = max(e.urgent, up)
	}
}
