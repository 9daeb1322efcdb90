package engine

import (
	"net/netip"
	"syscall"

	"septet/event"
	"septet/socket"
	"septet/transport/tcp"
)

// Flags of descriptors and calls that package socket has no use for, with
// Linux's numbers.
const (
	sockCloexec     = 0x80000
	fGetFD, fSetFD  = 1, 2
	fGetFL, fSetFL  = 3, 4
	oReadWrite      = 2
	oWriteOnly      = 1
	oNonblock       = 0x800
	fionbio         = 0x5421
	siocInQ         = 0x541b // and FIONREAD
	siocOutQ        = 0x5411
	siocOutQNotSent = 0x894b
	siocAtMark      = 0x8905
)

// descriptor is what a number stands for.
type descriptor interface {
	// close ends it. It may wait, in a task.
	close() error
	readiness() socket.Readiness
	// status holds the flags of fcntl(2)'s F_GETFL.
	status() *int
}

// sock is a socket of the host.
type sock struct {
	*socket.Socket
	family int
	flags  int
	kept   map[keptOption]int // see kept.go
	fastTo netip.AddrPort     // TCP_FASTOPEN_CONNECT: where the first data goes
}

func (s *sock) close() error { return s.Close() }
func (s *sock) status() *int { return &s.flags }

// add gives d a number. A number that was open before was closed behind the
// engine's back (close(2) instead of the call), and with it what it stood for.
func (e *Engine) add(d descriptor) (int, error) {
	fd, err := e.numbers.Open()
	if err != nil {
		return 0, err
	}
	if stale := e.open[fd]; stale != nil {
		e.forget(fd)
		e.loop.Go("close", func() { _ = stale.close() })
	}
	e.open[fd] = d
	return fd, nil
}

// forget takes a number away from what it stands for.
func (e *Engine) forget(fd int) {
	delete(e.open, fd)
	for _, ep := range e.epolls {
		delete(ep.interest, fd)
	}
}

// lookup returns what fd stands for, as a T. EBADF: for nothing. Otherwise wrong:
// for something else.
func lookup[T descriptor](e *Engine, fd int, wrong syscall.Errno) (T, error) {
	d, ok := e.open[fd]
	t, fits := d.(T)
	switch {
	case !ok:
		return t, syscall.EBADF
	case !fits:
		return t, wrong
	}
	return t, nil
}

func (e *Engine) sock(fd int) (*sock, error) { return lookup[*sock](e, fd, syscall.ENOTSOCK) }

// Close closes a descriptor. With SO_LINGER it may wait. Errors: EBADF.
func (c Caller) Close(fd int) error {
	_, err := blocking(c, "close", func() (struct{}, error) {
		d, err := lookup[descriptor](c.engine, fd, syscall.EBADF)
		if err != nil {
			return struct{}{}, err
		}
		c.engine.forget(fd)
		err = d.close()
		if failed := c.engine.numbers.Close(fd); err == nil {
			err = failed
		}
		return struct{}{}, err
	})
	return err
}

// Fcntl reads and sets O_NONBLOCK (F_GETFL, F_SETFL); descriptors have no other
// flags. Errors: EBADF, EINVAL for another command.
func (c Caller) Fcntl(fd, command, argument int) (int, error) {
	return direct(c, func() (int, error) {
		d, err := lookup[descriptor](c.engine, fd, syscall.EBADF)
		if err != nil {
			return 0, err
		}
		switch command {
		case fGetFD, fSetFD:
			return 0, nil
		case fGetFL:
			return *d.status(), nil
		case fSetFL:
			return 0, setNonblock(d, argument&oNonblock != 0)
		}
		return 0, syscall.EINVAL
	})
}

func setNonblock(d descriptor, on bool) error {
	flags := d.status()
	*flags &^= oNonblock
	if on {
		*flags |= oNonblock
	}
	if s, ok := d.(*sock); ok {
		return s.SetNonblock(on)
	}
	return nil
}

// Ioctl answers SIOCINQ (which is FIONREAD), SIOCOUTQ, SIOCOUTQNSD and SIOCATMARK, and sets
// FIONBIO from argument. Errors: EBADF, EINVAL on a listener, ENOTTY for another
// request.
func (c Caller) Ioctl(fd int, request uint, argument int) (int, error) {
	return direct(c, func() (int, error) {
		d, err := lookup[descriptor](c.engine, fd, syscall.EBADF)
		if err != nil {
			return 0, err
		}
		if request == fionbio {
			return argument, setNonblock(d, argument != 0)
		}
		switch d := d.(type) {
		case *sock:
			return d.queued(request)
		case *pipeEnd:
			if request == siocInQ {
				return len(d.pipe.bytes), nil
			}
		}
		return 0, syscall.ENOTTY
	})
}

// queued returns how many bytes wait in one of the socket's queues.
func (s *sock) queued(request uint) (int, error) {
	switch request {
	case siocInQ, siocOutQ, siocOutQNotSent:
	case siocAtMark:
		at, err := s.AtMark()
		if at {
			return 1, err
		}
		return 0, err
	default:
		return 0, syscall.ENOTTY
	}
	info, err := s.TCPInfo()
	if err != nil { // no stream: the length of the first datagram
		if request != siocInQ {
			return 0, nil
		}
		n, _ := s.Recv(nil, socket.MSG_PEEK|socket.MSG_TRUNC|socket.MSG_DONTWAIT)
		return max(n, 0), nil
	}
	switch {
	case info.State == tcp.Listen:
		return 0, syscall.EINVAL
	case info.State == tcp.SynSent || info.State == tcp.SynReceived:
		return 0, nil
	case request == siocInQ:
		return info.Unread, nil
	case request == siocOutQ:
		return info.Unacked + info.NotSent, nil
	}
	return info.NotSent, nil
}

// waitFor waits for cond in a task of a descriptor that may block.
func (e *Engine) waitFor(cond *event.Cond, flags int) error {
	if flags&oNonblock != 0 {
		return syscall.EAGAIN
	}
	if e.loop.Wait(cond, event.Never) != nil {
		return syscall.ENETDOWN
	}
	return nil
}
