package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
)

// lossRecovery is the state of fast retransmit and fast recovery (RFC 6582).
type lossRecovery struct {
	recover header.Seq // SND.NXT when the last loss was found
	dupAcks int
	active  bool
}

// dupAckThreshold is how many duplicates tell loss from reordering (RFC 5681,
// section 3.2).
const dupAckThreshold = 3

// duplicateACK takes a duplicate acknowledgement (RFC 6582, section 3.2, step 2).
func (c *Conn) duplicateACK(now ev.Time) {
	l := &c.loss
	l.dupAcks++
	switch {
	case l.active:
		// Each one says that a segment has left the network.
		c.win.Cwnd += c.mss
	case l.dupAcks == dupAckThreshold && c.sndUna.After(l.recover):
		flight := c.sndMax.Sub(c.sndUna)
		c.win.Ssthresh = c.ctrl.Lost(&c.win, flight)
		l.active = true
		l.recover = c.sndMax
		c.env.counters().FastRetransmits++
		c.retransmit(now)
		c.win.Cwnd = c.win.Ssthresh + dupAckThreshold*c.mss
	}
}

// progress takes an acknowledgement of acked bytes of new data, with flight
// bytes outstanding before it (RFC 6582, section 3.2, steps 3 to 5).
func (c *Conn) progress(now ev.Time, acked, flight int) {
	l := &c.loss
	l.dupAcks = 0
	switch {
	case !l.active:
		if c.sndUna.After(l.recover) {
			l.recover = c.sndUna - 1 // kept near, so that it stays comparable
		}
		if c.windowUsed(flight) {
			c.ctrl.Acked(&c.win, acked)
		}
	case c.sndUna.AtLeast(l.recover):
		// A full acknowledgement.
		left := c.sndMax.Sub(c.sndUna)
		c.win.Cwnd = min(c.win.Ssthresh, max(left, c.mss)+c.mss)
		l.active = false
	default:
		// A partial one: the next hole begins at SND.UNA.
		c.retransmit(now)
		c.win.Cwnd = max(c.win.Cwnd-acked, c.mss)
		if acked >= c.mss {
			c.win.Cwnd += c.mss
		}
	}
}

// timeout is the expiry of the retransmission timer (RFC 6298, 5.4 to 5.6; RFC
// 5681, section 3.1; RFC 6582, section 4).
func (c *Conn) timeout(now ev.Time) {
	if int(c.retries) >= c.retryLimit() {
		err := c.soft
		if err == nil {
			err = syscall.ETIMEDOUT
		}
		c.destroy(err)
		return
	}
	c.env.counters().Timeouts++
	if mtu := c.path.MTU(); mtu < c.mss+c.overhead() {
		c.setMSS(mtu) // the route has changed to one that carries less
	}
	if c.is(flagSynAcked) {
		if c.retries == 0 {
			c.win.Ssthresh = c.ctrl.Lost(&c.win, c.sndMax.Sub(c.sndUna))
		}
		c.win.Cwnd = c.mss // the loss window
		c.win.Acked = 0
	}
	c.retries++
	if c.backoff < 30 {
		c.backoff++
	}
	c.loss.active, c.loss.dupAcks = false, 0
	c.loss.recover = c.sndMax
	c.sndNxt = c.sndUna
	c.rtt.cancel()
	c.rtoAt = ev.Never // Output starts it again, backed off
}

// retryLimit is how often the present segment is sent again before the
// connection fails: R2 of RFC 9293, section 3.8.3.
func (c *Conn) retryLimit() int {
	switch {
	case c.state == SynSent:
		return c.about.SynRetries
	case !c.is(flagSynAcked):
		return c.about.SynAckRetries
	}
	return c.about.DataRetries
}
