package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// Info is what a connection tells about itself: the numbers of Linux's TCP_INFO
// (tcp(7)), in bytes and durations. Sequence numbers are not told, only
// differences of them.
type Info struct {
	State       State
	Phase       string // of loss recovery, under Linux's names: see below
	Retransmits int    // timeouts in a row without progress
	Probes      int    // keep-alives or window probes unanswered
	Backoff     int    // doublings of the RTO

	// What the handshake has agreed on.
	Timestamps, SACK, ECN, WindowScaling bool
	SendScale                            uint8 // applies to windows we receive
	ReceiveScale                         uint8 // applies to windows we send

	RTO         time.Duration // with its backoff
	ATO         time.Duration // how long an ACK is delayed at most
	RTT, RTTVar time.Duration // smoothed; zero before the first measurement
	MinRTT      time.Duration // zero before the first measurement
	SendMSS     int           // payload of a full segment
	PeerMSS     int           // the largest segment received, as an estimate of theirs
	AdvMSS      int           // as told to the peer
	PathMTU     int

	Congestion string // name of the algorithm, as TCP_CONGESTION has it
	Cwnd       int
	Ssthresh   int
	SlowStart  bool  // no loss yet: Ssthresh is arbitrarily high
	PacingRate int64 // bytes per second; without pacing the rate that it would have, or zero

	// Segments that are sent and not acknowledged: all of them, those selectively
	// acknowledged, those taken for lost, and those sent again and on their way.
	Outstanding, Sacked, Lost, Resent int

	Unacked    int // sequence numbers sent and not acknowledged
	NotSent    int // bytes queued, never sent
	Queued     int // bytes in the send buffer, sent or not
	Unread     int // bytes in the receive buffer
	SendWindow int // the peer's, scaled
	RecvWindow int // ours, as it would be told now
	RecvBuffer int
	SendBuffer int
	Space      int // bytes that the user has read in its best round trip

	SinceSent time.Duration // since data was last sent
	SinceData time.Duration // since data last arrived
	SinceACK  time.Duration // since an ACK last arrived

	// Sequence numbers, modulo 2^32, as Linux counts them: a FIN counts like a byte,
	// and so does the SYN of an active open when it is acknowledged.
	BytesAcked uint64
	BytesIn    uint64 // received in order

	BytesSent   uint64 // retransmissions included
	BytesAgain  uint64 // the part of it that was sent again
	SegmentsIn  uint32
	SegmentsOut uint32 // without the SYN,ACK of a passive open: Linux has no socket yet
	DataIn      uint32 // segments with text
	DataOut     uint32
	Again       uint32 // segments sent again, all in all
	Delivered   uint32 // segments that the peer has got, SYN and FIN included

	DeliveredCE uint32 // the part of them whose ACK had an ECN-Echo
	Duplicates  uint32 // segments that the peer has got twice, by its D-SACKs
	Reordered   uint32 // segments that were delivered after later ones
	OutOfOrder  uint32 // segments received ahead of a gap
	Timeouts    uint32 // of the retransmission timer
	ToldWindow  int    // ours, as it was told last

	// How long there was something to send or to be acknowledged, and the part of
	// it in which the peer's window was in the way.
	Busy, WindowShut time.Duration

	DeliveryRate int64 // bytes per second
	AppLimited   bool  // DeliveryRate says nothing about the path

	Waiting int // of a listener: connections that nobody has accepted
	Backlog int // and how many may wait
}

// What Info.Phase may say.
const (
	PhaseOpen     = "open"     // all is well
	PhaseDisorder = "disorder" // something is missing, too little to call it a loss
	PhaseCWR      = "CWR"      // slowed down for ECN
	PhaseRecovery = "recovery" // fast recovery
	PhaseLoss     = "loss"     // after a retransmission timeout
)

// counts are what a connection counts for nobody but Info.
type counts struct {
	ackAt   ev.Time
	in, out uint32
}

// dataCounts are those that begin with the first data.
type dataCounts struct {
	dataAt                 ev.Time
	bytesSent, bytesAgain  uint64
	dataIn, dataOut        uint32
	delivered, deliveredCE uint32
	duplicates             uint32 // told by D-SACK
	outOfOrder, timeouts   uint32
	appLimited             bool
	chrono                 chronograph
	rate                   int64
}

// arrived counts a segment that was received.
func (c *Conn) arrived(now ev.Time, s *Segment) {
	segments := uint32(s.segments())
	c.counts.in += segments
	if len(s.Text) > 0 {
		n := &c.needTraffic().data
		n.dataIn += segments
		n.dataAt = now
	}
	if s.Flags.Has(header.ACK) {
		c.counts.ackAt = now
	}
}

// countSent counts a segment of this length that goes out, while SND.MAX is as it was
// before.
func (c *Conn) countSent(s *Segment, length int) {
	if c.is(flagPassive) && s.Flags.Has(header.SYN) {
		return
	}
	segments := uint32(s.segments())
	c.counts.out += segments
	again := length > 0 && !s.Seq.Add(length).After(c.sndMax)
	if again {
		c.again++
	}
	text := len(s.Text) + len(s.rest)
	if text == 0 {
		return
	}
	n := &c.data
	n.dataOut += segments
	n.bytesSent += uint64(text)
	if again {
		n.bytesAgain += uint64(text)
	}
}

// sampled keeps a delivery rate: the latest that tells of the path, or one that is
// higher though the application held it down.
func (n *dataCounts) sampled(s *Sample) {
	if s.Interval > 0 && (!s.AppLimited || s.Rate >= n.rate) {
		n.rate, n.appLimited = s.Rate, s.AppLimited
	}
}

// Info returns the connection's numbers as they are now.
func (c *Conn) Info() Info {
	i := Info{
		State: c.state, Phase: c.phaseName(),
		Retransmits: int(c.retries), Probes: int(c.probes), Backoff: int(c.backoff),
		Timestamps: c.stamp.enabled, SACK: c.is(flagSACK), ECN: c.is(flagECN), WindowScaling: c.is(flagScaled),
		RTO: c.rtt.backedOff(c.about, c.backoff), ATO: c.about.DelayedACK,
		RTT: c.rtt.srtt, RTTVar: c.rtt.rttvar, MinRTT: c.rack.minRTT,
		SendMSS: c.mss, PeerMSS: int(c.largest), AdvMSS: c.path.MTU() - c.path.HeaderLen() - header.TCPLen,
		PathMTU: c.path.MTU(), Congestion: c.controlName(),
		Cwnd: c.win.Cwnd, Ssthresh: c.win.Ssthresh, SlowStart: c.win.Ssthresh >= unlimited,
		PacingRate: c.win.PacingRate,
		Unacked:    c.sndMax.Sub(c.sndUna), Queued: c.snd.size, Unread: c.rcv.size,
		Again: c.again, SendWindow: c.sndWnd, RecvWindow: c.receiveWindow(),
		RecvBuffer: c.rcv.limit, SendBuffer: c.snd.limit, Space: c.tune.space,
		BytesAcked: c.bytesAcked(), BytesIn: c.bytesReceived(),
	}
	if c.is(flagScaled) {
		i.SendScale, i.ReceiveScale = c.sndShift, c.rcvShift
	}
	if end := c.snd.end(); end.After(c.sndMax) {
		i.NotSent = end.Sub(c.sndMax)
	}
	c.countOutstanding(&i)
	c.counts.tell(&i, c.env.now())
	c.data.tell(&i, c.env.now())
	i.SinceSent = c.env.now().Sub(c.lastSent)
	i.Reordered, i.ToldWindow = c.rack.reordered, c.toldWindow
	if c.is(flagPersist) {
		i.RTO = c.rtt.rto // the backoff is that of the probes
	}
	if c.win.PacingRate == 0 {
		i.PacingRate = c.windowRate()
	}
	if !c.is(flagSACK) {
		i.Sacked = c.loss.dupBytes / max(c.mss, 1)
	}
	if c.is(flagSynAcked) {
		i.Delivered++
	}
	if c.traffic == &noTraffic && c.finAcked() {
		i.Delivered++
	}
	return i
}

// tell writes what was counted.
func (n *counts) tell(i *Info, now ev.Time) {
	i.SinceACK = now.Sub(n.ackAt)
	i.SegmentsIn, i.SegmentsOut = n.in, n.out
}

func (n *dataCounts) tell(i *Info, now ev.Time) {
	i.SinceData = now.Sub(n.dataAt)
	i.BytesSent, i.BytesAgain = n.bytesSent, n.bytesAgain
	i.DataIn, i.DataOut = n.dataIn, n.dataOut
	i.Delivered, i.DeliveredCE = n.delivered, n.deliveredCE
	i.Duplicates, i.OutOfOrder, i.Timeouts = n.duplicates, n.outOfOrder, n.timeouts
	chrono := n.chrono
	chrono.look(now, chrono.now)
	i.WindowShut = chrono.spent[windowShut]
	i.Busy = chrono.spent[busy] + i.WindowShut
	i.DeliveryRate, i.AppLimited = n.rate, n.appLimited || n.rate == 0
}

// countOutstanding looks through the scoreboard.
func (c *Conn) countOutstanding(i *Info) {
	b := &c.board
	i.Sacked = b.sackedCount
	for n := range b.size {
		g := b.at(n)
		i.Outstanding += g.segments()
		switch {
		case g.state == segLost:
			i.Lost += g.segments()
		case g.state == segFlying && g.resent:
			i.Resent++
		}
	}
	if !c.is(flagSynAcked) && c.sndMax != c.iss {
		i.Outstanding = 1 // the SYN, which is not on the scoreboard
	}
}

// Info returns the numbers of a listener: its queue and its backlog.
func (ln *Listener) Info() Info {
	return Info{State: Listen, Waiting: ln.Pending(), Backlog: ln.backlog}
}

// Failed reports whether the connection has ended with an error that nobody has
// been told, or has one to tell while it goes on (TakeError).
func (c *Conn) Failed() bool { return c.err != nil && !c.is(flagErrTold) || c.report != nil }

// bytesAcked is how far the peer has acknowledged.
func (c *Conn) bytesAcked() uint64 {
	n := uint32(c.sndUna - c.iss)
	if c.is(flagPassive) && n > 0 {
		n-- // SYN
	}
	return uint64(n)
}

// bytesReceived is how much has arrived in order.
func (c *Conn) bytesReceived() uint64 {
	if c.state == SynSent || c.rcvNxt == c.irs {
		return 0 // no SYN yet
	}
	return uint64(uint32(c.rcvNxt - c.irs - 1))
}

func (c *Conn) phaseName() string {
	l := &c.loss
	switch {
	case l.phase == phaseLoss:
		return PhaseLoss
	case l.phase == phaseRecovery:
		return PhaseRecovery
	case l.ecnSlow:
		return PhaseCWR
	case c.board.sackedCount > 0 || l.dupAcks > 0:
		return PhaseDisorder
	}
	return PhaseOpen
}
