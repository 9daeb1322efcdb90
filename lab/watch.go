package lab

import (
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

// watch hands the frames of all wires to somebody who looks at them.
type watch struct {
	see    func(inspect.Frame)
	origin time.Time
	frames chan inspect.Frame // nil in simulated time, which waits for the watcher
	done   chan struct{}
	remove []func()
	missed uint64
}

// Watch has see called with every frame that is put on any wire, in the order of
// time, until the lab is closed. In simulated time it is called at once, with the
// turn held; in real time on a goroutine of its own. The returned function tells
// how many frames see was too slow for.
func (b *Lab) Watch(see func(inspect.Frame)) (missed func() uint64) {
	w := &watch{see: see, origin: b.Origin, done: make(chan struct{})}
	if !b.Loop.Simulated() {
		w.frames = make(chan inspect.Frame, maxWatched)
		go w.run()
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	for i, k := range b.About.Links {
		w.remove = append(w.remove, b.wires[k].Tap(&wireTap{watch: w, number: i}))
	}
	b.watches = append(b.watches, w)
	return func() uint64 {
		b.Loop.Lock()
		defer b.Loop.Unlock()
		return w.missed
	}
}

// wireTap is a watch at one wire.
type wireTap struct {
	*watch
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
	if t.frames == nil {
		t.see(f)
		return
	}
	f.Data = append([]byte(nil), b...)
	select {
	case t.frames <- f:
	default:
		t.missed++
	}
}

func (w *watch) run() {
	defer close(w.done)
	for f := range w.frames {
		w.see(f)
	}
}

// stop ends the watch after everything seen so far has been looked at.
func (w *watch) stop() error {
	for _, remove := range w.remove {
		remove()
	}
	if w.frames != nil {
		close(w.frames)
		<-w.done
	}
	return nil
}

// Capture writes every frame of every wire to w as a pcapng file. finish
// completes the file after Close.
func (b *Lab) Capture(w io.Writer) (finish func() error, err error) {
	out, err := inspect.NewCaptureWriter(w, b.Interfaces())
	if err != nil {
		return nil, err
	}
	var failed error
	b.Watch(func(f inspect.Frame) {
		if failed == nil {
			failed = out.Write(f)
		}
	})
	return func() error {
		if failed != nil {
			return failed
		}
		return out.Close()
	}, nil
}
