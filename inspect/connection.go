package inspect

import (
	"fmt"
	"net/netip"
	"time"

	"septet/header"
)

// connection is one TCP connection as an onlooker sees it.
type connection struct {
	place
	flow    flow
	number  int
	ends    [2]end // the client, then the server
	midway  bool   // its beginning was not seen
	reused  bool   // an earlier connection had the same ports
	reset   bool
	resetBy int
	damaged int

	first, last time.Duration
	roundTrip   time.Duration // from the first SYN to its answer; zero when unknown
}

// end is one end of a connection: what it has sent, and what it can have
// received.
type end struct {
	addr     netip.AddrPort
	point    point // where its segments are watched
	observed bool
	verifies bool // its checksums have been seen right, so that a wrong one means damage

	based  bool
	base   header.Seq // its relative sequence number 0: the ISN
	next   header.Seq // after the highest that it has sent
	ack    header.Seq // the highest that it has acknowledged
	acked  bool
	window uint16 // the last that it advertised, not scaled
	scale  uint8
	scaled bool // its SYN had a window scale
	holes  []hole

	bytes       int64 // of payload, each counted once
	segments    int
	retransmits int
	duplicates  int // duplicate acknowledgements in a row
	probed      bool
	recent      recentSegments

	facts
}

// hole is a part of the sequence space that came later than what follows it.
type hole struct {
	from, to header.Seq
	since    time.Duration
}

const maxHoles = 256

// recentSegments remembers the last packets. A stack gives a segment that it
// sends again another IP identification, so the same packet twice is a wire's
// doing. An identification of zero says nothing: RFC 6864 allows it for all
// that cannot be fragmented.
//
// The same packet with a lower TTL goes round: routers have passed it back.
type recentSegments struct {
	known [16]identity
	ttls  [16]uint8
	next  int
}

type identity struct {
	id       uint32
	seq, ack header.Seq
	window   uint16
	flags    header.TCPFlags
	length   int
}

func (r *recentSegments) again(s *segment) (again, round bool) {
	this := identity{s.id, s.Seq, s.Ack, s.Window, s.Flags, s.length}
	for i, known := range r.known {
		if known == this && (s.id != 0 || s.ttl < r.ttls[i]) {
			round = s.ttl < r.ttls[i]
			r.ttls[i] = s.ttl
			return true, round
		}
	}
	r.known[r.next], r.ttls[r.next] = this, s.ttl
	r.next = (r.next + 1) % len(r.known)
	return false, false
}

// segment is a TCP segment at a moment.
type segment struct {
	*header.TCP
	length int    // of the payload
	id     uint32 // of the IP packet
	ttl    uint8
	round  bool // set by take: it goes round, see recentSegments
	now    time.Duration
}

// span is what the segment takes of the sequence space.
func (s *segment) span() int {
	n := s.length
	if s.Flags.Has(header.SYN) {
		n++
	}
	if s.Flags.Has(header.FIN) {
		n++
	}
	return n
}

func (s *segment) end() header.Seq { return s.Seq.Add(s.span()) }

// pure reports an acknowledgement that carries nothing else.
func (s *segment) pure() bool {
	return s.span() == 0 && s.Flags.Has(header.ACK) && !s.Flags.Has(header.RST)
}

func newConnection(number int, src, dst netip.AddrPort, h *header.TCP, now time.Duration) *connection {
	c := &connection{number: number, flow: flowOf(src, dst), first: now}
	client, server := src, dst
	switch {
	case h.Flags.Has(header.SYN | header.ACK):
		client, server = dst, src
	case !h.Flags.Has(header.SYN) && dst.Port() > src.Port():
		client, server = dst, src // servers have the smaller port, as a rule
	}
	c.ends[0].addr, c.ends[1].addr = client, server
	if !h.Flags.Has(header.SYN) {
		c.midway = true
		c.ends[0].facts, c.ends[1].facts = open, open
	}
	return c
}

// direction is the index of the end that sends from src.
func (c *connection) direction(src netip.AddrPort) int {
	if src == c.ends[0].addr {
		return 0
	}
	return 1
}

// isReused reports whether the segment opens another connection between the
// same ports: a SYN with another initial sequence number. It is the rule by
// which Wireshark counts.
func (c *connection) isReused(src netip.AddrPort, h *header.TCP) bool {
	e := &c.ends[c.direction(src)]
	return h.Flags&(header.SYN|header.ACK) == header.SYN && e.based && h.Seq != e.base
}

// toleratesBad reports whether a wrong checksum is no proof of damage: captures
// of a sender that leaves checksums to its network card have them all wrong.
func (c *connection) toleratesBad(src netip.AddrPort, flags header.TCPFlags) bool {
	if c == nil {
		return flags&(header.SYN|header.RST) == header.SYN
	}
	return !c.ends[c.direction(src)].verifies
}

// watches reports whether this sighting of a segment counts, and chooses where
// the direction is watched.
func (c *connection) watches(dir int, at point, s *segment) bool {
	e := &c.ends[dir]
	switch {
	case e.observed && e.point == at:
		return true
	case !e.observed:
	case s.span() > 0 && s.end().After(e.next):
	case s.Flags.Has(header.ACK) && e.acked && s.Ack.After(e.ack):
	default:
		return false
	}
	// New data or a new acknowledgement cannot be a copy: the way has changed.
	e.observed, e.point = true, at
	return true
}

// take follows the segment that the end dir sent, and returns what is to be
// remarked about it.
func (c *connection) take(dir int, s *segment) (notes []string) {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	c.last = s.now
	again, round := e.recent.again(s)
	s.round = round
	switch {
	case round:
		return nil
	case again:
		return []string{"duplicated on the way"}
	}
	e.segments++
	c.rebase(e, peer, s)
	if s.Flags.Has(header.RST) {
		return c.takeReset(dir, s)
	}
	if s.Flags.Has(header.SYN) {
		e.scaled, e.scale = s.Options.HasWindowScale, min(s.Options.WindowScale, header.MaxWindowScale)
	}
	probe := c.probe(e, peer, s)
	if probe == "" {
		notes = add(notes, c.sequence(e, peer, s))
	}
	notes = add(notes, probe)
	notes = add(notes, c.acknowledge(e, peer, s))
	if s.Window == 0 && !s.Flags.Has(header.SYN) {
		notes = add(notes, "zero window")
	}
	c.measure(dir, s)
	c.learn(dir, s)
	e.window = s.Window
	return notes
}

func add(notes []string, note string) []string {
	if note == "" {
		return notes
	}
	return append(notes, note)
}

// rebase fixes the relative sequence numbers of both ends as soon as they can
// be known.
func (c *connection) rebase(e, peer *end, s *segment) {
	if !e.based {
		e.based, e.base, e.next = true, s.Seq, s.Seq
		if !s.Flags.Has(header.SYN) {
			e.base = s.Seq.Add(-1)
		}
	}
	if c.midway && e.segments == 1 {
		e.next = s.Seq // what the other's acknowledgement told was no more than a guess
	}
	if !peer.based && s.Flags.Has(header.ACK) {
		peer.based, peer.base, peer.next = true, s.Ack.Add(-1), s.Ack
	}
}

// measure takes the round-trip time of the handshake.
func (c *connection) measure(dir int, s *segment) {
	if dir == 1 && s.Flags.Has(header.SYN|header.ACK) && c.roundTrip == 0 && c.ends[0].segments == 1 {
		c.roundTrip = s.now - c.first
	}
}

// probe recognises the segments that only ask for an answer.
func (c *connection) probe(e, peer *end, s *segment) string {
	if s.length > 1 || s.Flags&(header.SYN|header.FIN) != 0 || !peer.acked || !e.gotSYN {
		return ""
	}
	before := s.Seq == peer.ack.Add(-1)
	switch {
	case peer.window == 0 && before:
	case peer.window == 0 && s.length == 1 && s.Seq == peer.ack:
		// RFC 9293, section 3.8.6.1: a probe may carry one byte of new data.
		if s.end().After(e.next) {
			e.next = s.end()
			e.bytes++
		}
	case before && e.next == peer.ack && s.Seq == e.next.Add(-1) && e.synAcked:
		// RFC 9293, section 3.8.4: SEG.SEQ = SND.NXT-1.
		e.probed = true
		return "keep-alive"
	default:
		return ""
	}
	e.probed = true
	return "zero-window probe"
}

// sequence compares the segment with what its sender has sent before.
func (c *connection) sequence(e, peer *end, s *segment) string {
	if s.span() == 0 {
		return ""
	}
	if s.Flags.Has(header.SYN|header.ACK) && c.simultaneous() && !e.answered {
		e.answered = true // RFC 9293, figure 7: its own SYN again, with the answer to the other's
		return ""
	}
	switch {
	case s.Seq.After(e.next):
		gap := s.Seq.Sub(e.next)
		if len(e.holes) < maxHoles {
			e.holes = append(e.holes, hole{e.next, s.Seq, s.now})
		}
		e.next = s.end()
		e.bytes += int64(s.length)
		return fmt.Sprintf("after a gap of %s", sized(gap))
	case s.end().After(e.next):
		fresh := s.end().Sub(e.next)
		again := s.Seq.Before(e.next)
		e.next = s.end()
		e.bytes += int64(min(fresh, s.length))
		if !again {
			return ""
		}
	default:
		if filled, since := e.fill(s.Seq, s.end()); filled > 0 {
			e.bytes += int64(min(filled, s.length))
			if s.now-since <= max(c.roundTrip, 3*time.Millisecond) {
				return "out of order"
			}
		}
	}
	e.retransmits++
	if peer.duplicates >= 3 && s.Seq == peer.ack {
		return "fast retransmission" // RFC 5681, section 3.2
	}
	return "retransmission"
}

// fill takes a range out of the holes. It returns how much of it was in them,
// and since when the first was there.
func (e *end) fill(from, to header.Seq) (filled int, since time.Duration) {
	var left []hole
	for _, h := range e.holes {
		if to.AtMost(h.from) || from.AtLeast(h.to) {
			left = append(left, h)
			continue
		}
		if filled == 0 {
			since = h.since
		}
		start, end := h.from, h.to
		if from.After(start) {
			left = append(left, hole{start, from, h.since})
			start = from
		}
		if to.Before(end) {
			left = append(left, hole{to, end, h.since})
			end = to
		}
		filled += end.Sub(start)
	}
	e.holes = left[:min(len(left), maxHoles)]
	return filled, since
}

// acknowledge compares the acknowledgement with the ones before it.
func (c *connection) acknowledge(e, peer *end, s *segment) (note string) {
	if !s.Flags.Has(header.ACK) {
		return ""
	}
	switch {
	case !e.acked || s.Ack.After(e.ack):
		e.acked, e.ack = true, s.Ack
		e.duplicates = 0
	case s.pure() && s.Ack == e.ack && s.Seq == e.next:
		switch {
		case s.Window != e.window:
			note = "window update"
		case peer.probed:
			note = "answer to the probe"
		case peer.next.After(s.Ack):
			// RFC 5681, section 2: data is outstanding, the segment has none,
			// and neither acknowledgement nor window have changed.
			e.duplicates++
			note = fmt.Sprintf("duplicate ack #%d", e.duplicates)
		}
	}
	peer.probed = false
	return note
}
