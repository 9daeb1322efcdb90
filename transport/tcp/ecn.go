package tcp

import "septet/header"

// Explicit congestion notification (RFC 3168). The two low bits of IP's type of
// service:
const (
	ecnMask = 3
	ecnECT0 = 2 // the transport understands ECN
	ecnCE   = 3 // a router is congested
)

// offerECN sets the bits of a SYN (RFC 3168, section 6.1.1): ECE and CWR ask, ECE
// alone agrees.
func (c *Conn) offerECN(s *Segment) {
	if s.Flags&header.ACK == 0 {
		if c.asksECN() {
			s.Flags |= header.ECE | header.CWR
		}
	} else if c.is(flagECN) {
		s.Flags |= header.ECE
	}
}

// asksECN reports whether our SYN asks. One that is sent again does not: whatever
// has lost the first may dislike the bits (section 6.1.1.1).
func (c *Conn) asksECN() bool { return (c.opts.ECN || c.about.ECN) && c.retries == 0 }

// agreeECN takes the peer's SYN: one that asks, or the SYN,ACK that answers ours. A
// host that has sent or received a SYN without the bits does not use ECN (section
// 6.1.1), whatever was said before or is said later.
func (c *Conn) agreeECN(s *Segment) {
	wants := header.ECE | header.CWR
	if s.Flags&header.ACK != 0 {
		wants = header.ECE
	}
	agreed := s.Flags&(header.ECE|header.CWR) == wants
	if c.state == SynSent && !c.asksECN() {
		agreed = false
	}
	if c.unset(flagECN); agreed {
		c.set(flagECN)
	}
}

// receiveECN is the receiver's part: once a router has marked a packet, every ACK
// says so until the sender has answered (section 6.1.3).
func (c *Conn) receiveECN(s *Segment) {
	if s.Flags.Has(header.CWR) {
		c.unset(flagEchoCE)
	}
	// Pure ACKs are not ECN-capable: no router marks them (section 6.1.4).
	if s.ECN == ecnCE && len(s.Text) > 0 {
		c.set(flagEchoCE)
		c.env.counters().CEReceived++
	}
}

// congestionExperienced is the sender's part: an ECN-Echo counts like a loss, once
// a window (section 6.1.2).
func (c *Conn) congestionExperienced(a *ack) {
	l := &c.loss
	if !c.is(flagECN) || l.phase != phaseOpen {
		return
	}
	if l.ecnSlow {
		return
	}
	c.env.counters().ECNReductions++
	c.slowDown(a, CauseECN)
}

// markECN sets the bits of an outgoing segment; fresh is false for retransmissions
// and window probes, which must not be ECN-capable (sections 6.1.5 and 6.1.6).
func (c *Conn) markECN(s *Segment, fresh bool) {
	if s.Flags.Has(header.SYN) {
		return
	}
	if c.is(flagEchoCE) && s.Flags.Has(header.ACK) {
		s.Flags |= header.ECE
	}
	if fresh && len(s.Text) > 0 && !c.is(flagPersist) {
		s.ECN = ecnECT0
		if c.is(flagSendCWR) {
			s.Flags |= header.CWR
			c.unset(flagSendCWR)
		}
	}
}
