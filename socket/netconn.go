package socket

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// conn is what the connections of the net shapes have in common.
type conn struct{ socket *Socket }

// conn returns the socket in the net shape of its kind.
func (s *Socket) conn() net.Conn {
	switch s.kind {
	case SOCK_STREAM:
		return &s.protocol.(*stream).shape
	case SOCK_DGRAM:
		return &UDPConn{packetConn{conn{s}}}
	}
	return &IPConn{packetConn{conn{s}}}
}

// Socket returns the socket under the connection, for its options.
func (c conn) Socket() *Socket { return c.socket }

// Read reads what has arrived, waiting for it until the read deadline. At the
// end of a stream it returns io.EOF.
func (c conn) Read(b []byte) (int, error) {
	n, err := c.socket.read(b)
	if err != nil {
		err = c.socket.opError("read", "read", err)
	}
	return n, err
}

// Write sends all of b, waiting for room until the write deadline.
func (c conn) Write(b []byte) (int, error) {
	n, err := c.socket.send(b, 0, netip.AddrPort{})
	if err != nil {
		err = c.socket.opError("write", "write", err)
	}
	return n, err
}

// Close closes the connection; calls that are blocked in it return
// net.ErrClosed.
func (c conn) Close() error { return c.socket.closeNet() }

func (s *Socket) closeNet() error { return s.opError("close", "close", s.shut()) }

// LocalAddr returns the own address.
func (c conn) LocalAddr() net.Addr { return c.socket.localAddr() }

// RemoteAddr returns the peer's address, nil for an unconnected socket.
func (c conn) RemoteAddr() net.Addr { return c.socket.remoteAddr() }

// SetDeadline sets when reads and writes fail with os.ErrDeadlineExceeded, also
// those that are blocked already. The zero time is never. See Stack.Now for the
// clock in virtual time.
func (c conn) SetDeadline(t time.Time) error { return c.socket.setNetDeadline(t, true, true) }

// SetReadDeadline is SetDeadline for reads.
func (c conn) SetReadDeadline(t time.Time) error { return c.socket.setNetDeadline(t, true, false) }

// SetWriteDeadline is SetDeadline for writes.
func (c conn) SetWriteDeadline(t time.Time) error { return c.socket.setNetDeadline(t, false, true) }

func (s *Socket) setNetDeadline(t time.Time, read, write bool) error {
	return s.setError("set", s.setDeadlines(t, read, write))
}

// SetReadBuffer sets how many bytes wait to be received at most.
func (c conn) SetReadBuffer(bytes int) error { return c.set(SOL_SOCKET, SO_RCVBUF, bytes) }

// SetWriteBuffer sets how many bytes wait to be sent at most.
func (c conn) SetWriteBuffer(bytes int) error { return c.set(SOL_SOCKET, SO_SNDBUF, bytes) }

func (c conn) set(level, name, value int) error {
	return c.socket.optionError(c.socket.SetSockOpt(level, name, value))
}

func (s *Socket) optionError(err error) error {
	if err == syscall.EBADF {
		err = errClosed
	}
	return s.setError("setsockopt", err)
}

// TCPConn is a TCP connection as a net.Conn, with the methods of net.TCPConn.
type TCPConn struct{ conn }

// CloseRead says that no more will be read.
func (c *TCPConn) CloseRead() error { return c.socket.shutNet(SHUT_RD) }

// CloseWrite sends a FIN after what was written: the peer reads io.EOF, and can
// still send.
func (c *TCPConn) CloseWrite() error { return c.socket.shutNet(SHUT_WR) }

func (s *Socket) shutNet(how int) error {
	s.stack.loop.Lock()
	err := s.shutdown(how)
	s.stack.loop.Unlock()
	return s.opError("close", "shutdown", err)
}

// SetNoDelay switches the Nagle algorithm off (true, as it is from the start)
// or on.
func (c *TCPConn) SetNoDelay(on bool) error { return c.set(SOL_TCP, TCP_NODELAY, number(on)) }

// SetKeepAlive has an idle connection probed. Unlike package net's, a connection
// begins with keepalive off, so that an idle network is silent.
func (c *TCPConn) SetKeepAlive(on bool) error { return c.set(SOL_SOCKET, SO_KEEPALIVE, number(on)) }

// SetKeepAlivePeriod sets the time between probes, rounded up to a second.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	s := keepSeconds(max(d, 1))
	if err := c.set(SOL_TCP, TCP_KEEPINTVL, s); err != nil {
		return err
	}
	return c.set(SOL_TCP, TCP_KEEPIDLE, s)
}

// SetKeepAliveConfig says whether and how an idle connection is probed. As with package
// net, a zero Idle or Interval is 15 s and a zero Count 9; negative ones are left alone.
func (c *TCPConn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	if err := c.SetKeepAlive(k.Enable); err != nil {
		return err
	}
	for _, o := range []struct{ name, value int }{
		{TCP_KEEPIDLE, keepSeconds(k.Idle)},
		{TCP_KEEPINTVL, keepSeconds(k.Interval)},
		{TCP_KEEPCNT, keepCount(k.Count)},
	} {
		if o.value < 0 {
			continue
		}
		if err := c.set(SOL_TCP, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

// What package net has for zero in a net.KeepAliveConfig.
const (
	usualKeepAlive      = 15 * time.Second
	usualKeepAliveCount = 9
)

// keepSeconds returns a time of a net.KeepAliveConfig in seconds, rounded up, or -1.
func keepSeconds(d time.Duration) int {
	switch {
	case d < 0:
		return -1
	case d == 0:
		d = usualKeepAlive
	}
	return int((d + time.Second - 1) / time.Second)
}

func keepCount(n int) int {
	if n == 0 {
		return usualKeepAliveCount
	}
	return n
}

// keepAliveNet does what the fields of a Dialer or ListenConfig say.
func (s *Socket) keepAliveNet(every time.Duration, k net.KeepAliveConfig) error {
	if s.kind != SOCK_STREAM || every <= 0 && !k.Enable {
		return nil
	}
	if !k.Enable {
		k = net.KeepAliveConfig{Enable: true, Idle: every, Interval: every}
	}
	return s.protocol.(*stream).shape.SetKeepAliveConfig(k)
}

// ReadFrom sends what r has until its end, as io.Copy asks for.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(struct{ io.Writer }{c}, r)
	return n, c.socket.opError("readfrom", "readfrom", err)
}

// WriteTo writes what arrives to w until the end of the stream, as io.Copy asks for.
func (c *TCPConn) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, struct{ io.Reader }{c})
	return n, c.socket.opError("writeto", "writeto", err)
}

// MultipathTCP reports whether the connection uses Multipath TCP (RFC 8684), which no
// connection here does.
func (c *TCPConn) MultipathTCP() (bool, error) { return false, nil }

// SetLinger says what Close does with data that is not acknowledged yet: sends
// it in the background (negative, as it is from the start), resets the
// connection (0), or waits that many seconds.
func (c *TCPConn) SetLinger(seconds int) error {
	v := Linger{On: seconds >= 0}
	if v.On {
		v.Time = time.Duration(seconds) * time.Second
	}
	return c.socket.optionError(c.socket.SetSockOptLinger(v))
}

// TCPListener waits for TCP connections, as a net.Listener.
type TCPListener struct {
	socket *Socket
	addr   net.Addr
}

// Socket returns the socket under the listener, for its options.
func (ln *TCPListener) Socket() *Socket { return ln.socket }

// Accept waits for the next connection.
func (ln *TCPListener) Accept() (net.Conn, error) {
	c, err := ln.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptTCP waits for the next connection.
func (ln *TCPListener) AcceptTCP() (*TCPConn, error) {
	s, _, err := ln.socket.accept()
	if err != nil {
		return nil, ln.opError("accept", err)
	}
	return &s.protocol.(*stream).shape, nil
}

// opError is Socket.opError for an Addr that, as in package net, is the
// listener's own.
func (ln *TCPListener) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: ln.Addr(), Err: cause(op, err)}
}

// Close stops listening. A blocked Accept returns net.ErrClosed; connections
// that were accepted go on, those that were not are reset.
func (ln *TCPListener) Close() error { return ln.opError("close", ln.socket.shut()) }

// Addr returns the address listened on.
func (ln *TCPListener) Addr() net.Addr { return ln.addr }

// SetDeadline sets when Accept fails with os.ErrDeadlineExceeded.
func (ln *TCPListener) SetDeadline(t time.Time) error {
	return ln.opError("set", ln.socket.setDeadlines(t, true, false))
}
