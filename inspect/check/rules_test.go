package check

import (
	"strings"
	"testing"
)

// broken is a trace in which one thing is wrong.
type broken struct {
	rule  Rule
	what  string
	steps []step
	given Options
}

// besides are the findings that a trace cannot avoid: options that are wrong in
// one way are missing in another.
var besides = map[string]string{
	"SYN with FIN":                       "past-fin empty-sequence",
	"timestamps that were not agreed on": "ts-recent",
	"an echo of nothing":                 "ts-recent",
	"the second block is old":            "ack-unasked",
	"an ECN-capable pure ACK":            "ack-unasked",
	"a blind reset without an answer":    "reset",
	"a length of zero":                   "timestamps",
	"half a SACK block":                  "timestamps",
	"an MSS in a later segment":          "timestamps",
	"an MSS of three bytes":              "timestamps option-offered",
	"a scale of 15":                      "timestamps option-offered",
	"options that nobody asked for":      "timestamps",
	"SACK without permission":            "tsecr ts-recent",
}

// sayHello is the end of most traces: a segment, and its acknowledgement.
var sayHello = []step{
	{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello"},
	{ms: 4, from: server, f: ack, seq: 1, ack: 6},
}

// hello is a good trace with one change.
func hello(change func(s []step)) []step {
	s := then(open(), sayHello...)
	change(s)
	return s
}

// flight is n full segments from the client.
func flight(n int, o opts) (s []step) {
	for i := range n {
		s = append(s, step{ms: 10, from: client, f: ack, seq: 1 + 1000*i, ack: 1, data: full, o: o})
	}
	return s
}

func traces() []broken {
	raw := func(b ...byte) opts { return opts{raw: b} }
	lost := opts{only: 1}
	all := complete()
	return []broken{
		{ruleChecksum, "one wrong checksum", hello(func(s []step) { s[4].o.badSum = true }), all},
		{ruleFlags, "SYN with FIN", hello(func(s []step) { s[0].f |= fin }), all},
		{ruleFlags, "no control bit", hello(func(s []step) { s[3].f = psh }), all},
		{ruleFlags, "a reserved bit", hello(func(s []step) { s[3].o.reserved = 4 }), all},
		{ruleAckFlag, "a FIN without ACK", hello(func(s []step) { s[3].f = fin }), all},
		{ruleSYNSequence, "another SYN in an open connection", then(hello(func(s []step) {}),
			step{ms: 5, from: server, f: syn | ack, seq: 700, ack: 6}), all},
		{ruleBeforeSYN, "the server has data but no SYN", []step{
			{ms: 0, from: client, f: syn}, {ms: 1, from: server, f: ack, seq: 1, ack: 1, data: "x"}}, all},
		{rulePastFIN, "data after the FIN", then(open(),
			step{ms: 3, from: client, f: fin | ack, seq: 1, ack: 1}, step{ms: 4, from: client, f: psh | ack, seq: 2, ack: 1, data: "x"}), all},
		{rulePastFIN, "the FIN moves", then(open(),
			step{ms: 3, from: client, f: fin | ack, seq: 1, ack: 1, o: lost}, step{ms: 1004, from: client, f: fin | ack, seq: 2, ack: 1}), all},
		{rulePastFIN, "the FIN is before data", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: fin | ack, seq: 3, ack: 1}), all},
		{ruleGap, "a byte is left out and never sent", then(open(),
			step{ms: 3, from: client, f: psh | ack, seq: 2, ack: 1, data: "x"}, step{ms: 4, from: server, f: ack, seq: 1, ack: 1},
			step{ms: 20000, from: server, f: ack, seq: 0, ack: 1}), all},
		{ruleSequence, "an ACK beyond SND.NXT", hello(func(s []step) { s[4].seq = 2 }), all},
		{ruleEmpty, "a keep-alive two bytes back", then(hello(func(s []step) {}),
			step{ms: 5000, from: client, f: ack, seq: 4, ack: 1}), all},
		{ruleAckIdle, "a keep-alive at SND.NXT", then(hello(func(s []step) {}),
			step{ms: 5000, from: server, f: ack, seq: 1, ack: 6}), all},
		{ruleAckAtOnce, "a gap that is not reported", then(open(),
			step{ms: 3, from: server, f: ack, seq: 1, ack: 1},
			step{ms: 4, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello", o: lost},
			step{ms: 4, from: client, f: psh | ack, seq: 6, ack: 1, data: "world"},
			step{ms: 50, from: server, f: ack, seq: 1, ack: 1, o: opts{sack: [][2]int{{6, 11}}}}), all},
		{ruleChallenge, "a blind reset without an answer", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: rst, seq: 50}, step{ms: 600, from: server, f: ack, seq: 0, ack: 6}), all},
		{ruleTSRecent, "an echo of what came out of order", then(open(),
			step{ms: 3, from: server, f: ack, seq: 1, ack: 1},
			step{ms: 4, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello", o: lost},
			step{ms: 5, from: client, f: psh | ack, seq: 6, ack: 1, data: "world"},
			step{ms: 5, from: server, f: ack, seq: 1, ack: 1, o: opts{sack: [][2]int{{6, 11}}, tsecr: 1005}}), all},
		{ruleSameBytes, "one byte is another", then(open(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello", o: lost},
			step{ms: 203, from: client, f: psh | ack, seq: 1, ack: 1, data: "hellO"}), all},
		{ruleSameBytes, "the same in any capture", then(open(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello", o: lost},
			step{ms: 1203, from: client, f: psh | ack, seq: 3, ack: 1, data: "Llo and more"}), Options{}},
		{ruleAckBackwards, "an older acknowledgement", then(hello(func(s []step) {}),
			step{ms: 5, from: server, f: ack, seq: 1, ack: 5}), all},
		{ruleAckUnsent, "an acknowledgement of what comes later", hello(func(s []step) { s[4].ack = 7 }), all},
		{ruleAckUnarrived, "an acknowledgement of what was lost", hello(func(s []step) { s[3].o = lost }), all},
		{ruleAckDelay, "an answer after 600 ms", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: psh | ack, seq: 6, ack: 1, data: "x"}, step{ms: 606, from: server, f: ack, seq: 1, ack: 7}), all},
		{ruleAckSecond, "four full segments without an answer", then(then(then(open(), step{ms: 3, from: server, f: ack, seq: 1, ack: 1}), flight(2, opts{})...),
			step{ms: 11, from: client, f: ack, seq: 2001, ack: 1, data: full}, step{ms: 12, from: client, f: ack, seq: 3001, ack: 1, data: full},
			step{ms: 20, from: server, f: ack, seq: 1, ack: 4001}), all},
		{ruleFINAck, "silence in TIME-WAIT", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: fin | ack, seq: 6, ack: 1},
			step{ms: 6, from: server, f: fin | ack, seq: 1, ack: 7},
			step{ms: 7, from: client, f: ack, seq: 7, ack: 2, o: lost},
			step{ms: 206, from: server, f: fin | ack, seq: 1, ack: 7},
			step{ms: 1000, from: server, f: rst | ack, seq: 2, ack: 7}), all},
		{ruleWindow, "two bytes beyond the window", hello(func(s []step) {
			s[3].data, s[1].o.window, s[4].ack = "hello", 3, 6
		}), all},
		{ruleShrink, "the edge moves back", then(hello(func(s []step) {}),
			step{ms: 5, from: server, f: ack, seq: 1, ack: 6, o: opts{window: 900}}), all},
		{ruleSYNWindow, "a window that is scaled in the SYN too", hello(func(s []step) { s[1].o.window, s[4].o.window = 500, 500 }), all},
		{ruleSYNWindow, "a full window that is scaled in the SYN too", hello(func(s []step) { s[1].o.window = 0xffff >> 7 }), all},
		{ruleSYNWindow, "the same of the client", hello(func(s []step) { s[0].o.window, s[2].o.window = 500, 500 }), all},
		{ruleNagle, "small segments in a row", then(open(),
			step{ms: 3, from: client, f: ack, seq: 1, ack: 1, data: full}, step{ms: 3, from: client, f: ack, seq: 1001, ack: 1, data: "a"},
			step{ms: 4, from: client, f: psh | ack, seq: 1002, ack: 1, data: "b"}), all},
		{ruleMSS, "ten bytes too many", hello(func(s []step) { s[3].data, s[4].ack = full+full[:10], 1011 }), all},
		{ruleOption, "a length of zero", hello(func(s []step) { s[3].o = raw(3, 0, 0, 0) }), all},
		{ruleOption, "an MSS of three bytes", hello(func(s []step) { s[0].o = raw(2, 3, 1, 0) }), all},
		{ruleOption, "half a SACK block", hello(func(s []step) { s[4].o = raw(1, 1, 5, 6, 0, 0, 0, 0) }), all},
		{ruleOptionSYN, "an MSS in a later segment", hello(func(s []step) { s[3].o = raw(2, 4, 1, 0) }), all},
		{ruleOffered, "options that nobody asked for", hello(func(s []step) { s[0].o.plain = true }), all},
		{ruleScale, "a scale of 15", hello(func(s []step) { s[0].o = raw(3, 3, 15, 1) }), all},
		{ruleTimestamps, "one segment without", hello(func(s []step) { s[3].o.plain = true }), all},
		{ruleTimestamps, "timestamps that were not agreed on", hello(func(s []step) { s[1].o.plain = true }), all},
		{ruleTSEcr, "an echo of nothing", hello(func(s []step) { s[4].o.tsecr = 1002 + 500 }), all},
		{ruleTSVal, "time goes back", hello(func(s []step) { s[3].o.tsval = 900 }), all},
		{ruleSACKOffered, "SACK without permission", hello(func(s []step) {
			s[0].o = raw(1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0)
			s[1].o = raw(1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 3, 232)
			s[4].ack, s[4].o.sack = 1, [][2]int{{3, 6}}
		}), all},
		{ruleSACKUnsent, "a block of what was never sent", hello(func(s []step) { s[4].o.sack = [][2]int{{7, 9}} }), all},
		{ruleSACKArrived, "a block of what was lost", then(then(open(), flight(2, lost)...),
			step{ms: 11, from: server, f: ack, seq: 1, ack: 1, o: opts{sack: [][2]int{{1001, 2001}}}}), all},
		{ruleSACKBlock, "an empty block", hello(func(s []step) { s[4].o.sack = [][2]int{{3, 3}} }), all},
		{ruleSACKBlock, "blocks that overlap", then(then(open(), flight(4, opts{})[1:]...),
			step{ms: 11, from: server, f: ack, seq: 1, ack: 1, o: opts{sack: [][2]int{{1001, 2001}, {2001, 3001}, {2501, 4001}}}}), all},
		{ruleSACKBelow, "the second block is old", then(hello(func(s []step) {}),
			step{ms: 5, from: server, f: ack, seq: 1, ack: 6, o: opts{sack: [][2]int{{1, 3}, {2, 4}}}}), all},
		{ruleECNSetup, "ECT without agreement", hello(func(s []step) { s[3].o.ecn = 2 }), all},
		{ruleECNSetup, "an answer to no question", hello(func(s []step) { s[1].f |= ece }), all},
		{ruleECT, "an ECN-capable pure ACK", then(openECN(), step{ms: 3, from: client, f: ack, seq: 1, ack: 1, o: opts{ecn: 2}}), all},
		{ruleECT, "an ECN-capable retransmission", then(openECN(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 2, only: 1}},
			step{ms: 203, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 2}}), all},
		{ruleECE, "congestion is not echoed", then(openECN(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 3}},
			step{ms: 4, from: server, f: ack, seq: 1, ack: 2}), all},
		{ruleECE, "the echo ends without CWR", then(openECN(),
			step{ms: 3, from: server, f: ece | ack, seq: 1, ack: 1}, step{ms: 4, from: server, f: ack, seq: 1, ack: 1}), Options{Complete: true}},
		{ruleCWR, "CWR twice in a window", then(openECN(),
			step{ms: 3, from: client, f: cwr | psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 2}},
			step{ms: 3, from: client, f: cwr | psh | ack, seq: 2, ack: 1, data: "y", o: opts{ecn: 2}},
			step{ms: 4, from: server, f: ack, seq: 1, ack: 3}), all},
		{ruleReact, "ECE has no effect", then(openECN(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: opts{ecn: 3}},
			step{ms: 4, from: server, f: ece | ack, seq: 1, ack: 2},
			step{ms: 5, from: client, f: psh | ack, seq: 2, ack: 1, data: "y", o: opts{ecn: 2}},
			step{ms: 6, from: server, f: ece | ack, seq: 1, ack: 3}), all},
		{ruleUrgent, "the pointer goes back", then(open(),
			step{ms: 3, from: client, f: urg | psh | ack, seq: 1, ack: 1, data: "abc", o: opts{urgent: 30}},
			step{ms: 3, from: client, f: urg | psh | ack, seq: 4, ack: 1, data: "abc", o: opts{urgent: 3}},
			step{ms: 4, from: server, f: ack, seq: 1, ack: 7}), all},
		{ruleUrgentFlag, "a pointer without URG", hello(func(s []step) { s[3].o.urgent = 3 }), all},
		{ruleReset, "a reset at a guess", then(hello(func(s []step) {}), step{ms: 5, from: server, f: rst, seq: 70000}), all},
		{ruleBelieved, "a blind reset is believed", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: rst, seq: 9000000, o: opts{only: 2}},
			step{ms: 6, from: client, f: psh | ack, seq: 6, ack: 1, data: "x"},
			step{ms: 6, from: server, f: rst, seq: 1}), all},
		{ruleTimeWait, "a TIME-WAIT of nothing", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: fin | ack, seq: 6, ack: 1},
			step{ms: 6, from: server, f: fin | ack, seq: 1, ack: 7},
			step{ms: 7, from: client, f: ack, seq: 7, ack: 2, o: lost},
			step{ms: 206, from: server, f: fin | ack, seq: 1, ack: 7},
			step{ms: 207, from: client, f: rst, seq: 7}), all},
		{ruleAfterReset, "data after the reset", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: rst | ack, seq: 6, ack: 1}, step{ms: 6, from: client, f: psh | ack, seq: 6, ack: 1, data: "x"}), all},
		{ruleMinRTO, "again after 100 ms", then(open(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: lost},
			step{ms: 3, from: client, f: psh | ack, seq: 2, ack: 1, data: "y", o: lost},
			step{ms: 103, from: client, f: psh | ack, seq: 1, ack: 1, data: "x"},
			step{ms: 104, from: server, f: ack, seq: 1, ack: 2}), all},
		{ruleSYNRTO, "a SYN after 500 ms", then([]step{{ms: 0, from: client, f: syn, o: lost}},
			step{ms: 500, from: client, f: syn}, step{ms: 501, from: server, f: syn | ack, ack: 1}), all},
		{ruleBackoff, "no backoff", then(open(),
			step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: lost},
			step{ms: 203, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: lost},
			step{ms: 603, from: client, f: psh | ack, seq: 1, ack: 1, data: "x", o: lost},
			step{ms: 1003, from: client, f: psh | ack, seq: 1, ack: 1, data: "x"}), all},
		{ruleSYNBackoff, "no backoff of SYNs", []step{
			{ms: 0, from: client, f: syn, o: lost}, {ms: 1000, from: client, f: syn, o: lost},
			{ms: 2000, from: client, f: syn, o: lost}, {ms: 3000, from: client, f: syn, o: lost}}, all},
		{ruleLossWindow, "everything again after a timeout", then(then(open(), flight(5, lost)...),
			func() (s []step) {
				for _, st := range flight(5, lost) {
					st.ms = 210
					s = append(s, st)
				}
				return s
			}()...), all},
		{ruleInitial, "eleven segments at once", then(open(), flight(11, lost)...), all},
		{ruleSlowStart, "a window that triples", then(then(then(open(), flight(2, opts{})...),
			step{ms: 11, from: server, f: ack, seq: 1, ack: 2001}), func() []step {
			s := flight(16, lost)[2:]
			for i := range s {
				s[i].ms = 12
			}
			return s
		}()...), all},
		{ruleCloseAnswer, "a FIN is lost and forgotten", then(hello(func(s []step) {}),
			step{ms: 5, from: client, f: fin | ack, seq: 6, ack: 1, o: lost},
			step{ms: 30000, from: server, f: ack, seq: 0, ack: 6}), all},
	}
}

// Every rule is broken by at least one trace, in which nothing else is found.
func TestEveryRuleIsHeld(t *testing.T) {
	tested := make(map[string]bool)
	for _, b := range traces() {
		tested[b.rule.Name] = true
		r := newScene(b.given).play(b.steps)
		found := false
		for _, f := range r.Findings {
			if f.Rule == b.rule.Name {
				found = true
				if f.Section == "" || f.Text == "" || f.Packet == 0 || f.Severity != b.rule.Severity {
					t.Errorf("%s, %s: an incomplete finding: %+v", b.rule.Name, b.what, f)
				}
			} else if !strings.Contains(besides[b.what], f.Rule) {
				t.Errorf("%s, %s: besides it is found %v", b.rule.Name, b.what, f)
			}
		}
		if !found {
			t.Errorf("%s, %s: not found; the judge says\n%s", b.rule.Name, b.what, text(r))
		}
	}
	for _, r := range Rules() {
		if !tested[r.Name] {
			t.Errorf("no trace breaks the rule %s", r.Name)
		}
		if r.About == "" || !strings.HasPrefix(r.Section, "RFC ") {
			t.Errorf("the rule %s does not say what it is, or where it stands", r.Name)
		}
	}
}

// The traces that are broken are good if what is wrong is not.
func TestTheTracesAreGoodOtherwise(t *testing.T) {
	clean(t, "hello", newScene(complete()).play(hello(func([]step) {})))
	clean(t, "ten segments", newScene(complete()).play(then(open(), flight(10, opts{only: 1})...)))
}
