package inspect

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/header"
)

// Hosts of the tests: pc1 and pc2 on one network, www behind a router.
var (
	pc1 = netip.MustParseAddr("10.0.0.1")
	pc2 = netip.MustParseAddr("10.0.0.2")
	www = netip.MustParseAddr("10.0.1.80")

	pc1Port = netip.AddrPortFrom(pc1, 49152)
	wwwPort = netip.AddrPortFrom(www, 80)
)

func testName(a netip.Addr) string {
	switch a {
	case pc1:
		return "pc1"
	case pc2:
		return "pc2"
	case www:
		return "www"
	}
	return ""
}

var macA, macB = header.MAC{2, 0, 0, 0, 0, 1}, header.MAC{2, 0, 0, 0, 0, 2}

func ethernet(kind header.EtherType, payload []byte) []byte {
	b := make([]byte, header.EthernetLen, header.EthernetLen+len(payload))
	h := header.Ethernet{Dst: macB, Src: macA, Type: kind}
	h.Put(b)
	return append(b, payload...)
}

var nextID uint16

func ipv4Packet(src, dst netip.Addr, p header.Protocol, payload []byte) []byte {
	nextID++
	h := header.IPv4{
		TotalLength: header.IPv4Len + len(payload), ID: nextID, DontFragment: true, TTL: 64,
		Protocol: p, Src: src, Dst: dst,
	}
	b := make([]byte, header.IPv4Len, h.TotalLength)
	h.Put(b)
	return append(b, payload...)
}

func tcpFrame(src, dst netip.AddrPort, h header.TCP, payload string) []byte {
	h.SrcPort, h.DstPort, h.Checksum = src.Port(), dst.Port(), 0
	b := make([]byte, h.Len(), h.Len()+len(payload))
	h.Put(b)
	b = append(b, payload...)
	sum := header.Checksum(b, header.PseudoSum(src.Addr(), dst.Addr(), header.ProtocolTCP, len(b)))
	binary.BigEndian.PutUint16(b[16:], ^sum)
	return ethernet(header.EtherTypeIPv4, ipv4Packet(src.Addr(), dst.Addr(), header.ProtocolTCP, b))
}

func udpFrame(src, dst netip.AddrPort, payload string) []byte {
	h := header.UDP{SrcPort: src.Port(), DstPort: dst.Port(), Length: header.UDPLen + len(payload)}
	b := make([]byte, header.UDPLen, h.Length)
	h.Put(b)
	b = append(b, payload...)
	sum := header.Checksum(b, header.PseudoSum(src.Addr(), dst.Addr(), header.ProtocolUDP, len(b)))
	binary.BigEndian.PutUint16(b[6:], ^sum)
	return ethernet(header.EtherTypeIPv4, ipv4Packet(src.Addr(), dst.Addr(), header.ProtocolUDP, b))
}

func icmpFrame(src, dst netip.Addr, h header.ICMP, payload []byte) []byte {
	b := make([]byte, header.ICMPLen, header.ICMPLen+len(payload))
	h.Put(b)
	b = append(b, payload...)
	header.SetICMPChecksum(b)
	return ethernet(header.EtherTypeIPv4, ipv4Packet(src, dst, header.ProtocolICMP, b))
}

func arpFrame(h header.ARP) []byte {
	b := make([]byte, 46) // padded to the least payload of an Ethernet frame
	h.Put(b)
	return ethernet(header.EtherTypeARP, b)
}

// scene feeds a tracker with the frames of a connection from pc1 to www.
type scene struct {
	t       testing.TB
	tracker *Tracker
	now     time.Duration
	wire    int
}

func newScene(t testing.TB) *scene {
	return &scene{t: t, tracker: &Tracker{Name: testName, Origin: Epoch}}
}

func (s *scene) feed(frame []byte) (Line, bool) {
	s.now += time.Millisecond
	return s.at(s.wire, frame)
}

func (s *scene) at(wire int, frame []byte) (Line, bool) {
	return s.tracker.Feed(Frame{Time: Epoch.Add(s.now), Interface: wire, LinkType: LinkEthernet, Data: frame})
}

// Initial sequence numbers, the client's so close to the end that it wraps.
const (
	clientISN header.Seq = 0xfffffffa
	serverISN header.Seq = 5000
)

// client and server make segments with relative numbers.
func client(flags header.TCPFlags, seq, ack int, payload string) []byte {
	h := header.TCP{Flags: flags, Seq: clientISN.Add(seq), Window: 64240}
	if flags.Has(header.ACK) {
		h.Ack = serverISN.Add(ack)
	}
	return tcpFrame(pc1Port, wwwPort, h, payload)
}

func server(flags header.TCPFlags, seq, ack int, payload string) []byte {
	h := header.TCP{Flags: flags, Seq: serverISN.Add(seq), Window: 65160}
	if flags.Has(header.ACK) {
		h.Ack = clientISN.Add(ack)
	}
	return tcpFrame(wwwPort, pc1Port, h, payload)
}

// step is a frame, and what its line must say.
type step struct {
	frame       []byte
	left, right string // states
	notes       string
}

func (s *scene) play(steps []step) {
	s.t.Helper()
	for i, st := range steps {
		line, ok := s.feed(st.frame)
		if !ok {
			s.t.Fatalf("step %d gives no line", i+1)
		}
		if line.Left.State != st.left || line.Right.State != st.right {
			s.t.Errorf("step %d, %q: states %s and %s, want %s and %s",
				i+1, line.Text, line.Left.State, line.Right.State, st.left, st.right)
		}
		if got := joinNotes(line.Notes); got != st.notes {
			s.t.Errorf("step %d, %q: remarks %q, want %q", i+1, line.Text, got, st.notes)
		}
	}
}

func joinNotes(notes []string) string {
	text := ""
	for i, n := range notes {
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return text
}

func (s *scene) summary() Summary {
	s.t.Helper()
	all := s.tracker.Summaries()
	if len(all) != 1 {
		s.t.Fatalf("%d connections, want 1", len(all))
	}
	return all[0]
}

// handshake opens the connection as RFC 9293, figure 6, shows it.
func handshake() []step {
	return []step{
		{client(header.SYN, 0, 0, ""), stateSynSent, stateUnknown, ""},
		{server(header.SYN|header.ACK, 0, 1, ""), stateEstablished, stateSynReceived, ""},
		{client(header.ACK, 1, 1, ""), stateEstablished, stateEstablished, ""},
	}
}
