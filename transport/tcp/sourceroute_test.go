package tcp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// The peer of these tests is far away, and the bench's station is the first router on
// the way to it.
var (
	farPeer  = netip.MustParseAddr("192.0.2.9")
	gateway2 = netip.MustParseAddr("10.9.0.1")
	gateway3 = netip.MustParseAddr("10.8.0.1")
)

// Source routes as they must stand in a header, padded (RFC 791, section 3.1): to the
// far peer by the bench's station and by gateway2 or gateway3.
var (
	viaGateway2 = []byte{131, 11, 4, 10, 9, 0, 1, 192, 0, 2, 9, 0}
	viaGateway3 = []byte{131, 11, 4, 10, 8, 0, 1, 192, 0, 2, 9, 0}
)

// Completed routes as they arrive from the far peer, which begins at the gateway.
var (
	fromGateway2 = []byte{131, 11, 12, 10, 9, 0, 1, 10, 0, 0, 2, 0}
	fromGateway3 = []byte{131, 11, 12, 10, 8, 0, 1, 10, 0, 0, 2, 0}
)

// routedBench is a bench whose host takes source routes.
func routedBench(t *testing.T) *bench {
	four.needs(t, "source routes")
	b := newBench(t, nil, 1500)
	b.tcp.net.SetSourceRouting(true)
	def := network.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: benchPeer}
	if err := b.tcp.net.AddRoute(def); err != nil {
		t.Fatal(err)
	}
	return b
}

// injectRouted has a segment of the far peer arrive with these IP options.
func (b *bench) injectRouted(options []byte, h header.TCP, text []byte) {
	p := b.pool.From(text)
	h.Checksum = 0
	h.Put(p.Push(h.Len()))
	sum := ^header.Checksum(p.Bytes(), header.PseudoSum(farPeer, benchHost, header.ProtocolTCP, p.Len()))
	p.Bytes()[16], p.Bytes()[17] = byte(sum>>8), byte(sum)
	ip := header.IPv4{TTL: 60, Protocol: header.ProtocolTCP, Src: farPeer, Dst: benchHost, Options: options}
	ip.TotalLength = ip.Len() + p.Len()
	ip.Put(p.Push(ip.Len()))
	b.judge.Arrives(b.loop.Now(), p.Bytes())
	b.arrive(p, header.EtherTypeIPv4)
	b.loop.Run(b.loop.Now())
}

// one returns the only segment that was sent since the last call, which must have gone
// to the bench's station, as the first hop, with these IP options; without options it
// must have gone to the far peer.
func (b *bench) one(when string, options []byte) wireSegment {
	b.t.Helper()
	b.advance(b.loop.Now())
	if len(b.sent) != 1 {
		b.t.Fatalf("%s: %d segments were sent, must be one", when, len(b.sent))
	}
	s := b.sent[0]
	b.sent = nil
	want := benchPeer
	if options == nil {
		want = farPeer
	}
	if b.lastIP.Dst != want || !bytes.Equal(b.lastIP.Options, options) {
		b.t.Errorf("%s: a segment goes to %v with the options %v, must go to %v with %v",
			when, b.lastIP.Dst, b.lastIP.Options, want, options)
	}
	return s
}

var farSYN = header.TCP{
	SrcPort: 5000, DstPort: 80, Seq: 100, Flags: header.SYN, Window: 60000,
	Options: header.TCPOptions{HasMSS: true, MSS: 1460},
}

// accepted opens a connection from the far peer, whose SYN and ACK come with these IP
// options, and must be answered with those.
func accepted(b *bench, opts Options, come, back []byte) *Conn {
	b.t.Helper()
	return acceptedFrom(b, farSYN, opts, come, back)
}

func acceptedFrom(b *bench, syn header.TCP, opts Options, come, back []byte) *Conn {
	b.t.Helper()
	port, err := b.tcp.Reserve(anyPort(80), Sharing{})
	if err != nil {
		b.t.Fatal(err)
	}
	ln, err := b.tcp.Listen(port, 5, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	ln.SetOptions(opts)
	b.injectRouted(come, syn, nil)
	s := b.one("SYN,ACK", back)
	ack := header.TCP{SrcPort: 5000, DstPort: 80, Seq: 101, Ack: s.Seq + 1, Flags: header.ACK, Window: 60000}
	if s.Options.HasTimestamps {
		ack.Options = header.TCPOptions{HasTimestamps: true, TSEcr: s.Options.TSVal}
	}
	b.injectRouted(come, ack, nil)
	c := ln.Accept()
	if c == nil {
		b.t.Fatal("there is no connection after a whole handshake")
	}
	return c
}

// farData has n bytes of the far peer arrive on the connection of accepted.
func farData(b *bench, c *Conn, options []byte, n int) {
	b.injectRouted(options, header.TCP{
		SrcPort: 5000, DstPort: 80, Seq: c.rcvNxt, Ack: c.sndNxt, Flags: header.ACK | header.PSH, Window: 60000,
	}, make([]byte, n))
}

// TestActiveOpenBySourceRoute: the user names a source route, and all segments from the
// SYN to the reset go by it, whatever route the peer's come by.
func TestActiveOpenBySourceRoute(t *testing.T) {
	//rfc:9293 MUST-51
	//rfc:9293 MUST-52
	b := routedBench(t)
	route := &network.SourceRoute{Hops: []netip.Addr{benchPeer, gateway2}}
	c, err := b.tcp.Connect(nil, netip.AddrPortFrom(farPeer, 80), nil, Options{SourceRoute: route, NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	syn := b.one("SYN", viaGateway2)
	b.injectRouted(fromGateway3, header.TCP{
		SrcPort: 80, DstPort: syn.SrcPort, Seq: 100, Ack: syn.Seq + 1, Flags: header.SYN | header.ACK, Window: 60000,
		Options: header.TCPOptions{HasMSS: true, MSS: 1460},
	}, nil)
	if b.one("the ACK of a SYN,ACK that came by another route", viaGateway2); !c.Connected() {
		t.Fatal("the handshake is over, and there is no connection")
	}
	if _, err := c.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	b.one("data", viaGateway2)
	b.advance(b.loop.Now() + ev.Time(2*time.Second))
	b.sent = b.sent[:min(1, len(b.sent))]
	b.one("data sent again", viaGateway2)
	b.sent = nil
	c.SetOptions(Options{})
	c.Abort()
	b.one("the reset", viaGateway2)
}

// TestActiveOpenWithoutSourceRoute: the way of an active open is the user's, also when
// he has asked for none.
func TestActiveOpenWithoutSourceRoute(t *testing.T) {
	b := routedBench(t)
	if _, err := b.tcp.Connect(nil, netip.AddrPortFrom(farPeer, 80), nil, Options{}); err != nil {
		t.Fatal(err)
	}
	b.advance(b.loop.Now())
	syn := b.sent[0]
	b.sent = nil
	b.injectRouted(fromGateway3, header.TCP{
		SrcPort: 80, DstPort: syn.SrcPort, Seq: 100, Ack: syn.Seq + 1, Flags: header.SYN | header.ACK, Window: 60000,
	}, nil)
	b.one("the ACK of a SYN,ACK that came by a source route", nil)
}

// TestPassiveOpenBySourceRoute: the recorded route of the SYN is the way of all answers,
// also to segments without one, and a route that is different takes its place.
func TestPassiveOpenBySourceRoute(t *testing.T) {
	//rfc:9293 MUST-53
	//rfc:9293 SHLD-24
	b := routedBench(t)
	c := accepted(b, Options{NoDelay: true}, fromGateway2, viaGateway2)
	if got := c.Options().SourceRoute; !got.Equal(&network.SourceRoute{Hops: []netip.Addr{benchPeer, gateway2}}) {
		t.Errorf("the connection's route is %+v, must be the SYN's the other way", got)
	}
	farData(b, c, nil, 10)
	b.one("the ACK of a segment without a route", viaGateway2)
	farData(b, c, fromGateway3, 10)
	b.one("the ACK of a segment by another route", viaGateway3)
	if _, err := c.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	b.one("data", viaGateway3)
}

// TestForgedSourceRoute: what is not acceptable changes no route.
func TestForgedSourceRoute(t *testing.T) {
	b := routedBench(t)
	c := accepted(b, Options{}, fromGateway2, viaGateway2)
	forged := header.TCP{SrcPort: 5000, DstPort: 80, Seq: c.rcvNxt - 1000, Ack: c.sndNxt, Flags: header.ACK, Window: 60000}
	b.injectRouted(fromGateway3, forged, make([]byte, 10))
	b.one("the answer to a segment outside of the window", viaGateway2)
	forged.Seq, forged.Ack = c.rcvNxt, c.sndNxt+1000
	b.injectRouted(fromGateway3, forged, make([]byte, 10))
	b.one("the answer to an acknowledgement of what was never sent", viaGateway2)
}

// TestListenerSourceRoute: a route that the user has given to the listener goes before
// those of SYNs.
func TestListenerSourceRoute(t *testing.T) {
	//rfc:9293 MUST-52
	b := routedBench(t)
	route := &network.SourceRoute{Hops: []netip.Addr{benchPeer, gateway3}}
	c := accepted(b, Options{SourceRoute: route}, fromGateway2, viaGateway3)
	farData(b, c, fromGateway2, 10)
	b.one("an ACK", viaGateway3)
}

// TestCookieBySourceRoute: a listener that keeps nothing of a SYN takes the route from
// each segment.
func TestCookieBySourceRoute(t *testing.T) {
	//rfc:9293 MUST-53
	b := routedBench(t)
	about := LinuxPersonality
	about.HalfOpen, about.SynCookies = 0, true
	b.tcp.about = &about
	c := accepted(b, Options{}, fromGateway2, viaGateway2)
	farData(b, c, nil, 10)
	b.one("an ACK", viaGateway2)
	if n := b.tcp.Stats().SynCookiesAccepted; n != 1 {
		t.Errorf("%d connections were opened by a cookie, must be one", n)
	}
}

// TestRefusalBySourceRoute: also a reset from nobody goes the way back (RFC 1122, section
// 3.2.1.8: "to form a return source route for reply datagrams").
func TestRefusalBySourceRoute(t *testing.T) {
	b := routedBench(t)
	b.injectRouted(fromGateway2, farSYN, nil)
	if s := b.one("the reset", viaGateway2); !s.Flags.Has(header.RST) {
		t.Errorf("the answer is %v, must be a reset", s.Flags)
	}
}

// TestSourceRouteTakesRoom: the IP options come off the size of a segment, but not off
// the MSS that is told (RFC 9293, section 3.7.1; RFC 6691, section 2).
func TestSourceRouteTakesRoom(t *testing.T) {
	//rfc:9293 MUST-16
	b := routedBench(t)
	c := accepted(b, Options{NoDelay: true}, fromGateway2, viaGateway2)
	if n := c.MSS(); n != 1460-12 {
		t.Errorf("with 12 bytes of IP options full segments have %d bytes, must be 1448", n)
	}
	if n := c.offeredMSS(); n != 1460 {
		t.Errorf("the MSS told is %d, must be 1460", n)
	}
	if _, err := c.Write(make([]byte, 1448)); err != nil {
		t.Fatal(err)
	}
	if s := b.one("data", viaGateway2); len(s.text) != 1448 || b.lastIP.TotalLength != 1500 {
		t.Errorf("%d bytes were sent in a datagram of %d, must be 1448 in one of 1500", len(s.text), b.lastIP.TotalLength)
	}
	// A longer route, before that is acknowledged: it is cut anew to be sent again.
	longer := []byte{131, 15, 16, 10, 7, 0, 1, 10, 9, 0, 1, 10, 0, 0, 2, 0}
	b.injectRouted(longer, header.TCP{
		SrcPort: 5000, DstPort: 80, Seq: c.rcvNxt, Ack: c.sndUna, Flags: header.ACK, Window: 60000,
	}, make([]byte, 10))
	if n := c.MSS(); n != 1460-16 {
		t.Errorf("with 16 bytes of IP options full segments have %d bytes, must be 1444", n)
	}
	b.advance(b.loop.Now() + ev.Time(300*time.Millisecond))
	again := 0
	for _, s := range b.sent {
		again = max(again, len(s.text))
	}
	if again != 1444 {
		t.Errorf("the longest segment sent again has %d bytes, must have the 1444 that fit behind 16 bytes of IP options", again)
	}
}

// TestSmallestSegmentsBySourceRoute: the longest options of IP and TCP behind the
// smallest MSS leave room for text all the same.
func TestSmallestSegmentsBySourceRoute(t *testing.T) {
	b := routedBench(t)
	come := append([]byte{131, 39, 40}, bytes.Repeat(gateway2.AsSlice(), 8)...)
	come = append(append(come, benchPeer.AsSlice()...), 0)
	back := append([]byte{131, 39, 4}, bytes.Repeat(gateway2.AsSlice(), 8)...)
	back = append(append(back, farPeer.AsSlice()...), 0)
	syn := farSYN
	syn.Options.MSS, syn.Options.HasTimestamps = 1, true
	c := acceptedFrom(b, syn, Options{}, come, back)
	if c.MSS() != leastText {
		t.Errorf("full segments have %d bytes, must be %d", c.MSS(), leastText)
	}
}

// TestTransferBySourceRoute: a megabyte each way through a real router that only the
// source route leads to. Neither end has a route to the other's network.
func TestTransferBySourceRoute(t *testing.T) {
	four.needs(t, "source routes")
	//rfc:9293 MUST-51
	//rfc:9293 MUST-53
	bare, bad := physical.Impairment{}, physical.Impairment{Delay: 5 * time.Millisecond, Loss: 0.02, Reorder: 0.02}
	for _, fault := range []physical.Impairment{bare, bad} {
		p := &pair{t: t, loop: ev.NewVirtual(1), pool: &packet.Pool{}}
		p.loop.Lock()
		p.wire = physical.NewWire(p.loop, p.pool, 1500, fault, fault) // Unjudged: one end is beyond a router
		far := physical.NewWire(p.loop, p.pool, 1500, bare, bare)     // Unjudged: so is one of this
		p.loop.Unlock()
		p.a, p.b = p.station("10.0.0.1/24", 1, p.wire.A()), p.station("10.1.0.2/24", 2, far.B())
		router := p.station("10.0.0.9/24", 3, p.wire.B()).net
		p.loop.Lock()
		nic := link.NewNIC(p.loop, p.pool, "eth1", header.MAC{2, 0, 0, 0, 0, 4}, far.A())
		if _, err := router.AddInterface(nic, netip.MustParsePrefix("10.1.0.9/24")); err != nil {
			t.Fatal(err)
		}
		router.SetForwarding(true)
		for _, n := range []*network.Layer{p.a.net, router, p.b.net} {
			n.SetSourceRouting(true)
		}
		p.loop.Unlock()
		route := &network.SourceRoute{Strict: true, Hops: []netip.Addr{netip.MustParseAddr("10.0.0.9")}}
		client, server := p.connectAs(p.listen(80), Options{SourceRoute: route})
		if err := p.exchange(client, server, 1<<20, 1); err != nil {
			t.Fatalf("%v\n a: %+v\n b: %+v", err, p.a.tcp.stats, p.b.tcp.stats)
		}
		if n := router.Stats().Forwarded; n < 2*(1<<20)/1460 {
			t.Errorf("the router has forwarded %d packets, which cannot be all of it", n)
		}
		if n := p.pool.Live(); n != 0 {
			t.Errorf("%d packets are left behind", n)
		}
	}
}
