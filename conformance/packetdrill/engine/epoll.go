package engine

import (
	"cmp"
	"slices"
	"syscall"

	"septet/event"
	"septet/socket"
)

// Operations of EpollCtl and bits of epoll events, with Linux's numbers.
const (
	EpollAdd    = 1
	EpollDelete = 2
	EpollModify = 3

	epollOneShot Events = 1 << 30
	epollEdge    Events = 1 << 31
)

// epoll is a set of descriptors and what is wanted of them.
type epoll struct {
	engine   *Engine
	interest map[int]*interest
	added    int
	flags    int
}

// interest is one of them.
type interest struct {
	fd, order int
	wanted    Events
	data      uint64
	spent     bool // EPOLLONESHOT, and reported

	// For EPOLLET: what was ready when it was looked at last, how much had come
	// by then, and what has become ready since it was reported.
	seen    Events
	arrived uint64
	edges   Events
}

// EpollEvent is a struct epoll_event.
type EpollEvent struct {
	Events Events
	Data   uint64
}

// EpollCreate is epoll_create(2).
func (c Caller) EpollCreate(size int) (int, error) {
	return direct(c, func() (int, error) {
		if size <= 0 {
			return 0, syscall.EINVAL
		}
		ep := &epoll{engine: c.engine, interest: make(map[int]*interest), flags: oReadWrite}
		fd, err := c.engine.add(ep)
		if err == nil {
			c.engine.epolls = append(c.engine.epolls, ep)
		}
		return fd, err
	})
}

func (ep *epoll) close() error {
	e := ep.engine
	e.epolls = slices.DeleteFunc(e.epolls, func(o *epoll) bool { return o == ep })
	return nil
}

func (ep *epoll) status() *int { return &ep.flags }

func (ep *epoll) readiness() socket.Readiness {
	if len(ep.ready(1, false)) > 0 {
		return socket.POLLIN
	}
	return 0
}

// EpollCtl is epoll_ctl(2). Errors: EBADF; EINVAL if epfd is no epoll or the
// operation is unknown; EEXIST, ENOENT; EPERM for what cannot be watched.
func (c Caller) EpollCtl(epfd, operation, fd int, ev EpollEvent) error {
	e := c.engine
	_, err := direct(c, func() (struct{}, error) {
		ep, err := lookup[*epoll](e, epfd, syscall.EINVAL)
		if err == nil {
			err = ep.control(operation, fd, ev)
		}
		return struct{}{}, err
	})
	return err
}

func (ep *epoll) control(operation, fd int, ev EpollEvent) error {
	d, have := ep.engine.open[fd], ep.interest[fd]
	if d == nil {
		return syscall.EBADF
	}
	if _, nested := d.(*epoll); nested {
		return syscall.EINVAL // one inside another is not supported
	}
	switch operation {
	case EpollAdd:
		if have != nil {
			return syscall.EEXIST
		}
		ep.added++
		ep.interest[fd] = &interest{fd: fd, order: ep.added, wanted: ev.Events, data: ev.Data}
	case EpollModify, EpollDelete:
		if have == nil {
			return syscall.ENOENT
		}
		if operation == EpollDelete {
			delete(ep.interest, fd)
			break
		}
		// What is ready now is told again, also to those who want edges.
		*have = interest{fd: fd, order: have.order, wanted: ev.Events, data: ev.Data}
	default:
		return syscall.EINVAL
	}
	ep.look()
	return nil
}

// look notes for those who want edges what has become ready since it last did. It
// is called after everything that happens.
func (ep *epoll) look() {
	for _, i := range ep.interest {
		if i.wanted&epollEdge != 0 {
			i.look(ep.engine)
		}
	}
}

func (i *interest) look(e *Engine) {
	now, arrived := e.events(i.fd, i.wanted), e.arrived(i.fd)
	i.edges |= now &^ i.seen
	if arrived != i.arrived {
		i.edges |= now & pollReading
	}
	i.edges &= now // what was taken meanwhile is no edge any more
	i.seen, i.arrived = now, arrived
}

// arrived returns how much a stream has received: bytes, or connections that
// wait.
func (e *Engine) arrived(fd int) uint64 {
	s, ok := e.open[fd].(*sock)
	if !ok {
		return 0
	}
	info, err := s.TCPInfo()
	if err != nil {
		return 0
	}
	return info.BytesIn + uint64(info.Waiting)
}

// ready returns at most most events, in the order in which their descriptors were
// added. With take they count as reported.
func (ep *epoll) ready(most int, take bool) (events []EpollEvent) {
	order := make([]*interest, 0, len(ep.interest))
	for _, i := range ep.interest {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b *interest) int { return cmp.Compare(a.order, b.order) })
	for _, i := range order {
		now := ep.engine.events(i.fd, i.wanted)
		if i.spent || now == 0 || (i.wanted&epollEdge != 0 && i.edges == 0) {
			continue
		}
		events = append(events, EpollEvent{now, i.data})
		if take {
			i.edges = 0
			i.spent = i.wanted&epollOneShot != 0
		}
		if len(events) == most {
			break
		}
	}
	return events
}

// EpollWait is epoll_wait(2). Errors: EBADF, EINVAL if epfd is no epoll or most is
// not positive.
func (c Caller) EpollWait(epfd, most, milliseconds int) ([]EpollEvent, error) {
	e := c.engine
	return blocking(c, "epoll_wait", func() ([]EpollEvent, error) {
		ep, err := lookup[*epoll](e, epfd, syscall.EINVAL)
		switch {
		case err != nil:
			return nil, err
		case most <= 0:
			return nil, syscall.EINVAL
		}
		err = e.await(func() bool { return len(ep.ready(1, false)) > 0 }, milliseconds)
		return ep.ready(most, true), errnoOf(err)
	})
}

// errnoOf turns the end of a wait into what the caller is told.
func errnoOf(err error) error {
	if err == event.ErrClosed {
		return syscall.ENETDOWN
	}
	return err
}
