package differential

import (
	"fmt"
	"strings"

	. "septet/socket"
)

// How connections end: shutdown in every order, close, linger.

// endings are all orders of one, two and three ways to shut a connection down.
var endings = func() (list []script) {
	words := []string{"client reads no more", "client writes no more", "client does neither",
		"server reads no more", "server writes no more", "server does neither"}
	var order func(steps []int)
	order = func(steps []int) {
		if len(steps) > 0 {
			var names []string
			for _, step := range steps {
				names = append(names, words[step])
			}
			list = append(list, script{name: strings.Join(names, ", "), in: only4, run: func(s *situation) { s.shutInOrder(steps) }})
		}
		if len(steps) == 2 {
			return
		}
		for step := range words {
			order(append(steps[:len(steps):len(steps)], step))
		}
	}
	order(nil)
	return append(list, moreEndings...)
}()

func (s *situation) shutInOrder(steps []int) {
	c, p := s.pair()
	s.send(c, "early")
	s.send(p, "early too")
	s.settle()
	for _, step := range steps {
		end := []Descriptor{c, p}[step/3]
		s.note("shutdown", end.Shutdown(step%3))
		s.settle()
		for _, d := range []Descriptor{c, p} {
			s.recv(d, 3, MSG_DONTWAIT)
		}
	}
	for range 2 {
		for _, d := range []Descriptor{c, p} {
			n, err := d.Send([]byte("late"), MSG_DONTWAIT)
			s.note("send", n, err)
			s.settle()
		}
	}
	for range 2 {
		for _, d := range []Descriptor{c, p} {
			s.recv(d, 20, MSG_DONTWAIT)
			s.pendingError(d)
			s.peerName(d)
		}
	}
}

var moreEndings = []script{
	{name: "shutdown ends a blocked recv", run: shutdownWakes},
	{name: "shutdown ends a blocked accept", run: shutdownWakesAccept},
	{name: "data ends a blocked recv", run: dataWakes},
	{name: "reset ends a blocked recv", run: resetWakes},
	{name: "reset ends a blocked send", run: resetWakesSend},
	{name: "reader ends a blocked send", run: readerWakesSend},
	{name: "all of a long send arrives", run: longSend},
	{name: "linger, all read", run: lingerRead},
	{name: "linger, nothing read", run: lingerUnread},
	{name: "linger of zero with data", run: lingerZero},
	{name: "linger does not inherit zero", run: lingerInherited},

	{name: "listener closed, one waits", run: listenerClosed},
	{name: "reset before accept", run: resetBeforeAccept},
	{name: "finished before accept", run: finishedBeforeAccept},
	{name: "backlog", run: backlog},
	{name: "accept in order", run: acceptOrder},
	{name: "shut listener, one waits", run: listenerShut},
}

func shutdownWakes(s *situation) {
	c, p := s.pair()
	s.start(func(s *situation) { s.recv(c, 10, 0) })
	s.settle()
	s.note("shutdown", c.Shutdown(SHUT_RD))
	s.settle()
	s.send(c, "still")
	s.settle()
	s.recv(p, 10, MSG_DONTWAIT)
}

func shutdownWakesAccept(s *situation) {
	l, _ := s.listener()
	s.start(func(s *situation) {
		_, err := s.accept(l)
		s.note("accept", err)
	})
	s.settle()
	s.note("shutdown", l.Shutdown(SHUT_RDWR))
}

func dataWakes(s *situation) {
	c, p := s.pair()
	s.start(func(s *situation) {
		s.recv(c, 10, 0)
		s.recv(c, 6, MSG_WAITALL)
		s.recv(c, 10, 0)
	})
	s.settle()
	for _, text := range []string{"one", "two", "three"} {
		s.send(p, text)
		s.settle()
	}
	s.note("close", p.Close())
}

func resetWakes(s *situation) {
	c, p := s.pair()
	s.start(func(s *situation) {
		s.recv(c, 10, 0)
		s.recv(c, 10, 0)
	})
	s.settle()
	s.note("linger", setLinger(p, true, 0))
	s.note("close", p.Close())
}

// filled sends until nothing more fits, not even after a while.
func (s *situation) filled(d Descriptor) {
	for refused := 0; refused < 3; {
		refused++
		for range 10000 {
			if _, err := d.Send(make([]byte, 64<<10), MSG_DONTWAIT); err != nil {
				break
			}
			refused = 0
		}
		_ = s.here.Sleep(s.patience / 2)
	}
}

func (s *situation) small() (c, p Descriptor) {
	l := s.make(SOCK_STREAM)
	s.must("buffer", l.SetSockOpt(SOL_SOCKET, SO_RCVBUF, 20000))
	a := s.bind(l, s.loopback, "server")
	s.must("listen", l.Listen(1))
	c, p = s.connected(l, a)
	s.must("buffer", c.SetSockOpt(SOL_SOCKET, SO_SNDBUF, 20000))
	return c, p
}

func resetWakesSend(s *situation) {
	c, p := s.small()
	s.filled(c)
	s.start(func(s *situation) {
		n, err := c.Send([]byte("one more"), 0)
		s.note("send", n, err)
		n, err = c.Send([]byte("and another"), 0)
		s.note("send", n, err)
	})
	_ = s.here.Sleep(10 * s.patience)
	s.note("close", p.Close()) // with unread data
}

func readerWakesSend(s *situation) {
	c, p := s.small()
	s.filled(c) // before anyone reads, for otherwise it would have no end
	s.start(func(s *situation) {
		n, err := c.Send([]byte("one more"), 0)
		s.note("send", n, err)
		s.note("shutdown", c.Shutdown(SHUT_WR))
	})
	_ = s.here.Sleep(10 * s.patience)
	b := make([]byte, 1<<20)
	last := ""
	for {
		n, err := p.Recv(b, 0)
		if n == 0 || err != nil {
			s.note("end", n, err)
			break
		}
		last = (last + string(b[:n]))[max(0, len(last)+n-8):]
	}
	s.note("the last bytes", last)
}

func longSend(s *situation) {
	c, p := s.small()
	s.start(func(s *situation) {
		n, err := c.Send(make([]byte, 3<<20), 0)
		s.note("send", n, err)
		s.note("close", c.Close())
	})
	total, b := 0, make([]byte, 100_000)
	for {
		n, err := p.Recv(b, 0)
		if total += n; n == 0 || err != nil {
			s.note("received", total, err)
			return
		}
	}
}

func lingerRead(s *situation) {
	c, p := s.pair()
	s.note("linger", setLinger(c, true, 2))
	s.send(c, "last words")
	s.start(func(s *situation) {
		s.recv(p, 20, 0)
		s.recv(p, 20, 0)
	})
	s.note("close", c.Close())
}

func lingerUnread(s *situation) {
	c, p := s.small()
	s.note("linger", setLinger(c, true, 1))
	s.filled(c)
	s.note("close", c.Close())
	b := make([]byte, 1<<20)
	n, err := p.Recv(b, 0)
	s.note("something is read", n > 0, err)
}

func lingerZero(s *situation) {
	c, p := s.pair()
	s.note("linger", setLinger(c, true, 0))
	s.send(c, "lost or not")
	s.settle()
	s.note("close", c.Close())
	s.settle()
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
}

func lingerInherited(s *situation) {
	l, a := s.listener()
	s.note("linger", setLinger(l, true, 0))
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	p, err := s.accept(l)
	s.note("accept", err)
	if err != nil {
		return
	}
	s.note("close", p.Close())
	s.settle()
	s.recv(c, 5, 0)
}

func listenerClosed(s *situation) {
	l, a := s.listener()
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.send(c, "hello")
	s.settle()
	s.note("close", l.Close())
	s.settle()
	s.recv(c, 5, 0)
	s.send(c, "x")
	s.pendingError(c)
	s.note("connect", s.make(SOCK_STREAM).Connect(a))
}

func listenerShut(s *situation) {
	l, a := s.listener()
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.settle()
	s.note("shutdown", l.Shutdown(SHUT_RD))
	s.settle()
	s.recv(c, 5, MSG_DONTWAIT)
	s.note("listen", l.Listen(2))
	s.note("connect", s.make(SOCK_STREAM).Connect(a))
	_, err := s.accept(l)
	s.note("accept", err)
}

func resetBeforeAccept(s *situation) {
	l, a := s.listener()
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.bound(c, "client")
	s.send(c, "hello")
	s.settle()
	s.note("linger", setLinger(c, true, 0))
	s.note("close", c.Close())
	s.settle()
	s.note("nonblock", l.SetNonblock(true))
	p, from, err := l.Accept()
	s.note("accept", from, err)
	if err != nil {
		return
	}
	s.peerName(p)
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
	s.send(p, "x")
	s.note("close", p.Close())
}

func finishedBeforeAccept(s *situation) {
	l, a := s.listener()
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.bound(c, "client")
	s.send(c, "hello")
	s.note("close", c.Close())
	s.settle()
	p, from, err := l.Accept()
	s.note("accept", from, err)
	if err != nil {
		return
	}
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
	s.note("close", p.Close())
}

// backlog: of more connections than fit, so many are complete.
func backlog(s *situation) {
	for _, n := range []int{0, 1, 3} {
		l := s.make(SOCK_STREAM)
		a := s.bind(l, s.loopback, "server")
		s.note(fmt.Sprint("listen ", n), l.Listen(n))
		for range n + 3 {
			c := s.make(SOCK_STREAM)
			s.must("nonblock", c.SetNonblock(true))
			s.note("connect", c.Connect(a))
			s.settle()
			s.peerName(c)
		}
		s.must("nonblock", l.SetNonblock(true))
		accepted := 0
		for {
			if _, err := s.accept(l); err != nil {
				s.note("accepted", accepted, err)
				break
			}
			accepted++
		}
	}
}

func acceptOrder(s *situation) {
	l, a := s.listener()
	for n := range 4 {
		c := s.make(SOCK_STREAM)
		s.note("connect", c.Connect(a))
		s.bound(c, fmt.Sprint("client ", n))
	}
	for range 4 {
		_, from, err := l.Accept()
		s.note("accept", from, err)
	}
}
