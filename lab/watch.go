package lab

import (
	"fmt"
	"io"
	"time"

	"septet/event"
	"septet/inspect"
	"septet/packet"
	"septet/physical"
)

// origin is the time that frames at the loop's time zero get: when time is
// simulated always the same, so that one seed gives one file.
func origin(l *event.Loop) time.Time {
	if l.Simulated() {
		return inspect.Epoch
	}
	l.Lock()
	defer l.Unlock()
	return time.Now().Add(-time.Duration(l.Now()))
}

// Interfaces describes the lab's wires as the interfaces of a capture, in the
// order of the file. Frame.Interface counts in it.
func (b *Lab) Interfaces() []inspect.Interface {
	var all []inspect.Interface
	for _, k := range b.About.Links {
		all = append(all, inspect.Interface{Name: k.Name, LinkType: inspect.LinkEthernet})
	}
	return all
}

// maxWatched is how many frames may wait for a watcher in real time. A slow
// terminal or disk must not hold up the network; what it misses is counted.
const maxWatched = 1 << 16

// Watch hands the frames of all wires to somebody who looks at them.
type Watch struct {
	loop   *event.Loop
	see    func(inspect.Frame)
	origin time.Time
	queue  chan sight // nil in simulated time, which waits for the watcher
	done   chan struct{}
	remove []func()
	missed uint64
	over   bool
}

// sight is a frame, or something to be done when those before it have been seen.
type sight struct {
	frame inspect.Frame
	then  func()
}

// Watch has see called with every frame that is put on any wire, in the order of
// time, until the lab is closed. In simulated time it is called at once, with the
// turn held; in real time on a goroutine of its own.
func (b *Lab) Watch(see func(inspect.Frame)) *Watch {
	w := &Watch{loop: b.Loop, see: see, origin: b.Origin, done: make(chan struct{})}
	if !b.Loop.Simulated() {
		w.queue = make(chan sight, maxWatched)
		go w.run()
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	for i, k := range b.About.Links {
		w.remove = append(w.remove, b.wires[k].Tap(&wireTap{Watch: w, number: i}))
	}
	b.watches = append(b.watches, w)
	return w
}

// Missed returns how many frames the watcher was too slow for.
func (w *Watch) Missed() uint64 {
	w.loop.Lock()
	defer w.loop.Unlock()
	return w.missed
}

// Then calls f when every frame that has been sent so far has been seen: what is
// printed about them stands below them. It does not wait for that. It is called
// without the turn.
func (w *Watch) Then(f func()) {
	if !w.enqueue(f) {
		f()
	}
}

func (w *Watch) enqueue(f func()) bool {
	w.loop.Lock()
	defer w.loop.Unlock()
	if w.queue == nil || w.over {
		return false
	}
	select {
	case w.queue <- sight{then: f}:
		return true
	default:
		return false // better at the wrong place than late
	}
}

// wireTap is a watch at one wire.
type wireTap struct {
	*Watch
	number int
}

// Frame takes what the transmitter put on the wire.
func (t *wireTap) Frame(at event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Sent {
		return
	}
	b := p.Bytes()
	f := inspect.Frame{
		Time: t.origin.Add(time.Duration(at)), Interface: t.number,
		LinkType: inspect.LinkEthernet, Length: len(b), Data: b,
	}
	if t.queue == nil {
		t.see(f)
		return
	}
	f.Data = append([]byte(nil), b...)
	select {
	case t.queue <- sight{frame: f}:
	default:
		t.missed++
	}
}

func (w *Watch) run() {
	defer close(w.done)
	for s := range w.queue {
		if s.then != nil {
			s.then()
		} else {
			w.see(s.frame)
		}
	}
}

// stop ends the watch after everything seen so far has been looked at.
func (w *Watch) stop() error {
	for _, remove := range w.remove {
		remove()
	}
	if w.queue != nil {
		w.loop.Lock()
		w.over = true
		close(w.queue)
		w.loop.Unlock()
		<-w.done
	}
	return nil
}

// Capture writes every frame of every wire to w as a pcapng file. finish
// completes the file after Close; if w was too slow for real time, its error
// says how many frames are not there.
func (b *Lab) Capture(w io.Writer) (finish func() error, err error) {
	out, err := inspect.NewCaptureWriter(w, b.Interfaces())
	if err != nil {
		return nil, err
	}
	var failed error
	watch := b.Watch(func(f inspect.Frame) {
		if failed == nil {
			failed = out.Write(f)
		}
	})
	return func() error {
		if failed != nil {
			return failed
		}
		if err := out.Close(); err != nil {
			return err
		}
		if n := watch.Missed(); n > 0 {
			return fmt.Errorf("%d frames were sent faster than they could be written: it lacks them", n)
		}
		return nil
	}, nil
}
