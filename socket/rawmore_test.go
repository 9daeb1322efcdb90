package socket_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// What is sent with MSG_MORE waits and becomes part of one datagram; what is too long for
// one is dropped, all of it, and the next begins anew.
func TestRawPieces(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	alice := must[*Socket](t)(w.alice.Socket(inet, SOCK_RAW, 253))
	bob := must[*Socket](t)(w.bob.Socket(inet, SOCK_RAW, 253))
	check(t, "connect", alice.Connect(netip.AddrPortFrom(ip(bobAddr), 0)))
	headers := 0 // of IPv6 nobody sees any
	if inet == AF_INET {
		headers = 20
	}
	received := func() (n int, err error) {
		check(t, "run", w.loop.Run(w.loop.Now().Add(time.Second)))
		return bob.Recv(make([]byte, 1000), MSG_DONTWAIT|MSG_TRUNC)
	}
	for _, n := range []int{10, 20} {
		must[int](t)(alice.Send(make([]byte, n), MSG_MORE))
		if n, err := received(); err != syscall.EAGAIN {
			t.Errorf("%d bytes have come, %v, though more is to follow", n, err)
		}
	}
	must[int](t)(alice.Send(make([]byte, 3), 0))
	if n := must[int](t)(received()); n != headers+33 {
		t.Errorf("%d bytes have come, want one datagram of all pieces, %d", n, headers+33)
	}
	must[int](t)(alice.Send(make([]byte, 40000), MSG_MORE))
	if _, err := alice.Send(make([]byte, 40000), MSG_MORE); err != syscall.EMSGSIZE {
		t.Errorf("%v for more than a datagram holds, want EMSGSIZE", err)
	}
	must[int](t)(alice.Send(make([]byte, 3), 0))
	if n := must[int](t)(received()); n != headers+3 {
		t.Errorf("%d bytes have come, want the new datagram's %d alone", n, headers+3)
	}
}
