package socket_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// TestFastOpen: the second connection to a server has its answer after one round
// trip (RFC 7413), the first after two.
func TestFastOpen(t *testing.T) {
	const delay = 50 * time.Millisecond
	w := virtualWorld(t, 1, physical.Impairment{Delay: delay})
	server := func() {
		l := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM, 0))
		check(t, "TCP_FASTOPEN", l.SetSockOpt(SOL_TCP, TCP_FASTOPEN, 5))
		check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 80)))
		check(t, "listen", l.Listen(5))
		for range 3 {
			c, _, err := l.Accept()
			check(t, "accept", err)
			b := make([]byte, 100)
			n := must[int](t)(c.Recv(b, 0))
			must[int](t)(c.Send(b[:n], 0))
			check(t, "close", c.Close())
		}
		check(t, "close", l.Close())
	}
	bob := netip.MustParseAddrPort(bobAddr + ":80")
	exchange := func(flags int) time.Duration {
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
		began := w.loop.Now()
		if flags == 0 {
			check(t, "connect", s.Connect(bob))
		}
		if n := must[int](t)(s.SendTo([]byte("hello"), flags, bob)); n != 5 {
			t.Errorf("sendto took %d bytes, want 5", n)
		}
		b := make([]byte, 100)
		if n := must[int](t)(s.Recv(b, 0)); string(b[:n]) != "hello" {
			t.Errorf("received %q, want what was sent", b[:n])
		}
		check(t, "close", s.Close())
		return w.loop.Now().Sub(began)
	}
	client := func() {
		exchange(0) // and the neighbours know each other
		for i, want := range []time.Duration{4 * delay, 2 * delay} {
			if took := exchange(MSG_FASTOPEN); took != want {
				t.Errorf("connection %d: the answer took %v, want %v", i, took, want)
			}
		}
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM|SOCK_NONBLOCK, 0))
		nobody := netip.AddrPortFrom(nobodyAt(), 80)
		if _, err := s.SendTo([]byte("x"), MSG_FASTOPEN, nobody); err != syscall.EINPROGRESS {
			t.Errorf("without a cookie, and not to block: %v, want EINPROGRESS", err)
		}
		check(t, "close", s.Close())
	}
	w.run(t, map[string]func(){"server": server, "client": client})
}
