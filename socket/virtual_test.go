package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// virtualWorld is a world in virtual time. It checks at the end that nothing is
// left behind, and that TCP kept its rules.
func virtualWorld(t *testing.T, seed uint64, i physical.Impairment) *world {
	w := newWorld(t, event.NewVirtual(seed), i)
	t.Cleanup(func() { w.shutDown(t) })
	return w
}

// shutDown closes both hosts and checks that nothing of them is left.
func (w *world) shutDown(t testing.TB) {
	t.Helper()
	w.alice.Close()
	w.bob.Close()
	// What the resets have put on the wire arrives yet.
	if err := w.loop.Run(w.loop.Now().Add(time.Minute)); err != nil {
		t.Errorf("after the hosts were closed: %v", err)
	}
	w.loop.Close()
	if n := w.alice.Sockets.Open() + w.bob.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are open on closed hosts", n)
	}
	if n := w.alice.TCP.Count() + w.bob.TCP.Count(); n != 0 {
		t.Errorf("%d connections are left on closed hosts", n)
	}
	if n := w.pool.Live(); n != 0 {
		t.Errorf("%d packets were never released", n)
	}
}

// run starts the tasks and lets virtual time pass until all have ended.
func (w *world) run(t *testing.T, tasks map[string]func()) {
	t.Helper()
	for _, name := range []string{"server", "client", "other"} {
		if task := tasks[name]; task != nil {
			w.loop.Go(name, task)
		}
	}
	if err := w.loop.Run(event.Time(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// must fails the test; for calls in tasks, which end there.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Errorf("unexpected error: %v", err)
		}
		return v
	}
}

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestCourse is the exchange of the course: the server's calls and the
// client's, in their order, on BSD sockets, with the peers' addresses.
func TestCourse(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: 5 * time.Millisecond})
	server := func() {
		s := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM, 0))
		check(t, "bind", s.Bind(netip.AddrPortFrom(netip.Addr{}, 8888)))
		check(t, "listen", s.Listen(5))
		c, peer, err := s.Accept()
		check(t, "accept", err)
		if peer.Addr().String() != ip(aliceAddr).String() {
			t.Errorf("accept returned %v as the peer, want alice", peer)
		}
		buf := make([]byte, 100)
		for {
			n := must[int](t)(c.Recv(buf, 0))
			if n == 0 {
				break // the client has closed
			}
			must[int](t)(c.Send([]byte(strings.ToUpper(string(buf[:n]))), 0))
		}
		check(t, "close", c.Close())
		check(t, "close", s.Close())
	}
	client := func() {
		w.loop.Sleep(time.Millisecond)
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
		check(t, "connect", s.Connect(netip.MustParseAddrPort(bobAddr+":8888")))
		must[int](t)(s.Send([]byte("hello, bob"), 0))
		buf := make([]byte, 100)
		n := must[int](t)(s.Recv(buf, 0))
		if got := string(buf[:n]); got != "HELLO, BOB" {
			t.Errorf("received %q, want the line in capitals", got)
		}
		check(t, "close", s.Close())
	}
	w.run(t, map[string]func(){"server": server, "client": client})
}

// TestDriveFromMain: outside every task a blocking call runs the network
// itself, and says so when nothing can ever end it.
func TestDriveFromMain(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: 50 * time.Millisecond})
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	c := must[net.Conn](t)(w.alice.Dial("tcp", "bob:http"))
	// ARP, then the handshake: two round trips of 100 ms.
	if got := w.loop.Now(); got != event.Time(200*time.Millisecond) {
		t.Errorf("the connection was open at %v, want 200ms", got)
	}
	p := must[net.Conn](t)(ln.Accept())
	must[int](t)(c.Write([]byte("ping")))
	buf := make([]byte, 10)
	if n, err := p.Read(buf); string(buf[:n]) != "ping" || err != nil {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if _, err := p.Read(buf); !errors.Is(err, event.ErrDeadlock) {
		t.Errorf("a read that nothing can end returned %v, want ErrDeadlock", err)
	}
}

// TestDeadlinesInVirtualTime: a deadline made from either clock ends a blocked
// call at that moment.
func TestDeadlinesInVirtualTime(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	for _, clock := range []struct {
		name string
		now  func() time.Time
	}{{"network", w.alice.Sockets.Now}, {"machine", time.Now}} {
		c1, c2, stop, err := w.tcpPipe()
		check(t, "pair", err)
		begin := w.loop.Now()
		c1.SetReadDeadline(clock.now().Add(90 * time.Second))
		_, err = c1.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s's clock: read returned %v, want a deadline error", clock.name, err)
		}
		if took := w.loop.Now().Sub(begin); took != 90*time.Second {
			t.Errorf("%s's clock: the read took %v, want 1m30s", clock.name, took)
		}
		c1.SetReadDeadline(time.Time{})
		c2.Write([]byte("x"))
		if _, err := c1.Read(make([]byte, 1)); err != nil {
			t.Errorf("%s's clock: without a deadline read returned %v", clock.name, err)
		}
		stop()
	}
}

// TestWakeups: what another task does to a socket ends the call that is blocked
// in it.
func TestWakeups(t *testing.T) {
	accept := func(s *Socket) error { _, _, err := s.Accept(); return err }
	recv := func(s *Socket) error { _, err := s.Recv(make([]byte, 1), 0); return err }
	for _, test := range []struct {
		name    string
		kind    int
		listens bool
		block   func(*Socket) error
		act     func(*Socket) error
		want    error
	}{
		{"close ends accept", SOCK_STREAM, true, accept, (*Socket).Close, syscall.EBADF},
		{"close ends recv", SOCK_DGRAM, false, recv, (*Socket).Close, syscall.EBADF},
		{"shutdown ends accept", SOCK_STREAM, true, accept,
			func(s *Socket) error { return s.Shutdown(SHUT_RD) }, syscall.EINVAL},
		{"nonblock ends recv", SOCK_DGRAM, false, recv,
			func(s *Socket) error { return s.SetNonblock(true) }, syscall.EAGAIN},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := virtualWorld(t, 1, physical.Impairment{})
			s := must[*Socket](t)(w.alice.Socket(inet, test.kind, 0))
			check(t, "bind", s.Bind(netip.AddrPortFrom(netip.Addr{}, 99)))
			if test.listens {
				check(t, "listen", s.Listen(1))
			}
			var got error
			w.run(t, map[string]func(){
				"server": func() { got = test.block(s) },
				"client": func() {
					w.loop.Sleep(time.Second)
					check(t, "act", test.act(s))
				},
			})
			if got != test.want {
				t.Errorf("the blocked call returned %v, want %v", got, test.want)
			}
		})
	}
}

// TestHostCloseEndsCalls: switching a host off ends every blocked call on it, and
// its peer learns by a reset.
func TestHostCloseEndsCalls(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	c1, c2, stop, err := w.tcpPipe()
	check(t, "pair", err)
	defer stop()
	var read, peer error
	w.run(t, map[string]func(){
		"server": func() { _, read = c2.Read(make([]byte, 1)) },
		"client": func() { _, peer = c1.Read(make([]byte, 1)) },
		"other":  func() { w.loop.Sleep(time.Second); w.bob.Close() },
	})
	if !errors.Is(read, net.ErrClosed) {
		t.Errorf("a read on the closed host returned %v, want net.ErrClosed", read)
	}
	if !errors.Is(peer, syscall.ECONNRESET) {
		t.Errorf("a read on its peer returned %v, want ECONNRESET", peer)
	}
	if _, err := w.bob.Socket(inet, SOCK_STREAM, 0); err != syscall.ENETDOWN {
		t.Errorf("a socket on a closed host: %v, want ENETDOWN", err)
	}
}

// TestLoopCloseEndsCalls: so does the end of the whole network.
func TestLoopCloseEndsCalls(t *testing.T) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	var bsd, shape error
	w.loop.Go("recv", func() {
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
		_, bsd = s.Recv(make([]byte, 1), 0)
	})
	w.loop.Go("accept", func() {
		ln := must[net.Listener](t)(w.bob.Listen("tcp", ":1"))
		_, shape = ln.Accept()
	})
	var blocked *event.BlockedError
	if err := w.loop.Run(event.Never); !errors.As(err, &blocked) || len(blocked.Tasks) != 2 {
		t.Errorf("run returned %v, want the two tasks as blocked", err)
	}
	w.loop.Close()
	if bsd != syscall.ENETDOWN || !errors.Is(shape, net.ErrClosed) {
		t.Errorf("recv returned %v, want ENETDOWN; accept %v, want net.ErrClosed", bsd, shape)
	}
}

// TestDialGivesUp: over a dead wire a dial ends by its context, its timeout or
// its deadline, and leaves nothing.
func TestDialGivesUp(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Loss: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bob := bobAddr + ":80"
	for _, test := range []struct {
		name string
		dial func() error
		want error
	}{
		{"timeout", func() error {
			d := Dialer{Stack: w.alice.Sockets, Timeout: 500 * time.Millisecond}
			_, err := d.Dial("tcp", bob)
			return err
		}, context.DeadlineExceeded},
		{"deadline", func() error {
			d := Dialer{Stack: w.alice.Sockets, Deadline: w.alice.Sockets.Now().Add(500 * time.Millisecond)}
			_, err := d.Dial("tcp", bob)
			return err
		}, context.DeadlineExceeded},
		{"cancel", func() error {
			_, err := w.alice.DialContext(ctx, "tcp", bob)
			return err
		}, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := w.loop.Now()
			var err error
			w.loop.Go("dialler", func() { err = test.dial() })
			w.loop.Go("canceller", func() {
				w.loop.Sleep(500 * time.Millisecond)
				if test.name == "cancel" {
					cancel()
				}
			})
			check(t, "run", w.loop.Run(begin.Add(600*time.Millisecond)))
			if !errors.Is(err, test.want) {
				t.Errorf("dial returned %v, want %v", err, test.want)
			}
			if n := w.alice.Sockets.Open(); n != 0 {
				t.Errorf("%d sockets are left open", n)
			}
		})
	}
	_, err := w.alice.Dial("tcp", bob)
	if !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("dialling a host that does not answer ARP: %v, want EHOSTUNREACH", err)
	}
}

// TestDialContext: in a bubble, as in real time, a dial returns at the moment
// when its context ends, and a context that ends later does no harm.
func TestDialContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := event.NewBubble(1)
		w := newWorld(t, l, physical.Impairment{Delay: 10 * time.Millisecond})
		ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		c, err := w.alice.DialContext(ctx, "tcp", "bob:80")
		if err != nil {
			t.Fatalf("a dial of 40 ms with 50 ms of time: %v", err)
		}
		time.Sleep(time.Second) // the context ends meanwhile
		if _, err := c.Write([]byte("x")); err != nil {
			t.Errorf("the connection ended with the context of its dial: %v", err)
		}
		cancel()
		w.loop.Lock()
		w.wire.SetImpairment(0, physical.Impairment{Loss: 1})
		w.loop.Unlock()
		for want, end := range map[error]func(context.Context) (context.Context, context.CancelFunc){
			context.DeadlineExceeded: func(c context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(c, 300*time.Millisecond)
			},
			context.Canceled: func(c context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(c)
				time.AfterFunc(300*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end(context.Background())
			begin := time.Now()
			_, err = w.alice.DialContext(ctx, "tcp", "bob:80")
			if took := time.Since(begin); !errors.Is(err, want) || took < 300*time.Millisecond || took > 301*time.Millisecond {
				t.Errorf("the dial ended after %v with %v, want %v after 300ms", took, err, want)
			}
			cancel()
		}
		c.Close()
		ln.Close()
		w.alice.Close()
		w.bob.Close()
		l.Close()
	})
}

// TestLinger: with SO_LINGER, close waits for the peer's acknowledgment; without,
// it returns at once and the data still arrives.
func TestLinger(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: 100 * time.Millisecond})
	for seconds, want := range map[int]time.Duration{-1: 0, 5: 200 * time.Millisecond} {
		c, p, stop, err := w.tcpPipe()
		check(t, "pair", err)
		check(t, "linger", c.(*TCPConn).SetLinger(seconds))
		must[int](t)(c.Write(make([]byte, 5000)))
		begin := w.loop.Now()
		check(t, "close", c.Close())
		took := w.loop.Now().Sub(begin)
		if took < want || took > want+20*time.Millisecond {
			t.Errorf("with linger %d close took %v, want %v", seconds, took, want)
		}
		if b, err := io.ReadAll(p); len(b) != 5000 || err != nil {
			t.Errorf("with linger %d the peer read %d bytes, %v; want all 5000", seconds, len(b), err)
		}
		stop()
	}
}

// TestSameSeedSameRun: a run over a bad wire is a function of its seed.
func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) string {
		w := virtualWorld(t, seed, physical.Impairment{Delay: time.Millisecond, Loss: 0.1})
		var log strings.Builder
		w.run(t, map[string]func(){
			"server": func() {
				ln := must[net.Listener](t)(w.bob.Listen("tcp", ":7"))
				c := must[net.Conn](t)(ln.Accept())
				io.Copy(c, c)
				c.Close()
			},
			"client": func() {
				w.loop.Sleep(time.Millisecond)
				c := must[net.Conn](t)(w.alice.Dial("tcp", "bob:echo"))
				for i := range 20 {
					fmt.Fprintf(c, "line %d", i)
					b := make([]byte, 100)
					c.SetReadDeadline(time.Now().Add(10 * time.Minute))
					n, err := c.Read(b)
					fmt.Fprintln(&log, w.loop.Now(), string(b[:n]), err)
				}
				c.Close()
			},
		})
		return log.String()
	}
	first := run(7)
	if again := run(7); again != first {
		t.Errorf("one seed gave two runs:\n%s\n%s", first, again)
	}
	if other := run(8); other == first {
		t.Errorf("two seeds gave one run, with every loss at the same moment:\n%s", first)
	}
}

// TestConnectWithoutTime: a send timeout of "not at all" makes connect answer at
// once, but the connection is being opened, as without blocking.
func TestConnectWithoutTime(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	w.run(t, map[string]func(){
		"server": func() {
			ln := must[net.Listener](t)(w.bob.Listen("tcp", bobAddr+":80"))
			must[net.Conn](t)(ln.Accept())
		},
		"client": func() {
			s := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
			check(t, "SO_SNDTIMEO", s.SetSockOptTimeout(SO_SNDTIMEO, -1))
			to := netip.MustParseAddrPort(bobAddr + ":80")
			if err := s.Connect(to); err != syscall.EINPROGRESS {
				t.Errorf("Connect without any time = %v, want %v", err, syscall.EINPROGRESS)
			}
			check(t, "Sleep", w.loop.Sleep(time.Second))
			if err := s.Connect(to); err != nil {
				t.Errorf("Connect a second later = %v, want a connection", err)
			}
		},
	})
}
