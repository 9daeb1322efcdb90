package socket_test

import (
	"testing"

	"septet/event"
	"septet/physical"
)

// realBench is a world on a bare wire in real time, for a benchmark.
func realBench(b *testing.B) *world {
	w := newWorld(b, event.NewReal(1), physical.Impairment{})
	b.Cleanup(w.loop.Close)
	b.ReportAllocs()
	return w
}

// BenchmarkPingPong sends one byte there and one back, between two goroutines that
// block.
func BenchmarkPingPong(b *testing.B) {
	w := realBench(b)
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	go func() {
		echo := make([]byte, 1)
		for {
			if _, err := p.Read(echo); err != nil {
				return
			}
			if _, err := p.Write(echo); err != nil {
				return
			}
		}
	}()
	one := make([]byte, 1)
	for b.Loop() {
		if _, err := c.Write(one); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(one); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConnect opens a connection and closes both ends in order, so that the
// client's goes into TIME-WAIT. There are 28,232 ports for it: -benchtime 25000x.
func BenchmarkConnect(b *testing.B) {
	w := realBench(b)
	ln, err := w.bob.Listen("tcp", ":80")
	if err != nil {
		b.Fatal(err)
	}
	end := make([]byte, 1)
	for b.Loop() {
		c, p := w.dialAndAccept(b, ln)
		c.Close()
		p.Read(end)
		p.Close()
	}
}

// BenchmarkDatagrams sends ten datagrams of 1200 bytes and receives them, in one
// goroutine.
func BenchmarkDatagrams(b *testing.B) {
	w := realBench(b)
	pc, err := w.bob.ListenPacket("udp", ":7")
	if err != nil {
		b.Fatal(err)
	}
	c, err := w.alice.Dial("udp", bobAddr+":7")
	if err != nil {
		b.Fatal(err)
	}
	out, in := make([]byte, 1200), make([]byte, 1300)
	for b.Loop() {
		for range 10 {
			c.Write(out)
		}
		for range 10 {
			pc.ReadFrom(in)
		}
	}
}
