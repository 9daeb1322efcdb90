// Package socket is where applications meet the stack: the BSD calls, and on
// top of them the shapes of package net. It is the only place that blocks.
//
// A Socket has two halves. Its protocol (stream, datagram, raw) knows what each
// call means for TCP, UDP or IP and never blocks: EAGAIN says that the answer
// is not there yet. The calls (calls.go) are the same for every protocol:
//
//  1. take the loop's turn,
//  2. ask the protocol,
//  3. on EAGAIN wait for the socket's condition, which the layer below signals,
//     and ask again,
//  4. give the turn back.
//
// So a blocked call costs no goroutine of its own and an idle socket costs its
// struct. Errors of the BSD calls are the syscall.Errno that Linux gives in the
// same situation; the shapes of net wrap the same values in *net.OpError.
//
// Between two goroutines a wake-up is Go's, and most of its time with it. Poll and an epoll
// set over 10,000 sockets go on 10 to 14 microseconds after one of them has become ready,
// where all was idle for 2 ms; by turns with them a sync.Cond, on which they stand, took 7
// to 10 and a bare channel 5 to 7 (BenchmarkWakes, two shared processors of an AMD EPYC).
// Of that the wait for a set of so many is itself 0.1 (TestEpollWaitsFast).
//
// All methods that applications call take the turn themselves and are safe for
// use by several goroutines. In virtual time they are called by tasks
// (event.Loop.Go) or by the goroutine that drives the loop.
package socket

import (
	"net/netip"
	"syscall"

	"septet/event"
	"septet/network"
	"septet/transport/tcp"
	"septet/transport/udp"
)

// maxSockets caps how many sockets one host may have open (ENFILE).
const maxSockets = 1 << 20

// Stack makes the sockets of one host and knows those that are open.
type Stack struct {
	loop    *event.Loop
	network *network.Layer
	tcp     *tcp.Layer
	udp     *udp.Layer
	machine Machine // nil: names mean nothing

	sniffing *sniffing // nil without packet sockets
	pings    *pingHost // nil while nobody may have or has ping sockets

	former *addresses // of the stream closed last, without ports

	first   *Socket // all open sockets, linked through them
	watches watches // of blocked calls that must end with the host
	open    int32
	closed  bool
}

// NewStack returns the sockets of the host with the given layers. Names are found by the
// machine's resolver; without a machine addresses must be numbers.
func NewStack(n *network.Layer, t *tcp.Layer, u *udp.Layer, machine Machine) *Stack {
	return &Stack{loop: n.Loop(), network: n, tcp: t, udp: u, machine: machine}
}

// Socket makes a socket, as socket(2) does. Errors: EAFNOSUPPORT for a domain
// other than AF_INET, AF_INET6 and AF_PACKET, EINVAL or ESOCKTNOSUPPORT for an unknown kind,
// EPROTONOSUPPORT for a protocol that the kind does not have, ENFILE if there
// are too many sockets, ENETDOWN on a host that has been closed.
func (st *Stack) Socket(domain, kind, protocol int) (*Socket, error) {
	nonblocking := kind&SOCK_NONBLOCK != 0
	kind &^= SOCK_NONBLOCK
	if err := supported(domain, kind, protocol); err != nil {
		return nil, err
	}
	st.loop.Lock()
	defer st.loop.Unlock()
	s, err := st.newSocket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	s.nonblocking = nonblocking
	return s, nil
}

// maxProtocols is Linux's IPPROTO_MAX: it counts some that are in no header, up to 262
// for Multipath TCP.
const maxProtocols = 263

// supported answers as Linux's inet_create does.
func supported(domain, kind, protocol int) error {
	switch {
	case kind < 0 || kind > 10:
		return syscall.EINVAL
	case domain == AF_PACKET && kind != SOCK_RAW && kind != SOCK_DGRAM:
		return syscall.ESOCKTNOSUPPORT
	case domain == AF_PACKET:
		return nil
	case domain != AF_INET && domain != AF_INET6:
		return syscall.EAFNOSUPPORT
	case protocol < 0 || protocol >= maxProtocols:
		return syscall.EINVAL
	}
	fits := false
	switch kind {
	case SOCK_STREAM:
		fits = protocol == IPPROTO_IP || protocol == IPPROTO_TCP
	case SOCK_DGRAM:
		fits = protocol == IPPROTO_IP || protocol == IPPROTO_UDP || isPing(domain, kind, protocol)
	case SOCK_RAW:
		fits = protocol != IPPROTO_IP
	default:
		return syscall.ESOCKTNOSUPPORT
	}
	if !fits {
		return syscall.EPROTONOSUPPORT
	}
	return nil
}

func (st *Stack) newSocket(domain, kind, protocol int) (*Socket, error) {
	switch {
	case st.closed:
		return nil, syscall.ENETDOWN
	case st.open >= maxSockets:
		return nil, syscall.ENFILE
	}
	var s *Socket
	var err error
	switch {
	case domain == AF_PACKET:
		s, err = newLinkSocket(st, uint8(kind), uint16(protocol))
	case kind == SOCK_STREAM:
		s = &newStream(st, uint8(domain)).socket
	case isPing(domain, kind, protocol):
		s, err = newRaw(st, uint8(domain), uint8(kind), protocol)
	case kind == SOCK_DGRAM:
		s = &newDatagram(st, uint8(domain)).socket
	case kind == SOCK_RAW:
		s, err = newRaw(st, uint8(domain), uint8(kind), protocol)
	}
	if err != nil {
		return nil, err
	}
	st.add(s)
	return s, nil
}

// Open returns how many sockets are open.
func (st *Stack) Open() int {
	st.loop.Lock()
	defer st.loop.Unlock()
	return int(st.open)
}

// Close ends every socket at once: connections are reset, blocked calls return,
// and no new socket is made.
func (st *Stack) Close() {
	st.loop.Lock()
	defer st.loop.Unlock()
	st.closed = true
	for st.first != nil {
		st.first.end(true)
	}
	st.watches.tell(anything)
}

func (st *Stack) add(s *Socket) {
	s.next = st.first
	if st.first != nil {
		st.first.prev = s
	}
	st.first = s
	st.open++
}

// keepAddresses returns two addresses as a closed stream goes on telling them, which adds
// the ports. Streams between the same hosts share them.
func (st *Stack) keepAddresses(local, remote netip.Addr) *addresses {
	if a := st.former; a == nil || a.local.Addr() != local || a.remote.Addr() != remote {
		st.former = &addresses{netip.AddrPortFrom(local, 0), netip.AddrPortFrom(remote, 0)}
	}
	return st.former
}

func (st *Stack) remove(s *Socket) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		st.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	st.open--
}
