package inspect

import "fmt"

// rounds counts the sightings of packets that go round in circles. The first of
// each is printed, the others are told in one line.
type rounds struct {
	list   []around // the oldest first
	hidden int      // in all of them
}

type around struct {
	packet      uint64
	hidden      int
	first, last Line // that are hidden; last is the one printed if none is
}

const maxRounds = 16

func (r *rounds) full() bool { return len(r.list) == maxRounds }

// begin remembers a packet whose first round is printed. What is full is
// emptied; closeRounds has told what was in it.
func (r *rounds) begin(line *Line) {
	if r.full() {
		r.list = r.list[:0]
	}
	r.list = append(r.list, around{packet: line.packet, last: *line})
}

// hide counts a line, and returns false for one that is to be printed.
func (r *rounds) hide(line *Line) bool {
	for i := range r.list {
		a := &r.list[i]
		if a.packet != line.packet || line.TTL >= a.last.TTL {
			continue
		}
		if a.hidden == 0 {
			a.first = *line
		}
		a.last = *line
		a.hidden++
		r.hidden++
		return true
	}
	return false
}

// closeRounds tells what has been counted.
func (l *Ladder) closeRounds() error {
	if l.round.hidden == 0 {
		return nil
	}
	l.round.hidden = 0
	for i := range l.round.list {
		a := &l.round.list[i]
		n := a.hidden
		a.hidden = 0
		var err error
		switch {
		case n == 1:
			err = l.put(&a.last)
		case n > 1:
			err = l.print(spans{
				{plain, fmt.Sprintf("%*.6f  ", timeWidth, a.last.Time.Seconds())},
				{yellow, fmt.Sprintf("… %d more, TTL %d to %d", n, a.first.TTL, a.last.TTL)},
			}, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
