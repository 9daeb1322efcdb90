package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"septet/header"
)

// agreeWithOracle compares a tree with what gopacket reads in the same frame.
// Only frames that both find well-formed are compared: in the others each may
// stop where it likes.
func agreeWithOracle(t *testing.T, p *Packet) {
	t.Helper()
	if p.LinkType != LinkEthernet || p.Malformed() != nil {
		return
	}
	g := gopacket.NewPacket(p.Frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	if g.ErrorLayer() != nil {
		return
	}
	a := agreement{t: t, p: p}
	for _, l := range g.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			if l.EthernetType == layers.EthernetTypeLLC {
				return
			}
			a.same("Ethernet II", "source", l.SrcMAC, true)
			a.same("Ethernet II", "destination", l.DstMAC, true)
			a.same("Ethernet II", "type", fmt.Sprintf("0x%04x", uint16(l.EthernetType)), false)
		case *layers.IPv4:
			if !a.ipv4(l) {
				return
			}
		case *layers.TCP:
			a.tcp(l)
			return
		case *layers.UDP:
			a.same("UDP", "source port", uint16(l.SrcPort), true)
			a.same("UDP", "destination port", uint16(l.DstPort), true)
			a.same("UDP", "length", l.Length, true)
			return
		case *layers.ICMPv4:
			a.same("ICMP", "type", l.TypeCode.Type(), false)
			a.same("ICMP", "code", l.TypeCode.Code(), false)
			return
		case *layers.ARP:
			a.same("ARP", "opcode", l.Operation, false)
			return
		default:
			return // VLAN tags and IPv6 may nest; the first of each name is compared only without them
		}
	}
}

type agreement struct {
	t *testing.T
	p *Packet
}

// same compares one value. Where ours has a name in front, the number stands in
// it in brackets.
func (a *agreement) same(layer, field string, value any, exact bool) {
	a.t.Helper()
	f := a.p.Layer(layer).Field(field)
	if f == nil {
		a.t.Errorf("%s has no %q, gopacket reads %v in % x", layer, field, value, a.p.Frame)
		return
	}
	want, got := fmt.Sprint(value), f.Value
	switch {
	case got == want:
	case strings.HasPrefix(got, want+" "):
	case !exact && strings.HasSuffix(got, "("+want+")"):
	default:
		a.t.Errorf("%s, %s is %q, gopacket reads %q in % x", layer, field, got, want, a.p.Frame)
	}
}

func (a *agreement) ipv4(l *layers.IPv4) bool {
	a.same("IPv4", "identification", fmt.Sprintf("0x%04x", l.Id), true)
	a.same("IPv4", "time to live", l.TTL, true)
	a.same("IPv4", "protocol", uint8(l.Protocol), false)
	a.same("IPv4", "fragment offset", int(l.FragOffset)*8, true)
	a.same("IPv4", "source address", l.SrcIP, true)
	a.same("IPv4", "destination address", l.DstIP, true)
	a.same("IPv4", "IHL", l.IHL, true)
	return l.FragOffset == 0
}

func (a *agreement) tcp(l *layers.TCP) {
	a.same("TCP", "source port", uint16(l.SrcPort), true)
	a.same("TCP", "destination port", uint16(l.DstPort), true)
	a.same("TCP", "sequence number", l.Seq, true)
	a.same("TCP", "acknowledgment number", l.Ack, true)
	a.same("TCP", "window", l.Window, true)
	a.same("TCP", "urgent pointer", l.Urgent, true)
	a.same("TCP", "checksum", fmt.Sprintf("0x%04x", l.Checksum), true)
	var flags header.TCPFlags
	for i, set := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK, l.URG, l.ECE, l.CWR} {
		if set {
			flags |= 1 << i
		}
	}
	if flags != 0 {
		a.same("TCP", "control bits", flags, true)
	}
	for _, o := range l.Options {
		if o.OptionType == layers.TCPOptionKindMSS && o.OptionLength == 4 {
			a.same("TCP", "maximum segment size", be.Uint16(o.OptionData), true)
			return // a second one would be compared with the first
		}
	}
}

func TestOracleAgreesOnRealFrames(t *testing.T) {
	frames := readAll(t, "testdata/loopback.pcap")
	if len(frames) != 34 {
		t.Fatalf("%d frames, tcpdump wrote 34", len(frames))
	}
	for _, f := range frames {
		p := Dissect(f.LinkType, f.Data)
		checkTree(t, p)
		if bad := p.Malformed(); bad != nil {
			t.Errorf("a real frame is called malformed: %+v", bad)
		}
		agreeWithOracle(t, p)
	}
}
