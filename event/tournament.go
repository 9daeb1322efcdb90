package event

import "math"

// tournament finds the timer that is due first. It is a tree of winners: at the
// bottom stand the places of the timers with their keys, and every inner node names the
// place with the lesser key below it. A timer keeps its place as long as it waits, so that
// moving one costs a comparison for each level and touches no other timer.
//
//	              winners[1]                 the first of all
//	      winners[2]      winners[3]
//	keys: 0       1       2       3
type tournament struct {
	keys    []key // by place; a power of two of them
	timers  []*Timer
	winners []int32
	vacant  []int32 // places
	size    int     // of them are taken
	sooner  bool    // a timer was set since rouse looked, and may be the first now
	seq     uint64
	distant distant
}

// key is the order of timers: by moment, and among equals by when they were set.
type key struct {
	when Time
	seq  uint64
}

// vacancy is the key of a place without a timer.
var vacancy = key{Never, math.MaxUint64}

const leastPlaces = 4

func (a *key) before(b *key) bool {
	return a.when < b.when || (a.when == b.when && a.seq < b.seq)
}

// add takes a timer that waits nowhere.
func (q *tournament) add(t *Timer) {
	if q.distant.takes(t) {
		q.distant.add(t)
	} else {
		q.push(t)
	}
}

func (q *tournament) push(t *Timer) {
	if len(q.vacant) == 0 {
		q.makeRoom()
	}
	last := len(q.vacant) - 1
	place := q.vacant[last]
	q.vacant = q.vacant[:last]
	q.size++
	q.timers[place], t.slot = t, place+1
	q.set(place, key{t.when, t.seq})
}

func (q *tournament) remove(place int32) {
	q.timers[place].slot = 0
	q.timers[place] = nil
	q.size--
	q.vacant = append(q.vacant, place)
	q.set(place, vacancy)
}

// set gives a place another key, and lets it play against the others again.
func (q *tournament) set(place int32, k key) {
	keys, winners := q.keys, q.winners
	keys[place] = k
	rival := place ^ 1
	if keys[rival].before(&k) {
		place, k = rival, keys[rival]
	}
	at := (int(rival) + len(keys)) / 2
	for winners[at] = place; at > 1; winners[at] = place {
		rival := winners[at^1]
		if other := &keys[rival]; other.before(&k) {
			place, k = rival, *other
		}
		at /= 2
	}
}

// makeRoom takes out the timers that were unset and have kept their places, or grows if
// that are few: many places without a timer cost memory and a level of comparisons.
func (q *tournament) makeRoom() {
	for place, t := range q.timers {
		if t.when == Never {
			q.remove(int32(place))
		}
	}
	if len(q.vacant) <= len(q.keys)/4 {
		q.grow()
	}
}

// grow doubles the places.
func (q *tournament) grow() { q.rebuild(max(leastPlaces, 2*len(q.keys))) }

// manyPlaces is from how many places on those that nobody needs any more are given up.
const manyPlaces = 64

// shrink gives up places if nearly all are vacant: each doubling of them costs a
// comparison whenever a timer moves.
func (q *tournament) shrink() {
	if n := len(q.keys); n >= manyPlaces && q.size < n/8 {
		for n > leastPlaces && n >= 4*q.size {
			n /= 2
		}
		q.rebuild(n)
	}
}

// rebuild moves the timers to the first of n places, and has all play against each other.
func (q *tournament) rebuild(n int) {
	timers, keys := q.timers, q.keys
	q.timers, q.keys, q.vacant = make([]*Timer, n), make([]key, n), make([]int32, 0, n)
	place := 0
	for old, t := range timers {
		if t != nil {
			q.timers[place], q.keys[place] = t, keys[old]
			place++
			t.slot = int32(place)
		}
	}
	for last := n - 1; last >= place; last-- {
		q.keys[last] = vacancy
		q.vacant = append(q.vacant, int32(last))
	}
	q.winners = make([]int32, n)
	below := func(node int) int32 { // the winner there
		if node >= n {
			return int32(node - n)
		}
		return q.winners[node]
	}
	for at := n - 1; at > 0; at-- {
		a, b := below(2*at), below(2*at+1)
		if q.keys[b].before(&q.keys[a]) {
			a = b
		}
		q.winners[at] = a
	}
}

// first returns the place with the least key. There must be a timer.
func (q *tournament) first() int32 { return q.winners[1] }

// least returns a moment before which no timer expires, and mostly the moment at
// which one does: what was moved later still counts with where it was.
func (q *tournament) least() Time {
	least := q.distant.least()
	if q.size > 0 {
		least = min(least, q.keys[q.first()].when)
	}
	return least
}

// earliest is least with the keys corrected of timers that were moved or unset since
// they were queued: unless a distant second begins then, a timer expires.
func (q *tournament) earliest() Time {
	q.correct()
	return q.least()
}

// next returns the timer that expires first, nil when none is set.
func (q *tournament) next() *Timer {
	for {
		q.correct()
		second := q.distant.least()
		switch empty := q.size == 0; {
		case empty && second == Never:
			return nil
		case empty || second <= q.keys[q.first()].when:
			q.distant.spill(q)
		default:
			return q.timers[q.first()]
		}
	}
}

// correct sees to it that the first key is that of a timer which is due then.
func (q *tournament) correct() {
	for q.size > 0 {
		place := q.first()
		t, k := q.timers[place], &q.keys[place]
		switch {
		case t.when == Never:
			q.remove(place)
			q.shrink()
		case t.when == k.when && t.seq == k.seq:
			return
		case q.distant.takes(t):
			q.remove(place)
			q.distant.add(t)
		default:
			q.set(place, key{t.when, t.seq})
		}
	}
}
