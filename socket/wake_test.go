package socket_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"septet/event"
	"septet/physical"
	"septet/socket"
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

// What is written in real time arrives whole and in order, however it is divided among
// reads: those that are handed what arrives, those that look for it, and those that wait
// for more than is pushed.
func TestShortExchanges(t *testing.T) {
	w := newWorld(t, event.NewReal(1), physical.Impairment{})
	defer w.loop.Close()
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 10<<10)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	go io.Copy(p, p)
	in := make([]byte, len(text))
	for round := range 2000 {
		out := text[:1+random.IntN(1<<random.IntN(14))]
		if _, err := c.Write(out); err != nil {
			t.Fatal(err)
		}
		if round%3 == 0 {
			n, err := c.(*socket.TCPConn).Socket().Recv(in[:len(out)], socket.MSG_WAITALL)
			if n != len(out) || err != nil {
				t.Fatalf("round %d: MSG_WAITALL returned %d, %v, should be all %d bytes", round, n, err, len(out))
			}
		} else {
			for n := 0; n < len(out); {
				got, err := c.Read(in[n:min(n+1+random.IntN(2*len(out)), len(out))])
				if err != nil {
					t.Fatal(err)
				}
				n += got
			}
		}
		if !bytes.Equal(in[:len(out)], out) {
			t.Fatalf("round %d: of %d bytes came others back than were sent", round, len(out))
		}
	}
}
