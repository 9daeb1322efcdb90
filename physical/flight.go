package physical

import (
	"unsafe"

	"septet/event"
	"septet/packet"
	"septet/prefetch"
)

// flight is one frame on the way.
type flight struct {
	packet  *packet.Packet
	number  uint64     // in the order of sending
	departs event.Time // its last bit leaves the transmitter
	arrives event.Time // or later: see line
}

// later has the frames on the way that do not arrive in this turn.
type later struct {
	ordered line   // frames that keep their order
	held    line   // frames held back to be overtaken
	sent    uint64 // number of the frame sent last
	arrived uint64 // highest number that has arrived
	timer   event.Timer
}

// add puts a frame on its way, in order or held back.
func (l *later) add(f flight, held bool) {
	l.sent++
	f.number = l.sent
	to := &l.ordered
	if held {
		to = &l.held
	}
	to.push(f)
	if to.size == 1 { // otherwise who arrives first is still the same
		l.schedule()
	}
}

// bypass numbers a frame that arrives in this turn, before those held back.
func (l *later) bypass() {
	l.sent++
	l.arrived = l.sent
}

// take takes out the first frame of the line from, which is earliest's, as it arrives.
// It says whether a frame that was sent later has arrived already.
func (l *later) take(from *line) (p *packet.Packet, overtaken bool) {
	p, number := from.pop()
	overtaken = number < l.arrived
	l.arrived = max(l.arrived, number)
	return p, overtaken
}

// earliest returns the line whose first frame arrives first, nil if both are
// empty.
func (l *later) earliest() *line {
	switch {
	case l.held.size == 0 && l.ordered.size == 0:
		return nil
	case l.held.size == 0:
		return &l.ordered
	case l.ordered.size == 0 || l.held.first().arrives < l.ordered.first().arrives:
		return &l.held
	}
	return &l.ordered
}

// schedule sets the timer for the frame that arrives first.
func (l *later) schedule() {
	when := event.Never
	if from := l.earliest(); from != nil {
		when = from.first().arrives
	}
	if when != l.timer.When() {
		l.timer.Reset(when)
	}
}

// changeRate gives the frames still at the transmitter other times.
func (l *later) changeRate(now event.Time, before, after int64) {
	l.ordered.changeRate(now, before, after)
	l.held.changeRate(now, before, after)
}

// line is a first-in, first-out list of frames, in a ring that is used again and
// again. A frame arrives when its own time has come and those before it have
// arrived; so jitter, or a delay made shorter, never reorders.
type line struct {
	ring       []flight
	head, size int
}

// maxIdleRing is how many places an empty ring may keep.
const maxIdleRing = 256

func (q *line) at(i int) *flight { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *line) first() *flight { return q.at(0) }

func (q *line) push(f flight) {
	if q.size == len(q.ring) {
		grown := make([]flight, max(16, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.size++
	*q.at(q.size - 1) = f
}

// pop takes out the first frame.
func (q *line) pop() (p *packet.Packet, number uint64) {
	f := q.first()
	p, number = f.packet, f.number
	f.packet = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.size--
	switch {
	case q.size > 0:
		q.first().packet.Expect()
		prefetch.Bytes(unsafe.Pointer(q.at(2)), 1) // two of them fill a line
	case len(q.ring) > maxIdleRing:
		*q = line{}
	}
	return p, number
}

// changeRate moves the frames that have not departed by now.
func (q *line) changeRate(now event.Time, before, after int64) {
	for i := range q.size {
		f := q.at(i)
		if f.departs > now {
			departs := now
			if after != 0 {
				departs += event.Time(int64(f.departs-now) * before / after)
			}
			f.arrives += departs - f.departs
			f.departs = departs
		}
	}
}
