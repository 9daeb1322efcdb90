package socket_test

import (
	"testing"
	"time"

	"septet/event"
	"septet/packet"
	"septet/physical"
	. "septet/socket"
)

// frames counts what a wire carries.
type frames int

func (f *frames) Frame(event.Time, physical.Direction, physical.Event, *packet.Packet) { *f++ }

// BenchmarkStream writes a stream, 128 KiB at a time, to a reader that waits for it.
// Every frame is seen by a watch. In virtual time nothing else happens in between, so
// that instructions can be counted (valgrind --tool=callgrind).
func BenchmarkStream(b *testing.B) {
	w := newWorldUnjudged(b, event.NewVirtual(1), physical.Impairment{})
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	var seen frames
	w.wire.Watch(&seen)
	out, in := make([]byte, 128<<10), make([]byte, 256<<10)
	w.loop.Go("reader", func() {
		for {
			if _, err := p.Read(in); err != nil {
				return
			}
		}
	})
	w.loop.Go("writer", func() {
		for range b.N {
			if _, err := c.Write(out); err != nil {
				b.Error(err)
			}
		}
		c.Close()
	})
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	b.ResetTimer()
	w.loop.Run(event.Never)
	if least := b.N * len(out) / 1448; int(seen) < least {
		b.Errorf("%d frames were seen, fewer than the %d that the stream takes", seen, least)
	}
}

// TestWriteGoesOnIntoTheRoomItHasMade: most of a long write is acknowledged before the
// call returns. It does not wait for room that is there already, which nothing but a
// delayed acknowledgement would tell it of.
func TestWriteGoesOnIntoTheRoomItHasMade(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	c, p, stop, err := w.tcpPipe()
	if err != nil {
		t.Fatal(err)
	}
	const size, writes = 128 << 10, 20
	check(t, "send buffer", c.(*TCPConn).SetWriteBuffer(size))
	check(t, "receive buffer", p.(*TCPConn).SetReadBuffer(size))
	got := 0
	reader := func() {
		in := make([]byte, 2*size)
		for {
			n, err := p.Read(in)
			if got += n; err != nil {
				return
			}
		}
	}
	writer := func() {
		begun := w.loop.Now()
		for range writes {
			must[int](t)(c.Write(make([]byte, size)))
		}
		if took := w.loop.Now().Sub(begun); took > time.Millisecond {
			t.Errorf("%d writes as long as the send buffer took %v on a wire without delay: they waited for room that was there", writes, took)
		}
		c.Close()
	}
	w.run(t, map[string]func(){"server": reader, "client": writer})
	stop()
	if got != writes*size {
		t.Errorf("%d bytes of %d have arrived", got, writes*size)
	}
}
