package network_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// routed returns two hosts with a router between them: 10.0.1.2 and 10.0.2.2.
func routed(b *bench, mtuOne, mtuTwo int) (one, router, two *network.Layer) {
	one, router, two = b.host(), b.router(), b.host()
	b.cable(one, "10.0.1.2/24", router, "10.0.1.1/24", mtuOne)
	b.cable(two, "10.0.2.2/24", router, "10.0.2.1/24", mtuTwo)
	defaultRoute(b.t, one, "10.0.1.1")
	defaultRoute(b.t, two, "10.0.2.1")
	return one, router, two
}

func TestForward(t *testing.T) {
	b := newBench(t)
	one, router, two := routed(b, 1500, 1500)
	var got sink
	two.Handle(experimental, &got)
	for range 3 { // the first finds the way, the others know it
		check(t, output(one, "10.0.2.2", pattern(1480), network.Send{TTL: 9, DontFragment: true}))
		b.run(time.Second)
	}
	if len(got.payloads) != 3 {
		t.Fatalf("%d of 3 datagrams crossed the router: %+v", len(got.payloads), router.Stats())
	}
	for i, d := range got.datagrams {
		// Input has verified the header's checksum after the router changed it.
		if d.TTL != 8 || d.Src != addr("10.0.1.2") || !bytes.Equal(got.payloads[i], pattern(1480)) {
			t.Errorf("it arrived with TTL %d from %v, want 8 from 10.0.1.2 and the payload unchanged", d.TTL, d.Src)
		}
	}
}

// The corrected checksum is right for every TTL (RFC 1624 is about the cases in
// which a naive correction is not).
func TestForwardChecksum(t *testing.T) {
	b := newBench(t)
	_, router, two := routed(b, 1500, 1500)
	p := b.attach(router, "10.0.3.1/24", "10.0.3.2", 1500)
	var got sink
	two.Handle(experimental, &got)
	n := 0
	for ttl := 2; ttl < 256; ttl++ {
		for id := range 32 {
			p.send("10.0.3.1", ip(header.IPv4{
				Src: addr("10.0.3.2"), Dst: addr("10.0.2.2"), Protocol: experimental, TTL: uint8(ttl), ID: uint16(id * 2111),
			}, nil))
			n++
		}
	}
	b.run(time.Second)
	// The very first had to wait for ARP, as all do that came in that moment.
	if bad := two.Stats().InBadHeader; bad != 0 || len(got.payloads) != n {
		t.Errorf("%d of %d arrived, %d with a bad header", len(got.payloads), n, bad)
	}
}

func TestTimeExceeded(t *testing.T) {
	b := newBench(t)
	router := b.router()
	p := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
	h := header.IPv4{Src: addr("10.0.1.2"), Dst: addr("10.0.2.2"), Protocol: experimental, TTL: 1}
	sent := ip(h, pattern(1400))
	p.send("10.0.1.1", sent)
	b.run(time.Second)
	outer, _, quote := wantICMP(t, p.take(), header.ICMPTimeExceeded, header.ICMPTTLExceeded)
	if outer.Src != addr("10.0.1.1") || outer.TotalLength != 576 {
		t.Errorf("from %v with %d bytes, want from the router's 10.0.1.1 and 576 (RFC 1812, section 4.3.2.3)", outer.Src, outer.TotalLength)
	}
	if !bytes.Equal(quote, sent[:576-28]) {
		t.Error("the quotation is not what the router received")
	}
	// RFC 1122, section 3.2.1.7: for the router itself any TTL will do.
	h.Dst = addr("10.0.2.1")
	h.Protocol = header.ProtocolICMP
	p.send("10.0.1.1", ip(h, icmp(header.ICMPEchoRequest, 0, 1, nil)))
	wantICMP(t, p.take(), header.ICMPEchoReply, 0)
}

func TestNetUnreachable(t *testing.T) {
	b := newBench(t)
	router := b.router()
	p := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	p.send("10.0.1.1", ip(header.IPv4{Src: addr("10.0.1.2"), Dst: addr("192.0.2.1"), Protocol: experimental}, nil))
	wantICMP(t, p.take(), header.ICMPUnreachable, header.ICMPNetUnreachable)
}

// A host that does not answer ARP is unreachable, as its router says, or, on
// its own network, the sender's own IP layer.
func TestHostUnreachable(t *testing.T) {
	b := newBench(t)
	one, _, two := routed(b, 1500, 1500)
	var got, self sink
	one.Handle(experimental, &got)
	two.Handle(experimental, &self)
	check(t, output(one, "10.0.2.99", []byte("anybody?"), network.Send{}))
	check(t, output(two, "10.0.2.98", []byte("anybody?"), network.Send{}))
	b.run(10 * time.Second)
	for _, c := range []struct {
		s         *sink
		from, dst string
	}{{&got, "10.0.1.1", "10.0.2.99"}, {&self, "10.0.2.2", "10.0.2.98"}} {
		if len(c.s.errors) != 1 {
			t.Errorf("%s: %d errors, want one", c.dst, len(c.s.errors))
			continue
		}
		e := c.s.errors[0]
		if e.Code != header.ICMPHostUnreachable || e.From != addr(c.from) || e.Dst != addr(c.dst) || e.Hard {
			t.Errorf("%s: %+v, want a soft host unreachable from %s", c.dst, e, c.from)
		}
	}
}

func TestForwardTooBig(t *testing.T) {
	b := newBench(t)
	one, router, two := routed(b, 1500, 600)
	var errs, got sink
	one.Handle(experimental, &errs)
	two.Handle(experimental, &got)

	check(t, output(one, "10.0.2.2", pattern(1480), network.Send{DontFragment: true}))
	b.run(time.Second)
	if len(errs.errors) != 1 || errs.errors[0].Code != header.ICMPFragmentationNeeded || errs.errors[0].MTU != 600 {
		t.Errorf("errors %+v, want fragmentation needed with the MTU of the next link, 600 (RFC 1191)", errs.errors)
	}
	check(t, output(one, "10.0.2.2", pattern(1480), network.Send{}))
	b.run(time.Second)
	if len(got.payloads) != 1 || !bytes.Equal(got.payloads[0], pattern(1480)) {
		t.Errorf("%d datagrams arrived, want the one that may be cut, whole", len(got.payloads))
	}
	// 600 bytes carry 580 of payload, of which 576 are units of eight: three
	// fragments (RFC 791).
	if n := router.Stats().FragmentsCreated; n != 3 {
		t.Errorf("the router made %d fragments, want 3", n)
	}
}

// A fragment that is cut again: the parts of the parts make the whole.
func TestFragmentsOfFragments(t *testing.T) {
	b := newBench(t)
	one, _, two := routed(b, 900, 300)
	var got sink
	two.Handle(experimental, &got)
	check(t, output(one, "10.0.2.2", pattern(8000), network.Send{}))
	b.run(time.Second)
	if len(got.payloads) != 1 || !bytes.Equal(got.payloads[0], pattern(8000)) {
		t.Errorf("%d datagrams arrived, want one, whole: %+v", len(got.payloads), two.Stats())
	}
}

// What a router keeps to itself.
func TestNotForwarded(t *testing.T) {
	for _, c := range []struct {
		name, src, dst string
		linkGroup      bool
	}{
		{name: "limited broadcast", src: "10.0.1.2", dst: "255.255.255.255"},
		{name: "directed broadcast (RFC 2644)", src: "10.0.1.2", dst: "10.0.2.255"},
		{name: "old broadcast form", src: "10.0.1.2", dst: "10.0.2.0"},
		{name: "multicast", src: "10.0.1.2", dst: "224.0.1.1"},
		{name: "frame for all (RFC 1812, section 5.3.4)", src: "10.0.1.2", dst: "10.0.2.2", linkGroup: true},
		{name: "link-local source (RFC 3927)", src: "169.254.1.1", dst: "10.0.2.2"},
		{name: "class E", src: "10.0.1.2", dst: "240.0.0.1"},
		{name: "loopback", src: "10.0.1.2", dst: "127.0.0.1"},
		{name: "loopback source", src: "127.0.0.1", dst: "10.0.2.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			router := b.router()
			in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
			out := b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
			defaultRoute(t, router, "10.0.2.2")
			good := ip(header.IPv4{Src: addr("10.0.1.2"), Dst: addr("10.0.2.2"), Protocol: experimental}, nil)
			in.send("10.0.1.1", good) // also fills the cache of ways
			b.run(time.Second)
			if n := len(out.take()); n != 1 {
				t.Fatalf("%d packets forwarded, want the one that is in order", n)
			}
			bad := ip(header.IPv4{Src: addr(c.src), Dst: addr(c.dst), Protocol: experimental}, nil)
			if c.linkGroup {
				in.broadcast(bad)
			} else {
				in.send("10.0.1.1", bad)
			}
			b.run(10 * time.Second) // also if it has to ask by ARP first
			if len(out.take()) != 0 {
				t.Error("it was forwarded")
			}
			if len(in.take()) != 0 {
				t.Error("it was answered")
			}
		})
	}
}

// A change of the routes reaches packets for whose destination the way is known.
func TestForwardFollowsRoutes(t *testing.T) {
	b := newBench(t)
	router := b.router()
	in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	east := b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
	west := b.attach(router, "10.0.3.1/24", "10.0.3.2", 1500)
	defaultRoute(t, router, "10.0.2.2")
	p := ip(header.IPv4{Src: addr("10.0.1.2"), Dst: addr("192.0.2.1"), Protocol: experimental}, nil)
	in.send("10.0.1.1", p)
	check(t, router.AddRoute(network.Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Gateway: addr("10.0.3.2")}))
	in.send("10.0.1.1", p)
	router.SetForwarding(false)
	in.send("10.0.1.1", p)
	b.run(time.Second)
	if e, w := len(east.take()), len(west.take()); e != 1 || w != 1 {
		t.Errorf("%d went east and %d west, want one each, and none when it is no router any more", e, w)
	}
}

// Padding ends where the packet's length says, also on its way through.
func TestForwardPadding(t *testing.T) {
	b := newBench(t)
	_, router, two := routed(b, 1500, 1500)
	in := b.attach(router, "10.0.3.1/24", "10.0.3.2", 1500)
	var got sink
	two.Handle(experimental, &got)
	h := header.IPv4{Src: addr("10.0.3.2"), Dst: addr("10.0.2.2"), Protocol: experimental}
	in.send("10.0.3.1", append(ip(h, []byte("short")), make([]byte, 21)...))
	b.run(time.Second)
	if len(got.payloads) != 1 || string(got.payloads[0]) != "short" {
		t.Errorf("received %q, want it without the padding", got.payloads)
	}
}

// RFC 791, section 3.2: all options are in the first fragment, and in the
// others those with the copied flag.
func TestFragmentOptions(t *testing.T) {
	b := newBench(t)
	router := b.router()
	in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	out := b.attach(router, "10.0.2.1/24", "10.0.2.2", 300)
	recordRoute, routerAlert := []byte{7, 7, 4, 0, 0, 0, 0}, []byte{148, 4, 0, 0}
	h := header.IPv4{
		Src: addr("10.0.1.2"), Dst: addr("10.0.2.2"), Protocol: experimental,
		Options: append(append([]byte{1}, recordRoute...), routerAlert...),
	}
	in.send("10.0.1.1", ip(h, pattern(600)))
	b.run(time.Second)
	got := out.take()
	if len(got) != 3 {
		t.Fatalf("%d fragments, want 3", len(got))
	}
	recorded := []byte{7, 7, 8, 10, 0, 2, 1} // before it was cut
	want := append(append([]byte{1}, recorded...), routerAlert...)
	for i, f := range got {
		h, _, err := header.ParseIPv4(f)
		check(t, err)
		if !bytes.Equal(h.Options, want) || len(f) > 300 {
			t.Errorf("fragment %d has %d bytes and the options %v, want %v", i, len(f), h.Options, want)
		}
		want = routerAlert
	}
}
