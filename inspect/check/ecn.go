package check

import "septet/header"

// ecnState is an end's use of explicit congestion notification (RFC 3168).
type ecnState struct {
	asks    bool  // its SYN asks for it
	echoes  bool  // it must set ECE
	mayStop bool  // it may have the CWR that lets it stop
	cwrAt   int64 // where its last CWR stood
	mark    int64 // what it had sent when it heard ECE; 0 when it has reacted
	fresh   bool  // it has sent new data since
}

const (
	ecnCE       = 3
	accurateECN = 1 // the reserved bit that is AE in a SYN (RFC 9768)
)

// checkECN judges the ECN bits of both headers.
func (c *connection) checkECN(e, peer *end, s *segment) {
	if c.midway || c.lossy || c.accECN {
		return
	}
	if s.has(header.SYN) {
		c.checkECNSetup(e, peer, s)
		return
	}
	if !c.ecn {
		if s.Flags&(header.ECE|header.CWR) != 0 || s.ecn != 0 {
			c.find(ruleECNSetup, e, s, "ECN bits %s and codepoint %d; the ends did not agree on ECN", s.Flags&(header.ECE|header.CWR), s.ecn)
		}
		return
	}
	if s.ecn != 0 {
		switch {
		case s.keepAlive || s.probe:
			c.find(ruleECT, e, s, "a probe is ECN-capable")
		case s.pure():
			c.find(ruleECT, e, s, "a pure acknowledgement is ECN-capable")
		case s.again && e.vantage > behindRouter:
			c.find(ruleECT, e, s, "bytes %d to %d are sent again, and ECN-capable", s.from, s.to)
		}
	}
	c.checkEcho(e, peer, s)
	c.checkCWR(e, peer, s)
}

func (c *connection) checkECNSetup(e, peer *end, s *segment) {
	bits := s.Flags & (header.ECE | header.CWR)
	if s.ecn != 0 {
		c.find(ruleECT, e, s, "a SYN is ECN-capable")
	}
	if s.reserved&accurateECN != 0 {
		c.accECN = true
		c.unjudged(whyAccECN)
		return
	}
	if !s.has(header.ACK) {
		e.asks = e.asks || bits == header.ECE|header.CWR
		return
	}
	if bits == header.ECE {
		if !peer.asks && peer.offered {
			c.find(ruleECNSetup, e, s, "it agrees to ECN; the SYN did not ask for it")
		}
		c.ecn = peer.asks
	}
}

// checkEcho judges ECE: once set it stays until the peer says CWR, which goes with new
// data. After the peer's FIN there is none, and an end that keeps nothing of the
// connection but TIME-WAIT has forgotten the echo, as Linux has.
func (c *connection) checkEcho(e, peer *end, s *segment) {
	if s.has(header.ECE) {
		// A CWR that it has not acknowledged is on its way: it may answer this echo, or one
		// that comes before it arrives.
		e.echoes, e.mayStop = true, e.mayStop || c.k.options.Arrivals == nil && peer.cwrAt > s.ack
		return
	}
	over := peer.fin > 0 && s.ack >= peer.fin
	if e.echoes && !e.mayStop && !over && e.vantage > behindRouter {
		c.find(ruleECE, e, s, "no ECE; congestion was to be echoed, and there was no CWR")
	}
	e.echoes, e.mayStop = false, false
}

func (c *connection) checkCWR(e, peer *end, s *segment) {
	e.fresh = e.fresh || s.fresh > 0
	if !s.has(header.CWR) {
		return
	}
	if e.cwrAt > 0 && e.heardAck < e.cwrAt && e.vantage == atSender {
		c.find(ruleCWR, e, s, "CWR again at %d; the one at %d is not acknowledged yet", s.from, e.cwrAt)
	}
	e.cwrAt, e.mark = max(s.to, e.max), 0
	if c.k.options.Arrivals == nil {
		peer.mayStop = peer.mayStop || peer.echoes
	}
}

// heardCE takes what surely arrives at the end: CWR lets it stop the echo,
// congestion experienced begins it.
func (e *end) heardCE(s *segment) {
	if s.has(header.SYN) {
		return
	}
	if s.has(header.CWR) && e.echoes {
		e.mayStop = true
	}
	if s.ecn == ecnCE && s.length > 0 && s.from <= e.edge {
		e.echoes, e.mayStop = true, false
	}
}

// heardECE notes that the end has heard of congestion.
func (e *end) heardECE(s *segment) {
	if s.has(header.SYN) {
		return
	}
	switch {
	case !s.has(header.ECE):
		e.mark = 0
	case e.mark == 0 && s.ack > e.cwrAt && s.ack >= e.recover:
		e.mark, e.fresh = e.max, false
	}
}

// checkReaction judges, when e hears ECE again, whether it has reacted to the
// one that it heard a window ago.
func (c *connection) checkReaction(e *end, s *segment) {
	if !c.ecn || e.mark == 0 || !e.fresh || !s.has(header.ECE) || s.ack < e.mark || s.ack < e.recover ||
		c.k.options.Arrivals == nil && !c.loopback {
		return
	}
	c.find(ruleReact, e, s, "a window has been acknowledged since it heard ECE at %d, and it has sent new data without CWR", e.mark)
	e.mark = 0
}
