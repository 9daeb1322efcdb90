package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// tailLossProbe is the state of RFC 8985, section 7.
type tailLossProbe struct {
	endSeq   header.Seq // TLP.end_seq, if out
	out      bool
	isResent bool // TLP.is_retrans
}

// Constants of TLP_calc_PTO (RFC 8985, section 7.2).
const (
	tlpMaxAckDelay = 200 * time.Millisecond // TLP.max_ack_delay
	tlpWithoutRTT  = time.Second
	tlpLeast       = 10 * time.Millisecond // on paths faster than clocks and schedulers
)

// scheduleProbe sets the probe timer: after data was sent or cumulatively
// acknowledged, on a connection with nothing wrong (RFC 8985, section 7.2).
func (c *Conn) scheduleProbe(now ev.Time) {
	if c.flight == &atRest {
		return
	}
	c.tlpAt = ev.Never
	if !c.is(flagSACK) || c.tlp.out || c.loss.phase != phaseOpen || c.board.size == 0 ||
		c.board.sackedCount > 0 || c.is(flagPersist) || c.rtoAt == ev.Never {
		return
	}
	c.tlpAt = c.probeTime(now)
}

// probeTime is TLP_calc_PTO (RFC 8985, section 7.2), as a moment.
func (c *Conn) probeTime(now ev.Time) ev.Time {
	pto := tlpWithoutRTT
	if c.rtt.srtt > 0 {
		pto = 2 * c.rtt.srtt
		alone := c.board.pipe <= c.mss
		if guard := c.about.TailGuard; guard > 0 {
			pto += guard
			alone = c.board.size == 1
		}
		pto = max(pto, tlpLeast)
		if alone {
			// A delayed ACK must have had time. The RFC has "one segment"; a peer may
			// count small ones together.
			pto += tlpMaxAckDelay
		}
	}
	return min(now.Add(pto), c.rtoAt)
}

// probeTail sends something that makes the peer tell what it has: new data if there
// is any, otherwise the last segment again (RFC 8985, section 7.3).
func (c *Conn) probeTail(now ev.Time) {
	c.tlpAt = ev.Never
	b := &c.board
	if b.size == 0 {
		return
	}
	c.env.counters().TailProbes++
	c.tlp = tailLossProbe{out: true}
	if n, fin := c.probeText(); n > 0 || fin {
		c.sendText(now, n, fin)
	} else if i := b.slot(b.size - 1); b.ring[i].state == segFlying {
		c.tlp.isResent = true
		c.resend(now, b.splitLast(i))
	}
	c.tlp.endSeq = c.sndMax
	c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff))
}

// probeText returns what the peer's window alone allows of the data not yet sent.
func (c *Conn) probeText() (n int, fin bool) {
	queued := c.snd.size - c.sndNxt.Sub(c.snd.start)
	room := c.sndWnd - c.sndNxt.Sub(c.sndUna)
	if queued < 0 || room <= 0 {
		return 0, false
	}
	n = min(queued, room, c.mss)
	return n, c.is(flagFinQueued) && n == queued && room > n
}

// probeAcked is RFC 8985, section 7.4: an acknowledgement beyond the probe. If the
// probe was a repetition and nothing says that it arrived twice, it has repaired a
// loss, which the window must answer for.
func (c *Conn) probeAcked(a *ack, s *Segment) {
	t := &c.tlp
	if !t.out || s.Ack.Before(t.endSeq) {
		return
	}
	switch {
	case !t.isResent:
		t.out = false
	case a.dsack.right == t.endSeq && a.dsack.left != a.dsack.right:
		t.out = false // both arrived: nothing was lost
	case s.Ack.After(t.endSeq):
		t.out = false
		if c.loss.phase == phaseOpen {
			c.slowDown(a, CauseLoss)
			c.loss.undo = false // nothing has been sent again that could prove needless
			c.control().Recovered(&c.win, a.now)
		}
	case a.acked == 0 && s.Options.NumSACK == 0 && s.length() == 0 && c.scaledWindow(s) == c.sndWnd:
		t.out = false // a duplicate of what was acknowledged before: both arrived
	}
}
