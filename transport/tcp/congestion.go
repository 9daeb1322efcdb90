package tcp

import ev "septet/event"

// Control is a congestion control algorithm. It moves the window; when losses
// are found and what is sent again is not its business.
type Control interface {
	// Acked is called when acked bytes of new data were acknowledged outside of
	// loss recovery, on a connection that was using its whole window.
	Acked(w *Window, acked int)
	// Lost returns the slow-start threshold after a loss with flight bytes
	// outstanding.
	Lost(w *Window, flight int) (ssthresh int)
}

// Window is the congestion window, what the network rather than the peer allows,
// in bytes (RFC 5681).
type Window struct {
	Cwnd, Ssthresh int
	MSS            int
	Acked          int // the Control's own counter
}

// unlimited stands for "arbitrarily high", the initial slow-start threshold (RFC
// 5681, section 3.1).
const unlimited = 1 << 30

// Reno is the algorithm of RFC 5681: slow start and congestion avoidance.
type Reno struct{}

// Acked opens the window: in slow start by what was acknowledged, within a limit;
// in avoidance by one segment a window (RFC 5681, section 3.1, the byte-counting
// form). The limit is RFC 3465's: two segments, what a delayed ACK covers, but one
// (RFC 5681, equation 2) once there has been a loss, because an ACK may then cover
// much that had arrived before.
func (Reno) Acked(w *Window, acked int) {
	if w.Cwnd < w.Ssthresh {
		limit := 2 * w.MSS
		if w.Ssthresh < unlimited {
			limit = w.MSS
		}
		w.Cwnd += min(acked, limit)
		return
	}
	w.Acked += acked
	if w.Acked >= w.Cwnd {
		w.Acked -= w.Cwnd
		w.Cwnd += w.MSS
	}
}

// Lost halves what is in flight: RFC 5681, equation 4.
func (Reno) Lost(w *Window, flight int) int { return max(flight/2, 2*w.MSS) }

// startWindow opens the congestion window of a new connection (RFC 6928).
func (c *Conn) startWindow() {
	c.win = Window{MSS: c.mss, Cwnd: c.about.InitialWindow * c.mss, Ssthresh: unlimited}
	if c.retries > 0 {
		// RFC 5681, section 3.1: "if the SYN or SYN/ACK is lost, the initial window
		// used by a sender after a correctly transmitted SYN MUST be one segment".
		c.win.Cwnd = c.mss
	}
}

// restartIdle closes the window again on a connection that has sent nothing for
// a retransmission timeout (RFC 5681, section 4.1).
func (c *Conn) restartIdle(now ev.Time) {
	if c.sndMax == c.sndUna && now.Sub(c.lastSent) > c.rtt.rto {
		c.win.Cwnd = min(c.win.Cwnd, c.about.InitialWindow*c.mss)
	}
}

// windowUsed reports whether the connection, with flight bytes outstanding, was
// held back by its congestion window. A window that was not needed says nothing
// about the path and does not grow.
func (c *Conn) windowUsed(flight int) bool {
	if c.win.Cwnd < c.win.Ssthresh {
		return 2*flight >= c.win.Cwnd
	}
	return flight+c.mss > c.win.Cwnd
}
