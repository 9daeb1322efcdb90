package socket

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/network"
)

// Socket is one end of a communication, as socket(2) returns.
type Socket struct {
	stack      *Stack
	protocol   protocol
	next, prev *Socket // in the stack's list
	rare       *rareOptions
	shape      *descriptor // of a process's net shapes; nil for any other socket

	readable event.Cond // data, a connection to accept, an error, the end
	writable event.Cond // room, connected, an error, the end
	watches  watches    // of calls and sets that are told of both

	readDeadline, writeDeadline event.Time    // of the net shapes
	receiveTimeout, sendTimeout time.Duration // SO_RCVTIMEO, SO_SNDTIMEO; 0 for none

	domain      uint8 // AF_INET, AF_INET6 or AF_PACKET
	v6only      bool  // IPV6_V6ONLY: no IPv4 behind mapped addresses
	kind        uint8
	nonblocking bool
	closed      bool
	sending     bool // a blocked call is in the middle of its bytes
	reuseAddr   bool
	reusePort   bool
	ordinary    bool // its process has no privileges
	broadcast   bool
	keepAlive   bool
	shutRead    bool
	shutWrite   bool
	portAsked   bool // by bind, and not left to the system
}

// protocol is what one kind of socket does itself. All methods are called with
// the turn held and none of them blocks.
type protocol interface {
	bind(local netip.AddrPort) error
	listen(backlog int) error
	// accept answers EAGAIN when no connection waits.
	accept() (*Socket, netip.AddrPort, error)
	// connect answers EINPROGRESS when it has begun and EALREADY until it is
	// done. The zero AddrPort stands for AF_UNSPEC and undoes a connect.
	connect(to netip.AddrPort) error
	// send takes what there is room for. A zero to is the connected peer.
	send(b []byte, flags int, to netip.AddrPort) (int, error)
	// receive answers EAGAIN when nothing is there and io.EOF at the end.
	receive(b []byte, flags int) (int, netip.AddrPort, error)
	shutdown(how int) error
	close(abort bool)
	// lingering reports whether data that was sent is not acknowledged yet.
	lingering() bool

	local() netip.AddrPort
	// remote may return an address with ENOTCONN: a connection's that has ended.
	remote() (netip.AddrPort, error)
	takeError() error
	dropped() uint64
	readiness() Readiness
	// readCond is what a call that receives waits for.
	readCond() *event.Cond
	option(level, name int) (int, error)
	setOption(level, name, value int) error
	linger() Linger
	setLinger(v Linger)
	// multicast is what the socket does with the groups of a family, nil for streams;
	// reroute has the way to a group looked up again.
	multicast(six bool) *network.Multicast
	reroute()
}

func (s *Socket) init(st *Stack, domain, kind uint8, p protocol) {
	s.stack, s.domain, s.kind, s.protocol = st, domain, kind, p
	s.readDeadline, s.writeDeadline = event.Never, event.Never
}

// errClosed says that the socket was closed: EBADF to the BSD calls,
// net.ErrClosed to the shapes of net.
var errClosed = errors.New("socket: closed")

// errno turns what happened to a call into what Linux would say.
func errno(err error) error {
	switch err {
	case errClosed:
		return syscall.EBADF
	case event.ErrTimeout:
		// socket(7): a call that SO_RCVTIMEO or SO_SNDTIMEO ends fails with
		// EAGAIN.
		return syscall.EAGAIN
	case event.ErrClosed:
		return syscall.ENETDOWN
	case event.ErrDeadlock:
		return syscall.EDEADLK
	}
	return err
}

// end closes the socket: nothing of it is left in the stack, and calls that are
// blocked in it return. The turn must be held.
func (s *Socket) end(abort bool) {
	if s.closed {
		return
	}
	s.closed = true
	if s.shape != nil {
		s.shape.giveUp()
	}
	s.stack.remove(s)
	s.protocol.close(abort)
	s.wakeAll()
	s.tell(anything)
}

// wakeAll lets every blocked call look again.
func (s *Socket) wakeAll() {
	l := s.stack.loop
	l.Signal(s.protocol.readCond())
	l.Signal(&s.writable)
}

// limit returns the moment at which a call that begins now and blocks for d at
// most gives up; zero is for ever.
func (s *Socket) limit(d time.Duration) event.Time {
	if d == 0 {
		return event.Never
	}
	return s.after(d)
}

func (s *Socket) after(d time.Duration) event.Time { return s.stack.loop.Now().Add(max(d, 0)) }

// expired reports whether a deadline has passed; a call fails then even if it
// could go on.
func (s *Socket) expired(deadline event.Time) bool {
	return deadline != event.Never && deadline <= s.stack.loop.Now()
}

// endOfStream turns the end of a stream into the zero that recv(2) returns.
func endOfStream(n int, err error) (int, error) {
	if err == io.EOF {
		return 0, nil
	}
	return n, err
}
