package socket_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	. "septet/socket"
)

// BenchmarkWakes is how long a goroutine takes to go on, in real time, from the moment at
// which what it waits for is there to its call's return: in poll and in a set's wait for one
// of 10,000 sockets, in recv, and, in the same run and by turns, in a sync.Cond and in a
// channel, which is the least that Go can do. Each has its median. What is there when the
// socket has become ready, in the turn in which the datagram is delivered; the sending
// before that is told beside it.
//
//	busy      the sender was running
//	after2ms  both have slept, the processors' caches are others'
func BenchmarkWakes(b *testing.B) {
	for _, c := range []struct {
		name string
		rest func()
	}{
		{"busy", func() {
			for begin := time.Now(); time.Since(begin) < time.Millisecond; {
			}
		}},
		{"after2ms", func() { time.Sleep(2 * time.Millisecond) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			ways, order := waysToWake(b), rand.New(rand.NewPCG(1, 1))
			for range max(b.N, 100) {
				for _, i := range order.Perm(len(ways)) { // none always follows the same one
					ways[i].once(c.rest)
				}
			}
			for _, w := range ways {
				b.ReportMetric(median(w.woke), "ns/"+w.name)
				if len(w.sent) > 0 {
					b.ReportMetric(median(w.sent), "ns/sending-"+w.name)
				}
				close(w.begin)
			}
		})
	}
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2])
}

// wayToWake is a call that blocks on a goroutine of its own, and how it is woken.
type wayToWake struct {
	name string
	wait func()
	wake func() (begun, ready time.Time)
	// after takes away what has woken it.
	after      func()
	begin      chan struct{}
	returned   chan time.Time
	woke, sent []time.Duration
}

// once measures one wake-up, of a call that was blocked while the sender has rested.
func (w *wayToWake) once(rest func()) {
	w.begin <- struct{}{}
	rest()
	begun, ready := w.wake()
	w.woke = append(w.woke, (<-w.returned).Sub(ready))
	if ready != begun {
		w.sent = append(w.sent, ready.Sub(begun))
	}
	w.after()
}

func waysToWake(b *testing.B) []*wayToWake {
	channel, cond, set := make(chan struct{}), sync.NewCond(new(sync.Mutex)), false
	ways := append(socketWays(b),
		&wayToWake{name: "channel", wait: func() { <-channel }, after: func() {},
			wake: func() (begun, ready time.Time) {
				begun = time.Now()
				channel <- struct{}{}
				return begun, begun
			}},
		&wayToWake{name: "cond", after: func() { set = false },
			wait: func() {
				cond.L.Lock()
				for !set {
					cond.Wait()
				}
				cond.L.Unlock()
			},
			wake: func() (begun, ready time.Time) {
				begun = time.Now()
				cond.L.Lock()
				set = true
				cond.L.Unlock()
				cond.Signal()
				return begun, begun
			}})
	for _, w := range ways {
		w.begin, w.returned = make(chan struct{}), make(chan time.Time)
		go func() {
			for range w.begin {
				w.wait()
				w.returned <- time.Now()
			}
		}()
	}
	return ways
}

// socketWays are the calls of ten thousand sockets. Each datagram goes to another one.
func socketWays(b *testing.B) []*wayToWake {
	p, ds := watchMany(b)
	fds, all := readable(ds), setOf(b, p, uint32(POLLIN)|EPOLLET, ds...)
	events, one, buffer := make([]EpollEvent, 8), []byte("x"), make([]byte, 9)
	var ready time.Time
	p.Poll(fds, 0) // so that it watches before WhenReady does, which is told first then
	for _, d := range ds {
		WhenReady(d, func() { ready = time.Now() })
	}
	n := 0
	at := func() int { return (n*7919 + 1) % len(ds) }
	wake := func() (time.Time, time.Time) {
		begun := time.Now()
		ds[0].SendTo(one, 0, numbered(at()))
		return begun, ready
	}
	after := func() {
		ds[at()].Recv(buffer, MSG_DONTWAIT)
		all.Wait(events, 0) // also what came while it did not wait
		n++
	}
	return []*wayToWake{
		{name: "recv", wake: wake, after: after, wait: func() { ds[at()].Recv(buffer, 0) }},
		{name: "epoll", wake: wake, after: after, wait: func() { all.Wait(events, -1) }},
		{name: "poll", wake: wake, after: after, wait: func() { p.Poll(fds, -1) }},
	}
}
