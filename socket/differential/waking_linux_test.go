package differential

import (
	"fmt"
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
