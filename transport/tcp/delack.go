package tcp

import (
	"time"

	ev "septet/event"
)

// Linux's delayed acknowledgements, for a Personality with AdaptiveACKs. Four
// things differ from a fixed delay:
//
//   - a connection on which the user answers soon after he has received (a dialogue)
//     has no quick ACKs: his answer will carry the acknowledgement;
//   - the delay follows the time between segments, up to a round trip;
//   - two full segments are not acknowledged at once while the window shrinks: the
//     user does not read, so the sender need not hurry;
//   - the peer's FIN is taken for the end of a question: its acknowledgement may wait for
//     the answer or for this side's FIN, where other stacks send it at once, as RFC 9293,
//     section 3.10.7.4, eighth, says.

// adaptiveACK is the state of it.
type adaptiveACK struct {
	ato      time.Duration // the delay that the traffic suggests; zero: no text yet
	dialogue bool
}

// Bounds of the delay. The user's PSH, or a dialogue, lowers the upper one.
const (
	longestDelay  = 500 * time.Millisecond
	answeredDelay = 200 * time.Millisecond
)

// textArrived adapts the delay to a segment that came in order.
func (c *Conn) textArrived(now ev.Time) {
	t := c.needTraffic()
	gap := now.Sub(t.textAt)
	t.textAt = now
	if c.about.AdaptiveACKs {
		c.adaptDelay(gap)
	}
}

// adaptDelay adapts it to a segment so long after the one before.
func (c *Conn) adaptDelay(gap time.Duration) {
	d, least := &c.acks, c.about.DelayedACK
	switch {
	case d.ato == 0:
		d.ato = least
	case gap <= least/2:
		d.ato = d.ato/2 + least/2
	case gap < d.ato:
		d.ato = min(d.ato/2+gap, c.rtt.rto)
	case gap > c.rtt.rto:
		c.quickACKs = uint8(c.about.QuickACKs) // the sender starts anew
	}
}

// textAnswered notes that the user sends, perhaps in answer to what has come.
func (c *Conn) textAnswered(now ev.Time) {
	if d := &c.acks; c.about.AdaptiveACKs && d.ato > 0 && now.Sub(c.textAt) < d.ato {
		d.dialogue = true
	}
}

// answersFIN reports whether the acknowledgement of a segment with the peer's FIN may
// wait: it ends what the peer says, and the user has not ended his own side.
func (c *Conn) answersFIN(s *Segment) bool {
	if !c.about.AdaptiveACKs || c.state != Established || s.Seq != c.rcvNxt || c.gaps() {
		return false
	}
	c.needTraffic().acks.dialogue = true
	return true
}

// delayFIN has the FIN acknowledged with what the user sends now, or after the delay.
func (c *Conn) delayFIN(now ev.Time) {
	switch {
	case c.acks.ato == 0: // nothing was said before
		c.set(flagAckNow)
	case c.ackAt == ev.Never:
		c.ackAt = now.Add(c.ackDelay(false))
	}
}

// ackDelay returns how long the ACK of a segment may wait.
func (c *Conn) ackDelay(pushed bool) time.Duration {
	d, least := &c.acks, c.about.DelayedACK
	if d.ato <= least {
		return least
	}
	most := longestDelay
	if d.dialogue || pushed {
		most = answeredDelay
	}
	if c.rtt.srtt > 0 {
		most = min(most, max(c.rtt.srtt, least))
	}
	return min(d.ato, most, answeredDelay)
}

// hurries reports whether more than a full segment is acknowledged at once.
func (c *Conn) hurries() bool {
	return !c.about.AdaptiveACKs || c.rcv.size == 0 || c.receiveWindow() >= c.toldWindow
}

// noteTold notes our window as it is told.
func (c *Conn) noteTold(wnd int) {
	if c.traffic != &noTraffic {
		c.toldWindow = wnd
	}
}

// ackWaited adapts the delay when its timer has run out: nobody has answered.
func (c *Conn) ackWaited() {
	switch d := &c.acks; {
	case !c.about.AdaptiveACKs || d.ato == 0:
	case d.dialogue:
		d.dialogue, d.ato = false, c.about.DelayedACK
	default:
		d.ato = min(2*d.ato, c.rtt.rto)
	}
}

// quick reports whether the next ACK goes out without delay.
func (c *Conn) quick() bool { return c.quickACKs > 0 && !c.acks.dialogue }
