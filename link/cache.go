package link

import "net/netip"

// cache has a NIC's neighbours. A full one gives up first who has not answered, the
// oldest first, so that a sweep over a whole subnet pushes out nobody who is talked to
// (RFC 6583, section 7.1). Among the others it goes round like the hand of a clock: who
// was sent to since the hand last passed gets a second chance.
type cache struct {
	byAddr  map[netip.Addr]*Neighbour
	known   neighbours // the hand points at the first
	unknown neighbours
}

type neighbours = list[Neighbour, *Neighbour]

// find returns the entry for a, nil when there is none.
func (c *cache) find(a netip.Addr) *Neighbour {
	if c == nil {
		return nil
	}
	return c.byAddr[a]
}

func (c *cache) add(nb *Neighbour) {
	c.byAddr[nb.addr] = nb
	c.of(nb).append(nb)
}

// of returns the list in which a neighbour is.
func (c *cache) of(nb *Neighbour) *neighbours {
	if nb.known {
		return &c.known
	}
	return &c.unknown
}

// settle puts a neighbour among those whose address is known, or the others.
func (c *cache) settle(nb *Neighbour, known bool) {
	if nb.dead || nb.known == known {
		return
	}
	c.of(nb).unlink(nb)
	nb.known = known
	c.of(nb).append(nb)
}

// evict removes one entry.
func (c *cache) evict() {
	if c.unknown.first != nil {
		c.remove(c.unknown.first)
		return
	}
	for c.known.first.used {
		nb := c.known.first
		nb.used = false
		c.known.unlink(nb)
		c.known.append(nb)
	}
	c.remove(c.known.first)
}

func (c *cache) remove(nb *Neighbour) {
	delete(c.byAddr, nb.addr)
	c.of(nb).unlink(nb)
	nb.bury()
}

func (c *cache) clear() {
	if c == nil {
		return
	}
	for _, nb := range c.byAddr {
		c.remove(nb)
	}
}
