package socket

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/transport/tcp"
)

// Dialer opens connections with more choice than Dial, as net.Dialer does. Its zero
// value, with Stack set, does what Dial does.
type Dialer struct {
	Stack *Stack
	// LocalAddr is the own address to use: a *net.TCPAddr, *net.UDPAddr or
	// *net.IPAddr. Nil lets the route choose.
	LocalAddr net.Addr
	// Timeout and Deadline bound how long a dial takes on the network's clock,
	// whichever ends first. Zero is no bound but TCP's own. Where a name has several
	// addresses, each that is tried has its share of the time.
	Timeout  time.Duration
	Deadline time.Time
	// FallbackDelay is how long the addresses of one family are tried before those of
	// the other are tried beside them, where a name has both (RFC 8305): 300 ms if it
	// is zero, never if it is negative.
	FallbackDelay time.Duration
	// KeepAlive is how often an idle TCP connection is probed. Unlike with package net,
	// zero is not at all, so that an idle network is silent. KeepAliveConfig counts
	// instead if it is enabled.
	KeepAlive       time.Duration
	KeepAliveConfig net.KeepAliveConfig
	// Control is called, if it is not nil, with each socket before it is bound or
	// connected. The network is "tcp4", "udp6" and the like. An error ends the dial.
	Control func(network, address string, s *Socket) error

	process *Process // whose socket it will be; nil for the host's own
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
// several addresses they are tried in turn, those of two families in a race.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dial(ctx, network, netip.AddrPort{}, address)
}

// dial is DialContext for a host's name, or for its address if that is valid.
func (d *Dialer) dial(ctx context.Context, network string, to netip.AddrPort, address string) (net.Conn, error) {
	fail := func(to net.Addr, err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Source: d.LocalAddr, Addr: to, Err: err}
	}
	a := attempt{Dialer: *d, ctx: ctx, until: d.until(ctx)}
	var err error
	if a.medium, err = parseMedium(network); err != nil {
		return fail(nil, err)
	}
	if a.from, err = d.source(a.medium); err != nil {
		return fail(nil, err)
	}
	s, tried, err := a.dial(to, address)
	if err != nil {
		return fail(addrOf(a.medium.kind, tried), d.process.ended(err))
	}
	return s.conn(), nil
}

// until returns when a dial that begins now must be done: the earliest of the context's
// deadline, the dialer's and its timeout.
func (d *Dialer) until(ctx context.Context) event.Time {
	at, limited := ctx.Deadline()
	if d.Deadline.IsZero() && d.Timeout <= 0 && !limited {
		return event.Never
	}
	l := d.Stack.loop
	l.Lock()
	defer l.Unlock()
	until := d.Stack.moment(d.Deadline)
	if d.Timeout > 0 {
		until = min(until, l.Now().Add(d.Timeout))
	}
	if limited {
		until = min(until, d.Stack.moment(at))
	}
	return until
}

// limited returns the context of the name's look-up, which ends when the dial must.
func (a *attempt) limited() context.Context {
	if a.until == event.Never {
		return a.ctx
	}
	l := a.Stack.loop
	l.Lock()
	left := a.until.Sub(l.Now())
	l.Unlock()
	return dueContext{a.ctx, a.Stack.Now().Add(left)}
}

// dueContext is a context with a deadline on the network's clock, for a resolver, which
// keeps to it itself: Done tells nobody of it.
type dueContext struct {
	context.Context
	at time.Time
}

func (c dueContext) Deadline() (time.Time, bool) { return c.at, true }

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

// attempt is one dial.
type attempt struct {
	Dialer // a copy, so that neither is on the heap unless there is a race
	ctx    context.Context
	medium medium
	from   netip.AddrPort // to bind to; not valid for none
	until  event.Time
	race   *race // nil if nobody else tries
}

// dial finds what the address means and connects to it: to, or if that is not valid what
// the text says. On failure it returns the address that was tried first, if there was one.
func (a *attempt) dial(to netip.AddrPort, address string) (*Socket, netip.AddrPort, error) {
	if !to.IsValid() {
		to, _ = netip.ParseAddrPort(address)
	}
	if at, ok := a.Stack.literal(a.medium, to); ok && !a.from.Addr().IsValid() {
		s, err := a.try(at, a.until) // there is nothing to look up and nothing to choose
		return s, at, err
	}
	if address == "" && to.IsValid() {
		address = to.String()
	}
	peers, err := a.Stack.addresses(a.limited(), a.process, a.medium, address)
	if err == nil {
		peers, err = a.suitable(peers)
	}
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return a.run(peers)
}

// suitable leaves those of the peers that can be reached from the own address.
func (a *attempt) suitable(peers []netip.AddrPort) ([]netip.AddrPort, error) {
	own := a.from.Addr()
	if !own.IsValid() || own.IsUnspecified() {
		return peers, nil
	}
	peers = slices.DeleteFunc(peers, func(to netip.AddrPort) bool {
		return to.Addr().IsValid() && to.Addr().Is4() != own.Is4()
	})
	if len(peers) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: a.LocalAddr.String()}
	}
	return peers, nil
}

// serial tries one address after the other and returns the socket that is connected, or
// the first address with what was wrong with it.
func (a *attempt) serial(peers []netip.AddrPort) (s *Socket, tried netip.AddrPort, err error) {
	for i, to := range peers {
		s, failed := a.try(to, a.share(len(peers)-i))
		if failed == nil {
			return s, to, nil
		}
		if err == nil {
			tried, err = to, failed
		}
		if a.ctx.Err() != nil {
			break
		}
	}
	return nil, tried, err
}

// leastShare is what an address gets of the time at least, while there is as much.
const leastShare = 2 * time.Second

// share returns when the next of so many addresses must have answered.
func (a *attempt) share(left int) event.Time {
	if a.until == event.Never {
		return event.Never
	}
	l := a.Stack.loop
	l.Lock()
	defer l.Unlock()
	rest := a.until.Sub(l.Now())
	return l.Now().Add(min(rest, max(rest/time.Duration(left), leastShare)))
}

// try returns a socket that is connected to an address.
func (a *attempt) try(to netip.AddrPort, until event.Time) (*Socket, error) {
	s, err := a.open(to, until)
	if err != nil {
		return nil, err
	}
	if err := s.keepAliveNet(a.KeepAlive, a.KeepAliveConfig); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// open makes a socket and connects it, in one turn: every other would cost as much as a
// segment. A socket that fails is closed.
func (a *attempt) open(to netip.AddrPort, until event.Time) (*Socket, error) {
	if !to.Addr().IsValid() {
		// The host itself, by either family: as with package net, by IPv4.
		to = netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())
	}
	l := a.Stack.loop
	l.Lock()
	defer l.Unlock()
	s, err := a.Stack.newNetSocket(a.medium, to.Addr(), a.process)
	if err != nil {
		return nil, cause("socket", err)
	}
	if err := a.connect(s, to, until); err != nil {
		s.end(true)
		return nil, err
	}
	return s, nil
}

// connect is open's second half. The turn is held but for the program's function.
func (a *attempt) connect(s *Socket, to netip.AddrPort, until event.Time) error {
	if a.Control != nil {
		s.stack.loop.Unlock()
		err := s.control(a.Control, a.medium, to)
		s.stack.loop.Lock()
		if err != nil {
			return err
		}
	}
	if a.from.Addr().IsValid() || a.from.Port() > 0 {
		if err := s.bind(a.from); err != nil {
			return cause("bind", err)
		}
	}
	if !a.race.enter(s) {
		return errClosed
	}
	s.writeDeadline = until
	if err := s.connect(a.ctx, to); err != nil {
		return dialCause(err)
	}
	s.writeDeadline = event.Never
	return nil
}

// control shows a new socket to the program's function.
func (s *Socket) control(f func(network, address string, s *Socket) error, m medium, at netip.AddrPort) error {
	if f == nil {
		return nil
	}
	network, address := m.base()+"6", at.String()
	if s.domain == AF_INET {
		network = m.base() + "4"
	}
	if m.kind == SOCK_RAW {
		address = at.Addr().String()
	}
	return f(network, address, s)
}

// abandon closes the socket and resets its connection, if there is one.
func (s *Socket) abandon() {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	s.end(true)
}

// noDelay is what every stream of package net begins with, usualOptions what any other
// does. Options that were set are never changed, only replaced.
var (
	noDelay      = tcp.Options{NoDelay: true}
	usualOptions tcp.Options
)

// newNetSocket makes a socket for an address with the options that package net sets: small
// writes go out at once, and broadcasts are allowed. It is a descriptor of p, which may not
// have every kind, if that is not nil. The turn must be held.
func (st *Stack) newNetSocket(m medium, at netip.Addr, p *Process) (*Socket, error) {
	domain := AF_INET6
	if at.Is4() {
		domain = AF_INET
	}
	if err := supported(domain, m.kind, m.protocol); err != nil {
		return nil, err
	}
	if p != nil {
		if err := p.permits(domain, m.kind, m.protocol); err != nil {
			return nil, err
		}
	}
	s, err := st.newSocket(domain, m.kind, m.protocol)
	if err != nil {
		return nil, err
	}
	if p != nil {
		if err := p.take(s); err != nil {
			s.end(true)
			return nil, err
		}
	}
	if m.kind == SOCK_STREAM {
		s.protocol.(*stream).options = &noDelay
		return s, nil
	}
	return s, s.setNumberOption(SOL_SOCKET, SO_BROADCAST, 1)
}
