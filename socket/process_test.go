package socket_test

import (
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// A descriptor's number is the lowest that is free (open(2)), whatever was opened and
// closed before, and the first ones are standard input, output and error.
func TestDescriptorNumbers(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Process()
	r := rand.New(rand.NewPCG(1, 2))
	open := map[int]Descriptor{}
	lowest := func() int {
		for fd := 3; ; fd++ {
			if open[fd] == nil {
				return fd
			}
		}
	}
	for step := range 3000 {
		if len(open) > 0 && r.IntN(5) < 2 {
			fd := 3 + r.IntN(len(open))
			if d := open[fd]; d != nil {
				check(t, "close", d.Close())
				delete(open, fd)
			}
			continue
		}
		want := lowest()
		d, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		check(t, "socket", err)
		if d.FD() != want {
			t.Fatalf("step %d: the descriptor is %d, the lowest free number is %d", step, d.FD(), want)
		}
		open[want] = d
	}
}

// BenchmarkDescriptors opens and closes by turns the first of 100,000 descriptors and
// one after the last: the numbers between have to be passed over.
func BenchmarkDescriptors(b *testing.B) {
	w := newWorldUnjudged(b, event.NewVirtual(1), physical.Impairment{})
	p := w.alice.Process()
	first, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
	for range 100_000 {
		_, _ = p.Socket(AF_INET, SOCK_DGRAM, 0)
	}
	for b.Loop() {
		_ = first.Close()
		first, _ = p.Socket(AF_INET, SOCK_DGRAM, 0)
		last, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		_ = last.Close()
	}
}

// EMFILE as Linux has it: a socket is not made, and a connection that cannot be accepted
// waits until it can.
func TestFileLimit(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	p.SetFileLimit(5) // three are the standard ones
	w.run(t, map[string]func(){"server": func() {
		l, err := p.Socket(inet, SOCK_STREAM, 0)
		check(t, "socket", err)
		check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 1080)))
		check(t, "listen", l.Listen(5))
		c, err := w.alice.Process().Socket(inet, SOCK_STREAM, 0)
		check(t, "socket", err)
		check(t, "connect", c.Connect(netip.AddrPortFrom(ip(bobAddr), 1080)))
		d, err := p.Socket(inet, SOCK_DGRAM, 0)
		check(t, "socket", err)
		if _, err := p.Socket(inet, SOCK_DGRAM, 0); err != syscall.EMFILE {
			t.Errorf("socket: %v, but all five descriptors are in use", err)
		}
		if _, _, err := l.Accept(); err != syscall.EMFILE {
			t.Errorf("accept: %v, but all five descriptors are in use", err)
		}
		check(t, "close", d.Close())
		a, _, err := l.Accept()
		check(t, "accept, with a free descriptor", err)
		if a.FD() != 4 {
			t.Errorf("accept: descriptor %d, the free one is 4", a.FD())
		}
		check(t, "close", a.Close())
		check(t, "close", l.Close())
		check(t, "close", c.Close())
		check(t, "sleep", p.Sleep(5*time.Minute)) // TIME-WAIT
	}})
}

// What any user may not do. That Linux says the same is held in socket/differential.
func TestPrivilege(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	for _, c := range []struct {
		privileged bool
		want       error
		raw        error
	}{{true, nil, nil}, {false, syscall.EACCES, syscall.EPERM}} {
		p := w.alice.Sockets.NewProcess(c.privileged)
		s, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		check(t, "socket", err)
		if err := s.Bind(netip.MustParseAddrPort("127.0.0.1:1023")); err != c.want {
			t.Errorf("privileged %v: bind to port 1023 says %v", c.privileged, err)
		}
		if _, err := p.Socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); err != c.raw {
			t.Errorf("privileged %v: a raw socket says %v", c.privileged, err)
		}
		check(t, "close", s.Close())
	}
}

// Two processes, of one host or two: the same number is another socket in each, and what
// one closes is open in the other.
func TestProcessesAreApart(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	for what, others := range map[string][2]*Process{
		"one host":  {w.alice.Process(), w.alice.Process()},
		"two hosts": {w.alice.Process(), w.bob.Process()},
	} {
		one, err := others[0].Socket(AF_INET, SOCK_DGRAM, 0)
		check(t, "socket", err)
		two, err := others[1].Socket(AF_INET, SOCK_STREAM, 0)
		check(t, "socket", err)
		if one.FD() != 3 || two.FD() != 3 {
			t.Errorf("%s: the first descriptors of two processes are %d and %d, not 3 both", what, one.FD(), two.FD())
		}
		check(t, "close", one.Close())
		if kind, err := two.GetSockOpt(SOL_SOCKET, SO_TYPE); kind != SOCK_STREAM || err != nil {
			t.Errorf("%s: after one process has closed its descriptor, the other's says %d, %v", what, kind, err)
		}
		if err := one.Bind(netip.MustParseAddrPort("127.0.0.1:0")); err != syscall.EBADF || one.FD() != -1 {
			t.Errorf("%s: a closed descriptor is %d and says %v", what, one.FD(), err)
		}
		check(t, "close", two.Close())
	}
}

// A process that has ended opens nothing more, not even what it was waiting for.
func TestClosedProcessOpensNothing(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	p.Close()
	if _, err := p.Socket(AF_INET, SOCK_DGRAM, 0); err != syscall.EBADF {
		t.Errorf("socket: %v, should be EBADF", err)
	}
	if _, err := p.EpollCreate(); err != syscall.EBADF {
		t.Errorf("epoll_create: %v, should be EBADF", err)
	}
	if n := w.bob.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are left open by a process that has ended", n)
	}
}

// The end of a program does not wait for SO_LINGER, as on Linux: what was sent still goes on
// its way.
func TestClosedProcessDoesNotLinger(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Process()
	l := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM, 0))
	check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 1080)))
	check(t, "listen", l.Listen(1))
	c := must[Descriptor](t)(p.Socket(inet, SOCK_STREAM, 0))
	check(t, "connect", c.Connect(netip.AddrPortFrom(ip(bobAddr), 1080)))
	check(t, "linger", c.(interface{ SetSockOptLinger(Linger) error }).SetSockOptLinger(Linger{On: true, Time: time.Minute}))
	s, _, err := l.Accept()
	check(t, "accept", err)
	sent, err := c.Send(make([]byte, 1<<20), MSG_DONTWAIT) // more than bob's buffer takes
	check(t, "send", err)
	begin := p.Now()
	p.Close()
	if d := p.Now().Sub(begin); d != 0 {
		t.Errorf("the end of the process took %v, should not wait for the peer", d)
	}
	got := 0
	for b := make([]byte, 1<<16); ; {
		n, err := s.Recv(b, 0)
		if got += n; n == 0 {
			check(t, "recv", err)
			break
		}
	}
	if got != sent {
		t.Errorf("%d bytes came of the %d that were sent", got, sent)
	}
}
