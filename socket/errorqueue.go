package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"septet/network"
)

// errorQueue is what recvmsg(2) with MSG_ERRQUEUE reads: errors with the datagrams that
// they are about, of a socket that has set IP_RECVERR or IPV6_RECVERR.
type errorQueue struct {
	waiting []queuedError
	bytes   int
}

// queuedError is struct sock_extended_err, with what came along.
type queuedError struct {
	errno              syscall.Errno
	origin, kind, code uint8
	info               uint32
	offender           netip.Addr
	to                 netip.AddrPort // where the datagram was sent
	payload            []byte
}

// Values of ee_origin.
const (
	SO_EE_ORIGIN_LOCAL = 1
	SO_EE_ORIGIN_ICMP  = 2
	SO_EE_ORIGIN_ICMP6 = 3
)

// queuedErrorCharge is what an error counts beside its payload: Linux counts both
// against the receive buffer.
const queuedErrorCharge = 512

// queueError lets an error wait, unless the receive buffer is full of them.
func (s *Socket) queueError(e queuedError, room int) {
	q := &s.needRare().errors
	if size := len(e.payload) + queuedErrorCharge; q.bytes+size <= room {
		q.waiting = append(q.waiting, e)
		q.bytes += size
		s.stack.loop.Signal(s.protocol.readCond())
		s.tell(POLLERR)
	}
}

// errorsWait reports whether the error queue has something.
func (s *Socket) errorsWait() bool { return s.rare != nil && len(s.rare.errors.waiting) > 0 }

// maxDatagram is the longest IPv4 datagram.
const maxDatagram = 65535

// udpHeaderLen is how much of what an ICMP error quotes is not the payload.
const udpHeaderLen = 8

// Report is told by UDP of an ICMP error about a datagram.
func (d *datagram) Report(e *network.Error) {
	q := queuedErrorOf(e)
	q.to = netip.AddrPortFrom(e.Dst, binary.BigEndian.Uint16(e.Quoted[2:]))
	q.payload = append([]byte(nil), e.Quoted[udpHeaderLen:]...)
	d.socket.queueError(q, d.receiveBuffer)
}

// queuedErrorOf is what waits for an ICMP error, without what it quotes.
func queuedErrorOf(e *network.Error) queuedError {
	q := queuedError{
		errno: e.Errno, origin: SO_EE_ORIGIN_ICMP, kind: e.Type, code: e.Code, offender: e.From,
	}
	if e.From.Is6() {
		q.origin = SO_EE_ORIGIN_ICMP6
	}
	if e.Errno == syscall.EMSGSIZE {
		q.info = uint32(e.MTU)
	}
	return q
}

// tooLong queues that a datagram did not fit the path to its destination.
//
// What is longer than any datagram of IPv4 is refused before there is a path.
func (d *datagram) tooLong(to netip.AddrPort, length int) {
	if !to.IsValid() {
		to = d.endpoint.Remote()
	}
	wanted := wantErrors
	if to.Addr().Is6() {
		wanted = wantErrors6
	}
	if !d.socket.wants(wanted) || to.Addr().Is4() && length > maxDatagram {
		return
	}
	mtu := d.endpoint.LastMTU()
	d.socket.queueError(queuedError{
		errno: syscall.EMSGSIZE, origin: SO_EE_ORIGIN_LOCAL, info: uint32(mtu), to: to,
	}, d.receiveBuffer)
}

// receiveError takes the error that has waited longest. It never blocks.
func (s *Socket) receiveError(b []byte, m *Message) (int, netip.AddrPort, error) {
	if !s.errorsWait() {
		return 0, netip.AddrPort{}, syscall.EAGAIN
	}
	q := &s.rare.errors
	e := q.waiting[0]
	n := copy(b, e.payload)
	q.waiting[0] = queuedError{} // its bytes are nobody's any more
	q.waiting = q.waiting[1:]    // also with MSG_PEEK, as on Linux
	q.bytes -= len(e.payload) + queuedErrorCharge
	s.nextError(&e)
	if m != nil {
		m.Flags |= MSG_ERRQUEUE
		if n < len(e.payload) {
			m.Flags |= MSG_TRUNC
		}
		level, kind := SOL_IP, IP_RECVERR
		if s.domain == AF_INET6 {
			level, kind = SOL_IPV6, IPV6_RECVERR
		}
		m.put(level, kind, s.extendedError(&e))
	}
	return n, e.to, nil
}

// nextError has SO_ERROR say what the next error in the queue says.
func (s *Socket) nextError(taken *queuedError) {
	if taken.origin == SO_EE_ORIGIN_LOCAL {
		return
	}
	next := syscall.Errno(0)
	if s.errorsWait() && s.rare.errors.waiting[0].origin != SO_EE_ORIGIN_LOCAL {
		next = s.rare.errors.waiting[0].errno
	}
	switch p := s.protocol.(type) {
	case *datagram:
		p.endpoint.Fail(next)
	case *raw:
		p.err = next
	}
}

// extendedError is struct sock_extended_err and the address of the offender.
func (s *Socket) extendedError(e *queuedError) []byte {
	b := int32Bytes(int(e.errno))
	b = append(b, e.origin, e.kind, e.code, 0)
	b = append(b, int32Bytes(int(int32(e.info)))...)
	b = append(b, int32Bytes(0)...)
	return append(b, s.sockaddr(netip.AddrPortFrom(e.offender, 0))...)
}

// sockaddr is struct sockaddr_in or sockaddr_in6, as the socket's family has it. No
// address is one of AF_UNSPEC.
func (s *Socket) sockaddr(a netip.AddrPort) []byte {
	length := 16
	if s.domain == AF_INET6 {
		length = 28
	}
	b := make([]byte, length)
	if !a.Addr().IsValid() {
		return b
	}
	a = s.told(a)
	binary.NativeEndian.PutUint16(b, uint16(s.domain))
	binary.BigEndian.PutUint16(b[2:], a.Port())
	if s.domain == AF_INET {
		copy(b[4:], a.Addr().AsSlice())
		return b
	}
	copy(b[8:], a.Addr().AsSlice())
	binary.NativeEndian.PutUint32(b[24:], uint32(s.zoneIndex(a.Addr())))
	return b
}

// zoneIndex is the number of the interface of an address of a link, else 0.
func (s *Socket) zoneIndex(a netip.Addr) int {
	if i := s.stack.network.InterfaceNamed(a.Zone()); i != nil {
		return i.Index()
	}
	return 0
}
