package tcp

import ev "septet/event"

// takes reports whether the handshake of c may end with the segment s.
func (ln *Listener) takes(now ev.Time, c *Conn, s *Segment) bool {
	switch {
	case c.is(flagEarly):
		return true // accept's queue has it already
	case !ln.admits():
		// The queue of accept is full: as if the ACK had been lost. The peer or
		// our SYN,ACK will be back.
		c.env.counters().AcceptOverflow++
		return false
	case c.defers(now, s):
		c.env.counters().Deferred++
		return false
	}
	return true
}

// defers reports whether an ACK is passed over because it brings no data
// (TCP_DEFER_ACCEPT). When the time is up the SYN,ACK is sent again, and the
// answer to that opens the connection.
func (c *Conn) defers(now ev.Time, s *Segment) bool {
	if now >= c.deferUntil || s.length() > 0 {
		return false
	}
	c.rtoAt = c.deferUntil
	return true
}
