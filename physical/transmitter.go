package physical

import "septet/event"

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
