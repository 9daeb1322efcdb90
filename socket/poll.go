package socket

import (
	"slices"
	"syscall"
	"time"

	"septet/event"
)

// Poll waits until one of fds is ready, as poll(2) does. In a lab, too, closing a
// descriptor wakes nobody who polls it: it has POLLNVAL when the call looks at it next.
// Errors: EINVAL for more descriptors than a process may have; ENETDOWN when the host is
// closed and none of fds is a socket of it.
//
// A call looks at all of fds once and then only at those to which something has
// happened. It watches them until the next call, which mostly has the same: so waking up
// takes no longer with ten thousand of them.
func (p *Process) Poll(fds []PollFD, timeout time.Duration) (int, error) {
	l := p.loop
	l.Lock()
	defer l.Unlock()
	if len(fds) > p.most {
		return 0, syscall.EINVAL
	}
	set := p.takePollSet(fds)
	defer p.keepPollSet(set)
	n := set.lookAtAll(fds)
	if n > 0 || timeout == 0 {
		return n, nil
	}
	return set.wait(fds, until(l, timeout))
}

// until is the moment at which a call with a timeout of poll(2)'s kind gives up.
func until(l *event.Loop, timeout time.Duration) event.Time {
	if timeout < 0 {
		return event.Never
	}
	return l.Now().Add(timeout)
}

// pollSet is a call to Poll and what it watches, also after its return.
type pollSet struct {
	process *Process
	watches []*pollWatch // of the descriptor with the same index, and more
	noted   []*pollWatch // those to look at
	live    int          // those that watch something
	active  bool         // a call waits
	woken   event.Cond
	host    watchedHost
}

// pollWatch watches one of the descriptors.
type pollWatch struct {
	watch
	set   *pollSet
	index int
	noted bool
	lost  bool // it was closed: whatever has its number now is looked at each time
}

// told notes that the descriptor is to be looked at.
func (w *pollWatch) told(what Readiness) bool {
	if !w.set.active || !w.wants(what) {
		return false
	}
	w.note()
	w.set.process.loop.Signal(&w.set.woken)
	return true
}

// gone is quiet: the call finds out when something else wakes it. A set that watches
// nothing any more is not kept.
func (w *pollWatch) gone() {
	set := w.set
	set.live--
	switch {
	case set.active:
		w.lost = true
		w.note()
	case set.live == 0:
		if i := slices.Index(set.process.pollSets, set); i >= 0 {
			set.process.pollSets = slices.Delete(set.process.pollSets, i, i+1)
		}
	}
}

func (w *pollWatch) note() {
	if !w.noted {
		w.noted = true
		w.set.noted = append(w.set.noted, w)
	}
}

// wait waits until one of fds is ready.
func (set *pollSet) wait(fds []PollFD, until event.Time) (int, error) {
	p := set.process
	if err := p.over(); err != nil {
		return 0, err
	}
	set.active = true
	set.host.begin(p.Stack, &set.woken)
	defer func() {
		set.active = false
		set.host.end()
	}()
	for {
		err := p.loop.Wait(&set.woken, until)
		if err != nil && err != event.ErrTimeout {
			return 0, errno(err)
		}
		if n := set.lookAtNoted(fds); n > 0 || err != nil {
			return n, nil
		}
		if err := p.over(); err != nil {
			return 0, err
		}
	}
}

// lookAtAll fills in what is ready of all descriptors, and watches them.
func (set *pollSet) lookAtAll(fds []PollFD) (n int) {
	for _, w := range set.noted {
		w.noted, w.lost = false, false
	}
	clear(set.noted)
	set.noted = set.noted[:0]
	set.grow(len(fds))
	for i := range fds {
		w := set.watches[i]
		s := set.process.source(fds[i].FD)
		if w.source != s {
			set.drop(w)
			if s != nil {
				w.begin(s)
				set.live++
			}
		}
		w.events = uint32(fds[i].Events | POLLERR | POLLHUP)
		n += fds[i].look(s)
	}
	more := set.watches[len(fds):]
	for _, w := range more {
		set.drop(w)
	}
	if len(more) > len(fds) { // else each later call would pass over them
		clear(more)
		set.watches = slices.Clone(set.watches[:len(fds)])
	}
	return n
}

// lookAtNoted looks at those to which something has happened.
func (set *pollSet) lookAtNoted(fds []PollFD) (n int) {
	kept := set.noted[:0]
	for _, w := range set.noted {
		s := w.source
		if w.lost {
			s = set.process.source(fds[w.index].FD)
		}
		ready := fds[w.index].look(s)
		n += ready
		if w.noted = ready > 0 || w.lost; w.noted {
			kept = append(kept, w)
		}
	}
	clear(set.noted[len(kept):])
	set.noted = kept
	return n
}

// look fills in what is ready of a source, and returns one if something is.
func (f *PollFD) look(s source) int {
	f.Revents = 0
	switch {
	case f.FD < 0:
	case s == nil:
		f.Revents = POLLNVAL
	default:
		f.Revents = s.ready() & (f.Events | POLLERR | POLLHUP)
	}
	if f.Revents == 0 {
		return 0
	}
	return 1
}

// grow makes room for n descriptors.
func (set *pollSet) grow(n int) {
	if more := n - len(set.watches); more > 0 {
		slab := make([]pollWatch, more)
		for i := range slab {
			w := &slab[i]
			w.set, w.watcher, w.index = set, w, len(set.watches)
			set.watches = append(set.watches, w)
		}
	}
}

// drop has a watch end.
func (set *pollSet) drop(w *pollWatch) {
	if w.source != nil {
		w.end()
		set.live--
	}
}

// maxPollSets is how many sets of descriptors a process keeps watching between calls:
// as many as it has goroutines that poll, mostly.
const maxPollSets = 8

// takePollSet returns the set that watches most of fds, as far as can be told at once:
// a program changes its array little by little and mostly at the end.
func (p *Process) takePollSet(fds []PollFD) *pollSet {
	for i, set := range p.pollSets {
		if len(fds) > 0 && len(set.watches) > 0 && set.watches[0].source == p.source(fds[0].FD) {
			p.pollSets = slices.Delete(p.pollSets, i, i+1)
			return set
		}
	}
	return &pollSet{process: p}
}

// keepPollSet keeps a set for the next call. The one that was not used for longest must
// go for it.
func (p *Process) keepPollSet(set *pollSet) {
	if len(p.pollSets) == maxPollSets {
		oldest := p.pollSets[0]
		p.pollSets = slices.Delete(p.pollSets, 0, 1)
		for _, w := range oldest.watches {
			oldest.drop(w)
		}
	}
	if set.live > 0 {
		p.pollSets = append(p.pollSets, set)
	}
}

// source returns what a descriptor stands for, nil if it stands for nothing.
func (p *Process) source(fd int) source {
	if i := fd - firstFD; i >= 0 && i < len(p.files) {
		switch f := p.files[i].(type) {
		case *descriptor:
			return f.Socket
		case *epoll:
			return f
		}
	}
	return nil
}
