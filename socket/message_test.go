package socket_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// pairUDP returns alice's socket, connected to bob's.
func (w *world) pairUDP(t *testing.T) (alice, bob *Socket) {
	t.Helper()
	alice = must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0))
	bob = must[*Socket](t)(w.bob.Socket(AF_INET, SOCK_DGRAM, 0))
	at := netip.MustParseAddrPort(bobAddr + ":7000")
	check(t, "bind", bob.Bind(at))
	check(t, "connect", alice.Connect(at))
	check(t, "timeout", bob.SetSockOptTimeout(SO_RCVTIMEO, time.Second))
	return alice, bob
}

// The time that a datagram carries is the network's, at which it was queued, not that at
// which it was read; and the interface is the one by which it came.
func TestDatagramTellsWhenAndWhere(t *testing.T) {
	needsIPv4(t, "IP_PKTINFO")
	w := virtualWorld(t, 1, physical.Impairment{Delay: 250 * time.Millisecond})
	alice, bob := w.pairUDP(t)
	check(t, "stamp", bob.SetSockOpt(SOL_SOCKET, SO_TIMESTAMPNS, 1))
	check(t, "packet info", bob.SetSockOpt(SOL_IP, IP_PKTINFO, 1))
	must[int](t)(alice.Send([]byte("first, for ARP"), 0))
	must[int](t)(bob.Recv(make([]byte, 20), 0))
	sent := w.bob.Sockets.Now()
	must[int](t)(alice.Send([]byte("hello"), 0))
	check(t, "run", w.loop.Run(w.loop.Now().Add(10*time.Second)))
	m := &Message{Buffers: [][]byte{make([]byte, 2), nil, make([]byte, 10)}, ControlSize: 100}
	n := must[int](t)(bob.RecvMsg(m, 0))
	if n != 5 || string(m.Buffers[0]) != "he" || string(m.Buffers[2][:3]) != "llo" {
		t.Errorf("%d bytes in %q: the buffers are filled one after the other", n, m.Buffers)
	}
	if len(m.Control) != 2 {
		t.Fatalf("control messages %v, want a time and a packet info", m.Control)
	}
	stamp := m.Control[0].Data
	at := time.Unix(int64(binary.NativeEndian.Uint64(stamp)), int64(binary.NativeEndian.Uint64(stamp[8:])))
	if d := at.Sub(sent); d != 250*time.Millisecond {
		t.Errorf("the datagram came %v after it was sent, want the wire's 250ms", d)
	}
	info := m.Control[1]
	bobs := netip.MustParseAddr(bobAddr).AsSlice()
	if info.Type != IP_PKTINFO || binary.NativeEndian.Uint32(info.Data) != 2 ||
		!bytes.Equal(info.Data[4:8], bobs) || !bytes.Equal(info.Data[8:], bobs) {
		t.Errorf("packet info % x, want interface 2 and bob's address twice", info.Data)
	}
}

// What is read of a stream carries the time at which it arrived, not that at which it was
// read; also when the reader waits for it.
func TestStreamTellsWhen(t *testing.T) {
	const delay = 250 * time.Millisecond
	for _, waits := range []bool{false, true} {
		w := virtualWorld(t, 1, physical.Impairment{Delay: delay})
		at := netip.AddrPortFrom(ip(bobAddr), 7000)
		l := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM, 0))
		check(t, "bind", l.Bind(at))
		check(t, "listen", l.Listen(1))
		check(t, "stamp", l.SetSockOpt(SOL_SOCKET, SO_TIMESTAMPNS, 1)) // as its connections have it
		var sent time.Time
		m := &Message{Buffers: [][]byte{make([]byte, 10)}, ControlSize: 100}
		w.run(t, map[string]func(){
			"client": func() {
				alice := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
				defer alice.Close()
				check(t, "connect", alice.Connect(at))
				_ = w.loop.Sleep(time.Second)
				sent = w.bob.Sockets.Now()
				must[int](t)(alice.Send([]byte("hello"), 0))
				_ = w.loop.Sleep(time.Minute)
			},
			"server": func() {
				bob, _, err := l.Accept()
				check(t, "accept", err)
				defer bob.Close()
				if !waits {
					_ = w.loop.Sleep(10 * time.Second)
				}
				if n := must[int](t)(bob.RecvMsg(m, 0)); n != 5 {
					t.Errorf("received %d bytes, want the 5 that were sent", n)
				}
			},
		})
		if len(m.Control) != 1 || m.Control[0].Type != SO_TIMESTAMPNS {
			t.Fatalf("waits %v: control messages %v, want a time", waits, m.Control)
		}
		stamp := m.Control[0].Data
		came := time.Unix(int64(binary.NativeEndian.Uint64(stamp)), int64(binary.NativeEndian.Uint64(stamp[8:])))
		if d := came.Sub(sent); d != delay {
			t.Errorf("waits %v: the bytes came %v after they were sent, want the wire's %v", waits, d, delay)
		}
	}
}

// A router's or a host's ICMP error waits with the bytes of the datagram that failed, for
// a socket that is not connected too, and poll says so.
func TestErrorQueueNamesTheOffender(t *testing.T) {
	needsIPv4(t, "IP_RECVERR")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0))
	check(t, "IP_RECVERR", s.SetSockOpt(SOL_IP, IP_RECVERR, 1))
	nobody := netip.MustParseAddrPort(bobAddr + ":9")
	must[int](t)(s.SendTo([]byte("anybody?"), 0, nobody))
	check(t, "run", w.loop.Run(w.loop.Now().Add(time.Second)))
	if r := s.Readiness(); r&POLLERR == 0 {
		t.Errorf("poll says %#x, want POLLERR", r)
	}
	m := &Message{Buffers: [][]byte{make([]byte, 20)}, ControlSize: 100}
	n := must[int](t)(s.RecvMsg(m, MSG_ERRQUEUE))
	if string(m.Buffers[0][:n]) != "anybody?" || m.Name != nobody || m.Flags != MSG_ERRQUEUE {
		t.Errorf("%q to %v, flags %#x: want the datagram, where it was sent, and MSG_ERRQUEUE", m.Buffers[0][:n], m.Name, m.Flags)
	}
	want := binary.NativeEndian.AppendUint32(nil, uint32(syscall.ECONNREFUSED))
	want = append(want, SO_EE_ORIGIN_ICMP, 3, 3, 0) // port unreachable
	want = append(want, make([]byte, 8)...)
	want = binary.NativeEndian.AppendUint16(want, AF_INET)
	want = append(append(want, 0, 0), netip.MustParseAddr(bobAddr).AsSlice()...)
	want = append(want, make([]byte, 8)...)
	if len(m.Control) != 1 || !bytes.Equal(m.Control[0].Data, want) {
		t.Errorf("the error is %v, want % x", m.Control, want)
	}
	if _, err := s.RecvMsg(m, MSG_ERRQUEUE); err != syscall.EAGAIN {
		t.Errorf("an empty error queue says %v, want EAGAIN at once", err)
	}
	if r := s.Readiness(); r&POLLERR != 0 {
		t.Errorf("poll says %#x after all errors were read", r)
	}
}

// The error queue is bounded by the receive buffer, whoever sends errors.
func TestErrorQueueIsBounded(t *testing.T) {
	needsIPv4(t, "IP_RECVERR")
	w := virtualWorld(t, 1, physical.Impairment{})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0))
	check(t, "IP_RECVERR", s.SetSockOpt(SOL_IP, IP_RECVERR, 1))
	check(t, "IP_MTU_DISCOVER", s.SetSockOpt(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO))
	check(t, "SO_RCVBUF", s.SetSockOpt(SOL_SOCKET, SO_RCVBUF, 5000))
	for range 100 {
		_, err := s.SendTo(make([]byte, 2000), 0, netip.MustParseAddrPort(bobAddr+":9"))
		if err != syscall.EMSGSIZE {
			t.Fatalf("2000 bytes over an Ethernet that must not be cut: %v, want EMSGSIZE", err)
		}
	}
	queued := 0
	m := &Message{ControlSize: 100}
	for ; queued <= 100; queued++ {
		if _, err := s.RecvMsg(m, MSG_ERRQUEUE); err != nil {
			break
		}
		if e := m.Control[0].Data; e[4] != SO_EE_ORIGIN_LOCAL || binary.NativeEndian.Uint32(e[8:]) != 1500 {
			t.Fatalf("the error is % x, want a local one with the MTU 1500", e)
		}
	}
	if queued == 0 || queued > 10000/512 {
		t.Errorf("%d errors were queued, want as many as the buffer of 10000 bytes holds", queued)
	}
}

// More than 1024 buffers are too many (writev(2), IOV_MAX), and a stream is read into and
// written from as many as there are.
func TestBuffersOfMessages(t *testing.T) {
	needsIPv4(t, "sockets")
	w := virtualWorld(t, 1, physical.Impairment{})
	alice, bob := w.pairUDP(t)
	tooMany := &Message{Buffers: make([][]byte, 1025)}
	if _, err := alice.SendMsg(tooMany, 0); err != syscall.EMSGSIZE {
		t.Errorf("sendmsg of 1025 buffers: %v, want EMSGSIZE", err)
	}
	if _, err := alice.RecvMsg(tooMany, MSG_DONTWAIT); err != syscall.EMSGSIZE {
		t.Errorf("recvmsg into 1025 buffers: %v, want EMSGSIZE", err)
	}
	parts := &Message{Buffers: bytes.Split([]byte("a,bc,,def"), []byte(","))}
	n := must[int](t)(alice.SendMsg(parts, 0))
	b := make([]byte, 20)
	got := must[int](t)(bob.Recv(b, 0))
	if n != 6 || string(b[:got]) != "abcdef" {
		t.Errorf("sent %d, received %q: the buffers are one datagram", n, b[:got])
	}
}

// No option and no control message makes a socket panic. Unjudged: little is ever sent.
func FuzzSetSockOptBytes(f *testing.F) {
	f.Add(SOL_IP, IP_ADD_MEMBERSHIP, []byte{239, 1, 1, 1, 0, 0, 0, 0})
	f.Add(SOL_IPV6, MCAST_JOIN_SOURCE_GROUP, make([]byte, 264))
	f.Add(SOL_SOCKET, SO_LINGER, make([]byte, 8))
	f.Fuzz(func(t *testing.T, level, name int, value []byte) {
		w := newWorldUnjudged(t, event.NewVirtual(1), physical.Impairment{})
		defer w.shutDown(t)
		for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
			s := must[*Socket](t)(w.alice.Socket(AF_INET6, kind, 0))
			_ = s.SetSockOptBytes(level, name, value)
			if n, err := s.GetSockOptBytes(level, name, make([]byte, len(value))); n > len(value) || err != nil && n != 0 {
				t.Errorf("%d bytes of %d, %v", n, len(value), err)
			}
			m := &Message{Name: netip.MustParseAddrPort("[::1]:9"), Control: []ControlMessage{{level, name, value}}}
			_, _ = s.SendMsg(m, MSG_DONTWAIT)
		}
	})
}

// A datagram that came in the first moment of virtual time came then, not when it is read.
func TestStampOfTheFirstMoment(t *testing.T) {
	needsIPv4(t, "names over IPv4")
	w := virtualWorld(t, 1, physical.Impairment{})
	alice, bob := w.pairUDP(t)
	check(t, "stamp", bob.SetSockOpt(SOL_SOCKET, SO_TIMESTAMPNS, 1))
	must[int](t)(alice.Send([]byte("x"), 0))
	check(t, "run", w.loop.Run(event.Time(5*time.Second)))
	m := &Message{Buffers: [][]byte{make([]byte, 2)}, ControlSize: 100}
	must[int](t)(bob.RecvMsg(m, 0))
	if len(m.Control) != 1 {
		t.Fatalf("control messages %v, want a time", m.Control)
	}
	stamp := m.Control[0].Data
	at := time.Unix(int64(binary.NativeEndian.Uint64(stamp)), int64(binary.NativeEndian.Uint64(stamp[8:])))
	if !at.Equal(Epoch) {
		t.Errorf("the datagram came at %v, should be %v: the wire has no delay", at.UTC(), Epoch)
	}
}

// A source of IPv4 means nothing to a datagram of IPv6: EINVAL, also of a group, whatever
// the address.
func TestSourceOfTheOtherFamily(t *testing.T) {
	w := dualWorld(t)
	s := must[*Socket](t)(w.alice.Socket(AF_INET6, SOCK_DGRAM, 0))
	for _, to := range []string{"[::1]:9", "[ff02::1%eth0]:9"} {
		for _, src := range []string{"::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:9.9.9.9"} {
			info := append(netip.MustParseAddr(src).AsSlice(), 0, 0, 0, 0)
			m := &Message{
				Name: netip.MustParseAddrPort(to), Buffers: [][]byte{{1}},
				Control: []ControlMessage{{Level: SOL_IPV6, Type: IPV6_PKTINFO, Data: info}},
			}
			if _, err := s.SendMsg(m, 0); err != syscall.EINVAL {
				t.Errorf("to %s from %s: %v, Linux says EINVAL", to, src, err)
			}
		}
	}
}
