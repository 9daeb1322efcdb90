package socket_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// watchMany is a process in real time with ten thousand datagram sockets.
func watchMany(t testing.TB) (*Process, []Descriptor) {
	w := realWorld(t, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	return p, datagramSockets(t, p, many)
}

// TestPollWakesFast: poll over 10,000 sockets returns within 20 µs of a datagram's being
// sent to one of them, the sending included. Both are tasks, so that the time is the
// program's: that in which a goroutine wakes up is Go's and the machine's (BenchmarkWakes
// has both). To look at all sockets again would take fifty times as long.
func TestPollWakesFast(t *testing.T) {
	const most, rounds = 20 * time.Microsecond, 200
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	ds := datagramSockets(t, p, many)
	fds, one, b := readable(ds), []byte("x"), make([]byte, 9)
	at := func(i int) int { return (i*7919 + 1) % len(ds) }
	var begun time.Time
	var took []time.Duration
	w.run(t, map[string]func(){
		"server": func() {
			for i := range rounds {
				n, err := p.Poll(fds, -1)
				took = append(took, time.Since(begun))
				if n != 1 || err != nil || fds[at(i)].Revents != POLLIN {
					t.Errorf("event %d: poll: %d, %v, want socket %d", i, n, err, at(i))
					return
				}
				must[int](t)(ds[at(i)].Recv(b, 0))
			}
		},
		"client": func() {
			for i := range rounds {
				w.loop.Sleep(time.Millisecond)
				begun = time.Now()
				must[int](t)(ds[0].SendTo(one, 0, numbered(at(i))))
			}
		},
	})
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("from sending to the return of poll: median %v, best %v", median, took[0])
	if median > most && !underRace {
		t.Errorf("poll over %d sockets takes %v to wake, at most %v are allowed", many, median, most)
	}
}

// TestEpollWaitsFast: to send a datagram to one of 10,000 members takes at most 2 µs
// more than to one that is in no set, with the wait that reports it.
func TestEpollWaitsFast(t *testing.T) {
	const most, rounds = 2 * time.Microsecond, 2000
	p, ds := watchMany(t)
	e := setOf(t, p, uint32(POLLIN)|EPOLLET, ds...)
	events, one, b := make([]EpollEvent, 8), []byte("x"), make([]byte, 9)
	best := time.Hour
	for range 10 {
		var spent time.Duration
		for i := range rounds {
			at := (i*7919 + 1) % len(ds)
			ds[0].SendTo(one, 0, numbered(at))
			begin := time.Now()
			n, err := e.Wait(events, -1)
			spent += time.Since(begin)
			if n != 1 || err != nil || events[0].Data != uint64(at) {
				t.Fatalf("wait: %d, %v, %v, want socket %d", n, err, events[:n], at)
			}
			ds[at].Recv(b, 0)
		}
		best = min(best, spent/rounds)
	}
	t.Logf("a wait with %d members takes %v", many, best)
	if best > most && !underRace {
		t.Errorf("a wait with %d members takes %v, at most %v are allowed", many, best, most)
	}
}

// BenchmarkPollReady is a poll over 10,000 sockets of which one is ready.
func BenchmarkPollReady(b *testing.B) {
	p, ds := watchMany(b)
	fds := readable(ds)
	ds[0].SendTo([]byte("x"), 0, numbered(5000))
	b.ReportAllocs()
	for b.Loop() {
		p.Poll(fds, -1)
	}
}

// BenchmarkEpollReady is a wait for a set of 10,000 of which one is ready.
func BenchmarkEpollReady(b *testing.B) {
	p, ds := watchMany(b)
	e := setOf(b, p, uint32(POLLIN), ds...)
	ds[0].SendTo([]byte("x"), 0, numbered(5000))
	events := make([]EpollEvent, 8)
	b.ReportAllocs()
	for b.Loop() {
		e.Wait(events, -1)
	}
}

// TestHundredThousandSockets: so many are open on one host, all in one set and polled,
// and each is heard. When they are closed nothing is left but tables that have grown: the
// second time as much as the first.
func TestHundredThousandSockets(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	const count, most = 100_000, 1000 // bytes a socket, with descriptor, port, set and poll
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.alice.Sockets.NewProcess(true)
	before := liveHeap()
	w.openMany(t, p, count, most)
	first := liveHeap() - before
	w.openMany(t, p, count, most)
	if second := liveHeap() - before; second > first*5/4 {
		t.Errorf("%d bytes are left of %d closed sockets, %d the second time", first, count, second)
	}
	runtime.KeepAlive(p)
}

// openMany opens sockets, each of which may take most bytes, watches and closes them.
func (w *world) openMany(t *testing.T, p *Process, count int, most int64) {
	before := liveHeap()
	each := func() int64 { return (liveHeap() - before) / int64(count) }
	ds := datagramSockets(t, p, count)
	open := each()
	e := setOf(t, p, uint32(POLLIN), ds...)
	member := each() - open
	fds := readable(ds)
	if n, err := p.Poll(fds, time.Second); n != 0 || err != nil {
		t.Errorf("poll: %d, %v, want 0", n, err)
	}
	all := each()
	t.Logf("a socket takes %d bytes, %d more in a set, %d more polled", open, member, all-open-member)
	if all > most {
		t.Errorf("a socket takes %d bytes, at most %d are allowed", all, most)
	}
	events := make([]EpollEvent, 2)
	for i := 1; i < count; i += 9973 {
		ds[0].SendTo([]byte("x"), 0, numbered(i))
		n, err := e.Wait(events, -1)
		if n != 1 || err != nil || events[0].Data != uint64(i) {
			t.Errorf("wait: %d, %v, %v, want socket %d", n, err, events[:n], i)
		}
		if n, err := p.Poll(fds, -1); n != 1 || err != nil || fds[i].Revents != POLLIN {
			t.Errorf("poll: %d, %v, socket %d has %v, want POLLIN", n, err, i, fds[i].Revents)
		}
		ds[i].Recv(make([]byte, 9), 0)
	}
	for _, d := range ds {
		check(t, "close", d.Close())
	}
	check(t, "close", e.Close())
}
