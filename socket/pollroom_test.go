package socket_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"septet/physical"
	. "septet/socket"
)

// TestWritableWithRoom: a stream whose buffer was full is writable when a third of the
// buffer is free, as on Linux (sk_stream_is_writeable), not for the first byte of room.
// How many bytes that is cannot be compared: the kernel counts its own overhead.
func TestWritableWithRoom(t *testing.T) {
	const buffer = 30_000
	w := virtualWorld(t, 1, physical.Impairment{})
	p, q := w.alice.Sockets.NewProcess(true), w.bob.Sockets.NewProcess(true)
	ln := must[Descriptor](t)(q.Socket(inet, SOCK_STREAM, 0))
	check(t, "listen", errors.Join(ln.SetSockOpt(SOL_SOCKET, SO_RCVBUF, 4000),
		ln.Bind(netip.AddrPortFrom(netip.Addr{}, 80)), ln.Listen(1)))
	c := must[Descriptor](t)(p.Socket(inet, SOCK_STREAM, 0))
	check(t, "connect", errors.Join(c.SetSockOpt(SOL_SOCKET, SO_SNDBUF, buffer),
		c.Connect(netip.AddrPortFrom(ip(bobAddr), 80)), c.SetNonblock(true)))
	s, _, err := ln.Accept()
	check(t, "accept", err)
	e := setOf(t, p, uint32(POLLOUT)|EPOLLET, c)
	e.Wait(make([]EpollEvent, 1), 0)
	fill := func() (n int) {
		for {
			sent, err := c.Send(make([]byte, 500), 0)
			if n += sent; err != nil {
				return n
			}
		}
	}
	fill()
	fds := []PollFD{{FD: c.FD(), Events: POLLOUT}}
	for read, b := 0, make([]byte, 500); ; {
		polled, _ := p.Poll(fds, 0)
		told, _ := e.Wait(make([]EpollEvent, 1), 0)
		if polled != told {
			t.Fatalf("after %d bytes were read poll says %d and the set %d, want the same", read, polled, told)
		}
		if polled > 0 {
			break
		}
		n, err := s.Recv(b, MSG_DONTWAIT)
		if err == syscall.EAGAIN {
			// What the peer waits for comes with a timer: an update of the window.
			w.loop.Step(w.loop.Now().Add(1e10))
		}
		if read += n; read > 4*buffer {
			t.Fatalf("%d bytes were read, and the sender is not writable", read)
		}
	}
	size, err := c.GetSockOpt(SOL_SOCKET, SO_SNDBUF)
	check(t, "SO_SNDBUF", err)
	if n := fill(); n < buffer/3 || n > size*2/3 {
		t.Errorf("the stream was writable with room for %d bytes, want a third of %d or little more", n, buffer)
	}
}
