package lab

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"septet/event"
	"septet/header"
	"septet/inspect"
	"septet/lab/file"
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

// What may wait for a watcher in real time.
const (
	maxWatched      = 1 << 16  // frames
	maxWatchedBytes = 64 << 20 // of frames
	idleAfter       = 2 * time.Millisecond
)

// Watch hands the frames of all wires to somebody who looks at them.
type Watch struct {
	loop   *event.Loop
	see    func(inspect.Frame)
	idle   func() // may be nil
	whole  bool   // the lab waits for the watcher, who sees every frame
	origin time.Time
	queue  chan sight   // nil in simulated time, which waits for the watcher
	bytes  atomic.Int64 // in the queue
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

// Watch has see called with every frame that is put on any wire, and once more
// with those that get lost there, in the order of time, until the lab is closed.
// In simulated time it is called at once, with the turn held; in real time on a
// goroutine of its own, which also calls idle when nothing has come for a moment.
// A slow watcher, a terminal say, must not hold up the network in real time: what
// it misses is counted.
func (b *Lab) Watch(see func(inspect.Frame), idle func()) *Watch {
	return b.watch(&Watch{see: see, idle: idle})
}

func (b *Lab) watch(w *Watch) *Watch {
	w.loop, w.origin, w.done = b.Loop, b.Origin, make(chan struct{})
	if !b.Loop.Simulated() {
		w.queue = make(chan sight, w.most())
		go w.run()
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	for i, k := range b.About.Links {
		tap := &wireTap{Watch: w, number: i, mtu: b.wires[k].A().MTU()}
		for d, end := range [...]file.End{physical.AToB: k.Ends[1], physical.BToA: k.Ends[0]} {
			if h := b.About.Host(end.Node); h != nil {
				tap.receivers[d] = receiver(h, end)
			}
		}
		w.remove = append(w.remove, b.wires[k].Watch(tap))
	}
	b.watches = append(b.watches, w)
	return w
}

// receiver returns the interface that receives all that comes to an end of a link; nil
// if there are several, of different VLANs.
func receiver(h *file.Host, end file.End) *file.Interface {
	if all := h.On(end.Interface); len(all) == 1 && all[0].VLAN == 0 {
		return all[0]
	}
	return nil
}

// most is how many frames may wait. Those of a capture are few: of the largest,
// a thousand take 64 MiB.
func (w *Watch) most() int {
	if w.whole {
		return maxCaptured
	}
	return maxWatched
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
	number    int
	mtu       int
	receivers [2]*file.Interface // by direction; nil at a switch, or where there are several
}

// Frame takes what the transmitter put on the wire, and what does not arrive.
func (t *wireTap) Frame(at event.Time, d physical.Direction, e physical.Event, p *packet.Packet) {
	b := p.Bytes()
	fate := inspect.Sent
	switch {
	case e == physical.Delivered:
		return
	case e != physical.Sent && !wants(t.receivers[d], b):
		return // a switch sends some frames to everybody; this one is no loss
	case e == physical.Lost:
		fate = inspect.Lost
	case e == physical.Dropped && len(b) > physical.MaxFrame(t.mtu):
		fate = inspect.TooLong
	case e == physical.Dropped:
		fate = inspect.QueueFull
	}
	f := inspect.Frame{
		Time: t.origin.Add(time.Duration(at)), Interface: t.number,
		LinkType: inspect.LinkEthernet, Length: len(b), Data: b, Fate: fate,
	}
	if t.queue == nil {
		t.see(f)
		return
	}
	t.enqueueFrame(f)
}

// wants reports whether a frame is for the interface at the end of a wire, or
// may be because it leads to others.
func wants(i *file.Interface, frame []byte) bool {
	if i == nil || len(frame) < header.EthernetLen {
		return true
	}
	to := header.MAC(frame[:6])
	switch {
	case !to.IsGroup():
		return to == i.MAC
	case to[0] == 0x33 && to[1] == 0x33 && to[2] == 0xff:
		return listens(i, to)
	}
	arp, err := header.ParseARP(frame[header.EthernetLen:])
	isARP := header.EtherType(binary.BigEndian.Uint16(frame[12:])) == header.EtherTypeARP
	return !isARP || err != nil || arp.TargetIP == i.Address.Addr()
}

// listens reports whether an interface may be in the group of a solicited node, which
// has the last three bytes of the address that somebody looks for (RFC 4291, section
// 2.7.1; RFC 2464, section 7).
func listens(i *file.Interface, group header.MAC) bool {
	is := func(a netip.Addr) bool {
		b := a.As16()
		return bytes.Equal(b[13:], group[3:])
	}
	return i.SpeaksIPv6() && is(i.LinkLocal()) || // those found end in the same
		slices.ContainsFunc(i.IPv6, func(p netip.Prefix) bool { return is(p.Addr()) })
}

// enqueueFrame copies a frame for the watcher's goroutine. For a watcher who
// sees the whole it waits, with the turn held: the lab stands still meanwhile.
// That goroutine never takes the turn, so it goes on.
func (w *Watch) enqueueFrame(f inspect.Frame) {
	n := int64(len(f.Data))
	if !w.whole && w.bytes.Load()+n > maxWatchedBytes {
		w.missed++
		return
	}
	f.Data = bytes.Clone(f.Data)
	w.bytes.Add(n)
	select {
	case w.queue <- sight{frame: f}:
		return
	default:
	}
	if w.whole {
		w.queue <- sight{frame: f}
		return
	}
	w.bytes.Add(-n)
	w.missed++
}

func (w *Watch) run() {
	defer close(w.done)
	for {
		s, ok := w.next()
		switch {
		case !ok:
			return
		case s.then != nil:
			s.then()
		default:
			w.see(s.frame)
			w.bytes.Add(-int64(len(s.frame.Data)))
		}
	}
}

// next takes the next sight. If none comes for a moment it says so once.
func (w *Watch) next() (s sight, ok bool) {
	if w.idle == nil {
		s, ok = <-w.queue
		return s, ok
	}
	select {
	case s, ok = <-w.queue:
		return s, ok
	default:
	}
	select {
	case s, ok = <-w.queue:
		return s, ok
	case <-time.After(idleAfter):
	}
	w.idle()
	s, ok = <-w.queue
	return s, ok
}

// stop ends the watch after everything seen so far has been looked at.
func (w *Watch) stop() error {
	w.loop.Lock()
	for _, remove := range w.remove {
		remove()
	}
	w.over = true
	if w.queue != nil {
		close(w.queue)
	}
	w.loop.Unlock()
	if w.queue != nil {
		<-w.done
	}
	return nil
}

// maxCaptured is how many frames may wait to be written in real time.
const maxCaptured = 1 << 10

// Capture writes every frame that is put on any wire to w as a pcapng file. No
// frame is left out: if w is too slow for real time, the lab waits for it, and
// becomes slower than real time. finish completes the file after Close.
func (b *Lab) Capture(w io.Writer) (finish func() error, err error) {
	out, err := inspect.NewCaptureWriter(w, b.Interfaces())
	if err != nil {
		return nil, err
	}
	var failed error
	b.watch(&Watch{whole: true, see: func(f inspect.Frame) {
		if failed == nil && f.Fate == inspect.Sent {
			failed = out.Write(f)
		}
	}})
	return func() error {
		if failed != nil {
			return failed
		}
		return out.Close()
	}, nil
}
