package socket

import (
	"syscall"
	"time"

	"septet/event"
)

// Operations of Epoll.Ctl.
const (
	EPOLL_CTL_ADD = 1
	EPOLL_CTL_DEL = 2
	EPOLL_CTL_MOD = 3
)

// What EpollEvent.Events may have beside Readiness.
const (
	EPOLLEXCLUSIVE = 1 << 28 // of several sets that watch a socket, wake one
	EPOLLWAKEUP    = 1 << 29 // accepted: nothing here sleeps
	EPOLLONESHOT   = 1 << 30 // report once, until EPOLL_CTL_MOD
	EPOLLET        = 1 << 31 // report only when something happens

	epollFlags = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET
	always     = uint32(POLLERR | POLLHUP)
	// alone is what may go with EPOLLEXCLUSIVE.
	alone = uint32(POLLIN|POLLOUT) | always | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
)

// epoll is a set of descriptors. Its ready list has all members to which something
// has happened, in that order: what else is in the set costs a wait nothing.
type epoll struct {
	process *Process
	fd      int // -1 once closed
	waits   int // calls that are in Wait
	members map[int]*member
	queue   memberQueue
	waiting event.Cond
	watches watches // of those who have this set in theirs, or poll it
	host    watchedHost
}

// member is a descriptor in a set.
type member struct {
	watch
	set           *epoll
	fd            int
	data          uint64
	before, after *member // in the queue
	queued        bool
}

// EpollCreate makes an empty set.
func (p *Process) EpollCreate() (Epoll, error) {
	p.loop.Lock()
	defer p.loop.Unlock()
	e := &epoll{process: p, members: make(map[int]*member)}
	fd, err := p.number(e)
	if err != nil {
		return nil, err
	}
	e.fd = fd
	e.host.begin(p.Stack, &e.waiting)
	return e, nil
}

// FD is the number of the set's descriptor, -1 once it is closed.
func (e *epoll) FD() int {
	e.process.loop.Lock()
	defer e.process.loop.Unlock()
	return e.fd
}

// Ctl adds a descriptor to the set, changes what is asked of it, or takes it out.
// Errors, in this order: EBADF; EINVAL for the set itself; EINVAL for EPOLLEXCLUSIVE
// where it may not be, ELOOP for a set that has this one in it, or if more than five
// would be in each other; EEXIST, ENOENT, EINVAL for any other op.
func (e *epoll) Ctl(op, fd int, ev EpollEvent) error {
	e.process.loop.Lock()
	defer e.process.loop.Unlock()
	if e.fd < 0 {
		return syscall.EBADF
	}
	s := e.process.source(fd)
	inner, _ := s.(*epoll)
	switch {
	case s == nil:
		return syscall.EBADF
	case inner == e, !exclusiveFits(op, ev.Events, inner != nil):
		return syscall.EINVAL
	case op == EPOLL_CTL_ADD && inner != nil && !e.takes(inner):
		return syscall.ELOOP
	}
	m := e.members[fd]
	if m != nil && m.source != s {
		m.leave() // a set that is closed, but in which a call still waits
		m = nil
	}
	switch {
	case op == EPOLL_CTL_ADD && m != nil:
		return syscall.EEXIST
	case op == EPOLL_CTL_ADD:
		m = &member{set: e, fd: fd}
		m.watcher, m.events = m, ev.Events
		e.members[fd] = m
		m.begin(s)
		if inner != nil && inner.mostWays() > maxWays {
			m.leave()
			return syscall.EINVAL
		}
	case op != EPOLL_CTL_DEL && op != EPOLL_CTL_MOD:
		return syscall.EINVAL
	case m == nil:
		return syscall.ENOENT
	case op == EPOLL_CTL_DEL:
		m.leave()
		return nil
	case m.events&EPOLLEXCLUSIVE != 0:
		return syscall.EINVAL
	}
	m.events, m.data = ev.Events|always, ev.Data
	if m.wants(s.ready()) {
		m.happened()
	}
	return nil
}

// exclusiveFits reports whether the flags that go with EPOLLEXCLUSIVE may.
func exclusiveFits(op int, events uint32, isSet bool) bool {
	switch {
	case events&EPOLLEXCLUSIVE == 0:
		return true
	case op == EPOLL_CTL_ADD:
		return !isSet && events&^alone == 0
	}
	return op != EPOLL_CTL_MOD
}

// told queues the member and wakes one call that waits for the set.
func (m *member) told(what Readiness) bool {
	if !m.wants(what) {
		return false
	}
	// An exclusive member passes a wake-up on that it did not ask for.
	either := what & (POLLIN | POLLOUT)
	woke := m.set.waiting.Awaited() && (either == 0 || m.wants(either))
	m.happened()
	return woke
}

// happened has the next wait look at the member, and wakes one.
func (m *member) happened() {
	e := m.set
	e.queue.push(m)
	e.process.loop.SignalNewest(&e.waiting)
	if e.watches.first != nil {
		e.watches.tell(POLLIN | POLLRDNORM)
	}
}

// gone takes a member out that was closed.
func (m *member) gone() { m.leave() }

func (m *member) leave() {
	m.end()
	m.set.queue.remove(m)
	delete(m.set.members, m.fd)
}

// Wait fills events with members that are ready and returns how many they are. Those
// that have waited longest come first: with more ready than there is room for, each
// has its turn. Of several calls that wait, the one that came last is woken, as on
// Linux.
func (e *epoll) Wait(events []EpollEvent, timeout time.Duration) (int, error) {
	l := e.process.loop
	l.Lock()
	defer l.Unlock()
	switch {
	case e.fd < 0:
		return 0, syscall.EBADF
	case len(events) == 0:
		return 0, syscall.EINVAL
	}
	if n := e.collect(events); n > 0 || timeout == 0 {
		return n, nil
	}
	e.waits++
	n, err := e.wait(events, until(l, timeout))
	e.waits--
	e.destroy()
	return n, err
}

func (e *epoll) wait(events []EpollEvent, until event.Time) (int, error) {
	for {
		if err := e.process.over(); err != nil {
			return 0, err
		}
		err := e.process.loop.Wait(&e.waiting, until)
		if err != nil && err != event.ErrTimeout {
			return 0, errno(err)
		}
		if n := e.collect(events); n > 0 || err != nil {
			return n, nil
		}
	}
}

// collect reports what is ready. It looks at each queued member once: those that
// may be ready again go back to the end of the queue.
func (e *epoll) collect(events []EpollEvent) (n int) {
	for left := e.queue.size; left > 0 && n < len(events); left-- {
		m := e.queue.first
		e.queue.remove(m)
		ready := uint32(m.source.ready()) & m.events &^ epollFlags
		if ready == 0 {
			continue
		}
		events[n] = EpollEvent{Events: ready, Data: m.data}
		n++
		switch {
		case m.events&EPOLLONESHOT != 0:
			m.events &= epollFlags
		case m.events&EPOLLET == 0:
			e.queue.push(m)
		}
	}
	if e.queue.size > 0 && n > 0 {
		e.process.loop.SignalNewest(&e.waiting) // there is something for another call
	}
	return n
}

// ready is what poll says of the set itself: whether a member is ready.
func (e *epoll) ready() Readiness {
	for e.queue.size > 0 {
		m := e.queue.first
		if m.wants(m.source.ready()) {
			return POLLIN | POLLRDNORM
		}
		e.queue.remove(m)
	}
	return 0
}

func (e *epoll) watchedBy() *watches { return &e.watches }

// Close gives the set up. A call that waits goes on to its end, as on Linux.
func (e *epoll) Close() error {
	e.process.loop.Lock()
	defer e.process.loop.Unlock()
	if e.fd < 0 {
		return syscall.EBADF
	}
	e.exit()
	return nil
}

func (e *epoll) exit() {
	e.process.release(e.fd)
	e.fd = -1
	e.destroy()
}

// destroy ends every watch of a closed set in which no call waits.
func (e *epoll) destroy() {
	if e.fd >= 0 || e.waits > 0 {
		return
	}
	for _, m := range e.members {
		m.leave()
	}
	e.members = nil
	e.host.end()
	e.watches.close()
}

// memberQueue holds members, the one that was queued first at its head.
type memberQueue struct {
	first, last *member
	size        int
}

// push queues a member that is not queued yet.
func (q *memberQueue) push(m *member) {
	if m.queued {
		return
	}
	m.queued, m.before, m.after = true, q.last, nil
	if q.last != nil {
		q.last.after = m
	} else {
		q.first = m
	}
	q.last = m
	q.size++
}

func (q *memberQueue) remove(m *member) {
	if !m.queued {
		return
	}
	if m.before != nil {
		m.before.after = m.after
	} else {
		q.first = m.after
	}
	if m.after != nil {
		m.after.before = m.before
	} else {
		q.last = m.before
	}
	m.queued, m.before, m.after = false, nil, nil
	q.size--
}
