package tcp

import (
	"math"

	ev "septet/event"
	"septet/header"
)

// transmit builds one segment of n bytes of text at seq and sends it. Everything
// that sending implies is kept here: SND.NXT, the timers, what the peer now
// knows of our window.
func (c *Conn) transmit(now ev.Time, flags header.TCPFlags, seq header.Seq, n int) {
	s := &c.scratch.sending
	*s = Segment{TCP: header.TCP{
		SrcPort: c.localPort, DstPort: c.remotePort, Seq: seq, Flags: flags,
	}}
	if n > 0 {
		s.Text, s.rest = c.snd.view(c.store, max(seq.Sub(c.snd.start), 0), n) // a SYN's text follows it
		c.needTraffic()
		if n > c.mss && !c.isProbe(seq) {
			s.size = c.mss
		}
		if seq == c.sndMax && len(s.rest) == 0 && c.snd.guest == nil && c.flight != &atRest {
			s.loans = &c.flight.loans
		}
		c.noteSize(seq, min(n, c.mss))
	}
	if flags&header.ACK != 0 {
		s.Ack = c.rcvNxt
		c.acknowledged()
	}
	if flags&(header.SYN|header.RST) == 0 {
		s.Window = c.advertise()
		c.putOptions(now, s, n)
	} else {
		c.beginOrEnd(now, s)
	}
	if flags&header.ACK != 0 {
		c.duplicate = span{}
	}
	if c.is(flagUrgent | flagECN) {
		c.announce(s)
	}
	length := s.length()
	c.countSent(s, length)
	if length > 0 {
		c.sent(now, seq, length, flags)
	}
	s.last = c.burst.left == 0
	c.env.emit(c, s)
}

// announce sets what a segment says of urgent data and of congestion.
func (c *Conn) announce(s *Segment) {
	if c.is(flagUrgent) && c.sndUp.After(s.Seq) {
		s.Flags |= header.URG
		// RFC 6093: the pointer is an offset from the sequence number.
		s.Urgent = uint16(min(c.sndUp.Sub(s.Seq), 0xffff))
	}
	if c.is(flagECN) {
		c.markECN(s, s.Seq == c.sndMax)
	}
}

// sent does the bookkeeping for length sequence numbers sent from seq on.
func (c *Conn) sent(now ev.Time, seq header.Seq, length int, flags header.TCPFlags) {
	end := seq.Add(length)
	if flags&header.FIN != 0 {
		c.set(flagFinSent)
	}
	if seq == c.sndNxt {
		c.sndNxt = end
	}
	if end.After(c.sndMax) {
		c.sndMax = end
		c.rtt.start(now, end)
	} else {
		// Karn's algorithm: an acknowledgement could be of either copy.
		c.rtt.cancel()
		c.env.counters().Retransmitted++
	}
	c.lastSent = now
	// RFC 6298, 5.1: start the timer if it is not running.
	if c.rtoAt == ev.Never || c.is(flagPersist) {
		c.unset(flagPersist)
		c.rtoAt = now.Add(c.rtt.backedOff(c.about, c.backoff))
	}
}

// acknowledged notes that the segment being sent carries an up-to-date ACK.
func (c *Conn) acknowledged() {
	c.unset(flagAckNow)
	c.ackAt = ev.Never
	c.unackedBytes = 0
	c.stamp.lastAck = c.rcvNxt
}

// shiftMask has no effect on a window scale, which is at most header.MaxWindowScale, but
// that the compiler knows it.
const shiftMask = 15

// advertise returns the window field for a segment and moves the edge that the
// peer has been told.
func (c *Conn) advertise() uint16 {
	wnd, shift := c.receiveWindow(), c.rcvShift&shiftMask
	field := (wnd + 1<<shift - 1) >> shift
	if field<<shift > c.rcv.free() {
		// There is no room to round up. Rounding down takes back a little, in what
		// is told but not in what is accepted (RFC 7323, section 2.4).
		field = wnd >> shift
	}
	field = min(field, 0xffff)
	c.noteTold(field << shift)
	if edge := c.rcvNxt.Add(field << shift); edge.After(c.rcvAdv) {
		c.rcvAdv = edge
	}
	return uint16(field)
}

// advertiseFirst is advertise for a SYN, whose window is never scaled (RFC 7323, section
// 2.2).
func (c *Conn) advertiseFirst() uint16 {
	wnd := c.receiveWindow()
	if size := c.offeredSegment(); c.about.WholeSegments && wnd > size {
		wnd = c.rcv.limit - c.rcv.limit%size
		c.rcv.limit = (wnd + 1<<c.rcvShift - 1) &^ (1<<c.rcvShift - 1)
	}
	wnd = min(wnd, 0xffff, c.firstWindow())
	c.rcvAdv = c.rcvNxt.Add(wnd)
	c.noteTold(wnd)
	return uint16(wnd)
}

// receiveWindow returns RCV.WND as it should now be told: it never moves the
// right edge back (RFC 9293, section 3.8.6), nor forward by a silly amount
// (section 3.8.6.2.2).
func (c *Conn) receiveWindow() int {
	told := max(0, c.rcvAdv.Sub(c.rcvNxt))
	free := min(c.rcv.free(), 0xffff<<(c.rcvShift&shiftMask))
	if c.opts.WindowClamp > 0 && c.rcvNxt == c.irs.Add(1) {
		free = min(free, c.firstWindow())
	}
	if more := free - told; more < c.mss && more < c.rcv.limit/2 && (c.opts.WindowClamp == 0 || more < c.firstWindow()) {
		return told
	}
	return free
}

// firstWindow bounds the window until data has come: TCP_WINDOW_CLAMP, in whole
// segments. As on Linux, it bounds the scale too, and so every later window, but nothing
// else.
func (c *Conn) firstWindow() int {
	most := c.opts.WindowClamp
	if most == 0 {
		return math.MaxInt
	}
	if size := c.offeredSegment(); most > size {
		most -= most % size
	}
	return most
}

// offeredSegment is how much text the peer's full segments will have. As on Linux, an
// active open does not count timestamps, which the peer may not have.
func (c *Conn) offeredSegment() int {
	size := int(c.offeredMSS())
	if c.is(flagPassive) && c.stamp.enabled {
		size -= timestampLen
	}
	return max(size, 1)
}

// putOptions adds the options that a segment carries while the connection lasts.
func (c *Conn) putOptions(now ev.Time, s *Segment, n int) {
	o := &s.Options
	if c.stamp.enabled {
		o.HasTimestamps, o.TSVal, o.TSEcr = true, c.stamp.clock(now), c.stamp.recent
	}
	if c.reports() {
		c.putSACK(o, c.sackRoom(n))
	}
	if c.opts.AdvertisedTimeout > 0 {
		c.putUserTimeout(s)
	}
}

// beginOrEnd fills in window and options of a SYN or a reset.
func (c *Conn) beginOrEnd(now ev.Time, s *Segment) {
	o, ack := &s.Options, s.Flags&header.ACK != 0
	o.HasTimestamps = c.stamp.enabled
	switch {
	case s.Flags&header.SYN != 0:
		s.Window = c.advertiseFirst()
		c.offerOptions(s)
	case ack:
		s.Window = c.advertise()
	}
	if o.HasTimestamps {
		o.TSVal = c.stamp.clock(now)
		if ack {
			o.TSEcr = c.stamp.recent
		}
	}
	if s.Flags&header.SYN != 0 {
		c.putFastOpen(o)
		c.putUserTimeout(s)
	}
}

// offerOptions adds what a SYN offers; a SYN,ACK only agrees (RFC 7323, sections 2.2 and
// 3.2).
func (c *Conn) offerOptions(s *Segment) {
	o := &s.Options
	o.HasMSS, o.MSS = true, c.offeredMSS()
	active := s.Flags&header.ACK == 0
	if active || c.is(flagScaled) {
		o.HasWindowScale, o.WindowScale = true, c.rcvShift
	}
	o.HasTimestamps = c.stamp.enabled || active && c.about.Timestamps
	o.SACKPermitted = c.is(flagSACK) || active && c.about.SACK
	c.offerECN(s)
}
