package socket

import (
	"septet/event"
	"septet/transport/tcp"
)

// What Poll and epoll sets stand on: a watch is told when something may have become
// ready, so that of ten thousand sockets only those are looked at to which something
// has happened.

// source is what can be watched: a socket or an epoll set. The turn must be held.
type source interface {
	ready() Readiness
	watchedBy() *watches
}

// watcher is who watches.
type watcher interface {
	// told says which bits may be true now. It reports whether a call was woken.
	told(what Readiness) bool
	// gone says that the source was closed. The watch is over.
	gone()
}

// What watchers are told, as Linux's wake-ups do.
const (
	arrived  = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND
	room     = POLLOUT | POLLWRNORM | POLLWRBAND
	anything = ^Readiness(0)
)

// watch is one watcher of one source.
type watch struct {
	next, prev *watch // of the same source
	source     source // nil if none is watched
	watcher    watcher
	events     uint32 // what is of interest: Readiness, and the flags of epoll
}

// wants reports whether the watcher cares for what has happened.
func (w *watch) wants(what Readiness) bool { return Readiness(w.events)&what != 0 }

// watches is the ring of those who watch one source: the exclusive ones last, in their
// order, and the others before them, the newest first.
type watches struct{ first *watch }

// begin has w watch the source s.
func (w *watch) begin(s source) {
	ws := s.watchedBy()
	w.source = s
	if ws.first == nil {
		w.next, w.prev = w, w
		ws.first = w
	} else {
		w.next, w.prev = ws.first, ws.first.prev
		w.next.prev, w.prev.next = w, w
		if w.events&EPOLLEXCLUSIVE == 0 {
			ws.first = w
		}
	}
	watching(s, true)
}

// end has w watch nothing.
func (w *watch) end() {
	if w.source == nil {
		return
	}
	s := w.source
	ws := s.watchedBy()
	switch {
	case w.next == w:
		ws.first = nil
		watching(s, false)
	case ws.first == w:
		ws.first = w.next
	}
	w.next.prev, w.prev.next = w.prev, w.next
	w.next, w.prev, w.source = nil, nil, nil
}

// watching has UDP tell of datagrams only when somebody wants to know.
func watching(s source, on bool) {
	if s, ok := s.(*Socket); ok {
		if d, ok := s.protocol.(*datagram); ok {
			d.endpoint.Watch(on)
		}
	}
}

// tell lets all watchers know, of the exclusive ones those up to the first that has
// woken a call. A change of state is for all.
func (ws *watches) tell(what Readiness) {
	for w := ws.first; w != nil; w = w.next {
		woke := w.watcher.told(what)
		if woke && w.events&EPOLLEXCLUSIVE != 0 && what != anything || w.next == ws.first {
			return
		}
	}
}

// close ends every watch of a source that is closed.
func (ws *watches) close() {
	for w := ws.first; w != nil; w = ws.first {
		w.end()
		w.watcher.gone()
	}
}

func (s *Socket) watchedBy() *watches { return &s.watches }

func (s *Socket) watched() bool { return s.watches.first != nil }

// tell lets those know who watch the socket.
func (s *Socket) tell(what Readiness) {
	if s.watches.first != nil {
		s.watches.tell(what)
	}
}

// tell makes of what TCP says the wake-ups of Linux.
func (t *stream) tell(r tcp.Ready) {
	switch {
	case t.state == listening:
		t.socket.watches.tell(arrived)
	case t.conn == nil: // not yet
	case r&tcp.Readable != 0 && (r&tcp.Writable != 0 || finished(t.conn.State())):
		t.socket.watches.tell(anything)
	case r&tcp.Readable != 0:
		t.socket.watches.tell(arrived)
	case t.full && t.conn.HasRoom():
		// Only who has found no room is told of it: not each time that the peer
		// acknowledges something.
		t.full = false
		t.socket.watches.tell(room)
	}
}

// watchedHost has a blocked call end when its host is closed.
type watchedHost struct {
	watch
	loop *event.Loop
	cond *event.Cond
}

func (h *watchedHost) begin(st *Stack, c *event.Cond) {
	h.loop, h.cond, h.watcher, h.events = st.loop, c, h, uint32(anything)
	h.watch.begin(st)
}

func (h *watchedHost) told(Readiness) bool {
	h.loop.Signal(h.cond)
	return true
}

func (h *watchedHost) gone() {}

func (st *Stack) ready() Readiness { return 0 }

func (st *Stack) watchedBy() *watches { return &st.watches }
