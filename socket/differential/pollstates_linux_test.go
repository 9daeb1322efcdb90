package differential

import (
	"net/netip"

	"septet/socket"
)

// The bits of poll in every state.

// askAll is every bit that poll can be asked for.
const askAll = socket.Readiness(0x27ff) &^ (socket.POLLERR | socket.POLLHUP | socket.POLLNVAL)

// watchedStates brings a socket into a state, in which poll and a new epoll set must say of it
// what they say on Linux.
var watchedStates = []struct {
	name  string
	enter func(s *watching, look func(what string, d socket.Descriptor))
}{
	{"stream before a connection", func(s *watching, look func(string, socket.Descriptor)) {
		look("new", s.make(socket.SOCK_STREAM))
		d, _ := s.opened(socket.SOCK_STREAM)
		look("bound", d)
	}},
	{"listener", func(s *watching, look func(string, socket.Descriptor)) {
		ln, a := s.listener(5)
		look("empty", ln)
		s.dial(s.make(socket.SOCK_STREAM), a)
		look("one waits", ln)
		s.notef("shutdown: %v", ln.Shutdown(socket.SHUT_RD))
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
		s.notef("SO_ERROR: %d %v", v, err)
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
			s.notef("shutdown %d: %v", how, last.Shutdown(how))
			look("shut", last)
			v, err := last.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
			s.notef("SO_ERROR: %d %v", v, err)
			look("told", last)
		}
	}},
	{"connection", func(s *watching, look func(string, socket.Descriptor)) {
		c, p := s.pair()
		look("idle", c)
		s.send(p, "x")
		look("data", c)
		s.notef("shutdown: %v", p.Shutdown(socket.SHUT_WR))
		s.settle()
		look("data and the end", c)
		look("who has shut for writing", p)
		s.recv(c)
		look("the end", c)
		s.notef("shutdown: %v", c.Shutdown(socket.SHUT_WR))
		s.settle()
		look("both ended", c)
		look("both ended, the first", p)
	}},
	{"shut by itself", func(s *watching, look func(string, socket.Descriptor)) {
		for how := socket.SHUT_RD; how <= socket.SHUT_RDWR; how++ {
			c, p := s.pair()
			s.notef("shutdown %d: %v", how, c.Shutdown(how))
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
		s.notef("send: %v", err)
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
			s.must("send", err)
			s.settle()
		}
		urge("u")
		look("urgent", c)
		b := make([]byte, 9)
		n, err := c.Recv(b, socket.MSG_OOB)
		s.notef("recv urgent: %d %v", n, err)
		look("taken", c)
		urge("du")
		look("data and urgent", c)
		n, err = c.Recv(b, socket.MSG_OOB)
		s.notef("recv urgent: %d %v", n, err)
		look("data", c)
		s.recv(c)
		look("nothing", c)
		s.must("option", c.SetSockOpt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1))
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
		s.notef("shutdown: %v", c.Shutdown(socket.SHUT_WR))
		look("full, shut for writing", c)
		_ = p
	}},
	{"disconnected", func(s *watching, look func(string, socket.Descriptor)) {
		c, _ := s.pair()
		s.notef("connect: %v", c.Connect(netip.AddrPort{}))
		look("disconnected", c)
		v, err := c.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
		s.notef("SO_ERROR: %d %v", v, err)
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
		s.must("connect", d.Connect(s.nobody(socket.SOCK_DGRAM)))
		s.send(d, "x")
		look("refused", d)
		_, err := d.Recv(make([]byte, 1), 0)
		s.notef("recv: %v", err)
		look("told", d)
	}},
	{"datagrams shut", func(s *watching, look func(string, socket.Descriptor)) {
		for how := socket.SHUT_RD; how <= socket.SHUT_RDWR; how++ {
			to, from := s.datagrams()
			s.notef("shutdown %d: %v", how, from.Shutdown(how))
			look("shut", from)
			s.notef("unconnected, shutdown %d: %v", how, to.Shutdown(how))
			look("shut", to)
		}
	}},
}

// look notes what poll and epoll say of a socket.
func (s *watching) look(what string, d socket.Descriptor) {
	fds := []socket.PollFD{{FD: d.FD(), Events: askAll}, {FD: -1, Events: askAll}, {FD: d.FD()},
		{FD: d.FD(), Events: socket.POLLOUT}}
	n, err := s.sys.Poll(fds, 0)
	s.notef("%s: poll %d %v", what, n, err)
	for _, f := range fds {
		s.notef("  asked for %s, has %s", epollBits(uint32(f.Events)), epollBits(uint32(f.Revents)))
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

var pollStates = func() (list []script) {
	for _, st := range watchedStates {
		list = append(list, script{name: st.name, run: watch(func(s *watching) { st.enter(s, s.look) })})
	}
	return list
}()
