package check

import (
	"septet/header"
)

// offer is what the SYN of an end says.
type offer struct {
	offered      bool
	offersScale  bool
	scale        uint8
	offersStamps bool
	offersSACK   bool
	mss          uint16 // what it accepts; RFC 9293, 3.7.1: 536 if it does not say
	recut        int    // how long it has last made a piece of what was longer: the path's MTU is less
	largest      int    // the largest segment that it has sent, up to the peer's MSS
}

// defaultMSS is RFC 9293, MUST-15.
const (
	defaultMSS     = 536
	defaultMSSIPv6 = 1220
)

// checkOptions judges the options, but for the values of timestamps and SACK.
func (c *connection) checkOptions(e, peer *end, s *segment) {
	c.checkFormat(e, s)
	o := &s.Options
	syn := s.has(header.SYN)
	if !syn {
		if o.HasMSS || o.HasWindowScale || o.SACKPermitted {
			c.find(ruleOptionSYN, e, s, "an option of a SYN in a segment without SYN")
		}
		c.checkSize(e, peer, s)
		return
	}
	if o.HasWindowScale && o.WindowScale > header.MaxWindowScale {
		c.find(ruleScale, e, s, "a window scale of %d", o.WindowScale)
	}
	if s.has(header.ACK) && peer.offered {
		if o.HasWindowScale && !peer.offersScale {
			c.find(ruleOffered, e, s, "a window scale; the SYN has none")
		}
		if o.HasTimestamps && !peer.offersStamps {
			c.find(ruleOffered, e, s, "timestamps; the SYN has none")
		}
		if o.SACKPermitted && !peer.offersSACK {
			c.find(ruleOffered, e, s, "SACK-permitted; the SYN has none")
		}
	}
	mss := o.MSS
	switch {
	case o.HasMSS:
	case s.src.Addr().Is4():
		mss = defaultMSS
	default:
		mss = defaultMSSIPv6
	}
	e.offer = offer{true, o.HasWindowScale, o.WindowScale, o.HasTimestamps, o.SACKPermitted, mss, 0, e.largest}
}

// optionLengths are those of the known kinds; SACK has a choice (RFC 2018, 3).
var optionLengths = map[byte]int{
	header.OptionMSS: 4, header.OptionWindowScale: 3, header.OptionSACKPermitted: 2, header.OptionTimestamps: 10,
}

// checkFormat judges the kinds and lengths.
func (c *connection) checkFormat(e *end, s *segment) {
	for b := s.options; len(b) > 0; {
		kind := b[0]
		if kind == header.OptionEnd {
			return
		}
		if kind == header.OptionNop {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			c.find(ruleOption, e, s, "option %d has a length that is too small, or leads out of the header", kind)
			return
		}
		n := int(b[1])
		want, known := optionLengths[kind]
		if known && n != want {
			c.find(ruleOption, e, s, "option %d has length %d; it should be %d", kind, n, want)
		}
		if kind == header.OptionSACK && (n < 10 || (n-2)%8 != 0) {
			c.find(ruleOption, e, s, "a SACK option has length %d", n)
		}
		b = b[n:]
	}
}

// leastMSS is as little as stacks believe: less would have them send little but
// headers.
const leastMSS = 88

// checkSize judges the size of the segment. RFC 9293, MUST-16, with RFC 6691:
// what the options take is taken from the data.
func (c *connection) checkSize(e, peer *end, s *segment) {
	if !peer.offered || s.length == 0 {
		return
	}
	limit := max(int(peer.mss), leastMSS)
	size := s.length + len(s.options)
	switch {
	case size <= limit:
		e.largest = max(e.largest, s.length)
	case c.k.options.Complete:
		c.find(ruleMSS, e, s, "%d bytes of options and data; the other end takes %d", size, limit)
	default:
		c.unjudged(whySuper)
		e.largest = max(e.largest, limit-len(s.options))
	}
}
