package check

import (
	"septet/header"
)

// scaled returns the window of a segment from e in bytes. RFC 7323, 2.2: that of
// a SYN is never scaled.
func (e *end) scaled(peer *end, s *segment) int {
	if s.has(header.SYN) || !e.offersScale || !peer.offersScale {
		return int(s.Window)
	}
	return int(s.Window) << min(e.scale, header.MaxWindowScale)
}

// checkWindow judges whether the segment lies in the peer's window.
func (c *connection) checkWindow(e, peer *end, s *segment) {
	if c.midway || c.lossy || !e.heardAny || s.span() == 0 || s.has(header.SYN) || s.keepAlive {
		return
	}
	// RFC 9293, 3.8.6.1: a probe may have one byte more, and a FIN is a byte.
	over := s.to - e.heardEdge
	if over <= 0 || s.span() == 1 && over == 1 {
		return
	}
	c.find(ruleWindow, e, s, "it sends up to %d; the window ends at %d", s.to, e.heardEdge)
}

// advertise follows the right edge of the window that e advertises.
func (c *connection) advertise(e *end, s *segment) {
	peer := c.other(e)
	c.checkSYNWindow(e, peer, s)
	if !s.has(header.ACK) || c.midway {
		return
	}
	if s.ack > peer.max || s.ack < e.ack {
		return // said elsewhere
	}
	e.window = e.scaled(peer, s)
	edge := s.ack + int64(e.window)
	granule := int64(1)
	if e.offersScale && peer.offersScale {
		granule <<= min(e.scale, header.MaxWindowScale)
	}
	// RFC 7323, 2.4: rounding may take back less than a granule.
	if edge <= e.edge-granule && e.orderly() && e.edge > 0 {
		c.find(ruleShrink, e, s, "the window ends at %d; before it was %d", edge, e.edge)
	}
	e.edge = max(e.edge, edge)
}

// checkSYNWindow compares the window fields of a SYN and of what e sends next. The one is
// in bytes and the other is not (RFC 7323, 2.2): the same number in both, or in the SYN
// what the largest field makes when it is scaled, is a mistake, but for a full field,
// which says nothing.
func (c *connection) checkSYNWindow(e, peer *end, s *segment) {
	if s.has(header.SYN) {
		e.synWindow = s.Window
		return
	}
	field := e.synWindow
	e.synWindow = 0
	if field == 0 || field == 0xffff || !e.offersScale || !peer.offersScale || e.scale == 0 {
		return
	}
	if field == s.Window || e.scaled(peer, s) >= 0xffff && field == 0xffff>>e.scale {
		c.find(ruleSYNWindow, e, s, "the window field is %d in the SYN, and then %d, which is to be scaled by %d bits", field, s.Window, e.scale)
	}
}

// checkSmall judges whether a small segment should have waited: Nagle's
// algorithm and the sender's side of silly-window avoidance (RFC 9293,
// 3.8.6.2.1). A push says that the sender had no more; it may have switched
// Nagle's algorithm off.
func (c *connection) checkSmall(e, peer *end, s *segment) {
	if c.midway || c.lossy || s.fresh == 0 || s.again || s.probe || s.length == 0 || e.vantage < atSender ||
		s.Flags&(header.PSH|header.FIN|header.SYN|header.URG) != 0 || peer.mss == 0 {
		return
	}
	outstanding := e.max - e.heardAck
	full := c.fullSize(e, peer)
	if outstanding == 0 || 2*s.length >= full || 2*s.length >= int(e.largestWindow()) || s.to >= e.heardEdge {
		return
	}
	c.find(ruleNagle, e, s, "%s of data without a push, while %d are outstanding; a full segment has %d",
		count(s.length, "byte"), outstanding, full)
}

func (e *end) largestWindow() int64 { return e.heardEdge - e.heardAck }

// fullSize is about what a full segment of e has: RFC 9293, 3.7.1, less the
// options (RFC 6691). The path may allow less, which the largest that was sent
// shows.
func (c *connection) fullSize(e, peer *end) int {
	full := int(peer.mss)
	if e.largest > 0 {
		full = min(full, e.largest)
	}
	if e.recut > 0 {
		full = min(full, e.recut)
	}
	return full
}
