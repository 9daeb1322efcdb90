package socket_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	"septet/socket"
)

// askAll is every bit that poll can be asked for.
const askAll = socket.Readiness(0x27ff) &^ (socket.POLLERR | socket.POLLHUP | socket.POLLNVAL)

// states brings a socket into a state, in which poll and a new epoll set must say of it
// what they say on Linux.
var states = []struct {
	name  string
	enter func(s *watching, look func(what string, d socket.Descriptor))
}{
	{"stream before a connection", func(s *watching, look func(string, socket.Descriptor)) {
		look("new", s.make(socket.SOCK_STREAM))
		d, _ := s.bound(socket.SOCK_STREAM)
		look("bound", d)
	}},
	{"listener", func(s *watching, look func(string, socket.Descriptor)) {
		ln, a := s.listener(5)
		look("empty", ln)
		s.dial(s.make(socket.SOCK_STREAM), a)
		look("one waits", ln)
		s.note("shutdown: %v", ln.Shutdown(socket.SHUT_RD))
		look("shut", ln)
	}},
	{"refused", func(s *watching, look func(string, socket.Descriptor)) {
		d := s.make(socket.SOCK_STREAM)
		a := s.nobody(socket.SOCK_STREAM)
		d.Connect(a)
		s.settle()
		look("refused", d)
		look("again", d)
		v, err := d.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
		s.note("SO_ERROR: %d %v", v, err)
		look("told", d)
	}},
	{"connecting", func(s *watching, look func(string, socket.Descriptor)) {
		for how := socket.SHUT_RD; how <= socket.SHUT_RDWR; how++ {
			_, a := s.listener(0)
			var last socket.Descriptor
			for range 4 { // more than the queue of a listener takes
				last = s.make(socket.SOCK_STREAM)
				s.dial(last, a)
			}
			look("no answer", last)
			s.note("shutdown %d: %v", how, last.Shutdown(how))
			look("shut", last)
			v, err := last.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
			s.note("SO_ERROR: %d %v", v, err)
			look("told", last)
		}
	}},
	{"connection", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		look("idle", c)
		s.send(p, "x")
		look("data", c)
		s.note("shutdown: %v", p.Shutdown(socket.SHUT_WR))
		s.settle()
		look("data and the end", c)
		look("who has shut for writing", p)
		s.recv(c)
		look("the end", c)
		s.note("shutdown: %v", c.Shutdown(socket.SHUT_WR))
		s.settle()
		look("both ended", c)
		look("both ended, the first", p)
	}},
	{"shut by itself", func(s *watching, look func(string, socket.Descriptor)) {
		for how := socket.SHUT_RD; how <= socket.SHUT_RDWR; how++ {
			c, p := s.pair()
			s.note("shutdown %d: %v", how, c.Shutdown(how))
			s.settle()
			look("shut", c)
			look("its peer", p)
		}
	}},
	{"closed by the peer", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		p.Close()
		s.settle()
		look("closed", c)
		s.send(c, "x")
		look("reset", c)
		_, err := c.Send([]byte("x"), 0)
		s.note("send: %v", err)
		look("told", c)
	}},
	{"reset with data unread", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		s.send(p, "x")
		s.send(c, "x")
		c.Close()
		s.settle()
		look("reset", p)
	}},
	{"urgent", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		urge := func(text string) {
			_, err := p.Send([]byte(text), socket.MSG_OOB)
			s.check("send", err)
			s.settle()
		}
		urge("u")
		look("urgent", c)
		b := make([]byte, 9)
		n, err := c.Recv(b, socket.MSG_OOB)
		s.note("recv urgent: %d %v", n, err)
		look("taken", c)
		urge("du")
		look("data and urgent", c)
		n, err = c.Recv(b, socket.MSG_OOB)
		s.note("recv urgent: %d %v", n, err)
		look("data", c)
		s.recv(c)
		look("nothing", c)
		s.check("option", c.SetSockOpt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1))
		urge("du")
		look("in line", c)
		s.recv(c)
		look("at the mark", c)
		s.recv(c)
		look("past it", c)
	}},
	{"full", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		fill(c)
		s.settle()
		fill(c)
		look("full", c)
		s.note("shutdown: %v", c.Shutdown(socket.SHUT_WR))
		look("full, shut for writing", c)
		_ = p
	}},
	{"disconnected", func(s *watching, look func(string, socket.Descriptor)) {
		c, _ := s.pair()
		s.note("connect: %v", c.Connect(netip.AddrPort{}))
		look("disconnected", c)
		v, err := c.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
		s.note("SO_ERROR: %d %v", v, err)
		look("told", c)
	}},
	{"datagrams", func(s *watching, look func(string, socket.Descriptor)) {
		to, from := s.datagrams()
		look("new", to)
		s.send(from, "")
		look("an empty one", to)
		s.recv(to)
		look("read", to)
		d := s.make(socket.SOCK_DGRAM)
		s.check("connect", d.Connect(s.nobody(socket.SOCK_DGRAM)))
		s.send(d, "x")
		look("refused", d)
		_, err := d.Recv(make([]byte, 1), 0)
		s.note("recv: %v", err)
		look("told", d)
	}},
	{"datagrams shut", func(s *watching, look func(string, socket.Descriptor)) {
		for how := socket.SHUT_RD; how <= socket.SHUT_RDWR; how++ {
			to, from := s.datagrams()
			s.note("shutdown %d: %v", how, from.Shutdown(how))
			look("shut", from)
			s.note("unconnected, shutdown %d: %v", how, to.Shutdown(how))
			look("shut", to)
		}
	}},
}

func TestPollStatesLikeTheKernel(t *testing.T) {
	for _, in := range scenes[:2] {
		t.Run(in.name, func(t *testing.T) {
			in.needed(t)
			for _, st := range states {
				t.Run(st.name, func(t *testing.T) {
					watchBoth(t, in, func(s *watching) { st.enter(s, s.look) })
				})
			}
		})
	}
}

// look notes what poll and epoll say of a socket.
func (s *watching) look(what string, d socket.Descriptor) {
	fds := []socket.PollFD{{FD: d.FD(), Events: askAll}, {FD: -1, Events: askAll}, {FD: d.FD()},
		{FD: d.FD(), Events: socket.POLLOUT}}
	n, err := s.Poll(fds, 0)
	s.note("%s: poll %d %v", what, n, err)
	for _, f := range fds {
		s.note("  asked for %s, has %s", bits(uint32(f.Events)), bits(uint32(f.Revents)))
	}
	e := s.epoll()
	s.ctl(e, socket.EPOLL_CTL_ADD, d.FD(), uint32(askAll), 1)
	s.wait("epoll", e, 4)
	e.Close()
}

// fill writes until there is no more room.
func fill(d socket.Descriptor) (n int) {
	b := make([]byte, 1000)
	for {
		sent, err := d.Send(b, 0)
		if err != nil {
			return n
		}
		n += sent
	}
}

// TestPollArguments: what poll does with descriptors that are none.
func TestPollArguments(t *testing.T) {
	watchBoth(t, scenes[0], func(s *watching) {
		d, _ := s.bound(socket.SOCK_DGRAM)
		closed := s.make(socket.SOCK_DGRAM)
		gone := closed.FD()
		closed.Close()
		poll := func(what string, fds ...socket.PollFD) {
			for i := range fds {
				fds[i].Revents = 0x55
			}
			n, err := s.Poll(fds, 0)
			s.note("%s: %d %v", what, n, err)
			for _, f := range fds {
				s.note("  %s", bits(uint32(f.Revents)))
			}
		}
		poll("nothing")
		poll("closed, not asked for anything", socket.PollFD{FD: gone}, socket.PollFD{FD: 999_999})
		poll("negative", socket.PollFD{FD: -1, Events: askAll}, socket.PollFD{FD: -7})
		out := socket.PollFD{FD: d.FD(), Events: socket.POLLOUT}
		in := socket.PollFD{FD: d.FD(), Events: socket.POLLIN}
		poll("twice, and for something else", out, out, in)
	})
}

// TestPollWakes: who polls is woken by what he asks for, and by nothing else.
func TestPollWakes(t *testing.T) {
	const soon = 30 * time.Millisecond
	watchBoth(t, scenes[0], func(s *watching) {
		blocked := func(what string, fds []socket.PollFD, timeout time.Duration, act func()) {
			done := make(chan struct{})
			begin := time.Now()
			go func() {
				n, err := s.Poll(fds, timeout)
				late := time.Since(begin) > timeout-soon/2
				s.note("%s: %d %v, timed out %v", what, n, err, late)
				close(done)
			}()
			time.Sleep(soon)
			act()
			<-done
			for _, f := range fds {
				s.note("  %s", bits(uint32(f.Revents)))
			}
		}
		to, from := s.datagrams()
		c, p := s.pair()
		ask := func(ev socket.Readiness, ds ...socket.Descriptor) (fds []socket.PollFD) {
			for _, d := range ds {
				fds = append(fds, socket.PollFD{FD: d.FD(), Events: ev})
			}
			return fds
		}
		const short, long = 5 * soon, 5 * time.Second
		blocked("a datagram", ask(socket.POLLIN, c, to), long, func() { s.send(from, "x") })
		blocked("not asked for", ask(socket.POLLPRI, c, to), short, func() { s.send(from, "x") })
		blocked("stream data", ask(socket.POLLIN, p, c), long, func() { s.send(p, "x") })
		blocked("half close", ask(socket.POLLRDHUP, c, p), long, func() { c.Shutdown(socket.SHUT_WR) })
		blocked("shut here", ask(socket.POLLHUP, to, c), long, func() { c.Shutdown(socket.SHUT_RD) })
		d := s.make(socket.SOCK_DGRAM)
		s.check("connect", d.Connect(s.nobody(socket.SOCK_DGRAM)))
		blocked("refused", ask(0, d), long, func() { d.Send([]byte("x"), 0) })
		blocked("closed meanwhile", ask(socket.POLLIN, from, d), short, func() { from.Close() })
		ln, a := s.listener(5)
		conn := s.make(socket.SOCK_STREAM)
		blocked("a connection", ask(socket.POLLIN, ln), long, func() { conn.Connect(a) })
		e := s.epoll()
		s.ctl(e, socket.EPOLL_CTL_ADD, d.FD(), uint32(socket.POLLIN), 0)
		blocked("a set", []socket.PollFD{{FD: e.FD(), Events: askAll}}, long, func() { d.Shutdown(socket.SHUT_RD) })
	})
}

// TestPollLimit: more descriptors than a process may have are too many.
func TestPollLimit(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	fds := make([]socket.PollFD, 1<<20+1)
	for i := range fds {
		fds[i].FD = -1
	}
	if _, err := p.Poll(fds, 0); err != syscall.EINVAL {
		t.Errorf("poll of %d descriptors: %v, want EINVAL: the limit of open files is one less", len(fds), err)
	}
	if n, err := p.Poll(fds[1:], 0); n != 0 || err != nil {
		t.Errorf("poll of %d descriptors: %d, %v, want 0 and no error", len(fds)-1, n, err)
	}
}
