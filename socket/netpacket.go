package socket

import (
	"net"
	"net/netip"
	"syscall"

	"septet/header"
)

// packetConn is what connections for datagrams have in common. They are both a
// net.Conn and a net.PacketConn.
type packetConn struct{ conn }

// writeTo sends one datagram to a given address.
func (c packetConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	n, err := 0, error(net.ErrWriteToConnected)
	switch _, unconnected := c.socket.GetPeerName(); {
	case unconnected != nil && !to.IsValid():
		err = syscall.EAFNOSUPPORT
	case unconnected != nil:
		n, err = c.socket.send(b, 0, to)
	}
	if err == nil {
		return n, nil
	}
	return n, &net.OpError{
		Op: "write", Net: c.socket.netName(), Source: c.LocalAddr(), Addr: c.socket.netAddr(to),
		Err: cause("sendto", err),
	}
}

// addrPort returns the address and port that a stands for, the zero AddrPort for
// nil and for what is no address.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort()
	case *net.TCPAddr:
		return a.AddrPort()
	case *net.IPAddr:
		if a == nil {
			return netip.AddrPort{}
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		return netip.AddrPortFrom(ip.WithZone(a.Zone), 0)
	case nil:
		return netip.AddrPort{}
	}
	to, _ := netip.ParseAddrPort(a.String())
	return to
}

// UDPConn sends and receives UDP datagrams, with the methods of net.UDPConn. If
// it was dialled it has one peer; errors that ICMP reports about it, such as
// ECONNREFUSED, are returned by the next read or write.
type UDPConn struct{ packetConn }

// ReadFrom receives one datagram and returns its sender, a *net.UDPAddr. What
// does not fit into b is lost.
func (c *UDPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	return n, c.socket.netAddr(from), err
}

// ReadFromUDPAddrPort is ReadFrom without an allocation.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.socket.receive(b, 0)
	return n, from, c.socket.opError("read", "recvfrom", err)
}

// ReadFromUDP is ReadFrom with a sender of net's type.
func (c *UDPConn) ReadFromUDP(b []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if !from.IsValid() {
		return n, nil, err
	}
	return n, udpAddr(from), err
}

// WriteToUDP is WriteTo for an address of net's type.
func (c *UDPConn) WriteToUDP(b []byte, to *net.UDPAddr) (int, error) {
	return c.writeTo(b, to.AddrPort())
}

// WriteTo sends one datagram. A connected socket refuses it with
// net.ErrWriteToConnected.
func (c *UDPConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.writeTo(b, addrPort(to))
}

// WriteToUDPAddrPort is WriteTo without an allocation.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.writeTo(b, to)
}

// IPConn sends and receives the payloads of one IP protocol ("ip4:icmp"), with
// the methods of net.IPConn. The Socket under it sees the IP headers too.
type IPConn struct{ packetConn }

// Read receives one payload.
func (c *IPConn) Read(b []byte) (int, error) {
	n, _, err := c.readFrom(b)
	return n, err
}

// ReadFrom receives one payload, without its IP header, and returns its sender,
// a *net.IPAddr.
func (c *IPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.readFrom(b)
	return n, c.socket.netAddr(from), err
}

func (c *IPConn) readFrom(b []byte) (int, netip.AddrPort, error) {
	whole := make([]byte, len(b)+header.IPv4MaxLen)
	n, from, err := c.socket.receive(whole, 0)
	if err != nil {
		return 0, from, c.socket.opError("read", "recvfrom", err)
	}
	headerLen := int(whole[0]&15) * 4
	return copy(b, whole[min(headerLen, n):n]), from, nil
}

// WriteTo sends one payload.
func (c *IPConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.writeTo(b, addrPort(to))
}

// ReadFromIP is ReadFrom with a sender of net's type.
func (c *IPConn) ReadFromIP(b []byte) (int, *net.IPAddr, error) {
	n, from, err := c.readFrom(b)
	if !from.IsValid() {
		return n, nil, err
	}
	return n, &net.IPAddr{IP: from.Addr().AsSlice(), Zone: from.Addr().Zone()}, err
}

// WriteToIP is WriteTo for an address of net's type.
func (c *IPConn) WriteToIP(b []byte, to *net.IPAddr) (int, error) {
	return c.writeTo(b, addrPort(to))
}
