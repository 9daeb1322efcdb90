package differential

import (
	"fmt"
	"net/netip"
	"time"

	. "septet/socket"
)

// A descriptor is closed while a call is blocked in it. The machine ends such calls with
// EBADF as a lab does (package machine); what the peer hears is the kernel's own affair.
// A call that has ended leaves nothing: the descriptor is unknown to poll and epoll after.

// blockedCall is one that blocks. reach returns the descriptor, and the other end if
// there is one.
type blockedCall struct {
	name  string
	reach func(s *situation) (d, peer Descriptor)
	call  func(s *situation, d Descriptor) string
	wire  bool
}

func count(n int, err error) string { return fmt.Sprint(n, err) }

func message(d Descriptor, flags int) (int, error) {
	return d.RecvMsg(&Message{Buffers: [][]byte{make([]byte, 10)}, ControlSize: 100}, flags)
}

var blockedCalls = []blockedCall{
	{name: "accept", reach: func(s *situation) (d, peer Descriptor) {
		d, _ = s.listener()
		return d, nil
	}, call: func(s *situation, d Descriptor) string { return accepted(s, d)() }},
	{name: "connect", wire: true, reach: func(s *situation) (d, peer Descriptor) { return s.make(SOCK_STREAM), nil },
		call: func(s *situation, d Descriptor) string {
			return fmt.Sprint(d.Connect(netip.AddrPortFrom(s.absent, 80)))
		}},
	{name: "recv", reach: (*situation).pair,
		call: func(s *situation, d Descriptor) string { return count(d.Recv(make([]byte, 10), 0)) }},
	{name: "recv with MSG_PEEK", reach: (*situation).pair,
		call: func(s *situation, d Descriptor) string { return count(d.Recv(make([]byte, 10), MSG_PEEK)) }},
	{name: "recv with MSG_WAITALL", reach: (*situation).pair,
		call: func(s *situation, d Descriptor) string { return count(d.Recv(make([]byte, 10), MSG_WAITALL)) }},
	{name: "recvfrom", reach: datagramPair, call: func(s *situation, d Descriptor) string {
		n, from, err := d.RecvFrom(make([]byte, 10), 0)
		return fmt.Sprint(n, from.IsValid(), err)
	}},
	{name: "recvmsg of a stream", reach: (*situation).pair,
		call: func(s *situation, d Descriptor) string { return count(message(d, 0)) }},
	{name: "recvmsg of datagrams", reach: datagramPair,
		call: func(s *situation, d Descriptor) string { return count(message(d, 0)) }},
	{name: "send", reach: full, call: func(s *situation, d Descriptor) string { return count(d.Send(make([]byte, 10), 0)) }},
	{name: "sendmsg", reach: full, call: func(s *situation, d Descriptor) string {
		return count(d.SendMsg(&Message{Buffers: [][]byte{make([]byte, 10)}}, 0))
	}},
}

// full is a connection on which nothing more can be sent.
func full(s *situation) (d, peer Descriptor) {
	d, peer = s.small()
	s.filled(d)
	return d, peer
}

var closings = func() (list []script) {
	for _, c := range blockedCalls {
		list = append(list, script{name: c.name, alone: true, wire: c.wire, run: func(s *situation) { s.closedDuring(c, 1) }},
			script{name: c.name + ", three calls", alone: true, wire: c.wire, run: func(s *situation) { s.closedDuring(c, 3) }})
	}
	return append(list, moreClosings...)
}()

func (s *situation) closedDuring(c blockedCall, calls int) {
	d, peer := c.reach(s)
	// The time-outs of the suite are there for calls that nobody ends.
	for _, name := range []int{SO_RCVTIMEO, SO_SNDTIMEO} {
		s.must("time-out", setTimeout(d, name, 0))
	}
	fd := d.FD()
	q := &queue{s: s, nameless: true}
	for range calls {
		q.add(func() string { return c.call(s, d) })
	}
	q.look("blocked")
	s.note("close", d.Close())
	q.allAlike()
	s.note("close again", d.Close(), d.FD())
	fds := []PollFD{{FD: fd, Events: POLLIN}}
	n, err := s.sys.Poll(fds, 0)
	s.note("poll", n, fds[0].Revents, err)
	if peer != nil && c.name != "send" && c.name != "sendmsg" {
		s.settle()
		s.recv(peer, 10, MSG_DONTWAIT)
	}
}

var moreClosings = []script{
	{name: "poll", alone: true, run: closeInPoll},
	{name: "epoll_wait", alone: true, run: closeInEpoll},
	{name: "a member of a set that is waited for", alone: true, run: closeMember},
	{name: "close that lingers", run: closeInLinger},
	{name: "unknown descriptors in a set", run: unknownInSet},
	{name: "not a descriptor of a socket", run: setInItself},
}

// closeInPoll: whoever polls keeps what he polls, as on every Unix.
func closeInPoll(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		var d Descriptor
		if d, _ = s.pair(); kind == SOCK_DGRAM {
			d, _ = datagramPair(s)
		}
		q := &queue{s: s, nameless: true}
		q.add(polled(s, d, POLLIN, 6*s.patience))
		q.look("blocked")
		s.note("close", d.Close())
		q.allAlike()
		s.note("again", polled(s, d, POLLIN, 0)())
	}
}

func closeInEpoll(s *situation) {
	from, to := datagramPair(s)
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.must("epoll_ctl", e.Ctl(EPOLL_CTL_ADD, to.FD(), EpollEvent{Events: uint32(POLLIN)}))
	q := &queue{s: s, nameless: true}
	q.add(func() string { return count(e.Wait(make([]EpollEvent, 2), 6*s.patience)) })
	q.look("blocked")
	s.note("close", e.Close())
	s.send(from, "x")
	q.allAlike()
	s.note("close", e.Close())
	s.note("epoll_wait", count(e.Wait(make([]EpollEvent, 2), 0)))
	s.note("epoll_ctl", e.Ctl(EPOLL_CTL_DEL, to.FD(), EpollEvent{}))
}

func closeMember(s *situation) {
	from, to := datagramPair(s)
	other, sender := datagramPair(s)
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.closeLater(e)
	for i, d := range []Descriptor{to, other} {
		s.must("epoll_ctl", e.Ctl(EPOLL_CTL_ADD, d.FD(), EpollEvent{Events: uint32(POLLIN), Data: uint64(i)}))
	}
	events := make([]EpollEvent, 3)
	q := &queue{s: s, nameless: true}
	q.add(func() string {
		n, err := e.Wait(events, 2*time.Second)
		return fmt.Sprint(n, events[0].Data, err)
	})
	q.look("blocked")
	fd := to.FD()
	s.note("close", to.Close())
	s.send(from, "to a closed one")
	q.look("closed")
	_, err = sender.SendTo([]byte("x"), 0, s.bound(other, "other"))
	s.note("sendto", err)
	q.allAlike()
	s.note("epoll_ctl", e.Ctl(EPOLL_CTL_DEL, fd, EpollEvent{}))
}

// closeInLinger: a second close does not wait for the first.
func closeInLinger(s *situation) {
	d, peer := full(s)
	s.note("linger", setLinger(d, true, 1))
	q := &queue{s: s, nameless: true}
	q.add(func() string { return fmt.Sprint(d.Close()) })
	q.look("blocked")
	s.note("another", d.Close())
	n, err := d.Send([]byte("x"), MSG_DONTWAIT)
	s.note("send", n, err)
	q.allAlike()
	_, err = peer.Recv(make([]byte, 100), MSG_DONTWAIT)
	s.note("the peer reads what was sent", err)
}

func unknownInSet(s *situation) {
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.closeLater(e)
	for _, fd := range []int{unknown, -1, -77, 1 << 30} {
		for _, op := range []int{EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 0, 4} {
			s.note(fmt.Sprint("epoll_ctl ", op, " ", fd), e.Ctl(op, fd, EpollEvent{Events: uint32(POLLIN)}))
		}
	}
	for _, size := range []int{0, 1, 2} {
		s.note(fmt.Sprint("epoll_wait ", size), count(e.Wait(make([]EpollEvent, size), 0)))
	}
}

func setInItself(s *situation) {
	e, err := s.sys.EpollCreate()
	s.must("epoll_create", err)
	s.closeLater(e)
	for _, op := range []int{EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL} {
		s.note(fmt.Sprint("epoll_ctl ", op), e.Ctl(op, e.FD(), EpollEvent{Events: uint32(POLLIN)}))
	}
	fds := []PollFD{{FD: e.FD(), Events: POLLIN | POLLOUT}, {FD: e.FD()}}
	n, err := s.sys.Poll(fds, 0)
	s.note("poll", n, fds[0].Revents, fds[1].Revents, err)
}
