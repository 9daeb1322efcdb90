package inspect

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/header"
)

func TestDissectIPv6Layers(t *testing.T) {
	wants := map[string]string{
		"TCP":                                "Ethernet II IPv6 TCP",
		"UDP":                                "Ethernet II IPv6 UDP Data",
		"echo request":                       "Ethernet II IPv6 ICMPv6 Data",
		"too big":                            "Ethernet II IPv6 ICMPv6 (IPv6) (UDP) (Data)",
		"hop-by-hop and destination options": "Ethernet II IPv6 IPv6 Hop-by-Hop Options IPv6 Destination Options UDP Data",
		"segment routing":                    "Ethernet II IPv6 IPv6 Routing UDP Data",
		"first fragment":                     "Ethernet II IPv6 IPv6 Fragment UDP Data",
		"second fragment":                    "Ethernet II IPv6 IPv6 Fragment Data",
		"no next header, padded":             "Ethernet II IPv6 Ethernet padding",
		"one VLAN tag":                       "Ethernet II 802.1Q IPv6 TCP",
		"two VLAN tags":                      "Ethernet II 802.1ad 802.1Q IPv6 TCP",
		"router advertisement":               "Ethernet II IPv6 ICMPv6",
		"redirect":                           "Ethernet II IPv6 ICMPv6 (IPv6) (UDP) (Data)",
		"MLDv2 report":                       "Ethernet II IPv6 IPv6 Hop-by-Hop Options ICMPv6",
		"IGMPv3 query":                       "Ethernet II IPv4 IGMP",
	}
	for _, n := range append(append(ndFrames(), groupFrames()...), ipv6Frames(t)...) {
		p := Dissect(LinkEthernet, n.frame)
		checkTree(t, p)
		if want, known := wants[n.name]; known && layerNames(p) != want {
			t.Errorf("%s: %s, want %s", n.name, layerNames(p), want)
		}
		delete(wants, n.name)
		// Nothing may be lost: from the first byte on, layers follow each other.
		if last := p.Layers[len(p.Layers)-1]; !last.Quoted && last.End != len(n.frame) {
			t.Errorf("%s: the layers end at byte %d of %d", n.name, last.End, len(n.frame))
		}
		for end := range len(n.frame) { // cut anywhere, it is no fault of the packet's checksums
			cut := Dissect(LinkEthernet, n.frame[:end])
			checkTree(t, cut)
			if bad := cut.BadChecksums(); bad != nil {
				t.Fatalf("%s, cut to %d bytes: %+v", n.name, end, bad)
			}
		}
	}
	if len(wants) > 0 {
		t.Errorf("no such packets: %v", wants)
	}
}

func TestMalformedIPv6IsSaid(t *testing.T) {
	frames := make(map[string][]byte)
	for _, n := range append(append(ndFrames(), groupFrames()...), ipv6Frames(t)...) {
		frames[n.name] = n.frame
	}
	message := func(b ...byte) []byte {
		return icmpv6Frame(host6, peer6, func(out []byte) int { return copy(out, b) })
	}
	const ip, ext = header.EthernetLen, header.EthernetLen + header.IPv6Len
	tests := []struct {
		name string
		at   int
		to   byte
		why  string
	}{
		{"TCP", ip, 0x50, "version 5 where 6 should be"},
		{"hop-by-hop and destination options", ext + 1, 200, "the header has 1608"},
		{"hop-by-hop and destination options", ext + 3, 200, "option 0x05 has an illegal length"},
		{"router advertisement", ext + 17, 0, "option 1 has an illegal length"},
		{"router advertisement", ext + 17, 200, "option 1 has an illegal length"},
		{"MLDv2 report", ext + 8 + 7, 3, "0 bytes are here, the record needs 20"},
		{"MLDv2 report", ext + 8 + 10, 9, "the record needs 36916"},
		{"MLDv2 query", ext + 8 + 27, 3, "32 bytes are here, the sources need 48"},
		{"IGMPv3 query", ip + 20 + 11, 3, "8 bytes are here, the sources need 12"},
		{"IGMPv3 report", ip + 20 + 7, 3, "0 bytes are here, the record needs 8"},
	}
	for _, c := range tests {
		b := append([]byte{}, frames[c.name]...)
		b[c.at] = c.to
		p := Dissect(LinkEthernet, b)
		checkTree(t, p)
		if bad := p.Malformed(); len(bad) != 1 || !strings.Contains(bad[0].Value, c.why) {
			t.Errorf("%s with byte %d set to %d: %+v, want one that says %q", c.name, c.at, c.to, bad, c.why)
		}
	}
	for _, kind := range []byte{130, 131, 132, 134, 135, 136, 137} {
		p := Dissect(LinkEthernet, message(kind, 0, 0, 0, 0, 0, 0, 0, 0))
		checkTree(t, p)
		if bad := p.Malformed(); len(bad) != 1 || !strings.Contains(bad[0].Value, "9 bytes are here") {
			t.Errorf("a message of type %d of nine bytes: %+v, want one that says so", kind, bad)
		}
	}
}

// A chain may be as long as a packet has room: it is followed only so far, and shown.
func TestChainOfExtensionsIsBounded(t *testing.T) {
	chain := make([]byte, 8*100)
	for i := 0; i < len(chain); i += 8 {
		chain[i] = byte(header.ProtocolDestinationOptions)
		chain[i+2], chain[i+3] = 1, 4
	}
	chain[len(chain)-8] = byte(header.ProtocolUDP)
	frame := extended(header.ProtocolDestinationOptions, peer6, peer6, chain...)
	p := Dissect(LinkEthernet, frame)
	checkTree(t, p)
	if n := len(p.Layers); n != 2+maxExtensions+1 || p.Layers[n-1].Name != "Data" {
		t.Errorf("%d layers, the last %s; want Ethernet, IPv6, %d extension headers and the rest as data", n, p.Layers[n-1].Name, maxExtensions)
	}
	line, ok := (&Tracker{}).Feed(Frame{Time: Epoch, LinkType: LinkEthernet, Data: frame})
	if !ok || line.Text != "destination options len 685" {
		t.Errorf("the line is %q, %v, want what is left after %d headers", line.Text, ok, maxExtensions)
	}
}

// TCP and UDP do not know what carries them: their lines, remarks and summaries over IPv6
// are those over IPv4.
func TestIPv6IsTrackedAsIPv4(t *testing.T) {
	name := func(a netip.Addr) string {
		for _, host := range []netip.Addr{pc1, pc2, www} {
			if a == host || a == address6(host) {
				return testName(host)
			}
		}
		return ""
	}
	four, six := &Tracker{Name: name}, &Tracker{Name: name}
	frames := labFrames()
	damaged := slices.Clone(frames[0].Data)
	damaged[len(damaged)-1]++
	frames = append(frames, Frame{Time: Epoch.Add(time.Hour), LinkType: LinkEthernet, Data: damaged})
	for i, f := range frames {
		g := f
		g.Data = over6(f.Data)
		a, okA := four.Feed(f)
		b, okB := six.Feed(g)
		if okA != okB || a.Text != b.Text || a.Left != b.Left || a.Right != b.Right || a.RightToLeft != b.RightToLeft || !slices.Equal(a.Notes, b.Notes) {
			t.Errorf("frame %d: over IPv4 %+v, over IPv6 %+v", i+1, a, b)
		}
	}
	if !slices.Equal(four.Summaries(), six.Summaries()) || !slices.Equal(four.DatagramSummaries(), six.DatagramSummaries()) {
		t.Errorf("summaries over IPv4\n%+v\nover IPv6\n%+v", four.Summaries(), six.Summaries())
	}
	if four.Counts() != six.Counts() || four.Counts().Damaged != 1 {
		t.Errorf("counts over IPv4 %+v, over IPv6 %+v, of which one damaged", four.Counts(), six.Counts())
	}
}

// RFC 8200, section 8.1: over IPv6, UDP without a checksum is discarded.
func TestUDPOverIPv6NeedsAChecksum(t *testing.T) {
	frame := over6(udpFrame(pc1Port, wwwPort, "hello"))
	frame[header.EthernetLen+header.IPv6Len+6], frame[header.EthernetLen+header.IPv6Len+7] = 0, 0
	if f := Dissect(LinkEthernet, frame).Layer("UDP").Field("checksum"); f.Check != Bad {
		t.Errorf("the checksum is %q, must be called bad", f.Value)
	}
	line, _ := (&Tracker{}).Feed(Frame{Time: Epoch, LinkType: LinkEthernet, Data: frame})
	if !slices.Equal(line.Notes, []string{"bad checksum"}) {
		t.Errorf("remarks %q, want that the checksum is bad", line.Notes)
	}
}

func TestLinesOfNeighboursAndGroups(t *testing.T) {
	wants := map[string]string{
		"router advertisement": "ND router advertisement: default router for 1800 s, prefix 2001:db8:1::/64, prefix 2001:db8:2::/48, " +
			"route ::/0, route 2001:db8:3::/64, route 2001:db8:4::5/128 withdrawn, MTU 1480, DNS 2001:db8::b, 2001:db8::a, search corp.example, lab",
		"router advertisement, no router": "ND router advertisement: no default router",
		"router solicitation":             "ND is there a router?",
		"neighbour solicitation":          "ND who has 2001:db8::b? tell 2001:db8::a",
		"neighbour advertisement":         "ND 2001:db8::b is at 02:00:00:00:00:01, a router",
		"redirect":                        "ND redirect: 2001:db8::b is reached by fe80::1",
		"MLDv2 query":                     "MLDv2 who listens to ff02::1234 from 2001:db8::a, 2001:db8::b?",
		"MLDv2 report":                    "MLDv2 ff02::1234: I listen to 2001:db8::a, 2001:db8::b; ff02::1: I listen",
		"MLDv1 query":                     "MLDv1 who listens to ff02::1234?",
		"MLDv1 report":                    "MLDv1 ff02::1234: I listen",
		"MLDv1 done":                      "MLDv1 ff02::1234: I leave",
		"IGMPv3 query":                    "IGMPv3 who listens to 239.1.2.3 from 10.0.0.1, 10.0.0.2?",
		"IGMPv3 report":                   "IGMPv3 239.1.2.3: I listen no more to 10.0.0.1, 10.0.0.2; 239.1.2.3: I leave",
		"IGMPv2 query":                    "IGMPv2 who listens to 239.1.2.3?",
		"IGMPv1 query":                    "IGMPv1 who listens to any group?",
		"IGMPv1 report":                   "IGMPv1 239.1.2.3: I listen",
		"IGMPv2 report":                   "IGMPv2 239.1.2.3: I listen",
		"IGMPv2 leave":                    "IGMPv2 239.1.2.3: I leave",
	}
	for _, n := range append(ndFrames(), groupFrames()...) {
		line, ok := (&Tracker{}).Feed(Frame{Time: Epoch, LinkType: LinkEthernet, Data: n.frame})
		if want := wants[n.name]; !ok || line.Text != want || line.Notes != nil {
			t.Errorf("%s: %q, remarks %q, want %q and none", n.name, line.Text, line.Notes, want)
		}
		if answer := n.name == "neighbour advertisement"; line.RightToLeft != answer {
			t.Errorf("%s: to the left is %v; only what answers goes there", n.name, line.RightToLeft)
		}
	}
	probe := ndFrame(netip.IPv6Unspecified(), all6, (&header.NeighbourSolicitation{Target: peer6}).Put, header.NDOptions{})
	still := ndFrame(host6, peer6, (&header.NeighbourSolicitation{Target: peer6}).Put, header.NDOptions{})
	news := ndFrame(peer6, all6, (&header.NeighbourAdvertisement{Target: peer6}).Put, header.NDOptions{})
	group := ndFrame(peer6, all6, (&header.NeighbourAdvertisement{Target: all6}).Put, header.NDOptions{})
	for _, c := range []struct {
		frame       []byte
		text, notes string
	}{
		{probe, "ND probe: is anybody 2001:db8::b?", ""},
		{still, "ND is 2001:db8::b still there? tell 2001:db8::a", ""},
		{news, "ND announcement: 2001:db8::b is here", ""},
		{group, "ICMPv6 neighbor advertisement", "malformed"}, // RFC 4861, section 7.1.2
	} {
		line, _ := (&Tracker{}).Feed(Frame{Time: Epoch, LinkType: LinkEthernet, Data: c.frame})
		if line.Text != c.text || joinNotes(line.Notes) != c.notes {
			t.Errorf("%q, remarks %q, want %q and %q", line.Text, line.Notes, c.text, c.notes)
		}
	}
}

// What Linux does in the capture, counted in tshark's list of it.
func TestCaptureOfLinuxWithIPv6(t *testing.T) {
	tracker := track(readAll(t, "testdata/linux6.pcap"))
	all := tracker.Summaries()
	if len(all) != 1 || all[0].Opened != Handshake || all[0].Closed != FourWayJoined || all[0].Bytes != [2]int64{27, 21} {
		t.Errorf("%+v, want one connection with its handshake and its close, 27 bytes and 21", all)
	}
	if n := tracker.Counts(); n.UDP != 1 || n.Datagrams != 2 || n.Damaged != 0 || n.Other != 0 {
		t.Errorf("%+v, want two datagrams of one conversation, and nothing damaged or unreadable", n)
	}
}
