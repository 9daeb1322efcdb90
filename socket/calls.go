package socket

import (
	"context"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
)

// Bind gives the socket its own address, as bind(2) does. A port of zero picks
// one; the zero Addr is 0.0.0.0 or ::. Errors: EADDRINUSE, EADDRNOTAVAIL if the
// host does not have the address, EINVAL if the socket is bound already,
// EAFNOSUPPORT for an address of another family, EACCES for a port below 1024 if the
// socket's process has no privilege.
func (s *Socket) Bind(local netip.AddrPort) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.bind(local)
}

// bind is Bind for who has the turn.
func (s *Socket) bind(local netip.AddrPort) error {
	if s.closed {
		return syscall.EBADF
	}
	local, err := s.toBind(local)
	if err != nil {
		return err
	}
	if port := local.Port(); s.ordinary && port > 0 && port < reservedPorts && !s.isRaw() {
		return s.refuse(local)
	}
	err = s.protocol.bind(local)
	if err == nil && local.Addr().Is6() && !s.isRaw() {
		s.v6only = true // one address of IPv6 has no IPv4 beside it, and Linux says so
	}
	return err
}

// isRaw reports whether this is a raw socket or one for pings, neither of which has ports.
func (s *Socket) isRaw() bool {
	_, ok := s.protocol.(*raw)
	return ok
}

// reservedPorts is where the ports begin that anybody may bind to (Linux:
// net.ipv4.ip_unprivileged_port_start).
const reservedPorts = 1024

// refuse says what is wrong with a port that needs privilege. As on Linux, an IPv4
// address that is not the host's is said first.
func (s *Socket) refuse(local netip.AddrPort) error {
	if err := s.boundAlready(local); err == syscall.EADDRNOTAVAIL {
		return err
	}
	return syscall.EACCES
}

// Listen makes a stream socket wait for connections, of which backlog may be
// complete and not accepted yet. An unbound socket is bound to a port first.
// Errors: EADDRINUSE, EINVAL for a connected socket, EOPNOTSUPP for other kinds.
func (s *Socket) Listen(backlog int) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	// listen(2): a longer backlog "is silently capped"; a negative one is
	// taken as unsigned.
	if backlog < 0 || backlog > SOMAXCONN {
		backlog = SOMAXCONN
	}
	return s.protocol.listen(backlog)
}

// Accept takes the oldest complete connection and returns its socket and the
// peer's address. It blocks until there is one. Errors: EINVAL if the socket
// does not listen, EAGAIN if it does not block, EOPNOTSUPP for other kinds.
func (s *Socket) Accept() (*Socket, netip.AddrPort, error) {
	c, from, err := s.accept()
	return c, s.told(from), errno(err)
}

func (s *Socket) accept() (*Socket, netip.AddrPort, error) {
	l := s.stack.loop
	l.Lock()
	defer l.Unlock()
	limit := s.limit(s.receiveTimeout)
	for {
		switch {
		case s.closed:
			return nil, netip.AddrPort{}, errClosed
		case s.expired(s.readDeadline):
			return nil, netip.AddrPort{}, event.ErrTimeout
		}
		c, from, err := s.take()
		if err != syscall.EAGAIN || s.nonblocking {
			return c, from, err
		}
		if err := l.Wait(s.protocol.readCond(), min(limit, s.readDeadline)); err != nil {
			return nil, netip.AddrPort{}, err
		}
	}
}

// take takes a connection that waits. It is the listener's process's.
func (s *Socket) take() (*Socket, netip.AddrPort, error) {
	if s.shape == nil {
		return s.protocol.accept()
	}
	p := s.shape.process
	if err := p.full(); err != nil {
		return nil, netip.AddrPort{}, err
	}
	c, from, err := s.protocol.accept()
	if err == nil {
		err = p.take(c)
	}
	return c, from, err
}

// Connect connects the socket to a peer, as connect(2) does: a stream socket
// opens a connection, any other only notes the peer's address, and the zero
// AddrPort (AF_UNSPEC) undoes that. Errors: ECONNREFUSED, ETIMEDOUT,
// ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL if no port is left, EISCONN;
// EINPROGRESS if the socket does not block, and EALREADY until it is done;
// EACCES for a broadcast address without SO_BROADCAST.
func (s *Socket) Connect(to netip.AddrPort) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	err := s.connect(context.Background(), to)
	if err == event.ErrTimeout {
		// socket(7): for connect, SO_SNDTIMEO ends in EINPROGRESS; a second one in EALREADY.
		return syscall.EINPROGRESS
	}
	return errno(err)
}

// dialPoll is how often a connect in virtual time looks whether its context has
// been cancelled. A context wakes nobody there: its functions run on goroutines
// of their own.
const dialPoll = 10 * time.Millisecond

// connect is Connect for who has the turn. It also returns when ctx ends, with the
// context's error.
func (s *Socket) connect(ctx context.Context, to netip.AddrPort) error {
	l := s.stack.loop
	if ctx.Done() != nil && !l.Virtual() {
		defer context.AfterFunc(ctx, func() {
			l.Lock()
			l.Signal(&s.writable)
			l.Unlock()
		})()
	}
	if to.IsValid() && !s.closed {
		var err error
		if to, err = s.toPeer(to); err != nil {
			return s.use(err, 0, 0)
		}
	}
	limit := s.limit(s.sendTimeout)
	var begun error // what the protocol said first: is it this call that has begun?
	for {
		switch {
		case s.closed:
			return errClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case s.expired(s.writeDeadline):
			return event.ErrTimeout
		}
		err := s.protocol.connect(to)
		if begun == nil {
			begun = err
		}
		switch {
		case (err != syscall.EINPROGRESS && err != syscall.EALREADY) || s.nonblocking:
			return err
		case s.expired(limit) && begun == syscall.EALREADY:
			return begun
		case s.expired(limit): // it has begun all the same
			return event.ErrTimeout
		}
		until := min(limit, s.writeDeadline)
		if ctx.Done() != nil && l.Virtual() {
			until = min(until, l.Now().Add(dialPoll))
		}
		if err := l.Wait(&s.writable, until); err != nil && err != event.ErrTimeout {
			return err
		}
	}
}

// Shutdown ends one direction of a connection, or both: SHUT_RD, SHUT_WR,
// SHUT_RDWR. Errors: ENOTCONN, EINVAL for any other how.
func (s *Socket) Shutdown(how int) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return errno(s.shutdown(how))
}

func (s *Socket) shutdown(how int) error {
	switch {
	case s.closed:
		return errClosed
	case how < SHUT_RD || how > SHUT_RDWR:
		return syscall.EINVAL
	}
	err := s.protocol.shutdown(how)
	s.wakeAll()
	s.tell(anything)
	return err
}

// Close gives the socket up, as close(2) does. What was sent still arrives: a
// connection finishes by itself, unless SO_LINGER says otherwise. Calls that
// are blocked in the socket return EBADF, and so does every later one.
func (s *Socket) Close() error {
	return errno(s.shut())
}

// lingerPoll is how often a lingering Close looks whether all is acknowledged.
const lingerPoll = 10 * time.Millisecond

func (s *Socket) shut() error {
	l := s.stack.loop
	l.Lock()
	defer l.Unlock()
	if s.closed {
		return errClosed
	}
	linger := s.finish()
	if !linger.On {
		return nil
	}
	limit := l.Now().Add(linger.Time)
	for s.protocol.lingering() && l.Now() < limit {
		err := l.Wait(&s.writable, min(limit, l.Now().Add(lingerPoll)))
		if err != nil && err != event.ErrTimeout {
			break
		}
	}
	return nil
}

// finish ends the socket as SO_LINGER says, without waiting.
func (s *Socket) finish() Linger {
	linger := s.protocol.linger()
	s.end(linger.On && linger.Time == 0)
	return linger
}

// GetSockName returns the socket's own address, 0.0.0.0:0 or [::]:0 before it has one.
func (s *Socket) GetSockName() (netip.AddrPort, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return netip.AddrPort{}, syscall.EBADF
	}
	return s.told(s.localName()), nil
}

func (s *Socket) localName() netip.AddrPort {
	a := s.protocol.local()
	if !a.Addr().IsValid() {
		return netip.AddrPortFrom(s.unspecified(), a.Port())
	}
	return a
}

// GetPeerName returns the peer's address, ENOTCONN if there is none.
func (s *Socket) GetPeerName() (netip.AddrPort, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return netip.AddrPort{}, syscall.EBADF
	}
	a, err := s.protocol.remote()
	if err != nil {
		return netip.AddrPort{}, err
	}
	return s.told(a), nil
}

// Dropped returns how many datagrams were lost because the socket's receive
// buffer was full.
func (s *Socket) Dropped() uint64 {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.protocol.dropped()
}

// SetNonblock makes the calls answer EAGAIN instead of blocking (O_NONBLOCK).
func (s *Socket) SetNonblock(on bool) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	s.nonblocking = on
	s.wakeAll()
	return nil
}
