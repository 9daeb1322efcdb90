package tcp

import (
	"net/netip"
	"syscall"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// Bounds of a listener's queues. Linux caps what the user asks for in the same
// way (somaxconn), and half-open connections at tcp_max_syn_backlog.
const (
	maxBacklog  = 4096
	maxHalfOpen = 1024
)

// Listener is a connection in LISTEN: it makes new ones out of SYNs.
type Listener struct {
	layer    *Layer
	port     *Port
	owner    Owner
	opts     Options
	backlog  int
	halfOpen int     // connections in SYN-RECEIVED
	ready    []*Conn // established, waiting for Accept
}

// Listen makes p a listener with room for backlog connections that nobody has
// accepted. It takes over p. EADDRINUSE: another listens on the same address.
func (l *Layer) Listen(p *Port, backlog int, o Owner) (*Listener, error) {
	for _, other := range l.ports[p.addr.Port()] {
		overlap := other.addr.Addr() == p.addr.Addr() ||
			other.addr.Addr().IsUnspecified() || p.addr.Addr().IsUnspecified()
		if other != p && other.listening && overlap {
			return nil, syscall.EADDRINUSE
		}
	}
	ln := &Listener{layer: l, port: p, owner: o}
	ln.SetBacklog(backlog)
	p.listening = true
	l.listeners[p.addr] = ln
	return ln, nil
}

// SetBacklog changes the number of connections that may wait for Accept. As on
// Linux one more than asked for is let in.
func (ln *Listener) SetBacklog(n int) { ln.backlog = min(max(n, 0), maxBacklog) }

// SetOptions sets the options that accepted connections start with.
func (ln *Listener) SetOptions(o Options) { ln.opts = o }

// Options returns the options that accepted connections start with.
func (ln *Listener) Options() Options { return ln.opts }

// Addr returns the address listened on.
func (ln *Listener) Addr() netip.AddrPort { return ln.port.addr }

// Pending returns how many connections wait for Accept.
func (ln *Listener) Pending() int { return len(ln.ready) }

// Accept takes the oldest established connection, nil when there is none.
func (ln *Listener) Accept() *Conn {
	if len(ln.ready) == 0 {
		return nil
	}
	c := ln.ready[0]
	ln.ready[0] = nil
	ln.ready = ln.ready[1:]
	c.listener = nil
	return c
}

// Close ends listening. Connections that nobody has accepted are reset.
func (ln *Listener) Close() {
	l := ln.layer
	if l.listeners[ln.port.addr] != ln {
		return
	}
	delete(l.listeners, ln.port.addr)
	for c := ln.Accept(); c != nil; c = ln.Accept() {
		c.Abort()
	}
	l.table.each(func(c *Conn) {
		if c.listener == ln {
			c.Abort()
		}
	})
	ln.port.listening = false
	ln.port.Release()
	if ln.owner != nil {
		ln.owner.Notify(Acceptable)
	}
}

// admits reports whether accept's queue has room.
func (ln *Listener) admits() bool { return len(ln.ready) <= ln.backlog }

// input is RFC 9293, section 3.10.7.2: a segment for LISTEN. previous is the
// connection in TIME-WAIT that it replaces, if any.
func (ln *Listener) input(now ev.Time, s *Segment, d *network.Datagram, previous *Conn) {
	l := ln.layer
	switch {
	case s.Flags.Has(header.RST):
		return
	case s.Flags.Has(header.ACK):
		l.refuse(s, d)
		return
	case !s.Flags.Has(header.SYN):
		return
	case ln.halfOpen >= maxHalfOpen || !ln.admits():
		l.stats.ListenOverflow++
		return
	}
	local := netip.AddrPortFrom(d.Dst, s.DstPort)
	remote := netip.AddrPortFrom(d.Src, s.SrcPort)
	path, err := l.net.Path(d.Src, d.Dst)
	if err != nil || path.Broadcast() {
		return
	}
	c := l.newConn(local, remote, path, ln.opts)
	c.listener = ln
	c.port = ln.port
	c.port.refs++
	ln.halfOpen++
	l.table.insert(c)
	l.stats.PassiveOpens++
	c.heardAt = now
	c.counts.opened(now, s)
	c.startSequence(now, previous)
	c.takeSYN(now, s)
	c.move(rcvSYN)
	c.act(now)
}

// moved keeps the listener's books when one of its connections changes state.
func (ln *Listener) moved(c *Conn, from State) {
	if from == SynReceived {
		ln.halfOpen--
	}
	switch {
	case c.state == Established:
		ln.ready = append(ln.ready, c)
		if ln.owner != nil {
			ln.owner.Notify(Acceptable)
		}
	case c.state == Closed && from == SynReceived:
		c.listener = nil
	}
}
