package socket_test

import (
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// datagramSockets opens n sockets of a process, bound to ports from 1 on of addresses
// from 127.0.0.1 on.
func datagramSockets(t testing.TB, p *Process, n int) []Descriptor {
	t.Helper()
	ds := make([]Descriptor, n)
	for i := range ds {
		d, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		if err == nil {
			err = d.Bind(numbered(i))
		}
		if err != nil {
			t.Fatalf("socket %d: %v", i, err)
		}
		ds[i] = d
	}
	return ds
}

// numbered is the address of the socket with a number.
func numbered(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i/50_000)}), uint16(1+i%50_000))
}

func readable(ds []Descriptor) []PollFD {
	fds := make([]PollFD, len(ds))
	for i, d := range ds {
		fds[i] = PollFD{FD: d.FD(), Events: POLLIN}
	}
	return fds
}

// setOf returns a set with all of ds, whose data is the index.
func setOf(t testing.TB, p *Process, events uint32, ds ...Descriptor) Epoll {
	t.Helper()
	e, err := p.EpollCreate()
	for i, d := range ds {
		err = errors.Join(err, e.Ctl(EPOLL_CTL_ADD, d.FD(), EpollEvent{Events: events, Data: uint64(i)}))
	}
	if err != nil {
		t.Fatalf("epoll set: %v", err)
	}
	return e
}

// TestPollInVirtualTime: tasks that poll or wait go on at the very moment something
// happens, or time out at the very moment they said.
func TestPollInVirtualTime(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 3)
	e := setOf(t, p, uint32(POLLIN), ds...)
	sender := must[Descriptor](t)(p.Socket(inet, SOCK_DGRAM, 0))
	at := func(what string, want time.Duration) {
		t.Helper()
		if now := time.Duration(w.loop.Now()); now != want {
			t.Errorf("%s at %v, want %v", what, now, want)
		}
	}
	w.run(t, map[string]func(){
		"server": func() {
			fds := readable(ds)
			if n, err := p.Poll(fds, 250*time.Millisecond); n != 0 || err != nil {
				t.Errorf("poll of idle sockets: %d, %v, want 0", n, err)
			}
			at("poll timed out", 250*time.Millisecond)
			if n, err := p.Poll(fds, -1); n != 1 || err != nil || fds[2].Revents != POLLIN {
				t.Errorf("poll: %d, %v, %v, want the third socket", n, err, fds)
			}
			at("poll was woken", time.Second)
			p.Sleep(time.Millisecond) // the other has seen it, too
			ds[2].Recv(make([]byte, 9), 0)
			if n, err := p.Poll(fds, time.Second); n != 0 || err != nil || fds[2].Revents != 0 {
				t.Errorf("poll after the datagram was read: %d, %v, %v, want 0", n, err, fds)
			}
		},
		"other": func() {
			events := make([]EpollEvent, 4)
			if n, err := e.Wait(events, 300*time.Millisecond); n != 0 || err != nil {
				t.Errorf("wait for idle sockets: %d, %v, want 0", n, err)
			}
			at("wait timed out", 300*time.Millisecond)
			n, err := e.Wait(events, -1)
			if n != 1 || err != nil || events[0] != (EpollEvent{Events: uint32(POLLIN), Data: 2}) {
				t.Errorf("wait: %d, %v, %v, want the third socket", n, err, events[:n])
			}
			at("wait was woken", time.Second)
		},
		"client": func() {
			p.Sleep(time.Second)
			sender.SendTo([]byte("x"), 0, numbered(2))
		},
	})
}

// TestPollDrivesTheLoop: outside of every task a call that blocks lets time pass
// itself, and says so if nothing can ever end it.
func TestPollDrivesTheLoop(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 1)
	e := setOf(t, p, uint32(POLLIN), ds...)
	if n, err := p.Poll(readable(ds), time.Hour); n != 0 || err != nil || w.loop.Now() != event.Time(time.Hour) {
		t.Errorf("poll for an hour: %d, %v at %v, want 0 at 1h", n, err, w.loop.Now())
	}
	if _, err := p.Poll(readable(ds), -1); err != syscall.EDEADLK {
		t.Errorf("poll that nothing can end: %v, want EDEADLK", err)
	}
	if _, err := e.Wait(make([]EpollEvent, 1), -1); err != syscall.EDEADLK {
		t.Errorf("wait that nothing can end: %v, want EDEADLK", err)
	}
}

// TestPollInABubble: in a bubble calls block on the bubble's clock.
func TestPollInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := event.NewBubble(1)
		w := newWorld(t, l, physical.Impairment{})
		p := w.alice.Sockets.NewProcess(true)
		ds := datagramSockets(t, p, 2)
		begin := time.Now()
		go func() {
			time.Sleep(time.Minute)
			ds[0].SendTo([]byte("x"), 0, numbered(1))
		}()
		n, err := p.Poll(readable(ds), -1)
		if after := time.Since(begin); n != 1 || err != nil || after != time.Minute {
			t.Errorf("poll: %d, %v after %v, want 1 after a minute", n, err, after)
		}
		w.alice.Close()
		w.bob.Close()
		l.Close()
	})
}

// TestHostClosedDuringAWait: every call that polls or waits returns when its host is
// closed: with the sockets, which are of no more use, or ENETDOWN without any.
func TestHostClosedDuringAWait(t *testing.T) {
	before := runtime.NumGoroutine()
	w := realWorld(t, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 3)
	full, empty := setOf(t, p, uint32(POLLIN), ds...), setOf(t, p, 0)
	outer := must[Epoll](t)(p.EpollCreate())
	check(t, "add", outer.Ctl(EPOLL_CTL_ADD, empty.FD(), EpollEvent{Events: uint32(POLLIN)}))
	type call struct {
		name string
		n    int
		err  error
		run  func() (int, error)
	}
	events := func() []EpollEvent { return make([]EpollEvent, 9) }
	calls := []*call{
		{"poll of sockets", 3, nil, func() (int, error) { return p.Poll(readable(ds), -1) }},
		{"poll of nothing", 0, syscall.ENETDOWN, func() (int, error) { return p.Poll(nil, -1) }},
		{"poll of a set", 0, syscall.ENETDOWN, func() (int, error) {
			return p.Poll([]PollFD{{FD: outer.FD(), Events: POLLIN}}, -1)
		}},
		{"wait for sockets", 3, nil, func() (int, error) { return full.Wait(events(), -1) }},
		{"wait for nothing", 0, syscall.ENETDOWN, func() (int, error) { return empty.Wait(events(), -1) }},
		{"wait for a set", 0, syscall.ENETDOWN, func() (int, error) { return outer.Wait(events(), -1) }},
	}
	var all sync.WaitGroup
	for _, c := range calls {
		all.Go(func() {
			if n, err := c.run(); n != c.n || err != c.err {
				t.Errorf("%s on a host that is closed: %d, %v, want %d, %v", c.name, n, err, c.n, c.err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond) // most have blocked; those that have not must say the same
	w.alice.Close()
	all.Wait()
	noMoreGoroutines(t, before+1) // the loop's driver
}

// TestProcessClosedDuringAWait: so it is when the process ends, but for the numbers,
// which stand for nothing any more. Another process on the host does not notice.
func TestProcessClosedDuringAWait(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	p, other := w.alice.Sockets.NewProcess(true), w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 3)
	e := setOf(t, p, uint32(POLLIN), ds...)
	var all sync.WaitGroup
	all.Go(func() {
		if n, err := p.Poll(readable(ds), -1); !(n == 0 && err == syscall.EBADF || n > 0 && err == nil) {
			t.Errorf("poll: %d, %v, want EBADF, or those descriptors that are closed, with POLLNVAL", n, err)
		}
	})
	all.Go(func() {
		if n, err := e.Wait(make([]EpollEvent, 1), -1); n != 0 || err != syscall.EBADF {
			t.Errorf("wait: %d, %v, want EBADF", n, err)
		}
	})
	all.Go(func() {
		if n, err := other.Poll(nil, 50*time.Millisecond); n != 0 || err != nil {
			t.Errorf("poll of another process: %d, %v, want 0", n, err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	p.Close()
	all.Wait()
	if n := w.alice.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are left of a process that has ended", n)
	}
}

// TestLoopClosedDuringAWait: so it is when the whole network ends.
func TestLoopClosedDuringAWait(t *testing.T) {
	l := event.NewReal(1)
	w := newWorld(t, l, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 1)
	e := setOf(t, p, uint32(POLLIN), ds...)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := p.Poll(readable(ds), -1); err != syscall.ENETDOWN {
			t.Errorf("poll: %v, want ENETDOWN", err)
		}
	})
	all.Go(func() {
		if _, err := e.Wait(make([]EpollEvent, 1), -1); err != syscall.ENETDOWN {
			t.Errorf("wait: %v, want ENETDOWN", err)
		}
	})
	l.Close()
	all.Wait()
}

// TestPollFollowsTheArray: what the last call watched does not matter to the next one,
// however the array has changed.
func TestPollFollowsTheArray(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 6)
	arrays := [][]int{{0, 1, 2, 3}, {0, 2, 3}, {0, 1, 2, 3, 4, 5}, {5, 4}, {0}, {0, 5, 5, 1}, {}, {3, 0}}
	for i, target := range []int{3, 3, 5, 4, 0, 5, 1, 0} {
		var polled []Descriptor
		for _, index := range arrays[i] {
			polled = append(polled, ds[index])
		}
		fds := readable(polled)
		w.loop.Go("sender", func() {
			p.Sleep(time.Second)
			ds[1].SendTo([]byte("x"), 0, numbered(target))
		})
		n, err := p.Poll(fds, 2*time.Second)
		want := 0
		for j, index := range arrays[i] {
			if index == target {
				want++
			}
			if got := fds[j].Revents != 0; got != (index == target) {
				t.Errorf("array %v: socket %d is ready: %v, but socket %d got the datagram", arrays[i], index, got, target)
			}
		}
		if n != want || err != nil {
			t.Errorf("array %v: poll returns %d, %v, want %d", arrays[i], n, err, want)
		}
		ds[target].Recv(make([]byte, 9), MSG_DONTWAIT)
	}
	// A number that was given to another socket is that one's.
	fds := readable(ds)
	check(t, "close", ds[3].Close())
	again := must[Descriptor](t)(p.Socket(inet, SOCK_STREAM, 0))
	if again.FD() != fds[3].FD {
		t.Fatalf("the next descriptor is %d, want the lowest free one, %d", again.FD(), fds[3].FD)
	}
	if n, err := p.Poll(fds, -1); n != 1 || err != nil || fds[3].Revents != POLLHUP {
		t.Errorf("poll with a new stream: %d, %v, %v, want POLLHUP of the fourth", n, err, fds)
	}
}

// TestManyWaysThroughSets: a socket can be reached through sets in sets in many ways.
// Their number has a limit: the work for one datagram must.
func TestManyWaysThroughSets(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	d := datagramSockets(t, p, 1)[0]
	inner := []Epoll{setOf(t, p, uint32(POLLIN), d)}
	refused := 0
	for range 3 {
		var layer []Epoll
		for range 40 {
			e := setOf(t, p, 0)
			for _, in := range inner {
				switch err := e.Ctl(EPOLL_CTL_ADD, in.FD(), EpollEvent{Events: uint32(POLLIN)}); err {
				case nil:
				case syscall.EINVAL:
					refused++
				default:
					t.Fatalf("add: %v", err)
				}
			}
			layer = append(layer, e)
		}
		inner = layer
	}
	if refused == 0 {
		t.Errorf("64,000 ways to one socket were made, and no set was refused")
	}
	d.SendTo([]byte("x"), 0, numbered(0))
	if n, err := inner[0].Wait(make([]EpollEvent, 1), 0); n != 1 || err != nil {
		t.Errorf("wait for the first set of the outmost: %d, %v, want 1: it was not refused", n, err)
	}
}

// TestPollStress: goroutines poll, wait, send, close and open at once. With -race it
// shows that all of it belongs to the turn; at the end nothing is left.
func TestPollStress(t *testing.T) {
	before := runtime.NumGoroutine()
	l := event.NewReal(1)
	w := newWorld(t, l, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, 40)
	sets := []Epoll{setOf(t, p, uint32(POLLIN), ds...), setOf(t, p, uint32(POLLIN)|EPOLLET, ds...),
		setOf(t, p, uint32(POLLIN)|EPOLLEXCLUSIVE, ds...)}
	fds := readable(ds)
	var events atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(300 * time.Millisecond)
	many := func(f func(i int)) {
		for i := range 3 {
			all.Go(func() {
				for time.Now().Before(end) {
					f(i)
				}
			})
		}
	}
	many(func(int) {
		own := slices.Clone(fds)
		n, _ := p.Poll(own, time.Millisecond)
		events.Add(int64(n))
	})
	many(func(i int) {
		n, _ := sets[i].Wait(make([]EpollEvent, 4), time.Millisecond)
		events.Add(int64(n))
	})
	many(func(i int) { ds[i].SendTo([]byte("x"), 0, numbered(7*i+5)) })
	many(func(i int) { ds[7*i+5].Recv(make([]byte, 9), MSG_DONTWAIT) })
	many(func(i int) {
		d, err := p.Socket(inet, SOCK_STREAM, 0)
		if err != nil {
			t.Errorf("socket: %v", err)
			return
		}
		for _, e := range sets {
			e.Ctl(EPOLL_CTL_ADD, d.FD(), EpollEvent{Events: uint32(POLLOUT)})
		}
		p.Poll([]PollFD{{FD: d.FD(), Events: POLLIN}, fds[i]}, 0)
		d.Close()
	})
	all.Wait()
	if events.Load() == 0 {
		t.Errorf("nobody has seen an event")
	}
	for _, e := range sets {
		check(t, "close", e.Close())
	}
	for _, d := range ds {
		check(t, "close", d.Close())
	}
	if n := w.alice.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
	w.alice.Close()
	w.bob.Close()
	l.Close()
	if n := w.pool.Live(); n != 0 {
		t.Errorf("%d packets are left", n)
	}
	noMoreGoroutines(t, before)
}

// TestPollLimit: more descriptors than a process may have are too many.
func TestPollLimit(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	fds := make([]PollFD, 1<<20+1)
	for i := range fds {
		fds[i].FD = -1
	}
	if _, err := p.Poll(fds, 0); err != syscall.EINVAL {
		t.Errorf("poll of %d descriptors: %v, want EINVAL: the limit of open files is one less", len(fds), err)
	}
	if n, err := p.Poll(fds[1:], 0); n != 0 || err != nil {
		t.Errorf("poll of %d descriptors: %d, %v, want 0 and no error", len(fds)-1, n, err)
	}
}

// A low-water mark that the receive buffer cannot reach must not stop a program that polls:
// as on Linux, a stream is readable too if the peer can send no more.
func TestLowWaterAboveTheBuffer(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	l := must[Descriptor](t)(p.Socket(inet, SOCK_STREAM, 0))
	check(t, "receive buffer", l.SetSockOpt(SOL_SOCKET, SO_RCVBUF, 4096))
	check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 1080)))
	check(t, "listen", l.Listen(1))
	c := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM|SOCK_NONBLOCK, 0))
	if err := c.Connect(netip.AddrPortFrom(ip(bobAddr), 1080)); err != syscall.EINPROGRESS {
		t.Fatalf("connect: %v", err)
	}
	s, _, err := l.Accept()
	check(t, "accept", err)
	check(t, "low-water mark", s.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, 1<<20))
	fds := []PollFD{{FD: s.FD(), Events: POLLIN}}
	must[int](t)(c.Send(make([]byte, 100), 0))
	if n, err := p.Poll(fds, time.Second); n != 0 || err != nil {
		t.Errorf("poll with 100 bytes and room for more: %d, %v, should time out", n, err)
	}
	must[int](t)(c.Send(make([]byte, 65536), 0))
	if n, err := p.Poll(fds, time.Second); n != 1 || err != nil {
		t.Errorf("poll with a full buffer: %d, %v, should be readable", n, err)
	}
}

// What was too little for a low-water mark is enough once that is lowered, also for a set
// that has looked in between.
func TestLoweredLowWater(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	l := must[Descriptor](t)(p.Socket(inet, SOCK_STREAM, 0))
	check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 1080)))
	check(t, "listen", l.Listen(1))
	c := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
	check(t, "connect", c.Connect(netip.AddrPortFrom(ip(bobAddr), 1080)))
	s, _, err := l.Accept()
	check(t, "accept", err)
	check(t, "low-water mark", s.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, 100))
	set := setOf(t, p, uint32(POLLIN), s)
	must[int](t)(c.Send(make([]byte, 50), 0))
	events := make([]EpollEvent, 1)
	if n, err := set.Wait(events, time.Second); n != 0 || err != nil {
		t.Errorf("50 bytes of 100: %d ready, %v, should be none", n, err)
	}
	check(t, "low-water mark", s.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, 50))
	if n, err := set.Wait(events, time.Second); n != 1 || err != nil {
		t.Errorf("50 bytes of 50: %d ready, %v, should be readable", n, err)
	}
}

// A set that is closed while a call waits in it goes on, but its number is free: what has
// that number next can be added where the set was.
func TestNumberOfAClosedSet(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	outer, inner := must[Epoll](t)(p.EpollCreate()), must[Epoll](t)(p.EpollCreate())
	fd := inner.FD()
	check(t, "add", outer.Ctl(EPOLL_CTL_ADD, fd, EpollEvent{Events: uint32(POLLIN)}))
	w.loop.Go("waiter", func() { _, _ = inner.Wait(make([]EpollEvent, 1), time.Minute) })
	_ = w.loop.Run(event.Time(time.Second)) // names the waiter, which is blocked
	check(t, "close", inner.Close())
	d := must[Descriptor](t)(p.Socket(AF_INET, SOCK_DGRAM, 0))
	if d.FD() != fd {
		t.Fatalf("the socket's number is %d, not the set's %d", d.FD(), fd)
	}
	check(t, "add", outer.Ctl(EPOLL_CTL_ADD, fd, EpollEvent{Events: uint32(POLLOUT), Data: 7}))
	check(t, "run", w.loop.Run(event.Time(time.Hour)))
	events := make([]EpollEvent, 2)
	if n, err := outer.Wait(events, 0); n != 1 || err != nil || events[0].Data != 7 {
		t.Errorf("wait: %v, %v, want the socket", events[:n], err)
	}
}
