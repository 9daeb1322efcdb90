package differential

import (
	"fmt"
	"net/netip"
	"time"

	. "septet/socket"
)

// Time-outs.

var timing = []script{
	{name: "recv", run: timeoutRecv},
	{name: "recv with MSG_WAITALL", run: timeoutWaitAll},
	{name: "accept", run: timeoutAccept},
	{name: "connect", run: timeoutConnect, wire: true},
	{name: "send", run: timeoutSend},
	{name: "recvmsg", run: timeoutMessage},
	{name: "poll", run: timeoutPoll},
	{name: "epoll_wait", run: timeoutEpoll},
	{name: "values", run: timeoutValues},
	{name: "a listener's is inherited", run: timeoutInherited},
	{name: "linger", run: timeoutLinger},
}

// tick is a time-out that the kernel keeps on a busy machine too.
const tick = 60 * time.Millisecond

// within notes what a call answers, and whether it took as long as it should: in a lab
// to the millisecond, on the kernel not less and not much longer.
func (s *situation) within(what string, least time.Duration, call func() string) {
	begun := s.sys.Now()
	text := call()
	took := s.sys.Now().Sub(begun)
	s.note(what, text, "early", took < least-5*time.Millisecond, "late", took > least+s.slack)
}

func timeoutRecv(s *situation) {
	c, _ := s.pair()
	_, d := datagramPair(s)
	for _, d := range []Descriptor{c, d} {
		s.note("SO_RCVTIMEO", setTimeout(d, SO_RCVTIMEO, tick))
		s.within("recv", tick, received(d, 0))
		s.within("recv at once", 0, received(d, MSG_DONTWAIT))
		s.note("none", setTimeout(d, SO_RCVTIMEO, 0))
		s.note("SO_SNDTIMEO", setTimeout(d, SO_SNDTIMEO, tick)) // the other one
		s.note("SO_RCVTIMEO", setTimeout(d, SO_RCVTIMEO, 2*tick))
		s.within("recv", 2*tick, received(d, MSG_PEEK))
	}
}

func timeoutWaitAll(s *situation) {
	c, p := s.pair()
	s.note("SO_RCVTIMEO", setTimeout(p, SO_RCVTIMEO, tick))
	s.send(c, "half")
	s.settle()
	s.within("recv", tick, func() string {
		b := make([]byte, 8)
		n, err := p.Recv(b, MSG_WAITALL)
		return fmt.Sprintf("%q %v", b[:n], err)
	})
	s.within("recv", tick, received(p, MSG_WAITALL))
	s.send(c, "half")
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.settle()
	s.within("recv", 0, received(p, MSG_WAITALL))
}

func timeoutAccept(s *situation) {
	l, _ := s.listener()
	s.note("SO_RCVTIMEO", setTimeout(l, SO_RCVTIMEO, tick))
	s.within("accept", tick, accepted(s, l))
}

func timeoutConnect(s *situation) {
	d := s.make(SOCK_STREAM)
	to := netip.AddrPortFrom(s.absent, 80)
	s.note("SO_SNDTIMEO", setTimeout(d, SO_SNDTIMEO, tick))
	connect := func() string { return fmt.Sprint(d.Connect(to)) }
	s.within("connect", tick, connect)
	s.within("connect again", tick, connect)
	s.pendingError(d)
	s.within("send", 0, func() string {
		n, err := d.Send([]byte("x"), MSG_DONTWAIT)
		return fmt.Sprint(n, err)
	})
}

func timeoutSend(s *situation) {
	c, _ := s.small()
	s.filled(c)
	s.note("SO_SNDTIMEO", setTimeout(c, SO_SNDTIMEO, tick))
	send := func() string {
		n, err := c.Send(make([]byte, 5000), 0)
		return fmt.Sprint(n, err)
	}
	s.within("send", tick, send)
	s.within("send at once", 0, func() string {
		n, err := c.Send(make([]byte, 5000), MSG_DONTWAIT)
		return fmt.Sprint(n, err)
	})
}

func timeoutMessage(s *situation) {
	_, d := datagramPair(s)
	s.note("SO_RCVTIMEO", setTimeout(d, SO_RCVTIMEO, tick))
	message := func(flags int) func() string {
		return func() string {
			n, err := d.RecvMsg(&Message{Buffers: [][]byte{make([]byte, 5)}}, flags)
			return fmt.Sprint(n, err)
		}
	}
	s.within("recvmsg", tick, message(0))
	s.within("the queue of errors does not block", 0, message(MSG_ERRQUEUE))
}

func timeoutPoll(s *situation) {
	_, d := datagramPair(s)
	for _, timeout := range []time.Duration{0, tick, 2 * tick} {
		s.within("poll", timeout, polled(s, d, POLLIN, timeout))
		s.within("poll for what is there", 0, polled(s, d, POLLOUT, timeout))
	}
}

func timeoutEpoll(s *situation) {
	_, d := datagramPair(s)
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.closeLater(e)
	s.must("epoll_ctl", e.Ctl(EPOLL_CTL_ADD, d.FD(), EpollEvent{Events: uint32(POLLIN)}))
	for _, timeout := range []time.Duration{0, tick, 2 * tick} {
		s.within("epoll_wait", timeout, func() string {
			n, err := e.Wait(make([]EpollEvent, 1), timeout)
			return fmt.Sprint(n, err)
		})
	}
}

// timeoutValues are struct timeval's, good and bad. The kernel's good ones are multiples of
// its clock's tick, a lab has no tick.
func timeoutValues(s *situation) {
	d := s.make(SOCK_STREAM)
	for _, name := range []int{SO_RCVTIMEO, SO_SNDTIMEO} {
		for _, v := range []struct{ sec, usec int64 }{{0, 100_000}, {1, 500_000}, {0, 1_000_000}, {0, -1}, {-1, 0}, {1 << 30, 0}, {0, 0}} {
			b := append(ints(int(v.sec), int(v.sec>>32)), ints(int(v.usec), int(v.usec>>32))...)
			s.note(fmt.Sprint("set ", name, v), d.SetSockOptBytes(SOL_SOCKET, name, b))
			got := make([]byte, 16)
			n, err := d.GetSockOptBytes(SOL_SOCKET, name, got)
			s.note("get", fmt.Sprintf("% x", got[:n]), err)
		}
	}
}

func timeoutInherited(s *situation) {
	l, a := s.listener()
	s.note("SO_RCVTIMEO", setTimeout(l, SO_RCVTIMEO, tick))
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	p, err := s.accept(l)
	s.must("accept", err)
	s.within("recv", tick, received(p, 0))
}

// timeoutLinger: close waits for what is not yet acknowledged, no longer than it is told.
func timeoutLinger(s *situation) {
	for _, seconds := range []int{0, 1} {
		c, _ := s.small()
		s.filled(c)
		s.note("linger", setLinger(c, true, seconds))
		s.within("close", time.Duration(seconds)*time.Second, func() string { return fmt.Sprint(c.Close()) })
	}
	c, _ := s.pair()
	s.note("linger", setLinger(c, true, 5))
	s.send(c, "acknowledged")
	s.settle()
	s.within("close with nothing left", 0, func() string { return fmt.Sprint(c.Close()) })
	d, _ := s.small()
	s.filled(d)
	s.note("no linger", setLinger(d, false, 5))
	s.within("close", 0, func() string { return fmt.Sprint(d.Close()) })
}
