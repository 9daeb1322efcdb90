package socket_test

import (
	"flag"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"septet/event"
	"septet/host"
	judge "septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/packet"
	"septet/physical"
	. "septet/socket"
)

// world is two hosts on one wire: alice, 10.0.0.1, and bob, 10.0.0.2; or with -ipv6,
// 2001:db8::1 and 2001:db8::2.
type world struct {
	loop       *event.Loop
	pool       *packet.Pool
	wire       *physical.Wire
	alice, bob *host.Host
}

var overIPv6 = flag.Bool("ipv6", false, "run the tests over IPv6")

// The two addresses, as they stand in front of a port, and their family.
var (
	aliceAddr = "10.0.0.1"
	bobAddr   = "10.0.0.2"
	inet      = AF_INET
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *overIPv6 {
		aliceAddr, bobAddr, inet = "[2001:db8::1]", "[2001:db8::2]", AF_INET6
	}
	os.Exit(m.Run())
}

// ip returns one of the addresses by itself.
func ip(address string) netip.Addr { return netip.MustParseAddr(strings.Trim(address, "[]")) }

// nobodyAt returns an address beside alice and bob that nobody has.
func nobodyAt() netip.Addr {
	b := ip(bobAddr).AsSlice()
	b[len(b)-1] = 77
	a, _ := netip.AddrFromSlice(b)
	return a
}

// needsIPv4 skips a test about what only that has.
func needsIPv4(t *testing.T, why string) {
	t.Helper()
	if *overIPv6 {
		t.Skip("of IPv4 alone: " + why)
	}
}

// newWorld returns alice and bob on one wire. In simulated time what crosses it is
// judged by the rules of TCP.
func newWorld(t testing.TB, l *event.Loop, i physical.Impairment) *world {
	t.Helper()
	w := newWorldUnjudged(t, l, i)
	if l.Simulated() {
		checktest.Wire(t, l, w.wire, judge.Limits{})
	}
	return w
}

// newWorldUnjudged returns a world at which nobody looks, to measure it.
func newWorldUnjudged(t testing.TB, l *event.Loop, i physical.Impairment) *world {
	t.Helper()
	w := &world{loop: l, pool: new(packet.Pool)}
	l.Lock()
	w.wire = physical.NewWire(l, w.pool, 1500, i, i) // Unjudged: by whom calls it
	l.Unlock()
	w.alice = host.New(l, w.pool, "alice")
	w.bob = host.New(l, w.pool, "bob")
	attach := func(h *host.Host, p physical.Port, a netip.Addr) {
		if _, err := h.Attach("eth0", p, netip.PrefixFrom(a, a.BitLen()*3/4)); err != nil {
			t.Fatalf("attach %s: %v", h.Name(), err)
		}
	}
	attach(w.alice, w.wire.A(), ip(aliceAddr))
	attach(w.bob, w.wire.B(), ip(bobAddr))
	w.alice.Hosts.Add("bob", ip(bobAddr))
	w.bob.Hosts.Add("alice", ip(aliceAddr))
	return w
}

// realWorld is a world in real time that ends with the test.
func realWorld(t testing.TB, i physical.Impairment) *world {
	l := event.NewReal(1)
	w := newWorld(t, l, i)
	t.Cleanup(func() {
		w.alice.Close()
		w.bob.Close()
		l.Close()
	})
	return w
}

// tcpPipe makes connected pairs for nettest.
func (w *world) tcpPipe() (c1, c2 net.Conn, stop func(), err error) {
	ln, err := w.bob.Listen("tcp", ":0")
	if err != nil {
		return nil, nil, nil, err
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	c1, err = w.alice.Dial("tcp", bobAddr+":"+port)
	if err != nil {
		return nil, nil, nil, err
	}
	c2, err = ln.Accept()
	if err != nil {
		return nil, nil, nil, err
	}
	return c1, c2, func() { c1.Close(); c2.Close() }, nil
}

// TestNettest: a connection is a net.Conn in every respect that x/net/nettest
// knows, on a bare wire and on one that takes a millisecond.
func TestNettest(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		nettest.TestConn(t, realWorld(t, physical.Impairment{}).tcpPipe)
	})
	t.Run("1ms", func(t *testing.T) {
		nettest.TestConn(t, realWorld(t, physical.Impairment{Delay: time.Millisecond}).tcpPipe)
	})
}

// notUnderRace leaves out, with -short and the race detector, what is the work of one
// goroutine and takes minutes with it.
func notUnderRace(t *testing.T) {
	if underRace {
		t.Skip("with -short and the race detector: one goroutine alone works here, for minutes")
	}
}
