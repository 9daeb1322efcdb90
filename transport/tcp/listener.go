package tcp

import (
	"net/netip"
	"slices"
	"syscall"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// A Parent is a listener's Owner that gives every new connection an owner, which it has
// until it is accepted, and which may be nil.
type Parent interface {
	Owner
	Child() Owner
}

// maxBacklog bounds the queue of accept. Linux caps what the user asks for in the
// same way (somaxconn).
const maxBacklog = 4096

// Listener is a connection in LISTEN: it makes new ones out of SYNs.
type Listener struct {
	layer    *Layer
	port     *Port
	owner    Owner
	opts     *Options // as those of a connection
	backlog  int
	halfOpen int       // connections in SYN-RECEIVED
	ready    []*Conn   // established or early, waiting for Accept
	next     *Listener // on the same address: sharing it, or at another device

	cookiesUntil ev.Time   // ACKs may have SYN cookies
	early        int       // connections that have data before their handshake is over
	resets       []ev.Time // until when those that were reset count as well
}

// Listen makes p a listener with room for backlog connections that nobody has
// accepted. It takes over p. EADDRINUSE: another listens on the same address, and they
// do not share it.
func (l *Layer) Listen(p *Port, backlog int, o Owner) (*Listener, error) {
	for _, other := range l.ports[p.addr.Port()] {
		if other != p && other.listening && !p.allows(&other.Sharing, true) && network.Overlap(other.addr.Addr(), p.addr.Addr()) {
			return nil, syscall.EADDRINUSE
		}
	}
	ln := &Listener{layer: l, port: p, owner: o, opts: l.share(&Options{Sharing: p.Sharing})}
	ln.SetBacklog(backlog)
	p.listening = true
	if l.listeners == nil {
		l.listeners = make(map[netip.AddrPort]*Listener)
	}
	ln.next = l.listeners[p.addr]
	l.listeners[p.addr] = ln
	if ln.addressed() {
		l.addressed++
	}
	return ln, nil
}

// addressed reports whether the listener is on one address of the host's.
func (ln *Listener) addressed() bool {
	a := ln.port.addr.Addr()
	return a.IsValid() && !a.IsUnspecified()
}

// SetBacklog changes the number of connections that may wait for Accept. As on
// Linux one more than asked for is let in.
func (ln *Listener) SetBacklog(n int) { ln.backlog = min(max(n, 0), maxBacklog) }

// SetOptions sets the options that accepted connections start with.
func (ln *Listener) SetOptions(o Options) { ln.opts = ln.layer.share(&o) }

// SetSharing changes with whom the listener shares its port.
func (ln *Listener) SetSharing(s Sharing) { ln.port.Sharing = s }

// Options returns the options that accepted connections start with.
func (ln *Listener) Options() Options { return *ln.opts }

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
	ln.ready = slices.Delete(ln.ready, 0, 1) // few wait; and the memory stays
	if c.early() {
		c.set(flagTaken)
	} else {
		c.listener = nil
	}
	return c
}

// Close ends listening. Connections that nobody has accepted are reset.
func (ln *Listener) Close() {
	l := ln.layer
	if !l.removeListener(ln) {
		return
	}
	for c := ln.Accept(); c != nil; c = ln.Accept() {
		c.Abort()
	}
	for _, c := range l.table.whole() {
		if c.listener == ln && !c.is(flagTaken) {
			c.Abort()
		}
	}
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
	if s.Flags.Has(header.RST) || s.Flags&(header.SYN|header.ACK) == 0 {
		return
	}
	o, _ := ln.routed(s.Route)
	path, err := l.path(d.Src, d.Dst, o)
	if err != nil || path.Broadcast() {
		return
	}
	switch {
	case s.Flags.Has(header.ACK):
		if s.Flags.Has(header.SYN) || !ln.acceptCookie(now, s, path) {
			l.refuse(s, d)
		}
	case !ln.admits():
		l.stats.ListenOverflow++
	case ln.halfOpen < l.about.HalfOpen:
		ln.open(now, s, path, previous)
	case l.about.SynCookies:
		ln.sendCookie(now, s, path)
	default:
		l.stats.ListenOverflow++
	}
}

// open begins a connection with the peer that has sent the SYN s.
func (ln *Listener) open(now ev.Time, s *Segment, path network.Path, previous *Conn) {
	c := ln.newConn(path, s)
	if ln.opts.DeferAccept > 0 {
		c.needSeldom().deferUntil = now.Add(ln.opts.DeferAccept)
	}
	c.arrived(now, s)
	c.startSequence(now, previous)
	c.takeSYN(now, s)
	early := ln.fastOpen(now, c, s)
	c.move(rcvSYN)
	if early {
		ln.startEarly(c, s)
	}
	c.act(now)
}

// newConn makes a half-open connection with the peer that has sent s.
func (ln *Listener) newConn(path network.Path, s *Segment) *Conn {
	l := ln.layer
	o, own := ln.routed(s.Route)
	c := l.newConn(&path, s.DstPort, s.SrcPort, o)
	c.set(flagPassive)
	if !own {
		c.set(flagFollow)
	}
	c.listener, c.port, c.heardAt = ln, ln.port, l.loop.Now()
	if p, ok := ln.owner.(Parent); ok {
		c.owner = p.Child()
	}
	c.port.refs++
	ln.halfOpen++
	l.table.insert(c)
	l.stats.PassiveOpens++
	return c
}

// enqueue hands c to accept.
func (ln *Listener) enqueue(c *Conn) {
	ln.ready = append(ln.ready, c)
	if ln.owner != nil {
		ln.owner.Notify(Acceptable)
	}
}

// moved keeps the listener's books when one of its connections changes state.
func (ln *Listener) moved(c *Conn, from State) {
	if from == SynReceived {
		ln.halfOpen--
	}
	switch {
	case c.is(flagEarly):
		if from == SynReceived {
			ln.early--
			if c.is(flagTaken) {
				c.listener = nil
			}
		}
	case c.state == Established:
		ln.enqueue(c)
	case c.state == Closed && from == SynReceived:
		c.listener = nil
	}
}
