package physical

import (
	"time"

	"septet/event"
	"septet/packet"
)

// transmitter is the end of a wire with a rate: it sends one frame after the
// other. It keeps no queue of its own, because what is in it follows from the
// moment at which it will be idle.
type transmitter struct {
	idle event.Time // when the last bit taken so far has left
	rest int64      // the part of that moment below a nanosecond, in bitTime
}

// depart takes n bytes and returns when their last bit leaves, or false if the
// queue is full.
func (t *transmitter) depart(now event.Time, n int, i *Impairment) (event.Time, bool) {
	if i.Rate == 0 {
		return now, true
	}
	var work int64 // what is to be sent, in bitTime
	if t.idle > now {
		work = int64(t.idle-now)*i.Rate + t.rest
		if work+bitTime(n) > bitTime(i.queue()) {
			return 0, false
		}
	}
	work += bitTime(n)
	t.idle, t.rest = now+event.Time(work/i.Rate), work%i.Rate
	return t.idle, true
}

// changeRate keeps the bits that are to be sent and gives them another time.
func (t *transmitter) changeRate(now event.Time, before, after int64) {
	if t.idle <= now || after == 0 {
		*t = transmitter{}
		return
	}
	work := int64(t.idle-now)*before + t.rest
	t.idle, t.rest = now+event.Time(work/after), work%after
}

// flight is one frame on the way.
type flight struct {
	packet    *packet.Packet
	number    uint64     // in the order of sending
	departs   event.Time // its last bit leaves the transmitter
	arrives   event.Time
	overtaken bool // set on arrival: a frame sent later has arrived already
}

// later has the frames on the way that do not arrive in this turn.
type later struct {
	ordered line       // frames that keep their order
	held    line       // frames held back to be overtaken
	last    event.Time // arrival of the frame before, held back or not
	sent    uint64     // number of the frame sent last
	arrived uint64     // highest number that has arrived
	timer   event.Timer
}

// add puts a frame on its way; hold is how much later it arrives if it is held.
// Among those in order, and among those held, no frame overtakes another.
func (l *later) add(f flight, held bool, hold time.Duration) {
	l.sent++
	f.number = l.sent
	f.arrives = max(f.arrives, l.last)
	if held {
		f.arrives = f.arrives.Add(hold)
		l.held.push(f)
	} else {
		l.last = f.arrives
		l.ordered.push(f)
	}
	l.schedule()
}

// overtake counts a frame that arrives at once.
func (l *later) overtake() {
	l.sent++
	l.arrived = l.sent
}

// next takes out the frame that arrives first, if that is by the moment now.
func (l *later) next(now event.Time) (f flight, ok bool) {
	from := l.earliest()
	if from == nil || from.first().arrives > now {
		return flight{}, false
	}
	f = from.pop()
	f.overtaken = f.number < l.arrived
	l.arrived = max(l.arrived, f.number)
	return f, true
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
	l.last = l.ordered.changeRate(now, before, after)
	l.held.changeRate(now, before, after)
}

// line is a first-in, first-out list of frames in the order of arrival, in a
// ring that is used again and again.
type line struct {
	ring       []flight
	head, size int
}

// maxIdleRing is how many places an empty ring may keep.
const maxIdleRing = 256

func (q *line) at(i int) *flight { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *line) first() *flight { return q.at(0) }

// push appends f, not before the frame that arrives last.
func (q *line) push(f flight) {
	if q.size > 0 {
		f.arrives = max(f.arrives, q.at(q.size-1).arrives)
	}
	if q.size == len(q.ring) {
		grown := make([]flight, max(16, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.size++
	*q.at(q.size - 1) = f
}

func (q *line) pop() flight {
	f := *q.first()
	q.first().packet = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.size--
	if q.size == 0 && len(q.ring) > maxIdleRing {
		*q = line{}
	}
	return f
}

// changeRate moves the frames that have not departed by now, and returns the
// arrival of the last.
func (q *line) changeRate(now event.Time, before, after int64) (last event.Time) {
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
		f.arrives = max(f.arrives, last)
		last = f.arrives
	}
	return last
}
