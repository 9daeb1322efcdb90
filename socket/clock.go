package socket

import (
	"time"

	"septet/event"
)

// Epoch is the date on which virtual time begins, as it does in a
// testing/synctest bubble.
var Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Now returns the date on the network's clock, for deadlines: the machine's in
// real time, Epoch and the time passed since in virtual time.
func (st *Stack) Now() time.Time {
	if !st.loop.Virtual() {
		return time.Now()
	}
	return Epoch.Add(time.Duration(st.loop.Now()))
}

// moment returns the loop's time for a deadline, Never for the zero Time. The
// turn must be held.
//
// In virtual time a deadline comes from one of two clocks. One made from Now
// is a date on the network's clock. One made from time.Now, by code that knows
// nothing of networks, is that far from now as it is from time.Now; it carries a
// monotonic reading, by which it is known. The few microseconds that the caller
// took are made good by rounding up to a millisecond, so that the run stays a
// function of the seed.
func (st *Stack) moment(t time.Time) event.Time {
	switch {
	case t.IsZero():
		return event.Never
	case !st.loop.Virtual():
		return st.loop.Now().Add(time.Until(t))
	case t.Round(0) == t: // no monotonic reading
		return event.Time(0).Add(t.Sub(Epoch))
	}
	d := time.Until(t)
	if d <= 0 {
		return st.loop.Now()
	}
	return st.loop.Now().Add((d + time.Millisecond - 1).Truncate(time.Millisecond))
}

// The deadlines of the net shapes. Calls that are blocked look at the new one.

func (s *Socket) setDeadlines(t time.Time, read, write bool) error {
	l := s.stack.loop
	l.Lock()
	defer l.Unlock()
	if s.closed {
		return errClosed
	}
	m := s.stack.moment(t)
	if read {
		s.readDeadline = m
		switch p := s.protocol.(type) {
		case *datagram:
			p.inbox.shut()
		case *stream:
			p.shutTaken()
		}
		l.Signal(s.protocol.readCond())
	}
	if write {
		s.writeDeadline = m
		l.Signal(&s.writable)
	}
	return nil
}
