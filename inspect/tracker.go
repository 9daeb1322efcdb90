package inspect

import (
	"fmt"
	"net/netip"
	"time"

	"septet/header"
)

// Tracker follows what frames say to each other. It is fed every frame in the
// order of time, gives a line for each that is news, and in the end a summary
// of every conversation.
//
// A frame that was captured on several wires counts once. Each direction of a
// TCP connection is watched at the wire on which it was seen first, which is
// the sender's; it moves to another wire only when that one has what the first
// never had. Everything else is told from its copies by its bytes.
//
// The zero value is ready for use.
type Tracker struct {
	// Name gives the name of an address. Nil prints addresses.
	Name func(netip.Addr) string
	// Wire gives the name of an interface. Nil, or an empty name, leaves it out.
	Wire func(number int) string
	// Origin is the time that lines count from; zero means the first frame's.
	Origin time.Time
	// MaxConversations caps how many conversations are remembered; zero means
	// 65536. Beyond it the ones that are over and oldest are forgotten.
	MaxConversations int

	tcp    map[flow]*connection
	udp    map[flow]*conversation
	recent recency
	copies copies
	counts Counts
}

// Counts is how much a tracker has seen.
type Counts struct {
	Frames      int // fed
	Copies      int // of a frame already seen on another wire
	Damaged     int // wrong checksums
	Other       int // neither IP nor ARP, or unreadable
	TCP, UDP    int // conversations
	Datagrams   int // of UDP
	Forgotten   int // conversations of which there is no summary any more
	Retransmits int // segments sent again
}

// Counts returns how much has been seen so far.
func (t *Tracker) Counts() Counts { return t.counts }

// flow is a pair of ends, the smaller first, so that both directions have the
// same.
type flow struct{ a, b netip.AddrPort }

func flowOf(src, dst netip.AddrPort) flow {
	if src.Compare(dst) > 0 {
		src, dst = dst, src
	}
	return flow{src, dst}
}

// Feed takes one frame. It returns the line of the ladder for it, and false if
// there is none: a copy of a frame seen before, or nothing that can be read. It
// keeps nothing of the frame's bytes.
//
// A frame that got lost is fed once more then, with that Fate; one that was
// refused by a transmitter only with that.
func (t *Tracker) Feed(f Frame) (Line, bool) {
	if f.Fate == Sent {
		return t.feed(f)
	}
	var notes []string
	if f.Fate.refused() {
		sent := f
		sent.Fate = Sent
		first, _ := t.feed(sent) // whoever sends it does not know that it is refused
		notes = first.Notes
	}
	line, ok := t.feed(f)
	line.Lost = true
	line.Notes = append(notes, f.Fate.text(t.wire(f.Interface)))
	return line, ok
}

func (t *Tracker) feed(f Frame) (Line, bool) {
	if f.Fate == Sent {
		t.counts.Frames++
	}
	if t.Origin.IsZero() {
		t.Origin = f.Time
	}
	s, ok := decode(&f)
	if !ok {
		t.counts.Other++
		return Line{}, false
	}
	line := Line{Time: f.Time.Sub(t.Origin), Interface: f.Interface, TTL: int(s.ttl), group: s.group}
	switch {
	case s.arp != nil:
		ok = t.feedARP(&line, &s)
	case s.damaged || s.offset > 0:
		ok = t.feedOther(&line, &s)
	case s.protocol == header.ProtocolTCP:
		ok = t.feedTCP(&line, &s)
	case s.protocol == header.ProtocolUDP:
		ok = t.feedUDP(&line, &s)
	case s.protocol == header.ProtocolICMP:
		ok = t.feedICMP(&line, &s, false)
	case s.protocol == protocolICMPv6:
		ok = t.feedICMP(&line, &s, true)
	case s.protocol == header.ProtocolIGMP:
		ok = t.feedIGMP(&line, &s)
	default:
		ok = t.feedOther(&line, &s)
	}
	if ok && line.packet == 0 {
		line.packet = s.fingerprint()
	}
	if line.Round {
		line.Notes = append(line.Notes, fmt.Sprintf("again%s, TTL %d", on(t.wire(f.Interface)), s.ttl))
	}
	return line, ok
}

// fresh reports whether a packet is not a copy, for all but healthy TCP. What
// became of a packet is news in any case.
func (t *Tracker) fresh(line *Line, s *sighting) bool {
	line.packet = s.fingerprint()
	if s.fate != Sent {
		return true
	}
	fresh, round := t.copies.fresh(line.packet, s.at, s.ttl, line.Time)
	line.Round = round
	if !fresh {
		t.counts.Copies++
	}
	return fresh
}

func (t *Tracker) feedTCP(line *Line, s *sighting) bool {
	var h header.TCP
	n, err := header.ParseTCP(s.payload, &h)
	if err != nil {
		return t.feedOther(line, s)
	}
	src, dst := netip.AddrPortFrom(s.src, h.SrcPort), netip.AddrPortFrom(s.dst, h.DstPort)
	check := s.verdict(16)
	c := t.tcp[flowOf(src, dst)]
	if s.fate != Sent {
		return t.feedLostSegment(line, s, c, src, dst, &segment{TCP: &h, length: max(0, s.length-n)})
	}
	if check == Bad && !c.toleratesBad(src, h.Flags) {
		return t.feedDamaged(line, s, src, dst, &h)
	}
	if reused := c != nil && c.isReused(src, &h); c == nil || reused {
		c = t.newConnection(line, src, dst, &h)
		c.reused = reused
	}
	dir := c.direction(src)
	seg := segment{TCP: &h, length: max(0, s.length-n), id: s.id, ttl: s.ttl, now: line.Time}
	if !c.watches(dir, s.at, &seg) {
		t.counts.Copies++
		return false
	}
	if check == Good {
		c.ends[dir].verifies = true
	}
	before := c.ends[dir].retransmits
	line.before = c.state(1 - dir)
	line.Notes = c.take(dir, &seg)
	line.Round = seg.round
	line.Text = c.text(dir, &seg)
	if c.reused && len(line.Notes) == 0 && c.ends[0].segments == 1 && c.ends[1].segments == 0 {
		line.Notes = []string{"the ports are used again"}
	}
	t.counts.Retransmits += c.ends[dir].retransmits - before
	t.sides(line, c, dir)
	line.Conversation = c.number
	t.recent.touch(&c.place)
	return true
}

// feedLostSegment tells of a segment that does not arrive.
func (t *Tracker) feedLostSegment(line *Line, s *sighting, c *connection, src, dst netip.AddrPort, seg *segment) bool {
	line.Kind = KindTCP
	line.Left, line.Right = Side{Name: t.end(src)}, Side{Name: t.end(dst)}
	line.Text = flagText(seg.Flags) + " " + sized(seg.length)
	if c == nil {
		return true // forgotten since
	}
	dir := c.direction(src)
	if c.ends[dir].based && s.verdict(16) != Bad {
		c.lose(dir, seg)
		line.Text = c.text(dir, seg)
	}
	line.Conversation = c.number
	t.sides(line, c, dir)
	return true
}

// newConnection begins a connection and forgets an old one if there are too
// many.
func (t *Tracker) newConnection(line *Line, src, dst netip.AddrPort, h *header.TCP) *connection {
	t.counts.TCP++
	c := newConnection(t.counts.TCP, src, dst, h, line.Time)
	if t.tcp == nil {
		t.tcp = make(map[flow]*connection)
	}
	t.tcp[c.flow] = c
	t.remember(&c.place, c)
	return c
}

func (t *Tracker) feedDamaged(line *Line, s *sighting, src, dst netip.AddrPort, h *header.TCP) bool {
	if !t.fresh(line, s) {
		return false
	}
	t.counts.Damaged++
	line.Kind = KindTCP
	line.Left, line.Right = Side{Name: t.end(src)}, Side{Name: t.end(dst)}
	line.Text = flagText(h.Flags) + " damaged, " + sized(s.length)
	line.Notes = []string{"bad checksum: whoever receives it drops it"}
	if c := t.tcp[flowOf(src, dst)]; c != nil {
		c.damaged++
		line.Conversation = c.number
		t.sides(line, c, c.direction(src))
	}
	return true
}

// sides fills in both ends of a connection, the client on the left.
func (t *Tracker) sides(line *Line, c *connection, dir int) {
	line.Kind = KindTCP
	line.Left = Side{t.end(c.ends[0].addr), c.state(0)}
	line.Right = Side{t.end(c.ends[1].addr), c.state(1)}
	line.RightToLeft = dir == 1
}

// conversation is the datagrams between two UDP ports.
type conversation struct {
	place
	flow        flow
	number      int
	ends        [2]netip.AddrPort // the first sender, then the other
	datagrams   [2]int
	bytes       [2]int64
	first, last time.Duration
}

func (t *Tracker) feedUDP(line *Line, s *sighting) bool {
	h, payload, err := header.ParseUDP(s.payload)
	if err != nil {
		return t.feedOther(line, s)
	}
	if !t.fresh(line, s) {
		return false
	}
	src, dst := netip.AddrPortFrom(s.src, h.SrcPort), netip.AddrPortFrom(s.dst, h.DstPort)
	c := t.udp[flowOf(src, dst)]
	if c == nil {
		if t.udp == nil {
			t.udp = make(map[flow]*conversation)
		}
		t.counts.UDP++
		c = &conversation{number: t.counts.UDP, flow: flowOf(src, dst), first: line.Time, ends: [2]netip.AddrPort{src, dst}}
		t.udp[c.flow] = c
		t.remember(&c.place, c)
	}
	dir := 0
	if src != c.ends[0] {
		dir = 1
	}
	length := h.Length - header.UDPLen
	if s.fate == Sent {
		c.datagrams[dir]++
		c.bytes[dir] += int64(length)
		c.last = line.Time
		t.counts.Datagrams++
		t.recent.touch(&c.place)
	}
	line.Kind, line.Conversation, line.RightToLeft = KindUDP, c.number, dir == 1
	line.Left, line.Right = Side{Name: t.end(c.ends[0])}, Side{Name: t.end(c.ends[1])}
	line.Text = datagramText(&h, payload, length)
	if s.more {
		line.Notes = append(line.Notes, "first fragment")
	}
	if s.fate == Sent && s.verdict(6) == Bad {
		t.counts.Damaged++
		line.Notes = append(line.Notes, "bad checksum")
	}
	return true
}

func (t *Tracker) wire(number int) string {
	if t.Wire == nil {
		return ""
	}
	return t.Wire(number)
}

// name prints an address by its name.
func (t *Tracker) name(a netip.Addr) string {
	if t.Name != nil {
		if n := t.Name(a); n != "" {
			return n
		}
	}
	return a.String()
}

// end prints an address and port.
func (t *Tracker) end(a netip.AddrPort) string {
	if n := t.name(a.Addr()); n != a.Addr().String() {
		return n + ":" + portText(a.Port())
	}
	return a.String()
}
