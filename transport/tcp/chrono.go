package tcp

import (
	"time"

	ev "septet/event"
)

// limit says what keeps a sender from sending, for Info.
type limit uint8

const (
	idle       limit = iota // nothing is to be sent or acknowledged
	busy                    // the network: its window, or its time
	windowShut              // the peer's window
)

// chronograph adds up how long a connection was held back by what.
type chronograph struct {
	spent [windowShut + 1]time.Duration
	now   limit
	since ev.Time
}

// look notes what holds the connection back from now on.
func (t *chronograph) look(now ev.Time, what limit) {
	t.spent[t.now] += now.Sub(t.since)
	t.now, t.since = what, now
}

// lookWhatHolds notes what holds the connection back from now on.
func (c *Conn) lookWhatHolds(now ev.Time) {
	if c.traffic != &noTraffic {
		c.holdsBack(now, c.heldBy())
	}
}

// holdsBack notes that it is this.
func (c *Conn) holdsBack(now ev.Time, what limit) {
	if what != c.data.chrono.now {
		c.data.chrono.look(now, what)
	}
}

// heldBy returns what keeps the connection from sending more.
func (c *Conn) heldBy() limit {
	if c.snd.size == 0 || !c.is(flagSynAcked) {
		return idle
	}
	queued := c.snd.end().Sub(c.sndNxt)
	room := c.sndWnd - c.sndNxt.Sub(c.sndUna)
	if queued > 0 && room < min(queued, c.mss) {
		return windowShut
	}
	return busy
}
