package socket

import (
	"net/netip"
	"syscall"
)

// maxBuffers is UIO_MAXIOV: how many buffers a message can have.
const maxBuffers = 1024

// messenger is a protocol whose messages have more than bytes and an address.
type messenger interface {
	// sendMsg is send with control messages, receiveMsg is receive with a message whose
	// Control and Flags it fills in, or nil.
	sendMsg(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error)
	receiveMsg(b []byte, flags int, m *Message) (int, netip.AddrPort, error)
}

// SendMsg sends the bytes of all buffers, to m.Name or to the connected peer: sendmsg(2).
// What control messages a datagram may have, stands in control.go. Errors beside those
// of SendTo: EMSGSIZE for more than 1024 buffers, EINVAL for a bad control message,
// ENODEV for one that names no interface.
func (s *Socket) SendMsg(m *Message, flags int) (int, error) {
	if len(m.Buffers) > maxBuffers {
		return 0, s.refuseBuffers()
	}
	return s.sendResult(s.sendAll(gather(m.Buffers), flags, m.Name, m.Control))
}

// RecvMsg receives into the buffers, one after the other, and sets m's Name, Control and
// Flags: recvmsg(2). With MSG_ERRQUEUE it takes from the error queue: the bytes of a
// datagram that failed, where it was sent, and why (IP_RECVERR, IPV6_RECVERR); EAGAIN if
// nothing has. Errors beside those of Recv: EMSGSIZE for more than 1024 buffers.
func (s *Socket) RecvMsg(m *Message, flags int) (int, error) {
	if len(m.Buffers) > maxBuffers {
		return 0, s.refuseBuffers()
	}
	m.Control, m.Flags = nil, 0
	b := m.joined()
	n, from, err := s.receive(b, flags, m)
	n, err = endOfStream(n, errno(err))
	if len(m.Buffers) > 1 {
		scatter(m.Buffers, b[:min(n, len(b))])
	}
	m.Name = s.told(from)
	return n, err
}

// refuseBuffers is what is wrong with a message of too many buffers.
func (s *Socket) refuseBuffers() error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	return syscall.EMSGSIZE
}

// joined returns room for as much as all buffers hold: the only one, or one of its own.
func (m *Message) joined() []byte {
	switch len(m.Buffers) {
	case 0:
		return nil
	case 1:
		return m.Buffers[0]
	}
	n := 0
	for _, b := range m.Buffers {
		n += len(b)
	}
	return make([]byte, n)
}

func gather(buffers [][]byte) []byte {
	if len(buffers) == 1 {
		return buffers[0]
	}
	var joined []byte
	for _, b := range buffers {
		joined = append(joined, b...)
	}
	return joined
}

func scatter(buffers [][]byte, from []byte) {
	for _, b := range buffers {
		from = from[copy(b, from):]
	}
}

// receiveOnce asks the protocol, of which m, if it is not nil, wants to know more.
func (s *Socket) receiveOnce(b []byte, flags int, m *Message) (int, netip.AddrPort, error) {
	if flags&MSG_ERRQUEUE != 0 {
		return s.receiveError(b, m)
	}
	if m == nil {
		return s.protocol.receive(b, flags)
	}
	p, ok := s.protocol.(messenger)
	if ok {
		return p.receiveMsg(b, flags, m)
	}
	// A message that is longer than the buffers is cut, and m says so.
	n, from, err := s.protocol.receive(b, flags|MSG_TRUNC)
	if err == nil && n > len(b) {
		m.Flags |= MSG_TRUNC
		if flags&MSG_TRUNC == 0 {
			n = len(b)
		}
	}
	return n, from, err
}

// sendOnce gives the protocol what it takes of b.
func (s *Socket) sendOnce(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	if len(control) == 0 {
		return s.protocol.send(b, flags, to)
	}
	if p, ok := s.protocol.(messenger); ok {
		return p.sendMsg(b, flags, to, control)
	}
	return s.protocol.send(b, flags, to)
}

// receiveMsg is receive of a stream; a message of urgent data says that it is one. The time
// that goes with text is when the last of what was there arrived.
func (t *stream) receiveMsg(b []byte, flags int, m *Message) (int, netip.AddrPort, error) {
	there := t.conn != nil && t.buffered() > 0
	n, from, err := t.receive(b, flags)
	switch {
	case err == nil && flags&MSG_OOB != 0:
		m.Flags |= MSG_OOB
	case err == nil && there && t.socket.wants(wantStamps):
		t.socket.putStamp(m, t.conn.ArrivedAt())
	}
	return n, from, err
}

// sendMsg is send of a stream. Of control messages Linux knows only those of SOL_SOCKET
// there, of which there are none here.
func (t *stream) sendMsg(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	for _, c := range control {
		if c.Level == SOL_SOCKET {
			return 0, syscall.EINVAL
		}
	}
	return t.send(b, flags, to)
}
