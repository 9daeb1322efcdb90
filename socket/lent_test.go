package socket_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// A write that waits for room goes on while it sleeps, with what the peer acknowledges.
// However it ends, it says how much it has written, and that is what the peer gets.

// longWrite has alice write size bytes, many times what the buffers have room for, to bob,
// who reads all; meanwhile, after 100 ms, ends does something with alice's connection. It
// returns what Write has said. bob must have got exactly that, or after a reset not more.
func longWrite(t *testing.T, size int, wait time.Duration, ends func(c *TCPConn)) (n int, err error) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: 5 * time.Millisecond, Rate: 100e6})
	const buffer = 16 << 10
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	out, c := counted(0, size), (*TCPConn)(nil)
	var got []byte
	var end error
	w.run(t, map[string]func(){
		"server": func() {
			p := must[net.Conn](t)(ln.Accept())
			got, end = io.ReadAll(p)
			p.Close()
		},
		"client": func() {
			c = must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80")).(*TCPConn)
			check(t, "send buffer", c.SetWriteBuffer(buffer))
			n, err = c.Write(out)
			check(t, "sleep", w.loop.Sleep(wait))
			c.Close()
		},
		"other": func() {
			check(t, "sleep", w.loop.Sleep(100*time.Millisecond))
			if ends != nil {
				ends(c)
			}
		},
	})
	reset := errors.Is(end, syscall.ECONNRESET)
	if !bytes.HasPrefix(out, got) || len(got) > n || len(got) < n && !reset {
		t.Errorf("Write says that it has written %d bytes (%v), and the peer has read %d (%v), or others: want the same", n, err, len(got), end)
	}
	ln.Close()
	return n, err
}

func TestLongWriteSaysWhatThePeerGets(t *testing.T) {
	const size = 1 << 20
	for _, test := range []struct {
		name string
		ends func(c *TCPConn)
		want error
	}{
		{"to its end", nil, nil},
		{"deadline", func(c *TCPConn) { c.SetWriteDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		{"shutdown", func(c *TCPConn) { c.CloseWrite() }, syscall.EPIPE},
		{"close", func(c *TCPConn) { c.Close() }, net.ErrClosed},
		{"reset", func(c *TCPConn) { c.SetLinger(0); c.Close() }, net.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, err := longWrite(t, size, time.Second, test.ends)
			if !errors.Is(err, test.want) || (err == nil) != (n == size) || n == 0 {
				t.Errorf("Write returned %d of %d bytes and %v, want %v", n, size, err, test.want)
			}
		})
	}
}

// TestLongWriteFillsTheWindow: a sender whose buffer is as long as the peer's window has a
// window on the way at all times: he goes on with each acknowledgement.
func TestLongWriteFillsTheWindow(t *testing.T) {
	const window, rtt, rounds = 64 << 10, 100 * time.Millisecond, 20
	w := virtualWorld(t, 1, physical.Impairment{Delay: rtt / 2, Rate: 10e6})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	var took time.Duration
	w.run(t, map[string]func(){
		"server": func() {
			p := must[net.Conn](t)(ln.Accept())
			check(t, "receive buffer", p.(*TCPConn).SetReadBuffer(window))
			must[int64](t)(io.Copy(io.Discard, p))
			p.Close()
		},
		"client": func() {
			c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80")).(*TCPConn)
			check(t, "send buffer", c.SetWriteBuffer(window))
			must[int](t)(c.Write(make([]byte, 8*window))) // until the congestion window is as long
			begun := w.loop.Now()
			must[int](t)(c.Write(make([]byte, rounds*window)))
			took = w.loop.Now().Sub(begun)
			c.Close()
		},
	})
	ln.Close()
	// A round trip, and the time that the last of two segments takes to be sent.
	if most := rounds * (rtt + 5*time.Millisecond); took > most {
		t.Errorf("%d windows took %v, want a round trip for each, %v at most: the writer was let on too late", rounds, took, most)
	}
}
