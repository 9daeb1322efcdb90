package differential

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"septet/socket"
)

// script is a situation as it stands in a table.
type script struct {
	name string
	run  func(s *situation)
	in   []string // the families in which it makes sense; nil is all
	wire bool     // it needs the other machine, or a namespace of its own
	user bool     // it needs a program without privileges
	// alone: nothing else may happen in this process meanwhile, for it asks about
	// descriptors that it has closed, and their numbers are given out again.
	alone  bool
	lonely bool // on a machine whose cable leads nowhere, see lonelyLab
}

// family is what the sockets of a situation are, and the addresses that it uses.
type family struct {
	name      string
	domain    int
	loopback  netip.Addr
	other     netip.Addr // as good as loopback, but another one; IPv6 has none
	any       netip.Addr
	near, far netip.Addr // of the two machines
	absent    netip.Addr // on the link, but nobody has it
	elsewhere netip.Addr // nobody's, and there is no route to it
}

const (
	ipv4   = "IPv4"
	ipv6   = "IPv6"
	mapped = "mapped"
)

var (
	only4     = []string{ipv4}
	only6     = []string{ipv6}
	addresses = []family{
		{ipv4, socket.AF_INET, addr("127.0.0.1"), addr("127.0.0.2"), addr("0.0.0.0"),
			addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.99"), addr("198.51.100.1")},
		{ipv6, socket.AF_INET6, addr("::1"), addr("::1"), addr("::"),
			addr("2001:db8::1"), addr("2001:db8::2"), addr("2001:db8::99"), addr("2001:db8:dead::1")},
		{mapped, socket.AF_INET6, addr("::ffff:127.0.0.1"), addr("::ffff:127.0.0.2"), addr("::"),
			addr("::ffff:192.0.2.1"), addr("::ffff:192.0.2.2"), addr("::ffff:192.0.2.99"), addr("::ffff:198.51.100.1")},
	}
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// situation is one run of a program. It writes down what the calls answer.
type situation struct {
	family
	*world
	sys socket.System // on which make makes sockets
	log []string

	*shared
}

// shared is what the programs of one situation have in common.
type shared struct {
	mu       sync.Mutex
	ports    map[uint16]string // ports differ from run to run: they are named
	open     []io.Closer
	programs []*situation
}

// play runs a script on a world and returns what it has written.
func play(w *world, f family, sc script) []string {
	s := &situation{family: f, world: w, sys: w.here, shared: &shared{ports: make(map[uint16]string)}}
	s.programs = []*situation{s}
	w.here.Go(sc.name, func() { s.body(sc.run) })
	err := w.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var log []string
	for _, p := range s.programs {
		log = append(log, p.log...)
	}
	if err != nil {
		return append(log, err.Error())
	}
	for _, d := range s.open {
		_ = d.Close()
	}
	return log
}

// stop ends a program that cannot go on.
type stop struct{}

func (s *situation) body(run func(*situation)) {
	defer func() {
		if r := recover(); r != nil && r != (stop{}) {
			panic(r)
		}
	}()
	run(s)
}

// must ends the program if a call has failed on which everything after it depends.
func (s *situation) must(call string, errs ...error) {
	if err := errors.Join(errs...); err != nil {
		s.note(call+", and the program cannot go on", err)
		panic(stop{})
	}
}

// start runs a second program at the same time. What it writes comes after what this
// one does.
func (s *situation) start(run func(*situation)) { s.startOn(s.sys, run) }

func (s *situation) startOn(sys socket.System, run func(*situation)) {
	other := &situation{family: s.family, world: s.world, sys: sys, shared: s.shared}
	s.mu.Lock()
	s.programs = append(s.programs, other)
	s.mu.Unlock()
	sys.Go(fmt.Sprintf("program %d", len(s.programs)), func() { other.body(run) })
}

// during makes a call that blocks in another program, does something meanwhile, and
// waits until the call has ended.
func (s *situation) during(call func(*situation), act func()) {
	ended := false
	s.start(func(o *situation) {
		call(o)
		o.mu.Lock()
		ended = true
		o.mu.Unlock()
	})
	s.settle()
	act()
	s.until(func() bool { return ended })
}

// until waits for what other programs do.
func (s *situation) until(done func() bool) {
	for range 1000 {
		s.mu.Lock()
		ok := done()
		s.mu.Unlock()
		if ok {
			return
		}
		_ = s.here.Sleep(max(s.patience/4, 5*time.Millisecond))
	}
	s.note("it never came to an end")
}

// closeLater has c closed after the script.
func (s *situation) closeLater(c io.Closer) {
	s.mu.Lock()
	s.open = append(s.open, c)
	s.mu.Unlock()
}

// settle lets everything that is under way arrive.
func (s *situation) settle() { _ = s.here.Sleep(s.patience) }

// note writes down what a call answers.
func (s *situation) note(call string, results ...any) {
	var line strings.Builder
	line.WriteString(call + ":")
	for _, r := range results {
		switch r := r.(type) {
		case nil:
			line.WriteString(" ok")
		case netip.AddrPort:
			line.WriteString(" " + s.name(r))
		case syscall.Errno:
			line.WriteString(" " + errnoName(r))
		case socket.Readiness:
			line.WriteString(" " + bits(r))
		default:
			fmt.Fprintf(&line, " %v", r)
		}
	}
	s.mu.Lock() // who is blocked for ever on the kernel may go on while the others' notes are read
	s.log = append(s.log, line.String())
	s.mu.Unlock()
}

func errnoName(e syscall.Errno) string {
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(e))
}

func bits(r socket.Readiness) string {
	var names []string
	for i, name := range []string{"IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDNORM", "RDBAND", "WRNORM", "WRBAND", "MSG", "", "", "RDHUP"} {
		if name != "" && r>>i&1 != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "|")
}

// name returns an address with the name of its port.
func (s *situation) name(a netip.AddrPort) string {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// make makes a socket of the situation's family.
func (s *situation) make(kind int) socket.Descriptor { return s.of(s.domain, kind) }

// of makes a socket of any family. No call on it blocks longer than two seconds.
func (s *situation) of(domain, kind int) socket.Descriptor {
	return s.on(s.sys, domain, kind, 0)
}

func (s *situation) on(sys socket.System, domain, kind, protocol int) socket.Descriptor {
	d, err := sys.Socket(domain, kind, protocol)
	s.must("socket", err)
	s.closeLater(d)
	// A call that blocks for ever in one of the two is a difference as well.
	_ = setTimeout(d, socket.SO_RCVTIMEO, 2*time.Second)
	_ = setTimeout(d, socket.SO_SNDTIMEO, 2*time.Second)
	return d
}

func (s *situation) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(s.loopback, port) }

// bound returns d's address, whose port the log calls by name.
func (s *situation) bound(d socket.Descriptor, name string) netip.AddrPort {
	a, err := d.GetSockName()
	s.must("getsockname", err)
	s.mu.Lock()
	s.ports[a.Port()] = name
	s.mu.Unlock()
	return a
}

// bind binds d to a port of an address that is named.
func (s *situation) bind(d socket.Descriptor, a netip.Addr, name string) netip.AddrPort {
	s.must("bind", d.Bind(netip.AddrPortFrom(a, 0)))
	return s.bound(d, name)
}

// accept takes a connection, which is closed after the script.
func (s *situation) accept(l socket.Descriptor) (socket.Descriptor, error) {
	d, _, err := l.Accept()
	if err == nil {
		s.closeLater(d)
	}
	return d, err
}

func (s *situation) listener() (socket.Descriptor, netip.AddrPort) {
	d := s.make(socket.SOCK_STREAM)
	a := s.bind(d, s.loopback, "server")
	s.must("listen", d.Listen(5))
	return d, a
}

// pair returns two connected sockets.
func (s *situation) pair() (client, server socket.Descriptor) {
	l, a := s.listener()
	return s.connected(l, a)
}

// across returns two connected sockets, the client here and the server there.
func (s *situation) across() (client, server socket.Descriptor) {
	l := s.on(s.there, s.domain, socket.SOCK_STREAM, 0)
	a := s.bind(l, s.far, "server")
	s.must("listen", l.Listen(5))
	return s.connected(l, a)
}

func (s *situation) connected(l socket.Descriptor, a netip.AddrPort) (client, server socket.Descriptor) {
	client = s.make(socket.SOCK_STREAM)
	s.must("connect", client.Connect(a))
	s.bound(client, "client")
	server, err := s.accept(l)
	s.must("accept", err)
	s.settle()
	return client, server
}

// closedPort returns an address on which nobody listens.
func (s *situation) closedPort(kind int) netip.AddrPort {
	d := s.make(kind)
	a := s.bind(d, s.loopback, "nobody")
	s.must("close", d.Close())
	return a
}

func (s *situation) send(d socket.Descriptor, text string) {
	n, err := d.Send([]byte(text), 0)
	s.note("send", n, err)
}

func (s *situation) recv(d socket.Descriptor, size, flags int) {
	b := make([]byte, size)
	n, err := d.Recv(b, flags)
	s.note("recv", n, string(b[:min(n, size)]), err)
}

func (s *situation) option(d socket.Descriptor, level, name int) {
	v, err := d.GetSockOpt(level, name)
	s.note(fmt.Sprintf("getsockopt %d/%d", level, name), v, err)
}

// values sets an option to each of some values, and reads it each time.
func (s *situation) values(d socket.Descriptor, level, name int, values ...int) {
	s.option(d, level, name)
	for _, v := range values {
		s.note(fmt.Sprintf("setsockopt %d/%d %d", level, name, v), d.SetSockOpt(level, name, v))
		s.option(d, level, name)
	}
}

func (s *situation) pendingError(d socket.Descriptor) {
	v, err := d.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
	s.note("SO_ERROR", syscall.Errno(v), err)
}

func (s *situation) sockName(d socket.Descriptor) {
	a, err := d.GetSockName()
	s.note("getsockname", a, err)
}

func (s *situation) peerName(d socket.Descriptor) {
	a, err := d.GetPeerName()
	s.note("getpeername", a, err)
}
