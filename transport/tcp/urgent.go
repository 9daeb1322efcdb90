package tcp

import (
	"syscall"

	"septet/header"
)

// Urgent data (RFC 9293, section 3.8.5; RFC 6093). The pointer names the byte
// after the urgent data. What is urgent is, as everywhere, its last byte, the
// mark: a read stops before it. With OOBInline it is then read like any other;
// without, as on Linux, reads pass over it and ReadUrgent returns it. It is never
// taken out of the receive buffer before the stream has come to it.

// WriteUrgent is SEND with the urgent flag: the urgent pointer points past the
// last byte of b.
func (c *Conn) WriteUrgent(b []byte) (int, error) {
	if c.maySend() && c.snd.size < c.snd.limit && len(b) > 0 {
		c.set(flagUrgent)
		c.sndUp = c.snd.end().Add(min(len(b), c.snd.limit-c.snd.size))
	}
	return c.Write(b)
}

// takeUrgent is the sixth step of RFC 9293, section 3.10.7.4: RCV.UP goes forward
// only. MUST-32: the user is told when urgent data is announced.
func (c *Conn) takeUrgent(s *Segment) {
	if !s.Flags.Has(header.URG) || !c.state.mayReceive() {
		return
	}
	up := s.Seq.Add(int(s.Urgent))
	if !up.After(c.readSeq()) || c.is(flagRcvUrgent) && !up.After(c.rcvUp) {
		return
	}
	// An earlier urgent byte that the stream has come to is gone; one further on
	// becomes a byte like any other, as on Linux.
	c.skipUrgent()
	if w := c.rcv.waiting; w != nil {
		w.room = nil // who reads, stops before the mark
	}
	c.rcvUp = up
	c.set(flagRcvUrgent)
	c.unset(flagUrgentTaken)
	c.notify(Readable | Urgent)
}

// readSeq is the sequence number of the next byte to be read.
func (c *Conn) readSeq() header.Seq { return c.rcvNxt.Add(-c.rcv.size - c.finRead()) }

// finRead is one when RCV.NXT counts the peer's FIN, which nobody reads.
func (c *Conn) finRead() int {
	if c.is(flagFinTaken) {
		return 1
	}
	return 0
}

// toMark returns how many bytes are to be read before the urgent one, -1 if there
// is none.
func (c *Conn) toMark() int {
	if !c.is(flagRcvUrgent) {
		return -1
	}
	return c.rcvUp.Sub(c.readSeq()) - 1
}

// AtMark reports whether the next byte to be read is the urgent one: what
// sockatmark returns.
func (c *Conn) AtMark() bool { return c.toMark() == 0 }

// Urgent returns how many bytes are to be read up to the end of the urgent data
// that the peer has announced, zero when there is none (RFC 9293, MUST-33). Not
// all of them need to have arrived.
func (c *Conn) Urgent() int { return c.toMark() + 1 }

// readable returns how many bytes one Read may return: not across the mark.
func (c *Conn) readable() int {
	if mark := c.toMark(); mark > 0 {
		return min(c.rcv.size, mark)
	}
	return c.rcv.size
}

// UrgentWaits reports whether the urgent byte has come and ReadUrgent has not taken it.
func (c *Conn) UrgentWaits() bool {
	mark := c.toMark()
	return mark >= 0 && !c.is(flagUrgentTaken) && (mark < c.rcv.size || c.arrivedAhead(mark))
}

// urgentAside is one if the receive buffer has an urgent byte that no Read will
// return.
func (c *Conn) urgentAside() int {
	if mark := c.toMark(); mark >= 0 && mark < c.rcv.size && !c.opts.OOBInline {
		return 1
	}
	return 0
}

// skipUrgent takes the urgent byte off the stream when the reader stands before
// it.
func (c *Conn) skipUrgent() {
	if c.is(flagRcvUrgent) && c.AtMark() && c.urgentAside() > 0 {
		c.rcv.discard(c.store, 1, c.is(flagWarm))
		c.passUrgent()
	}
}

// passUrgent leaves urgent mode when everything urgent has been read.
func (c *Conn) passUrgent() {
	if c.is(flagRcvUrgent) && c.rcvUp.AtMost(c.readSeq()) {
		c.unset(flagRcvUrgent | flagUrgentTaken)
	}
}

// ReadUrgent reads the urgent byte out of band; with peek it stays to be read
// once more. It returns EINVAL if there is none, if it was read already, or if it
// stays in the stream; EAGAIN if it was announced and has not arrived.
func (c *Conn) ReadUrgent(b []byte, peek bool) (int, error) {
	mark := c.toMark()
	switch {
	case c.opts.OOBInline || mark < 0 || c.is(flagUrgentTaken):
		return 0, syscall.EINVAL
	case mark >= c.rcv.size && (c.state == Closed || c.is(flagReadClosed)):
		return 0, nil
	case mark >= c.rcv.size && !c.arrivedAhead(mark):
		return 0, syscall.EAGAIN
	}
	if !peek {
		c.set(flagUrgentTaken)
	}
	first, _ := c.rcv.view(mark, 1)
	return copy(b, first), nil
}

// arrivedAhead reports whether the byte at an offset from the reader has arrived
// out of order.
func (c *Conn) arrivedAhead(offset int) bool {
	seq := c.readSeq().Add(offset)
	for _, x := range c.rcv.ahead {
		if x.left.AtMost(seq) && seq.Before(x.right) {
			return true
		}
	}
	return false
}
