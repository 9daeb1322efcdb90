package tcp

import (
	"bytes"
	"testing"
	"time"

	"septet/physical"
)

// A large write crosses a bare wire without being copied into the send buffer, and
// lands in the memory of a reader that waits for it: neither end borrows more memory
// than for the segment that is not acknowledged yet.
func TestLargeWritesAreNotBuffered(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	sent := content(1, 100_000)
	in := make([]byte, len(sent))
	p.loop.Lock()
	defer p.loop.Unlock()
	placement := server.c.Await(in)
	if placement == nil {
		t.Fatal("a reader with nothing to read may not wait with its own memory")
	}
	if server.c.Await(make([]byte, 10)) != nil {
		t.Error("two readers may place the same bytes")
	}
	n, err := client.c.WriteThrough(sent)
	if n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if held := len(client.c.snd.mem) + len(server.c.rcv.mem); held > 2*minRing {
		t.Errorf("%d bytes of buffers hold what need not be copied", held)
	}
	if placed := server.c.Collect(placement); placed < n-2*int(server.c.largest) || !bytes.Equal(in[:placed], sent[:placed]) {
		t.Errorf("%d of %d bytes are where the reader wants them", placed, n)
	}
}

// A writer who waits has what he has left taken as there comes to be room for it, until he
// is told how much that was, or has ended his side.
func TestRoomIsFilledForAWriterWhoWaits(t *testing.T) {
	for _, closed := range []bool{false, true} {
		slow := physical.Impairment{Delay: time.Millisecond}
		p := newPair(t, 1, slow, slow)
		client, server := p.connectAs(p.listen(80), Options{SendBuffer: minBuffer})
		sent, other := content(1, 4*minBuffer), content(2, 4*minBuffer)
		written, err := client.c.Write(sent)
		if written != minBuffer || err != nil {
			t.Fatalf("%d bytes were written (%v), want a send buffer of %d", written, err, minBuffer)
		}
		lent := client.c.AwaitRoom(sent[written:])
		if lent == nil || client.c.AwaitRoom(other) != nil {
			t.Fatal("one writer may have his bytes taken, and only one")
		}
		if closed {
			client.CloseWrite()
		}
		p.run(t, 5*time.Millisecond)
		more := client.c.CollectWritten(lent)
		copy(sent[written+more:], other)
		if !closed && client.c.AwaitRoom(nil) == nil {
			t.Error("nobody waits any more, and another writer may not")
		}
		p.run(t, time.Second)
		got := make([]byte, len(sent))
		n, _ := server.c.Read(got)
		switch {
		case n != written+more || !bytes.Equal(got[:n], sent[:n]):
			t.Errorf("closed %v: %d and %d bytes were taken and %d have arrived, or others", closed, written, more, n)
		case closed && more > 0:
			t.Errorf("%d bytes were taken after the user had ended his side", more)
		case !closed && (more < minBuffer || more == len(sent)-written):
			t.Errorf("%d bytes were taken in 5 ms of a round trip of 2, want a send buffer of %d for each", more, minBuffer)
		}
	}
}

// What is urgent stays out of the memory of a waiting reader, which stops before it.
func TestUrgentDataIsNotPlaced(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	p.loop.Lock()
	defer p.loop.Unlock()
	in := make([]byte, 100)
	placement := server.c.Await(in)
	client.c.Write([]byte("before"))
	client.c.WriteUrgent([]byte("!"))
	client.c.Write([]byte("after"))
	p.loop.Settle()
	n := server.c.Collect(placement)
	rest := make([]byte, 100)
	m, err := server.c.Read(rest)
	if got := string(in[:n]) + "|" + string(rest[:m]); got != "before|after" || err != nil {
		t.Errorf("read %q, and %v: the urgent byte belongs between the two, and to neither", got, err)
	}
}
