package check

import "septet/header"

// toleratesBad reports whether a wrong checksum is no proof of damage: a host
// that leaves checksums to its network card has them all wrong in its captures.
func (c *connection) toleratesBad(s *segment) bool {
	return !c.k.options.Complete && !c.ends[c.direction(s.src)].verifies
}

// mayBegin reports whether a segment with a wrong checksum can be the first of
// a connection, and not a damaged one with wrong ports.
func (k *Checker) mayBegin(s *segment) bool {
	return !k.options.Complete && s.Flags&(header.SYN|header.RST) == header.SYN
}

// damaged takes a segment with a wrong checksum. Where the sender's segments are
// seen it is the sender's fault, elsewhere it was damaged on its way.
func (c *connection) damaged(s *segment) {
	e := &c.ends[c.direction(s.src)]
	if e.observed && e.point == s.at && e.vantage == atSender && !c.off {
		c.find(ruleChecksum, e, s, "the checksum %#04x is wrong", s.Checksum)
	}
}
