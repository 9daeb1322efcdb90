package socket

import (
	"context"
	"net"
	"syscall"
)

// The calls of package net as a process makes them. An ordinary one gets EACCES and EPERM
// as in Bind and Socket. Their sockets are descriptors, as on Linux, though nobody is told
// their numbers: they count (EMFILE), those that a listener accepts too, and the end of the
// process ends them. A call that is blocked in one returns net.ErrClosed then, and so does
// every later one.

// Dial is Stack.Dial.
func (p *Process) Dial(network, address string) (net.Conn, error) {
	return p.DialContext(context.Background(), network, address)
}

// DialContext is Stack.DialContext.
func (p *Process) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := p.dialer()
	return d.DialContext(ctx, network, address)
}

// Listen is Stack.Listen.
func (p *Process) Listen(network, address string) (net.Listener, error) {
	c := p.listenConfig()
	return c.Listen(context.Background(), network, address)
}

// ListenPacket is Stack.ListenPacket.
func (p *Process) ListenPacket(network, address string) (net.PacketConn, error) {
	c := p.listenConfig()
	return c.ListenPacket(context.Background(), network, address)
}

// DialTCP is Stack.DialTCP.
func (p *Process) DialTCP(network string, laddr, raddr *net.TCPAddr) (*TCPConn, error) {
	return dialTCP(p.dialer(), network, laddr, raddr)
}

// DialUDP is Stack.DialUDP.
func (p *Process) DialUDP(network string, laddr, raddr *net.UDPAddr) (*UDPConn, error) {
	return dialUDP(p.dialer(), network, laddr, raddr)
}

// DialIP is Stack.DialIP.
func (p *Process) DialIP(network string, laddr, raddr *net.IPAddr) (*IPConn, error) {
	return dialIP(p.dialer(), network, laddr, raddr)
}

// ListenTCP is Stack.ListenTCP.
func (p *Process) ListenTCP(network string, laddr *net.TCPAddr) (*TCPListener, error) {
	return listenTCP(p.listenConfig(), network, laddr)
}

// ListenUDP is Stack.ListenUDP.
func (p *Process) ListenUDP(network string, laddr *net.UDPAddr) (*UDPConn, error) {
	return listenUDP(p.listenConfig(), network, laddr)
}

// ListenIP is Stack.ListenIP.
func (p *Process) ListenIP(network string, laddr *net.IPAddr) (*IPConn, error) {
	return listenIP(p.listenConfig(), network, laddr)
}

// ListenMulticastUDP is Stack.ListenMulticastUDP.
func (p *Process) ListenMulticastUDP(network, ifi string, group *net.UDPAddr) (*UDPConn, error) {
	return listenMulticastUDP(p.listenConfig(), network, ifi, group)
}

// Resolver is the host's, which asks by descriptors of this process: its end ends a
// look-up.
func (p *Process) Resolver() Resolver {
	if p.machine == nil {
		return nil
	}
	return p.machine.ResolverOf(p)
}

func (p *Process) dialer() Dialer { return Dialer{Stack: p.Stack, process: p} }

func (p *Process) listenConfig() ListenConfig { return ListenConfig{Stack: p.Stack, process: p} }

// take makes a socket of the net shapes a descriptor. The turn must be held.
func (p *Process) take(s *Socket) error {
	d := &descriptor{Socket: s, process: p}
	fd, err := p.number(d)
	if err != nil {
		return err
	}
	d.fd.Store(int32(fd))
	s.ordinary, s.shape = !p.privileged, d
	return nil
}

// full is why no connection can be accepted: as on Linux, that is said before there is
// one, which then waits. The turn must be held.
func (p *Process) full() error {
	if firstFD+p.taken.lowestFree() >= p.most {
		return syscall.EMFILE
	}
	return nil
}

// ended is why a call of a process, nil for none, has failed: for every call net.ErrClosed
// once it has ended.
func (p *Process) ended(err error) error {
	if p == nil || err == nil {
		return err
	}
	p.loop.Lock()
	defer p.loop.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	return err
}
