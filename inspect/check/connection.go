package check

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"septet/header"
)

// connection is one TCP connection.
type connection struct {
	k      *Checker
	place  *list.Element
	number int
	ends   [2]end // the client, then the server
	about  Connection
	alike  map[string]int
	unsure []Finding // that hold only if the capture turns out to lack nothing

	midway    bool // its beginning was not seen
	contested bool // an older connection had the ports and was not over
	off       bool // nothing is judged any more
	lossy     bool // the capture lacks segments
	loopback  bool // both ends are one host: what is sent arrives
	accECN    bool
	synData   bool
	ecn       bool // agreed
}

func newConnection(k *Checker, number int, s *segment) *connection {
	c := &connection{k: k, number: number}
	client, server := s.src, s.dst
	syn, ack := s.has(header.SYN), s.has(header.ACK)
	switch {
	case syn && ack:
		client, server = server, client
	case !syn && s.dst.Port() > s.src.Port():
		client, server = server, client // servers have the smaller port, as a rule
	}
	c.ends[0].addr, c.ends[1].addr = client, server
	c.about = Connection{Number: number, Ends: [2]netip.AddrPort{client, server}}
	c.midway = !syn || ack
	c.loopback = s.src.Addr().IsLoopback() && s.dst.Addr().IsLoopback()
	for i := range c.ends {
		c.ends[i].settled = !c.midway
	}
	switch {
	case !syn:
		c.unjudged(whyMidway)
	case ack:
		c.unjudged(whyNoOffer)
	}
	return c
}

func (c *connection) direction(src netip.AddrPort) int {
	if src == c.ends[0].addr {
		return 0
	}
	return 1
}

// isReplacedBy reports whether the segment opens another connection between the
// same ports: a SYN with another initial sequence number.
func (c *connection) isReplacedBy(s *segment) bool {
	e := &c.ends[c.direction(s.src)]
	return s.Flags&(header.SYN|header.ACK|header.RST) == header.SYN && e.based && s.Seq != e.base &&
		(e.sawSYN || c.midway)
}

// over reports whether the connection has ended, one way or the other.
func (c *connection) over() bool {
	a, b := &c.ends[0], &c.ends[1]
	return a.reset || b.reset || a.fin > 0 && b.fin > 0 && b.ack >= a.fin && a.ack >= b.fin
}

// watches reports whether this sighting of a segment counts, and chooses where
// the direction is watched: where it was seen first, which is nearest to the
// sender, until another place has what that never had.
func (c *connection) watches(dir int, s *segment) bool {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	switch {
	case e.observed && e.point == s.at:
		return c.k.options.Complete || !e.recent.again(s)
	case !e.observed:
	case s.span() > 0 && e.based && e.place(s.Seq)+int64(s.span()) > e.max:
	case s.has(header.ACK) && e.acked && peer.based && peer.place(s.Ack) > e.ack:
	default:
		return false
	}
	e.observed, e.point = true, s.at
	return true
}

// look notes from where the segments of e are seen.
func (c *connection) look(e *end, s *segment) {
	if s.sum == sumGood {
		e.verifies = true
	}
	offload := s.sum == sumPartial || s.sum == sumBad
	if offload {
		c.unjudged(whyOffload)
	}
	switch {
	case c.k.options.Complete || c.loopback || offload:
		e.vantage = atSender
	case e.vantage == atSender:
	case s.ttl == 64 || s.ttl == 128 || s.ttl == 255:
		// What hosts begin with: no router has seen it.
		e.vantage = onLink
	default:
		e.vantage = behindRouter
	}
	if len(s.payload) < s.length {
		c.unjudged(whyCut)
	}
}

// take judges a segment where it was seen nearest to its sender.
func (c *connection) take(dir int, s *segment) {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	c.about.Segments[dir]++
	if s.fragment && !c.off {
		c.off = true
		c.unjudged(whyFragments)
	}
	if c.off {
		return
	}
	c.look(e, s)
	c.shuffled(e, s)
	if e.card != s.fromCard {
		e.card, e.resolutions = s.fromCard, c.k.asked[s.fromCard].answers
	}
	e.neighbour = s.card
	c.expire(s.now)
	if !c.locate(e, peer, s) {
		return
	}
	if s.has(header.RST) {
		c.checkReset(e, peer, s)
		c.deliver(e, peer, s)
		return
	}
	c.checkFlags(e, peer, s)
	c.checkOptions(e, peer, s)
	c.checkTimestamps(e, peer, s)
	c.checkRecent(e, s)
	c.checkSequence(e, peer, s)
	c.checkEmpty(e, peer, s)
	c.checkWindow(e, peer, s)
	c.checkTimer(e, peer, s)
	c.checkGrowth(e, peer, s)
	c.checkSmall(e, peer, s)
	c.checkECN(e, peer, s)
	c.checkUrgent(e, s)
	c.sent(e, peer, s)
	c.checkAck(e, peer, s)
	c.checkSACK(e, peer, s)
	c.advertise(e, s)
	c.answered(e, s)
	c.saidSo(e, peer, s)
	c.deliver(e, peer, s)
}

// deliver has the peer know of the segment at once if arrivals are not seen.
func (c *connection) deliver(e, peer *end, s *segment) {
	if c.k.options.Arrivals == nil {
		c.hear(e, peer, s)
		if c.loopback {
			c.receive(e, peer, s)
		}
	}
}

// arrived takes a segment that was seen as it arrived.
func (c *connection) arrived(dir int, s *segment) {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	peer.asked = true
	if !e.based || c.off || s.card != e.neighbour {
		return // a card does not take what is for another one
	}
	s.from = e.place(s.Seq)
	s.to = s.from + int64(s.span())
	if s.has(header.ACK) {
		if !peer.based {
			return
		}
		s.ack = peer.place(s.Ack)
	}
	if s.has(header.RST) {
		c.expire(s.now)
		c.arrivesAt(peer, e, s)
	}
	// What this end has never sent is of an older connection.
	if s.from < 0 && s.to <= 0 || s.to > e.max || s.has(header.SYN) && s.from != 0 || s.has(header.ACK) && s.ack > peer.max {
		return
	}
	c.expire(s.now)
	if !s.has(header.RST) {
		c.arrivesAt(peer, e, s)
	}
	c.hear(e, peer, s)
	c.receive(e, peer, s)
}

// hear notes what the segment from e tells the peer.
func (c *connection) hear(e, peer *end, s *segment) {
	c.hearLoss(e, peer, s)
	if !s.has(header.ACK) || s.has(header.RST) {
		return
	}
	c.checkReaction(peer, s)
	peer.heardECE(s)
	if s.ack > peer.heardAck || !peer.heardAny {
		peer.heardAny, peer.heardAck = true, s.ack
		peer.progressed(s.ack)
		if c.k.options.Arrivals != nil || s.ack <= peer.max {
			peer.past.forget(peer.heardAck)
		}
	}
	w := e.scaled(peer, s)
	peer.heardEdge = max(peer.heardEdge, s.ack+int64(w))
	peer.heardWindow, peer.heardAt = w, s.now
	peer.believe(s, w)
}

// unjudged notes once why something is not judged.
func (c *connection) unjudged(why string) {
	if !slices.Contains(c.about.Unjudged, why) {
		c.about.Unjudged = append(c.about.Unjudged, why)
	}
}

// missed notes that the capture lacks segments. What they allowed, a window, an
// acknowledgement, a sign of loss, is not known then.
func (c *connection) missed() {
	c.lossy = true
	c.unjudged(whyMissed)
}

// find reports that e broke a rule.
func (c *connection) find(r Rule, e *end, s *segment, format string, args ...any) {
	c.findAt(r, e, s.now, s.packet, format, args...)
}

func (c *connection) findAt(r Rule, e *end, now time.Duration, packet int, format string, args ...any) {
	if exempt := c.k.options.Exempt; exempt != nil && exempt(e.addr.Addr()) {
		return
	}
	if c.alike == nil {
		c.alike = make(map[string]int)
	}
	unsure := r.whole && (!c.k.options.Complete || c.lossy) ||
		r.ordered() && c.loopback && !c.k.options.Complete
	if c.alike[r.Name]++; c.alike[r.Name] > maxFindingsAlike {
		if !unsure {
			c.about.Omitted++
			c.k.count(r.Severity)
		}
		return
	}
	f := Finding{
		Severity: r.Severity, Rule: r.Name, Section: r.Section,
		Time: c.k.origin.Add(now), Packet: packet, Connection: c.number,
		From: e.addr, To: c.other(e).addr, Text: fmt.Sprintf(format, args...),
	}
	if unsure {
		c.unsure = append(c.unsure, f)
		return
	}
	c.k.find(f)
}

func (c *connection) other(e *end) *end {
	if e == &c.ends[0] {
		return &c.ends[1]
	}
	return &c.ends[0]
}

// finish judges what can only be judged at the end.
func (c *connection) finish() {
	if c.off {
		return
	}
	c.expire(c.k.now)
	for i := range c.ends {
		e := &c.ends[i]
		c.checkHoles(e)
		c.checkFINAnswered(e)
		switch {
		case !e.observed || c.about.Segments[i] == 0:
		case e.vantage == behindRouter:
			c.unjudged(whyRouter)
		case e.vantage == onLink:
			c.unjudged(whyLink)
		}
	}
	if !c.lossy {
		for _, f := range c.unsure {
			c.k.find(f)
		}
	}
}

func (c *connection) summary() Connection { return c.about }
