package socket

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// ListenConfig listens with more choice than Listen and ListenPacket, as
// net.ListenConfig does. Its zero value, with Stack set, does what they do.
type ListenConfig struct {
	Stack *Stack
	// Control is called, if it is not nil, with the socket before it is bound. The
	// network is "tcp4", "udp6" and the like. An error ends the call.
	Control func(network, address string, s *Socket) error
	// KeepAlive and KeepAliveConfig are what accepted connections begin with, see Dialer.
	KeepAlive       time.Duration
	KeepAliveConfig net.KeepAliveConfig

	process *Process // see Dialer
}

// Listen waits for connections at an address, as net.Listen does. The network
// is "tcp", "tcp4" or "tcp6", the listener a *TCPListener.
func (st *Stack) Listen(network, address string) (net.Listener, error) {
	c := ListenConfig{Stack: st}
	return c.Listen(context.Background(), network, address)
}

// ListenPacket receives datagrams at an address, as net.ListenPacket does. The
// networks are those of Dial without "tcp". The result is a *UDPConn or an
// *IPConn.
func (st *Stack) ListenPacket(network, address string) (net.PacketConn, error) {
	c := ListenConfig{Stack: st}
	return c.ListenPacket(context.Background(), network, address)
}

// Listen waits for connections at an address.
func (c *ListenConfig) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	s, err := c.listen(ctx, network, address, true)
	if err != nil {
		return nil, err
	}
	return &TCPListener{socket: s, addr: s.localAddr()}, nil
}

// ListenPacket receives datagrams at an address.
func (c *ListenConfig) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	s, err := c.listen(ctx, network, address, false)
	if err != nil {
		return nil, err
	}
	return s.conn().(net.PacketConn), nil
}

// listen makes a socket of an address: a stream's that listens, or one for datagrams.
func (c *ListenConfig) listen(ctx context.Context, network, address string, stream bool) (*Socket, error) {
	var at net.Addr
	fail := func(err error) (*Socket, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at, Err: c.process.ended(err)}
	}
	m, err := parseMedium(network)
	if err != nil {
		return fail(err)
	}
	locals, err := c.Stack.addresses(ctx, c.process, m, address)
	if err != nil {
		return fail(err)
	}
	at = addrOf(m.kind, locals[0])
	switch {
	case (m.kind == SOCK_STREAM) != stream:
		return fail(&net.AddrError{Err: "unexpected address type", Addr: address})
	case ctx.Err() != nil:
		return fail(dialCause(ctx.Err()))
	}
	s, err := c.netSocket(m, locals[0].Addr())
	if err != nil {
		return fail(cause("socket", err))
	}
	if err := c.prepare(s, m, locals[0]); err != nil {
		s.abandon()
		return fail(err)
	}
	return s, nil
}

// netSocket makes a socket that is not connected to anybody.
func (c *ListenConfig) netSocket(m medium, at netip.Addr) (*Socket, error) {
	c.Stack.loop.Lock()
	defer c.Stack.loop.Unlock()
	return c.Stack.newNetSocket(m, at, c.process)
}

// prepare binds a socket and, if it is a stream, has it listen.
func (c *ListenConfig) prepare(s *Socket, m medium, at netip.AddrPort) error {
	if m.kind == SOCK_STREAM {
		// A server that starts again must not wait for TIME-WAIT.
		if err := s.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1); err != nil {
			return cause("setsockopt", err)
		}
	}
	if err := s.control(c.Control, m, at); err != nil {
		return err
	}
	if err := s.bindNet(at); err != nil {
		return cause("bind", err)
	}
	if m.kind != SOCK_STREAM {
		return nil
	}
	// Connections inherit this from their listener.
	if err := s.keepAliveNet(c.KeepAlive, c.KeepAliveConfig); err != nil {
		return err
	}
	return cause("listen", s.Listen(SOMAXCONN))
}
