package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// rack finds losses by time (RFC 8985): what was sent sufficiently before
// something that has been delivered is lost. All names are the RFC's.
type rack struct {
	xmitTs        ev.Time    // RACK.xmit_ts: when the segment sent last among those delivered was sent
	endSeq        header.Seq // RACK.end_seq: and where it ends
	rtt           time.Duration
	fack          header.Seq // RACK.fack: the highest number delivered
	dsackRound    header.Seq // RACK.dsack_round, if inDSACKRound
	reordered     uint32     // how often reordering has been seen
	reoWndMult    uint8
	reoWndPersist uint8
	reordering    bool // RACK.reordering_seen
	inDSACKRound  bool
	minRTT        time.Duration
	minRTTAt      ev.Time
}

// minRTTWindow is how long a least round-trip time is believed.
const minRTTWindow = 5 * time.Minute

// reoWndPersists is for how many recoveries a widened window holds (RFC 8985,
// section 6.2, step 4).
const reoWndPersists = 16

// sentAfter is RACK_sent_after: ties in time go by sequence number.
func sentAfter(t1 ev.Time, seq1 header.Seq, t2 ev.Time, seq2 header.Seq) bool {
	return t1 > t2 || t1 == t2 && seq1.After(seq2)
}

// observeRTT is step 1: the least round-trip time.
func (r *rack) observeRTT(now ev.Time, rtt time.Duration) {
	if r.minRTT == 0 || rtt <= r.minRTT || now.Sub(r.minRTTAt) > minRTTWindow {
		r.minRTT, r.minRTTAt = max(rtt, 1), now
	}
}

// delivers is steps 2 and 3 for one segment that was delivered: which one was sent
// last, and whether the network reorders. echoed is false if the timestamp echo
// shows that the acknowledgement is for an earlier transmission.
func (r *rack) delivers(now ev.Time, g *sentSegment, echoed bool) {
	rtt := now.Sub(g.sentAt)
	if g.resent && (rtt < r.minRTT || !echoed) {
		return // it is the original that arrived
	}
	r.rtt = rtt
	if sentAfter(g.sentAt, g.end, r.xmitTs, r.endSeq) {
		r.xmitTs, r.endSeq = g.sentAt, g.end
	}
}

// orders is step 3: something below the highest number delivered before, sent once
// only, arrives after it. What one acknowledgement reports has no order of its own,
// so before is what the acknowledgements before it had reported.
func (r *rack) orders(g *sentSegment, before header.Seq) {
	if g.end.After(r.fack) {
		r.fack = g.end
	}
	if g.end.Before(before) && !g.resent {
		r.reordering = true
		r.reordered++
	}
}

// duplicates is the first part of step 4: a D-SACK says that the window was too
// small. Once a round trip it widens; it reports whether it did.
func (r *rack) duplicates(una, nxt header.Seq) bool {
	if r.inDSACKRound && una.AtLeast(r.dsackRound) {
		r.inDSACKRound = false
	}
	if r.inDSACKRound {
		return false
	}
	r.inDSACKRound, r.dsackRound = true, nxt
	r.reoWndMult = min(r.reoWndMult+1, 60)
	r.reoWndPersist = reoWndPersists
	return true
}

// recovered counts down how long the widened window holds.
func (r *rack) recovered() {
	if r.reoWndPersist > 0 {
		if r.reoWndPersist--; r.reoWndPersist == 0 {
			r.reoWndMult = 1
		}
	}
}

// reoWnd is RACK_update_reo_wnd's result: how long a segment may be late.
func (c *Conn) reoWnd() time.Duration {
	r := &c.rack
	if !r.reordering && (c.loss.phase != phaseOpen || c.board.sackedCount >= dupAckThreshold) {
		return 0
	}
	return min(time.Duration(r.reoWndMult)*r.minRTT/4, c.rtt.srtt)
}

// detectLosses is step 5, RACK_detect_loss: it takes for lost what is overdue and
// sets the reordering timer for what may still come. The segments on their way
// stand in the order in which they were sent, so it looks at none in vain.
func (c *Conn) detectLosses(a *ack) {
	b, r := &c.board, &c.rack
	c.rackAt = ev.Never
	late := r.rtt + c.reoWnd()
	for b.flying.first >= 0 && b.size > 0 {
		i := b.flying.first
		g := &b.ring[i]
		if !sentAfter(r.xmitTs, r.endSeq, g.sentAt, g.end) {
			return
		}
		if due := g.sentAt.Add(late); due > a.now {
			c.rackAt = due
			return
		}
		c.lose(a, i)
	}
}

// lose takes the segment in slot i for lost.
func (c *Conn) lose(a *ack, i int32) {
	n := c.board.ring[i].len()
	c.board.become(i, segLost)
	a.lost += n
	c.needTraffic().rate.lost += int64(n)
}

// rackExpired is the reordering timer (RFC 8985, section 6.3).
func (c *Conn) rackExpired(now ev.Time) {
	a := c.newAck(now)
	c.detectLosses(a)
	if a.lost > 0 {
		c.respond(a)
	}
}
