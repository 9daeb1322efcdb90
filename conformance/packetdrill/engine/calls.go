package engine

import (
	"maps"
	"net/netip"

	"septet/socket"
)

// The socket calls, with Linux's numbers and raw socket addresses. Errors are
// those of package socket, and EBADF or ENOTSOCK for a number that is no socket.

// Socket is socket(2).
func (c Caller) Socket(domain, kind, protocol int) (int, error) {
	return direct(c, func() (int, error) {
		kind &^= sockCloexec
		s, err := c.engine.sockets.Socket(domain, kind, protocol)
		if err != nil {
			return 0, err
		}
		return c.engine.addSocket(s, domain, kind&socket.SOCK_NONBLOCK != 0)
	})
}

func (e *Engine) addSocket(s *socket.Socket, family int, nonblock bool) (int, error) {
	d := &sock{Socket: s, family: family, flags: oReadWrite}
	if nonblock {
		d.flags |= oNonblock
	}
	fd, err := e.add(d)
	if err != nil {
		_ = s.Close()
	}
	return fd, err
}

// Bind is bind(2).
func (c Caller) Bind(fd int, sockaddr []byte) error {
	return c.onSocket(fd, func(s *sock) error {
		a, err := s.address(sockaddr)
		if err != nil {
			return err
		}
		return s.Bind(a)
	})
}

// Listen is listen(2).
func (c Caller) Listen(fd, backlog int) error {
	return c.onSocket(fd, func(s *sock) error { return s.Listen(backlog) })
}

// Shutdown is shutdown(2).
func (c Caller) Shutdown(fd, how int) error {
	return c.onSocket(fd, func(s *sock) error { return s.Shutdown(how) })
}

// onSocket makes a call that never waits.
func (c Caller) onSocket(fd int, call func(*sock) error) error {
	_, err := direct(c, func() (struct{}, error) {
		s, err := c.engine.sock(fd)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, call(s)
	})
	return err
}

// Accept is accept(2). It returns the new descriptor and the peer's address.
func (c Caller) Accept(fd int) (int, []byte, error) {
	type accepted struct {
		fd   int
		peer []byte
	}
	a, err := blocking(c, "accept", func() (accepted, error) {
		s, err := c.engine.sock(fd)
		if err != nil {
			return accepted{}, err
		}
		conn, from, err := s.Accept()
		if err != nil {
			return accepted{}, err
		}
		n, err := c.engine.addSocket(conn, s.family, false)
		if err == nil {
			c.engine.open[n].(*sock).kept = maps.Clone(s.kept)
		}
		return accepted{n, Sockaddr(from)}, err
	})
	return a.fd, a.peer, err
}

// Connect is connect(2). An address of the family AF_UNSPEC undoes it.
func (c Caller) Connect(fd int, sockaddr []byte) error {
	to := append([]byte(nil), sockaddr...)
	_, err := blocking(c, "connect", func() (struct{}, error) {
		s, err := c.engine.sock(fd)
		if err != nil {
			return struct{}{}, err
		}
		if family, _, err := ParseSockaddr(to); err == nil && family == socket.AF_UNSPEC {
			return struct{}{}, s.Connect(netip.AddrPort{})
		}
		a, err := s.address(to)
		if err != nil {
			return struct{}{}, err
		}
		if s.kept[keptOption{socket.SOL_TCP, tcpFastOpenConnect}] != 0 {
			s.fastTo = a // the first data goes with the SYN
			return struct{}{}, nil
		}
		return struct{}{}, s.Connect(a)
	})
	return err
}
