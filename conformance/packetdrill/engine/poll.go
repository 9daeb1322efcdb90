package engine

import (
	"slices"
	"time"

	"septet/event"
	"septet/socket"
)

// Events is a set of poll(2)'s bits. EPOLLIN and so on are the same.
type Events = uint32

// Bits that only the calls here know, with Linux's numbers.
const (
	pollNVal    Events = 0x20
	pollRdNorm  Events = 0x40
	pollWrNorm  Events = 0x100
	pollAlways         = Events(socket.POLLERR | socket.POLLHUP)
	pollReading        = Events(socket.POLLIN) | pollRdNorm
)

// poll is a call that waits until one of several descriptors is ready.
type poll struct {
	ready func() bool
	cond  event.Cond
	woken bool
}

// rousePolls looks what has become ready after something has happened, and wakes
// the calls that waited for it. It reports whether there was one.
func (e *Engine) rousePolls() (woken bool) {
	for _, ep := range e.epolls {
		ep.look()
	}
	for _, p := range e.polls {
		if !p.woken && p.ready() {
			e.loop.Signal(&p.cond)
			p.woken, woken = true, true
		}
	}
	return woken
}

// await waits, in a task, until ready says so or the time is over: milliseconds,
// none at all if zero, for ever if negative.
func (e *Engine) await(ready func() bool, milliseconds int) error {
	if milliseconds == 0 || ready() {
		return nil
	}
	until := event.Never
	if milliseconds > 0 {
		until = e.loop.Now().Add(time.Duration(milliseconds) * time.Millisecond)
	}
	p := &poll{ready: ready}
	e.polls = append(e.polls, p)
	err := e.loop.Wait(&p.cond, until)
	e.polls = slices.DeleteFunc(e.polls, func(q *poll) bool { return q == p })
	if err == event.ErrTimeout {
		return nil
	}
	return err
}

// events returns what of wanted fd is ready for, and what is always told.
func (e *Engine) events(fd int, wanted Events) Events {
	d := e.open[fd]
	if d == nil {
		return pollNVal
	}
	r := Events(d.readiness())
	if r&Events(socket.POLLIN) != 0 {
		r |= pollRdNorm
	}
	if r&Events(socket.POLLOUT) != 0 {
		r |= pollWrNorm
	}
	return r & (wanted | pollAlways)
}

// PollFD is a struct pollfd.
type PollFD struct {
	FD              int
	Events, Revents uint16
}

// Poll is poll(2): it fills in Revents of every fd, waits for the first if there
// is none, and returns how many are not zero. A negative FD is left out.
func (c Caller) Poll(fds []PollFD, milliseconds int) (int, error) {
	e, own := c.engine, slices.Clone(fds)
	n, err := blocking(c, "poll", func() (n int, err error) {
		look := func() bool {
			n = 0
			for i := range own {
				f := &own[i]
				f.Revents = 0
				if f.FD >= 0 {
					f.Revents = uint16(e.events(f.FD, Events(f.Events)))
				}
				if f.Revents != 0 {
					n++
				}
			}
			return n > 0
		}
		err = errnoOf(e.await(look, milliseconds))
		look()
		return n, err
	})
	for i := range fds {
		fds[i].Revents = own[i].Revents
	}
	return n, err
}
