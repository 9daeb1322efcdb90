package check

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"septet/header"
	"septet/inspect"
)

// over6 has the ends speak IPv6 until the test is over.
func over6(t *testing.T) {
	old := ports
	t.Cleanup(func() { ports = old })
	for i, a := range []string{"2001:db8::1", "2001:db8::2"} {
		ports[i] = netip.AddrPortFrom(netip.MustParseAddr(a), ports[i].Port())
	}
}

func ipv6(src, dst netip.Addr, p header.Protocol, hops, class byte, payload []byte) []byte {
	h := header.IPv6{TrafficClass: class, NextHeader: p, HopLimit: hops, PayloadLength: len(payload), Src: src, Dst: dst}
	if h.PayloadLength > 0xffff {
		h.PayloadLength = 0
	}
	b := make([]byte, header.IPv6Len)
	h.Put(b)
	return append(b, payload...)
}

// What carries it is nothing to TCP: each rule is held over IPv6 too, and a good trace is
// clean, whole, in parts, cut, under tags, or before the network card cuts it.
func TestTheSameOverIPv6(t *testing.T) {
	over6(t)
	for name, test := range map[string]func(*testing.T){
		"a good trace":    TestAGoodTraceIsClean,
		"parts of it":     TestPartsOfAGoodTraceAreClean,
		"openings, ECN":   TestSimultaneousOpenAndECNAreClean,
		"copies":          TestCopiesOnOtherWiresDoNotCount,
		"packets cut":     TestPacketsThatAreCutAreNoFault,
		"frames twice":    TestFramesThatTheCaptureHasTwice,
		"super-segments":  TestSuperSegmentsAreNoFault,
		"every rule":      TestEveryRuleIsHeld,
		"traces without":  TestTheTracesAreGoodOtherwise,
		"two connections": TestASecondConnectionBetweenThePorts,
	} {
		t.Run(name, test)
	}
}

// Options and an atomic fragment (RFC 6946) in front of the segments change nothing, and
// segments are found behind them.
func TestExtensionHeadersAreSteppedOver(t *testing.T) {
	over6(t)
	var all []inspect.Frame
	for _, f := range frames(good()) {
		h, segment, err := header.ParseIPv6(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		chain := []byte{60, 0, 5, 2, 0, 0, 1, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 1}
		f.Data = ipv6(h.Src, h.Dst, header.ProtocolHopByHop, h.HopLimit, h.TrafficClass, append(chain, segment...))
		all = append(all, f)
	}
	r := judged(all, Options{})
	clean(t, "behind extension headers", r)
	if r.Opened != 1 || r.Segments < 30 {
		t.Errorf("%d connections and %d segments were judged, want 1 and at least 30", r.Opened, r.Segments)
	}
	for i := range all {
		all[i].Data[header.IPv6Len+8+8+3] = 1 // more fragments
	}
	if r := judged(all, Options{}); len(r.Findings) > 0 || !strings.Contains(text(r), whyFragments) {
		t.Errorf("first fragments: %s, should be left alone because %q", text(r), whyFragments)
	}
}

// A question for a neighbour holds segments back as ARP's does, if it is one that a
// neighbour would believe.
func TestNeighbourDiscoveryIsRead(t *testing.T) {
	over6(t)
	host, peer := ports[client].Addr(), ports[server].Addr()
	group := netip.MustParseAddr("ff02::1:ff00:2")
	cards := [2]header.MAC{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}
	message := func(src, dst netip.Addr, m interface{ Put(b []byte) int }) []byte {
		b := make([]byte, header.NeighbourSolicitationLen)
		m.Put(b)
		header.SetICMPv6Checksum(b, src, dst)
		return ipv6(src, dst, header.ProtocolICMPv6, 255, 0, b)
	}
	ask := message(host, group, &header.NeighbourSolicitation{Target: peer})
	answer := message(peer, host, &header.NeighbourAdvertisement{Target: peer, Solicited: true})
	change := func(b []byte, at int) []byte {
		b = slices.Clone(b)
		b[at]++
		return b
	}
	for _, c := range []struct {
		name   string
		packet []byte
		from   header.MAC
		to     header.MAC
		want   header.ARP
		is     bool
	}{
		{"a question", ask, cards[0], header.MAC{0x33, 0x33, 0xff, 0, 0, 2},
			header.ARP{Operation: header.ARPRequest, SenderMAC: cards[0], SenderIP: host, TargetIP: peer}, true},
		{"an answer", answer, cards[1], cards[0],
			header.ARP{Operation: header.ARPReply, SenderMAC: cards[1], SenderIP: peer}, true},
		{"a damaged question", change(ask, 50), cards[0], cards[1], header.ARP{}, false},
		{"one from behind a router", change(ask, 7), cards[0], cards[1], header.ARP{}, false},
	} {
		frame := on(c.packet)
		copy(frame, c.to[:])
		copy(frame[6:], c.from[:])
		var s segment
		kind := decode(&inspect.Frame{LinkType: inspect.LinkEthernet, Data: frame}, &s, true)
		if (kind == isARP) != c.is || c.is && s.arp != c.want {
			t.Errorf("%s is read as %+v, %v; want %+v, %v", c.name, s.arp, kind == isARP, c.want, c.is)
		}
		if asks := s.arp.Operation == header.ARPRequest && c.is; asks && s.card != header.BroadcastMAC {
			t.Errorf("%s is for %v; it asks all", c.name, s.card)
		}
	}
}
