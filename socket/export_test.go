package socket

// WhenReady has f called, with the turn held, when there is something to be received from a
// socket, before whoever watches it already is told.
func WhenReady(d Descriptor, f func()) {
	s := d.(*descriptor).Socket
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	w := &readyWatch{f: f}
	w.watcher, w.events = w, uint32(arrived)
	w.begin(s)
}

type readyWatch struct {
	watch
	f func()
}

func (w *readyWatch) told(what Readiness) bool {
	if w.wants(what) {
		w.f()
	}
	return false
}

func (w *readyWatch) gone() {}
