package differential

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"septet/socket"
)

// watching is a situation whose sockets do not block: it waits by poll and epoll.
type watching struct{ *situation }

func watch(run func(*watching)) func(*situation) {
	return func(s *situation) { run(&watching{s}) }
}

func (s *watching) notef(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *watching) make(kind int) socket.Descriptor {
	return s.of(s.domain, kind|socket.SOCK_NONBLOCK)
}

func (s *watching) epoll() socket.Epoll {
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.closeLater(e)
	return e
}

// opened returns a socket with a port, and its address.
func (s *watching) opened(kind int) (socket.Descriptor, netip.AddrPort) {
	d := s.make(kind)
	s.must("bind", d.Bind(s.at(0)))
	a, err := d.GetSockName()
	s.must("getsockname", err)
	return d, a
}

// datagrams returns a socket and one that sends to it.
func (s *watching) datagrams() (to, from socket.Descriptor) {
	to, a := s.opened(socket.SOCK_DGRAM)
	from = s.make(socket.SOCK_DGRAM)
	s.must("connect", from.Connect(a))
	return to, from
}

func (s *watching) listener(backlog int) (socket.Descriptor, netip.AddrPort) {
	d, a := s.opened(socket.SOCK_STREAM)
	s.must("listen", d.Listen(backlog))
	return d, a
}

func (s *watching) pair() (client, server socket.Descriptor) {
	ln, a := s.listener(5)
	client = s.make(socket.SOCK_STREAM)
	s.dial(client, a)
	server, err := s.accept(ln)
	s.must("accept", err)
	s.must("nonblock", server.SetNonblock(true))
	return client, server
}

func (s *watching) dial(d socket.Descriptor, to netip.AddrPort) {
	if err := d.Connect(to); err != syscall.EINPROGRESS {
		s.must("connect", err)
	}
	s.settle()
}

// nobody returns an address on which nobody listens.
func (s *watching) nobody(kind int) netip.AddrPort {
	d, a := s.opened(kind)
	d.Close()
	return a
}

func (s *watching) send(d socket.Descriptor, text string) {
	_, err := d.Send([]byte(text), 0)
	s.must("send", err)
	s.settle()
}

func (s *watching) recv(d socket.Descriptor) {
	n, err := d.Recv(make([]byte, 1<<16), 0)
	s.notef("recv: %d %v", n, err)
}

// wait notes what a wait that does not block finds.
func (s *watching) wait(what string, e socket.Epoll, most int) {
	events := make([]socket.EpollEvent, most)
	n, err := e.Wait(events, 0)
	text := ""
	for _, ev := range events[:n] {
		text += fmt.Sprintf(" %d:%s", ev.Data, epollBits(ev.Events))
	}
	s.notef("%s: %d%s %v", what, n, text, err)
}

func (s *watching) ctl(e socket.Epoll, op, fd int, events uint32, data uint64) {
	s.notef("ctl %d %s: %v", op, epollBits(events), e.Ctl(op, fd, socket.EpollEvent{Events: events, Data: data}))
}

// epollBits are poll's bits, and in hexadecimal what only an epoll set knows.
func epollBits(v uint32) string {
	return "{" + strings.ReplaceAll(bits(socket.Readiness(v)), "|", " ") + "}" + fmt.Sprintf("%x", v>>28)
}

var polls = []script{
	{name: "descriptors that are none", run: watch(pollArguments)},
	{name: "what wakes", run: watch(pollWakes)},
	{name: "no descriptors", run: watch(pollNothing)},
}

// unknown is a descriptor that no process has open: it is near the limit of their number.
const unknown = 999_998

// pollArguments: what poll does with descriptors that are none.
func pollArguments(s *watching) {
	d, _ := s.opened(socket.SOCK_DGRAM)
	poll := func(what string, fds ...socket.PollFD) {
		for i := range fds {
			fds[i].Revents = 0x55
		}
		n, err := s.sys.Poll(fds, 0)
		s.notef("%s: %d %v", what, n, err)
		for _, f := range fds {
			s.notef("  %s", bits(f.Revents))
		}
	}
	poll("nothing")
	poll("unknown, not asked for anything", socket.PollFD{FD: unknown}, socket.PollFD{FD: unknown + 1})
	poll("negative", socket.PollFD{FD: -1, Events: askAll}, socket.PollFD{FD: -7})
	out := socket.PollFD{FD: d.FD(), Events: socket.POLLOUT}
	in := socket.PollFD{FD: d.FD(), Events: socket.POLLIN}
	poll("twice, and for something else", out, out, in)
}

// pollNothing: poll with no descriptors is a sleep, and with only negative ones too.
func pollNothing(s *watching) {
	for _, fds := range [][]socket.PollFD{nil, {}, {{FD: -1, Events: askAll}}} {
		begun := s.sys.Now()
		n, err := s.sys.Poll(fds, s.patience)
		s.notef("poll of %d: %d %v, in time %v", len(fds), n, err, s.sys.Now().Sub(begun) >= s.patience)
	}
}

// pollWakes: who polls is woken by what he asks for, and by nothing else.
func pollWakes(s *watching) {
	blocked := func(what string, fds []socket.PollFD, timeout time.Duration, act func()) {
		s.during(func(o *situation) {
			begun := s.sys.Now()
			n, err := s.sys.Poll(fds, timeout)
			o.note(what, n, err, "timed out", s.sys.Now().Sub(begun) >= timeout)
			for _, f := range fds {
				o.note(" ", f.Revents)
			}
		}, act)
	}
	to, from := s.datagrams()
	c, p := s.pair()
	ask := func(ev socket.Readiness, ds ...socket.Descriptor) (fds []socket.PollFD) {
		for _, d := range ds {
			fds = append(fds, socket.PollFD{FD: d.FD(), Events: ev})
		}
		return fds
	}
	short, long := 8*s.patience, 5*time.Second
	blocked("a datagram", ask(socket.POLLIN, c, to), long, func() { s.send(from, "x") })
	blocked("not asked for", ask(socket.POLLPRI, c, to), short, func() { s.send(from, "x") })
	blocked("stream data", ask(socket.POLLIN, p, c), long, func() { s.send(p, "x") })
	blocked("half close", ask(socket.POLLRDHUP, c, p), long, func() { c.Shutdown(socket.SHUT_WR) })
	blocked("shut here", ask(socket.POLLHUP, to, c), long, func() { c.Shutdown(socket.SHUT_RD) })
	d := s.make(socket.SOCK_DGRAM)
	s.must("connect", d.Connect(s.nobody(socket.SOCK_DGRAM)))
	blocked("refused", ask(0, d), long, func() { d.Send([]byte("x"), 0) })
	blocked("closed meanwhile", ask(socket.POLLIN, from, d), short, func() { from.Close() })
	ln, a := s.listener(5)
	conn := s.make(socket.SOCK_STREAM)
	blocked("a connection", ask(socket.POLLIN, ln), long, func() { conn.Connect(a) })
	e := s.epoll()
	s.ctl(e, socket.EPOLL_CTL_ADD, d.FD(), uint32(socket.POLLIN), 0)
	blocked("a set", []socket.PollFD{{FD: e.FD(), Events: askAll}}, long, func() { d.Shutdown(socket.SHUT_RD) })
}

// epollWakes: which of the calls that wait are woken.
var epollWakes = func() (list []script) {
	for _, flags := range []uint32{0, epEdge, socket.EPOLLONESHOT, socket.EPOLLEXCLUSIVE, epEdge | socket.EPOLLEXCLUSIVE} {
		list = append(list, script{name: "who is woken, " + epollBits(flags), run: watch(func(s *watching) {
			to, from := s.datagrams()
			one := s.epoll()
			s.ctl(one, add, to.FD(), epIn|flags, 1)
			s.waits("three calls wait for one set", []socket.Epoll{one, one, one}, func() { s.send(from, "x") })
			s.recv(to)
			one.Close()
			var sets []socket.Epoll
			for i := range 3 {
				sets = append(sets, s.epoll())
				s.ctl(sets[i], add, to.FD(), epIn|flags, 1)
			}
			s.waits("one call waits for each of three", sets, func() { s.send(from, "x") })
			s.send(from, "x")
			for _, e := range sets {
				s.wait("afterwards", e, 4)
			}
		})})
	}
	return append(list, script{name: "closed during a wait", alone: true, run: watch(func(s *watching) {
		to, from := s.datagrams()
		e := s.epoll()
		s.ctl(e, add, to.FD(), epIn, 1)
		s.waits("the call goes on", []socket.Epoll{e}, func() {
			e.Close()
			s.send(from, "x")
		})
	})})
}()

// waits has calls wait for sets, one begun after the other, and notes what each has
// found when all have ended.
func (s *watching) waits(what string, sets []socket.Epoll, act func()) {
	short := time.Duration(len(sets)+8) * s.patience
	found, ended := make([]int, len(sets)), 0
	for i, e := range sets {
		s.start(func(o *situation) {
			found[i], _ = e.Wait(make([]socket.EpollEvent, 4), short)
			o.mu.Lock()
			ended++
			o.mu.Unlock()
		})
		s.settle()
	}
	act()
	s.until(func() bool { return ended == len(sets) })
	s.notef("%s: %v", what, found)
}
