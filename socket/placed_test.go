package socket_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// resetAfterText has a peer send a few bytes and a reset at the same moment, while
// read waits for them, and returns what read and the read after it say.
func resetAfterText(t *testing.T, flags int) (first, second string, err error) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	w.loop.Go("reader", func() {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80")).(*TCPConn).Socket()
		b := make([]byte, 10)
		n, e := c.Recv(b, flags)
		if e != nil {
			t.Errorf("the first read says %v, want the bytes that came before the reset", e)
		}
		first = string(b[:n])
		n, err = c.Recv(b, flags)
		second = string(b[:n])
	})
	w.loop.Go("peer", func() {
		p := must[net.Conn](t)(ln.Accept())
		check(t, "sleep", w.loop.Sleep(1e6))
		must[int](t)(p.Write([]byte("last")))
		check(t, "linger", p.(*TCPConn).SetLinger(0))
		check(t, "close", p.Close())
	})
	check(t, "run", w.loop.Run(event.Never))
	return first, second, err
}

// TestResetIsToldAfterPlacedBytes: bytes that were placed with a reader that waits are
// told by its call, and the reset that came behind them by the next. Were it told by
// neither, a connection that was cut off would look like one that has ended.
func TestResetIsToldAfterPlacedBytes(t *testing.T) {
	for _, flags := range []int{0, MSG_WAITALL} {
		first, second, err := resetAfterText(t, flags)
		if first != "last" || second != "" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("flags %#x: read %q, then %q and %v, want \"last\", then ECONNRESET", flags, first, second, err)
		}
	}
}

// TestResetIsToldAfterShortSend: a Send that a reset cuts short says how much it has
// taken, and the next call says why, as on Linux.
func TestResetIsToldAfterShortSend(t *testing.T) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	w.loop.Go("sender", func() {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80")).(*TCPConn).Socket()
		b := make([]byte, 64<<20) // more than all buffers have room for
		if n, err := c.Send(b, 0); n == 0 || n == len(b) || err != nil {
			t.Errorf("%d bytes were taken, and %v, want a part and no error", n, err)
		}
		if n, err := c.Send(b, 0); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the next call says %d and %v, want ECONNRESET", n, err)
		}
		if n, err := c.Send(b, 0); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the call after it says %d and %v, want EPIPE", n, err)
		}
	})
	w.loop.Go("peer", func() {
		p := must[net.Conn](t)(ln.Accept())
		check(t, "sleep", w.loop.Sleep(1e6))
		check(t, "linger", p.(*TCPConn).SetLinger(0))
		check(t, "close", p.Close())
	})
	check(t, "run", w.loop.Run(event.Never))
}
