package socket

import (
	"net/netip"
	"sync/atomic"
	"syscall"

	"septet/event"
	"septet/transport/tcp"
)

// stream is the protocol of SOCK_STREAM sockets: TCP. Its state is the
// socket's, not the connection's: a connection may be reset long before the
// application asks.
type stream struct {
	socket   Socket
	shape    TCPConn // the socket as package net has it
	state    streamState
	slowACKs bool                      // TCP_QUICKACK was set to 0 before there was a connection
	full     bool                      // somebody has found no room to write
	bound    bool                      // accepted: to the address of its listener
	lingers  bool                      // SO_LINGER, for the time in rareOptions.linger
	err      syscall.Errno             // left by disconnect
	taken    atomic.Pointer[takenText] // nil until something was
	port     *tcp.Port                 // bound, and not taken over by a listener
	listener *tcp.Listener
	conn     *tcp.Conn
	options  *tcp.Options // for the next connection or listener; nil for the defaults
	was      *addresses   // of the connection, once closed; then they are without ports
	wasPorts [2]uint16    // the ports: its own, and the peer's
}

type streamState uint8

const (
	unconnected streamState = iota
	listening
	connecting
	connected
)

func newStream(st *Stack, domain uint8) *stream {
	t := &stream{}
	t.socket.init(st, domain, SOCK_STREAM, t)
	t.shape.socket = &t.socket
	return t
}

// Notify is told by TCP, with the turn held, what has become possible.
func (t *stream) Notify(r tcp.Ready) {
	l := t.socket.stack.loop
	if r&tcp.Acceptable != 0 {
		// One connection is for one caller; accept wakes the next if more wait.
		l.SignalOne(&t.socket.readable)
	}
	if r&tcp.Readable != 0 && (r&tcp.Pushed == 0 || !t.hand()) {
		l.Signal(&t.socket.readable)
	}
	if r&tcp.Writable != 0 {
		l.Signal(&t.socket.writable)
	}
	if t.socket.watched() {
		t.tell(r)
	}
}

// hand gives a reader that waits what was pushed and placed in its memory, so that it goes
// on without the turn.
func (t *stream) hand() bool {
	l := t.socket.stack.loop
	if t.conn == nil || !l.CanHand(&t.socket.readable) {
		return false
	}
	n := t.conn.CollectHanded()
	if n > 0 {
		l.Hand(&t.socket.readable, n)
	}
	return n > 0
}

func (t *stream) readCond() *event.Cond { return &t.socket.readable }

func (t *stream) bind(local netip.AddrPort) error {
	// bind(2): "EINVAL The socket is already bound to an address."
	// Linux: the port of a connection that has ended is free, and another can be had.
	ended := t.conn != nil && (t.conn.State() == tcp.Closed || t.conn.State() == tcp.TimeWait)
	if t.port != nil || t.state != unconnected && !ended {
		return t.socket.boundAlready(local)
	}
	port, err := t.socket.stack.tcp.Reserve(local, t.sharing())
	if err != nil {
		return err
	}
	t.port, t.was, t.socket.portAsked = port, nil, local.Port() != 0
	return nil
}

func (t *stream) listen(backlog int) error {
	switch t.state {
	case listening:
		t.listener.SetBacklog(backlog)
		return nil
	case connecting, connected:
		return syscall.EINVAL
	}
	if t.port == nil {
		// An unbound socket gets a port that the system chooses.
		a := t.socket.every()
		if t.was != nil && t.was.local.Addr().IsValid() {
			a = t.was.local.Addr() // a listener's that was shut
		}
		if err := t.bind(netip.AddrPortFrom(a, 0)); err != nil {
			return err
		}
	}
	t.was = nil
	listener, err := t.socket.stack.tcp.Listen(t.port, backlog, t)
	if err != nil {
		return err
	}
	if t.options != nil {
		listener.SetOptions(*t.options)
	}
	t.listener, t.port, t.options, t.state = listener, nil, nil, listening
	return nil
}

func (t *stream) accept() (*Socket, netip.AddrPort, error) {
	st := t.socket.stack
	switch {
	case t.state != listening:
		return nil, netip.AddrPort{}, syscall.EINVAL
	case st.open >= maxSockets:
		return nil, netip.AddrPort{}, syscall.ENFILE
	}
	conn := t.listener.Accept()
	if conn == nil {
		return nil, netip.AddrPort{}, syscall.EAGAIN
	}
	if t.listener.Pending() > 0 {
		st.loop.SignalOne(&t.socket.readable)
	}
	c := newStream(st, t.socket.domain)
	c.conn, c.state = conn, connected
	at := t.listener.Addr().Addr()
	c.bound = at.IsValid() && !at.IsUnspecified()
	if h, ok := conn.Owner().(*heritage); ok {
		h.give(c)
	}
	conn.SetOwner(c)
	st.add(&c.socket)
	return &c.socket, conn.Remote(), nil
}

func (t *stream) connect(to netip.AddrPort) error {
	if !to.IsValid() {
		t.disconnect()
		return nil
	}
	switch t.state {
	case connected, listening:
		return syscall.EISCONN
	case connecting:
		return t.progress()
	}
	if to.Addr() == netip.IPv6Unspecified() && t.port != nil && t.port.Addr().Addr().Is4() {
		to = netip.AddrPortFrom(localhost4, to.Port()) // as datagram.here has it
	}
	o := t.options
	if o == nil {
		o = &usualOptions
	}
	conn, err := t.socket.stack.tcp.ConnectWith(t.port, to, t, o)
	if err != nil {
		return err
	}
	t.conn, t.options, t.err, t.state, t.was, t.full = conn, nil, 0, connecting, nil, true
	return syscall.EINPROGRESS
}

// progress says what has become of the connection that is being opened.
func (t *stream) progress() error {
	switch {
	case t.conn.State() == tcp.Closed:
		err := t.conn.TakeError()
		t.forget()
		if err == nil {
			return syscall.ECONNABORTED // SO_ERROR has told it before
		}
		return err
	case t.conn.Connected():
		t.state = connected
		return nil
	}
	return syscall.EALREADY
}

// forget makes the socket one that has no connection, with the same options. As on
// Linux, getsockname goes on telling its port, though it is free.
func (t *stream) forget() {
	o := t.conn.Options()
	t.options = &o
	if t.port == nil {
		t.was = &addresses{local: netip.AddrPortFrom(netip.Addr{}, t.conn.Local().Port())}
		if t.bound {
			t.was.local = t.conn.Local()
		}
	}
	t.dropTaken()
	t.conn.Forget()
	t.conn, t.state = nil, unconnected
	t.socket.shutRead, t.socket.shutWrite = false, false
}

// disconnect is connect to AF_UNSPEC: the connection is reset, or listening
// ends, and the socket can be used again. It stays bound.
func (t *stream) disconnect() {
	if t.listener != nil {
		o, at := t.listener.Options(), t.listener.Addr()
		t.listener.Close()
		t.listener, t.options, t.state = nil, &o, unconnected
		if !t.socket.portAsked { // only told yet, as forget has it
			t.was = &addresses{local: at}
			return
		}
		// Just given back: only a connection of the listener that lives on can
		// be in the way, and then the socket is unbound.
		t.port, _ = t.socket.stack.tcp.Reserve(at, t.sharing())
	}
	if t.conn != nil {
		// Linux leaves an error to be found: that of the connection, or of its end now.
		if s := t.conn.State(); s != tcp.Closed && s != tcp.TimeWait {
			t.err = syscall.ECONNRESET
		} else if e, ok := t.conn.TakeError().(syscall.Errno); ok {
			t.err = e
		}
		t.conn.Abort()
		t.forget()
	}
	t.socket.tell(anything)
}

func (t *stream) shutdown(how int) error {
	if t.state == listening {
		if how != SHUT_WR {
			t.disconnect() // Linux: shut for reading, a listener listens no more
		}
		return nil
	}
	if t.conn == nil { // though shut down, as on Linux
		t.socket.shutRead = t.socket.shutRead || how != SHUT_WR
		t.socket.shutWrite = t.socket.shutWrite || how != SHUT_RD
		return syscall.ENOTCONN
	}
	switch t.conn.State() {
	case tcp.Closed, tcp.TimeWait:
		return syscall.ENOTCONN
	case tcp.SynSent: // Linux: however it is shut, it connects no more
		t.disconnect()
		return nil
	}
	if how != SHUT_WR {
		t.socket.shutRead = true
		t.conn.CloseRead()
	}
	if how != SHUT_RD && !t.socket.shutWrite {
		t.socket.shutWrite = true
		return t.conn.CloseWrite()
	}
	return nil
}

func (t *stream) close(abort bool) {
	t.leaveGroups()
	if t.listener != nil {
		t.listener.Close()
	}
	if t.port != nil {
		t.port.Release()
		t.port = nil
	}
	if t.conn == nil {
		return
	}
	local, remote := t.conn.Local(), t.conn.Remote()
	t.was = t.socket.stack.keepAddresses(local.Addr(), remote.Addr())
	t.wasPorts = [2]uint16{local.Port(), remote.Port()}
	t.conn.SetOwner(nil)
	if t.unread() > 0 && t.conn.State() != tcp.TimeWait {
		abort = true // as for what is unread in the receive buffer, see tcp.Conn.Close
	}
	t.dropTaken()
	if abort {
		t.conn.Abort()
	} else {
		t.conn.Close()
	}
	if abort || !t.lingers { // else Close looks at it while it waits
		t.conn.Forget()
		t.conn = nil
	}
}
