package tcp

import (
	"syscall"
	"time"

	ev "septet/event"
	"septet/header"
)

// The user timeout: how long data may stay unacknowledged. The user sets it, or
// the two ends tell each other what they would like (RFC 5482).

// Bounds of a timeout that the peer has a say in: L_LIMIT, which RFC 9293,
// section 3.8.3, puts at 100 seconds, and U_LIMIT.
const (
	leastUserTimeout   = 100 * time.Second
	longestUserTimeout = 24 * time.Hour
)

// adviceRetries is R1 of RFC 9293, section 3.8.3 (MUST-20, SHLD-10), in
// retransmissions.
const adviceRetries = 3

// userTimeouts is the state of the user timeout.
type userTimeouts struct {
	remote  time.Duration // REMOTE_UTO; zero until the peer has told it
	told    time.Duration // the ADV_UTO that the peer has been told
	stalled ev.Time       // since when nothing was acknowledged, while retries > 0
	shut    ev.Time       // since when the window lets nothing of shutSeq through
	shutSeq header.Seq
}

// userTimeout returns USER_TIMEOUT, zero if the count of retransmissions decides.
func (c *Conn) userTimeout() time.Duration {
	switch adv := c.opts.AdvertisedTimeout; {
	case c.opts.UserTimeout > 0:
		return c.opts.UserTimeout // RFC 5482, section 3.1: CHANGEABLE is false
	case adv <= 0 || c.user.remote == 0:
		return 0 // ENABLED is false, or there is nothing to agree on
	default:
		// USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))
		return min(longestUserTimeout, max(adv, c.user.remote, leastUserTimeout))
	}
}

// minutes is the granularity bit of the option (RFC 5482, section 2).
const minutes = 1 << 15

// encodeTimeout returns the option's value: at least one second, and not less
// than d if that can be said.
func encodeTimeout(d time.Duration) uint16 {
	if s := (d + time.Second - 1) / time.Second; s < minutes {
		return uint16(max(s, 1))
	}
	return minutes | uint16(min((d+time.Minute-1)/time.Minute, minutes-1))
}

func decodeTimeout(v uint16) time.Duration {
	if v&minutes != 0 {
		return time.Duration(v&^minutes) * time.Minute
	}
	return time.Duration(v) * time.Second
}

// takeUserTimeout notes what the peer tells. RFC 5482, section 3: a value of zero
// is ignored.
func (c *Conn) takeUserTimeout(o *header.TCPOptions) {
	if o.HasUserTimeout {
		if d := decodeTimeout(o.UserTimeout); d > 0 {
			c.needSeldom().user.remote = d
		}
	}
}

// putUserTimeout adds the option to every SYN, and to the first segment after it
// or after a change that has room for it. RFC 5482, section 3.3: it need not be
// exchanged reliably.
func (c *Conn) putUserTimeout(s *Segment) {
	adv := c.opts.AdvertisedTimeout
	syn := s.Flags&header.SYN != 0
	if adv <= 0 || s.Flags&header.RST != 0 || !syn && adv == c.user.told {
		return
	}
	const length = 4
	if s.Options.Len()+length > header.TCPMaxLen-header.TCPLen ||
		!syn && s.Len()+len(s.Text)+len(s.rest)+length > c.fullPacket()-c.path.HeaderLen() {
		return
	}
	s.Options.HasUserTimeout, s.Options.UserTimeout = true, encodeTimeout(adv)
	if !syn {
		c.needSeldom().user.told = adv
	}
}

// givesUp is asked at every retransmission timeout: whether R2 of RFC 9293,
// section 3.8.3, is reached, as a time or as a count. At R1 the network layer is
// told.
func (c *Conn) givesUp(now ev.Time) bool {
	if c.retries == 0 {
		c.needSeldom().user.stalled = now.Add(-c.rtt.backedOff(c.about, c.backoff))
	}
	if c.retries+1 >= adviceRetries {
		c.atR1()
	}
	limit := c.userTimeout()
	if limit > 0 && now.Sub(c.user.stalled) >= limit {
		return true
	}
	if c.state == SynSent && c.about.SynLinear > 0 && now.Sub(c.user.stalled) >= c.openTime() {
		return true
	}
	// The time of the user takes the place of the count, but not for a SYN.
	return (limit == 0 || !c.is(flagSynAcked)) && int(c.retries) >= c.retryLimit()
}

// openTime is how long the retransmissions of a SYN would take if every one backed off. The
// linear ones come on top of their count, not of this time.
func (c *Conn) openTime() time.Duration {
	return c.about.InitialRTO<<min(c.synRetries()+1, 20) - c.about.InitialRTO
}

// atR1 is RFC 9293, section 3.8.3 (b) and (e): the network layer is told that the
// path may be dead, and the user, if he asks, that nothing arrives.
func (c *Conn) atR1() {
	c.env.counters().NegativeAdvice++
	c.path.Doubt()
	if c.soft == nil {
		c.needSeldom().soft = syscall.ETIMEDOUT
	}
}

// shutTooLong reports whether what the user wrote has waited for a window longer
// than he has said. A peer that answers probes is otherwise given all the time it
// wants (MUST-37).
func (c *Conn) shutTooLong(now ev.Time) bool {
	u := &c.needSeldom().user
	if u.shut == 0 || u.shutSeq != c.sndUna {
		u.shut, u.shutSeq = now.Add(-c.rtt.backedOff(c.about, c.backoff)), c.sndUna
	}
	return c.opts.UserTimeout > 0 && now.Sub(u.shut) >= c.opts.UserTimeout
}

// clampTimeout lets the retransmission timer run out no later than the user
// timeout.
func (c *Conn) clampTimeout() {
	limit := c.userTimeout()
	switch {
	case limit == 0 || c.rtoAt == ev.Never:
	case c.is(flagPersist) && c.opts.UserTimeout > 0 && c.user.shutSeq == c.sndUna && c.user.shut > 0:
		c.rtoAt = min(c.rtoAt, c.user.shut.Add(limit))
	case !c.is(flagPersist) && c.retries > 0:
		c.rtoAt = min(c.rtoAt, c.user.stalled.Add(limit))
	}
}

// silentTooLong reports whether a peer that was probed count times, and has been
// quiet so long, is gone. A user timeout takes the place of the count (tcp(7)).
func (c *Conn) silentTooLong(quiet time.Duration, count int) bool {
	if limit := c.opts.UserTimeout; limit > 0 {
		return c.probes > 0 && quiet >= limit
	}
	return int(c.probes) >= count
}
