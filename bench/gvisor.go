package main

import (
	"errors"
	"fmt"
	"net"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	gvisorNIC     = 1
	gvisorBacklog = 4096
)

var (
	gvisorClientAddr = tcpip.AddrFrom4([4]byte{10, 0, 0, 1})
	gvisorServerAddr = tcpip.AddrFrom4([4]byte{10, 0, 0, 2})
)

// gvisorHost is a netstack and the end of the link that it has.
type gvisorHost struct {
	*stack.Stack
	port *gvisorPort
}

func (h gvisorHost) end() {
	h.port.end()
	h.Destroy()
}

// gvisor is two netstacks on one link.
type gvisor struct {
	client, server gvisorHost
}

func newGVisor(l Link) (Network, error) {
	a, b := newGVisorLink(l)
	client, err := newGVisorHost(a, gvisorClientAddr)
	if err != nil {
		return nil, err
	}
	server, err := newGVisorHost(b, gvisorServerAddr)
	if err != nil {
		return nil, err
	}
	return &gvisor{client, server}, nil
}

// newGVisorHost makes a stack with IPv4, ARP, ICMP, UDP and TCP and one NIC.
func newGVisorHost(port *gvisorPort, addr tcpip.Address) (gvisorHost, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocolCUBIC, udp.NewProtocol, icmp.NewProtocol4},
	})
	h := gvisorHost{s, port}
	if err := tuneGVisor(s); err != nil {
		return h, err
	}
	if err := s.CreateNIC(gvisorNIC, port); err != nil {
		return h, gvisorError("create NIC", err)
	}
	home := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: addr, PrefixLen: 24},
	}
	if err := s.AddProtocolAddress(gvisorNIC, home, stack.AddressProperties{}); err != nil {
		return h, gvisorError("add address", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: gvisorNIC}})
	return h, nil
}

// tuneGVisor sets what a careful user would set for throughput.
func tuneGVisor(s *stack.Stack) error {
	sack := tcpip.TCPSACKEnabled(true)
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	cubic := tcpip.CongestionControlOption("cubic")
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: bufferSize, Max: bufferSize}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: 1 << 20, Max: bufferSize}
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &moderate, &cubic, &send, &receive} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return gvisorError(fmt.Sprintf("set %T", o), err)
		}
	}
	// The stack's own limits hold for UDP sockets.
	if err := s.SetOption(tcpip.SendBufferSizeOption{Min: 4 << 10, Default: 208 << 10, Max: bufferSize}); err != nil {
		return gvisorError("set send buffers", err)
	}
	if err := s.SetOption(tcpip.ReceiveBufferSizeOption{Min: 4 << 10, Default: 208 << 10, Max: bufferSize}); err != nil {
		return gvisorError("set receive buffers", err)
	}
	return nil
}

func (g *gvisor) Listen() (net.Listener, error) {
	return gvisorListen(g.server.Stack, gvisorServerAddr)
}

func (g *gvisor) Dial(to net.Addr) (net.Conn, error) {
	return gvisorDial(g.client.Stack, gvisorFullAddress(to))
}

func (g *gvisor) ListenPacket() (net.PacketConn, error) {
	return gvisorListenPacket(g.server.Stack, gvisorServerAddr)
}

func (g *gvisor) DialPacket(to net.Addr) (net.Conn, error) {
	return gvisorDialPacket(g.client.Stack, gvisorFullAddress(to))
}

func (g *gvisor) Check() error {
	for _, h := range []gvisorHost{g.client, g.server} {
		if n := h.port.tooLong.Load(); n > 0 {
			return fmt.Errorf("%d packets were longer than %d bytes", n, h.port.mtu)
		}
	}
	return nil
}

func (g *gvisor) Close() {
	g.client.end()
	g.server.end()
}

func gvisorHosts(n int) (end func(), err error) {
	var hosts []gvisorHost
	end = func() {
		for _, h := range hosts {
			h.end()
		}
	}
	for len(hosts) < n {
		a, b := newGVisorLink(bare)
		for i, port := range []*gvisorPort{a, b} {
			addr := []tcpip.Address{gvisorClientAddr, gvisorServerAddr}[i]
			h, err := newGVisorHost(port, addr)
			hosts = append(hosts, h)
			if err != nil {
				end()
				return nil, err
			}
		}
	}
	return end, nil
}

// gvisorFullAddress turns a *net.TCPAddr or *net.UDPAddr into netstack's form.
func gvisorFullAddress(a net.Addr) tcpip.FullAddress {
	var ip net.IP
	var port int
	switch a := a.(type) {
	case *net.TCPAddr:
		ip, port = a.IP, a.Port
	case *net.UDPAddr:
		ip, port = a.IP, a.Port
	}
	return tcpip.FullAddress{NIC: gvisorNIC, Addr: tcpip.AddrFromSlice(ip.To4()), Port: uint16(port)}
}

func gvisorError(op string, err tcpip.Error) error {
	return errors.New(op + ": " + err.String())
}
