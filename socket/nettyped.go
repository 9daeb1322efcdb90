package socket

import (
	"context"
	"net"
)

// The calls of package net that take and return its own types of addresses and
// connections.

// DialTCP connects as net.DialTCP does: a nil laddr lets the route choose.
func (st *Stack) DialTCP(network string, laddr, raddr *net.TCPAddr) (*TCPConn, error) {
	return dialTyped[*TCPConn](st, network, laddr, raddr, raddr == nil, laddr == nil)
}

// DialUDP makes a connected socket as net.DialUDP does.
func (st *Stack) DialUDP(network string, laddr, raddr *net.UDPAddr) (*UDPConn, error) {
	return dialTyped[*UDPConn](st, network, laddr, raddr, raddr == nil, laddr == nil)
}

// DialIP makes a connected raw socket as net.DialIP does.
func (st *Stack) DialIP(network string, laddr, raddr *net.IPAddr) (*IPConn, error) {
	return dialTyped[*IPConn](st, network, laddr, raddr, raddr == nil, laddr == nil)
}

func dialTyped[C net.Conn](st *Stack, network string, laddr, raddr net.Addr, nowhere, anyhow bool) (c C, err error) {
	d := Dialer{Stack: st}
	if !anyhow {
		d.LocalAddr = laddr
	}
	if nowhere {
		return c, &net.OpError{Op: "dial", Net: network, Source: d.LocalAddr, Err: errMissingAddress}
	}
	opened, err := d.DialContext(context.Background(), network, raddr.String())
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
	at := ":0"
	if laddr != nil {
		at = laddr.String()
	}
	ln, err := st.Listen(network, at)
	if err != nil {
		return nil, err
	}
	return ln.(*TCPListener), nil
}

// ListenUDP receives datagrams as net.ListenUDP does.
func (st *Stack) ListenUDP(network string, laddr *net.UDPAddr) (*UDPConn, error) {
	at := ":0"
	if laddr != nil {
		at = laddr.String()
	}
	return listenTyped[*UDPConn](st, network, at)
}

// ListenIP receives the datagrams of a protocol as net.ListenIP does.
func (st *Stack) ListenIP(network string, laddr *net.IPAddr) (*IPConn, error) {
	at := ""
	if laddr != nil {
		at = laddr.String()
	}
	return listenTyped[*IPConn](st, network, at)
}

func listenTyped[C net.PacketConn](st *Stack, network, at string) (c C, err error) {
	opened, err := st.ListenPacket(network, at)
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
