package tcp

import (
	"io"
	"syscall"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// Options are what the user may set on a connection.
type Options struct {
	Congestion    string // the congestion control, see Controls; empty: the personality's
	NoDelay       bool   // no Nagle algorithm (RFC 9293, section 3.7.4)
	Cork          bool   // only full segments, until it is taken off; see corkTime
	OOBInline     bool   // urgent data stays in the stream (RFC 6093, section 3.4)
	KeepAlive     KeepAlive
	ECN           bool  // ask the peer for explicit congestion notification (RFC 3168)
	SendBuffer    int   // bytes; zero: the personality's
	ReceiveBuffer int   // bytes; zero: the personality's
	MaxSegment    int   // bytes of an MSS offered and used at most; zero: the path's
	TTL           uint8 // of IPv4; zero: the network layer's
	TOS           uint8 // of IPv4
	HopLimit      uint8 // of IPv6; zero: the network layer's
	TrafficClass  uint8 // of IPv6
	MayCut        bool  // routers may cut its segments of IPv4 (IP_MTU_DISCOVER)
	WindowClamp   int   // bytes of the window that it opens with, at most; zero: no limit
	SynRetries    int   // SYNs sent again; zero: the personality's
	TellErrors    bool  // what ICMP says over IPv4 the next call returns (IP_RECVERR)
	TellErrors6   bool  // the same over IPv6

	// Sharing says who else may have the local port, and of what device it is.
	Sharing

	// SourceRoute is the way of an active open and all segments after it, nil for
	// any. A passive open without one has the peer's, the other way. It stays what it
	// is once the connection is opened (RFC 9293, section 3.9.2.1, MUST-51).
	SourceRoute *network.SourceRoute

	// UserTimeout is how long data may stay unacknowledged, or wait for a window,
	// before the connection fails with ETIMEDOUT. Zero leaves it to the
	// personality's count of retransmissions (R2 of RFC 9293, section 3.8.3).
	UserTimeout time.Duration
	// FinWait2 is how long a closed connection waits for the peer's FIN; zero: the
	// personality's; negative: not at all.
	FinWait2 time.Duration
	// AdvertisedTimeout is ADV_UTO of RFC 5482: what the peer is told. With zero
	// the option is neither sent nor heeded.
	AdvertisedTimeout time.Duration

	// Of a listener. FastOpen is how many connections may have handed over data
	// before their handshake is over (RFC 7413); zero: none. DeferAccept holds a
	// connection back until it brings data, so long.
	FastOpen    int
	DeferAccept time.Duration
}

// KeepAlive says whether and how an idle connection is probed. Zero values mean
// the personality's.
type KeepAlive struct {
	Enabled        bool
	Idle, Interval time.Duration
	Count          int
}

// Limits of the buffers that a user may ask for.
const (
	minBuffer = 1 << 10
	maxBuffer = 64 << 20
)

// Options returns the connection's options.
func (c *Conn) Options() Options { return *c.opts }

// SetOptions changes the connection's options.
func (c *Conn) SetOptions(o Options) {
	if c.state != Closed {
		o.SourceRoute = c.opts.SourceRoute
	}
	c.useOptions(c.env.shared(o))
	if c.state.synchronized() {
		now := c.env.now()
		c.startKeepAlive(now)
		c.act(now)
	}
}

func (c *Conn) useOptions(o *Options) {
	c.opts = o
	c.snd.limit = bufferSize(o.SendBuffer, c.about.SendBuffer)
	c.rcv.limit = bufferSize(o.ReceiveBuffer, c.about.ReceiveBuffer)
}

func bufferSize(asked, usual int) int {
	if asked == 0 {
		return usual
	}
	return min(max(asked, minBuffer), maxBuffer)
}

func (c *Conn) keepAliveTimes() (idle, interval time.Duration, count int) {
	k := &c.opts.KeepAlive
	idle, interval, count = k.Idle, k.Interval, k.Count
	if idle <= 0 {
		idle = c.about.KeepIdle
	}
	if interval <= 0 {
		interval = c.about.KeepInterval
	}
	if count <= 0 {
		count = c.about.KeepCount
	}
	return idle, interval, count
}

// SetOwner says who is told when the connection becomes ready.
func (c *Conn) SetOwner(o Owner) { c.owner = o }

// Owner returns who is told: of a connection that was just accepted the Parent's Child.
func (c *Conn) Owner() Owner { return c.owner }

// act sends what a call of the user has made possible.
func (c *Conn) act(now ev.Time) {
	c.Output(now)
	c.env.schedule(c)
}

// Connected reports whether the three-way handshake is over, or Fast Open need
// not wait for it, and the connection has not ended.
func (c *Conn) Connected() bool { return c.state.synchronized() || c.early() }

// Buffered returns how many bytes Read could return at once.
func (c *Conn) Buffered() int {
	if !c.is(flagRcvUrgent) {
		return c.rcv.size
	}
	return c.rcv.size - c.urgentAside()
}

// Crammed reports whether the receive window is so small that not even a segment fits:
// not much more will come before something is read.
func (c *Conn) Crammed() bool { return c.receiveWindow() <= c.mss }

// Unsent returns how many bytes the peer has not acknowledged.
func (c *Conn) Unsent() int { return c.snd.size }

// CanRead reports whether Read would return something other than EAGAIN.
func (c *Conn) CanRead() bool {
	return c.Buffered() > 0 || c.is(flagFinTaken|flagReadClosed) || c.state == Closed || c.report != nil
}

// CanWrite reports whether Write would return something other than EAGAIN.
func (c *Conn) CanWrite() bool {
	if c.opening() {
		return false
	}
	return !c.maySend() || c.snd.size < c.snd.limit
}

// ArrivedAt is when text last arrived in order.
func (c *Conn) ArrivedAt() ev.Time { return c.textAt }

// HasRoom reports whether the send buffer is open and has room for half of what it
// holds: at least a third of it is free. It is when Linux calls a stream writable, so
// that who waits for room is not woken for every segment that is acknowledged.
func (c *Conn) HasRoom() bool {
	if c.opening() {
		return false
	}
	return !c.maySend() || c.snd.limit-c.snd.size >= max(c.snd.size/2, 1)
}

// Read is RECEIVE (RFC 9293, section 3.10.3). It returns EAGAIN when there is
// nothing yet, io.EOF after the peer's FIN.
func (c *Conn) Read(b []byte) (int, error) {
	c.skipUrgent()
	n := c.readable()
	if n == 0 {
		return 0, c.nothingToRead()
	}
	n = c.rcv.read(c.store, b[:min(n, len(b))], c.is(flagWarm))
	c.tuneReceive(n)
	c.passUrgent()
	c.updatePeer()
	return n, nil
}

// updatePeer tells the peer of the room that a read has made, but only when it at
// least doubles what the peer believes there is: an update for every read would
// cost more than it gives.
func (c *Conn) updatePeer() {
	if c.owesUpdate() {
		c.set(flagAckNow)
		c.act(c.env.now())
	}
}

func (c *Conn) owesUpdate() bool {
	least := max(2*c.rcvAdv.Sub(c.rcvNxt), 1)
	return c.rcv.free() >= least && c.state.mayReceive() && c.receiveWindow() >= least
}

// Peek is Read without taking anything away.
func (c *Conn) Peek(b []byte) (int, error) {
	c.skipUrgent()
	n := c.readable()
	if n == 0 {
		return 0, c.nothingToRead()
	}
	return c.rcv.peek(b[:min(n, len(b))]), nil
}

// Silent reports whether Read would return EAGAIN, in the usual case: the connection is
// established, and nothing is the matter.
func (c *Conn) Silent() bool { return c.rcv.size == 0 && c.unremarkable() }

func (c *Conn) unremarkable() bool {
	return c.state == Established && c.err == nil && c.report == nil && !c.is(flagReadClosed|flagRcvUrgent)
}

func (c *Conn) nothingToRead() error {
	if c.unremarkable() {
		return syscall.EAGAIN // the usual case of what follows
	}
	if c.is(flagFinTaken) {
		return io.EOF // as on Linux, whatever came after it: that is for who writes
	}
	if err := c.TakeError(); err != nil {
		return err
	}
	if c.CanRead() {
		return io.EOF
	}
	return syscall.EAGAIN
}

// Write is SEND (RFC 9293, section 3.10.2): it queues what fits of b, sends what
// may be sent, and returns EAGAIN when nothing fits.
func (c *Conn) Write(b []byte) (int, error) {
	c.unset(flagMore)
	return c.write(b)
}

func (c *Conn) write(b []byte) (int, error) {
	switch {
	case c.state == Established && c.report == nil:
	case c.opening():
		return 0, syscall.EAGAIN
	case !c.maySend():
		if err := c.TakeError(); err != nil {
			return 0, err
		}
		return 0, syscall.EPIPE
	case c.report != nil:
		return 0, c.takeReport()
	}
	n := c.queue(b)
	if n == 0 && len(b) > 0 {
		return 0, syscall.EAGAIN
	}
	c.act(c.env.now())
	return n, nil
}

// queue puts what fits of b into the send buffer.
func (c *Conn) queue(b []byte) int {
	if c.loans.Any() && c.snd.moves(len(b)) {
		c.loans.CallAll()
	}
	return c.snd.write(c.store, b)
}

// leastThrough is the shortest write that is worth an exchange with the peer to save
// copying it.
const leastThrough = 8 << 10

// WriteThrough is Write for who has taken the turn. It has everything run that the
// write leads to, which on a wire without delay is the peer's receipt of it, and
// copies only what the peer has not acknowledged by then.
func (c *Conn) WriteThrough(b []byte) (int, error) {
	if len(b) < leastThrough || c.opening() || c.report != nil || !c.maySend() || c.is(flagUrgent) || !c.carriesTrains() {
		return c.Write(b)
	}
	c.unset(flagMore)
	c.loans.CallAll() // the ring may have to move for what is left of the guest
	guest := &c.scratch.guest
	*guest = b
	n := c.snd.writeGuest(guest)
	if n == 0 {
		*guest = nil
		return 0, syscall.EAGAIN
	}
	c.act(c.env.now())
	c.env.settle()
	c.snd.adopt(c.store)
	return n, nil
}

// Await has what arrives next placed in b itself, as far as it fits, until Collect
// is called. It returns nil if that cannot be: something is there to read already,
// or another reader waits.
func (c *Conn) Await(b []byte) *Placement {
	if c.rcv.waiting != nil || c.rcv.size > 0 || c.is(flagRcvUrgent|flagReadClosed) || c.state == Closed {
		return nil
	}
	c.rcv.waiting = c.scratch.lendPlacement(b)
	return c.rcv.waiting
}

// Collect ends Await and returns how many bytes have been placed. The connection may
// have been forgotten meanwhile and be another one now.
func (c *Conn) Collect(p *Placement) int {
	n := p.placed
	if c.rcv.waiting == p {
		c.rcv.waiting = nil
		if n > 0 {
			c.tuneReceive(n)
			c.updatePeer()
		}
	}
	c.scratch.takeBackPlacement(p)
	return n
}

// mostHanded is the longest text that a reader is handed. Of more he should take along
// himself what follows.
const mostHanded = 4 << 10

// CollectHanded is Collect for who is told that text was pushed, and hands the reader what
// has been placed for him. It does nothing and returns 0 if the reader should look himself:
// there is more to read, much was placed, or the peer is to be told of the room.
func (c *Conn) CollectHanded() int {
	p := c.rcv.waiting
	if p == nil || p.placed == 0 || p.placed > mostHanded || c.rcv.size > 0 || c.owesUpdate() {
		return 0
	}
	n := p.placed
	c.rcv.waiting = nil
	c.tuneReceive(n)
	c.scratch.takeBackPlacement(p)
	return n
}

// CloseWrite is CLOSE as RFC 9293, section 3.10.4, means it: the user has no more
// to send, but still receives.
func (c *Conn) CloseWrite() error {
	switch {
	case c.state == Closed || c.state == SynSent:
		return syscall.ENOTCONN
	case c.state.closedByUser():
		return nil
	}
	c.queueFIN()
	return nil
}

func (c *Conn) queueFIN() {
	c.set(flagFinQueued)
	c.move(userClose)
	c.act(c.env.now())
	c.notify(Writable)
}

// CloseRead says that the user does not wait for data any more. The peer is not told: what
// it sends can still be read, as on Linux, until this side has ended too; then it is
// answered with a reset.
func (c *Conn) CloseRead() {
	c.set(flagReadClosed)
	c.notify(Readable)
}

// Close lets go of the connection: what was written is still delivered, and the
// connection ends by itself. If bytes are left that the user has not read, the
// peer is told by a reset that they were lost (RFC 9293, section 3.6.1; RFC 2525,
// section 2.17).
func (c *Conn) Close() {
	if c.is(flagDetached) {
		return
	}
	c.set(flagDetached)
	c.owner = nil
	switch {
	case c.state == Closed:
		c.discardReceived()
	case c.state == SynSent:
		c.end(userClose, nil)
	case c.rcv.size > 0 && c.state != TimeWait:
		c.Abort()
	case c.state.closedByUser():
		c.discardReceived()
		c.abandonFinWait2(c.env.now())
		c.env.schedule(c)
	default:
		c.queueFIN()
	}
}

// Forget says that the user, who has let go of the connection, has no pointer to it
// any more: when it has ended, its memory serves another.
func (c *Conn) Forget() {
	if c.is(flagForgotten) {
		return
	}
	c.set(flagForgotten | flagDetached)
	c.owner = nil
	switch c.state {
	case Closed:
		c.env.ended(c)
	case TimeWait:
		c.rest()
		c.env.schedule(c)
	}
}

// Abort ends the connection at once with a reset (RFC 9293, section 3.10.5).
func (c *Conn) Abort() {
	c.set(flagDetached)
	if c.state == Closed {
		c.discardReceived()
		return
	}
	if c.state != TimeWait {
		c.sendReset(c.env.now())
	}
	c.destroy(syscall.ECONNABORTED)
	c.rest()
}

// replyReset refuses a segment that acknowledges what was never sent.
func (c *Conn) replyReset(s *Segment) {
	c.env.emit(c, &Segment{TCP: header.TCP{
		SrcPort: c.localPort, DstPort: c.remotePort, Seq: s.Ack, Flags: header.RST,
	}})
}
