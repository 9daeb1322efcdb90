// Package sockets has the examples of Python's socket documentation, call by call,
// against socket.System: each runs on a host of a lab and on the real machine.
package sockets

import (
	"errors"
	"net/netip"

	"septet/socket"
)

// EchoServer sends the first client back what it sends, until it sends no more. It calls
// ready, if that is not nil, once clients can come, with the address at which.
func EchoServer(sys socket.System, at netip.AddrPort, ready func(netip.AddrPort)) error {
	l, err := listener(sys, at)
	if err != nil {
		return err
	}
	defer l.Close()
	own, err := l.GetSockName()
	if err != nil {
		return err
	}
	if ready != nil {
		ready(own)
	}
	conn, _, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	data := make([]byte, 1024)
	for {
		n, err := conn.Recv(data, 0)
		if err != nil || n == 0 {
			return err
		}
		if _, err := conn.Send(data[:n], 0); err != nil {
			return err
		}
	}
}

// listener is socket, bind and listen.
func listener(sys socket.System, at netip.AddrPort) (socket.Descriptor, error) {
	l, err := sys.Socket(family(at.Addr()), socket.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.SetSockOpt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), l.Bind(at), l.Listen(5)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func family(a netip.Addr) int {
	if a.Is4() {
		return socket.AF_INET
	}
	return socket.AF_INET6
}

// EchoClient sends a text to a server and returns what comes back.
func EchoClient(sys socket.System, server netip.AddrPort, text string) (string, error) {
	s, err := sys.Socket(family(server.Addr()), socket.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if err := s.Connect(server); err != nil {
		return "", err
	}
	if _, err := s.Send([]byte(text), 0); err != nil {
		return "", err
	}
	data := make([]byte, len(text))
	n, err := s.Recv(data, socket.MSG_WAITALL)
	return string(data[:n]), err
}

// DualStackServer is EchoServer for clients of both families, as create_server with
// dualstack_ipv6 makes it.
func DualStackServer(sys socket.System, port uint16, ready func(netip.AddrPort)) error {
	// A socket of IPv6 hears IPv4 too, unless IPV6_V6ONLY is set (RFC 3493, section 5.3).
	return EchoServer(sys, netip.AddrPortFrom(netip.IPv6Unspecified(), port), ready)
}
