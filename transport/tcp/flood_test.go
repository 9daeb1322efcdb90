package tcp

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// floodBench is a bench with a listener, whose peer is the router to everywhere.
func floodBench(t *testing.T, p *Personality, o Options) (*bench, *Listener) {
	b := newBenchUnjudged(t, p, 1500) // Unjudged: memory is counted
	if err := b.tcp.net.AddRoute(network.Route{Prefix: b.family.prefix(netip.MustParsePrefix("0.0.0.0/0")), Gateway: b.peer}); err != nil {
		t.Fatal(err)
	}
	port, err := b.tcp.Reserve(anyPort(scriptService), Sharing{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := b.tcp.Listen(port, 128, nil)
	if err != nil {
		t.Fatal(err)
	}
	ln.SetOptions(o)
	return b, ln
}

// spoofed returns one of many addresses that nobody has.
func spoofed(i uint32) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 11<<24|i&0xffffff)
	return theFamily().addr(netip.AddrFrom4(a))
}

// TestSpoofedFlood: RFC 4987: SYNs from addresses that never answer cost no memory
// beyond the cap, and in their midst an honest client connects at once.
func TestSpoofedFlood(t *testing.T) {
	//rfc:4987 3.6 rule cookies when the backlog is full
	flood := uint32(100_000)
	if *soak {
		flood = 1_000_000
	}
	if testing.Short() {
		flood = 10_000
	}
	b, ln := floodBench(t, nil, Options{})
	syn := header.TCP{DstPort: scriptService, Flags: header.SYN, Window: 65535}
	syn.Options = header.TCPOptions{HasMSS: true, MSS: 1460, HasWindowScale: true, WindowScale: 7, HasTimestamps: true}
	before := heap()
	for i := range flood {
		syn.SrcPort, syn.Seq = uint16(1024+i%60000), header.Seq(i*7919)
		b.injectFrom(spoofed(i), syn, nil)
		if i%1000 == 0 {
			b.advance(b.loop.Now().Add(time.Millisecond)) // a million a second
		}
		b.sent = b.sent[:0]
	}
	b.tcp.Connections(func(c *Conn) {
		if c.state != SynReceived {
			t.Fatalf("a forged SYN has led to %v", c.state)
		}
	})
	if n, most := b.tcp.Count(), LinuxPersonality.HalfOpen; n != most {
		t.Errorf("%d connections after the flood, must be the cap of %d", n, most)
	}
	const most = 8 << 20
	grown := int(heap()) - int(before)
	t.Logf("%d SYNs: %d connections, %d bytes of memory", flood, b.tcp.Count(), grown)
	if grown > most {
		t.Errorf("%d SYNs have taken %d bytes of memory, must be at most %d", flood, grown, most)
	}
	began := b.loop.Now()
	syn.SrcPort, syn.Seq, syn.Options.TSVal = 40000, 777, 5
	b.inject(syn, nil)
	if len(b.sent) != 1 || b.sent[0].Flags != header.SYN|header.ACK {
		t.Fatalf("the honest client's SYN must be answered at once, but was by %d segments", len(b.sent))
	}
	answer := b.sent[0]
	b.sent = nil
	b.advance(b.loop.Now().Add(50 * time.Millisecond))
	ack := header.TCP{SrcPort: 40000, DstPort: scriptService, Flags: header.ACK, Seq: 778, Ack: answer.Seq + 1, Window: 512}
	ack.Options = header.TCPOptions{HasTimestamps: true, TSVal: 55, TSEcr: answer.Options.TSVal}
	b.inject(ack, []byte("hello"))
	c := ln.Accept()
	if c == nil {
		t.Fatal("the honest client's connection must be there after its ACK")
	}
	if took := b.loop.Now().Sub(began); took > LinuxPersonality.InitialRTO {
		t.Errorf("the honest client had to wait %v, must be less than a retransmission", took)
	}
	if c.sndWnd != 512<<7 || !c.stamp.enabled || c.mss != 1448 {
		t.Errorf("window %d, timestamps %v, MSS %d: the cookie must carry the options", c.sndWnd, c.stamp.enabled, c.mss)
	}
	if c.rtt.srtt > 60*time.Millisecond {
		t.Errorf("a round trip of 50 ms is taken for %v", c.rtt.srtt)
	}
	got := make([]byte, 10)
	if n, err := c.Read(got); n != 5 || err != nil {
		t.Errorf("reads %d, %v; must be what came with the ACK", n, err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestForgedACKs: who has not seen the SYN,ACK cannot make a connection. Of N random
// ACKs a share of 2 in 2^24 hits; here none.
func TestForgedACKs(t *testing.T) {
	//rfc:4987 3.6 rule a cookie is good for its addresses, ports and numbers only
	personality := LinuxPersonality
	personality.HalfOpen = 0
	b, ln := floodBench(t, &personality, Options{})
	b.inject(header.TCP{SrcPort: 5000, DstPort: scriptService, Flags: header.SYN}, nil)
	b.sent = nil
	for i := range uint32(20000) {
		x := mix(uint64(i))
		b.injectFrom(spoofed(i), header.TCP{
			SrcPort: 5000, DstPort: scriptService, Flags: header.ACK, Seq: header.Seq(x), Ack: header.Seq(x >> 32),
		}, nil)
		b.sent = b.sent[:0]
	}
	if n := ln.Pending() + b.tcp.Count(); n != 0 {
		t.Errorf("%d connections out of forged ACKs, must be none", n)
	}
	if n := b.tcp.stats.SynCookiesRefused; n != 20000 {
		t.Errorf("%d ACKs refused, must be all 20000", n)
	}
}

// TestCookieSaysEverything: what is put into a cookie and its timestamp comes out.
func TestCookieSaysEverything(t *testing.T) {
	//rfc:4987 3.6 rule a cookie carries the MSS
	b := newBench(t, nil, 1500)
	local, remote := netip.AddrPortFrom(b.host, 80), netip.AddrPortFrom(b.peer, 5000)
	for _, mss := range cookieMSS {
		for scale := range uint8(18) {
			for bits := range 4 {
				s := &Segment{TCP: header.TCP{SrcPort: 5000, DstPort: 80, Flags: header.SYN, Seq: header.Seq(bits) << 30}}
				s.Options = header.TCPOptions{HasMSS: true, MSS: mss, SACKPermitted: bits&1 != 0, HasTimestamps: true, TSVal: 9}
				if scale < 17 {
					s.Options.HasWindowScale, s.Options.WindowScale = true, scale
				}
				if bits&2 != 0 {
					s.Flags |= header.ECE | header.CWR
				}
				k := cookieOf(b.loop.Now(), s, 536)
				ack := &Segment{TCP: header.TCP{
					SrcPort: 5000, DstPort: 80, Flags: header.ACK,
					Seq: s.Seq + 1, Ack: b.tcp.sequence(k, local, remote) + 1,
				}}
				ack.Options = header.TCPOptions{HasTimestamps: true, TSVal: 9, TSEcr: 0xabcdef00&^cookieOptions | k.agree}
				again, ok := b.tcp.checkCookie(b.loop.Now(), ack, local, remote)
				if !ok || again != k {
					t.Fatalf("%+v comes back as %+v, %v", k, again, ok)
				}
				want := s.TCP
				if want.Options.WindowScale > 14 {
					want.Options.WindowScale = 14
				}
				if got := again.syn(&ack.TCP).TCP; got != want {
					t.Fatalf("the SYN comes back as\n%+v, must be\n%+v", got, want)
				}
			}
		}
	}
}

// TestEarlyFlood: RFC 7413, section 5.1: an attacker with one cookie cannot have
// more connections with data than the listener allows.
func TestEarlyFlood(t *testing.T) {
	//rfc:7413 5.1 rule one cookie does not exhaust a server
	//rfc:7413 4.2 MUST early connections are limited
	b, ln := floodBench(t, nil, Options{FastOpen: 16})
	syn := header.TCP{SrcPort: 5000, DstPort: scriptService, Flags: header.SYN, Window: 1000}
	syn.Options.HasFastOpen = true
	b.inject(syn, nil)
	syn.Options.FastOpen = b.sent[0].Options.FastOpen
	for i := range 500 {
		syn.SrcPort = uint16(6000 + i)
		b.inject(syn, make([]byte, 1000))
		b.inject(header.TCP{SrcPort: syn.SrcPort, DstPort: scriptService, Flags: header.RST, Seq: 1001}, nil)
		b.inject(header.TCP{SrcPort: syn.SrcPort, DstPort: scriptService, Flags: header.RST, Seq: 1}, nil)
	}
	if n := ln.Pending(); n != 16 {
		t.Errorf("%d connections with data, must be the limit of 16", n)
	}
	if n := b.tcp.stats.FastOpenOverflow; n != 500-16 {
		t.Errorf("%d SYNs without room, must be %d", n, 500-16)
	}
	for c := ln.Accept(); c != nil; c = ln.Accept() {
		c.Close()
	}
	if ln.early != 0 || len(ln.resets) > 16 {
		t.Errorf("left behind: %d early connections, %d resets", ln.early, len(ln.resets))
	}
}
