package socket

import (
	"septet/transport/tcp"
)

// Readiness is what poll(2) says of a socket, in its bits.
type Readiness uint16

// The bits of Readiness, with Linux's numbers.
const (
	POLLIN    Readiness = 0x1 // a receiving call, or accept, would not block
	POLLPRI   Readiness = 0x2 // urgent data is announced
	POLLOUT   Readiness = 0x4 // a sending call would not block
	POLLERR   Readiness = 0x8
	POLLHUP   Readiness = 0x10   // both directions have ended
	POLLNVAL  Readiness = 0x20   // no such descriptor
	POLLRDHUP Readiness = 0x2000 // the peer sends no more, or nobody here wants it

	// System V's names for parts of POLLIN and POLLOUT.
	POLLRDNORM Readiness = 0x40
	POLLRDBAND Readiness = 0x80 // never
	POLLWRNORM Readiness = 0x100
	POLLWRBAND Readiness = 0x200 // of all sockets but streams
)

// Readiness returns what the socket is ready for, as poll(2) would report it, without
// System V's names.
func (s *Socket) Readiness() Readiness {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.ready() &^ (POLLRDNORM | POLLWRNORM | POLLWRBAND)
}

// ready is all that poll(2) says.
func (s *Socket) ready() Readiness {
	if s.closed {
		return POLLERR | POLLHUP // the host is gone
	}
	r := s.protocol.readiness()
	if r&POLLIN != 0 {
		r |= POLLRDNORM
	}
	if r&POLLOUT != 0 {
		r |= POLLWRNORM
		if s.kind != SOCK_STREAM {
			r |= POLLWRBAND
		}
	}
	return r
}

// readiness answers as Linux's tcp_poll does.
func (t *stream) readiness() (r Readiness) {
	switch {
	case t.state == listening && t.listener.Pending() > 0:
		return POLLIN
	case t.state == listening:
		return 0
	case t.conn == nil:
		r = POLLOUT | POLLHUP
		if t.err != 0 {
			r |= POLLERR
		}
		return r
	}
	state := t.conn.State()
	if state == tcp.SynSent || state == tcp.SynReceived {
		return 0
	}
	if t.conn.Failed() {
		r |= POLLERR
	}
	closed := state == tcp.Closed
	noRead := closed || t.socket.shutRead || finished(state)
	noWrite := closed || t.socket.shutWrite
	if noRead {
		r |= POLLIN | POLLRDHUP
	}
	if noRead && noWrite {
		r |= POLLHUP
	}
	if n := t.buffered(); n >= t.socket.lowWater() || n > 0 && t.conn.Crammed() {
		r |= POLLIN
	}
	if t.full = !noWrite && !t.conn.HasRoom(); !t.full {
		r |= POLLOUT
	}
	if t.conn.UrgentWaits() {
		r |= POLLPRI
	}
	return r
}

// finished reports whether the peer has sent its FIN.
func finished(s tcp.State) bool {
	switch s {
	case tcp.CloseWait, tcp.Closing, tcp.LastAck, tcp.TimeWait:
		return true
	}
	return false
}

func (d *datagram) readiness() Readiness {
	r := POLLOUT
	if d.endpoint.Queued() > 0 || d.inbox.waits() {
		r |= POLLIN
	}
	if d.endpoint.Failed() || d.socket.errorsWait() {
		r |= POLLERR
	}
	return r | d.socket.shutReadiness()
}

func (r *raw) readiness() Readiness {
	ready := POLLOUT
	if r.queue.Len() > 0 {
		ready |= POLLIN
	}
	if r.err != 0 || r.socket.errorsWait() {
		ready |= POLLERR
	}
	return ready | r.socket.shutReadiness()
}

// shutReadiness is what shutdown(2) has done to a socket without connections.
func (s *Socket) shutReadiness() (r Readiness) {
	if s.shutRead {
		r |= POLLIN | POLLRDHUP
	}
	if s.shutRead && s.shutWrite {
		r |= POLLHUP
	}
	return r
}

// TCPInfo returns the numbers of a stream socket's connection or listener
// (TCP_INFO). A socket that has neither is in the state CLOSED and all else is
// zero. Errors: ENOPROTOOPT for other kinds of socket, EBADF.
func (s *Socket) TCPInfo() (tcp.Info, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.info()
}

func (s *Socket) info() (tcp.Info, error) {
	t, err := s.stream()
	switch {
	case err != nil:
		return tcp.Info{}, err
	case t.conn != nil:
		i := t.conn.Info()
		i.Unread += t.unread()
		return i, nil
	case t.state == listening:
		return t.listener.Info(), nil
	}
	return tcp.Info{State: tcp.Closed}, nil
}
