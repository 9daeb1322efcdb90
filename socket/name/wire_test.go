package name_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"septet/event"
	"septet/host"
	judge "septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/packet"
	"septet/physical"
	"septet/socket"
	"septet/socket/name"
)

// pair is a client and a nameserver, 10 ms apart, in virtual time.
type pair struct {
	station
	server *host.Host
	// queries are those that arrived, "2s 10.0.0.53:53 www.example." each.
	queries []string
	ids     []uint16
}

func newPair(t *testing.T, seed uint64) *pair {
	t.Helper()
	l := event.NewVirtual(seed)
	t.Cleanup(func() { l.Close() })
	pool := new(packet.Pool)
	delay := physical.Impairment{Delay: 10 * time.Millisecond}
	l.Lock()
	w := physical.NewWire(l, pool, 1500, delay, delay)
	l.Unlock()
	checktest.Wire(t, l, w, judge.Limits{})
	p := &pair{server: host.New(l, pool, "ns")}
	p.loop, p.host = l, host.New(l, pool, "pc1")
	p.sys = p.host.Sockets.NewProcess(false)
	_, err := p.host.Attach("eth0", w.A(), netip.MustParsePrefix("10.0.0.1/24"))
	check(t, err)
	_, err = p.server.Attach("eth0", w.B(), netip.MustParsePrefix("10.0.0.53/24"))
	check(t, err)
	t.Cleanup(func() { p.host.Close(); p.server.Close() })
	return p
}

// listen serves at an address of the server, or of the client's own loopback interface.
func (p *pair) listen(t *testing.T, at string, answer func(query []byte) [][]byte) {
	t.Helper()
	server := p.server
	if strings.HasPrefix(at, "127") {
		server = p.host
	}
	c, err := server.ListenPacket("udp4", at)
	check(t, err)
	p.loop.Go("server "+at, func() {
		b := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(b[:n]); err != nil {
				t.Errorf("a query that is no message: %v", err)
				return
			}
			since := p.server.Sockets.Now().Sub(socket.Epoch)
			p.queries = append(p.queries, fmt.Sprintf("%v %s %s", since.Round(time.Second), at, m.Questions[0].Name))
			p.ids = append(p.ids, m.ID)
			for _, a := range answer(b[:n]) {
				c.WriteTo(a, from)
			}
		}
	})
}

func zoneAnswers(query []byte) [][]byte { return answers(query, false) }

func silence([]byte) [][]byte { return nil }

// TestDialByName: a name that only a nameserver knows is dialled, over UDP and, where the
// answer does not fit, over TCP (RFC 7766, section 5).
func TestDialByName(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "search example\nnameserver 10.0.0.53\n"})
	p.listen(t, "10.0.0.53:53", zoneAnswers)
	streams, err := p.server.Listen("tcp4", "10.0.0.53:53")
	check(t, err)
	p.loop.Go("streams", func() { serveStreams(streams) })
	p.run(t, func() {
		r := p.host.Sockets.Resolver()
		all, err := r.LookupHost(context.Background(), "many")
		if err != nil || len(all) != 60 || all[59] != "10.3.0.60" {
			t.Errorf("a name with 60 addresses has %d, %v: the answer over TCP has them all", len(all), err)
		}
		c, err := p.host.Dial("udp", "ns.example:domain")
		if err != nil || c.RemoteAddr().String() != "10.0.0.53:53" {
			t.Errorf("dialling ns.example:domain: %v, want a socket for 10.0.0.53:53", err)
		}
		_, err = p.host.Dial("tcp", "nowhere.example:80")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound || !errors.Is(err, name.EAI_NONAME) {
			t.Errorf("dialling a name that is not there: %v, want a DNSError that says so with EAI_NONAME in it", err)
		}
	})
}

// TestPatience: who is asked when, if nobody answers. The times are those that glibc 2.36
// was seen to have.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		resolv string
		want   string
	}{
		{"nameserver 10.0.0.53\noptions timeout:2 attempts:3\n",
			"0s 10.0.0.53:53, 2s 10.0.0.53:53, 4s 10.0.0.53:53, 6s end"},
		{"nameserver 10.0.0.53\nnameserver 127.0.0.54\nnameserver 127.0.0.55\noptions timeout:3 attempts:2\n",
			"0s 10.0.0.53:53, 3s 127.0.0.54:53, 5s 127.0.0.55:53, 9s 10.0.0.53:53, 12s 127.0.0.54:53, 14s 127.0.0.55:53, 18s end"},
	} {
		p := newPair(t, 1)
		p.files(t, map[string]string{"/etc/resolv.conf": c.resolv})
		for _, at := range []string{"10.0.0.53:53", "127.0.0.54:53", "127.0.0.55:53"} {
			if strings.Contains(c.resolv, strings.TrimSuffix(at, ":53")) {
				p.listen(t, at, silence)
			}
		}
		p.run(t, func() {
			_, err := name.GetAddrInfo(p.sys, "x.example", "", &name.Hints{Family: socket.AF_INET})
			if err != name.EAI_AGAIN {
				t.Errorf("if nobody answers the error is %v, want EAI_AGAIN", err)
			}
			p.queries = append(p.queries, fmt.Sprintf("%v end", p.sys.Now().Sub(socket.Epoch).Round(time.Second)))
		})
		got := strings.ReplaceAll(strings.Join(p.queries, ", "), " x.example.", "")
		if got != c.want {
			t.Errorf("with\n%sit went\n%s, want\n%s", c.resolv, got, c.want)
		}
	}
}

// TestQueries: both families are asked for at once, under ids that one seed decides.
func TestQueries(t *testing.T) {
	ids := func(seed uint64) []uint16 {
		p := newPair(t, seed)
		p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\n"})
		p.listen(t, "10.0.0.53:53", zoneAnswers)
		p.run(t, func() {
			began := p.sys.Now()
			all, err := name.GetAddrInfo(p.sys, "www.example", "80", &name.Hints{SockType: socket.SOCK_STREAM})
			// The neighbour is looked for once, which takes a round trip too.
			if took := p.sys.Now().Sub(began); err != nil || len(all) != 3 || took > 45*time.Millisecond {
				t.Errorf("%d answers after %v, %v: want three after two round trips of 20 ms", len(all), took, err)
			}
		})
		return p.ids
	}
	one, again, two := ids(1), ids(1), ids(2)
	if len(one) != 2 || !slices.Equal(one, again) || slices.Equal(one, two) {
		t.Errorf("ids %v, with the same seed %v, with another %v: want two queries, of which one seed decides", one, again, two)
	}
}

// TestLookupEnds: a lookup that nobody answers ends with its context.
func TestLookupEnds(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\n"})
	p.listen(t, "10.0.0.53:53", silence)
	p.run(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := p.host.Sockets.Resolver().LookupNetIP(ctx, "ip", "www.example")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v, want that said", err)
		}
		if took := p.sys.Now().Sub(socket.Epoch); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestLookupOfAddressEnds: so does one of an address.
func TestLookupOfAddressEnds(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\n"})
	p.listen(t, "10.0.0.53:53", silence)
	p.run(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := p.host.Sockets.Resolver().LookupAddr(ctx, "10.1.0.1")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v, want that said", err)
		}
	})
}

// TestDeadline: a lookup ends at its context's deadline on the lab's clock, whichever
// server is being asked, and says that it is a time-out.
func TestDeadline(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\nnameserver 127.0.0.54\n"})
	p.listen(t, "10.0.0.53:53", silence)
	p.listen(t, "127.0.0.54:53", silence)
	p.run(t, func() {
		begun := time.Now() // the context's deadline is on this clock, which a busy machine lets run
		ctx, cancel := context.WithTimeout(context.Background(), 7*time.Second)
		defer cancel()
		r := p.host.Sockets.Resolver()
		_, err := r.LookupNetIP(ctx, "ip", "www.example")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the deadline: %v, want a DNSError that is a time-out", err)
		}
		if took := p.sys.Now().Sub(socket.Epoch); took > 7*time.Second || took < 7*time.Second-time.Since(begun) {
			t.Errorf("it took %v, want the seven seconds of the context", took)
		}
		want := "0s 10.0.0.53:53, 0s 10.0.0.53:53, 5s 127.0.0.54:53, 5s 127.0.0.54:53"
		if got := strings.ReplaceAll(strings.Join(p.queries, ", "), " www.example.", ""); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	})
}

// TestDialTimeout: the timeout of a Dialer is for finding the name, too.
func TestDialTimeout(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\n"})
	p.listen(t, "10.0.0.53:53", silence)
	p.run(t, func() {
		d := socket.Dialer{Stack: p.host.Sockets, Timeout: 3 * time.Second}
		_, err := d.Dial("tcp", "www.example:80")
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a dial whose name nobody knows in time: %v, want a time-out", err)
		}
		if took := p.sys.Now().Sub(socket.Epoch); took != 3*time.Second {
			t.Errorf("it took %v, want the three seconds of the dialer", took)
		}
	})
}

// TestRoot: the root is a name, too, that an answer may have in it.
func TestRoot(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\n"})
	p.listen(t, "10.0.0.53:53", zoneAnswers)
	p.run(t, func() {
		for _, asked := range []string{"toroot.example", "."} {
			h, err := name.GetHostByNameEx(p.sys, asked)
			if err != nil || h.Name != "." || h.Addrs[0].String() != "10.1.0.19" {
				t.Errorf("%s: %+v, %v; want the host . at 10.1.0.19", asked, h, err)
			}
		}
		h, err := name.GetHostByAddr(p.sys, netip.MustParseAddr("10.1.0.19"))
		if err != nil || h.Name != "." {
			t.Errorf("10.1.0.19: %+v, %v; want the host .", h, err)
		}
	})
}

// TestResolverShapes: what package net's Resolver would say.
func TestResolverShapes(t *testing.T) {
	p := newPair(t, 1)
	p.files(t, map[string]string{"/etc/resolv.conf": "nameserver 10.0.0.53\noptions timeout:1 attempts:1\n", "/etc/hosts": hostsText})
	p.listen(t, "10.0.0.53:53", zoneAnswers)
	ctx := context.Background()
	p.run(t, func() {
		r := p.host.Sockets.Resolver()
		show := func(v any, err error) string { return fmt.Sprintf("%v, %v", v, err) }
		for _, c := range []struct{ got, want string }{
			{show(r.LookupHost(ctx, "v4.example")), "[10.1.0.4], <nil>"},
			{show(r.LookupHost(ctx, "LOCALHOST.")), "[::1 127.0.0.1], <nil>"},
			{show(r.LookupNetIP(ctx, "ip6", "v6.example")), "[2001:db8:1::6], <nil>"},
			{show(r.LookupNetIP(ctx, "ip4", "v6.example")), "[], lookup v6.example: no such host"},
			{show(r.LookupNetIP(ctx, "ip", "127.1")), "[127.0.0.1], <nil>"},
			{show(r.LookupNetIP(ctx, "tcp", "v6.example")), "[], unknown network tcp"},
			{show(r.LookupNetIP(ctx, "ip", "")), "[], lookup : no such host"},
			{show(r.LookupHost(ctx, "fail.example")), "[], lookup fail.example: server misbehaving"},
			{show(r.LookupIPAddr(ctx, "v4.example")), "[{10.1.0.4 }], <nil>"},
			{show(r.LookupPort(ctx, "tcp", "http")), "80, <nil>"},
			{show(r.LookupPort(ctx, "udp4", "SNMP")), "161, <nil>"},
			{show(r.LookupPort(ctx, "tcp", "tftp")), "0, lookup tcp/tftp: unknown port"},
			{show(r.LookupPort(ctx, "tcp", "65536")), "0, address 65536: invalid port"},
			{show(r.LookupPort(ctx, "sctp", "http")), "0, address sctp: unknown network"},
			{show(r.LookupAddr(ctx, "10.1.0.1")), "[www.example], <nil>"},
			{show(r.LookupAddr(ctx, "10.9.0.2")), "[Both both-alias], <nil>"},
			{show(r.LookupAddr(ctx, "10.1.0.99")), "[], lookup 10.1.0.99: no such host"},
			{show(r.LookupAddr(ctx, "nothing")), "[], lookup nothing: unrecognized address"},
			{show(r.LookupCNAME(ctx, "chain.example")), "www.example., <nil>"},
		} {
			if c.got != c.want {
				t.Errorf("got  %s\nwant %s", c.got, c.want)
			}
		}
		_, err := r.LookupHost(ctx, "fail.example")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsTemporary || dns.IsNotFound || !errors.Is(err, name.EAI_AGAIN) {
			t.Errorf("a server that fails: %#v, want a temporary DNSError with EAI_AGAIN in it", err)
		}
	})
}

// TestStackWithoutMachine: sockets that were given no machine know numbers only.
func TestStackWithoutMachine(t *testing.T) {
	p := newPair(t, 1)
	bare := socket.NewStack(p.host.Network, p.host.TCP, p.host.UDP, nil)
	if r := bare.Resolver(); r != nil {
		t.Errorf("the resolver is %v", r)
	}
	sys := bare.NewProcess(true)
	if _, err := name.GetAddrInfo(sys, "localhost", "", nil); err != name.EAI_NONAME {
		t.Errorf("localhost: %v, want EAI_NONAME", err)
	}
	if all, err := name.GetAddrInfo(sys, "127.1", "80", &name.Hints{SockType: socket.SOCK_STREAM}); err != nil || all[0].Addr.String() != "127.0.0.1:80" {
		t.Errorf("127.1: %v, %v", all, err)
	}
	if s, err := sys.Hostname(); err == nil {
		t.Errorf("its name is %q", s)
	}
}
