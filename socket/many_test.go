package socket_test

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

const many = 10_000

// noMoreGoroutines checks that there are no more than before. One that has just
// done its last work may take a moment to be gone.
func noMoreGoroutines(t *testing.T, before int) {
	t.Helper()
	for begin := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(begin) > 5*time.Second {
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
			return
		}
	}
}

// TestManyConnections: ten thousand connections are open at once, every one
// talks, and when they are closed nothing is left: no socket, connection, timer,
// port, packet or goroutine.
func TestManyConnections(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	var ends [][2]net.Conn
	for range many {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
		p := must[net.Conn](t)(ln.Accept())
		ends = append(ends, [2]net.Conn{c, p})
	}
	if n := w.alice.TCP.Count(); n != many {
		t.Fatalf("alice has %d connections, want %d", n, many)
	}
	b := make([]byte, 16)
	for i, e := range ends {
		must[int](t)(e[0].Write([]byte("question")))
		n := must[int](t)(e[1].Read(b))
		must[int](t)(e[1].Write(b[:n]))
		if n := must[int](t)(e[0].Read(b)); string(b[:n]) != "question" {
			t.Fatalf("connection %d: the answer is %q", i, b[:n])
		}
	}
	for i, e := range ends {
		check(t, "close", e[0].Close())
		if _, err := e[1].Read(b); err != io.EOF {
			t.Fatalf("connection %d: read after the peer's close: %v, want EOF", i, err)
		}
		check(t, "close", e[1].Close())
	}
	check(t, "close", ln.Close())
	// TIME-WAIT takes a minute; after it nothing may be left to happen.
	check(t, "run", w.loop.Run(event.Never))
	if now := w.loop.Now(); now > event.Time(10*time.Minute) {
		t.Errorf("the last timer expired at %v: something lived on after TIME-WAIT", now)
	}
	if n := w.alice.TCP.Count() + w.bob.TCP.Count(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	for _, h := range []interface {
		Socket(int, int, int) (*Socket, error)
	}{w.alice, w.bob} {
		s := must[*Socket](t)(h.Socket(inet, SOCK_STREAM, 0))
		check(t, "binding port 80 again", s.Bind(netip.AddrPortFrom(netip.Addr{}, 80)))
	}
	w.shutDown(t)
	noMoreGoroutines(t, goroutines)
}

// TestManyClients is the same on the real-time loop, with a goroutine for each of
// a few hundred clients at once.
func TestManyClients(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	l := event.NewReal(1)
	w := newWorld(t, l, physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":7"))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { io.Copy(c, c); c.Close() })
		}
	})
	var clients sync.WaitGroup
	for range 300 {
		clients.Go(func() {
			for range 5 {
				c, err := w.alice.Dial("tcp", bobAddr+":7")
				if err != nil {
					t.Errorf("dial: %v", err)
					return
				}
				c.Write([]byte("hello"))
				c.(*TCPConn).CloseWrite()
				if b, err := io.ReadAll(c); string(b) != "hello" || err != nil {
					t.Errorf("the echo is %q, %v", b, err)
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	ln.Close()
	all.Wait()
	w.alice.Close()
	w.bob.Close()
	l.Close()
	if n := w.alice.Sockets.Open() + w.bob.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
	if n := w.pool.Live(); n != 0 {
		t.Errorf("%d packets are left", n)
	}
	noMoreGoroutines(t, goroutines)
}

// BenchmarkIdleConnection reports the memory of a connection at rest, both ends
// and their sockets.
func BenchmarkIdleConnection(b *testing.B) {
	w := newWorldUnjudged(b, event.NewVirtual(1), physical.Impairment{})
	ln, err := w.bob.Listen("tcp", ":80")
	if err != nil {
		b.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var ends []net.Conn
	before := heap()
	n := 0
	for b.Loop() {
		if n++; n > 20_000 {
			continue // there are 28,000 ephemeral ports
		}
		c, err := w.alice.Dial("tcp", bobAddr+":80")
		if err != nil {
			b.Fatal(err)
		}
		p, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		ends = append(ends, c, p)
	}
	b.ReportMetric(float64(heap()-before)/float64(len(ends)/2), "B/connection")
	runtime.KeepAlive(ends)
}

// BenchmarkRoundTrip sends one byte there and one back, in one goroutine.
func BenchmarkRoundTrip(b *testing.B) {
	w := newWorldUnjudged(b, event.NewVirtual(1), physical.Impairment{})
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	buf := []byte{1}
	b.ReportAllocs()
	for b.Loop() {
		c.Write(buf)
		p.Read(buf)
		p.Write(buf)
		c.Read(buf)
	}
}

// BenchmarkOpenClose opens a connection, accepts it and closes both ends.
func BenchmarkOpenClose(b *testing.B) {
	w := newWorldUnjudged(b, event.NewReal(1), physical.Impairment{})
	defer w.loop.Close()
	ln, err := w.bob.Listen("tcp", ":80")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, p := w.dialAndAccept(b, ln)
		c.(*TCPConn).SetLinger(0)
		c.Close()
		p.Close()
	}
}

// BenchmarkBulk writes a stream that another goroutine reads.
func BenchmarkBulk(b *testing.B) {
	w := newWorldUnjudged(b, event.NewReal(1), physical.Impairment{})
	defer w.loop.Close()
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	done := make(chan struct{})
	go func() {
		io.Copy(io.Discard, p)
		close(done)
	}()
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		c.Write(buf)
	}
	c.Close()
	<-done
}

// dialAndAccept opens a connection from alice to bob's port 80, on which ln listens. It
// is part of what is measured, and b.Helper would cost 2,000 instructions.
func (w *world) dialAndAccept(b *testing.B, ln net.Listener) (client, server net.Conn) {
	client, err := w.alice.Dial("tcp", bobAddr+":80")
	if err != nil {
		b.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	return client, server
}
