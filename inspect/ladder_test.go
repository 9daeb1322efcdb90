package inspect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"septet/header"
)

// ends feeds what became of a frame.
func (s *scene) ends(wire int, frame []byte, fate Fate) Line {
	line, ok := s.tracker.Feed(Frame{Time: Epoch.Add(s.now), Interface: wire, LinkType: LinkEthernet, Data: frame, Fate: fate})
	if !ok {
		s.t.Error("what became of a frame gives no line")
	}
	return line
}

func wireName(number int) string { return fmt.Sprintf("w%d", number) }

// drawn prints lines as the ladder of a lab does.
func drawn(t *testing.T, width int, lines ...Line) string {
	t.Helper()
	var out bytes.Buffer
	l := NewLadder(&out, Style{})
	l.Moments = true
	l.Width = func() int { return width }
	for _, line := range lines {
		if err := l.Print(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Nothing that is lost moves the other end on, until it is sent again.
func TestLossIsTakenBack(t *testing.T) {
	s := newScene(t)
	s.tracker.Wire = wireName
	synFrame := client(syn, 0, 0, "")
	s.feed(synFrame)
	if line := s.ends(1, synFrame, Lost); !line.Lost || line.Left.State != stateSynSent || line.Right.State != stateUnknown ||
		joinNotes(line.Notes) != "lost on w1" || !strings.Contains(line.Text, "SYN seq 0") {
		t.Errorf("a SYN that is lost gives %+v; want SYN-SENT, nothing of the server, lost on w1", line)
	}
	handshake := []step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, "retransmission"},
		{server(syn|ack, 0, 1, ""), stateEstablished, stateSynReceived, ""},
	}
	s.play(handshake)
	last := client(ack, 1, 1, "")
	s.play([]step{{last, stateEstablished, stateEstablished, ""}})
	if line := s.ends(0, last, Lost); line.Right.State != stateSynReceived {
		t.Errorf("without the handshake's last ACK the server is in %s, want SYN-RECEIVED", line.Right.State)
	}
	data := client(psh|ack, 1, 1, "x")
	s.play([]step{
		{data, stateEstablished, stateEstablished, ""}, // its ACK does as well
		{server(ack, 1, 2, ""), stateEstablished, stateEstablished, ""},
	})
	finFrame := client(fin|ack, 2, 1, "")
	s.play([]step{{finFrame, stateFinWait1, stateCloseWait, ""}})
	if line := s.ends(2, finFrame, Lost); line.Left.State != stateFinWait1 || line.Right.State != stateEstablished {
		t.Errorf("after a FIN that is lost the ends are in %s and %s, want FIN-WAIT-1 and ESTABLISHED", line.Left.State, line.Right.State)
	}
	s.play([]step{
		{client(ack, 3, 1, ""), stateFinWait1, stateEstablished, ""}, // after the FIN, but without it
		{client(fin|ack, 2, 1, ""), stateFinWait1, stateCloseWait, "retransmission"},
	})
}

// What the other end has said it has, no loss takes away: the lost one was a
// second copy.
func TestOwnWordsCountForMore(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	finFrame := client(fin|ack, 1, 1, "")
	s.play([]step{
		{finFrame, stateFinWait1, stateCloseWait, ""},
		{server(ack, 1, 2, ""), stateFinWait2, stateCloseWait, ""},
	})
	if line := s.ends(1, finFrame, Lost); line.Right.State != stateCloseWait {
		t.Errorf("the server has acknowledged the FIN and is in %s, want CLOSE-WAIT", line.Right.State)
	}
}

// A transmitter that refuses a frame is the first that is heard of it.
func TestRefusedFrames(t *testing.T) {
	s := newScene(t)
	s.tracker.Wire = wireName
	for fate, note := range map[Fate]string{QueueFull: "dropped: queue full on w3", TooLong: "dropped: longer than the MTU on w3"} {
		frame := udpFrame(pc1Port, wwwPort, note)
		if line := s.ends(3, frame, fate); !line.Lost || joinNotes(line.Notes) != note || line.Left.Name != "pc1:49152" {
			t.Errorf("a frame that is refused gives %+v, want %q", line, note)
		}
	}
	if n := s.tracker.Counts(); n.Datagrams != 2 || n.UDP != 1 {
		t.Errorf("%d datagrams in %d conversations; both were sent, want 2 in 1", n.Datagrams, n.UDP)
	}
}

// In the moment of sending the arrow itself shows the loss; later a second one
// does. What a switch floods is lost for one receiver only.
func TestLadderShowsLosses(t *testing.T) {
	s := newScene(t)
	s.tracker.Wire = wireName
	s.play(handshake())
	first, second := client(fin|ack, 1, 1, ""), client(fin|ack, 1, 1, "")
	a, _ := s.feed(first)
	b := s.ends(1, first, Lost)
	c, _ := s.feed(second)
	s.now += time.Millisecond
	d := s.ends(1, second, Lost)
	lines := strings.Split(drawn(t, 0, a, b, c, d), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "✗ www:80          ESTABLISHED   lost on w1") ||
		!strings.Contains(lines[1], "▶ www:80          CLOSE-WAIT    retransmission") ||
		!strings.Contains(lines[2], "✗ www:80          ESTABLISHED   lost on w1") {
		t.Errorf("want one crossed arrow, one that arrives so far, and its loss:\n%s", strings.Join(lines, "\n"))
	}
	question := arpFrame(header.ARP{Operation: 1, SenderMAC: macA, SenderIP: pc1, TargetIP: pc2})
	for i := range 6 {
		question[i] = 0xff
	}
	e, _ := s.feed(question)
	f := s.ends(5, question, Lost)
	if got := drawn(t, 0, e, f); strings.Count(got, "\n") != 2 || strings.Count(got, "✗") != 1 {
		t.Errorf("a broadcast lost on one of several wires should remain, and have a loss below:\n%s", got)
	}
	g, _ := s.feed(server(ack, 1, 1, ""))
	g.Lost = true
	if got := drawn(t, 0, g); !strings.Contains(got, "✗── ACK seq 1 ack 1") {
		t.Errorf("from right to left the cross is on the left:\n%s", got)
	}
}

// Whatever the terminal's width, no line is longer, and what matters is there.
func TestLadderFitsTheTerminal(t *testing.T) {
	s := newScene(t)
	s.tracker.Wire = wireName
	var lines []Line
	for _, st := range handshake() {
		line, _ := s.feed(st.frame)
		lines = append(lines, line)
	}
	frame := client(psh|ack, 1, 1, "x")
	line, _ := s.feed(frame)
	lines = append(lines, line, s.ends(1, frame, Lost))
	for _, width := range []int{20, 80, 100, fullWidth, 140, 200} {
		for _, l := range strings.Split(drawn(t, width, lines...), "\n") {
			if n := columns(l); n > width {
				t.Errorf("on %d columns a line has %d: %s", width, n, l)
			}
		}
	}
	want := "   0.001 pc1:49152 → www:80  SYN seq 0  SYN-SENT\n" +
		"   0.002 pc1:49152 ← www:80  SYN, ACK seq 0 ack 1  ESTABLISHED SYN-RECEIVED\n" +
		"   0.003 pc1:49152 → www:80  ACK seq 1 ack 1  ESTABLISHED\n" +
		"   0.004 pc1:49152 ─✗ www:80  lost on w1  PSH, ACK seq 1 ack 1 len 1  ESTABLISH…\n"
	if got := drawn(t, 80, lines...); got != want {
		t.Errorf("on 80 columns got\n%s\nwant\n%s", got, want)
	}
}

func TestLongLabelsDoNotWidenTheLadderForGood(t *testing.T) {
	s := newScene(t)
	short, _ := s.feed(udpFrame(pc1Port, wwwPort, "x"))
	long := short
	long.Left.Name, long.Text = strings.Repeat("n", 38), strings.Repeat("t", 70)
	lines := []Line{short, long}
	for range 2 * patience {
		lines = append(lines, short)
	}
	all := strings.Split(strings.TrimSpace(drawn(t, 0, lines...)), "\n")
	if got, want := strings.TrimSpace(all[len(all)-1]), strings.TrimSpace(all[0]); got != want {
		t.Errorf("%d lines after a long one the ladder is still\n%s\nwant\n%s", 2*patience, got, want)
	}
}

// A packet between two routers that send it to each other comes by again and
// again, with a lower TTL each time.
func TestPacketsThatGoRound(t *testing.T) {
	s := newScene(t)
	s.tracker.Wire = wireName
	for name, frame := range map[string][]byte{
		"UDP": udpFrame(pc1Port, wwwPort, "round"), "TCP": tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Seq: 1}, ""),
	} {
		var lines []Line
		for n := range 64 {
			s.now += time.Millisecond
			if line, ok := s.at(0, hops(frame, n)); ok {
				lines = append(lines, line)
			}
		}
		got := drawn(t, 0, lines...)
		if strings.Count(got, "\n") != 3 || !strings.Contains(got, "again on w0, TTL 63\n") || !strings.Contains(got, "… 62 more, TTL 62 to 1\n") {
			t.Errorf("%s: 64 sightings of a packet that goes round give\n%s\nwant one line, one with the TTL, and a count of 62", name, got)
		}
	}
	if all := s.tracker.Summaries(); len(all) != 1 || all[0].Segments[0] != 1 || all[0].Retransmits[0] != 0 {
		t.Errorf("one SYN went round: %+v", all)
	}
}
