package engine

import (
	"net/netip"
	"syscall"

	"septet/socket"
)

// Flags that only the calls here know, with Linux's numbers.
const (
	msgErrQueue = 0x2000
)

// maxTransfer caps what one call receives; a longer buffer gets less than it
// could hold, as it may of any stream.
const maxTransfer = 16 << 20

// Message is what a receiving call has received.
type Message struct {
	N     int    // the call's result
	From  []byte // socket address of a datagram's sender; none of a stream's
	Flags int    // MSG_TRUNC if a datagram was longer than the buffers
	Inq   int    // what is left to be read, told by TCP_INQ; negative: not asked for
}

// Receive is recvmsg(2), and so read, readv, recv and recvfrom too. It fills the
// buffers one after the other. The only control message is that of TCP_INQ.
func (c Caller) Receive(fd int, buffers [][]byte, flags int) (Message, error) {
	type received struct {
		Message
		bytes []byte
	}
	room := min(total(buffers), maxTransfer)
	r, err := blocking(c, "receive", func() (r received, err error) {
		r.bytes = make([]byte, room)
		r.Message, err = c.engine.receive(fd, r.bytes, flags)
		return r, err
	})
	if err == nil {
		scatter(buffers, r.bytes[:min(r.N, len(r.bytes))])
	}
	return r.Message, err
}

func (e *Engine) receive(fd int, b []byte, flags int) (m Message, err error) {
	if p, ok := e.open[fd].(*pipeEnd); ok {
		m.N, err = p.read(b)
		return m, err
	}
	s, err := e.sock(fd)
	switch {
	case err != nil:
		return m, err
	case flags&msgErrQueue != 0:
		return m, syscall.EAGAIN // the stack has no error queue
	}
	stream, _ := s.GetSockOpt(socket.SOL_SOCKET, socket.SO_TYPE)
	m.Inq = -1
	if stream == socket.SOCK_STREAM {
		m.N, err = s.Recv(b, flags)
		if s.kept[keptOption{socket.SOL_TCP, tcpInq}] != 0 {
			m.Inq = s.inq()
		}
		return m, err
	}
	n, from, err := s.RecvFrom(b, flags|socket.MSG_TRUNC)
	if err != nil {
		return m, err
	}
	m.N, m.From = n, Sockaddr(from)
	if n > len(b) {
		m.Flags = socket.MSG_TRUNC
		if flags&socket.MSG_TRUNC == 0 {
			m.N = len(b)
		}
	}
	return m, nil
}

// Send is sendmsg(2), and so write, writev, send and sendto too. The bytes are
// copied; to is a socket address or empty.
func (c Caller) Send(fd int, buffers [][]byte, flags int, to []byte) (int, error) {
	b, name := gather(buffers), append([]byte(nil), to...)
	return blocking(c, "send", func() (int, error) { return c.engine.send(fd, b, flags, name) })
}

func (e *Engine) send(fd int, b []byte, flags int, to []byte) (int, error) {
	if p, ok := e.open[fd].(*pipeEnd); ok {
		return p.write(b)
	}
	s, err := e.sock(fd)
	switch {
	case err != nil:
		return 0, err
	case s.fastTo.IsValid(): // TCP_FASTOPEN_CONNECT: this is the connect
		peer := s.fastTo
		s.fastTo = netip.AddrPort{}
		return s.SendTo(b, flags|socket.MSG_FASTOPEN, peer)
	}
	kind, _ := s.GetSockOpt(socket.SOL_SOCKET, socket.SO_TYPE)
	var peer netip.AddrPort
	if len(to) > 0 && (kind != socket.SOCK_STREAM || flags&socket.MSG_FASTOPEN != 0) {
		if peer, err = s.address(to); err != nil {
			return 0, err
		}
	}
	return s.SendTo(b, flags, peer)
}

func total(buffers [][]byte) (n int) {
	for _, b := range buffers {
		n += len(b)
	}
	return n
}

func gather(buffers [][]byte) []byte {
	joined := make([]byte, 0, total(buffers))
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
