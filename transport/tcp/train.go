package tcp

import (
	"net/netip"

	ev "septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// Trains. Where every frame that is sent now arrives in this turn, unharmed, several
// full segments are sent as one that is as long as all of them (longText), are one
// entry of the scoreboard, pass the layers below in one piece (packet.Packet.Couple),
// and are taken and acknowledged as one, as large segments are by a kernel whose card
// cuts and joins them (segmentation offload). On the wire they are the segments that
// they stand for.
//
// What a connection does must not depend on whether packets are made into trains: so
// single frames that would have been one say that more follow (packet.Packet.More), and
// what they lead to, the acknowledgement above all, waits for the last of them.

// maxTrainText is how much text one train has at most.
const maxTrainText = 64 << 10

// longText returns how much text the next segment may have: that of several full ones,
// if there is so much and nothing has to be decided for each. queued is what has not been
// sent, most what the windows have room for.
func (c *Conn) longText(queued, most int) int {
	if c.about.Bursts || c.about.CountSegments || c.win.PacingRate > 0 || c.sndNxt != c.sndMax ||
		c.loss.phase != phaseOpen || c.loss.newOnly > 0 || c.is(flagUrgent|flagSendCWR) || !c.carriesTrains() {
		return c.mss
	}
	at := c.sndNxt.Sub(c.snd.start)
	most = min(queued, most, c.snd.straight(at), maxTrainText, packet.MaxFrames*c.mss)
	n := most - most%c.mss
	switch {
	case most < queued:
	case c.is(flagFinQueued):
		n = most - 1 - (most-1)%c.mss // the FIN goes with what is left
	case c.opts.NoDelay && !c.corked():
		n = most
	}
	return max(n, c.mss)
}

// segments returns how many segments of the wire s stands for.
func (s *Segment) segments() int {
	if s.size == 0 {
		return 1
	}
	return (len(s.Text) + s.size - 1) / s.size
}

// sendTrain sends a segment that stands for several.
func (l *Layer) sendTrain(c *Conn, s *Segment) {
	if !l.pool.Trains() {
		l.sendApart(c, s)
		return
	}
	pushed := s.Flags.Has(header.PSH)
	s.Flags &^= header.PSH
	l.stats.SegmentsOut += uint64(s.segments())
	p := l.pool.Get(0)
	p.Borrow(s.Text)
	p.Couple(s.size, pushed)
	ip := c.sendAs()
	l.output(p, &c.path, c.pseudo, s, s.size, &ip)
}

// sendApart sends each of the segments that s stands for by itself.
func (l *Layer) sendApart(c *Conn, s *Segment) {
	rest, size, last, ip := s.Text, s.size, s.Flags, c.sendAs()
	s.size = 0
	for len(rest) > 0 {
		s.Text = packet.Uncouple(&rest, size)
		s.Flags, s.more = last&^header.PSH, true
		if len(rest) == 0 {
			s.Flags, s.more = last, false
		}
		l.send(&c.path, c.pseudo, s, &ip)
		s.Seq = s.Seq.Add(len(s.Text))
	}
}

// inputTrain takes a train, of which s has the headers: as one segment if that is the
// same as to take each of those that it stands for.
func (l *Layer) inputTrain(p *packet.Packet, s *Segment, d *network.Datagram) {
	first, rest, frames := s.TCP, p.Tail(), p.Frames()
	c := l.table.find(netip.AddrPortFrom(d.Dst, s.DstPort), netip.AddrPortFrom(d.Src, s.SrcPort))
	if c != nil && c.takesWhole(s, l.now()) {
		s.size = p.Size()
		if p.Pushed() {
			s.Flags |= header.PSH
		}
		l.input(s, d)
		if c.sndWl1 == first.Seq {
			c.sndWl1 = first.Seq.Add((frames - 1) * p.Size())
		}
		return
	}
	for k := range frames {
		s.TCP = first
		s.Seq, s.Text = first.Seq.Add(k*p.Size()), packet.Uncouple(&rest, p.Size())
		if s.more = k+1 < frames; !s.more && p.Pushed() {
			s.Flags |= header.PSH
		}
		l.input(s, d)
	}
}

// takesWhole reports whether the segments that s stands for are nothing but the next text,
// all of it wanted and inside the window, while no loss is being repaired.
func (c *Conn) takesWhole(s *Segment, now ev.Time) bool {
	return c.state == Established && s.Flags == header.ACK && s.ECN != ecnCE && s.Route == nil &&
		s.Seq == c.rcvNxt && len(s.Text) <= c.rcvAdv.Sub(c.rcvNxt) && len(c.rcv.ahead) == 0 &&
		c.duplicate.left == c.duplicate.right && s.Ack.AtLeast(c.sndUna) && s.Ack.AtMost(c.sndMax) &&
		c.loss.phase == phaseOpen && !c.is(flagAckNow|flagFinKnown|flagDetached|flagReadClosed) && !c.about.AdaptiveACKs &&
		(!c.stamp.enabled || s.Options.HasTimestamps && !c.stamp.old(now, s.Options.TSVal))
}

// holds reports whether what s leads to waits for the segment that follows at once. An
// acknowledgement that must go at once does not. Should the next one not come after
// all, a delayed ACK's time is the longest that anything waits.
func (c *Conn) holds(now ev.Time, s *Segment) bool {
	if !s.more || c.is(flagAckNow) || !c.state.synchronized() {
		return false
	}
	c.ackAt = min(c.ackAt, now.Add(c.about.DelayedACK))
	return true
}
