package tcp

import (
	"time"

	ev "septet/event"
)

// corkTime is how long a segment that is not full may be held back by a cork
// (tcp(7): "a 200 millisecond ceiling").
const corkTime = 200 * time.Millisecond

// WriteMore is Write by a user who is about to write more: as if corked until
// the next Write (MSG_MORE).
func (c *Conn) WriteMore(b []byte) (int, error) {
	c.set(flagMore)
	return c.write(b)
}

// corked reports whether only full segments may go out.
func (c *Conn) corked() bool {
	return (c.opts.Cork || c.is(flagMore)) && !c.is(flagUncork)
}

// startCork sets the timer that takes the cork off, while it holds something
// back.
func (c *Conn) startCork(now ev.Time) {
	switch {
	case !c.corked() || !c.sndNxt.Before(c.snd.end()) || !c.is(flagSynAcked):
		if c.corkAt != ev.Never {
			c.corkAt = ev.Never
		}
	case c.corkAt == ev.Never:
		c.needSeldom().corkAt = now.Add(corkTime)
	}
}

// QuickACK asks for acknowledgements without delay, for a while, or with off for
// delayed ones (TCP_QUICKACK). What is owed goes out at once.
func (c *Conn) QuickACK(on bool) {
	c.quickACKs = 0
	if c.about.AdaptiveACKs {
		c.needTraffic().acks.dialogue = !on
	}
	if !on {
		return
	}
	c.quickACKs = uint8(max(c.about.QuickACKs, 1))
	if c.ackAt != ev.Never {
		c.set(flagAckNow)
		c.act(c.env.now())
	}
}

// QuickACKs reports whether the next acknowledgement goes out without delay.
func (c *Conn) QuickACKs() bool {
	if c.about.AdaptiveACKs {
		return !c.acks.dialogue
	}
	return c.quickACKs > 0
}

// MSS returns how many bytes a full segment carries.
func (c *Conn) MSS() int {
	if c.mss == 0 {
		return c.about.DefaultMSS
	}
	return c.mss
}
