package socket_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"septet/host"
	"septet/physical"
	"septet/socket"
)

// The judge of the socket calls is the Linux kernel: every script below makes
// the same calls to a socket of ours and to one of the machine's, both on the
// loopback address of the script's family, and the two must answer the same, call for
// call.

// api is socket(2), and endpoint the calls on what it returns.
type api interface {
	socket(domain, kind, protocol int) (endpoint, error)
	// settle lets everything that is under way arrive.
	settle()
}

type endpoint interface {
	Bind(netip.AddrPort) error
	Listen(int) error
	accept() (endpoint, error)
	Connect(netip.AddrPort) error
	SendTo([]byte, int, netip.AddrPort) (int, error)
	RecvFrom([]byte, int) (int, netip.AddrPort, error)
	Shutdown(int) error
	Close() error
	GetSockName() (netip.AddrPort, error)
	GetPeerName() (netip.AddrPort, error)
	SetNonblock(bool) error
	GetSockOpt(level, name int) (int, error)
	SetSockOpt(level, name, value int) error
	setLinger(on bool, seconds int) error
	setTimeout(name int, d time.Duration) error
	AtMark() (bool, error)
	SendMsg(m *socket.Message, flags int) (int, error)
	RecvMsg(m *socket.Message, flags int) (int, error)
	GetSockOptBytes(level, name int, b []byte) (int, error)
	SetSockOptBytes(level, name int, value []byte) error
}

type ourAPI struct{ h *host.Host }

func (a ourAPI) socket(domain, kind, protocol int) (endpoint, error) {
	s, err := a.h.Socket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	return ours{s}, nil
}

func (ourAPI) settle() {} // within the turn everything arrives

type ours struct{ *socket.Socket }

func (o ours) accept() (endpoint, error) {
	s, _, err := o.Accept()
	if err != nil {
		return nil, err
	}
	return ours{s}, nil
}

func (o ours) setLinger(on bool, seconds int) error {
	return o.SetSockOptLinger(socket.Linger{On: on, Time: time.Duration(seconds) * time.Second})
}

func (o ours) setTimeout(name int, d time.Duration) error { return o.SetSockOptTimeout(name, d) }

type kernelAPI struct{ patience time.Duration }

func (kernelAPI) socket(domain, kind, protocol int) (endpoint, error) {
	fd, err := syscall.Socket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	return &kernel{fd}, nil
}

// settle gives the kernel time: unlike a lab it delivers when it gets round to it.
func (k kernelAPI) settle() { time.Sleep(k.patience) }

type kernel struct{ fd int }

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is6() {
		return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func addrPort(sa syscall.Sockaddr, err error) (netip.AddrPort, error) {
	switch a := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), err
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), err
	}
	return netip.AddrPort{}, err
}

func (k *kernel) AtMark() (bool, error) {
	const siocatmark = 0x8905
	var at int32
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(k.fd), siocatmark, uintptr(unsafe.Pointer(&at)))
	if e != 0 {
		return false, e
	}
	return at != 0, nil
}

func (k *kernel) Bind(a netip.AddrPort) error { return syscall.Bind(k.fd, sockaddr(a)) }
func (k *kernel) Listen(n int) error          { return syscall.Listen(k.fd, n) }
func (k *kernel) accept() (endpoint, error) {
	for {
		fd, _, err := syscall.Accept(k.fd)
		switch err {
		case nil:
			return &kernel{fd}, nil
		case syscall.EINTR: // Go's own signals; there are none in a lab
		default:
			return nil, err
		}
	}
}

func (k *kernel) Connect(a netip.AddrPort) error {
	if !a.IsValid() {
		// package syscall has no AF_UNSPEC address.
		var unspec syscall.RawSockaddrInet4
		_, _, e := syscall.Syscall(syscall.SYS_CONNECT, uintptr(k.fd),
			uintptr(unsafe.Pointer(&unspec)), unsafe.Sizeof(unspec))
		if e != 0 {
			return e
		}
		return nil
	}
	return syscall.Connect(k.fd, sockaddr(a))
}

func (k *kernel) SendTo(b []byte, flags int, to netip.AddrPort) (int, error) {
	var sa syscall.Sockaddr
	if to.IsValid() {
		sa = sockaddr(to)
	}
	return syscall.SendmsgN(k.fd, b, nil, sa, flags|syscall.MSG_NOSIGNAL)
}

func (k *kernel) RecvFrom(b []byte, flags int) (int, netip.AddrPort, error) {
	for {
		n, sa, err := syscall.Recvfrom(k.fd, b, flags)
		if err == syscall.EINTR {
			continue
		}
		from, _ := addrPort(sa, nil)
		return max(n, 0), from, err
	}
}

func (k *kernel) Shutdown(how int) error { return syscall.Shutdown(k.fd, how) }
func (k *kernel) Close() error {
	err := syscall.Close(k.fd)
	k.fd = -1
	return err
}
func (k *kernel) GetSockName() (netip.AddrPort, error) { return addrPort(syscall.Getsockname(k.fd)) }
func (k *kernel) GetPeerName() (netip.AddrPort, error) { return addrPort(syscall.Getpeername(k.fd)) }
func (k *kernel) SetNonblock(on bool) error            { return syscall.SetNonblock(k.fd, on) }
func (k *kernel) GetSockOpt(level, name int) (int, error) {
	return syscall.GetsockoptInt(k.fd, level, name)
}
func (k *kernel) SetSockOpt(level, name, value int) error {
	return syscall.SetsockoptInt(k.fd, level, name, value)
}
func (k *kernel) setLinger(on bool, seconds int) error {
	l := syscall.Linger{Linger: int32(seconds)}
	if on {
		l.Onoff = 1
	}
	return syscall.SetsockoptLinger(k.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l)
}
func (k *kernel) setTimeout(name int, d time.Duration) error {
	tv := syscall.NsecToTimeval(int64(d))
	return syscall.SetsockoptTimeval(k.fd, syscall.SOL_SOCKET, name, &tv)
}

// session runs one script and writes down what the calls answer.
type session struct {
	t *testing.T
	api
	scene
	log   []string
	ports map[uint16]string // ports differ from run to run: they are named
	open  []endpoint
}

func (s *session) note(call string, results ...any) {
	line := call + ":"
	for _, r := range results {
		switch r := r.(type) {
		case nil:
			line += " ok"
		case netip.AddrPort:
			line += " " + s.name(r)
		case syscall.Errno:
			line += " " + errnoName(r)
		default:
			line += fmt.Sprintf(" %v", r)
		}
	}
	s.log = append(s.log, line)
}

func (s *session) name(a netip.AddrPort) string {
	switch name, known := s.ports[a.Port()]; {
	case !a.IsValid():
		return "none"
	case a.Port() == 0:
		return a.String()
	case known:
		return a.Addr().String() + ":" + name
	}
	return a.Addr().String() + ":some"
}

func errnoName(e syscall.Errno) string { return fmt.Sprintf("%v (%d)", e, int(e)) }

// make makes a socket that is closed after the script.
func (s *session) make(kind int) endpoint {
	e, err := s.socket(s.domain, kind, 0)
	if err != nil {
		s.t.Fatalf("socket: %v", err)
	}
	s.open = append(s.open, e)
	// A call that blocks for ever in one of the two is a difference as well.
	e.setTimeout(socket.SO_RCVTIMEO, 2*time.Second)
	e.setTimeout(socket.SO_SNDTIMEO, 2*time.Second)
	return e
}

// scene is the family of a script's sockets, and the addresses that it uses.
type scene struct {
	name      string
	domain    int
	loopback  netip.Addr
	any       netip.Addr
	elsewhere netip.Addr // of no host
}

var scenes = []scene{
	{"IPv4", socket.AF_INET, netip.MustParseAddr("127.0.0.1"), netip.IPv4Unspecified(), netip.MustParseAddr("192.0.2.1")},
	{"IPv6", socket.AF_INET6, netip.MustParseAddr("::1"), netip.IPv6Unspecified(), netip.MustParseAddr("2001:db8:dead::1")},
	{"mapped", socket.AF_INET6, netip.MustParseAddr("::ffff:127.0.0.1"), netip.IPv6Unspecified(), netip.MustParseAddr("::ffff:192.0.2.1")},
}

// needed skips a test of IPv6 on a machine that has none.
func (s scene) needed(t *testing.T) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(s.loopback, 0).String())
	if err != nil {
		t.Skipf("the machine has no %s: %v", s.name, err)
	}
	l.Close()
}

func (s scene) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(s.loopback, port) }

// bound returns e's address, whose port the log calls by name.
func (s *session) bound(e endpoint, name string) netip.AddrPort {
	a, err := e.GetSockName()
	if err != nil {
		s.t.Fatalf("getsockname: %v", err)
	}
	s.ports[a.Port()] = name
	return a
}

func (s *session) listener() (endpoint, netip.AddrPort) {
	e := s.make(socket.SOCK_STREAM)
	if err := errors.Join(e.Bind(s.at(0)), e.Listen(5)); err != nil {
		s.t.Fatalf("listen: %v", err)
	}
	return e, s.bound(e, "server")
}

// pair returns two connected sockets.
func (s *session) pair() (client, server endpoint) {
	l, addr := s.listener()
	client = s.make(socket.SOCK_STREAM)
	if err := client.Connect(addr); err != nil {
		s.t.Fatalf("connect: %v", err)
	}
	server, err := l.accept()
	if err != nil {
		s.t.Fatalf("accept: %v", err)
	}
	s.open = append(s.open, server)
	s.settle()
	return client, server
}

// closedPort returns an address on which nobody listens.
func (s *session) closedPort(kind int) netip.AddrPort {
	e := s.make(kind)
	if err := e.Bind(s.at(0)); err != nil {
		s.t.Fatalf("bind: %v", err)
	}
	a := s.bound(e, "nobody")
	e.Close()
	return a
}

func (s *session) send(e endpoint, text string) {
	n, err := e.SendTo([]byte(text), 0, netip.AddrPort{})
	s.note("send", n, err)
}

func (s *session) recv(e endpoint, size, flags int) {
	b := make([]byte, size)
	n, _, err := e.RecvFrom(b, flags)
	s.note("recv", n, string(b[:min(n, size)]), err)
}

func (s *session) option(e endpoint, level, name int) {
	v, err := e.GetSockOpt(level, name)
	s.note(fmt.Sprintf("getsockopt %d/%d", level, name), v, err)
}

func (s *session) pendingError(e endpoint) {
	v, err := e.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
	s.note("SO_ERROR", syscall.Errno(v), err)
}

func run(t *testing.T, a api, in scene, script func(*session)) []string {
	s := &session{t: t, api: a, scene: in, ports: make(map[uint16]string)}
	script(s)
	for _, e := range s.open {
		e.Close()
	}
	return s.log
}

// playBoth plays a script to us and to the kernel, and compares.
func playBoth(t *testing.T, in scene, script func(*session)) {
	w := realWorld(t, physical.Impairment{})
	got := run(t, ourAPI{w.alice}, in, script)
	want := run(t, kernelAPI{20 * time.Millisecond}, in, script)
	if !slices.Equal(got, want) { // a busy machine? Ask once more, slowly
		want = run(t, kernelAPI{300 * time.Millisecond}, in, script)
	}
	for i := range max(len(got), len(want)) {
		g, k := line(got, i), line(want, i)
		if g != k {
			t.Errorf("call %d differs from Linux\n  got  %s\n  want %s\nafter\n  %s",
				i+1, g, k, strings.Join(want[:min(i, len(want))], "\n  "))
			return
		}
	}
}

func line(log []string, i int) string {
	if i < len(log) {
		return log[i]
	}
	return "nothing"
}
