package sockets

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	. "septet/socket"
)

// Several programs are blocked at the same thing: who wakes whom, and in which order.

var waking = []script{
	{name: "recv of datagrams", run: wakeDatagrams},
	{name: "recv of a stream", run: wakeStream},
	{name: "the end of a stream wakes all", run: wakeAtEnd},
	{name: "a reset wakes all, and tells one", run: wakeAtReset},
	{name: "an error of datagrams tells one", run: wakeAtError},
	{name: "shutdown wakes all who receive datagrams", run: wakeDatagramShutdown},
	{name: "accept", run: wakeAccept},
	{name: "shutdown of a listener wakes all", run: wakeAcceptShutdown},
	{name: "poll wakes all", run: wakePolls},
	{name: "poll and recv", run: wakePollAndRecv},
	{name: "peek and recv", run: wakePeek},
	{name: "send waits its turn", run: wakeSends},
	{name: "MSG_WAITALL beside recv", run: wakeWaitAll},
}

// queue has programs call one after the other, each blocked when the next one comes, and
// writes down what they answer in the order in which they end.
type queue struct {
	s     *situation
	begun int
	ended []string
	// nameless: who it was that ended is of no interest.
	nameless bool
}

func (q *queue) add(call func() string) {
	q.begun++
	name := fmt.Sprint("number ", q.begun, " ")
	if q.nameless {
		name = ""
	}
	q.s.start(func(o *situation) {
		text := call()
		o.mu.Lock()
		q.ended = append(q.ended, name+text)
		o.mu.Unlock()
	})
	q.s.settle()
}

// look notes who has ended so far.
func (q *queue) look(what string) {
	q.s.settle()
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.log = append(q.s.log, fmt.Sprintf("%s: %q", what, q.ended))
}

// finish waits for all.
func (q *queue) finish() {
	q.s.until(func() bool { return len(q.ended) == q.begun })
	q.look("at the end")
}

func received(d Descriptor, flags int) func() string {
	return func() string {
		b := make([]byte, 20)
		n, err := d.Recv(b, flags)
		return fmt.Sprintf("%q %v", b[:n], err)
	}
}

func wakeDatagrams(s *situation) {
	from, to := datagramPair(s)
	q := &queue{s: s}
	for range 3 {
		q.add(received(to, 0))
	}
	for _, text := range []string{"a", "b", "c"} {
		s.send(from, text)
		q.look(text)
	}
	q.finish()
}

// wakeStream: each piece is read by one. By whom is a race on Linux, which wakes all.
func wakeStream(s *situation) {
	c, p := s.pair()
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(received(p, 0))
	}
	for _, text := range []string{"a", "b", "c"} {
		s.send(c, text)
		q.look(text)
	}
	q.finish()
}

// allAlike notes what programs answer that were woken at once, whatever their order.
func (q *queue) allAlike() {
	q.s.until(func() bool { return len(q.ended) == q.begun })
	slices.Sort(q.ended)
	q.s.note("answers", q.ended)
}

func wakeAtEnd(s *situation) {
	c, p := s.pair()
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(received(p, 0))
	}
	s.note("shutdown", c.Shutdown(SHUT_WR))
	q.allAlike()
}

func wakeAtReset(s *situation) {
	c, p := s.pair()
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(received(p, 0))
	}
	s.must("linger", setLinger(c, true, 0))
	s.note("close", c.Close())
	q.allAlike()
	s.recv(p, 1, MSG_DONTWAIT)
}

func wakeAtError(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.must("connect", d.Connect(s.closedPort(SOCK_DGRAM)))
	for _, name := range []int{SO_RCVTIMEO, SO_SNDTIMEO} {
		s.must("time-out", setTimeout(d, name, 20*s.patience))
	}
	q := &queue{s: s, nameless: true}
	for range 2 {
		q.add(received(d, 0))
	}
	s.send(d, "x")
	q.allAlike()
}

func wakeDatagramShutdown(s *situation) {
	from, _ := datagramPair(s)
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(received(from, 0))
	}
	s.note("shutdown", from.Shutdown(SHUT_RD))
	q.allAlike()
}

func accepted(s *situation, l Descriptor) func() string {
	return func() string {
		d, err := s.accept(l)
		if err != nil {
			return err.Error()
		}
		a, err := d.GetPeerName()
		return fmt.Sprint(s.name(a), err)
	}
}

func wakeAccept(s *situation) {
	l, a := s.listener()
	q := &queue{s: s}
	for range 3 {
		q.add(accepted(s, l))
	}
	for n := range 3 {
		c := s.make(SOCK_STREAM)
		s.bind(c, s.loopback, fmt.Sprint("client ", n))
		s.note("connect", c.Connect(a))
		q.look("connected")
	}
	q.finish()
}

func wakeAcceptShutdown(s *situation) {
	l, _ := s.listener()
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(accepted(s, l))
	}
	s.note("shutdown", l.Shutdown(SHUT_RD))
	q.allAlike()
}

func polled(s *situation, d Descriptor, events Readiness, timeout time.Duration) func() string {
	return func() string {
		fds := []PollFD{{FD: d.FD(), Events: events}}
		n, err := s.sys.Poll(fds, timeout)
		return fmt.Sprint(n, bits(fds[0].Revents), err)
	}
}

func wakePolls(s *situation) {
	from, to := datagramPair(s)
	q := &queue{s: s, nameless: true}
	for range 3 {
		q.add(polled(s, to, POLLIN, 2*time.Second))
	}
	s.send(from, "x")
	q.allAlike()
}

func wakePollAndRecv(s *situation) {
	from, to := datagramPair(s)
	for range 2 {
		q := &queue{s: s}
		q.add(received(to, 0))
		q.add(polled(s, to, POLLIN, 8*s.patience))
		s.send(from, "x")
		// Whether poll sees what recv takes in the same instant is a race. A second
		// datagram is seen by who is left, and stays.
		s.settle()
		s.send(from, "y")
		s.until(func() bool { return len(q.ended) == q.begun })
		s.recv(to, 5, MSG_DONTWAIT)
		s.recv(to, 5, MSG_DONTWAIT)
	}
}

func wakePeek(s *situation) {
	from, to := datagramPair(s)
	q := &queue{s: s}
	q.add(received(to, MSG_PEEK))
	s.send(from, "x")
	q.finish()
	q.add(received(to, 0))
	q.finish()
	s.recv(to, 5, MSG_DONTWAIT)
}

// wakeSends: what two programs send on a full connection is not mixed.
func wakeSends(s *situation) {
	c, p := s.small()
	s.filled(c)
	q := &queue{s: s, nameless: true}
	for _, letter := range []byte("ab") {
		q.add(func() string {
			b := make([]byte, 5000)
			for i := range b {
				b[i] = letter
			}
			n, err := c.Send(b, 0)
			return fmt.Sprint(n, err)
		})
	}
	q.look("full")
	changes, last, b := 0, byte(0), make([]byte, 1<<16)
	counts := map[byte]int{}
	s.must("time-out", setTimeout(p, SO_RCVTIMEO, 10*s.patience))
	for {
		n, err := p.Recv(b, 0)
		if err != nil || n == 0 {
			break
		}
		for _, v := range b[:n] {
			if v != last {
				changes, last = changes+1, v
			}
			counts[v]++
		}
	}
	s.note("sent by each", counts['a'], counts['b'], "and in turn", changes <= 2)
	q.allAlike()
}

func wakeWaitAll(s *situation) {
	c, p := s.pair()
	q := &queue{s: s}
	q.add(func() string {
		b := make([]byte, 6)
		n, err := p.Recv(b, MSG_WAITALL)
		return fmt.Sprintf("%q %v", b[:n], err)
	})
	for _, text := range []string{"one", "two", "three"} {
		s.send(c, text)
		q.look(text)
	}
	s.recv(p, 20, MSG_DONTWAIT)
	q.finish()
}

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
