package tcp

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	ev "septet/event"
	"septet/header"
)

// A segment script tells, in virtual time, what the peer of one real host sends
// and what the host's user calls, and what the host must send. It is a text, one
// line a step; testdata/*.script have many, each under a line "== name".
//
//	# what it proves
//	host rfc                      the personality: linux (if nothing is said) or rfc
//	host ipv4                     not over IPv6 too, whose link has an MTU of 20 more; ipv6: over
//	                              that alone
//	set DelayedACK=40ms QuickACKs=0        its fields, changed; if nothing is said, SACK is
//	                                       off, buffers do not grow, VarianceFloor is 0
//	+0     connect
//	+0     > SYN seq 0 win 65535 <mss 1460, ts 0 0, ws 7>
//	+10ms  < SYN,ACK seq 0 ack 1 win 1000 <mss 1460>
//	+0     > ACK seq 1 ack 1
//	+2s    nothing
//
// Each step begins with the time since the one before. "<" is a segment that
// arrives, "> ..." one that the host must send at exactly that time: these flags
// (PSH only if it is named), seq, ack, len and urg, and if they are named win and
// the options in angle brackets: mss, ws, ts, sackok, and "sack 10:20 30:40" with
// the blocks in their order. "ect0", "ect1" and "ce" are the ECN bits of IP; the
// host's segments must have exactly those that are named. Whatever the host sends must be expected by a
// line: "nothing" only lets time pass. Sequence numbers are relative to the
// initial ones of their senders; "=5" is absolute. "x3" at the end stands for
// three such segments, one after the other. TSval of the host counts
// milliseconds from the script's begin. If the peer's SYN had timestamps, its
// other segments get right ones by themselves; "<>" leaves them out, and "ts" alone
// puts them beside other options.
//
// Calls: connect, listen N, accept, write N, urgent N, read N, close, shutdown
// (of the sending side), shutread, abort, error; their results follow "=".
// "opened" is a whole handshake, with what follows it (such as "win 10 <mss 50>")
// in the peer's SYN,ACK; without anything, <mss 1460>. "opened 100ms" has a
// round-trip time.
// "pace N" sets the pacing rate, in bytes per second, as a congestion control would.
// Checks: state S, cwnd N, ssthresh N, pipe N, count COUNTER N, mark N (urgent data to be read).
// "port N" makes the peer speak from another port, "icmp T/C seq N mtu M" is an
// error about a segment of the host; the call "soft" returns what it said.
// scriptmore_test.go has the rest: options of Fast Open and the user timeout, "..."
// at the end of the options for "and others", "seq ?" for a number that the host
// has chosen.
//
// A line "#rfc:9293 MUST-13" or "#rfc:6298 5.3 MUST words" says which requirement the
// script proves; requirements_test.go makes REQUIREMENTS.md of them.
type script struct {
	*bench
	line  int
	begin ev.Time
	now   ev.Time

	options   Options
	listener  *Listener
	hostPort  uint16
	peerPort  uint16
	hostISS   header.Seq
	peerISS   header.Seq
	hostClock uint32 // TSval at begin
	flows     map[uint16]*flow
	cookie    header.FastOpenCookie // the last one that the host has sent
}

// flow is what the script knows of the connection with one port of the peer.
type flow struct {
	conn       *Conn
	wrote      int
	read       int
	timestamps bool   // the peer's SYN had them
	clock      uint32 // the peer's TSval at begin
	clockKnown bool
	echo       uint32 // the host's last TSval
}

// Ports of a script: the host calls, or is called.
const (
	scriptActivePort  = 4000
	scriptService     = 80
	scriptPassivePeer = 5000
)

func (s *script) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("line %d, at +%v: %s", s.line, s.now.Sub(s.begin), fmt.Sprintf(format, args...))
}

// step plays one line.
func (s *script) step(line string) {
	s.t.Helper()
	words := strings.Fields(line)
	if len(words) == 0 || words[0][0] == '#' {
		return
	}
	switch words[0] {
	case "host", "set":
		return
	case "with":
		for _, w := range words[1:] {
			if err := setField(&s.options, w); err != nil {
				s.fatalf("%v", err)
			}
		}
		return
	case "iss": // the host's, the peer's
		s.hostISS, s.peerISS = header.Seq(s.number(words[1])), header.Seq(s.number(words[2]))
		return
	}
	after, ok := strings.CutPrefix(words[0], "+")
	if !ok || len(words) < 2 {
		s.fatalf("a step is a time such as +10ms and what happens then: %q", line)
	}
	d, err := time.ParseDuration(after)
	if err != nil && after != "0" {
		s.fatalf("%v", err)
	}
	s.now = s.now.Add(d)
	s.advance(s.now)
	if words[1] == ">" {
		s.expect(line)
		return
	}
	if len(s.sent) > 0 {
		s.fatalf("the host must send nothing before this line, but it sent\n\t%s", s.describe(&s.sent[0]))
	}
	switch words[1] {
	case "<":
		s.arrives(line)
	case "opened":
		s.opened(strings.Join(words[2:], " "))
	default:
		s.do(words[1], words[2:])
	}
}

// opened plays an active open. The peer's SYN,ACK is as said.
func (s *script) opened(synAck string) {
	s.t.Helper()
	rtt := "0"
	if first, rest, _ := strings.Cut(synAck, " "); first != "" {
		if _, err := time.ParseDuration(first); err == nil {
			rtt, synAck = first, rest
		}
	}
	if synAck == "" {
		synAck = "<mss 1460>"
	}
	s.step("+0 connect")
	s.step("+0 > SYN seq 0")
	s.step("+" + rtt + " < SYN,ACK seq 0 ack 1 " + synAck)
	s.step("+0 > ACK seq 1 ack 1")
}

// finish checks that nothing is left of what the script did.
func (s *script) finish() {
	s.t.Helper()
	if len(s.sent) > 0 {
		s.fatalf("after the last line nothing more must be sent, but the host sent\n\t%s", s.describe(&s.sent[0]))
	}
	if n := s.tcp.stats.InvalidTransitions; n != 0 {
		s.fatalf("%d transitions that are not in the table", n)
	}
	s.tcp.Close()
	s.loop.Run(s.now)
	if s.tcp.Count() != 0 || s.pool.Live() != 0 || s.tcp.implicit.total != 0 {
		s.fatalf("after Close there are %d connections, %d packets, %d implicit ports",
			s.tcp.Count(), s.pool.Live(), s.tcp.implicit.total)
	}
}

// flow returns that of the present port.
func (s *script) flow() *flow {
	f := s.flows[s.peerPort]
	if f == nil {
		f = &flow{}
		s.flows[s.peerPort] = f
	}
	return f
}

// expect compares the next segments that were sent with a line.
func (s *script) expect(line string) {
	s.t.Helper()
	if len(s.sent) > 0 {
		s.learn(&s.sent[0]) // before the line's TSval, which is relative to it
	}
	want, n := s.parse(line)
	for i := range n {
		if len(s.sent) == 0 {
			s.fatalf("%d of %d: the host must send\n\t%s\nbut it sent nothing", i+1, n, strings.TrimSpace(line))
		}
		got := s.sent[0]
		s.learn(&got)
		if why := s.differs(want, &got); why != "" {
			s.fatalf("%d of %d: the host must send\n\t%s\nbut it sent\n\t%s\n(%s)",
				i+1, n, strings.TrimSpace(line), s.describe(&got), why)
		}
		s.sent = s.sent[1:]
		want.seq += header.Seq(want.length)
	}
}

// learn takes the clock of the host from a segment.
func (s *script) learn(got *wireSegment) {
	if !got.Options.HasTimestamps {
		return
	}
	f := s.flow()
	f.echo = got.Options.TSVal
	if !f.clockKnown {
		f.clockKnown = true
		s.hostClock = got.Options.TSVal - uint32(got.at.Sub(s.begin).Milliseconds())
	}
}

// differs says in what a segment is not the one wanted.
func (s *script) differs(want scriptSegment, got *wireSegment) string {
	gotFlags := got.Flags
	if want.flags&header.PSH == 0 {
		gotFlags &^= header.PSH
	}
	switch {
	case got.at != s.now:
		return "at another time"
	case gotFlags != want.flags:
		return "flags"
	case got.Seq != want.seq:
		return "sequence number"
	case want.flags.Has(header.ACK) && got.Ack != want.ack:
		return "acknowledgement number"
	case len(got.text) != want.length:
		return "length"
	case !bytes.Equal(got.text, pattern(max(got.Seq.Sub(s.hostISS)-1, 0), len(got.text))):
		return "text"
	case int(got.Urgent) != want.urgent:
		return "urgent pointer"
	case want.window >= 0 && int(got.Window) != want.window:
		return "window"
	case got.SrcPort != s.hostPort || got.DstPort != s.peerPort:
		return fmt.Sprintf("ports, %d to %d", got.SrcPort, got.DstPort)
	case want.among && among(want.options, got.Options) != want.options:
		return "options"
	case got.ecn != want.ecn:
		return "the ECN bits of IP"
	case want.hasOptions && !want.among && got.Options != want.options:
		return "options"
	}
	return ""
}

// describe writes a segment as a line of a script.
func (s *script) describe(g *wireSegment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "at +%v: > %s seq %d", g.at.Sub(s.begin), strings.ReplaceAll(g.Flags.String(), ", ", ","), g.Seq.Sub(s.hostISS))
	if len(g.text) > 0 {
		fmt.Fprintf(&b, " len %d", len(g.text))
	}
	if g.Flags.Has(header.ACK) {
		fmt.Fprintf(&b, " ack %d", g.Ack.Sub(s.peerISS))
	}
	fmt.Fprintf(&b, " win %d", g.Window)
	if g.Urgent != 0 {
		fmt.Fprintf(&b, " urg %d", g.Urgent)
	}
	if g.ecn != 0 {
		b.WriteString(" " + ecnNames[g.ecn])
	}
	var o []string
	if g.Options.HasMSS {
		o = append(o, fmt.Sprintf("mss %d", g.Options.MSS))
	}
	if g.Options.HasTimestamps {
		o = append(o, fmt.Sprintf("ts %d %d", int32(g.Options.TSVal-s.hostClock), g.Options.TSEcr))
	}
	if g.Options.HasWindowScale {
		o = append(o, fmt.Sprintf("ws %d", g.Options.WindowScale))
	}
	if g.Options.SACKPermitted {
		o = append(o, "sackok")
	}
	if g.Options.NumSACK > 0 {
		text := "sack"
		for _, x := range g.Options.SACK[:g.Options.NumSACK] {
			text += fmt.Sprintf(" %d:%d", x.Left.Sub(s.peerISS), x.Right.Sub(s.peerISS))
		}
		o = append(o, text)
	}
	o = append(o, describeMore(&g.Options)...)
	return b.String() + " <" + strings.Join(o, ", ") + ">"
}

// arrives has the segments of a line arrive.
func (s *script) arrives(line string) {
	s.t.Helper()
	seg, n := s.parse(line)
	f := s.flow()
	if seg.flags.Has(header.SYN) {
		f.timestamps = seg.options.HasTimestamps
		f.clock = seg.options.TSVal - uint32(s.now.Sub(s.begin).Milliseconds())
	} else if f.timestamps && (!seg.hasOptions || seg.stamped) {
		seg.options.HasTimestamps = true
		seg.options.TSVal, seg.options.TSEcr = f.clock+uint32(s.now.Sub(s.begin).Milliseconds()), f.echo
	}
	if seg.window < 0 {
		seg.window = 65535
	}
	for range n {
		offset := seg.seq.Sub(s.peerISS) - 1
		if seg.flags.Has(header.SYN) {
			offset++
		}
		s.ecn = seg.ecn
		s.inject(header.TCP{
			SrcPort: s.peerPort, DstPort: s.hostPort, Seq: seg.seq, Ack: seg.ack, Flags: seg.flags,
			Window: uint16(seg.window), Urgent: uint16(seg.urgent), Options: seg.options,
		}, pattern(offset, seg.length))
		seg.seq += header.Seq(seg.length)
	}
}

// pattern returns n bytes of a stream from offset on: every stream's bytes tell
// their place.
func pattern(offset, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = patternByte(offset + i)
	}
	return b
}

func patternByte(i int) byte { return byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*7 }
