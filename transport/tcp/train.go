package tcp

import (
	"net/netip"

	"septet/header"
	"septet/network"
	"septet/packet"
)

// train collects segments of one connection that follow one another, so that they
// pass the layers below in one piece (packet.Packet.Couple). It is a matter of cost
// alone: each segment is made, and received, exactly as if it went by itself. Only the
// connection's timer is set once for all, so of two timers due at the same moment the
// other may be first.
type train struct {
	conn  *Conn   // nil while nothing is collected
	first Segment // without text
	size  int     // text of each car but the last
	text  int     // and of all
	cars  []packet.Car
	open  bool // a train is being received: what is sent meanwhile waits, ACKs too
}

// maxTrainText is how much text one train has at most.
const maxTrainText = 64 << 10

// couple adds a segment to the train, or begins one with it. It returns false if the
// segment has to go by itself; what was collected before has gone then.
func (l *Layer) couple(c *Conn, s *Segment) bool {
	t := &l.scratch().train
	if t.conn != nil {
		if t.fits(c, s) {
			t.add(s)
			return true
		}
		l.flush()
	}
	if !l.pool.Trains() || !t.begins(c, s) || !c.carriesTrains() {
		return false
	}
	t.conn, t.first = c, *s
	t.first.Text = nil
	t.size, t.text, t.cars = len(s.Text), 0, t.cars[:0]
	t.add(s)
	return true
}

func (t *train) add(s *Segment) {
	t.text += len(s.Text)
	t.cars = append(t.cars, packet.Car{Ack: s.Ack, Window: s.Window, Flags: s.Flags})
}

// begins reports whether more segments may follow s in a train: it is full, or a
// plain ACK of one of the segments that have arrived together.
func (t *train) begins(c *Conn, s *Segment) bool {
	if s.Flags&^header.PSH != header.ACK || s.Options.NumSACK > 0 || len(s.rest) > 0 {
		return false
	}
	if len(s.Text) == 0 {
		return t.open
	}
	return len(s.Text) == c.mss
}

// fits reports whether s goes on where the train ends, with a header that differs
// in nothing but what a car has.
func (t *train) fits(c *Conn, s *Segment) bool {
	n := len(t.cars)
	text := t.text + len(s.Text)
	return c == t.conn && n < packet.MaxCars && t.text == n*t.size && text <= maxTrainText &&
		s.Seq == t.first.Seq.Add(t.text) && len(s.Text) <= t.size && (len(s.Text) > 0) == (t.size > 0) &&
		s.Flags&^header.PSH == header.ACK && len(s.rest) == 0 && s.ECN == t.first.ECN &&
		s.Options == t.first.Options && c.snd.whole(t.first.Seq, text)
}

// has reports whether text that waits is acknowledged by ack, as that of a segment
// sent again may be. With the acknowledgement the buffer lets go of it.
func (t *train) has(c *Conn, ack header.Seq) bool {
	return c == t.conn && t.text > 0 && ack.After(t.first.Seq)
}

// flush sends what has been collected. It is called before anything else is sent,
// and before the layer is left.
func (l *Layer) flush() {
	t := &l.scratch().train
	c := t.conn
	if c == nil {
		return
	}
	t.conn = nil
	if c.state == Closed {
		return // and its buffer is gone
	}
	t.first.Text, _ = c.snd.view(l, t.first.Seq.Sub(c.snd.start), t.text)
	if len(t.cars) == 1 {
		l.send(&c.path, &t.first, c.sendAs())
		return
	}
	l.stats.SegmentsOut += uint64(len(t.cars))
	p := l.pool.Get(0)
	p.Borrow(t.first.Text)
	p.Couple(t.size, t.cars)
	l.putHeader(p, &c.path, &t.first, t.size)
	l.output(p, &c.path, &t.first, c.sendAs())
}

// inputTrain takes the segments of a train one after the other. The scratch space
// has the first.
func (l *Layer) inputTrain(p *packet.Packet, d *network.Datagram) {
	w, now := l.scratch(), l.loop.Now()
	s := &w.segment
	first := s.TCP
	local := netip.AddrPortFrom(d.Dst, s.DstPort)
	remote := netip.AddrPortFrom(d.Src, s.SrcPort)
	c := l.table.find(local, remote)
	w.train.open = true
	rest, seq := p.Tail(), first.Seq
	for _, car := range p.Cars() {
		s.TCP = first
		s.Seq, s.Text = seq, packet.Uncouple(&rest, p.Size())
		s.Ack, s.Window, s.Flags = car.Ack, car.Window, car.Flags
		seq = seq.Add(p.Size())
		if c != nil && c.state != Closed {
			if w.train.has(c, s.Ack) {
				l.flush()
			}
			c.Input(now, s)
			continue
		}
		l.input(d)
		c = l.table.find(local, remote)
	}
	w.train.open = false
	if c != nil {
		l.schedule(c)
	}
	l.flush()
}
