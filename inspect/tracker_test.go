package inspect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"septet/header"
)

// A capture of a whole lab has each frame once per wire.
func TestFramesOnSeveralWiresCountOnce(t *testing.T) {
	s := newScene(t)
	cross := func(frame []byte, wires ...int) {
		for i, wire := range wires {
			s.now += time.Millisecond
			// Routers take one off the TTL and correct the checksum.
			if _, ok := s.at(wire, hops(frame, i)); ok != (i == 0) {
				t.Errorf("sighting %d of a frame gives a line: %v; only the first may", i+1, ok)
			}
		}
	}
	there, back := []int{0, 1, 2}, []int{2, 1, 0}
	for i, st := range handshake() {
		if i == 1 {
			cross(st.frame, back...)
		} else {
			cross(st.frame, there...)
		}
	}
	cross(client(psh|ack, 1, 1, "lost on the way"), 0)
	s.now += time.Second
	cross(client(psh|ack, 1, 1, "lost on the way"), there...)
	cross(server(ack, 1, 16, ""), back...)
	cross(udpFrame(netip.AddrPortFrom(pc1, 4000), netip.AddrPortFrom(www, 9), "datagram"), there...)
	cross(icmpFrame(pc1, www, header.ICMP{Type: 8, Rest: 1<<16 | 1}, []byte("ping")), there...)
	cross(arpFrame(header.ARP{Operation: 1, SenderMAC: macA, SenderIP: pc1, TargetIP: pc2}), 0, 1, 3, 4)

	got := s.summary()
	if got.Segments != [2]int{4, 2} || got.Retransmits[0] != 1 || got.Bytes[0] != 15 {
		t.Errorf("segments %v, again %d, bytes %d; want [4 2], 1, 15", got.Segments, got.Retransmits[0], got.Bytes[0])
	}
	if n := s.tracker.Counts(); n.TCP != 1 || n.UDP != 1 || n.Datagrams != 1 {
		t.Errorf("%d TCP and %d UDP conversations, %d datagrams; want one each", n.TCP, n.UDP, n.Datagrams)
	}
}

// A provider's tag around a customer's (IEEE 802.1ad) hides nothing.
func TestTwoVLANTags(t *testing.T) {
	s := newScene(t)
	for i, st := range handshake() {
		tags := []byte{0x88, 0xa8, 0, 100, 0x81, 0, 0, 42}
		frame := append(append(bytes.Clone(st.frame[:12]), tags...), st.frame[12:]...)
		if _, ok := s.feed(frame); !ok {
			t.Errorf("frame %d gives no line", i+1)
		}
	}
	if n := s.tracker.Counts(); n.TCP != 1 {
		t.Errorf("%d TCP connections, want 1", n.TCP)
	}
}

func hops(frame []byte, n int) []byte {
	b := bytes.Clone(frame)
	if b[12] != 8 || b[13] != 0 {
		return b
	}
	ip := b[header.EthernetLen:]
	ip[8] -= byte(n)
	ip[10], ip[11] = 0, 0
	be.PutUint16(ip[10:], ^header.Checksum(ip[:header.IPv4Len], 0))
	return b
}

// The same datagram sent twice is two, on however many wires it is seen.
func TestEqualDatagramsAreNotCopies(t *testing.T) {
	s := newScene(t)
	frame := udpFrame(netip.AddrPortFrom(pc1, 4000), netip.AddrPortFrom(pc2, 9), "same")
	for range 3 {
		for wire := range 2 {
			s.now += time.Millisecond
			s.at(wire, frame)
		}
	}
	if n := s.tracker.Counts(); n.Datagrams != 3 || n.Copies != 3 {
		t.Errorf("%d datagrams, %d copies; want 3 and 3", n.Datagrams, n.Copies)
	}
}

// When the way changes, the sender's segments are found on their new wire.
func TestObservationMovesWithTheWay(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.wire = 7
	line, ok := s.feed(client(psh|ack, 1, 1, "by another way"))
	if !ok || !strings.Contains(line.Text, "len 14") {
		t.Errorf("new data on another wire gives %q, %v; it cannot be a copy", line.Text, ok)
	}
	if _, ok := s.at(0, client(psh|ack, 1, 1, "by another way")); ok {
		t.Error("and where it was watched before it is a copy")
	}
}

func TestPortsUsedAgain(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	s.play([]step{{client(rst, 1, 0, ""), stateClosed, stateClosed, ""}})
	again := tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Seq: clientISN.Add(1000000)}, "")
	line, _ := s.feed(again)
	if line.Conversation != 2 || line.Left.State != stateSynSent || joinNotes(line.Notes) != "the ports are used again" {
		t.Errorf("a SYN with another ISN: connection %d, %s, %q; want a second connection", line.Conversation, line.Left.State, line.Notes)
	}
	s.feed(again)
	if n := s.tracker.Counts().TCP; n != 2 {
		t.Errorf("%d connections after the SYN was sent again, want 2", n)
	}
	if all := s.tracker.Summaries(); len(all) != 2 || !all[1].PortsReused || all[0].PortsReused {
		t.Errorf("summaries: %+v", all)
	}
}

func TestSeenMidway(t *testing.T) {
	s := newScene(t)
	e := stateEstablished
	s.play([]step{
		{server(psh|ack, 1000, 500, "from the middle"), e, e, ""},
		{client(ack, 500, 1015, ""), e, e, ""},
		{client(psh|ack, 700, 1015, "x"), e, e, "after a gap of 200 bytes"},
	})
	if got := s.summary(); got.Opened != SeenMidway || got.Ends[0] != "pc1:49152" || got.Closed != StillOpen {
		t.Errorf("%v, client %s, %q; want seen midway, the client being the end with the higher port", got.Opened, got.Ends[0], got.ClosedText())
	}
}

func TestDamagedFramesChangeNothing(t *testing.T) {
	s := newScene(t)
	s.play(handshake())
	damaged := client(fin|ack, 1, 1, "payload")
	damaged[len(damaged)-1] ^= 1
	line, ok := s.feed(damaged)
	if !ok || line.Left.State != stateEstablished || !strings.Contains(joinNotes(line.Notes), "bad checksum") {
		t.Errorf("a damaged FIN: %v, %s, %q; it must be shown, and change no state", ok, line.Left.State, line.Notes)
	}
	port := client(psh|ack, 1, 1, "payload")
	port[header.EthernetLen+header.IPv4Len] ^= 0x10
	s.feed(port)
	head := client(psh|ack, 1, 1, "payload")
	head[header.EthernetLen+15] ^= 1
	s.feed(head)
	got := s.summary() // one connection still
	if got.Damaged != 1 || got.Bytes[0] != 0 || s.tracker.Counts().Damaged != 3 {
		t.Errorf("damaged %d, bytes %d, in all %d; want 1, 0, 3", got.Damaged, got.Bytes[0], s.tracker.Counts().Damaged)
	}
}

// Where every checksum of a sender is wrong, its network card does them.
func TestWrongChecksumsOfAnOffloadingSender(t *testing.T) {
	s := newScene(t)
	for _, st := range handshake() {
		st.frame[header.EthernetLen+header.IPv4Len+16] ^= 0x55
		s.play([]step{st})
	}
	if got := s.summary(); got.Opened != Handshake || got.Damaged != 0 {
		t.Errorf("%v, %d damaged; want a handshake, none damaged", got.Opened, got.Damaged)
	}
}

func TestOtherLines(t *testing.T) {
	query := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x03lab\x00\x00\x01\x00\x01"
	udp := udpFrame(netip.AddrPortFrom(pc1, 4000), netip.AddrPortFrom(www, 9), "x")
	tests := []struct {
		frame       []byte
		left, right string
		back        bool
		text        string
	}{
		{udp, "pc1:4000", "www:9", false, "UDP len 1"},
		{udpFrame(netip.AddrPortFrom(www, 9), netip.AddrPortFrom(pc1, 4000), "yz"), "pc1:4000", "www:9", true, "UDP len 2"},
		{udpFrame(netip.AddrPortFrom(pc1, 4001), netip.AddrPortFrom(www, 53), query), "pc1:4001", "www:53", false, "DNS query: www.lab. A (1)"},
		{icmpFrame(pc1, www, header.ICMP{Type: 8, Rest: 7<<16 | 3}, []byte("abc")), "pc1", "www", false, "ICMP echo request id 7 seq 3 len 3"},
		{icmpFrame(www, pc1, header.ICMP{Type: 0, Rest: 7<<16 | 3}, []byte("abc")), "pc1", "www", true, "ICMP echo reply id 7 seq 3 len 3"},
		{icmpFrame(www, pc1, header.ICMP{Type: 3, Code: 3}, udp[header.EthernetLen:]), "pc1", "www", true, "ICMP port unreachable, about UDP pc1:4000 to www:9"},
		{icmpFrame(pc2, pc1, header.ICMP{Type: 11}, udp[header.EthernetLen:]), "pc1", "pc2", true, "ICMP TTL exceeded in transit, about UDP pc1:4000 to www:9"},
		{arpFrame(header.ARP{Operation: 1, SenderMAC: macA, SenderIP: pc1, TargetIP: pc2}), "pc1", "pc2", false, "ARP who has 10.0.0.2? tell 10.0.0.1"},
		{arpFrame(header.ARP{Operation: 2, SenderMAC: macB, SenderIP: pc2, TargetMAC: macA, TargetIP: pc1}), "pc1", "pc2", true, "ARP 10.0.0.2 is at 02:00:00:00:00:02"},
		{ethernet(header.EtherTypeIPv4, ipv4Packet(pc1, pc2, 89, []byte("hello"))), "pc1", "pc2", false, "OSPF len 5"},
	}
	s := newScene(t)
	for _, c := range tests {
		line, ok := s.feed(c.frame)
		if !ok || line.Text != c.text || line.Left.Name != c.left || line.Right.Name != c.right || line.RightToLeft != c.back {
			t.Errorf("%v: %s, %s, to the left %v: %q\nwant %s, %s, %v: %q", ok, line.Left.Name, line.Right.Name,
				line.RightToLeft, line.Text, c.left, c.right, c.back, c.text)
		}
	}
}

// The columns are those of the documentation.
func TestLadder(t *testing.T) {
	s := newScene(t)
	var out bytes.Buffer
	l := NewLadder(&out, Style{})
	for _, st := range handshake() {
		line, _ := s.feed(st.frame)
		if err := l.Print(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `    0.001000  pc1:49152       SYN-SENT     ─── SYN seq 0 win 64240 ───────────────────────────────▶ www:80
    0.002000  pc1:49152       ESTABLISHED  ◀── SYN, ACK seq 0 ack 1 win 65160 ───────────────────── www:80          SYN-RECEIVED
    0.003000  pc1:49152       ESTABLISHED  ─── ACK seq 1 ack 1 win 64240 ─────────────────────────▶ www:80          ESTABLISHED
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := s.tracker.WriteSummaries(&out, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"1 TCP connection\n", "pc1:49152", "three-way handshake", "still open"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the summary lacks %q:\n%s", part, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the plain style marks nothing")
	}
}

func TestMemoryIsCapped(t *testing.T) {
	tracker := &Tracker{MaxConversations: 10}
	open := tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Seq: 1}, "")
	tracker.Feed(Frame{LinkType: LinkEthernet, Data: open})
	for i := range 5000 {
		port := netip.AddrPortFrom(pc1, uint16(1024+i))
		tracker.Feed(Frame{LinkType: LinkEthernet, Data: tcpFrame(port, wwwPort, header.TCP{Flags: syn, Seq: 1}, "")})
		tracker.Feed(Frame{LinkType: LinkEthernet, Data: tcpFrame(wwwPort, port, header.TCP{Flags: rst | ack, Ack: 2}, "")})
		tracker.Feed(Frame{LinkType: LinkEthernet, Data: udpFrame(port, wwwPort, fmt.Sprint(i))})
	}
	n := tracker.Counts()
	if n.TCP != 5001 || n.UDP != 5000 || n.Forgotten != 10001-10 {
		t.Errorf("%+v; want 5001 and 5000 counted, and all but 10 forgotten", n)
	}
	if len(tracker.tcp)+len(tracker.udp) != 10 || len(tracker.copies.seen) > maxCopies {
		t.Errorf("%d and %d conversations, %d fingerprints kept", len(tracker.tcp), len(tracker.udp), len(tracker.copies.seen))
	}
	if all := tracker.Summaries(); len(all) == 0 || all[0].Opened != NoAnswer {
		t.Error("the connection that is not over must outlive those that are")
	}
}
