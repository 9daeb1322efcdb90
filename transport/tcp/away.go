package tcp

import (
	"net/netip"

	ev "septet/event"
)

// away has the connections that were put away: in a hash table, and in the order in which
// they end. All wait equally long, so whoever comes stands at the newest end, and one timer
// is enough, that of the oldest.
type away struct {
	layer *Layer
	timer ev.Timer

	pieces  []*[pieceLen]timeWait
	free    timeWaitID // places that are not used, linked by chain
	buckets []timeWaitID
	count   int
	serial  uint32

	oldest, newest timeWaitID
	beside         timeWaitID // the one before the place that was last left

	kins     []*kin
	freeKins []uint32
	lastKin  uint32 // if there are any
}

// pieceLen is how many of them are made at a time.
const pieceLen = 64

func newAway(l *Layer) *away {
	a := &away{layer: l}
	a.timer.Init(l.loop, a)
	return a
}

// size returns how many there are.
func (a *away) size() int {
	if a == nil {
		return 0
	}
	return a.count
}

// holds reports whether a place is still used as it was.
func (a *away) holds(s shown) bool {
	return int(s.id) <= len(a.pieces)*pieceLen && a.at(s.id).serial == s.serial
}

func (a *away) at(id timeWaitID) *timeWait { return &a.pieces[(id-1)/pieceLen][(id-1)%pieceLen] }

// take returns a place for one more.
func (a *away) take() timeWaitID {
	if a.free == 0 {
		first := timeWaitID(len(a.pieces)*pieceLen) + 1
		a.pieces = append(a.pieces, new([pieceLen]timeWait))
		for id := first + pieceLen - 1; id >= first; id-- {
			a.at(id).chain, a.free = a.free, id
		}
	}
	id := a.free
	a.free = a.at(id).chain
	return id
}

// kinOf returns where what c has in common with others stands.
func (a *away) kinOf(c *Conn) uint32 {
	if len(a.kins) > 0 {
		if k := a.kins[a.lastKin]; k != nil && k.path == c.path && k.opts == c.opts && k.port == c.port {
			k.uses++
			return a.lastKin
		}
	}
	k := &kin{path: c.path, opts: c.opts, port: c.port, uses: 1}
	if last := len(a.freeKins) - 1; last >= 0 {
		a.lastKin, a.freeKins = a.freeKins[last], a.freeKins[:last]
		a.kins[a.lastKin] = k
	} else {
		a.lastKin = uint32(len(a.kins))
		a.kins = append(a.kins, k)
	}
	return a.lastKin
}

// find returns the connection between two addresses, zero if there is none.
func (a *away) find(hash uint32, local, remote netip.AddrPort) timeWaitID {
	if len(a.buckets) == 0 {
		return 0
	}
	id := *a.bucket(hash)
	for id != 0 {
		w := a.at(id)
		if w.hash == hash && a.between(w, local, remote) {
			break
		}
		id = w.chain
	}
	return id
}

func (a *away) bucket(hash uint32) *timeWaitID { return &a.buckets[hash&uint32(len(a.buckets)-1)] }

// insert takes in w, whose place is id.
func (a *away) insert(id timeWaitID, w *timeWait) {
	if a.count >= len(a.buckets) {
		a.grow()
	}
	b := a.bucket(w.hash)
	w.chain, *b = *b, id
	a.count++
	if a.serial++; a.serial == 0 {
		a.serial++
	}
	w.serial = a.serial
	a.lineUp(id, w)
}

// lineUp gives w its place by age. One that was only looked at goes back to where it was.
func (a *away) lineUp(id timeWaitID, w *timeWait) {
	before := a.newest
	if before != 0 && a.at(before).keepAt > w.keepAt {
		before = a.placeFor(w)
	}
	w.older = before
	if before == 0 {
		w.newer, a.oldest = a.oldest, id
		a.timer.Reset(w.keepAt)
	} else {
		b := a.at(before)
		w.newer, b.newer = b.newer, id
	}
	if w.newer == 0 {
		a.newest = id
	} else {
		a.at(w.newer).older = id
	}
}

// placeFor returns behind which of the others w stands that is not the newest, zero for
// none.
func (a *away) placeFor(w *timeWait) timeWaitID {
	if a.at(a.oldest).keepAt >= w.keepAt {
		return 0
	}
	before := a.beside
	if before == 0 || a.at(before).serial == 0 || a.at(before).keepAt > w.keepAt {
		before = a.oldest
	}
	for a.at(a.at(before).newer).keepAt < w.keepAt {
		before = a.at(before).newer
	}
	return before
}

// remove gives up the place of w.
func (a *away) remove(id timeWaitID, w *timeWait) {
	p := a.bucket(w.hash)
	for *p != id {
		p = &a.at(*p).chain
	}
	*p = w.chain
	a.leave(w)
	if k := a.kins[w.kin]; k.uses > 1 {
		k.uses--
	} else {
		a.kins[w.kin], a.freeKins = nil, append(a.freeKins, w.kin)
	}
	w.serial, w.chain, a.free = 0, a.free, id
	if a.count--; a.count == 0 && len(a.pieces) > 1 {
		// None is left of many: neither is their memory.
		a.pieces, a.free, a.buckets, a.beside = nil, 0, nil, 0
	}
}

// leave takes w out of the line.
func (a *away) leave(w *timeWait) {
	a.beside = w.older
	if w.newer == 0 {
		a.newest = w.older
	} else {
		a.at(w.newer).older = w.older
	}
	switch {
	case w.older != 0:
		a.at(w.older).newer = w.newer
	case w.newer != 0:
		a.oldest = w.newer
		a.timer.Reset(a.at(w.newer).keepAt)
	default:
		a.oldest = 0
		a.timer.Stop()
	}
}

// grow makes room for more in the hash table: four times as many at once, since each of
// them has to be looked for in memory.
func (a *away) grow() {
	old := a.buckets
	a.buckets = make([]timeWaitID, max(8, 4*len(old)))
	for _, id := range old {
		for id != 0 {
			w := a.at(id)
			next, b := w.chain, a.bucket(w.hash)
			w.chain, *b = *b, id
			id = next
		}
	}
}

// all returns those on a local port, or on every one if that is zero, in the order in
// which they end.
func (a *away) all(port uint16) []shown {
	if a == nil {
		return nil
	}
	var all []shown
	for id := a.oldest; id != 0; id = a.at(id).newer {
		if w := a.at(id); port == 0 || w.localPort == port {
			all = append(all, shown{id, w.serial})
		}
	}
	return all
}
