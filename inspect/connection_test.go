package inspect

import (
	"testing"
	"time"

	"septet/header"
)

const (
	syn = header.SYN
	ack = header.ACK
	fin = header.FIN
	rst = header.RST
	psh = header.PSH
)

// RFC 9293, figures 6 and 12.
func TestHandshakeAndFourWayClose(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.play([]step{
		{client(psh|ack, 1, 1, "hello\n"), stateEstablished, stateEstablished, ""},
		{server(ack, 1, 7, ""), stateEstablished, stateEstablished, ""},
		{server(psh|ack, 1, 7, "hello\n"), stateEstablished, stateEstablished, ""},
		{client(ack, 7, 7, ""), stateEstablished, stateEstablished, ""},
		{client(fin|ack, 7, 7, ""), stateFinWait1, stateCloseWait, ""},
		{server(ack, 7, 8, ""), stateFinWait2, stateCloseWait, ""},
		{server(fin|ack, 7, 8, ""), stateTimeWait, stateLastAck, ""},
		{client(ack, 8, 8, ""), stateTimeWait, stateClosed, ""},
	})
	got := s.summary()
	if got.Opened != Handshake || got.Closed != FourWay || got.ClosedBy != 0 {
		t.Errorf("opened by %v, closed by %q; want a three-way handshake and a four-way close, the client first", got.Opened, got.ClosedText())
	}
	if got.Bytes != [2]int64{6, 6} || got.Segments != [2]int{6, 5} || got.Retransmits != [2]int{0, 0} {
		t.Errorf("bytes %v, segments %v, again %v; want [6 6], [6 5], [0 0]", got.Bytes, got.Segments, got.Retransmits)
	}
	if got.Ends != [2]string{"pc1:49152", "www:80"} || got.Duration != 10*time.Millisecond {
		t.Errorf("ends %v, duration %v; want pc1:49152, www:80, 10ms", got.Ends, got.Duration)
	}
}

func TestFourWayCloseByTheServerInThreeSegments(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.play([]step{
		{server(fin|ack, 1, 1, ""), stateCloseWait, stateFinWait1, ""},
		{client(fin|ack, 1, 2, ""), stateLastAck, stateTimeWait, ""},
		{server(ack, 2, 2, ""), stateClosed, stateTimeWait, ""},
	})
	if got := s.summary(); got.ClosedText() != "four-way close in three segments, www:80 first" {
		t.Errorf("closed: %q", got.ClosedText())
	}
}

// RFC 9293, figure 7.
func TestSimultaneousOpen(t *testing.T) {
	s := newScene(t)
	s.play([]step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{server(syn, 0, 0, ""), stateSynReceived, stateSynSent, ""},
		{client(syn|ack, 0, 1, ""), stateSynReceived, stateEstablished, ""},
		{server(syn|ack, 0, 1, ""), stateEstablished, stateEstablished, ""},
	})
	if got := s.summary(); got.Opened != SimultaneousOpen || got.Closed != StillOpen {
		t.Errorf("opened by %v, %q; want a simultaneous open, still open", got.Opened, got.ClosedText())
	}
}

// RFC 9293, figure 13: both FINs are under way at the same time.
func TestSimultaneousClose(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.play([]step{
		{client(fin|ack, 1, 1, ""), stateFinWait1, stateCloseWait, ""},
		{server(fin|ack, 1, 1, ""), stateClosing, stateFinWait1, ""},
		{client(ack, 2, 2, ""), stateClosing, stateTimeWait, ""},
		{server(ack, 2, 2, ""), stateTimeWait, stateTimeWait, ""},
	})
	if got := s.summary(); got.Closed != SimultaneousClose || got.ClosedBy != -1 {
		t.Errorf("closed: %q, want simultaneous close", got.ClosedText())
	}
}

func TestHalfCloseAndLateData(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.play([]step{
		{client(fin|ack, 1, 1, ""), stateFinWait1, stateCloseWait, ""},
		{server(ack, 1, 2, ""), stateFinWait2, stateCloseWait, ""},
		{server(psh|ack, 1, 2, "late"), stateFinWait2, stateCloseWait, ""},
	})
	if got := s.summary(); got.ClosedText() != "half closed by pc1:49152" || got.Bytes[1] != 4 {
		t.Errorf("%q with %d bytes from the server, want half closed by pc1:49152 and 4", got.ClosedText(), got.Bytes[1])
	}
}

func TestRefusedAndUnanswered(t *testing.T) {
	s := newScene(t)
	s.play([]step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{server(rst|ack, 0, 1, ""), stateClosed, stateClosed, ""},
	})
	if got := s.summary(); got.Opened != Refused || got.ClosedText() != "never open" {
		t.Errorf("%v, %q; want refused, never open", got.Opened, got.ClosedText())
	}
	s = newScene(t)
	s.play([]step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, "retransmission"},
	})
	if got := s.summary(); got.Opened != NoAnswer || got.Retransmits[0] != 1 {
		t.Errorf("%v with %d retransmissions, want no answer with 1", got.Opened, got.Retransmits[0])
	}
}

// A reset that does not acknowledge the SYN is no answer to it, and one outside
// the window changes nothing (RFC 9293, section 3.10.7).
func TestResets(t *testing.T) {
	s := newScene(t)
	s.play([]step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{server(rst|ack, 0, 77, ""), stateSynSent, stateSynReceived, "reset outside the window: ignored"},
	})
	s = newScene(t)
	s.play(handshake())
	s.play([]step{
		{client(rst, 100000, 0, ""), stateEstablished, stateEstablished, "reset outside the window: ignored"},
		{client(rst, 1, 0, ""), stateClosed, stateClosed, ""},
	})
	if got := s.summary(); got.ClosedText() != "reset by pc1:49152" {
		t.Errorf("closed: %q, want reset by pc1:49152", got.ClosedText())
	}
}

// The SYN-ACK and the last ACK are lost: what the ends send again shows where
// they really are.
func TestStatesAreCorrectedByWhatIsSentAgain(t *testing.T) {
	s := newScene(t)
	s.play([]step{
		{client(syn, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{server(syn|ack, 0, 1, ""), stateEstablished, stateSynReceived, ""},
		{client(syn, 0, 0, ""), stateSynSent, stateSynReceived, "retransmission"},
		{server(syn|ack, 0, 1, ""), stateEstablished, stateSynReceived, "retransmission"},
		{client(ack, 1, 1, ""), stateEstablished, stateEstablished, ""},
		{server(syn|ack, 0, 1, ""), stateEstablished, stateSynReceived, "retransmission"},
	})
	last, _ := s.feed(client(ack, 1, 1, ""))
	if last.Right.State != stateEstablished {
		t.Errorf("the server is in %s, the client's ACK takes it to ESTABLISHED", last.Right.State)
	}
	s.play([]step{
		{client(fin|ack, 1, 1, ""), stateFinWait1, stateCloseWait, ""},
		{server(psh|ack, 1, 1, "data"), stateFinWait1, stateEstablished, ""},
		{client(ack, 2, 5, ""), stateFinWait1, stateCloseWait, ""},
		{client(fin|ack, 1, 5, ""), stateFinWait1, stateCloseWait, "retransmission"},
		{server(ack, 5, 2, ""), stateFinWait2, stateCloseWait, ""},
	})
}

func TestRemarksOnLoss(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	e := stateEstablished
	s.play([]step{
		{client(psh|ack, 1, 1, "aaaa"), e, e, ""},
		{client(psh|ack, 5, 1, "bbbb"), e, e, ""},
		{server(ack, 1, 1, ""), e, e, "duplicate ack #1"},
		{server(ack, 1, 1, ""), e, e, "duplicate ack #2"},
		{server(ack, 1, 1, ""), e, e, "duplicate ack #3"},
		{client(psh|ack, 1, 1, "aaaa"), e, e, "fast retransmission"},
		{server(ack, 1, 9, ""), e, e, ""},
		{client(psh|ack, 5, 1, "bbbb"), e, e, "retransmission"},
		{client(psh|ack, 13, 1, "dddd"), e, e, "after a gap of 4 bytes"},
		{client(psh|ack, 9, 1, "cccc"), e, e, "out of order"},
		{client(psh|ack, 15, 1, "ddeeff"), e, e, "retransmission"},
	})
	got := s.summary()
	if got.Bytes[0] != 20 || got.Retransmits[0] != 3 {
		t.Errorf("%d bytes, %d retransmissions; the client sent 20 different bytes and 3 segments again", got.Bytes[0], got.Retransmits[0])
	}
	if n := s.tracker.Counts().Retransmits; n != 3 {
		t.Errorf("the tracker counts %d retransmissions, want 3", n)
	}
}

func window(frame []byte, size uint16) []byte {
	h := header.TCP{}
	segment := frame[header.EthernetLen+header.IPv4Len:]
	if _, err := header.ParseTCP(segment, &h); err != nil {
		panic(err)
	}
	h.Window = size
	src, dst := pc1Port, wwwPort
	if h.SrcPort == wwwPort.Port() {
		src, dst = dst, src
	}
	return tcpFrame(src, dst, h, string(segment[h.Len():]))
}

func TestRemarksOnWindows(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	e := stateEstablished
	s.play([]step{
		{client(psh|ack, 1, 1, "aaaa"), e, e, ""},
		{window(server(ack, 1, 5, ""), 0), e, e, "zero window"},
		{client(ack, 4, 1, ""), e, e, "zero-window probe"}, // as Linux does it
		{window(server(ack, 1, 5, ""), 0), e, e, "answer to the probe, zero window"},
		{client(ack, 5, 1, "b"), e, e, "zero-window probe"}, // as RFC 9293 has it
		{window(server(ack, 1, 5, ""), 0), e, e, "answer to the probe, zero window"},
		{window(server(ack, 1, 5, ""), 9000), e, e, "window update"},
		{client(psh|ack, 5, 1, "bbbb"), e, e, "retransmission"},
		{server(ack, 1, 9, ""), e, e, ""},
		{client(ack, 8, 1, ""), e, e, "keep-alive"},
		{server(ack, 1, 9, ""), e, e, "answer to the probe"},
	})
	if got := s.summary(); got.Bytes[0] != 8 {
		t.Errorf("%d bytes from the client, want 8: probes carry no bytes of their own", got.Bytes[0])
	}
}

func TestScaledWindowAndOptions(t *testing.T) {
	s := newScene(t)
	options := header.TCPOptions{HasMSS: true, MSS: 1460, HasWindowScale: true, WindowScale: 7, SACKPermitted: true, HasTimestamps: true, TSVal: 1}
	texts := []string{
		"SYN seq 0 win 64240 mss 1460 ws 7 sackOK ts",
		"SYN, ACK seq 0 ack 1 win 65160 mss 1460 ws 7 sackOK ts",
		"ACK seq 1 ack 1 win 64256",
		"ACK seq 1 ack 1 win 64000 sack 5-9",
	}
	frames := [][]byte{
		tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Seq: clientISN, Window: 64240, Options: options}, ""),
		tcpFrame(wwwPort, pc1Port, header.TCP{Flags: syn | ack, Seq: serverISN, Ack: clientISN + 1, Window: 65160, Options: options}, ""),
		tcpFrame(pc1Port, wwwPort, header.TCP{Flags: ack, Seq: clientISN + 1, Ack: serverISN + 1, Window: 502}, ""),
		tcpFrame(wwwPort, pc1Port, header.TCP{Flags: ack, Seq: serverISN + 1, Ack: clientISN + 1, Window: 500,
			Options: header.TCPOptions{NumSACK: 1, SACK: [4]header.SACKBlock{{Left: clientISN.Add(5), Right: clientISN.Add(9)}}}}, ""),
	}
	for i, frame := range frames {
		if line, _ := s.feed(frame); line.Text != texts[i] {
			t.Errorf("line %d is %q, want %q", i+1, line.Text, texts[i])
		}
	}
}

// One segment twice with the same IP identification: no end sent it again.
func TestDuplicatesOfAWire(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	e := stateEstablished
	data := client(psh|ack, 1, 1, "data")
	s.play([]step{
		{data, e, e, ""},
		{data, e, e, "duplicated on the way"},
		{client(psh|ack, 1, 1, "data"), e, e, "retransmission"},
	})
	if got := s.summary(); got.Retransmits[0] != 1 || got.Segments[0] != 4 {
		t.Errorf("%d segments, %d sent again; want 4 and 1", got.Segments[0], got.Retransmits[0])
	}
}

// Some stacks give all packets one identification: what differs is no duplicate.
func TestOneIdentificationForAllPackets(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	e := stateEstablished
	nextID = 41
	first := client(ack, 1, 1, "")
	nextID = 41
	s.play([]step{{first, e, e, ""}, {client(psh|ack, 1, 1, "data"), e, e, ""}})
	if got := s.summary(); got.Bytes[0] != 4 {
		t.Errorf("%d bytes of data, want 4", got.Bytes[0])
	}
}
