package udp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
	"septet/transport/udp"
)

// pair is two hosts, 10.0.0.1 and 10.0.0.2, on a bare wire in virtual time.
type pair struct {
	t          testing.TB
	loop       *event.Loop
	pool       *packet.Pool
	wire       *physical.Wire
	netA, netB *network.Layer
	a, b       *udp.Layer
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t, loop: event.NewVirtual(1), pool: new(packet.Pool)}
	p.wire = physical.NewWire(p.loop, p.pool, mtu(), physical.Impairment{}, physical.Impairment{})
	p.netA, p.netB = network.New(p.loop, p.pool), network.New(p.loop, p.pool)
	p.attach(p.netA, "eth0", 1, p.wire.A(), "10.0.0.1/24")
	p.attach(p.netB, "eth0", 2, p.wire.B(), "10.0.0.2/24")
	for _, n := range []*network.Layer{p.netA, p.netB} {
		check(t, n.AddRoute(network.Route{Prefix: prefix("0.0.0.0/0"), Gateway: host("10.0.0.99")}))
	}
	p.a, p.b = udp.New(p.netA), udp.New(p.netB)
	return p
}

// attach gives a host a card with an address.
func (p *pair) attach(n *network.Layer, name string, last byte, port physical.Port, address string) {
	p.t.Helper()
	i, err := n.AddInterface(link.NewNIC(p.loop, p.pool, name, header.MAC{2, 0, 0, 0, 0, last}, port), netip.Prefix{})
	check(p.t, err)
	check(p.t, i.AddAddress(prefix(address)))
}

// run lets a second pass.
func (p *pair) run() { _ = p.loop.Run(p.loop.Now().Add(time.Second)) }

// bind returns an endpoint bound to an address and port.
func (p *pair) bind(l *udp.Layer, local string) *udp.Endpoint {
	p.t.Helper()
	e := l.Open(every())
	check(p.t, e.Bind(addr(local)))
	return e
}

// settle ends a turn, so that what was sent arrives.
func (p *pair) settle() {
	p.loop.Lock()
	defer p.loop.Unlock()
}

// send sends and lets it arrive.
func (p *pair) send(e *udp.Endpoint, payload, to string) {
	p.t.Helper()
	check(p.t, e.Send([]byte(payload), addr(to)))
	p.run()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receive returns what waits at an endpoint, "" for nothing.
func receive(e *udp.Endpoint) string {
	b := make([]byte, 1<<16)
	n, _, _, ok := e.Receive(b)
	if !ok {
		return ""
	}
	return string(b[:n])
}

func TestSendReceive(t *testing.T) {
	p := newPair(t)
	server := p.bind(p.b, "0.0.0.0:53")
	client := p.a.Open(every())
	sizes := []int{5, 0, 1472, 1473, 65507, 1}
	for _, n := range sizes {
		check(t, client.Send(bytes.Repeat([]byte{byte(n)}, n), addr("10.0.0.2:53")))
		p.run()
	}
	for _, n := range sizes {
		b := make([]byte, 1<<16)
		got, from, to, ok := server.Receive(b)
		if !ok || got != n || !bytes.Equal(b[:got], bytes.Repeat([]byte{byte(n)}, n)) {
			t.Errorf("received %d bytes (%v), want the datagram of %d, in order and whole", got, ok, n)
		}
		if from != netip.AddrPortFrom(host("10.0.0.1"), client.Local().Port()) || to != host("10.0.0.2") {
			t.Errorf("from %v to %v, want from 10.0.0.1 and the port of the sender to 10.0.0.2", from, to)
		}
	}
	if _, _, _, ok := server.Receive(nil); ok {
		t.Error("more was received than was sent")
	}
	// What does not fit is lost; the next datagram is not touched by that.
	p.send(client, "123456789", "10.0.0.2:53")
	p.send(client, "abc", "10.0.0.2:53")
	b := make([]byte, 4)
	if n, _, _, _ := server.Peek(b); n != 9 || string(b) != "1234" {
		t.Errorf("peeked %q of %d, want 1234 of 9", b, n)
	}
	if n, _, _, _ := server.Receive(b); n != 4 || string(b) != "1234" {
		t.Errorf("received %q, want 1234", b[:n])
	}
	if got := receive(server); got != "abc" {
		t.Errorf("then %q, want abc", got)
	}
}

func TestSendErrors(t *testing.T) {
	p := newPair(t)
	e := p.a.Open(every())
	longest := udp.MaxPayload
	if *overIPv6 {
		longest = udp.MaxPayload6
	}
	for _, c := range []struct {
		name   string
		n      int
		to     netip.AddrPort
		want   error
		ofIPv4 bool
	}{
		{name: "no destination", n: 1, want: syscall.EDESTADDRREQ},
		{name: "port 0", n: 1, to: addr("10.0.0.2:0"), want: syscall.EINVAL},
		{name: "too long", n: longest + 1, to: addr("10.0.0.2:53"), want: syscall.EMSGSIZE},
		{name: "broadcast without leave", n: 1, to: addr("10.0.0.255:53"), want: syscall.EACCES, ofIPv4: true},
		{name: "all without leave", n: 1, to: addr("255.255.255.255:53"), want: syscall.EACCES, ofIPv4: true},
		{name: "no route", n: 1, to: addr("240.0.0.1:53"), want: syscall.ENETUNREACH, ofIPv4: true},
		{name: "IPv6", n: 1, to: addr("[2001:db8::1]:53"), want: syscall.ENETUNREACH, ofIPv4: true},
	} {
		if c.ofIPv4 && *overIPv6 {
			continue
		}
		if err := e.Send(make([]byte, c.n), c.to); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if err := e.Connect(addr("10.0.0.255:53")); err != syscall.EACCES && !*overIPv6 {
		t.Errorf("connecting to a broadcast address without leave: %v, want EACCES", err)
	}
	e.Close()
	if err := e.Send(nil, addr("10.0.0.2:53")); err != syscall.EBADF {
		t.Errorf("after Close: %v, want EBADF", err)
	}
}

// The most specific endpoint gets a datagram: connected to the sender, bound to
// the address, bound to any.
func TestDemultiplex(t *testing.T) {
	p := newPair(t)
	share := func(local, remote string) *udp.Endpoint {
		e := p.b.Open(every())
		e.SetReuseAddress(true)
		check(t, e.Bind(addr(local)))
		if remote != "" {
			check(t, e.Connect(addr(remote)))
		}
		return e
	}
	wild := share("0.0.0.0:7", "")
	one := share("10.0.0.2:7", "")
	connected := share("10.0.0.2:7", "10.0.0.1:1111")
	alsoOne := share("10.0.0.2:7", "10.0.0.1:3333")
	x, y := p.bind(p.a, "0.0.0.0:1111"), p.bind(p.a, "0.0.0.0:2222")
	local := p.b.Open(every())
	for _, c := range []struct {
		name string
		from *udp.Endpoint
		to   string
		want *udp.Endpoint
	}{
		{"from the connected peer", x, "10.0.0.2:7", connected},
		{"from another port of it", y, "10.0.0.2:7", one},
		{"to an address nobody else is bound to", local, "127.0.0.1:7", wild},
	} {
		p.send(c.from, "?", c.to)
		for name, e := range map[string]*udp.Endpoint{"any": wild, "one": one, "connected": connected, "connected to another": alsoOne} {
			if got := receive(e); (got == "?") != (e == c.want) {
				t.Errorf("%s: the endpoint %q received %q", c.name, name, got)
			}
		}
	}
}

// A connected endpoint sends without a destination and hears only its peer.
func TestConnect(t *testing.T) {
	p := newPair(t)
	server := p.bind(p.b, "0.0.0.0:7")
	stranger := p.bind(p.b, "0.0.0.0:8")
	client := p.a.Open(every())
	check(t, client.Connect(addr("10.0.0.2:7")))
	if client.Local().Addr() != host("10.0.0.1") || client.Remote() != addr("10.0.0.2:7") {
		t.Errorf("connected from %v to %v, want from 10.0.0.1 to 10.0.0.2:7", client.Local(), client.Remote())
	}
	check(t, client.Send([]byte("hello"), netip.AddrPort{}))
	p.run()
	if got := receive(server); got != "hello" {
		t.Errorf("the server received %q", got)
	}
	p.send(stranger, "pst", client.Local().String())
	p.send(server, "yes?", client.Local().String())
	if got := receive(client); got != "yes?" {
		t.Errorf("received %q, want only what the peer has sent", got)
	}
	// An ephemeral port goes back with the peer; a bound one stays.
	client.Disconnect()
	if client.Local().IsValid() || client.Remote().IsValid() {
		t.Errorf("after Disconnect bound to %v, connected to %v", client.Local(), client.Remote())
	}
	bound := p.bind(p.a, "0.0.0.0:99")
	check(t, bound.Connect(addr("127.0.0.1:7")))
	if bound.Local() != addr("127.0.0.1:99") {
		t.Errorf("connected to localhost from %v, want 127.0.0.1:99", bound.Local())
	}
	// As on Linux the source is still localhost: of IPv4 that is refused at once, of IPv6
	// what is sent gets nowhere.
	var refused error = syscall.EINVAL
	if *overIPv6 {
		refused = nil
	}
	if err := bound.Connect(addr("10.0.0.2:7")); err != refused {
		t.Errorf("connected again, to the other host: %v, want %v", err, refused)
	}
	bound.Disconnect()
	check(t, bound.Connect(addr("10.0.0.2:7")))
	if bound.Local() != addr("10.0.0.1:99") {
		t.Errorf("connected again, to the other host, from %v, want 10.0.0.1:99", bound.Local())
	}
	bound.Disconnect()
	if bound.Local() != addr("0.0.0.0:99") {
		t.Errorf("after Disconnect bound to %v, want 0.0.0.0:99", bound.Local())
	}
	// RFC 1122 has 0.0.0.0 as no destination; on Linux it is this host.
	check(t, bound.Connect(addr("0.0.0.0:7")))
	if bound.Remote() != addr("127.0.0.1:7") {
		t.Errorf("connected to %v, want 127.0.0.1:7", bound.Remote())
	}
}

func TestBroadcast(t *testing.T) {
	ofIPv4(t, "IPv6 has no broadcast")
	p := newPair(t)
	listen := func(local string) *udp.Endpoint {
		e := p.b.Open(every())
		e.SetReuseAddress(true)
		check(t, e.Bind(addr(local)))
		return e
	}
	wild, also := listen("0.0.0.0:7"), listen("0.0.0.0:7")
	group, one := listen("10.0.0.255:7"), listen("10.0.0.2:7")
	elsewhere := listen("10.0.0.255:7")
	check(t, elsewhere.Connect(addr("10.0.0.1:4444")))
	sender := p.a.Open(every())
	sender.SetBroadcast(true)
	p.send(sender, "all", "10.0.0.255:7")
	for name, c := range map[string]struct {
		e    *udp.Endpoint
		want string
	}{"any": {wild, "all"}, "also any": {also, "all"}, "the broadcast address": {group, "all"}, "one address": {one, ""}, "connected to another": {elsewhere, ""}} {
		if got := receive(c.e); got != c.want {
			t.Errorf("bound to %s: received %q, want %q", name, got, c.want)
		}
	}
	p.send(sender, "nobody", "10.0.0.255:9")
	if n := p.netB.Stats().ICMPErrorsSent; n != 0 {
		t.Error("a broadcast to a port without anybody was answered by an ICMP error")
	}
	p.send(sender, "every", "255.255.255.255:7")
	if got := receive(wild); got != "every" {
		t.Errorf("received %q of a limited broadcast", got)
	}
	if p.send(group, "from me", "10.0.0.1:5"); receive(group) != "" {
		t.Error("an endpoint bound to a broadcast address heard itself")
	}
}

// Port unreachable is reported to a connected endpoint, once, and to no other.
func TestPortUnreachable(t *testing.T) {
	p := newPair(t)
	connected, loose := p.a.Open(every()), p.a.Open(every())
	check(t, connected.Connect(addr("10.0.0.2:9")))
	check(t, connected.Send([]byte("anybody?"), netip.AddrPort{}))
	check(t, loose.Send([]byte("anybody?"), addr("10.0.0.2:9")))
	p.run()
	if err := loose.TakeError(); err != nil {
		t.Errorf("the unconnected endpoint was told %v", err)
	}
	if err := connected.TakeError(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the connected endpoint was told %v, want ECONNREFUSED", err)
	}
	if err := connected.TakeError(); err != nil {
		t.Errorf("it was told again: %v", err)
	}
	check(t, connected.Send([]byte("anybody?"), netip.AddrPort{}))
	p.run()
	if err := connected.Send(nil, netip.AddrPort{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the next Send returned %v, want ECONNREFUSED", err)
	}
	check(t, connected.Send(nil, netip.AddrPort{}))
	if n := p.b.Stats().NoPort; n != 3 {
		t.Errorf("the other host counts %d datagrams without a port, want 3", n)
	}
	p.run()
}

// A soft error passes, perhaps, and is not reported, as on Linux.
func TestSoftError(t *testing.T) {
	p := newPair(t)
	e := p.a.Open(every())
	check(t, e.Connect(addr("10.0.0.77:9")))
	check(t, e.Send([]byte("anybody?"), netip.AddrPort{}))
	for range 10 {
		p.run()
	}
	if p.a.Stats().Errors != 1 {
		t.Fatal("host unreachable did not come up to UDP")
	}
	if err := e.TakeError(); err != nil {
		t.Errorf("the endpoint was told %v", err)
	}
}

// An endpoint without an address of its own sends from the one that fits the
// way, also when the way changes.
func TestSourceFollowsRoute(t *testing.T) {
	p := newPair(t)
	server := p.bind(p.b, "0.0.0.0:7")
	client := p.bind(p.b, "0.0.0.0:8")
	source := func() string {
		p.send(client, "x", "10.0.7.1:7")
		_, from, _, ok := server.Receive(nil)
		if !ok {
			return "nobody"
		}
		return from.Addr().String()
	}
	if got := source(); got != "nobody" {
		t.Fatalf("10.0.7.1 is not there yet, but %s sent to it", got)
	}
	far := physical.NewWire(p.loop, p.pool, mtu(), physical.Impairment{}, physical.Impairment{})
	p.attach(p.netB, "eth1", 3, far.A(), "10.0.7.1/24")
	if got := source(); got != host("10.0.7.1").String() {
		t.Errorf("sent from %s, want from 10.0.7.1, which is the host's now", got)
	}
}

// TestFlowFollowsBindings: the same sender's next datagram goes to whoever is to
// have it then, whatever was true for the one before.
func TestFlowFollowsBindings(t *testing.T) {
	p := newPair(t)
	client := p.bind(p.a, "0.0.0.0:9")
	wild := p.bind(p.b, "0.0.0.0:7")
	want := func(e *udp.Endpoint, why string) {
		t.Helper()
		p.send(client, "x", "10.0.0.2:7")
		if receive(e) != "x" {
			t.Error(why)
		}
	}
	want(wild, "a datagram goes to the endpoint on all addresses")
	wild.SetReuseAddress(true)
	one := p.b.Open(every())
	one.SetReuseAddress(true)
	check(t, one.Bind(addr("10.0.0.2:7")))
	want(one, "a datagram goes to the endpoint on its address, now that there is one")
	check(t, one.Connect(addr("10.0.0.1:10")))
	want(wild, "a datagram goes past an endpoint that is connected to another peer")
	one.Disconnect()
	want(one, "a datagram goes to the endpoint on its address, which has no peer any more")
	one.Close()
	want(wild, "a datagram goes to the endpoint that is left")
	wild.Close()
	p.send(client, "x", "10.0.0.2:7")
	if n := p.b.Stats().NoPort; n != 1 {
		t.Errorf("%d datagrams found no port, want the one sent when nobody was bound", n)
	}
}
