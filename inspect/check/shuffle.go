package check

// shuffled finds out whether the capture of a real loopback has the segments of e in
// another order than they were sent. It sees them arrive, from a queue for each
// processor: what one has sent may overtake what another has. Then the number that IP
// gives to each packet of a connection goes back (0, or a jump, says nothing), or time
// does.
func (c *connection) shuffled(e *end, s *segment) {
	if !c.loopback || c.k.options.Complete {
		return
	}
	back := e.lastID != 0 && s.id != 0 && int16(uint16(s.id)-uint16(e.lastID)) < 0
	if back || s.early {
		c.lossy = true
		c.unjudged(whyShuffled)
	}
	e.lastID = s.id
}

// ordered reports a rule that the order of segments decides.
func (r *Rule) ordered() bool {
	switch r.Name {
	case "ack-backwards", "tsval", "urgent", "after-reset", "past-fin":
		return true
	}
	return r.whole
}
