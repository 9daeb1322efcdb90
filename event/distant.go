package event

// distant has the timers that are due seconds from now, by the second: most of them
// are moved or stopped before, and waiting here costs nothing. Every connection in
// TIME-WAIT has one. When a second comes near, its timers go into the tournament, where
// alone their order is settled.
type distant struct {
	seconds *[distantSeconds]second // nil until the first
	first   int64                   // no timer waits in a second before this one
	count   int
}

// second has the timers of one second, which has 2^30 ns.
type second struct {
	number int64
	timers []*Timer
}

// Timers wait here if they are due in this many seconds. Later ones are few, and the
// tournament takes them.
const (
	leastSeconds   = 2
	distantSeconds = 64
)

// keptTimers is how much room an empty second keeps.
const keptTimers = 1024

func (t Time) second() int64 { return int64(t) >> 30 }

// at returns where the timers of second n are, if there are any.
func (d *distant) at(n int64) *second { return &d.seconds[n%distantSeconds] }

// takes reports whether a timer is due in as many seconds as these are for, and its
// place is not that of a second which has passed: the clock may not have been looked at
// for long.
func (d *distant) takes(t *Timer) bool {
	n := t.when.second()
	ahead := n - t.loop.now.second()
	if ahead < leastSeconds || ahead >= distantSeconds {
		return false
	}
	return d.seconds == nil || len(d.at(n).timers) == 0 || d.at(n).number == n
}

// add takes a timer that waits nowhere.
func (d *distant) add(t *Timer) {
	if d.seconds == nil {
		d.seconds = new([distantSeconds]second)
	}
	n := t.when.second()
	if d.count == 0 || n < d.first {
		d.first = n
	}
	d.count++
	s := d.at(n)
	s.number = n
	s.timers = append(s.timers, t)
	t.slot, t.second = -int32(len(s.timers)), uint8(n%distantSeconds)
}

// remove takes out a timer that add took.
func (d *distant) remove(t *Timer) {
	s := &d.seconds[t.second]
	last := len(s.timers) - 1
	i := int(-t.slot - 1)
	s.timers[i] = s.timers[last]
	s.timers[i].slot = t.slot
	s.timers[last] = nil
	s.timers = s.timers[:last]
	t.slot = 0
	d.count--
}

// begin returns the moment at which the second of a timer that waits here begins.
func (d *distant) begin(t *Timer) Time { return Time(d.seconds[t.second].number << 30) }

// least returns a moment before which no timer of these expires.
func (d *distant) least() Time {
	if d.count == 0 {
		return Never
	}
	for s := d.at(d.first); len(s.timers) == 0 || s.number != d.first; s = d.at(d.first) {
		d.first++
	}
	return Time(d.first << 30)
}

// spill moves the timers of the second that least has found into the tournament.
func (d *distant) spill(q *tournament) {
	s, number := d.at(d.first), d.first
	due := s.timers
	s.timers = nil
	d.count -= len(due)
	for _, t := range due {
		t.slot = 0
		switch {
		case t.when == Never: // unset meanwhile
		case t.when.second() == number:
			q.push(t)
		default: // moved
			q.add(t)
		}
	}
	clear(due)
	if s.timers == nil && cap(due) <= keptTimers {
		s.timers = due[:0]
	}
}
