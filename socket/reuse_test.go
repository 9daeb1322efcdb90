package socket_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"septet/physical"
	. "septet/socket"
)

// TestClosedConnKeepsItsAddresses: the memory of a connection that has ended serves
// another, but its errors still tell the old addresses.
func TestClosedConnKeepsItsAddresses(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	var closed []net.Conn
	var names []string
	for range 10 {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
		p := must[net.Conn](t)(ln.Accept())
		names = append(names, c.LocalAddr().String())
		check(t, "the server's close", p.Close())
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("read %v, want EOF: the peer has closed", err)
		}
		check(t, "the client's close", c.Close())
		closed = append(closed, c)
	}
	for i, c := range closed {
		_, err := c.Write([]byte("x"))
		if err == nil || !strings.Contains(err.Error(), names[i]) || c.LocalAddr().String() != names[i] {
			t.Errorf("connection %d from %s was closed; now it is from %v and a write says %v", i, names[i], c.LocalAddr(), err)
		}
		if got := c.RemoteAddr().String(); got != bobAddr+":80" {
			t.Errorf("connection %d was to bob's port 80; now it is to %s", i, got)
		}
	}
}

// TestEndedConnectionsAreUsedAgain: opening, using and closing connections makes no
// new ones when those before have ended.
func TestEndedConnectionsAreUsedAgain(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	one := func() {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
		p := must[net.Conn](t)(ln.Accept())
		must[int](t)(c.Write([]byte("hello")))
		b := make([]byte, 10)
		if n, err := p.Read(b); string(b[:n]) != "hello" || err != nil {
			t.Fatalf("the server read %q, %v, want what the client wrote", b[:n], err)
		}
		check(t, "linger", c.(*TCPConn).SetLinger(0)) // a reset: no TIME-WAIT
		check(t, "close", c.Close())
		check(t, "close", p.Close())
	}
	one()
	const before = 2700 // bytes of two connections alone
	const runs = 100
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	for range runs {
		one()
	}
	runtime.ReadMemStats(&m1)
	if n := (m1.TotalAlloc - m0.TotalAlloc) / runs; n > before {
		t.Errorf("%d bytes are allocated for each connection, want less than the %d of its two ends", n, before)
	}
}
