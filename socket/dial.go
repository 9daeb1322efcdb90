package socket

import (
	"context"
	"net"
	"net/netip"
	"time"

	"septet/transport/tcp"
)

// Dialer opens connections with more choice than Dial. Its zero value, with
// Stack set, does what Dial does.
type Dialer struct {
	Stack *Stack
	// LocalAddr is the own address to use: a *net.TCPAddr, *net.UDPAddr or
	// *net.IPAddr. Nil lets the route choose.
	LocalAddr net.Addr
	// Timeout and Deadline bound how long a dial takes on the network's clock,
	// whichever ends first. Zero is no bound but TCP's own.
	Timeout  time.Duration
	Deadline time.Time
}

// Dial connects to an address, as net.Dial does. The networks are "tcp",
// "udp", both also with a 4 or a 6 at the end, and "ip4:" with the name or number of a
// protocol. The connection is a *TCPConn, *UDPConn or *IPConn.
func (st *Stack) Dial(network, address string) (net.Conn, error) {
	return st.DialContext(context.Background(), network, address)
}

// DialContext is Dial that gives up when ctx ends. The connection that was being
// opened is reset.
func (st *Stack) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := Dialer{Stack: st}
	return d.DialContext(ctx, network, address)
}

// Dial connects to an address.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to an address and gives up when ctx ends. If a name has
// several addresses they are tried in turn.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(to net.Addr, err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Source: d.LocalAddr, Addr: to, Err: err}
	}
	m, err := parseMedium(network)
	if err != nil {
		return fail(nil, err)
	}
	from, err := d.source(m)
	if err != nil {
		return fail(nil, err)
	}
	peers, err := d.Stack.addresses(m, address)
	if err != nil {
		return fail(nil, err)
	}
	var first error
	var tried netip.AddrPort
	for _, to := range peers {
		s, err := d.open(ctx, m, from, to)
		if err == nil {
			return s.conn(), nil
		}
		if first == nil {
			first, tried = err, to
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fail(addrOf(m.kind, tried), first)
}

// source returns the address to bind to, not valid for none.
func (d *Dialer) source(m medium) (netip.AddrPort, error) {
	fits := false
	switch d.LocalAddr.(type) {
	case nil:
		return netip.AddrPort{}, nil
	case *net.TCPAddr:
		fits = m.kind == SOCK_STREAM
	case *net.UDPAddr:
		fits = m.kind == SOCK_DGRAM
	case *net.IPAddr:
		fits = m.kind == SOCK_RAW
	}
	a := addrPort(d.LocalAddr)
	if !fits {
		return a, &net.AddrError{Err: "mismatched local address type", Addr: d.LocalAddr.String()}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
}

// open makes a socket and connects it. A socket that fails is closed.
func (d *Dialer) open(ctx context.Context, m medium, from, to netip.AddrPort) (*Socket, error) {
	s, err := d.Stack.newNetSocket(m, to.Addr())
	if err != nil {
		return nil, cause("socket", err)
	}
	if from.Addr().IsValid() || from.Port() > 0 {
		if err := s.Bind(from); err != nil {
			s.abandon()
			return nil, cause("bind", err)
		}
	}
	_, limited := ctx.Deadline()
	if limited = limited || d.Timeout > 0 || !d.Deadline.IsZero(); limited {
		s.dialDeadline(ctx, d)
	}
	if err := s.connect(ctx, to); err != nil {
		s.abandon()
		return nil, dialCause(err)
	}
	if limited {
		s.setDeadlines(time.Time{}, false, true)
	}
	return s, nil
}

// abandon closes the socket and resets its connection, if there is one.
func (s *Socket) abandon() {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	s.end(true)
}

// noDelay is what every stream of package net begins with. Options that were set
// are never changed, only replaced.
var noDelay = tcp.Options{NoDelay: true}

// newNetSocket makes a socket for an address with the options that package net sets: small
// writes go out at once, and broadcasts are allowed.
func (st *Stack) newNetSocket(m medium, at netip.Addr) (*Socket, error) {
	domain := AF_INET6
	if at.Is4() {
		domain = AF_INET
	}
	if err := supported(domain, m.kind, m.protocol); err != nil {
		return nil, err
	}
	st.loop.Lock()
	defer st.loop.Unlock()
	s, err := st.newSocket(domain, m.kind, m.protocol)
	switch {
	case err != nil:
		return nil, err
	case m.kind == SOCK_STREAM:
		s.protocol.(*stream).options = &noDelay
	default:
		err = s.setNumberOption(SOL_SOCKET, SO_BROADCAST, 1)
	}
	return s, err
}

// Listen waits for connections at an address, as net.Listen does. The network
// is "tcp", "tcp4" or "tcp6", the listener a *TCPListener.
func (st *Stack) Listen(network, address string) (net.Listener, error) {
	s, err := st.listen(network, address, SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	return &TCPListener{socket: s}, nil
}

// ListenPacket receives datagrams at an address, as net.ListenPacket does. The
// networks are those of Dial without "tcp". The result is a *UDPConn or an
// *IPConn.
func (st *Stack) ListenPacket(network, address string) (net.PacketConn, error) {
	s, err := st.listen(network, address, 0)
	if err != nil {
		return nil, err
	}
	return s.conn().(net.PacketConn), nil
}

// listen binds a socket of the given kind, or of any but streams for zero.
func (st *Stack) listen(network, address string, kind int) (*Socket, error) {
	var at net.Addr
	fail := func(err error) (*Socket, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at, Err: err}
	}
	m, err := parseMedium(network)
	if err != nil {
		return fail(err)
	}
	locals, err := st.addresses(m, address)
	if err != nil {
		return fail(err)
	}
	at = addrOf(m.kind, locals[0])
	if (m.kind == SOCK_STREAM) != (kind == SOCK_STREAM) {
		return fail(&net.AddrError{Err: "unexpected address type", Addr: address})
	}
	s, err := st.newNetSocket(m, locals[0].Addr())
	if err != nil {
		return fail(cause("socket", err))
	}
	if kind == SOCK_STREAM {
		// A server that starts again must not wait for TIME-WAIT.
		err = s.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1)
	}
	call := "bind"
	if err == nil {
		err = s.bindNet(locals[0])
	}
	if err == nil && kind == SOCK_STREAM {
		call, err = "listen", s.Listen(SOMAXCONN)
	}
	if err != nil {
		s.abandon()
		return fail(cause(call, err))
	}
	return s, nil
}
