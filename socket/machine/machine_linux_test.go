package machine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"septet/socket"
	"septet/socket/machine"
)

var localhost = netip.MustParseAddr("127.0.0.1")

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// made returns a socket that is bound to a port of its own on the loopback address.
func made(t *testing.T, kind int) (socket.Descriptor, netip.AddrPort) {
	t.Helper()
	d, err := machine.New().Socket(socket.AF_INET, kind, 0)
	must(t, "socket", err)
	t.Cleanup(func() { _ = d.Close() })
	must(t, "bind", d.Bind(netip.AddrPortFrom(localhost, 0)))
	a, err := d.GetSockName()
	must(t, "getsockname", err)
	return d, a
}

// pair returns the two ends of a connection.
func pair(t *testing.T) (client, server socket.Descriptor) {
	t.Helper()
	l, addr := made(t, socket.SOCK_STREAM)
	must(t, "listen", l.Listen(1))
	client, _ = made(t, socket.SOCK_STREAM)
	must(t, "connect", client.Connect(addr))
	server, from, err := l.Accept()
	must(t, "accept", err)
	t.Cleanup(func() { _ = server.Close() })
	if own, _ := client.GetSockName(); own != from {
		t.Errorf("accept says the client is %v, it is %v", from, own)
	}
	return client, server
}

// Each call that can block ends with EBADF when another goroutine closes the descriptor,
// and the number is free afterwards.
func TestCloseEndsBlockedCalls(t *testing.T) {
	stream := func(t *testing.T) socket.Descriptor { c, _ := pair(t); return c }
	full := func(t *testing.T) socket.Descriptor {
		c := stream(t)
		for {
			if _, err := c.Send(make([]byte, 1<<16), socket.MSG_DONTWAIT); err != nil {
				return c
			}
		}
	}
	listener := func(t *testing.T) socket.Descriptor {
		l, _ := made(t, socket.SOCK_STREAM)
		must(t, "listen", l.Listen(1))
		return l
	}
	datagram := func(t *testing.T) socket.Descriptor { d, _ := made(t, socket.SOCK_DGRAM); return d }
	receive := func(d socket.Descriptor) error { _, err := d.Recv(make([]byte, 10), 0); return err }
	timed := func(t *testing.T) socket.Descriptor {
		d := datagram(t)
		tv := unix.Timeval{Sec: 600} // an interrupted call fails with EINTR then
		must(t, "SO_RCVTIMEO", unix.SetsockoptTimeval(d.FD(), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
		return d
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T) socket.Descriptor
		call func(d socket.Descriptor) error
	}{
		{"recv of a stream", stream, receive},
		{"recv with MSG_WAITALL", stream, func(d socket.Descriptor) error {
			_, err := d.Recv(make([]byte, 10), socket.MSG_WAITALL)
			return err
		}},
		{"recv of datagrams", datagram, receive},
		{"recv with SO_RCVTIMEO", timed, receive},
		{"recvmsg", datagram, func(d socket.Descriptor) error {
			_, err := d.RecvMsg(&socket.Message{Buffers: [][]byte{make([]byte, 10)}}, 0)
			return err
		}},
		{"accept", listener, func(d socket.Descriptor) error { _, _, err := d.Accept(); return err }},
		{"send", full, func(d socket.Descriptor) error { _, err := d.Send(make([]byte, 1<<20), 0); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.make(t)
			fd := d.FD()
			ended := make(chan error, 1)
			go func() { ended <- c.call(d) }()
			// Whether it blocks already is not to be seen; both must end.
			time.Sleep(20 * time.Millisecond)
			must(t, "close", d.Close())
			select {
			case err := <-ended:
				if err != syscall.EBADF {
					t.Errorf("the call ended with %v: a closed descriptor is EBADF", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the call is still blocked")
			}
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == unix.EBADF || err == nil && d.FD() == -1 {
				return // free, or another test's already
			}
			t.Errorf("descriptor %d was not given back", fd)
		})
	}
}

// A program that has no descriptor left can still close one in which a call is blocked:
// that is how it gets one back.
func TestCloseWithoutFreeDescriptors(t *testing.T) {
	d, _ := made(t, socket.SOCK_DGRAM)
	ended := make(chan error, 1)
	go func() { _, err := d.Recv(make([]byte, 10), 0); ended <- err }()
	time.Sleep(20 * time.Millisecond)
	var before unix.Rlimit
	must(t, "getrlimit", unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	must(t, "setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(d.FD()) + 20, Max: before.Max}))
	var taken []int
	for {
		fd, err := unix.Dup(d.FD())
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	err := d.Close()
	for _, fd := range taken {
		_ = unix.Close(fd)
	}
	must(t, "setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	must(t, "close", err)
	if err := <-ended; err != syscall.EBADF {
		t.Errorf("the call ended with %v: a closed descriptor is EBADF", err)
	}
}

// A Wait that is under way when its set is closed goes on with that set, and never takes
// up another that got its number.
func TestEpollClosedUnderWait(t *testing.T) {
	m := machine.New()
	mine, addr := made(t, socket.SOCK_DGRAM)
	other, otherAddr := made(t, socket.SOCK_DGRAM)
	e, err := m.EpollCreate()
	must(t, "epoll_create", err)
	must(t, "epoll_ctl", e.Ctl(unix.EPOLL_CTL_ADD, mine.FD(), socket.EpollEvent{Events: unix.EPOLLIN, Data: 1}))
	thread, got := make(chan int, 1), make(chan uint64, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		events := make([]socket.EpollEvent, 1)
		_, _ = e.Wait(events, -1)
		got <- events[0].Data
	}()
	id := <-thread
	time.Sleep(20 * time.Millisecond)
	must(t, "close", e.Close())
	second, err := m.EpollCreate()
	must(t, "epoll_create", err)
	defer second.Close()
	must(t, "epoll_ctl", second.Ctl(unix.EPOLL_CTL_ADD, other.FD(), socket.EpollEvent{Events: unix.EPOLLIN, Data: 2}))
	_, err = other.SendTo([]byte("x"), 0, otherAddr)
	must(t, "sendto", err)
	must(t, "tgkill", unix.Tgkill(unix.Getpid(), id, unix.SIGURG)) // EINTR
	time.Sleep(20 * time.Millisecond)
	_, err = mine.SendTo([]byte("x"), 0, addr)
	must(t, "sendto", err)
	select {
	case data := <-got:
		if data != 1 {
			t.Errorf("the Wait has the event %d: it waits for 1, the other set's is 2", data)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the Wait is still blocked")
	}
}

func TestPollAndEpoll(t *testing.T) {
	m := machine.New()
	d, addr := made(t, socket.SOCK_DGRAM)
	fds := []socket.PollFD{{FD: d.FD(), Events: socket.POLLIN | socket.POLLOUT}, {FD: -1}, {FD: 1 << 20, Events: socket.POLLIN}}
	n, err := m.Poll(fds, 0)
	must(t, "poll", err)
	const nval = 0x20
	if n != 2 || fds[0].Revents != socket.POLLOUT || fds[1].Revents != 0 || fds[2].Revents != nval {
		t.Errorf("poll says %d, %+v: the socket can be written to, -1 is passed over, the third is unknown", n, fds)
	}
	e, err := m.EpollCreate()
	must(t, "epoll_create", err)
	defer e.Close()
	const data = 0xfedcba9876543210
	must(t, "epoll_ctl", e.Ctl(unix.EPOLL_CTL_ADD, d.FD(), socket.EpollEvent{Events: unix.EPOLLIN, Data: data}))
	events := make([]socket.EpollEvent, 4)
	if n, err := e.Wait(events, time.Millisecond); n != 0 || err != nil {
		t.Errorf("epoll_wait says %d, %v: nothing was sent yet", n, err)
	}
	_, err = d.SendTo([]byte("x"), 0, addr)
	must(t, "sendto", err)
	if n, err := e.Wait(events, -1); n != 1 || err != nil || events[0] != (socket.EpollEvent{Events: unix.EPOLLIN, Data: data}) {
		t.Errorf("epoll_wait says %d, %v, %+v: a datagram is there, and the data is the program's", n, err, events[0])
	}
}

// A message with control data: what is asked for arrives, in Linux's layout.
func TestControlMessages(t *testing.T) {
	d, addr := made(t, socket.SOCK_DGRAM)
	must(t, "IP_RECVTTL", d.SetSockOpt(unix.SOL_IP, unix.IP_RECVTTL, 1))
	ttl := []byte{77, 0, 0, 0}
	out := &socket.Message{Name: addr, Buffers: [][]byte{[]byte("two "), nil, []byte("parts")},
		Control: []socket.ControlMessage{{Level: unix.SOL_IP, Type: unix.IP_TTL, Data: ttl}}}
	if n, err := d.SendMsg(out, 0); n != 9 || err != nil {
		t.Fatalf("sendmsg: %d, %v", n, err)
	}
	a, b := make([]byte, 3), make([]byte, 10)
	in := &socket.Message{Buffers: [][]byte{a, b}, ControlSize: 64}
	n, err := d.RecvMsg(in, 0)
	must(t, "recvmsg", err)
	if string(a)+string(b[:n-3]) != "two parts" || in.Name != addr || in.Flags != 0 {
		t.Errorf("recvmsg: %q %q from %v, flags %#x", a, b[:n-3], in.Name, in.Flags)
	}
	if len(in.Control) != 1 || in.Control[0].Type != unix.IP_TTL || !bytes.Equal(in.Control[0].Data, ttl) {
		t.Errorf("control data is %+v: the TTL that was sent is 77", in.Control)
	}
	_, err = d.SendMsg(out, 0)
	must(t, "sendmsg", err)
	short := &socket.Message{Buffers: [][]byte{a}}
	if n, err := d.RecvMsg(short, 0); n != 3 || err != nil || short.Flags != socket.MSG_TRUNC|unix.MSG_CTRUNC {
		t.Errorf("recvmsg: %d, %v, flags %#x: data and control data were cut", n, err, short.Flags)
	}
}

// A connection that the peer has closed: EPIPE, and no signal that ends the program.
func TestNoSignal(t *testing.T) {
	c, s := pair(t)
	must(t, "close", s.Close())
	var err error
	for range 100 {
		if _, err = c.Send([]byte("x"), 0); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("send to a peer that has closed: %v", err)
	}
}

func TestClosedDescriptor(t *testing.T) {
	d, _ := made(t, socket.SOCK_STREAM)
	must(t, "close", d.Close())
	if err := d.Close(); err != syscall.EBADF {
		t.Errorf("the second close says %v", err)
	}
	if _, err := d.GetSockName(); err != syscall.EBADF || d.FD() != -1 {
		t.Errorf("a closed descriptor is %d and says %v", d.FD(), err)
	}
}

func TestSurroundings(t *testing.T) {
	m := machine.New()
	if _, err := m.ReadFile("/no/such/file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	i, err := m.InterfaceIndex("lo")
	must(t, "if_nametoindex", err)
	if name, err := m.InterfaceName(i); name != "lo" || err != nil {
		t.Errorf("interface %d is %q, %v", i, name, err)
	}
	addrs, ok := m.(interface {
		GetIfAddrs() ([]netip.Prefix, error)
	})
	if !ok {
		t.Fatal("the machine does not say which addresses it has: AI_ADDRCONFIG needs them")
	}
	all, err := addrs.GetIfAddrs()
	if !slices.Contains(all, netip.PrefixFrom(localhost, 8)) || err != nil {
		t.Errorf("its addresses are %v, %v: \"lo\" has 127.0.0.1/8", all, err)
	}
	if _, err := m.InterfaceIndex("none0"); err != syscall.ENODEV {
		t.Errorf("if_nametoindex without such an interface: %v", err)
	}
	if _, err := m.InterfaceName(1 << 20); err != syscall.ENXIO {
		t.Errorf("if_indextoname without such an interface: %v", err)
	}
}

// A packet socket sees what it has sent itself on loopback, with the address of the link.
func TestPacketSocket(t *testing.T) {
	protocol := binary.NativeEndian.Uint16([]byte{0x88, 0xb5}) // for experiments
	d, err := machine.New().Socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
	if err == syscall.EPERM {
		t.Skip("a packet socket needs privilege")
	}
	must(t, "socket", err)
	defer d.Close()
	link, ok := d.(socket.LinkDescriptor)
	if !ok {
		t.Fatal("a packet socket is a LinkDescriptor")
	}
	lo, err := machine.New().InterfaceIndex("lo")
	must(t, "if_nametoindex", err)
	at := socket.LinkAddress{Interface: lo, Protocol: protocol}
	must(t, "bind", link.BindLink(at))
	if a, err := link.GetSockLink(); err != nil || a.Interface != lo || a.Protocol != protocol {
		t.Errorf("getsockname says %+v, %v: it was bound to %+v", a, err, at)
	}
	if n, err := link.SendLink([]byte("frame"), 0, &at); n != 5 || err != nil {
		t.Fatalf("sendto: %d, %v", n, err)
	}
	b := make([]byte, 20)
	for {
		n, from, err := link.RecvLink(b, 0)
		must(t, "recvfrom", err)
		if from.PacketType == socket.PACKET_OUTGOING {
			continue // the same frame on its way out
		}
		if string(b[:n]) != "frame" || from.Protocol != protocol || from.Interface != lo {
			t.Errorf("received %q from %+v: what was sent to %+v", b[:n], from, at)
		}
		break
	}
	must(t, "close", link.Close())
	if err := link.BindLink(at); err != syscall.EBADF {
		t.Errorf("bind of a closed descriptor: %v, want EBADF", err)
	}
}
