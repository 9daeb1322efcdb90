package socket

import (
	"net/netip"
	"syscall"

	"septet/event"
	"septet/transport/tcp"
)

// Send sends b to the connected peer. On a stream it blocks until all of b is
// in the send buffer, and returns less if the connection fails or the socket
// does not block; a datagram is sent whole. Flags: MSG_DONTWAIT, MSG_OOB, and MSG_MORE,
// with which b waits for more, that of UDP to become part of the same datagram.
// Errors: EPIPE, ECONNRESET, ENOTCONN, EDESTADDRREQ, EAGAIN, EMSGSIZE.
func (s *Socket) Send(b []byte, flags int) (int, error) {
	return s.SendTo(b, flags, netip.AddrPort{})
}

// SendTo sends b to a given address, or to the connected peer if that is the
// zero AddrPort. Streams ignore it, unless MSG_FASTOPEN opens a connection to it
// with b in its SYN (RFC 7413); EINPROGRESS says that b must wait, for a socket
// that does not block.
func (s *Socket) SendTo(b []byte, flags int, to netip.AddrPort) (int, error) {
	return s.sendResult(s.sendAll(b, flags, to, nil))
}

// sendResult is what the BSD calls say of what sendAll has returned.
func (s *Socket) sendResult(n int, err error) (int, error) {
	if n > 0 {
		s.keepError(err)
		return n, nil // the error, if it lasts, is the next call's
	}
	return 0, errno(err)
}

// keepError has the next call tell why a connection has failed.
func (s *Socket) keepError(err error) {
	if err == nil {
		return
	}
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if t, ok := s.protocol.(*stream); ok && t.conn != nil {
		t.conn.KeepError(err)
	}
}

// Recv receives into b. On a stream it returns what is there, at least a byte,
// and zero after the peer has finished; of a datagram that is longer than b the
// rest is lost. Flags: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL; MSG_TRUNC returns
// the true length of a datagram; MSG_OOB reads the urgent byte and never blocks:
// EINVAL if there is none, EAGAIN if it is announced and not there. Errors: ECONNRESET, ENOTCONN, EAGAIN,
// ETIMEDOUT; ECONNREFUSED on a connected datagram socket.
func (s *Socket) Recv(b []byte, flags int) (int, error) {
	n, _, err := s.receive(b, flags, nil)
	return endOfStream(n, errno(err))
}

// RecvFrom is Recv that also returns who has sent the datagram. On a stream it
// is the zero AddrPort.
func (s *Socket) RecvFrom(b []byte, flags int) (int, netip.AddrPort, error) {
	n, from, err := s.receive(b, flags, nil)
	n, err = endOfStream(n, errno(err))
	return n, s.told(from), err
}

// receive is Recv with the errors of this package: io.EOF, errClosed,
// event.ErrTimeout. m is nil, or gets what else there is to tell.
func (s *Socket) receive(b []byte, flags int, m *Message) (n int, from netip.AddrPort, err error) {
	if n, from, ok := s.receiveTaken(b, flags, m); ok {
		return n, from, nil
	}
	l, handed := s.stack.loop, false
	l.Lock()
	defer func() {
		if !handed {
			l.Unlock()
		}
	}()
	limit := s.limit(s.receiveTimeout)
	for {
		switch {
		case s.closed:
			err = errClosed
		case s.expired(s.readDeadline):
			err = event.ErrTimeout
		case n > 0 && s.ended():
			return n, from, nil // why it has ended is for the next call to tell
		case flags == 0 && m == nil && s.silent():
			err = syscall.EAGAIN
		default:
			var got int
			got, from, err = s.receiveOnce(b[n:], flags, m)
			n += got
		}
		least := s.atLeast(len(b), flags)
		if err == nil && n < least && (n == 0 || !s.ended()) {
			err = syscall.EAGAIN
		}
		if err == syscall.EAGAIN && s.waits(flags) && (n == 0 || n < least) {
			until := min(limit, s.readDeadline)
			conn, offered := s.offer(b[n:], flags)
			if offered != nil && least == 0 {
				if n, err = l.WaitHanded(&s.readable, until); n > 0 {
					handed = true
					return n, from, nil
				}
			} else {
				err = l.Wait(s.protocol.readCond(), until)
			}
			if offered != nil {
				got, more := s.collect(conn, offered)
				if n += got; !more && n >= least {
					return n, from, nil
				}
			}
			if err == nil && n < len(b) {
				continue
			}
		}
		if n > 0 && err != nil {
			return n, from, nil // MSG_WAITALL was cut short, or n bytes were placed
		}
		return n, from, err
	}
}

// receiveTaken is receive without the turn, if what was taken before is the answer.
func (s *Socket) receiveTaken(b []byte, flags int, m *Message) (n int, from netip.AddrPort, ok bool) {
	switch p := s.protocol.(type) {
	case *datagram:
		if m == nil && flags&MSG_ERRQUEUE == 0 {
			return p.receiveTaken(b, flags)
		}
	case *stream:
		if m == nil && flags == 0 {
			n = p.readTaken(b)
			return n, from, n > 0
		}
	}
	return 0, from, false
}

// ended reports whether nothing is left to be read of a stream, now or ever.
func (s *Socket) ended() bool {
	t, ok := s.protocol.(*stream)
	return ok && (t.conn == nil || t.buffered() == 0 && t.conn.CanRead())
}

// silent reports whether a plain read of a stream, as it mostly is in an exchange of short
// messages, need not ask what there is: nothing, and there will be more.
func (s *Socket) silent() bool {
	t, ok := s.protocol.(*stream)
	return ok && t.conn != nil && t.taken.Load() == nil && !s.shutRead && t.conn.Silent()
}

// waits reports whether a call that receives blocks until something is there.
func (s *Socket) waits(flags int) bool {
	return !s.nonblocking && flags&(MSG_DONTWAIT|MSG_OOB|MSG_ERRQUEUE) == 0
}

// offer lets a stream place what arrives during a wait in b itself.
func (s *Socket) offer(b []byte, flags int) (*tcp.Conn, *tcp.Placement) {
	if t, ok := s.protocol.(*stream); ok && flags&^MSG_WAITALL == 0 && t.conn != nil && !s.wants(wantStamps) {
		return t.conn, t.conn.Await(b)
	}
	return nil, nil
}

// collect ends an offer and returns how much has been placed, and whether there may be
// more, or something else, to be told by the same call.
func (s *Socket) collect(conn *tcp.Conn, offered *tcp.Placement) (n int, more bool) {
	n = conn.Collect(offered)
	t := s.protocol.(*stream)
	if n == 0 || t.conn != conn {
		return n, true
	}
	t.takeRest()
	return n, t.buffered() > 0
}

// atLeast is how many bytes of length a receiving call waits for: of a stream those of
// its low-water mark, or all with MSG_WAITALL; otherwise whatever there is.
func (s *Socket) atLeast(length, flags int) int {
	switch {
	case s.kind != SOCK_STREAM || flags&MSG_PEEK != 0:
		return 0
	case flags&MSG_WAITALL != 0:
		return length
	case s.rare != nil:
		return min(s.lowWater(), length)
	}
	return 0
}

// send is Send with the errors of this package. It may return a count and an
// error.
func (s *Socket) send(b []byte, flags int, to netip.AddrPort) (n int, err error) {
	return s.sendAll(b, flags, to, nil)
}

// sendAll is send with control messages.
func (s *Socket) sendAll(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (n int, err error) {
	l := s.stack.loop
	l.Lock()
	defer l.Unlock()
	// A stream has no use for an address, unless it opens the connection.
	if to.IsValid() && !s.closed && (s.kind != SOCK_STREAM || flags&MSG_FASTOPEN != 0) {
		if to, err = s.toPeer(to); err != nil {
			return 0, s.use(err, len(b), flags)
		}
	}
	n, err = s.sendNow(b, flags, to, control, false)
	if s.sent(b, n, err, flags) {
		return n, err
	}
	return s.sendRest(b, n, err, flags, to, control)
}

// sent reports whether a call that had b to send returns, after n bytes of it and err. Only
// a stream can be full: from a datagram socket EAGAIN says that no port is free, which
// waiting does not change.
func (s *Socket) sent(b []byte, n int, err error, flags int) bool {
	if err == nil {
		return n == len(b) || s.kind != SOCK_STREAM
	}
	return err != syscall.EAGAIN || s.kind != SOCK_STREAM || s.nonblocking || flags&MSG_DONTWAIT != 0
}

// sendNow sends what there is room for. mine says that this call has the right to go on,
// see sending.
func (s *Socket) sendNow(b []byte, flags int, to netip.AddrPort, control []ControlMessage, mine bool) (int, error) {
	switch {
	case s.closed:
		return 0, errClosed
	case s.expired(s.writeDeadline):
		return 0, event.ErrTimeout
	case s.sending && !mine:
		// Bytes of two calls never mix: another one is not done.
		return 0, syscall.EAGAIN
	}
	return s.sendOnce(b, flags, to, control)
}

// sendRest goes on with a call that has sent n bytes of b, until all is sent or err does
// not pass by waiting.
func (s *Socket) sendRest(b []byte, n int, err error, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	l, limit, mine := s.stack.loop, s.limit(s.sendTimeout), false
	for {
		if err == nil || !s.sending {
			s.sending, mine = true, true
		}
		var more int
		if err == nil {
			// What was taken may have made room already. Others are let in first.
			l.Yield()
		} else {
			more, err = s.awaitRoom(b[n:], mine && flags == 0, limit)
			if n += more; err != nil || n == len(b) {
				break
			}
		}
		more, err = s.sendNow(b[n:], flags, to, control, mine)
		if n += more; s.sent(b, n, err, flags) {
			break
		}
	}
	if mine {
		s.sending = false
		l.Signal(&s.writable)
	}
	return n, err
}

// awaitRoom blocks until b, or more of it, can be written, and returns how much has been
// meanwhile: if plain says so, the connection takes it from b itself.
func (s *Socket) awaitRoom(b []byte, plain bool, limit event.Time) (n int, err error) {
	var conn *tcp.Conn
	var lent *tcp.Placement
	if t, ok := s.protocol.(*stream); ok && plain && t.conn != nil {
		conn = t.conn
		lent = conn.AwaitRoom(b)
	}
	err = s.stack.loop.Wait(&s.writable, min(limit, s.writeDeadline))
	if lent != nil {
		n = conn.CollectWritten(lent)
	}
	return n, err
}

// read is receive as package net has it: reading nothing needs no data.
func (s *Socket) read(b []byte) (int, error) {
	if len(b) > 0 {
		n, _, err := s.receive(b, 0, nil)
		return n, err
	}
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return 0, errClosed
	}
	return 0, nil
}
