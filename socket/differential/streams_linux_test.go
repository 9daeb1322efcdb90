package differential

import (
	"fmt"
	"time"

	. "septet/socket"
)

// streamOptions sets what TCP can be asked for, with values good and bad.
func streamOptions(s *situation) {
	e := s.make(SOCK_STREAM)
	for _, o := range []struct {
		level, name int
		values      []int
	}{
		{SOL_SOCKET, SO_OOBINLINE, []int{1, 7, 0}},
		{SOL_TCP, TCP_CORK, []int{1, 5, 0}},
		{SOL_TCP, TCP_QUICKACK, []int{0, 1}},
		{SOL_TCP, TCP_MAXSEG, []int{87, 88, 1000, 32767, 32768, -1}},
		{SOL_TCP, TCP_SYNCNT, []int{0, 1, 127, 128, -1}},
		{SOL_TCP, TCP_DEFER_ACCEPT, []int{1, 2, 10, 100, 0, -1}},
		{SOL_TCP, TCP_USER_TIMEOUT, []int{1, 30000, -1, 0}},
		{SOL_TCP, TCP_FASTOPEN, []int{5, -1, 0}},
		{SOL_IP, IP_TTL, []int{-1, 0, 1, 255, 256}},
		{SOL_IP, IP_TOS, []int{16, 19, 255, 0}},
	} {
		v, err := e.GetSockOpt(o.level, o.name)
		s.note(fmt.Sprintf("getsockopt %d/%d", o.level, o.name), v, err)
		for _, value := range o.values {
			s.note(fmt.Sprintf("setsockopt %d/%d %d", o.level, o.name, value), e.SetSockOpt(o.level, o.name, value))
			s.option(e, o.level, o.name)
		}
	}
	c, p := s.pair()
	s.note("TCP_FASTOPEN on a connection", c.SetSockOpt(SOL_TCP, TCP_FASTOPEN, 5))
	s.note("TCP_CORK", c.SetSockOpt(SOL_TCP, TCP_CORK, 1))
	s.send(c, "held ")
	s.note("MSG_DONTWAIT while corked", s.tryRecv(p))
	s.note("TCP_CORK off", c.SetSockOpt(SOL_TCP, TCP_CORK, 0))
	s.settle()
	s.recv(p, 20, 0)
}

// tryRecv says what a receive that does not block returns.
func (s *situation) tryRecv(e Descriptor) string {
	n, _, err := e.RecvFrom(make([]byte, 20), MSG_DONTWAIT)
	return fmt.Sprint(n, err)
}

func (s *situation) mark(e Descriptor) {
	at, err := e.AtMark()
	s.note("sockatmark", at, err)
}

func (s *situation) sendFlags(e Descriptor, text string, flags int) {
	n, err := e.SendTo([]byte(text), flags, s.at(0))
	s.note(fmt.Sprintf("send %q with %#x", text, flags), n, err)
	s.settle()
}

// urgentData is out of band: one byte beside the stream.
func urgentData(s *situation) {
	c, p := s.pair()
	s.note("nonblock", p.SetNonblock(true))
	s.recv(p, 1, MSG_OOB)
	s.sendFlags(c, "abc", 0)
	s.sendFlags(c, "def", MSG_OOB)
	s.sendFlags(c, "ghi", 0)
	s.mark(p)
	s.recv(p, 20, 0)
	s.mark(p)
	s.recv(p, 5, MSG_OOB|MSG_PEEK)
	s.recv(p, 5, MSG_OOB)
	s.recv(p, 5, MSG_OOB)
	s.mark(p)
	s.recv(p, 20, 0)
	s.mark(p)
	s.recv(p, 5, MSG_OOB)
	s.recv(p, 20, 0)

	s.sendFlags(c, "1", MSG_OOB) // two before one is read
	s.sendFlags(c, "2", MSG_OOB)
	s.sendFlags(c, "3", 0)
	s.recv(p, 5, MSG_OOB)
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
	s.sendFlags(c, "x", MSG_OOB) // nothing but the urgent byte
	s.mark(p)
	s.recv(p, 20, 0)
	s.sendFlags(c, "yz", MSG_OOB) // never asked for
	s.recv(p, 20, 0)
	s.sendFlags(c, "end", 0)
	s.recv(p, 20, 0)
	s.recv(p, 20, 0)
}

func urgentInline(s *situation) {
	c, p := s.pair()
	s.note("inline", p.SetSockOpt(SOL_SOCKET, SO_OOBINLINE, 1))
	s.note("nonblock", p.SetNonblock(true))
	s.sendFlags(c, "abc", 0)
	s.sendFlags(c, "def", MSG_OOB)
	s.sendFlags(c, "ghi", 0)
	s.recv(p, 5, MSG_OOB)
	s.recv(p, 20, 0)
	s.mark(p)
	s.recv(p, 20, 0)
	s.mark(p)
	s.recv(p, 20, 0)
}

// streamStamps: with what is read of a stream comes the time at which it arrived.
func streamStamps(s *situation) {
	c, p := s.pair()
	// As soon as anybody asks, the kernel begins to note times, but not at once.
	s.note("stamps", p.SetSockOpt(SOL_SOCKET, SO_TIMESTAMP, 1))
	_ = s.here.Sleep(20 * time.Millisecond)
	s.send(c, "stamped")
	s.settle()
	s.message(p, 3, 500, MSG_PEEK)
	s.message(p, 3, 500, 0)
	s.message(p, 30, 10, 0)
	s.note("nanoseconds", p.SetSockOpt(SOL_SOCKET, SO_TIMESTAMPNS, 1))
	s.send(c, "one")
	s.send(c, "two")
	s.settle()
	s.message(p, 30, 500, 0)
	s.message(p, 30, 500, MSG_DONTWAIT)
	s.during(func(o *situation) { o.message(p, 30, 500, 0) }, func() { s.send(c, "awaited") })
	n, err := c.Send([]byte("!"), MSG_OOB)
	s.note("urgent", n, err)
	s.settle()
	s.message(p, 30, 500, MSG_OOB)
	s.message(p, 30, 500, MSG_DONTWAIT)
	s.send(c, "end")
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.settle()
	s.message(p, 0, 500, 0)
	s.message(p, 2, 500, 0)
	s.message(p, 2, 500, MSG_TRUNC)
	s.message(p, 30, 500, 0)
	s.message(p, 30, 500, MSG_ERRQUEUE)
}
