package tcp

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// table finds connections by their addresses: a hash table chained through the
// connections themselves, so that an entry costs one word.
type table struct {
	buckets []*Conn
	count   int
	seed    uint64
	last    *Conn // found last: segments of one connection come one after the other
	away    *away // nil until there is one
}

// hash mixes both addresses with the seed, which an attacker does not know.
func (t *table) hash(local, remote netip.AddrPort) uint32 {
	h := t.seed ^ uint64(local.Port())<<16 ^ uint64(remote.Port())
	// Not As16: its array is written in words and then copied as a whole, which has to wait
	// until the words are in the cache.
	r, l := remote.Addr().AsSlice(), local.Addr().AsSlice()
	switch {
	case len(r) == 4 && len(l) == 4:
		h = mix(h ^ uint64(binary.LittleEndian.Uint32(r)))
		h = mix(h ^ uint64(binary.LittleEndian.Uint32(l)))
	case len(r) == 16 && len(l) == 16:
		h = mix(h ^ binary.LittleEndian.Uint64(r[8:]))
		h = mix(h ^ binary.LittleEndian.Uint64(l[8:]))
		h = mix(h ^ binary.LittleEndian.Uint64(r))
		h = mix(h ^ binary.LittleEndian.Uint64(l))
	}
	return uint32(h)
}

func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9)
	return hi ^ lo
}

// find returns the connection between two addresses, nil if there is none. One that was
// put away is restored.
func (t *table) find(local, remote netip.AddrPort) *Conn {
	if c := t.last; c != nil && c.between(local, remote) {
		return c
	}
	return t.search(local, remote)
}

func (t *table) search(local, remote netip.AddrPort) *Conn {
	if len(t.buckets) == 0 {
		return nil
	}
	h := t.hash(local, remote)
	c := *t.bucket(h)
	for c != nil && !c.between(local, remote) {
		c = c.chain
	}
	if c != nil {
		t.last = c
	} else if t.away != nil {
		if id := t.away.find(h, local, remote); id != 0 {
			return t.away.restore(id)
		}
	}
	return c
}

// between reports whether the connection has these addresses.
func (c *Conn) between(local, remote netip.AddrPort) bool {
	return c.remotePort == remote.Port() && c.localPort == local.Port() &&
		c.path.Dst() == remote.Addr() && c.path.Src() == local.Addr()
}

func (t *table) bucket(hash uint32) **Conn { return &t.buckets[hash&uint32(len(t.buckets)-1)] }

// insert adds c, for which the next segment most likely is.
func (t *table) insert(c *Conn) {
	c.hash = t.hash(c.Local(), c.Remote())
	t.put(c)
	t.last = c
}

func (t *table) put(c *Conn) {
	if t.count >= len(t.buckets) {
		t.grow()
	}
	b := t.bucket(c.hash)
	c.chain, *b = *b, c
	t.count++
}

func (t *table) remove(c *Conn) {
	if len(t.buckets) == 0 {
		return
	}
	if t.last == c {
		t.last = nil
	}
	for p := t.bucket(c.hash); *p != nil; p = &(*p).chain {
		if *p == c {
			*p, c.chain = c.chain, nil
			t.count--
			return
		}
	}
}

func (t *table) grow() {
	old := t.buckets
	t.buckets = make([]*Conn, max(8, 2*len(old)))
	t.count = 0
	for _, c := range old {
		for c != nil {
			next := c.chain
			t.put(c)
			c = next
		}
	}
}

// any reports whether some connection on a local port is such.
func (t *table) any(port uint16, such func(*Conn) bool) bool {
	for _, c := range t.buckets {
		for ; c != nil; c = c.chain {
			if c.localPort == port && such(c) {
				return true
			}
		}
	}
	for _, w := range t.away.all(port) {
		if t.away.show(w, such) {
			return true
		}
	}
	return false
}

// whole returns the connections that were not put away.
func (t *table) whole() []*Conn {
	all := make([]*Conn, 0, t.count)
	for _, c := range t.buckets {
		for ; c != nil; c = c.chain {
			all = append(all, c)
		}
	}
	return all
}

// each calls f for every connection. f may end connections.
func (t *table) each(f func(*Conn)) {
	whole, away := t.whole(), t.away.all(0)
	for _, c := range whole {
		f(c)
	}
	for _, w := range away {
		t.away.show(w, func(c *Conn) bool {
			f(c)
			return true
		})
	}
}
