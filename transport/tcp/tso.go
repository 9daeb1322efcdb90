package tcp

import "time"

// Bursts. A host that leaves the cutting of segments to its card (TSO) hands it
// several at once. They are cut again before they reach a wire, and what is left to
// see of it is the PSH that Linux puts at the end of each burst, for the receiver's
// own offload. This file says where the bursts end; Personality.Bursts switches it
// on.

// burst is the run of segments being sent.
type burst struct {
	left int  // segments still to come
	long bool // it has more than one
}

// Bounds of a burst, as Linux has them: in bytes, and the least number of segments
// (tcp_min_tso_segs in ip-sysctl).
const (
	longestBurst  = 65215
	shortestBurst = 2
)

// joinBurst adds a segment to the burst that is leaving, or begins one of as many
// segments as length says. It reports whether the segment is the last, and whether
// it has others before it.
func (c *Conn) joinBurst(length func() int) (last, long bool) {
	t := &c.burst
	if !c.about.Bursts || c.win.PacingRate > 0 || c.loss.newOnly > 0 {
		t.left = 0
		return true, false
	}
	if t.left == 0 {
		t.left = max(length(), 1)
		t.long = t.left > 1
	}
	t.left--
	return t.left == 0, t.long
}

// burstLength returns how many segments the next burst has: as many as a
// millisecond of the rate at which the window goes out, but not more than half the
// window.
func (c *Conn) burstLength() int {
	window := c.win.Cwnd / c.mss
	n := min(c.burstLimit(), max(window/2, 1), max((c.win.Cwnd-c.inFlight())/c.mss, 1))
	bytes := min(c.snd.size-c.sndNxt.Sub(c.snd.start), c.sndWnd-c.sndNxt.Sub(c.sndUna), n*c.mss)
	full, rest := bytes/c.mss, bytes%c.mss
	if rest > 0 && (full == 0 || c.worthSending(rest, rest)) {
		full++
	}
	return full
}

// burstLimit returns the longest burst for the path's rate and round-trip time, in
// segments (tcp_tso_rtt_log in ip-sysctl: the shorter the path, the longer).
func (c *Conn) burstLimit() int {
	bytes := longestBurst
	if c.rtt.srtt > 0 {
		bytes = int(c.windowRate() >> 10)
		if r := c.rack.minRTT.Microseconds() >> 9; r < 32 {
			bytes += longestBurst >> r
		}
	}
	return max(min(bytes, longestBurst)/c.mss, shortestBurst)
}

// windowRate is the rate in bytes per second at which Linux would spread the window
// over a round trip: twice as fast in slow start, and a fifth faster after it
// (tcp_pacing_ss_ratio, tcp_pacing_ca_ratio). Zero before there is a measurement.
func (c *Conn) windowRate() int64 {
	if c.rtt.srtt <= 0 {
		return 0
	}
	percent := int64(120)
	if c.win.Cwnd < c.win.Ssthresh/2 {
		percent = 200
	}
	window := int64(max(c.win.Cwnd, c.board.size*c.mss))
	return window * percent / 100 * int64(time.Second/time.Microsecond) / max(c.rtt.srtt.Microseconds(), 1)
}

// lostTogether counts the segments from slot i on that were sent as one burst, are
// lost, and may be sent again now: they leave as one again.
func (c *Conn) lostTogether(i int32) int {
	b := &c.board
	room := min(c.burstLimit(), (c.win.Cwnd-c.inFlight())/c.mss)
	n := 1
	for n < room && !b.ring[i].last && b.ring[i].next >= 0 {
		next := b.ring[i].next
		if b.ring[next].state != segLost || b.ring[next].seq != b.ring[i].end || !b.ring[next].end.AtMost(c.sndUna.Add(c.sndWnd)) {
			break
		}
		i = next
		n++
	}
	return n
}
