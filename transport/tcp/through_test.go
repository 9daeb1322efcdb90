package tcp

import (
	"bytes"
	"testing"

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
