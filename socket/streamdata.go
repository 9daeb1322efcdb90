package socket

import (
	"io"
	"net/netip"
	"syscall"

	"septet/transport/tcp"
)

func (t *stream) send(b []byte, flags int, to netip.AddrPort) (n int, err error) {
	if t.conn == nil && flags&MSG_FASTOPEN != 0 && to.IsValid() {
		return t.openWith(b, flags, to)
	}
	// Linux: a stream that was never connected is a broken pipe for the
	// sender, though "not connected" for the receiver.
	if t.conn == nil || t.socket.shutWrite {
		return 0, t.broken()
	}
	if t.conn.State() != tcp.Closed && !t.conn.Connected() {
		return 0, syscall.EAGAIN
	}
	if len(b) == 0 && t.conn.State() != tcp.Closed {
		return 0, nil
	}
	switch {
	case flags&MSG_OOB != 0:
		n, err = t.conn.WriteUrgent(b)
	case flags&MSG_MORE != 0:
		n, err = t.conn.WriteMore(b)
	default:
		n, err = t.conn.WriteThrough(b)
	}
	if n < len(b) {
		t.full = true
	}
	return n, err
}

// broken is what a sender is told who cannot send: the error that there is, or EPIPE.
func (t *stream) broken() error {
	if t.conn != nil {
		if err := t.conn.TakeError(); err != nil {
			return err
		}
	}
	return t.pending(syscall.EPIPE)
}

// openWith is connect and send in one (MSG_FASTOPEN).
func (t *stream) openWith(b []byte, flags int, to netip.AddrPort) (int, error) {
	if t.state == listening {
		return 0, syscall.EISCONN
	}
	var o tcp.Options
	if t.options != nil {
		o = *t.options
	}
	conn, n, err := t.socket.stack.tcp.ConnectData(t.port, to, t, o, b)
	if err != nil {
		return 0, err
	}
	t.conn, t.options, t.err, t.state, t.full = conn, nil, 0, connecting, true
	switch {
	case n > 0:
		return n, nil
	case t.socket.nonblocking || flags&MSG_DONTWAIT != 0:
		return 0, syscall.EINPROGRESS
	}
	return 0, syscall.EAGAIN // until it is open
}

func (t *stream) receive(b []byte, flags int) (n int, from netip.AddrPort, err error) {
	switch {
	case t.conn == nil && flags&MSG_OOB != 0 && t.state != listening:
		return 0, from, syscall.EINVAL // nothing urgent was announced
	case t.conn == nil && t.err == 0 && t.socket.shutRead:
		return 0, from, io.EOF
	case t.conn == nil:
		return 0, from, t.pending(syscall.ENOTCONN)
	case flags&MSG_OOB != 0:
		n, err = t.conn.ReadUrgent(b, flags&MSG_PEEK != 0)
		return n, from, err
	case flags&MSG_TRUNC != 0:
		n, err = t.discard(len(b), flags)
	case flags&MSG_PEEK != 0:
		n, err = t.peek(b)
	default:
		n, err = t.read(b)
		if flags == 0 {
			t.takeRest()
		}
	}
	if t.socket.shutRead && err == syscall.EAGAIN {
		err = io.EOF
	}
	return n, from, err
}

// discard reads up to n bytes that nobody wants (tcp(7): MSG_TRUNC). With MSG_PEEK they
// are only counted.
func (t *stream) discard(n, flags int) (int, error) {
	if flags&MSG_PEEK != 0 {
		return t.peek(make([]byte, min(n, max(t.buffered(), 1))))
	}
	var rest [2048]byte
	for done := 0; ; {
		got, err := t.read(rest[:min(n-done, len(rest))])
		done += got
		switch {
		case err != nil && done == 0:
			return 0, err
		case err != nil, done == n, t.buffered() == 0: // how it ends is for the next call
			return done, nil
		}
	}
}

// lingering reports whether the peer has not acknowledged everything yet.
func (t *stream) lingering() bool {
	return t.conn != nil && t.conn.State() != tcp.Closed && t.conn.Unsent() > 0
}

func (t *stream) local() netip.AddrPort {
	switch {
	case t.was != nil:
		return withPort(t.was.local, t.wasPorts[0])
	case t.conn != nil && t.port != nil && t.port.Addr().Port() != t.conn.Local().Port():
		return t.port.Addr() // bound again after the connection had ended
	case t.conn != nil:
		return t.conn.Local()
	case t.listener != nil:
		return t.listener.Addr()
	case t.port != nil:
		return t.port.Addr()
	}
	return netip.AddrPort{}
}

// withPort returns a, with a port if that is not zero.
func withPort(a netip.AddrPort, port uint16) netip.AddrPort {
	if port != 0 {
		a = netip.AddrPortFrom(a.Addr(), port)
	}
	return a
}

func (t *stream) remote() (netip.AddrPort, error) {
	switch {
	case t.was != nil:
		return withPort(t.was.remote, t.wasPorts[1]), syscall.ENOTCONN
	case t.conn == nil:
		return netip.AddrPort{}, syscall.ENOTCONN
	case !t.conn.Connected() || t.conn.State() == tcp.Closed || t.conn.State() == tcp.TimeWait:
		return t.conn.Remote(), syscall.ENOTCONN
	}
	return t.conn.Remote(), nil
}

func (t *stream) takeError() error {
	if t.conn == nil {
		return t.pending(nil)
	}
	return t.conn.TakeError()
}

func (t *stream) dropped() uint64 { return 0 }

// pending returns the error that an earlier call has left, once, or err.
func (t *stream) pending(err error) error {
	if t.err == 0 {
		return err
	}
	err, t.err = t.err, 0
	return err
}
