package tcp

import (
	"math/bits"
	"time"

	ev "septet/event"
	"septet/header"
)

// autotune grows buffers that the user has not fixed, so that they never are what
// limits a connection: dynamic right-sizing for receiving, and a multiple of the
// congestion window for sending. They shrink by themselves, because memory is only
// borrowed for bytes that are there.
type autotune struct {
	copied int     // read by the user in this round trip
	space  int     // and in the best one so far
	since  ev.Time // when this round trip began

	// The round-trip time as the receiver sees it: from our timestamp to its echo on
	// data. The least of the last round trip, and of this one; zero: none.
	rtt, least time.Duration
}

// tuneLeastRTT is the round-trip time below which the usual buffers do for any
// path: with 64 KiB that is more than 1 GB/s, and longer buffers of many connections
// only keep data out of the processor's caches. What counts there is the least one
// measured, at the latest by the handshake: others have a delayed ACK in them.
const tuneLeastRTT = 50 * time.Microsecond

// timeData takes the round-trip time that a segment with data in order shows. Its
// echo may be old, of before a pause of the sender's, so the least of a round trip
// counts.
func (c *Conn) timeData(now ev.Time, s *Segment) {
	t := &c.tune
	if c.opts.ReceiveBuffer != 0 || c.rcv.limit >= c.about.MaxReceiveBuffer ||
		!c.stamp.enabled || s.Options.TSEcr == 0 {
		return
	}
	ticks := int32(c.stamp.clock(now) - s.Options.TSEcr)
	if rtt := time.Duration(ticks) * timestampTickDuration; rtt > 0 && (t.least == 0 || rtt < t.least) {
		t.least = rtt
	}
}

// tuneReceive grows the receive buffer when the user has read more in a round trip
// than ever before: the sender, whose window doubles in that time, is to find twice
// as much room. It is the round trip of now, with its queues: by the path's own a
// sender that fills a long queue would be held at this window, lose nothing, and
// never make room for others.
func (c *Conn) tuneReceive(n int) {
	t, most := &c.tune, c.about.MaxReceiveBuffer
	if c.opts.ReceiveBuffer != 0 || c.rcv.limit >= most {
		return
	}
	t.copied += n
	rtt := c.rack.minRTT
	if rtt < tuneLeastRTT {
		return
	}
	now := c.env.now() // a look at the clock, in real time
	if now.Sub(t.since) < max(rtt, t.rtt) {
		return
	}
	if t.copied > t.space {
		want := 2*t.copied + 16*int(c.largest)
		if t.space > 0 {
			want += want / t.space * (t.copied - t.space)
		}
		c.rcv.limit = min(max(c.rcv.limit, want), most)
		t.space = t.copied
	}
	t.copied, t.since = 0, now
	t.rtt, t.least = t.least, 0
}

// tuneSend grows the send buffer with the congestion window: one window is in the
// network, and another is to be ready when it is acknowledged.
func (c *Conn) tuneSend() {
	if c.opts.SendBuffer == 0 && c.rack.minRTT >= tuneLeastRTT {
		c.snd.limit = max(c.snd.limit, min(2*c.win.Cwnd, c.about.MaxSendBuffer))
	}
}

// scaleFor returns the window scale that the receive buffer may come to need. A buffer
// that the user has fixed, or a clamp, needs no more than its own: a window is told the
// more exactly the smaller the scale.
func (c *Conn) scaleFor() uint8 {
	largest, least := c.rcv.limit, uint8(0)
	if c.opts.ReceiveBuffer == 0 {
		largest, least = max(largest, c.about.MaxReceiveBuffer), c.about.WindowScale
	}
	if most := c.opts.WindowClamp; most > 0 {
		largest, least = min(largest, most), 0
	}
	needed := uint8(max(bits.Len(uint(largest))-16, 0))
	return min(max(needed, least), header.MaxWindowScale)
}
