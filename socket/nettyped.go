package socket

import (
	"context"
	"net"
	"net/netip"
)

// The calls of package net that take and return its own types of addresses and
// connections.

// DialTCP connects as net.DialTCP does: a nil laddr lets the route choose.
func (st *Stack) DialTCP(network string, laddr, raddr *net.TCPAddr) (*TCPConn, error) {
	return dialTCP(Dialer{Stack: st}, network, laddr, raddr)
}

func dialTCP(d Dialer, network string, laddr, raddr *net.TCPAddr) (*TCPConn, error) {
	return dialTyped[*TCPConn](d, network, laddr, raddr, raddr == nil, laddr == nil)
}

// DialUDP makes a connected socket as net.DialUDP does.
func (st *Stack) DialUDP(network string, laddr, raddr *net.UDPAddr) (*UDPConn, error) {
	return dialUDP(Dialer{Stack: st}, network, laddr, raddr)
}

func dialUDP(d Dialer, network string, laddr, raddr *net.UDPAddr) (*UDPConn, error) {
	return dialTyped[*UDPConn](d, network, laddr, raddr, raddr == nil, laddr == nil)
}

// DialIP makes a connected raw socket as net.DialIP does.
func (st *Stack) DialIP(network string, laddr, raddr *net.IPAddr) (*IPConn, error) {
	return dialIP(Dialer{Stack: st}, network, laddr, raddr)
}

func dialIP(d Dialer, network string, laddr, raddr *net.IPAddr) (*IPConn, error) {
	return dialTyped[*IPConn](d, network, laddr, raddr, raddr == nil, laddr == nil)
}

func dialTyped[C net.Conn](d Dialer, network string, laddr, raddr net.Addr, nowhere, anyhow bool) (c C, err error) {
	if !anyhow {
		d.LocalAddr = laddr
	}
	if nowhere {
		return c, &net.OpError{Op: "dial", Net: network, Source: d.LocalAddr, Err: errMissingAddress}
	}
	to, address := addrPort(raddr), ""
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if _, raw := raddr.(*net.IPAddr); raw || !to.IsValid() {
		to, address = netip.AddrPort{}, raddr.String()
	}
	opened, err := d.dial(context.Background(), network, to, address)
	if err != nil {
		return c, err
	}
	c, ok := opened.(C)
	if !ok {
		opened.Close()
		return c, &net.OpError{Op: "dial", Net: network, Source: d.LocalAddr, Addr: raddr, Err: net.UnknownNetworkError(network)}
	}
	return c, nil
}

// ListenTCP listens as net.ListenTCP does; a nil laddr is every address and any port.
func (st *Stack) ListenTCP(network string, laddr *net.TCPAddr) (*TCPListener, error) {
	return listenTCP(ListenConfig{Stack: st}, network, laddr)
}

func listenTCP(c ListenConfig, network string, laddr *net.TCPAddr) (*TCPListener, error) {
	at := ":0"
	if laddr != nil {
		at = laddr.String()
	}
	ln, err := c.Listen(context.Background(), network, at)
	if err != nil {
		return nil, err
	}
	return ln.(*TCPListener), nil
}

// ListenUDP receives datagrams as net.ListenUDP does.
func (st *Stack) ListenUDP(network string, laddr *net.UDPAddr) (*UDPConn, error) {
	return listenUDP(ListenConfig{Stack: st}, network, laddr)
}

func listenUDP(c ListenConfig, network string, laddr *net.UDPAddr) (*UDPConn, error) {
	at := ":0"
	if laddr != nil {
		at = laddr.String()
	}
	return listenTyped[*UDPConn](c, network, at)
}

// ListenIP receives the datagrams of a protocol as net.ListenIP does.
func (st *Stack) ListenIP(network string, laddr *net.IPAddr) (*IPConn, error) {
	return listenIP(ListenConfig{Stack: st}, network, laddr)
}

func listenIP(c ListenConfig, network string, laddr *net.IPAddr) (*IPConn, error) {
	at := ""
	if laddr != nil {
		at = laddr.String()
	}
	return listenTyped[*IPConn](c, network, at)
}

func listenTyped[C net.PacketConn](l ListenConfig, network, at string) (c C, err error) {
	opened, err := l.ListenPacket(context.Background(), network, at)
	if err != nil {
		return c, err
	}
	c, ok := opened.(C)
	if !ok {
		opened.Close()
		return c, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	return c, nil
}
