package inspect

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/netip"
	"strings"
	"testing"

	"septet/header"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A SYN that tcpdump took from a Linux loopback.
const linuxSYN = `
	000000000000 000000000000 0800
	45 00 003c 8568 4000 40 06 b751 7f000001 7f000001
	8fee 49c8 3b9f1260 00000000 a0 02 ffd7 fe30 0000
	0204ffd7 0402 080afa35054100000000 01 03030a`

// checkTree holds what every tree promises: layers and fields are inside what
// they are part of, and layers do not overlap.
func checkTree(t testing.TB, p *Packet) {
	t.Helper()
	end := 0
	for _, l := range p.Layers {
		if l.Start < end || l.End < l.Start || l.End > len(p.Frame) {
			t.Fatalf("layer %s has bytes %d to %d, the one before ends at %d, the frame at %d", l.Name, l.Start, l.End, end, len(p.Frame))
		}
		end = l.End
		if l.Place.OSI.Number == 0 || l.Place.Five.Number == 0 || l.Place.Four.Number == 0 {
			t.Fatalf("layer %s has no place in the models", l.Name)
		}
		checkFields(t, p, l.Name, l.Fields, l.Start, len(p.Frame))
	}
}

func checkFields(t testing.TB, p *Packet, of string, fields []Field, start, end int) {
	t.Helper()
	for _, f := range fields {
		if f.Start < start || f.End > end || f.End < f.Start || f.Name == "" {
			t.Fatalf("%s: field %q has bytes %d to %d, outside %d to %d", of, f.Name, f.Start, f.End, start, end)
		}
		if f.Bits < 0 || f.Bit < 0 || f.Bits > 0 && (f.Bit+f.Bits+7)/8 != f.End-f.Start {
			t.Fatalf("%s: field %q has bits %d to %d of %d bytes", of, f.Name, f.Bit, f.Bit+f.Bits, f.End-f.Start)
		}
		checkFields(t, p, of+", "+f.Name, f.Fields, f.Start, f.End)
	}
}

// want is a field of a layer.
type want struct {
	layer, field, value string
	start, end          int
}

func checkFieldsOf(t *testing.T, p *Packet, wants []want) {
	t.Helper()
	for _, w := range wants {
		f := p.Layer(w.layer).Field(w.field)
		if f == nil {
			t.Errorf("%s has no field %q", w.layer, w.field)
			continue
		}
		if f.Value != w.value || f.Start != w.start || f.End != w.end {
			t.Errorf("%s, %s: %q in bytes %d to %d, want %q in %d to %d", w.layer, w.field, f.Value, f.Start, f.End, w.value, w.start, w.end)
		}
	}
}

func layerNames(p *Packet) string {
	var names []string
	for _, l := range p.Layers {
		name := l.Name
		if l.Quoted {
			name = "(" + name + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestDissectTCP(t *testing.T) {
	p := Dissect(LinkEthernet, unhex(t, linuxSYN))
	checkTree(t, p)
	if got := layerNames(p); got != "Ethernet II IPv4 TCP" {
		t.Fatalf("layers: %s", got)
	}
	checkFieldsOf(t, p, []want{ // the values are tshark's
		{"Ethernet II", "type", "IPv4 (0x0800)", 12, 14},
		{"IPv4", "IHL", "5 (20 bytes)", 14, 15},
		{"IPv4", "total length", "60", 16, 18},
		{"IPv4", "identification", "0x8568", 18, 20},
		{"IPv4", "don't fragment", "set", 20, 21},
		{"IPv4", "time to live", "64", 22, 23},
		{"IPv4", "header checksum", "0xb751 (good)", 24, 26},
		{"IPv4", "source address", "127.0.0.1", 26, 30},
		{"TCP", "source port", "36846", 34, 36},
		{"TCP", "sequence number", "1000280672", 38, 42},
		{"TCP", "control bits", "SYN", 47, 48},
		{"TCP", "window", "65495", 48, 50},
		{"TCP", "checksum", "0xfe30 (left to the network card, which makes it 0x28d2)", 50, 52},
		{"TCP", "maximum segment size", "65495", 54, 58},
		{"TCP", "SACK permitted", "", 58, 60},
		{"TCP", "timestamps", "TSval 4197778753, TSecr 0", 60, 70},
		{"TCP", "window scale", "10 (times 1024)", 71, 74},
	})
	f := p.Layer("IPv4").Field("fragment offset")
	if f.Bit != 3 || f.Bits != 13 {
		t.Errorf("the fragment offset is %d bits from bit %d, want 13 from bit 3 (RFC 791)", f.Bits, f.Bit)
	}
	// RFC 1122, section 1.1.3, and ISO/IEC 7498-1.
	tcp := p.Layer("TCP").Place
	if tcp.OSI.String() != "4 Transport" || tcp.Five.String() != "4 Transport" || tcp.Four.String() != "3 Transport" {
		t.Errorf("TCP stands at %v", tcp)
	}
}

func TestChecksumsAreJudged(t *testing.T) {
	good := udpFrame(netip.AddrPortFrom(pc1, 1), netip.AddrPortFrom(pc2, 2), "odd")
	change := func(at int, to ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], to)
		return b
	}
	field := Dissect(LinkEthernet, good).Layer("UDP").Field("checksum")
	expected := strings.Fields(field.Value)[0]
	tests := []struct {
		name  string
		frame []byte
		layer string
		check Check
		text  string
	}{
		{"as sent", good, "UDP", Good, "good"},
		{"a byte of payload changed", change(44, 'X'), "UDP", Bad, "bad, expected"},
		{"the checksum changed", change(40, 0x12, 0x34), "UDP", Bad, "expected " + expected},
		{"none", change(40, 0, 0), "UDP", Absent, "none"},
		{"cut", good[:43], "UDP", Unverifiable, "9 of 11 bytes"},
		{"the IP header changed", change(22, 1), "IPv4", Bad, "bad"},
	}
	for _, c := range tests {
		p := Dissect(LinkEthernet, c.frame)
		checkTree(t, p)
		name := "checksum"
		if c.layer == "IPv4" {
			name = "header checksum"
		}
		f := p.Layer(c.layer).Field(name)
		if f.Check != c.check || !strings.Contains(f.Value, c.text) {
			t.Errorf("%s: %q, judged %d; want %d and %q", c.name, f.Value, f.Check, c.check, c.text)
		}
	}
	if bad := Dissect(LinkEthernet, change(44, 'X')).BadChecksums(); len(bad) != 1 {
		t.Errorf("%d bad checksums, want 1", len(bad))
	}
}

// A segment on its way by a source route is for the last address of the route, which its
// checksum covers (RFC 9293, section 3.1), and not for the next hop.
func TestDissectSourceRoute(t *testing.T) {
	segment := header.TCP{SrcPort: 1000, DstPort: 80, Flags: syn}
	whole := tcpFrame(netip.AddrPortFrom(pc1, 1000), netip.AddrPortFrom(www, 80), segment, "")
	h := header.IPv4{
		TTL: 64, Protocol: header.ProtocolTCP, Src: pc1, Dst: pc2, Options: append([]byte{131, 11, 8, 10, 9, 9, 9}, append(www.AsSlice(), 0)...),
	}
	text := whole[header.EthernetLen+header.IPv4Len:]
	h.TotalLength = h.Len() + len(text)
	b := make([]byte, h.Len())
	h.Put(b)
	p := Dissect(LinkRaw, append(b, text...))
	checkTree(t, p)
	if f := p.Layer("TCP").Field("checksum"); f.Check != Good {
		t.Errorf("the checksum is %q, must be right for the route's last address", f.Value)
	}
	options := p.Layer("IPv4").Field("options")
	if want := "10.9.9.9, >>" + www.String(); options.Fields[0].Name != "loose source route" || options.Fields[0].Value != want {
		t.Errorf("the option is %s %q, must be loose source route %q", options.Fields[0].Name, options.Fields[0].Value, want)
	}
}

func TestDissectLayers(t *testing.T) {
	udp := udpFrame(netip.AddrPortFrom(pc1, 1), netip.AddrPortFrom(pc2, 2), "data")
	ip := udp[header.EthernetLen:]
	vlan := append(append(bytes.Clone(udp[:12]), 0x81, 0, 0x60, 0x2a), udp[12:]...)
	ping6 := unhex(t, `6000 0000 000c 3a 40 20010db8000000000000000000000001 20010db8000000000000000000000002
		80 00 0000 0001 0002 61626364`)
	fragment := bytes.Clone(ip)
	fragment[6] = 0x00
	fragment[7] = 0x10
	tests := []struct {
		name   string
		link   LinkType
		frame  []byte
		layers string
	}{
		{"UDP", LinkEthernet, udp, "Ethernet II IPv4 UDP Data"},
		{"padding", LinkEthernet, append(bytes.Clone(udp), 0, 0, 0), "Ethernet II IPv4 UDP Data Ethernet padding"},
		{"VLAN", LinkEthernet, vlan, "Ethernet II 802.1Q IPv4 UDP Data"},
		{"ARP", LinkEthernet, arpFrame(header.ARP{Operation: 1, SenderIP: pc1, TargetIP: pc2}), "Ethernet II ARP Ethernet padding"},
		{"raw", LinkRaw, ip, "IPv4 UDP Data"},
		{"raw, another number", LinkRaw12, ip, "IPv4 UDP Data"},
		{"loopback of BSD", LinkNull, append([]byte{2, 0, 0, 0}, ip...), "Loopback IPv4 UDP Data"},
		{"loopback, big-endian", LinkNull, append([]byte{0, 0, 0, 2}, ip...), "Loopback IPv4 UDP Data"},
		{"raw IPv6", LinkRaw, ping6, "IPv6 ICMPv6 Data"},
		{"later fragment", LinkRaw, fragment, "IPv4 Data"},
		{"ICMP error", LinkEthernet, icmpFrame(pc2, pc1, header.ICMP{Type: 3, Code: 3}, ip[:28]), "Ethernet II IPv4 ICMP (IPv4) (UDP)"},
		{"HTTP", LinkEthernet, tcpFrame(pc1Port, wwwPort, header.TCP{Flags: psh | ack}, "GET / HTTP/1.1\r\nHost: www\r\n\r\nbody"),
			"Ethernet II IPv4 TCP HTTP Data"},
		{"HTTP on another port", LinkEthernet, tcpFrame(pc1Port, netip.AddrPortFrom(www, 9999), header.TCP{Flags: ack}, "HTTP/1.1 200 OK\r\n"),
			"Ethernet II IPv4 TCP HTTP"},
		{"unknown link type", 9999, []byte{1, 2, 3}, "Data"},
		{"empty", LinkEthernet, nil, "Ethernet II"},
	}
	for _, c := range tests {
		p := Dissect(c.link, c.frame)
		checkTree(t, p)
		if got := layerNames(p); got != c.layers {
			t.Errorf("%s: %s, want %s", c.name, got, c.layers)
		}
	}
}

func TestMalformedIsSaid(t *testing.T) {
	tcp := func(change func(b []byte)) []byte {
		b := tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Options: header.TCPOptions{HasMSS: true, MSS: 1460}}, "")
		change(b)
		return b
	}
	tests := []struct {
		name  string
		frame []byte
		why   string
	}{
		{"nothing", nil, "0 bytes are here, the header needs 14"},
		{"half an IP header", tcp(func([]byte) {})[:24], "10 bytes are here, the header needs 20"},
		{"version", tcp(func(b []byte) { b[14] = 0x55 }), "version 5 where 4 should be"},
		{"IHL", tcp(func(b []byte) { b[14] = 0x44 }), "header length below 20"},
		{"total length", tcp(func(b []byte) { b[16], b[17] = 0, 19 }), "total length below the header's"},
		{"data offset", tcp(func(b []byte) { b[46] = 0x40 }), "data offset below 20"},
		{"option length", tcp(func(b []byte) { b[55] = 1 }), "option 2 has an illegal length"},
	}
	for _, c := range tests {
		p := Dissect(LinkEthernet, c.frame)
		checkTree(t, p)
		bad := p.Malformed()
		if len(bad) != 1 || !strings.Contains(bad[0].Value, c.why) {
			t.Errorf("%s: %+v, want one that says %q", c.name, bad, c.why)
		}
	}
	if bad := Dissect(LinkEthernet, tcp(func([]byte) {})).Malformed(); bad != nil {
		t.Errorf("a good segment is called malformed: %+v", bad)
	}
}

func TestDissectDNS(t *testing.T) {
	// An answer as in RFC 1035, section 4.1.4: the second name points back.
	answer := unhex(t, `1234 8180 0001 0002 0000 0000
		03777777 036c6162 00 0001 0001
		c00c 0005 0001 0000003c 0005 0268 31 c0 10
		c025 0001 0001 0000003c 0004 0a000150`)
	p := Dissect(LinkEthernet, udpFrame(netip.AddrPortFrom(www, 53), netip.AddrPortFrom(pc1, 4000), string(answer)))
	checkTree(t, p)
	if bad := p.Malformed(); bad != nil {
		t.Fatalf("malformed: %+v", bad)
	}
	checkFieldsOf(t, p, []want{
		{"DNS", "identifier", "0x1234", 42, 44},
		{"DNS", "flags", "response, no error", 44, 46},
		{"DNS", "question", "www.lab. A (1)", 54, 67},
	})
	var answers []string
	for _, f := range p.Layer("DNS").Fields {
		if f.Name == "answer" {
			answers = append(answers, f.Value)
		}
	}
	if got := strings.Join(answers, "; "); got != "www.lab. CNAME (5) h1.lab.; h1.lab. A (1) 10.0.1.80" {
		t.Errorf("answers: %s", got)
	}
	loop := unhex(t, "1234 0100 0001 0000 0000 0000 c00c 0001 0001")
	p = Dissect(LinkEthernet, udpFrame(netip.AddrPortFrom(pc1, 4000), netip.AddrPortFrom(www, 53), string(loop)))
	if bad := p.Malformed(); len(bad) != 1 || !strings.Contains(bad[0].Value, "does not end") {
		t.Errorf("a name that points to itself: %+v", bad)
	}
}

func TestRendering(t *testing.T) {
	p := Dissect(LinkEthernet, unhex(t, linuxSYN))
	var layers, raw, coloured bytes.Buffer
	if err := WriteLayers(&layers, p, Style{}); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(&raw, p, Style{}); err != nil {
		t.Fatal(err)
	}
	WriteLayers(&coloured, p, Colour)
	for _, line := range []string{
		"IPv4                bytes 14-33    OSI 3 Network · five-layer 3 Network · TCP/IP 2 Internet\n",
		"    time to live         64\n",
		"        don't fragment   set\n",
	} {
		if !strings.Contains(layers.String(), line) {
			t.Errorf("--layers lacks %q:\n%s", line, layers.String())
		}
	}
	for _, line := range []string{
		"0000  00 00 00 00 00 00 00 00  00 00 00 00 08 00 45 00  ..............E.\n",
		"  0014 bit 1            .1.. ....                   don't fragment     set\n",
		"  0016                40                          time to live         64\n",
	} {
		if !strings.Contains(raw.String(), line) {
			t.Errorf("--bytes lacks %q:\n%s", line, raw.String())
		}
	}
	if strings.Contains(layers.String()+raw.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[") {
		t.Error("colours belong to the Colour style and to no other")
	}
}

func seeds(f *testing.F) {
	f.Add(uint16(LinkEthernet), unhex(f, linuxSYN))
	f.Add(uint16(LinkEthernet), tcpFrame(pc1Port, wwwPort, header.TCP{Flags: ack}, "GET / HTTP/1.1\r\n\r\n"))
	f.Add(uint16(LinkEthernet), udpFrame(netip.AddrPortFrom(pc1, 53), netip.AddrPortFrom(pc2, 53), "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x01\x00\x02\x01x"))
	f.Add(uint16(LinkEthernet), icmpFrame(pc1, pc2, header.ICMP{Type: 3}, unhex(f, linuxSYN)[14:]))
	f.Add(uint16(LinkEthernet), arpFrame(header.ARP{Operation: 1, SenderIP: pc1, TargetIP: pc2}))
	f.Add(uint16(LinkLinuxSLL), make([]byte, 40))
	f.Add(uint16(LinkLinuxSLL2), make([]byte, 40))
	f.Add(uint16(LinkNull), append([]byte{30, 0, 0, 0, 0x60}, make([]byte, 60)...))
	f.Add(uint16(LinkRaw), append([]byte{0x60, 0, 0, 0, 0, 20, 44}, make([]byte, 60)...))
	for _, n := range append(append(ndFrames(), groupFrames()...), ipv6Frames(f)...) {
		f.Add(uint16(LinkEthernet), n.frame)
	}
}

func FuzzDissect(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, link uint16, frame []byte) {
		p := Dissect(LinkType(link), frame)
		checkTree(t, p)
		if err := WriteLayers(io.Discard, p, Style{}); err != nil {
			t.Error(err)
		}
		if err := WriteBytes(io.Discard, p, Colour); err != nil {
			t.Error(err)
		}
		agreeWithOracle(t, p)
	})
}

func FuzzTracker(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, link uint16, frame []byte) {
		tracker := &Tracker{MaxConversations: 2}
		for i := range 4 {
			tracker.Feed(Frame{LinkType: LinkType(link), Data: frame, Interface: i / 2})
			if len(frame) > 50 {
				frame = append([]byte{}, frame...)
				frame[len(frame)-20+i]++
			}
		}
		tracker.WriteSummaries(io.Discard, Style{})
	})
}
