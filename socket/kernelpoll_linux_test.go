package socket_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"septet/physical"
	"septet/socket"
)

// The judge of poll and epoll is the Linux kernel, too: the same script is played with a
// process of a lab's host and with this one, both over loopback.

// poller is the part of socket.System that the scripts use.
type poller interface {
	Socket(domain, kind, protocol int) (socket.Descriptor, error)
	Poll([]socket.PollFD, time.Duration) (int, error)
	EpollCreate() (socket.Epoll, error)
}

// machine is a poller over the kernel.
type machine struct{}

func (machine) Socket(domain, kind, protocol int) (socket.Descriptor, error) {
	fd, err := syscall.Socket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	return &machineSocket{kernel: kernel{fd}}, nil
}

func (machine) Poll(fds []socket.PollFD, timeout time.Duration) (int, error) {
	type pollfd struct {
		fd              int32
		events, revents int16
	}
	raw := make([]pollfd, len(fds))
	for i, f := range fds {
		raw[i] = pollfd{fd: int32(f.FD), events: int16(f.Events)}
	}
	var wait *syscall.Timespec
	if timeout >= 0 {
		t := syscall.NsecToTimespec(int64(timeout))
		wait = &t
	}
	var n uintptr
	for e := syscall.EINTR; e == syscall.EINTR; {
		n, _, e = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(raw))),
			uintptr(len(raw)), uintptr(unsafe.Pointer(wait)), 0, 0, 0)
		if e != 0 && e != syscall.EINTR {
			return 0, e
		}
	}
	for i := range fds {
		fds[i].Revents = socket.Readiness(raw[i].revents)
	}
	runtime.KeepAlive(raw)
	return int(n), nil
}

func (machine) EpollCreate() (socket.Epoll, error) {
	fd, err := syscall.EpollCreate1(0)
	e := new(machineEpoll)
	e.fd.Store(int32(fd))
	return e, err
}

// machineSocket is a socket of the kernel, without the calls that no script makes.
type machineSocket struct {
	kernel
	socket.Descriptor
}

func (m *machineSocket) FD() int                              { return m.fd }
func (m *machineSocket) AtMark() (bool, error)                { return m.kernel.AtMark() }
func (m *machineSocket) Bind(a netip.AddrPort) error          { return m.kernel.Bind(a) }
func (m *machineSocket) Listen(n int) error                   { return m.kernel.Listen(n) }
func (m *machineSocket) Connect(a netip.AddrPort) error       { return m.kernel.Connect(a) }
func (m *machineSocket) Shutdown(how int) error               { return m.kernel.Shutdown(how) }
func (m *machineSocket) Close() error                         { return m.kernel.Close() }
func (m *machineSocket) SetNonblock(on bool) error            { return m.kernel.SetNonblock(on) }
func (m *machineSocket) GetSockName() (netip.AddrPort, error) { return m.kernel.GetSockName() }
func (m *machineSocket) GetPeerName() (netip.AddrPort, error) { return m.kernel.GetPeerName() }
func (m *machineSocket) GetSockOpt(level, name int) (int, error) {
	return m.kernel.GetSockOpt(level, name)
}
func (m *machineSocket) SetSockOpt(level, name, value int) error {
	return m.kernel.SetSockOpt(level, name, value)
}
func (m *machineSocket) Send(b []byte, flags int) (int, error) {
	return m.SendTo(b, flags, netip.AddrPort{})
}
func (m *machineSocket) SendTo(b []byte, flags int, to netip.AddrPort) (int, error) {
	return m.kernel.SendTo(b, flags, to)
}
func (m *machineSocket) RecvFrom(b []byte, flags int) (int, netip.AddrPort, error) {
	return m.kernel.RecvFrom(b, flags)
}
func (m *machineSocket) Recv(b []byte, flags int) (int, error) {
	n, _, err := m.RecvFrom(b, flags)
	return n, err
}
func (m *machineSocket) Accept() (socket.Descriptor, netip.AddrPort, error) {
	e, err := m.kernel.accept()
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return &machineSocket{kernel: *e.(*kernel)}, netip.AddrPort{}, nil
}

type machineEpoll struct{ fd atomic.Int32 }

func (e *machineEpoll) FD() int { return int(e.fd.Load()) }

func (e *machineEpoll) Ctl(op, fd int, ev socket.EpollEvent) error {
	return syscall.EpollCtl(e.FD(), op, fd, &syscall.EpollEvent{Events: ev.Events, Fd: int32(ev.Data)})
}

func (e *machineEpoll) Wait(events []socket.EpollEvent, timeout time.Duration) (int, error) {
	raw := make([]syscall.EpollEvent, len(events))
	for {
		n, err := syscall.EpollWait(e.FD(), raw, int(timeout/time.Millisecond))
		if err == syscall.EINTR {
			continue
		}
		for i := range max(n, 0) {
			events[i] = socket.EpollEvent{Events: raw[i].Events, Data: uint64(raw[i].Fd)}
		}
		return max(n, 0), err
	}
}

func (e *machineEpoll) Close() error {
	return syscall.Close(int(e.fd.Swap(-1)))
}

// watching runs one script and writes down what the calls answer.
type watching struct {
	t *testing.T
	poller
	scene
	patience time.Duration
	log      []string
	open     []interface{ Close() error }
}

// settle gives the kernel time to deliver; a lab has done so within the call.
func (s *watching) settle() { time.Sleep(s.patience) }

func (s *watching) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *watching) check(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// make makes a socket that does not block.
func (s *watching) make(kind int) socket.Descriptor {
	d, err := s.Socket(s.domain, kind|socket.SOCK_NONBLOCK, 0)
	s.check("socket", err)
	s.open = append(s.open, d)
	return d
}

func (s *watching) epoll() socket.Epoll {
	e, err := s.EpollCreate()
	s.check("epoll_create", err)
	s.open = append(s.open, e)
	return e
}

// bound returns a datagram socket with a port, and its address.
func (s *watching) bound(kind int) (socket.Descriptor, netip.AddrPort) {
	d := s.make(kind)
	s.check("bind", d.Bind(s.at(0)))
	a, err := d.GetSockName()
	s.check("getsockname", err)
	return d, a
}

// datagrams returns a socket and one that sends to it.
func (s *watching) datagrams() (to, from socket.Descriptor) {
	to, a := s.bound(socket.SOCK_DGRAM)
	from = s.make(socket.SOCK_DGRAM)
	s.check("connect", from.Connect(a))
	return to, from
}

func (s *watching) listener(backlog int) (socket.Descriptor, netip.AddrPort) {
	d, a := s.bound(socket.SOCK_STREAM)
	s.check("listen", d.Listen(backlog))
	return d, a
}

// pair returns a connection.
func (s *watching) pair() (client, server socket.Descriptor) {
	ln, a := s.listener(5)
	client = s.make(socket.SOCK_STREAM)
	s.dial(client, a)
	server, _, err := ln.Accept()
	s.check("accept", err)
	s.check("nonblock", server.SetNonblock(true))
	s.open = append(s.open, server)
	return client, server
}

func (s *watching) dial(d socket.Descriptor, to netip.AddrPort) {
	if err := d.Connect(to); err != nil && err != syscall.EINPROGRESS {
		s.check("connect", err)
	}
	s.settle()
}

// nobody returns an address on which nobody listens.
func (s *watching) nobody(kind int) netip.AddrPort {
	d, a := s.bound(kind)
	d.Close()
	return a
}

func (s *watching) send(d socket.Descriptor, text string) {
	_, err := d.Send([]byte(text), 0)
	s.check("send", err)
	s.settle()
}

func (s *watching) recv(d socket.Descriptor) {
	n, err := d.Recv(make([]byte, 1<<16), 0)
	s.note("recv: %d %v", n, err)
}

// wait notes what a wait that does not block finds.
func (s *watching) wait(what string, e socket.Epoll, most int) {
	events := make([]socket.EpollEvent, most)
	n, err := e.Wait(events, 0)
	text := ""
	for _, ev := range events[:n] {
		text += fmt.Sprintf(" %d:%s", ev.Data, bits(ev.Events))
	}
	s.note("%s: %d%s %v", what, n, text, err)
}

func (s *watching) ctl(e socket.Epoll, op, fd int, events uint32, data uint64) {
	s.note("ctl %d %s: %v", op, bits(events), e.Ctl(op, fd, socket.EpollEvent{Events: events, Data: data}))
}

var bitNames = []string{"IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDNORM", "RDBAND", "WRNORM", "WRBAND",
	"MSG", "", "", "RDHUP"}

func bits(v uint32) string {
	var names []string
	for i, n := range bitNames {
		if v>>i&1 != 0 {
			names = append(names, n)
		}
	}
	return "{" + strings.Join(names, " ") + "}" + fmt.Sprintf("%x", v>>28)
}

// watchBoth plays a script to a lab's process and to the kernel, and compares.
func watchBoth(t *testing.T, in scene, script func(*watching)) {
	play := func(p poller, patience time.Duration) []string {
		s := &watching{t: t, poller: p, scene: in, patience: patience}
		script(s)
		for _, c := range s.open {
			c.Close()
		}
		return s.log
	}
	w := realWorld(t, physical.Impairment{})
	got := play(w.alice.Sockets.NewProcess(true), 0)
	want := play(machine{}, 2*time.Millisecond)
	if !slices.Equal(got, want) { // a busy machine? Ask once more, slowly
		want = play(machine{}, 50*time.Millisecond)
	}
	for i := range max(len(got), len(want)) {
		if g, k := line(got, i), line(want, i); g != k {
			t.Errorf("line %d differs from Linux\n  got  %s\n  want %s\nafter\n  %s",
				i+1, g, k, strings.Join(want[:min(i, len(want))], "\n  "))
		}
	}
}
