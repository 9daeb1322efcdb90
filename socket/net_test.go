package socket_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"septet/event"
	"septet/host"
	judge "septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/packet"
	"septet/physical"
)

// world is two hosts on one wire: alice, 10.0.0.1, and bob, 10.0.0.2.
type world struct {
	loop       *event.Loop
	pool       *packet.Pool
	wire       *physical.Wire
	alice, bob *host.Host
}

const (
	aliceAddr = "10.0.0.1"
	bobAddr   = "10.0.0.2"
)

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
	attach := func(h *host.Host, p physical.Port, prefix string) {
		if _, err := h.Attach("eth0", p, netip.MustParsePrefix(prefix)); err != nil {
			t.Fatalf("attach %s: %v", h.Name(), err)
		}
	}
	attach(w.alice, w.wire.A(), aliceAddr+"/24")
	attach(w.bob, w.wire.B(), bobAddr+"/24")
	w.alice.Hosts.Add("bob", netip.MustParseAddr(bobAddr))
	w.bob.Hosts.Add("alice", netip.MustParseAddr(aliceAddr))
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
	c1, err = w.alice.Dial("tcp", net.JoinHostPort(bobAddr, port))
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
