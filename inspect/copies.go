package inspect

import "time"

// copies tells packets from their copies on other wires. A capture of a whole
// lab has each packet once for every wire that it crosses; one wire has it more
// than once only if it was sent or duplicated more than once. So the n-th
// sighting of the same bytes on one wire is new if no wire has had n of them.
type copies struct {
	seen map[uint64]*copyCount
	ring []uint64 // the keys of seen, oldest at next once it is full
	next int
}

type copyCount struct {
	last   time.Duration
	most   int
	counts []pointCount
}

type pointCount struct {
	at  point
	n   int
	ttl uint8 // of the last
}

const (
	maxCopies = 4096
	// maxCrossing is how long a packet may take from wire to wire.
	maxCrossing = 10 * time.Second
	maxPoints   = 256
)

// fresh counts a sighting and reports whether it is a new packet. One that has
// been at the same point with a higher TTL goes round: routers have passed it
// back there.
func (c *copies) fresh(key uint64, at point, ttl uint8, now time.Duration) (fresh, round bool) {
	entry := c.entry(key)
	if now-entry.last > maxCrossing {
		entry.most, entry.counts = 0, entry.counts[:0]
	}
	entry.last = now
	i := 0
	for i < len(entry.counts) && entry.counts[i].at != at {
		i++
	}
	if i == len(entry.counts) {
		if i == maxPoints {
			return false, false
		}
		entry.counts = append(entry.counts, pointCount{at: at, ttl: ttl})
	}
	here := &entry.counts[i]
	round = ttl < here.ttl
	here.n++
	here.ttl = ttl
	if here.n <= entry.most {
		return false, false
	}
	entry.most = here.n
	return true, round
}

func (c *copies) entry(key uint64) *copyCount {
	if entry := c.seen[key]; entry != nil {
		return entry
	}
	if c.seen == nil {
		c.seen = make(map[uint64]*copyCount)
	}
	entry := &copyCount{}
	if len(c.ring) < maxCopies {
		c.ring = append(c.ring, key)
	} else {
		delete(c.seen, c.ring[c.next])
		c.ring[c.next] = key
		c.next = (c.next + 1) % maxCopies
	}
	c.seen[key] = entry
	return entry
}
