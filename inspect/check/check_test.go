package check

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"septet/header"
	"septet/inspect"
)

func TestAGoodTraceIsClean(t *testing.T) {
	for what, o := range map[string]Options{
		"a capture of which all is known": complete(),
		"a complete one":                  {Complete: true},
		"any capture":                     {},
	} {
		s := newScene(o)
		r := s.play(good())
		clean(t, what, r)
		if r.Opened != 1 || r.Segments < 30 {
			t.Errorf("%s: %d connections and %d segments were judged, want 1 and at least 30", what, r.Opened, r.Segments)
		}
	}
}

// The capture may begin and end anywhere.
func TestPartsOfAGoodTraceAreClean(t *testing.T) {
	all := good()
	for from := range all {
		for to := from + 1; to <= len(all); to++ {
			part := slices.Clone(all[from:to])
			r := newScene(Options{}).play(part)
			if len(r.Findings) > 0 {
				t.Fatalf("segments %d to %d of a good trace: %s", from, to, text(r))
			}
		}
	}
}

// And it may lack any segment, which the judge cannot take for a fault.
func TestASegmentThatTheCaptureLacksIsNoViolation(t *testing.T) {
	for i := range good() {
		steps := slices.Delete(good(), i, i+1)
		if r := newScene(Options{}).play(steps); r.Violations > 0 {
			t.Errorf("without segment %d: %s", i, text(r))
		}
	}
}

func TestSimultaneousOpenAndECNAreClean(t *testing.T) {
	clean(t, "a simultaneous open", newScene(complete()).play([]step{
		{ms: 0, from: client, f: syn},
		{ms: 0, from: server, f: syn},
		{ms: 1, from: client, f: syn | ack, ack: 1},
		{ms: 1, from: server, f: syn | ack, ack: 1},
		{ms: 2, from: client, f: ack, seq: 1, ack: 1},
		{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x"},
		{ms: 4, from: server, f: ack, seq: 1, ack: 2},
		{ms: 5, from: client, f: rst | ack, seq: 2, ack: 1},
	}))
	clean(t, "ECN", newScene(complete()).play(then(openECN(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 3}},
		step{ms: 4, from: server, f: ece | ack, seq: 1, ack: 2},
		step{ms: 5, from: client, f: cwr | psh | ack, seq: 2, ack: 1, data: "y", o: opts{ecn: 2}},
		step{ms: 6, from: server, f: ack, seq: 1, ack: 3},
	)))
	clean(t, "ECN, after the FIN", newScene(complete()).play(then(openECN(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 3}},
		step{ms: 4, from: server, f: ece | ack, seq: 1, ack: 2},
		step{ms: 5, from: client, f: fin | ack, seq: 2, ack: 1},
		step{ms: 6, from: server, f: ack, seq: 1, ack: 3},
	)))
	// The window shuts and is probed: with a byte, as the RFC has it, and with
	// none, as others do. RFC 9293, 3.8.6.1.
	small := open()
	small[0].o = opts{raw: []byte{header.OptionMSS, 4, 3, 244}}
	small[1].o = opts{raw: []byte{header.OptionMSS, 4, 3, 244}, window: 1000}
	small[2].o.plain = true
	shut := opts{plain: true, window: 1}
	small = append(small, []step{
		{ms: 3, from: client, f: ack, seq: 1, ack: 1, data: full, o: opts{plain: true}},
		{ms: 4, from: server, f: ack, seq: 1, ack: 1000, o: shut},
		{ms: 204, from: client, f: ack, seq: 1001, ack: 1, data: "p", o: opts{plain: true, only: 1}},
		{ms: 404, from: client, f: ack, seq: 1000, ack: 1, o: opts{plain: true}},
		{ms: 405, from: server, f: ack, seq: 1, ack: 1001, o: opts{plain: true, window: 1000}},
		{ms: 406, from: client, f: ack, seq: 1001, ack: 1, data: "p" + full[:100], o: opts{plain: true}},
		{ms: 407, from: server, f: ack, seq: 1, ack: 1102, o: opts{plain: true, window: 1000}},
	}...)
	clean(t, "a shut window", newScene(complete()).play(small))
	clean(t, "four full segments at one moment, one answer", newScene(complete()).play(then(
		then(then(open(), step{ms: 3, from: server, f: ack, seq: 1, ack: 1}), flight(4, opts{})...),
		step{ms: 10, from: server, f: ack, seq: 1, ack: 4001})))
	// A smaller window comes late and is believed, since no sequence number tells it from a
	// newer one; a larger one comes with a segment that is sent again, and is not.
	clean(t, "a window that arrives late", newScene(complete()).play([]step{
		{ms: 0, from: client, f: syn},
		{ms: 1, from: server, f: syn | ack, ack: 1, o: opts{window: 100}},
		{ms: 2, from: client, f: ack, seq: 1, ack: 1},
		{ms: 3, from: server, f: psh | ack, seq: 1, ack: 1, data: "hello", o: opts{window: 1, only: 1}},
		{ms: 3, from: server, f: psh | ack, seq: 6, ack: 1, data: "world", o: opts{window: 1}},
		{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{sack: [][2]int{{6, 11}}}},
		{ms: 4, from: server, f: ack, seq: 11, ack: 2, o: opts{window: 1}},
		{ms: 5, from: server, f: ack, seq: 11, ack: 2, o: opts{window: 2}},
		{ms: 6, from: client, f: psh | ack, seq: 2, ack: 1, data: full[:200], o: opts{only: 1}},
		{ms: 7, from: server, f: ack, seq: 11, ack: 2, o: opts{window: 1, only: 2, tsval: 1005}},
		{ms: 8, from: server, f: psh | ack, seq: 1, ack: 2, data: "hello", o: opts{window: 2}},
		{ms: 8, from: client, f: ack, seq: 130, ack: 11},
	}))
	// A probe with new data starts the timer of what was sent again (RFC 8985, 7.3).
	clean(t, "a probe in recovery", newScene(complete()).play(then(then(open(), flight(3, opts{only: 1})...),
		step{ms: 210, from: client, f: ack, seq: 1, ack: 1, data: full, o: opts{only: 1}},
		step{ms: 300, from: client, f: ack, seq: 3001, ack: 1, data: full, o: opts{only: 1}},
		step{ms: 700, from: client, f: ack, seq: 1, ack: 1, data: full, o: opts{only: 1}},
		step{ms: 1500, from: client, f: ack, seq: 1, ack: 1, data: full},
		step{ms: 1501, from: server, f: ack, seq: 1, ack: 1001},
	)))
	// On the link, what was sent after a pause may be seen right behind the rest: the
	// eleventh segment may be a probe, the twelfth may not.
	burst := func(n int) Report { return newScene(Options{}).play(then(open(), flight(n, opts{})...)) }
	clean(t, "a probe without the pause before it", burst(11))
	if r := burst(12); len(r.Findings) != 1 || r.Findings[0].Rule != ruleSlowStart.Name {
		t.Errorf("twelve segments at once should be one more than the window allows:\n%s", text(r))
	}
	// Marks that are set behind the place of the capture: two answers are on the way when
	// the echo of the first mark ends.
	clean(t, "two answers to two echoes", newScene(Options{}).play(then(openECN(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 2}},
		step{ms: 4, from: server, f: ece | ack, seq: 1, ack: 2},
		step{ms: 5, from: client, f: cwr | psh | ack, seq: 2, ack: 1, data: "y", o: opts{ecn: 2}},
		step{ms: 5, from: client, f: psh | ack, seq: 3, ack: 1, data: "z", o: opts{ecn: 2}},
		step{ms: 6, from: client, f: cwr | psh | ack, seq: 4, ack: 1, data: "u", o: opts{ecn: 2}},
		step{ms: 7, from: server, f: ack, seq: 1, ack: 3},
		step{ms: 7, from: server, f: ece | ack, seq: 1, ack: 4},
		step{ms: 8, from: server, f: ack, seq: 1, ack: 5},
	)))
	clean(t, "an answer on its way before the echo", newScene(Options{}).play(then(openECN(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 2}},
		step{ms: 3, from: client, f: cwr | psh | ack, seq: 2, ack: 1, data: "y", o: opts{ecn: 2}},
		step{ms: 4, from: server, f: ece | ack, seq: 1, ack: 2},
		step{ms: 4, from: server, f: ack, seq: 1, ack: 3},
	)))
	clean(t, "a refusal", newScene(complete()).play([]step{
		{ms: 0, from: client, f: syn},
		{ms: 0, from: server, f: rst | ack, seq: -5000, ack: 1},
	}))
}

func TestASecondConnectionBetweenThePorts(t *testing.T) {
	s := newScene(complete())
	old := isn
	first := then(open(), step{ms: 3, from: client, f: rst | ack, seq: 1, ack: 1})
	for _, st := range first {
		s.feed(st)
	}
	isn = [2]header.Seq{77, 88}
	defer func() { isn = old }()
	r := s.play(good())
	clean(t, "a second connection", r)
	if r.Opened != 2 {
		t.Errorf("%d connections, want 2", r.Opened)
	}
}

// Wires of a whole lab have each packet several times; only the sender's counts.
func TestCopiesOnOtherWiresDoNotCount(t *testing.T) {
	s := newScene(Options{Complete: true})
	for _, st := range good() {
		if st.o.only == 2 {
			continue
		}
		s.now = max(s.now, st.ms)
		frame := s.frame(st)
		for _, wire := range [2][2]int{{3, 4}, {4, 3}}[st.from] {
			s.judge.Feed(inspect.Frame{Time: s.time(), Interface: wire, LinkType: inspect.LinkRaw, Data: frame})
			if st.o.only == 1 {
				break // lost behind the first
			}
		}
	}
	r := s.judge.Finish()
	clean(t, "a trace on two wires", r)
	if want := len(good()) - 1; r.Segments != want {
		t.Errorf("%d segments, want %d: each once", r.Segments, want)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	k := New(Options{MaxConnections: 10, MaxHistory: 8 << 10})
	s := &scene{judge: k}
	old := ports
	defer func() { ports = old }()
	for i := range 100 {
		ports[0] = netip.AddrPortFrom(old[0].Addr(), uint16(2000+i))
		for _, st := range open() {
			s.feed(st)
		}
	}
	if k.recent.Len() != 10 || len(k.table) != 10 {
		t.Errorf("%d connections are remembered, %d in the table; the cap is 10", k.recent.Len(), len(k.table))
	}
	if r := k.Finish(); r.Forgotten != 90 || r.Opened != 100 || k.kept != 0 {
		t.Errorf("%d connections forgotten of %d, %d bytes kept; want 90 of 100, and 0", r.Forgotten, r.Opened, k.kept)
	}
}

func FuzzFeed(f *testing.F) {
	s := newScene(Options{})
	for _, st := range good() {
		f.Add(s.frame(st), s.frame(st)[header.IPv4Len:])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, o := range []Options{{}, complete()} {
			s := newScene(o)
			for i, st := range good() {
				s.feed(st)
				for wire, data := range [][]byte{a, b} {
					s.judge.Feed(inspect.Frame{Time: s.time(), Interface: wire, LinkType: inspect.LinkRaw, Data: wrap(wire, data)})
					for _, kind := range []inspect.LinkType{inspect.LinkRaw, inspect.LinkEthernet} {
						s.judge.Feed(inspect.Frame{
							Time: inspect.Epoch.Add(time.Duration(i) * time.Second), Interface: wire, LinkType: kind, Data: data,
						})
					}
				}
			}
			s.judge.Finish()
		}
	})
}

// wrap makes an IP packet of a TCP segment, with the right ends and checksums.
func wrap(from int, b []byte) []byte {
	b = append(make([]byte, 0, header.TCPLen+len(b)), b...)
	for len(b) < header.TCPLen {
		b = append(b, 0x50)
	}
	binary.BigEndian.PutUint16(b, ports[from].Port())
	binary.BigEndian.PutUint16(b[2:], ports[1-from].Port())
	b[16], b[17] = 0, 0
	src, dst := ports[from].Addr(), ports[1-from].Addr()
	binary.BigEndian.PutUint16(b[16:], ^header.Checksum(b, header.PseudoSum(src, dst, header.ProtocolTCP, len(b))))
	ip := header.IPv4{TotalLength: header.IPv4Len + len(b), TTL: 64, Protocol: header.ProtocolTCP, Src: src, Dst: dst}
	p := make([]byte, header.IPv4Len)
	ip.Put(p)
	return append(p, b...)
}
