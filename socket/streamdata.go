package socket

import (
	"io"
	"net/netip"
	"syscall"

	"septet/transport/tcp"
)

func (t *stream) send(b []byte, flags int, _ netip.AddrPort) (int, error) {
	// Linux: a stream that was never connected is a broken pipe for the
	// sender, though "not connected" for the receiver.
	if t.conn == nil || t.socket.shutWrite {
		return 0, t.pending(syscall.EPIPE)
	}
	if t.conn.State() == tcp.SynSent || t.conn.State() == tcp.SynReceived {
		return 0, syscall.EAGAIN
	}
	if len(b) == 0 {
		return 0, nil
	}
	if flags&MSG_OOB != 0 {
		return t.conn.WriteUrgent(b)
	}
	return t.conn.Write(b)
}

func (t *stream) receive(b []byte, flags int) (n int, from netip.AddrPort, err error) {
	switch {
	case t.conn == nil:
		return 0, from, t.pending(syscall.ENOTCONN)
	case flags&MSG_OOB != 0:
		// Urgent data stays in the stream, as RFC 6093 recommends and as
		// SO_OOBINLINE has it; there is nothing to read beside it.
		return 0, from, syscall.EINVAL
	case flags&MSG_PEEK != 0:
		n, err = t.conn.Peek(b)
	default:
		n, err = t.conn.Read(b)
	}
	if err == syscall.EAGAIN && t.socket.shutRead {
		err = io.EOF
	}
	return n, from, err
}

// lingering reports whether the peer has not acknowledged everything yet.
func (t *stream) lingering() bool {
	return t.conn != nil && t.conn.State() != tcp.Closed && t.conn.Unsent() > 0
}

func (t *stream) local() netip.AddrPort {
	switch {
	case t.conn != nil:
		return t.conn.Local()
	case t.listener != nil:
		return t.listener.Addr()
	case t.port != nil:
		return t.port.Addr()
	}
	return netip.AddrPort{}
}

func (t *stream) remote() (netip.AddrPort, error) {
	switch {
	case t.conn == nil:
		return netip.AddrPort{}, syscall.ENOTCONN
	case !t.conn.Connected() || t.conn.State() == tcp.Closed:
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
