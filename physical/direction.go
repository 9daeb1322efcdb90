package physical

import (
	"math/rand/v2"
	"time"

	"septet/event"
	"septet/packet"
)

// What is on the way in one direction is capped: beyond maxOnTheWay bytes,
// counting frameCost for the buffer of each frame, frames are dropped.
const (
	maxOnTheWay = 256 << 20
	frameCost   = 2 << 10
)

// direction takes frames from one end of a wire to the other:
//
//  1. transmit refuses what is too long or too much, and takes trains apart
//     (transmitTrain) unless there is nothing to decide for any of their frames.
//  2. If there is nothing to decide, the frame goes into the queue of those that
//     arrive in this turn; one posted run delivers all of them.
//  3. Otherwise it gets its time to depart (depart), and may be lost,
//     corrupted or duplicated (impair).
//  4. launch gives each copy its time to arrive and puts it into one of two
//     lines: those that keep their order, and those held back to be overtaken.
//     One timer serves both.
//  5. deliver gives it to the receiver.
type direction struct {
	wire       *Wire
	receive    func(*packet.Packet)
	onTheWay   int // bytes, see maxOnTheWay
	name       Direction
	bare       bool // nothing is to be decided about a frame
	steady     bool // nothing but when it arrives, and that does not depend on chance
	posted     bool
	sender     transmitter
	later      later
	stats      Stats
	impairment Impairment
	now        packet.Queue
	burst      burst
	rand       *rand.Rand
}

func (d *direction) init(w *Wire, name Direction) {
	d.wire, d.name = w, name
	d.rand = rand.New(rand.NewPCG(w.loop.Rand().Uint64(), w.loop.Rand().Uint64()))
	d.later.timer.Init(w.loop, d)
}

func (d *direction) change(i Impairment) {
	now := d.wire.loop.Now()
	if old := d.impairment.Rate; old != 0 && old != i.Rate {
		d.sender.changeRate(now, old, i.Rate)
		d.later.changeRate(now, old, i.Rate)
	}
	d.impairment = i
	d.judge()
	d.later.schedule()
}

// down reports whether nothing arrives.
func (d *direction) down() bool { return d.impairment.Down || d.wire.cut }

// judge sees whether there is anything to decide about a frame from now on. If nothing
// arrives any more, what is on the way is lost.
func (d *direction) judge() {
	d.bare = d.impairment.bare() && !d.wire.cut
	d.steady = d.impairment.steady() && !d.wire.cut
	if !d.down() {
		return
	}
	for p := d.now.Pop(); p != nil; p = d.now.Pop() {
		d.lose(p)
	}
	for from := d.later.earliest(); from != nil; from = d.later.earliest() {
		p, _ := d.later.take(from)
		d.lose(p)
	}
}

// transmit takes a frame from the port.
func (d *direction) transmit(p *packet.Packet) {
	n := p.FrameLen()
	switch {
	case n > d.wire.maxFrame:
		d.refuse(p, &d.stats.TooLong)
	case d.onTheWay > maxOnTheWay:
		d.refuse(p, &d.stats.Dropped)
	case p.Frames() > 1:
		d.transmitTrain(p)
	case d.bare && len(d.wire.taps) == 0 && d.later.ordered.size == 0:
		d.onTheWay += n + frameCost
		d.stats.Sent++
		d.stats.SentBytes += uint64(n)
		d.deliverNow(p)
	default:
		d.impair(p, n)
	}
}

// transmitTrain takes a train: whole, if there is nothing to decide for each frame.
func (d *direction) transmitTrain(p *packet.Packet) {
	if !d.carriesTrains() {
		p.Break(d.transmit)
		return
	}
	d.onTheWay += d.weight(p)
	d.stats.Sent += uint64(p.Frames())
	d.stats.SentBytes += uint64(p.TotalLen())
	d.show(Sent, p)
	d.deliverNow(p)
}

// carriesTrains reports whether every frame transmitted now arrives in this turn,
// unharmed.
func (d *direction) carriesTrains() bool { return d.bare && d.later.ordered.size == 0 }

// weight is what a packet counts on the way.
func (d *direction) weight(p *packet.Packet) int { return p.TotalLen() + p.Frames()*frameCost }

// show lets the taps see the frames that p stands for.
func (d *direction) show(e Event, p *packet.Packet) {
	if !d.wire.taps.see(e) {
		return
	}
	now := d.wire.loop.Now()
	if p.Frames() == 1 {
		d.wire.taps.frame(now, d.name, e, p)
		return
	}
	p.Each(func(frame *packet.Packet) { d.wire.taps.frame(now, d.name, e, frame) })
}

// impair decides what becomes of a frame.
func (d *direction) impair(p *packet.Packet, n int) {
	now := d.wire.loop.Now()
	departs, ok := d.sender.depart(now, n, &d.impairment)
	if !ok {
		d.refuse(p, &d.stats.Dropped)
		return
	}
	d.onTheWay += n + frameCost
	d.stats.Sent++
	d.stats.SentBytes += uint64(n)
	if !d.carriesTrains() {
		p.SetMore(false)
	}
	d.wire.taps.frame(now, d.name, Sent, p)
	if d.steady {
		p.Keep()
		d.later.add(flight{packet: p, departs: departs, arrives: departs.Add(d.impairment.Delay)}, false)
		return
	}
	if d.down() || d.burst.lose(d.rand, &d.impairment) {
		d.lose(p)
		return
	}
	if d.chance(d.impairment.Corrupt) {
		d.corrupt(p)
	}
	if d.chance(d.impairment.Duplicate) {
		d.stats.Duplicated++
		second := d.wire.pool.From(p.Bytes())
		d.onTheWay += n + frameCost
		d.launch(p, departs)
		d.launch(second, departs)
		return
	}
	d.launch(p, departs)
}

// chance reports true with probability p. An impairment that is not set draws
// nothing.
func (d *direction) chance(p float64) bool { return p > 0 && d.rand.Float64() < p }

// corrupt flips one bit.
func (d *direction) corrupt(p *packet.Packet) {
	b := p.Touch()
	if len(b) == 0 {
		return
	}
	d.stats.Corrupted++
	bit := d.rand.IntN(8 * len(b))
	b[bit/8] ^= 1 << (bit % 8)
}

// launch sends a frame on its way.
func (d *direction) launch(p *packet.Packet, departs event.Time) {
	i := &d.impairment
	held := d.chance(i.Reorder)
	if !held && !i.takesTime() && d.later.ordered.size == 0 {
		d.deliverNow(p)
		return
	}
	p.Keep()
	f := flight{packet: p, departs: departs, arrives: departs.Add(d.wayTime())}
	if held {
		f.arrives = f.arrives.Add(i.reorderBy(d.wire.maxFrame))
	}
	d.later.add(f, held)
}

// wayTime returns the delay of one frame.
func (d *direction) wayTime() time.Duration {
	delay := d.impairment.Delay
	if jitter := int64(d.impairment.Jitter); jitter > 0 {
		delay += time.Duration(d.rand.Int64N(2*jitter+1) - jitter)
	}
	return max(delay, 0)
}

// deliverNow has a frame arrive in this turn.
func (d *direction) deliverNow(p *packet.Packet) {
	d.later.bypass()
	d.now.Push(p)
	if !d.posted {
		d.posted = true
		d.wire.loop.Post(d)
	}
}

// Run delivers the frames that arrive in this turn. Those that are sent
// meanwhile have to wait for what was posted before them.
func (d *direction) Run() {
	for n := d.now.Len(); n > 0; n-- {
		p := d.now.Pop()
		if p == nil {
			break // the cable was pulled by a receiver
		}
		d.deliver(p)
	}
	d.posted = d.now.Len() > 0
	if d.posted {
		d.wire.loop.Post(d)
	}
}

// Expire delivers the frames whose time has come.
func (d *direction) Expire(*event.Timer) {
	now := d.wire.loop.Now()
	for from := d.later.earliest(); from != nil && from.first().arrives <= now; from = d.later.earliest() {
		p, overtaken := d.later.take(from)
		if overtaken {
			d.stats.Reordered++
		}
		d.deliver(p)
	}
	d.later.schedule()
}

// deliver ends a frame's way.
func (d *direction) deliver(p *packet.Packet) {
	if d.receive == nil {
		d.lose(p)
		return
	}
	frames, n := p.Frames(), p.TotalLen()
	if len(d.wire.taps) > 0 {
		if frames > 1 && d.wire.taps.see(Delivered) {
			p.Break(d.deliver) // so that what one frame leads to is seen before the next
			return
		}
		d.show(Delivered, p)
	}
	d.onTheWay -= n + frames*frameCost
	d.stats.Delivered += uint64(frames)
	d.stats.DeliveredBytes += uint64(n)
	d.receive(p)
}

func (d *direction) lose(p *packet.Packet) {
	d.onTheWay -= d.weight(p)
	d.stats.Lost += uint64(p.Frames())
	d.show(Lost, p)
	p.Release()
}

func (d *direction) refuse(p *packet.Packet, counter *uint64) {
	*counter += uint64(p.Frames())
	d.show(Dropped, p)
	p.Release()
}

// burst is Gilbert's model of losses: a direction is in a good state, where
// everything arrives, or in a bad one, where nothing does.
type burst struct{ bad bool }

// lose decides for one frame. With Burst the bad state ends with probability
// 1/Burst, so its mean length is Burst; it begins with the probability for which
// the share of frames in it is Loss.
func (b *burst) lose(r *rand.Rand, i *Impairment) bool {
	switch {
	case i.Loss == 0:
		return false
	case i.Burst == 0 || i.Loss == 1:
		return r.Float64() < i.Loss
	case b.bad:
		b.bad = r.Float64() >= 1/i.Burst
	default:
		b.bad = r.Float64() < i.Loss/(1-i.Loss)/i.Burst
	}
	return b.bad
}
