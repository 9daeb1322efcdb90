package socket

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"

	"septet/event"
)

// cause turns what happened to a call into what package net would put into an
// *net.OpError.
func cause(call string, err error) error {
	switch err {
	case errClosed, event.ErrClosed:
		return net.ErrClosed
	case event.ErrTimeout:
		return os.ErrDeadlineExceeded
	}
	if e, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError(call, e)
	}
	return err
}

// dialCause is cause for a connect, whose deadline may be a context's.
func dialCause(err error) error {
	switch err {
	case event.ErrTimeout, context.DeadlineExceeded:
		return timeoutError{}
	case context.Canceled:
		return canceledError{}
	}
	return cause("connect", err)
}

// timeoutError says that a dial took too long.
type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
func (timeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// canceledError says that the context of a dial was cancelled.
type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return target == context.Canceled }

// opError returns err as package net reports it, io.EOF and nil as they are.
func (s *Socket) opError(op, call string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{
		Op: op, Net: s.netName(), Source: s.localAddr(), Addr: s.remoteAddr(),
		Err: cause(call, err),
	}
}

// setError is opError for the settings, which in package net name one address.
func (s *Socket) setError(call string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "set", Net: s.netName(), Addr: s.localAddr(), Err: cause(call, err)}
}

func (s *Socket) netName() string {
	switch s.kind {
	case SOCK_STREAM:
		return "tcp"
	case SOCK_DGRAM:
		return "udp"
	}
	return "ip"
}

// netAddr returns a as the net.Addr of the socket's kind, nil for none.
func (s *Socket) netAddr(a netip.AddrPort) net.Addr {
	return addrOf(int(s.kind), a)
}

func addrOf(kind int, a netip.AddrPort) net.Addr {
	switch {
	case !a.IsValid():
		return nil
	case kind == SOCK_STREAM:
		return net.TCPAddrFromAddrPort(a)
	case kind == SOCK_DGRAM:
		return udpAddr(a)
	}
	return &net.IPAddr{IP: a.Addr().AsSlice(), Zone: a.Addr().Zone()}
}

// udpAddr is net.UDPAddrFromAddrPort with one allocation for the address and its
// bytes: there is one for each datagram that ReadFrom returns.
func udpAddr(a netip.AddrPort) *net.UDPAddr {
	if !a.Addr().Is4() {
		return udpAddr6(a)
	}
	u := &struct {
		net.UDPAddr
		bytes [4]byte
	}{bytes: a.Addr().As4()}
	u.IP, u.Port = u.bytes[:], int(a.Port())
	return &u.UDPAddr
}

// udpAddr6 is udpAddr for IPv6.
func udpAddr6(a netip.AddrPort) *net.UDPAddr {
	u := &struct {
		net.UDPAddr
		bytes [16]byte
	}{bytes: a.Addr().As16()}
	u.IP, u.Port, u.Zone = u.bytes[:], int(a.Port()), a.Addr().Zone()
	return &u.UDPAddr
}

func (s *Socket) localAddr() net.Addr {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.netAddr(s.localName())
}

// remoteAddr returns nil for a socket without a peer.
func (s *Socket) remoteAddr() net.Addr {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	a, _ := s.protocol.remote()
	return s.netAddr(a)
}
