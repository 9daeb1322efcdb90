package socket_test

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// datagramPair is two connected datagram sockets in real time, where a reader
// takes several datagrams in one turn.
func datagramPair(t *testing.T) (w *world, alice, bob *Socket) {
	w = realWorld(t, physical.Impairment{})
	alice = must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
	bob = must[*Socket](t)(w.bob.Socket(inet, SOCK_DGRAM|SOCK_NONBLOCK, 0))
	check(t, "bind", alice.Bind(netip.MustParseAddrPort(aliceAddr+":1")))
	check(t, "bind", bob.Bind(netip.MustParseAddrPort(bobAddr+":2")))
	check(t, "connect", alice.Connect(netip.MustParseAddrPort(bobAddr+":2")))
	check(t, "connect", bob.Connect(netip.MustParseAddrPort(aliceAddr+":1")))
	return w, alice, bob
}

func sendNumbers(t *testing.T, s *Socket, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		must[int](t)(s.Send([]byte(strconv.Itoa(i)), 0))
	}
}

func wantNumber(t *testing.T, s *Socket, flags, want int) {
	t.Helper()
	b := make([]byte, 10)
	if n, err := s.Recv(b, flags); string(b[:n]) != strconv.Itoa(want) || err != nil {
		t.Fatalf("received %q, %v, want datagram %d", b[:n], err, want)
	}
}

// TestDatagramsInOrder: what was taken at once is read in order, before what came
// later, and can be peeked at and polled for.
func TestDatagramsInOrder(t *testing.T) {
	_, alice, bob := datagramPair(t)
	sendNumbers(t, alice, 0, 10)
	wantNumber(t, bob, 0, 0)
	sendNumbers(t, alice, 10, 20)
	for i := 1; i < 20; i++ {
		if r := bob.Readiness(); r&POLLIN == 0 {
			t.Fatalf("before datagram %d the socket is ready for %v, want POLLIN", i, r)
		}
		wantNumber(t, bob, MSG_PEEK, i)
		wantNumber(t, bob, 0, i)
	}
	if r := bob.Readiness(); r&POLLIN != 0 {
		t.Errorf("the socket is ready for %v, want no POLLIN: all has been read", r)
	}
	if n, err := bob.Recv(make([]byte, 10), 0); err != syscall.EAGAIN {
		t.Errorf("received %d bytes, %v, want EAGAIN: all has been read", n, err)
	}
}

// TestErrorBeforeTakenDatagrams: as on Linux, the next call tells of an ICMP error
// even if datagrams wait, wherever they wait.
func TestErrorBeforeTakenDatagrams(t *testing.T) {
	_, alice, bob := datagramPair(t)
	sendNumbers(t, alice, 0, 3)
	wantNumber(t, bob, 0, 0)
	check(t, "close", alice.Close())
	must[int](t)(bob.Send([]byte("x"), 0))
	if _, err := bob.Recv(make([]byte, 10), 0); err != syscall.ECONNREFUSED {
		t.Errorf("received %v, want ECONNREFUSED before the datagrams that wait", err)
	}
	wantNumber(t, bob, 0, 1)
	wantNumber(t, bob, 0, 2)
}

// TestDeadlineBeforeTakenDatagrams: a read fails after its deadline even if it could
// go on, and the datagrams are still there when the deadline is gone.
func TestDeadlineBeforeTakenDatagrams(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	pc := must[net.PacketConn](t)(w.bob.ListenPacket("udp", ":7")).(*UDPConn)
	c := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
	check(t, "connect", c.Connect(netip.MustParseAddrPort(bobAddr+":7")))
	sendNumbers(t, c, 0, 3)
	wantNumber(t, pc.Socket(), 0, 0)
	check(t, "a deadline that has passed", pc.SetReadDeadline(time.Unix(1, 0)))
	if n, err := pc.Socket().Recv(make([]byte, 10), 0); err != syscall.EAGAIN {
		t.Errorf("received %d bytes, %v, after the deadline, want EAGAIN", n, err)
	}
	check(t, "no deadline", pc.SetReadDeadline(time.Time{}))
	wantNumber(t, pc.Socket(), 0, 1)
	wantNumber(t, pc.Socket(), 0, 2)
}

// TestTakenDatagramsGiveRoom: what a reader has taken makes room for others, and
// Close leaves nothing.
func TestTakenDatagramsGiveRoom(t *testing.T) {
	w, alice, bob := datagramPair(t)
	for bob.Dropped() == 0 {
		sendNumbers(t, alice, 0, 1)
	}
	wantNumber(t, bob, 0, 0)
	dropped := bob.Dropped()
	sendNumbers(t, alice, 0, 1)
	if n := bob.Dropped() - dropped; n > 0 {
		t.Errorf("%d datagrams were dropped after one was read, want none", n)
	}
	check(t, "close", bob.Close())
	if _, err := bob.Recv(make([]byte, 10), 0); err != syscall.EBADF {
		t.Errorf("received %v after Close, want EBADF", err)
	}
	w.loop.Lock()
	defer w.loop.Unlock()
	if n := w.pool.Live(); n != 0 {
		t.Errorf("%d packets are left after Close, want none", n)
	}
}

// TestNoAllocationPerDatagram: sending and receiving allocate nothing.
func TestNoAllocationPerDatagram(t *testing.T) {
	_, alice, bob := datagramPair(t)
	b := make([]byte, 1200)
	some := func() {
		for range 10 {
			must[int](t)(alice.Send(b, 0))
		}
		for range 10 {
			must[int](t)(bob.Recv(b, 0))
		}
	}
	some()
	if n := testing.AllocsPerRun(100, some); n > 0 {
		t.Errorf("%v allocations for ten datagrams, want none", n)
	}
}

// TestReaderWithoutTheTurn: who reads what was taken before may do so while the host gets
// another interface.
func TestReaderWithoutTheTurn(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	s := must[*Socket](t)(w.alice.Socket(AF_INET6, SOCK_DGRAM, 0))
	check(t, "bind", s.Bind(netip.MustParseAddrPort("[::1]:1")))
	check(t, "connect", s.Connect(netip.MustParseAddrPort("[::1]:1")))
	const datagrams = 20
	sendNumbers(t, s, 0, datagrams)
	wantNumber(t, s, 0, 0) // takes the others too
	attached := make(chan error)
	go func() {
		w.loop.Lock()
		wire := physical.NewWire(w.loop, w.pool, 1500, physical.Impairment{}, physical.Impairment{}) // Unjudged: nothing is sent
		w.loop.Unlock()
		_, err := w.alice.Attach("eth1", wire.A(), netip.MustParsePrefix("192.0.2.1/24"))
		attached <- err
	}()
	for i := 1; i < datagrams; i++ {
		wantNumber(t, s, 0, i)
	}
	check(t, "attach", <-attached)
}
