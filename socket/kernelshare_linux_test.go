package socket_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"

	"septet/host"
	"septet/physical"
	"septet/socket"
)

// Who may bind a port that somebody has, asked of the kernel in every combination.

// binder is what the question needs of a socket.
type binder interface {
	Bind(netip.AddrPort) error
	Listen(int) error
	Connect(netip.AddrPort) error
	SetSockOpt(level, name, value int) error
	GetSockName() (netip.AddrPort, error)
	Close() error
	take() (binder, error) // accept
}

type ourBinder struct{ *socket.Socket }

func (o ourBinder) take() (binder, error) {
	c, _, err := o.Accept()
	return ourBinder{c}, err
}

type kernelBinder struct{ fd int }

func (k kernelBinder) Bind(a netip.AddrPort) error    { return syscall.Bind(k.fd, inetSockaddr(a)) }
func (k kernelBinder) Listen(n int) error             { return syscall.Listen(k.fd, n) }
func (k kernelBinder) Connect(a netip.AddrPort) error { return syscall.Connect(k.fd, inetSockaddr(a)) }
func (k kernelBinder) Close() error                   { return syscall.Close(k.fd) }

func (k kernelBinder) SetSockOpt(level, name, value int) error {
	return syscall.SetsockoptInt(k.fd, level, name, value)
}

func (k kernelBinder) GetSockName() (netip.AddrPort, error) {
	switch a, err := syscall.Getsockname(k.fd); a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), err
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), err
	default:
		return netip.AddrPort{}, err
	}
}

func (k kernelBinder) take() (binder, error) {
	for {
		fd, _, err := syscall.Accept(k.fd)
		if err != syscall.EINTR {
			return kernelBinder{fd}, err
		}
	}
}

func inetSockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is4() {
		return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

type maker func(domain, kind int) (binder, error)

func ourMaker(h *host.Host) maker {
	return func(domain, kind int) (binder, error) {
		s, err := h.Socket(domain, kind, 0)
		return ourBinder{s}, err
	}
}

func kernelMaker(domain, kind int) (binder, error) {
	fd, err := syscall.Socket(domain, kind, 0)
	return kernelBinder{fd}, err
}

// place is an address to bind to, with the options that belong to it.
type place struct {
	name   string
	addr   netip.Addr
	v6only bool
}

var places = []place{
	{"0.0.0.0", netip.IPv4Unspecified(), false},
	{"127.0.0.1", netip.MustParseAddr("127.0.0.1"), false},
	{"[::]", netip.IPv6Unspecified(), false},
	{"[::] alone", netip.IPv6Unspecified(), true},
	{"[::1]", netip.MustParseAddr("::1"), false},
}

func (p place) domain() int {
	if p.addr.Is4() {
		return socket.AF_INET
	}
	return socket.AF_INET6
}

// allowances are what a socket can say about sharing: SO_REUSEADDR, SO_REUSEPORT.
var allowances = []struct {
	name       string
	addr, port int
}{{"nothing", 0, 0}, {"reuseaddr", 1, 0}, {"reuseport", 0, 1}, {"both", 1, 1}}

// sharing asks the questions of one system.
type sharing struct {
	t    *testing.T
	make maker
}

func (q sharing) socket(p place, kind, allow int) binder {
	q.t.Helper()
	s, err := q.make(p.domain(), kind)
	q.check(err)
	q.check(s.SetSockOpt(socket.SOL_SOCKET, socket.SO_REUSEADDR, allowances[allow].addr))
	q.check(s.SetSockOpt(socket.SOL_SOCKET, socket.SO_REUSEPORT, allowances[allow].port))
	if p.v6only {
		q.check(s.SetSockOpt(socket.SOL_IPV6, socket.IPV6_V6ONLY, 1))
	}
	return s
}

func (q sharing) check(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

// sharingStates are what has become of the first socket when the second one comes. Each returns
// the port, and what must be closed.
var sharingStates = []struct {
	name string
	make func(q sharing, p place, allow int) (uint16, []binder)
}{
	{"bound", func(q sharing, p place, allow int) (uint16, []binder) {
		s := q.socket(p, socket.SOCK_STREAM, allow)
		q.check(s.Bind(netip.AddrPortFrom(p.addr, 0)))
		return q.port(s), []binder{s}
	}},
	{"listening", func(q sharing, p place, allow int) (uint16, []binder) {
		s := q.listener(p, allow)
		return q.port(s), []binder{s}
	}},
	{"accepted", func(q sharing, p place, allow int) (uint16, []binder) {
		l := q.listener(p, allow)
		port, c, s := q.port(l), q.client(p, q.port(l)), q.accepted(l)
		q.check(l.Close())
		return port, []binder{c, s}
	}},
	{"in TIME-WAIT", func(q sharing, p place, allow int) (uint16, []binder) {
		l := q.listener(p, allow)
		port, c, s := q.port(l), q.client(p, q.port(l)), q.accepted(l)
		q.check(l.Close())
		q.check(s.Close())
		q.check(c.Close())
		return port, nil
	}},
	{"connected from it", func(q sharing, p place, allow int) (uint16, []binder) {
		l := q.listener(p, 0)
		c := q.socket(p, socket.SOCK_STREAM, allow)
		q.check(c.Connect(netip.AddrPortFrom(loopbackOf(p), q.port(l))))
		return q.port(c), []binder{l, c}
	}},
}

func loopbackOf(p place) netip.Addr {
	if p.addr.Is4() {
		return places[1].addr
	}
	return places[4].addr
}

func (q sharing) listener(p place, allow int) binder {
	s := q.socket(p, socket.SOCK_STREAM, allow)
	q.check(s.Bind(netip.AddrPortFrom(p.addr, 0)))
	q.check(s.Listen(5))
	return s
}

func (q sharing) client(p place, port uint16) binder {
	c := q.socket(place{addr: p.addr}, socket.SOCK_STREAM, 0)
	q.check(c.Connect(netip.AddrPortFrom(loopbackOf(p), port)))
	return c
}

func (q sharing) accepted(l binder) binder {
	s, err := l.take()
	q.check(err)
	return s
}

func (q sharing) port(s binder) uint16 {
	a, err := s.GetSockName()
	q.check(err)
	return a.Port()
}

// question is one combination; ask says what the system answers.
type question struct {
	text string
	ask  func(sharing) string
}

// about asks what becomes of a second socket in every combination with a first one.
func about(ask func(text string, p1, p2 place, allow1, allow2 int) question) (all []question) {
	for _, p1 := range places {
		for allow1 := range allowances {
			for _, p2 := range places {
				for allow2 := range allowances {
					text := fmt.Sprintf("on %s with %s, then bind %s with %s", p1.name,
						allowances[allow1].name, p2.name, allowances[allow2].name)
					all = append(all, ask(text, p1, p2, allow1, allow2))
				}
			}
		}
	}
	return all
}

func streamQuestions() (all []question) {
	for _, st := range sharingStates {
		all = append(all, about(func(text string, p1, p2 place, allow1, allow2 int) question {
			return question{"a first " + st.name + " " + text, func(q sharing) string {
				port, open := st.make(q, p1, allow1)
				s := q.socket(p2, socket.SOCK_STREAM, allow2)
				err := s.Bind(netip.AddrPortFrom(p2.addr, port))
				answer := fmt.Sprint(err)
				if err == nil {
					answer += fmt.Sprint(", listen ", s.Listen(1))
				}
				for _, c := range append(open, s) {
					c.Close()
				}
				return answer
			}}
		})...)
	}
	return all
}

func datagramQuestions() []question {
	return about(func(text string, p1, p2 place, allow1, allow2 int) question {
		return question{"a first " + text, func(q sharing) string {
			first := q.socket(p1, socket.SOCK_DGRAM, allow1)
			defer first.Close()
			q.check(first.Bind(netip.AddrPortFrom(p1.addr, 0)))
			second := q.socket(p2, socket.SOCK_DGRAM, allow2)
			defer second.Close()
			return fmt.Sprint(second.Bind(netip.AddrPortFrom(p2.addr, q.port(first))))
		}}
	})
}

func TestPortsAreSharedAsOnLinux(t *testing.T) {
	needIPv6(t)
	w := realWorld(t, physical.Impairment{})
	for _, kind := range []struct {
		name string
		all  []question
	}{{"streams", streamQuestions()}, {"datagrams", datagramQuestions()}} {
		t.Run(kind.name, func(t *testing.T) {
			us, kernel := sharing{t, ourMaker(w.alice)}, sharing{t, kernelMaker}
			different := 0
			for _, q := range kind.all {
				got, want := q.ask(us), q.ask(kernel)
				// A port that an earlier one had, or another program? Ask again.
				for n := 0; got != want && n < 4; n++ {
					got, want = q.ask(us), q.ask(kernel)
				}
				if got == want {
					continue
				}
				if different++; different <= 20 {
					t.Errorf("%s\n  got  %s\n  want %s, as Linux says", q.text, got, want)
				}
			}
			t.Logf("%d situations, %d differ", len(kind.all), different)
		})
	}
}

func needIPv6(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet6{Addr: places[4].addr.As16()})
		syscall.Close(fd)
	}
	if err != nil {
		t.Skipf("the machine has no IPv6: %v", err)
	}
}
