package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
)

// Expire does what is due at now.
func (c *Conn) Expire(now ev.Time) {
	if now >= c.ackAt {
		c.ackAt = ev.Never
		c.ackWaited()
		c.set(flagAckNow)
		c.env.counters().DelayedACKs++
	}
	if now >= c.corkAt {
		c.corkAt = ev.Never
		c.set(flagUncork)
	}
	if now >= c.rackAt {
		c.rackExpired(now)
	}
	if now >= c.tlpAt {
		c.probeTail(now)
	}
	if now >= c.rtoAt {
		if c.is(flagPersist) {
			c.persistExpired(now)
		} else {
			c.timeout(now)
		}
	}
	if now >= c.keepAt {
		c.keepExpired(now)
	}
	c.Output(now)
	c.unset(flagUncork)
	c.clampTimeout()
}

// orphanProbes is how long a connection that the user has let go of waits for a
// window, in doublings of the timeout: nobody else would ever end it.
const orphanProbes = 8

// persistExpired sends a window probe. RFC 9293, MUST-37: a connection with a
// shut window stays open as long as the peer answers. Into a window that is only
// too small to be worth it, what fits is sent as ordinary data.
func (c *Conn) persistExpired(now ev.Time) {
	if c.is(flagDetached) && c.backoff >= orphanProbes {
		c.sendReset(now)
		c.destroy(syscall.ETIMEDOUT)
		return
	}
	if c.shutTooLong(now) || int(c.probes) >= c.about.DataRetries {
		c.destroy(syscall.ETIMEDOUT)
		return
	}
	if c.sndWnd > 0 {
		c.unset(flagPersist)
		c.rtoAt = ev.Never
		if i := c.board.lost.first; c.board.size > 0 && i >= 0 {
			c.resend(now, i)
		} else {
			n := min(c.snd.size-c.sndNxt.Sub(c.snd.start), c.sndWnd, c.mss)
			c.sendText(now, n, false)
		}
		return
	}
	c.probes++
	if c.backoff < 30 {
		c.backoff++ // SHLD-30: exponentially later
	}
	c.env.counters().WindowProbes++
	c.probe(now)
	c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff))
}

// keepExpired ends TIME-WAIT and an abandoned FIN-WAIT-2, or sends a keep-alive.
func (c *Conn) keepExpired(now ev.Time) {
	switch {
	case c.state == TimeWait:
		c.end(timeout2MSL, nil)
	case c.state == FinWait2 && c.is(flagDetached) && c.about.FinWait2 > 0:
		c.destroy(nil)
	case c.opts.KeepAlive.Enabled && c.state.synchronized():
		c.keepAlive(now)
	default:
		c.keepAt = ev.Never
	}
}

// keepAlive probes an idle peer (RFC 9293, section 3.8.4).
func (c *Conn) keepAlive(now ev.Time) {
	idle, interval, count := c.keepAliveTimes()
	quiet := now.Sub(c.heardAt)
	if quiet < idle {
		c.probes = 0
		c.keepAt = c.heardAt.Add(idle)
		return
	}
	if c.rtoAt != ev.Never {
		// Something is outstanding or held back: that timer finds out.
		c.keepAt = now.Add(interval)
		return
	}
	if c.silentTooLong(quiet, count) {
		c.sendReset(now)
		c.destroy(syscall.ETIMEDOUT)
		return
	}
	c.probes++
	c.env.counters().KeepAlives++
	c.transmit(now, header.ACK, c.sndUna-1, 0)
	c.keepAt = now.Add(interval)
}

// startKeepAlive sets the keep-alive timer on a connection that wants one.
func (c *Conn) startKeepAlive(now ev.Time) {
	if !c.opts.KeepAlive.Enabled || !c.state.synchronized() || c.state == TimeWait {
		return
	}
	idle, _, _ := c.keepAliveTimes()
	c.keepAt = now.Add(idle)
}

// startTimeWait begins, or begins again, the wait of 2 MSL.
func (c *Conn) startTimeWait(now ev.Time) {
	c.stopTimers()
	c.keepAt = now.Add(c.about.TimeWait)
}
