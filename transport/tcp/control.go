package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// Control is a congestion control algorithm: it moves the window and the pacing
// rate. What was lost and what is sent again is not its business.
type Control interface {
	// Name is the one that Linux uses for TCP_CONGESTION.
	Name() string
	// Open is called when the connection is established; w.Cwnd is the initial
	// window.
	Open(w *Window, now ev.Time)
	// Acked is called when an acknowledgement has delivered something. Outside of
	// recovery the control opens the window, unless it carries an ECN-Echo.
	Acked(w *Window, s *Sample)
	// Congested is called when a loss episode begins, when an ECN-Echo arrives (at
	// most once a window) and when the retransmission timer has run out. It sets
	// w.Ssthresh.
	Congested(w *Window, s *Sample, cause Cause)
	// Recovered is called when the episode of a loss or a timeout is over. A mark
	// begins none.
	Recovered(w *Window, now ev.Time)
	// Undo is called when the last reduction turns out to have been a mistake: it
	// restores what was before.
	Undo(w *Window)
	// OwnsRecovery reports whether the control moves w.Cwnd in recovery too,
	// instead of leaving it to proportional rate reduction.
	OwnsRecovery() bool
	// Restarted is called when the connection sends again after the application had
	// left it with nothing in flight.
	Restarted(w *Window, now ev.Time)
}

// Cause is why a connection has to slow down.
type Cause uint8

// The causes.
const (
	CauseLoss Cause = iota
	CauseECN
	CauseTimeout
)

// Window is the congestion window, what the network rather than the peer allows,
// in bytes (RFC 5681).
type Window struct {
	Cwnd, Ssthresh int
	MSS            int   // payload of a full segment
	PacingRate     int64 // bytes per second; 0: as fast as the window allows
	Recovering     bool  // between Congested, for loss or timeout, and Recovered
	SlowStart      int8  // the limit L of RFC 3465, in segments; negative: none, 0: two
	Acked          int   // the Control's own counter
}

// Sample is what one acknowledgement tells a Control. Amounts are bytes.
type Sample struct {
	Now                  ev.Time
	Acked                int // cumulatively acknowledged
	Delivered            int // newly delivered, cumulatively or selectively
	Lost                 int // newly taken for lost
	PriorInFlight        int // outstanding, less sacked and lost, before it
	InFlight             int // and after
	WindowLimited        bool
	RTT                  time.Duration // measured by it, 0 if it gives none
	MinRTT, SRTT         time.Duration // of the connection
	ECE                  bool          // it carries an ECN-Echo
	SndUna, SndNxt       header.Seq
	Rate                 int64         // delivery rate in bytes per second
	Interval             time.Duration // over which Rate was measured; 0: there is none
	AppLimited           bool          // Rate says nothing about the path
	TotalDelivered       int64         // by the connection, until now
	PriorDelivered       int64         // and when the newest segment it covers was sent
	TotalLost, PriorLost int64         // the same for losses
	TxInFlight           int           // in flight when that segment was sent
}

// chooseControl returns the congestion control that the options name, or else the
// personality's. That of a connection that has ended may serve again.
func (c *Conn) chooseControl() Control {
	used := c.used
	for _, name := range [...]string{c.opts.Congestion, c.about.Congestion} {
		if name == "cubic" && used != nil {
			*used = Cubic{}
			return used
		}
		if control, err := NewControl(name, c.env.rand()); err == nil {
			return control
		}
	}
	return &Reno{}
}

// controlName names the congestion control, begun or not.
func (c *Conn) controlName() string {
	if c.ctrl != nil {
		return c.ctrl.Name()
	}
	return c.chooseControl().Name()
}

// SetCongestion changes the congestion control, of a connection that is in use too.
// ENOENT: there is none of that name.
func (c *Conn) SetCongestion(name string) error {
	control, err := NewControl(name, c.env.rand())
	if err != nil {
		return err
	}
	o := *c.opts
	o.Congestion = name
	c.opts = c.env.shared(o)
	c.win.PacingRate = 0
	if c.traffic != &noTraffic && c.ctrl != nil {
		c.ctrl = control
		c.ctrl.Open(&c.win, c.env.now())
	}
	return nil
}

// unlimited stands for "arbitrarily high", the initial slow-start threshold (RFC
// 5681, section 3.1).
const unlimited = 1 << 30

// startWindow opens the congestion window of a new connection (RFC 6928).
func (c *Conn) startWindow(now ev.Time) {
	c.win = Window{MSS: c.mss, Cwnd: c.about.InitialWindow * c.mss, Ssthresh: unlimited,
		SlowStart: c.about.SlowStart}
	if c.retries > 0 {
		// RFC 5681, section 3.1: "if the SYN or SYN/ACK is lost, the initial window
		// used by a sender after a correctly transmitted SYN MUST be one segment".
		c.win.Cwnd = c.mss
	}
	if c.ctrl != nil {
		c.ctrl.Open(&c.win, now) // Fast Open has begun before
	}
}

// control returns the congestion control, which begins with the first data: until
// then there is nothing for it to know.
func (c *Conn) control() Control {
	if c.ctrl == nil {
		c.beginControl()
	}
	return c.ctrl
}

func (c *Conn) beginControl() {
	c.needTraffic().ctrl = c.chooseControl()
	c.ctrl.Open(&c.win, c.env.now())
}

// restartIdle closes the window again on a connection that has nothing outstanding and
// has sent nothing for a retransmission timeout (RFC 5681, section 4.1).
func (c *Conn) restartIdle(now ev.Time) {
	if now.Sub(c.lastSent) > c.rtt.rto && !c.control().OwnsRecovery() {
		c.win.Cwnd = min(c.win.Cwnd, c.about.InitialWindow*c.mss)
	}
}

// windowUsed reports whether the connection, with flight bytes outstanding, was
// held back by its congestion window. A window that was not needed says nothing
// about the path and does not grow. Slow start may have doubled it meanwhile; a
// control that paces means that all of it is used (BBR's C.is_cwnd_limited).
func (c *Conn) windowUsed(flight int) bool {
	if 2*flight < c.win.Cwnd && flight+c.mss <= c.win.Cwnd {
		return false // by far
	}
	if c.win.Cwnd < c.win.Ssthresh && !c.control().OwnsRecovery() {
		return 2*flight >= c.win.Cwnd
	}
	return flight+c.mss > c.win.Cwnd
}
