// Package tcp is layer 4's reliable half: RFC 9293.
//
// A Conn is a state machine with time as an argument. It is moved by arriving
// segments (Input), by time (Expire) and by the user's calls (user.go), and what
// it wants to send it gives to its environment, the Layer, which has the
// demultiplexer, the ports and the way down to IP.
//
// The way of data out:
//
//	Write -> sendBuffer -> output: how much, now or later? -> transmit: cut a
//	segment, its text borrowed from the buffer -> Layer.emit -> network
//
// and in:
//
//	Layer.Input: checksum, which connection? -> Conn.Input: the checks of RFC
//	9293, section 3.10.7.4, in its order -> receiveBuffer -> Read
package tcp

import (
	"net/netip"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// Ready says what a connection or listener has become ready for.
type Ready uint8

// Values of Ready.
const (
	Readable   Ready = 1 << iota // data, the peer's FIN or an error
	Writable                     // room in the send buffer, connected or failed
	Acceptable                   // a listener has a connection
	Urgent                       // urgent data is announced
	Pushed                       // with Readable: more of it does not follow at once
)

// Owner is told when a connection or listener becomes ready. It is called with
// the turn held and may only wake waiters.
type Owner interface {
	Notify(Ready)
}

// Conn is one connection: the transmission control block of RFC 9293, section
// 3.3.1, under the RFC's names.
//
// A host may have a million of them, most of them idle. So what only some need
// stands behind a pointer: flight is lent while something is outstanding, traffic
// made with the first data, seldom with the first need for it. Until then the
// pointers lead to what such a part says at rest, which is shared by all
// connections and only read.
type Conn struct {
	*flight
	*traffic
	*seldom
	*scratch // of the layer, and its environment

	owner Owner
	about *Personality
	timer ev.Timer // one for all deadlines, see Deadline

	path     network.Path // and the two addresses
	chain    *Conn        // next in the demultiplexer's bucket
	listener *Listener
	port     *Port
	opts     *Options // shared: replaced, never changed
	err      error    // why the connection ended

	localPort, remotePort uint16
	hash                  uint32 // of these and the addresses, see table

	state    State
	warmSlot uint8  // if flagWarm
	pseudo   uint16 // pseudoSum of path
	flags    connFlags

	// Send sequence variables.
	sndUna header.Seq // oldest unacknowledged
	sndNxt header.Seq // next to send for the first time
	sndMax header.Seq // one after the highest number sent
	sndWl1 header.Seq // segment of the last window update
	sndWl2 header.Seq // its acknowledgement
	sndUp  header.Seq // urgent pointer
	iss    header.Seq
	// recover is RFC 6582's: SND.NXT when the latest loss episode began.
	// Acknowledged, the episode is over.
	recover header.Seq
	sndWnd  int // the peer's window, scaled
	sndMxW  int // the largest window the peer ever offered
	sizes   packetSizes

	// Receive sequence variables.
	rcvNxt header.Seq // next expected
	rcvAdv header.Seq // right edge of the window told to the peer
	rcvUp  header.Seq // urgent pointer
	rcvFin header.Seq // where the peer's FIN stands, if flagFinKnown
	irs    header.Seq
	again  uint32 // segments sent again, for Info

	mss          int    // payload of a full segment, options taken off
	peerMSS      uint16 // as told by the peer's SYN
	sndShift     uint8  // applies to windows we receive
	rcvShift     uint8  // applies to windows we send
	quickACKs    uint8  // ACKs still to be sent without delay
	retries      uint8  // timeouts in a row without progress
	backoff      uint8  // doublings of the RTO, until the next measurement
	probes       uint8  // keep-alives or window probes unanswered
	unackedBytes int32  // received since our last ACK
	largest      int32  // largest segment received: the peer's MSS, as far as we see
	recent       recentSACKs
	duplicate    span // received twice, to be told by D-SACK

	snd   sendBuffer
	rcv   receiveBuffer
	rtt   rttEstimator
	stamp timestamps
	win   Window
	rack  rack

	rtoAt    ev.Time // retransmission, or window probe if flagPersist
	ackAt    ev.Time // delayed ACK
	keepAt   ev.Time // keep-alive, 2 MSL, or the end of FIN-WAIT-2
	lastSent ev.Time // when data was last sent
	heardAt  ev.Time // when anything acceptable last arrived
	counts   counts  // for Info
}

// connFlags are the yes-or-no parts of a connection's state.
type connFlags uint32

const (
	flagFinQueued   connFlags = 1 << iota // the user has closed: FIN follows the data
	flagFinSent                           // at least once
	flagFinKnown                          // the peer's FIN has arrived, perhaps ahead of data
	flagFinTaken                          // and everything before it: RCV.NXT is past it
	flagAckNow                            // an ACK must go out
	flagSynAcked                          // our SYN has been acknowledged
	flagScaled                            // both ends offered window scaling
	flagSACK                              // both ends permit selective acknowledgements
	flagECN                               // both ends understand ECN
	flagEchoCE                            // a router has marked what the peer sent: ACKs say so
	flagSendCWR                           // the peer's echo has been answered: the next segment says so
	flagPersist                           // the retransmission deadline is a window probe's
	flagDetached                          // the user has let go of it
	flagReadClosed                        // the user does not wait for data any more
	flagErrTold                           // err has been reported to the user
	flagUrgent                            // sndUp is ahead of sndUna
	flagRcvUrgent                         // rcvUp is ahead of what the user has read
	flagUrgentTaken                       // the urgent byte was read out of band
	flagMore                              // the last write said that more follows
	flagUncork                            // the cork's time is up
	flagEarly                             // data passes before the handshake is over
	flagTaken                             // accepted before the handshake is over
	flagForgotten                         // nobody but the layer has a pointer to it
	flagPassive                           // began with the peer's SYN
	flagFollow                            // answers go by the source route that segments come by
	flagWarm                              // keeps what it has, see warmConns
)

func (c *Conn) is(f connFlags) bool { return c.flags&f != 0 }
func (c *Conn) set(f connFlags)     { c.flags |= f }
func (c *Conn) unset(f connFlags)   { c.flags &^= f }

// Local returns the connection's own address.
func (c *Conn) Local() netip.AddrPort { return netip.AddrPortFrom(c.path.Src(), c.localPort) }

// Remote returns the peer's address.
func (c *Conn) Remote() netip.AddrPort { return netip.AddrPortFrom(c.path.Dst(), c.remotePort) }

// State returns the state of the connection.
func (c *Conn) State() State { return c.state }

// move takes the transition that e labels.
func (c *Conn) move(e event) {
	from := c.state
	to, ok := from.next(e)
	if !ok {
		c.env.counters().InvalidTransitions++
		to = Closed
	}
	c.state = to
	c.env.stateChanged(c, from, e)
}

// init prepares the parts that a new connection in either role has. The options are
// shared ones.
func (c *Conn) init(env environment, p *Personality, path *network.Path, localPort, remotePort uint16, o *Options) {
	c.flight, c.traffic, c.seldom = &atRest, &noTraffic, &usual
	c.scratch, c.about = env.scratch(), p
	if c.env == nil { // of the first connection
		c.env, c.store = env, env
	}
	c.path, c.localPort, c.remotePort = *path, localPort, remotePort
	c.pseudo = pseudoSum(&c.path)
	c.stopTimers()
	c.rack.reoWndMult = 1
	c.quickACKs = uint8(p.QuickACKs)
	c.rtt.init(p)
	c.useOptions(o)
	c.rcvShift = c.scaleFor()
}

// startSequence chooses the initial send sequence number. If the connection takes
// the place of one in TIME-WAIT, the number is beyond all that one has used (RFC
// 9293, section 3.6.1), by more than a window.
func (c *Conn) startSequence(now ev.Time, previous *Conn) {
	c.iss, c.stamp.offset = c.env.secrets(c, now)
	if previous != nil {
		if least := previous.sndMax.Add(1 << 16); c.iss.Before(least) {
			c.iss = least
		}
	}
	c.beginAt(c.iss)
}

// beginAt sets the send sequence variables for an initial sequence number.
func (c *Conn) beginAt(iss header.Seq) {
	c.iss = iss
	c.sndUna, c.sndNxt, c.sndMax, c.sndUp = c.iss, c.iss, c.iss, c.iss
	c.snd.start = c.iss + 1
	c.recover = c.iss
	c.rack.fack, c.rack.endSeq = c.iss, c.iss
}

// open sends the first SYN (RFC 9293, section 3.10.1), with text if Fast Open
// allows it.
func (c *Conn) open(now ev.Time, previous *Conn, text []byte) {
	c.startSequence(now, previous)
	c.snd.write(c.store, text)
	c.move(activeOpen)
	c.Output(now)
}

// Deadline returns the moment at which Expire must be called next.
func (c *Conn) Deadline() ev.Time {
	return min(c.rtoAt, c.rackAt, c.tlpAt, c.paceAt, c.ackAt, c.keepAt, c.corkAt)
}

func (c *Conn) stopTimers() {
	c.rtoAt, c.ackAt, c.keepAt = ev.Never, ev.Never, ev.Never
	if c.flight != &atRest {
		c.rackAt, c.tlpAt = ev.Never, ev.Never
	}
	if c.traffic != &noTraffic {
		c.paceAt = ev.Never
	}
	if c.seldom != &usual {
		c.corkAt = ev.Never
	}
}

// notify tells the owner.
func (c *Conn) notify(r Ready) {
	if c.owner != nil {
		c.owner.Notify(r)
	}
}

// destroy ends the connection at once, with err for the user (nil if he need not
// be told).
func (c *Conn) destroy(err error) { c.end(destroyed, err) }

// end takes the last transition, the one to CLOSED. What has been received stays
// until it is read; the error is told after it.
func (c *Conn) end(e event, err error) {
	if c.state == Closed {
		return
	}
	if c.err == nil {
		c.err = err
	}
	c.stopTimers()
	c.unset(flagAckNow)
	if c.flight != &atRest {
		c.board.empty()
	}
	c.snd.drop(c.snd.size)
	c.snd.release(c.store)
	c.rcv.ahead = nil
	if c.rcv.size == 0 || c.is(flagDetached) {
		c.discardReceived()
	}
	c.move(e)
	c.notify(Readable | Writable)
}

// discardReceived forgets everything not yet read.
func (c *Conn) discardReceived() {
	c.rcv.ahead = nil
	c.rcv.drop(c.rcv.size)
	c.rcv.release(c.store)
}
