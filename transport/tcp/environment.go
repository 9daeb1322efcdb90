package tcp

import (
	"math/rand/v2"

	ev "septet/event"
	"septet/header"
)

// environment is what a connection needs around it.
type environment interface {
	storage
	// emit sends a segment. It must not call back into the connection.
	emit(c *Conn, s *Segment)
	// scratch is what one segment is worked on with, and what connections borrow.
	scratch() *scratch
	// shared returns a copy of o that connections with the same options share.
	shared(o Options) *Options
	now() ev.Time
	// secrets returns an initial sequence number (RFC 6528) and the offset of the
	// timestamp clock (RFC 7323, section 5.4).
	secrets(c *Conn, now ev.Time) (iss header.Seq, offset uint32)
	// schedule has Expire called at the connection's Deadline.
	schedule(c *Conn)
	// stateChanged tells that c moved on from state from because of e.
	stateChanged(c *Conn, from State, e event)
	// settle has everything run that was posted in this turn.
	settle()
	// ended tells that c is closed and forgotten.
	ended(c *Conn)
	// rand is the network's source of randomness.
	rand() *rand.Rand
	// crowded says that there is no room for one more in TIME-WAIT.
	crowded() bool
	counters() *Stats
	// rememberFastOpen keeps what a SYN,ACK says of Fast Open for the next
	// connection; fastOpenLost notes that a SYN with its option was not answered.
	rememberFastOpen(c *Conn, s *Segment)
	fastOpenLost(c *Conn, now ev.Time)
	// rememberPath keeps the MTU of the connection's path for the next connection.
	rememberPath(c *Conn, mtu int)
}

// scratch is what the connections of a host share: space to work in, and what they
// borrow. A host that never talks TCP has none.
type scratch struct {
	env   environment // of all connections that use it
	store storage     // and its storage: to make one of the other takes a look-up
	*workspace
	way    lookedUp
	hashed hashedPair // keyed last

	// What nobody uses at the moment.
	flights    spares[*flight]
	traffics   spares[*traffic]
	placements spares[*Placement]
	conns      spareConns

	warm warmConns
}

// workspace is space for the one segment that is being worked on, and for its
// acknowledgement. The hosts of a loop share one (event.Loop.Shared).
type workspace struct {
	segment Segment // the one being received
	ack     ack     // what it acknowledges
	sample  Sample  // and tells the congestion control
	sending Segment // the one being sent
	guest   []byte  // the memory of a write that lends it, see sendBuffer
}

// workspaces is the key of a loop's workspace.
type workspaces struct{}

func (l *Layer) scratch() *scratch {
	if l.work == nil {
		l.makeScratch()
	}
	return l.work
}

func (l *Layer) makeScratch() {
	ws := l.loop.Shared(workspaces{}, func() any { return new(workspace) }).(*workspace)
	l.work = &scratch{workspace: ws}
}

// settle has everything run that was posted.
func (l *Layer) settle() { l.loop.Settle() }

// now returns the time of this turn.
func (l *Layer) now() ev.Time { return l.loop.Now() }

// rand returns the loop's source of randomness.
func (l *Layer) rand() *rand.Rand { return l.loop.Rand() }

// crowded reports whether too many connections wait in TIME-WAIT.
func (l *Layer) crowded() bool { return l.timeWaits > l.about.MaxTimeWait }

// counters returns what connections count in.
func (l *Layer) counters() *Stats { return &l.stats }
