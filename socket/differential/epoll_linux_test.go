package differential

import (
	"net/netip"
	"syscall"

	"septet/socket"
)

const (
	add    = socket.EPOLL_CTL_ADD
	del    = socket.EPOLL_CTL_DEL
	mod    = socket.EPOLL_CTL_MOD
	epIn   = uint32(socket.POLLIN)
	epOut  = uint32(socket.POLLOUT)
	epPri  = uint32(socket.POLLPRI)
	epRd   = uint32(socket.POLLRDHUP)
	epEdge = uint32(socket.EPOLLET)
)

// epolls are about sets of descriptors that are kept between waits.
var epolls = []script{
	{name: "errors", run: watch(func(s *watching) {
		d, _ := s.datagrams()
		e, shut := s.epoll(), s.epoll()
		self := e.FD()
		shut.Close()
		for _, op := range []int{add, mod, del, 0, 9} {
			s.ctl(e, op, unknown, epIn, 1)
			s.ctl(e, op, -1, epIn, 1)
			s.ctl(e, op, self, epIn, 1)
			s.ctl(shut, op, d.FD(), epIn, 1)
			s.ctl(e, op, self, epIn|socket.EPOLLEXCLUSIVE, 1)
			s.ctl(e, op, d.FD(), epRd|socket.EPOLLEXCLUSIVE, 1)
			s.ctl(e, op, d.FD(), epIn, 1)
			s.ctl(e, op, d.FD(), 0, 1)
		}
		s.wait("no room", e, 0)
		s.wait("closed", shut, 1)
		s.wait("closed, no room", shut, 0)
		s.notef("close: %v", shut.Close())
	})},
	{name: "exclusive", run: watch(func(s *watching) {
		d, _ := s.datagrams()
		e, inner := s.epoll(), s.epoll()
		for _, ev := range []uint32{epIn, epOut, epPri, epRd, 0x8, 0x10, 0x40, 0x100, 0, epEdge,
			socket.EPOLLWAKEUP, socket.EPOLLONESHOT} {
			s.ctl(e, add, d.FD(), ev|socket.EPOLLEXCLUSIVE, 1)
			s.ctl(e, mod, d.FD(), ev, 1)
			s.ctl(e, mod, d.FD(), ev|socket.EPOLLEXCLUSIVE, 1)
			s.ctl(e, del, d.FD(), ev|socket.EPOLLEXCLUSIVE, 1)
		}
		s.ctl(e, add, inner.FD(), epIn|socket.EPOLLEXCLUSIVE, 1)
	})},
	{name: "level", run: watch(func(s *watching) {
		to, from := s.datagrams()
		e := s.epoll()
		s.ctl(e, add, to.FD(), epIn, 1)
		s.wait("nothing", e, 4)
		s.send(from, "a")
		s.wait("a datagram", e, 4)
		s.wait("still", e, 4)
		s.recv(to)
		s.wait("read", e, 4)
		s.send(from, "a")
		s.ctl(e, mod, to.FD(), epOut, 2)
		s.wait("other interest", e, 4)
		s.ctl(e, mod, to.FD(), epPri, 2)
		s.wait("another", e, 4)
		s.ctl(e, del, to.FD(), 0, 0)
		s.wait("taken out", e, 4)
	})},
	{name: "edge of datagrams", run: watch(func(s *watching) {
		to, from := s.datagrams()
		e := s.epoll()
		s.send(from, "before")
		s.ctl(e, add, to.FD(), epIn|epEdge, 1)
		s.wait("what was there", e, 4)
		s.wait("again", e, 4)
		s.send(from, "a")
		s.wait("one more", e, 4)
		s.wait("again", e, 4)
		s.recv(to)
		s.wait("one read", e, 4)
		s.send(from, "a")
		s.send(from, "a")
		s.wait("two more", e, 4)
		s.wait("again", e, 4)
		s.send(from, "a")
		for range 4 {
			s.recv(to)
		}
		s.wait("one that was read before the wait", e, 4)
		s.ctl(e, mod, to.FD(), epIn|epOut|epEdge, 1)
		s.wait("armed again", e, 4)
		s.wait("again", e, 4)
		a, _ := from.GetSockName()
		to.SendTo([]byte("x"), 0, a)
		s.settle()
		s.wait("after it has sent itself", e, 4)
		s.notef("shutdown: %v", from.Shutdown(socket.SHUT_RD))
		s.ctl(e, add, from.FD(), epIn|epRd|epEdge, 2)
		s.wait("shut", e, 4)
		for _, how := range []int{socket.SHUT_RD, socket.SHUT_WR} {
			s.notef("shutdown: %v", from.Shutdown(how))
			s.wait("shut", e, 4)
		}
	})},
	{name: "one shot", run: watch(func(s *watching) {
		to, from := s.datagrams()
		e := s.epoll()
		s.ctl(e, add, to.FD(), epIn|socket.EPOLLONESHOT, 1)
		s.send(from, "a")
		s.wait("once", e, 4)
		s.send(from, "a")
		s.wait("not twice", e, 4)
		s.notef("shutdown: %v", to.Shutdown(socket.SHUT_RDWR))
		s.wait("not even hung up", e, 4)
		s.ctl(e, mod, to.FD(), epIn|socket.EPOLLONESHOT, 2)
		s.wait("armed again", e, 4)
		s.wait("once", e, 4)
	})},
	{name: "edge of a connection", run: watch(func(s *watching) {
		c, p := s.pair()
		e, out := s.epoll(), s.epoll()
		s.ctl(e, add, c.FD(), epIn|epOut|epPri|epRd|epEdge, 1)
		s.ctl(out, add, c.FD(), epOut|epEdge, 1)
		both := func(what string) {
			s.wait(what, e, 4)
			s.wait("again", e, 4)
			s.wait("for writing", out, 4)
			s.wait("again", out, 4)
		}
		both("idle")
		s.send(p, "x")
		both("data")
		s.send(p, "yy")
		both("more data")
		s.send(c, "x")
		both("its own acknowledged")
		p.Send([]byte("u"), socket.MSG_OOB)
		s.settle()
		both("urgent")
		s.recv(c)
		both("read")
		p.Shutdown(socket.SHUT_WR)
		s.settle()
		both("the end")
		c.Shutdown(socket.SHUT_WR)
		s.settle()
		both("both ends")
	})},
	{name: "edge of a reset", run: watch(func(s *watching) {
		c, p := s.pair()
		e := s.epoll()
		s.ctl(e, add, c.FD(), epOut|epEdge, 1)
		s.wait("idle", e, 4)
		p.Close()
		s.settle()
		s.wait("closed by the peer", e, 4)
		s.send(c, "x")
		s.wait("reset", e, 4)
		s.wait("again", e, 4)
		s.recv(c)
		s.wait("told", e, 4)
	})},
	{name: "edge of a listener", run: watch(func(s *watching) {
		ln, a := s.listener(5)
		e := s.epoll()
		s.ctl(e, add, ln.FD(), epIn|epEdge, 1)
		for _, what := range []string{"one", "two"} {
			s.dial(s.make(socket.SOCK_STREAM), a)
			s.wait(what, e, 4)
			s.wait("again", e, 4)
		}
		d, _, err := ln.Accept()
		s.must("accept", err)
		s.open = append(s.open, d)
		s.wait("one accepted", e, 4)
		s.ctl(e, mod, ln.FD(), epIn|epOut|epEdge, 1)
		s.wait("armed again", e, 4)
		ln.Shutdown(socket.SHUT_RD)
		s.wait("shut", e, 4)
		s.wait("again", e, 4)
	})},
	{name: "edge of connect", run: watch(func(s *watching) {
		_, a := s.listener(5)
		for _, to := range []netip.AddrPort{a, s.nobody(socket.SOCK_STREAM)} {
			d, e := s.make(socket.SOCK_STREAM), s.epoll()
			s.ctl(e, add, d.FD(), epIn|epOut|epRd|epEdge, 1)
			s.wait("new", e, 4)
			s.wait("again", e, 4)
			if err := d.Connect(to); err != syscall.EINPROGRESS {
				s.notef("connect: %v", err)
			}
			s.settle()
			s.wait("connected or refused", e, 4)
			s.wait("again", e, 4)
			v, _ := d.GetSockOpt(socket.SOL_SOCKET, socket.SO_ERROR)
			s.notef("SO_ERROR: %d", v)
			s.wait("told", e, 4)
			s.notef("disconnect: %v", d.Connect(netip.AddrPort{}))
			s.wait("disconnected", e, 4)
		}
	})},
	{name: "edge of room", run: watch(func(s *watching) {
		for _, edge := range []uint32{epEdge, 0} {
			c, p := s.pair()
			e := s.epoll()
			s.ctl(e, add, c.FD(), epOut|edge, 1)
			s.wait("new", e, 4)
			s.send(c, "x")
			s.recv(p)
			s.settle()
			s.wait("never full", e, 4)
			total := fill(c)
			s.settle()
			total += fill(c)
			s.wait("full", e, 4)
			for b := make([]byte, 1<<16); total > 0; {
				n, err := p.Recv(b, 0)
				if total -= n; err != nil {
					s.settle()
				}
			}
			s.settle()
			s.wait("drained", e, 4)
			s.wait("again", e, 4)
		}
	})},
	{name: "order", run: watch(func(s *watching) {
		e := s.epoll()
		var to, from [5]socket.Descriptor
		for i := range to {
			to[i], from[i] = s.datagrams()
			s.ctl(e, add, to[i].FD(), epIn, uint64(i))
		}
		for _, i := range []int{3, 1, 4, 0, 2} {
			s.send(from[i], "x")
		}
		for range 5 {
			s.wait("two at a time", e, 2)
		}
		s.wait("all", e, 9)
		s.recv(to[4])
		s.wait("one less", e, 9)
		s.send(from[4], "x")
		s.wait("it comes back last", e, 9)
		s.ctl(e, mod, to[3].FD(), epIn|epEdge, 3)
		s.wait("one at its edge", e, 9)
		s.wait("without it", e, 9)
		to[0].Close()
		s.wait("one was closed", e, 9)
	})},
	{name: "sets in sets", run: watch(func(s *watching) {
		to, from := s.datagrams()
		for _, edge := range []uint32{0, epEdge} {
			inner, outer := s.epoll(), s.epoll()
			s.ctl(inner, add, to.FD(), epIn, 1)
			s.ctl(outer, add, inner.FD(), uint32(askAll)|edge, 2)
			s.wait("empty", outer, 4)
			s.send(from, "x")
			s.wait("a datagram", outer, 4)
			s.wait("again", outer, 4)
			s.send(from, "x")
			s.wait("another", outer, 4)
			s.wait("the inner set", inner, 4)
			fds := []socket.PollFD{{FD: outer.FD(), Events: askAll}}
			n, err := s.sys.Poll(fds, 0)
			s.notef("poll: %d %s %v", n, epollBits(uint32(fds[0].Revents)), err)
			s.recv(to)
			s.recv(to)
			s.wait("all was read", outer, 4)
			n, err = s.sys.Poll(fds, 0)
			s.notef("poll: %d %v", n, err)
			inner.Close()
			s.send(from, "x")
			s.wait("the inner set is closed", outer, 4)
			s.recv(to)
		}
	})},
	{name: "nesting", run: watch(func(s *watching) {
		sets := make([]socket.Epoll, 7)
		for i := range sets {
			sets[i] = s.epoll()
		}
		for i := range sets[1:] {
			s.ctl(sets[i], add, sets[i+1].FD(), epIn, 1)
		}
		s.ctl(sets[4], add, sets[0].FD(), epIn, 1)
		s.ctl(sets[1], add, sets[0].FD(), epIn, 1)
		s.ctl(sets[6], add, sets[5].FD(), epIn, 1)
		s.ctl(sets[0], add, sets[1].FD(), epIn, 1)
		for i := len(sets) - 1; i > 0; i-- {
			s.ctl(sets[i-1], del, sets[i].FD(), 0, 1)
		}
		for i := len(sets) - 1; i > 0; i-- {
			s.ctl(sets[i-1], add, sets[i].FD(), epIn, 1)
		}
	})},
	{name: "closed with members ready", alone: true, run: watch(func(s *watching) {
		to, from := s.datagrams()
		e := s.epoll()
		s.ctl(e, add, to.FD(), epIn, 1)
		s.ctl(e, add, from.FD(), epOut, 2)
		s.send(from, "x")
		fd := to.FD()
		to.Close()
		s.wait("one was closed", e, 4)
		s.ctl(e, del, fd, 0, 0)
	})},
}
