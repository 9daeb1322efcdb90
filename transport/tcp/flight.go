package tcp

import (
	ev "septet/event"
	"septet/header"
	"septet/packet"
)

// flight is what a connection must know while something is outstanding or a loss
// episode may yet have a consequence. The layer lends it, so that a connection at
// rest has none.
type flight struct {
	board scoreboard
	loss  recovery
	tlp   tailLossProbe
	loans packet.Loans // segments on the way whose text is in the send buffer

	rackAt ev.Time // reordering timer
	tlpAt  ev.Time // tail loss probe
}

// atRest is the flight of every connection that has none. It is never written.
var atRest = flight{board: scoreboard{flying: emptyChain, lost: emptyChain}, rackAt: ev.Never, tlpAt: ev.Never}

// needFlight makes sure that the connection has a flight of its own to write to.
func (c *Conn) needFlight() {
	if c.flight == &atRest {
		c.borrowFlight()
	}
}

// borrowFlight is not part of needFlight, so that needFlight is inlined.
//
//go:noinline
func (c *Conn) borrowFlight() { c.flight = c.scratch.lendFlight() }

// rest gives back what does not matter any more. Every event ends with it. The
// connections that have been at rest last keep what they have: a dialogue would
// borrow it again at once.
func (c *Conn) rest() {
	switch {
	case c.state == Established:
		if c.board.size == 0 && c.flight != &atRest && !c.is(flagWarm) {
			c.scratch.warm.add(c)
		}
	case c.is(flagWarm):
		c.cool()
	case c.board.size == 0 && c.flight != &atRest || c.state == TimeWait:
		c.giveBack()
	}
}

// warmConns are the established connections of a host that have been at rest last.
type warmConns struct {
	slots  [16]*Conn
	oldest uint8
}

// add puts c in the place of the one that came first.
func (w *warmConns) add(c *Conn) {
	i := w.oldest
	if old := w.slots[i]; old != nil && old.is(flagWarm) && old.warmSlot == i {
		old.cool()
	}
	w.slots[i], c.warmSlot = c, i
	c.set(flagWarm)
	w.oldest = (i + 1) % uint8(len(w.slots))
}

// cool gives back what the connection has kept.
func (c *Conn) cool() {
	c.unset(flagWarm)
	c.scratch.warm.slots[c.warmSlot] = nil
	if c.snd.size == 0 {
		c.snd.release(c.store)
	}
	if c.rcv.size == 0 && !c.gaps() {
		c.rcv.release(c.store)
	}
	c.giveBack()
}

// giveBack gives back the flight, if it is over, and of a connection of which only
// TIME-WAIT is left, the traffic.
func (c *Conn) giveBack() {
	if c.state == TimeWait && c.is(flagForgotten) && c.traffic != &noTraffic {
		c.scratch.takeBackTraffic(c.traffic)
		c.traffic = &noTraffic
	}
	f := c.flight
	if f == &atRest {
		return
	}
	if c.state != Closed && !f.over() {
		if f.board.size == 0 && len(f.board.ring) > maxRestingRecords {
			f.board.ring = nil // it may be long before anything is sent again
		}
		return
	}
	c.flight = &atRest
	c.scratch.takeBackFlight(f)
}

// over reports whether the flight says no more than atRest does.
func (f *flight) over() bool {
	l := &f.loss
	return f.board.size == 0 &&
		l.phase == phaseOpen && !l.undo && !l.ecnSlow && !l.frto &&
		l.dupAcks == 0 && l.dupBytes == 0 && l.newOnly == 0 &&
		!f.tlp.out && f.rackAt == ev.Never && f.tlpAt == ev.Never
}

// Bounds of the flights kept for the next connections that send, and of what one keeps
// that is not over though nothing is outstanding.
const (
	maxStoredFlights  = 64
	maxStoredRecords  = 1 << 12 // segments in the scoreboard of one of them
	maxRestingRecords = 1 << 6
)

func (w *scratch) lendFlight() *flight {
	f, ok := w.flights.take()
	if !ok {
		f = new(flight)
		*f = atRest
	}
	return f
}

// takeBackFlight keeps a flight for the next connection that sends, with the memory
// of its scoreboard. The last one is lent first: it is still in the processor's cache.
func (w *scratch) takeBackFlight(f *flight) {
	f.board.empty()
	f.loans.CallAll() // what is on the way when the connection ends, and window probes
	f.loss, f.tlp = recovery{}, tailLossProbe{}
	f.rackAt, f.tlpAt = ev.Never, ev.Never
	w.flights.keep(f, maxStoredFlights)
}

// traffic is what a connection knows once data has passed on it, in either
// direction.
type traffic struct {
	ctrl Control // see control
	rate deliveryRate
	tune autotune
	data dataCounts // for Info

	paceAt   ev.Time // the pacing rate allows the next segment
	paceNext ev.Time // when it will; paceAt only if something waits for it

	// For the personalities that are so exact.
	burst      burst
	acks       adaptiveACK
	textAt     ev.Time    // when text last arrived
	toldWindow int        // our window as it was last told
	sndSml     header.Seq // end of the last segment sent that was not full

	used *Cubic // the control of a connection that has ended: it may serve again
}

// noTraffic is the traffic of every connection that has had none. It is never
// written.
var noTraffic = traffic{paceAt: ev.Never}

// needTraffic makes sure that the connection has traffic of its own to write to.
func (c *Conn) needTraffic() *traffic {
	if c.traffic == &noTraffic {
		c.beginTraffic()
	}
	return c.traffic
}

func (c *Conn) beginTraffic() {
	t := c.scratch.lendTraffic()
	t.sndSml, t.toldWindow = c.sndUna, max(0, c.rcvAdv.Sub(c.rcvNxt))
	if c.is(flagSynAcked) {
		// The network has waited for the application since the handshake.
		t.rate.idle(0)
	}
	c.traffic = t
}

// maxStoredTraffics caps those kept for the next connections.
const maxStoredTraffics = 64

func (w *scratch) lendTraffic() *traffic {
	t, ok := w.traffics.take()
	if !ok {
		t = new(traffic)
		*t = noTraffic
	}
	return t
}

// takeBackTraffic keeps what a connection that has ended had.
func (w *scratch) takeBackTraffic(t *traffic) {
	if t == &noTraffic {
		return
	}
	used, _ := t.ctrl.(*Cubic)
	*t = noTraffic
	t.used = used
	w.traffics.keep(t, maxStoredTraffics)
}

// noteIdle notes that the network waits for the application.
func (c *Conn) noteIdle() {
	if c.traffic != &noTraffic {
		c.rate.idle(c.inFlight())
	}
}

// seldom is what few connections need.
type seldom struct {
	soft       error        // what ICMP reported, told if the connection times out
	report     error        // what it reported, told at the next call
	corkAt     ev.Time      // corked data goes out all the same
	deferUntil ev.Time      // an ACK without data does not open the connection before
	fast       *fastOpen    // nil without Fast Open
	user       userTimeouts // RFC 5482
	challenge  challengeLimit
	mtu        pathMTU
}

// usual is the rest for every connection that needs nothing of it. It is never
// written.
var usual = seldom{corkAt: ev.Never}

// needSeldom makes sure that the connection has a seldom of its own to write to.
func (c *Conn) needSeldom() *seldom {
	if c.seldom == &usual {
		s := usual
		c.seldom = &s
	}
	return c.seldom
}

// shared returns a copy of o. Connections that are opened one after the other
// mostly have the same options: they share them.
func (l *Layer) shared(o Options) *Options { return l.share(&o) }

// share is shared for who would rather not copy o on the way.
func (l *Layer) share(o *Options) *Options {
	if l.lastOptions == nil || *l.lastOptions != *o {
		kept := *o
		l.lastOptions = &kept
	}
	return l.lastOptions
}

// adopt is share for options that nobody changes.
func (l *Layer) adopt(o *Options) *Options {
	if l.lastOptions == nil || l.lastOptions != o && *l.lastOptions != *o {
		l.lastOptions = o
	}
	return l.lastOptions
}
