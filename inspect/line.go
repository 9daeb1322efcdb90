package inspect

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"septet/header"
)

// Kind says what a line of the ladder is about.
type Kind uint8

// Values of Kind.
const (
	KindOther Kind = iota
	KindTCP
	KindUDP
	KindICMP
	KindARP
)

// Line is one step of the ladder: somebody sends something to somebody.
type Line struct {
	Kind         Kind
	Conversation int           // TCP and UDP count theirs from 1, each for itself; 0 for none
	Time         time.Duration // since Tracker.Origin
	Interface    int           // on which the frame was seen
	Left, Right  Side          // the client, or whoever spoke first, is on the left
	RightToLeft  bool          // the right side sends
	Text         string        // what is sent
	Notes        []string      // what is remarkable about it
	Lost         bool          // it does not arrive; Notes say where it ended
	TTL          int           // of the IP packet on this wire
	Round        bool          // it has been on this wire before, with a higher TTL

	packet uint64 // the same for all lines about one packet
	group  bool   // its frame is for several stations
	before string // the state of the end it is sent to, before it
}

// Side is one end of a line.
type Side struct {
	Name  string // "pc1:49152", or without a port where there is none
	State string // of a TCP connection's end once the segment has arrived
}

func portText(p uint16) string { return strconv.Itoa(int(p)) }

func flagText(f header.TCPFlags) string {
	if f == 0 {
		return "no flags"
	}
	return f.String()
}

// text says what is in a segment: flags, relative numbers, length, the window in
// bytes where its scale is known, and the options of a SYN.
func (c *connection) text(dir int, s *segment) string {
	e, peer := &c.ends[dir], &c.ends[1-dir]
	var b strings.Builder
	fmt.Fprintf(&b, "%s seq %d", flagText(s.Flags), uint32(s.Seq-e.base))
	if s.Flags.Has(header.ACK) {
		fmt.Fprintf(&b, " ack %d", uint32(s.Ack-peer.base))
	}
	if s.length > 0 {
		fmt.Fprintf(&b, " len %d", s.length)
	}
	window := int(s.Window)
	if !s.Flags.Has(header.SYN) && e.scaled && peer.scaled {
		window <<= e.scale
	}
	if !s.Flags.Has(header.RST) {
		fmt.Fprintf(&b, " win %d", window)
	}
	if s.Flags.Has(header.SYN) {
		synOptions(&b, &s.Options)
	}
	for _, block := range s.Options.SACK[:s.Options.NumSACK] {
		fmt.Fprintf(&b, " sack %d-%d", uint32(block.Left-peer.base), uint32(block.Right-peer.base))
	}
	return b.String()
}

func synOptions(b *strings.Builder, o *header.TCPOptions) {
	if o.HasMSS {
		fmt.Fprintf(b, " mss %d", o.MSS)
	}
	if o.HasWindowScale {
		fmt.Fprintf(b, " ws %d", o.WindowScale)
	}
	if o.SACKPermitted {
		b.WriteString(" sackOK")
	}
	if o.HasTimestamps {
		b.WriteString(" ts")
	}
}

func datagramText(h *header.UDP, payload []byte, length int) string {
	text := "UDP len " + strconv.Itoa(length)
	if h.SrcPort != 53 && h.DstPort != 53 {
		return text
	}
	p := &Packet{Frame: payload}
	d := &dissection{packet: p}
	if !d.dns(region{0, len(payload)}, false) {
		return text
	}
	flags, question := p.Layers[0].Field("flags"), p.Layers[0].Field("question")
	if flags == nil || question == nil {
		return text
	}
	return fmt.Sprintf("DNS %s: %s", flags.Value, question.Value)
}

func (t *Tracker) feedARP(line *Line, s *sighting) bool {
	if !t.fresh(line, s) {
		return false
	}
	a := s.arp
	sender, target := Side{Name: t.name(a.SenderIP)}, Side{Name: t.name(a.TargetIP)}
	line.Kind, line.Left, line.Right = KindARP, sender, target
	switch {
	case a.SenderIP.IsUnspecified():
		line.Left.Name = a.SenderMAC.String()
		line.Text = "ARP probe: is anybody " + a.TargetIP.String() + "?" // RFC 5227
	case a.SenderIP == a.TargetIP:
		line.Text = fmt.Sprintf("ARP announcement: %v is at %v", a.SenderIP, a.SenderMAC)
	case a.Operation == header.ARPRequest:
		line.Text = fmt.Sprintf("ARP who has %v? tell %v", a.TargetIP, a.SenderIP)
	case a.Operation == header.ARPReply:
		line.Left, line.Right, line.RightToLeft = target, sender, true
		line.Text = fmt.Sprintf("ARP %v is at %v", a.SenderIP, a.SenderMAC)
	default:
		line.Text = fmt.Sprintf("ARP operation %d", a.Operation)
	}
	return true
}

func (t *Tracker) feedICMP(line *Line, s *sighting, v6 bool) bool {
	if len(s.payload) < header.ICMPLen {
		return t.feedOther(line, s)
	}
	if !t.fresh(line, s) {
		return false
	}
	kind, code := s.payload[0], s.payload[1]
	line.Kind = KindICMP
	line.Left, line.Right = Side{Name: t.name(s.src)}, Side{Name: t.name(s.dst)}
	answer := func() { line.Left, line.Right, line.RightToLeft = line.Right, line.Left, true }
	types, codes, proto := icmpTypes, icmpCodes, "ICMP"
	isError := isICMPError(kind)
	request, reply := header.ICMPEchoRequest, header.ICMPEchoReply
	if v6 {
		types, codes, proto = icmpv6Types, icmpv6Codes, "ICMPv6"
		isError = kind < 128
		request, reply = 128, 129
	}
	what := types[kind]
	if what == "" {
		what = fmt.Sprintf("type %d", kind)
	}
	switch {
	case kind == request || kind == reply:
		line.Text = fmt.Sprintf("%s %s id %d seq %d len %d", proto, what,
			be.Uint16(s.payload[4:]), be.Uint16(s.payload[6:]), s.length-header.ICMPLen)
		if kind == reply {
			answer()
		}
	case isError:
		answer()
		if c := icmpCode(codes, kind, code); c != "" {
			what = c
		}
		line.Text = fmt.Sprintf("%s %s, about %s", proto, what, t.about(s.payload[header.ICMPLen:]))
	case v6 && t.groupText(line, s) || v6 && t.ndText(line, s):
	default:
		line.Text = proto + " " + what
		// Neighbour discovery and MLD, which are not whole.
		if v6 && kind >= header.ICMPv6ListenerQuery && icmpv6Types[kind] != "" && !s.cut() {
			line.Notes = append(line.Notes, "malformed")
		}
	}
	if s.verdict(2) == Bad {
		t.counts.Damaged++
		line.Notes = append(line.Notes, "bad checksum")
	}
	return true
}

// about names the packet that an ICMP error quotes.
func (t *Tracker) about(quoted []byte) string {
	var s sighting
	if !s.ip(quoted) {
		return "an unreadable packet"
	}
	proto := protocolNames[s.protocol]
	if proto == "" {
		proto = fmt.Sprintf("protocol %d", s.protocol)
	}
	if (s.protocol == header.ProtocolTCP || s.protocol == header.ProtocolUDP) && len(s.payload) >= 4 && s.offset == 0 {
		src := netip.AddrPortFrom(s.src, be.Uint16(s.payload))
		dst := netip.AddrPortFrom(s.dst, be.Uint16(s.payload[2:]))
		return fmt.Sprintf("%s %s to %s", proto, t.end(src), t.end(dst))
	}
	return fmt.Sprintf("%s %s to %s", proto, t.name(s.src), t.name(s.dst))
}

// feedOther is for packets of which no more can be said than what IP carries.
func (t *Tracker) feedOther(line *Line, s *sighting) bool {
	if !t.fresh(line, s) {
		return false
	}
	line.Left, line.Right = Side{Name: t.name(s.src)}, Side{Name: t.name(s.dst)}
	proto := protocolNames[s.protocol]
	if proto == "" {
		proto = fmt.Sprintf("protocol %d", s.protocol)
	}
	line.Text = fmt.Sprintf("%s len %d", proto, s.length)
	if s.offset > 0 {
		line.Text = fmt.Sprintf("%s fragment at %d len %d", proto, s.offset, s.length)
		if !s.more {
			line.Notes = append(line.Notes, "last fragment")
		}
	}
	if s.damaged {
		if s.fate == Sent {
			t.counts.Damaged++
		}
		line.Notes = append(line.Notes, "bad IP header checksum: whoever receives it drops it")
	} else if s.protocol == header.ProtocolTCP || s.protocol == header.ProtocolUDP {
		if s.offset == 0 {
			line.Notes = append(line.Notes, "malformed")
		}
	}
	return true
}
