package link

import "net/netip"

// cache has a NIC's neighbours. To find a victim it goes round them like the
// hand of a clock: who was sent to since the hand last passed gets a second
// chance. Neighbours that never answered are never marked as used, so a sweep
// over a whole subnet does not push out those that are talked to.
type cache struct {
	byAddr                      map[netip.Addr]*Neighbour // made with the first entry
	list[Neighbour, *Neighbour]                           // the hand points at the first
}

// find returns the entry for a, nil when there is none.
func (c *cache) find(a netip.Addr) *Neighbour { return c.byAddr[a] }

func (c *cache) add(nb *Neighbour) {
	if c.byAddr == nil {
		c.byAddr = make(map[netip.Addr]*Neighbour)
	}
	c.byAddr[nb.addr] = nb
	c.append(nb)
}

// evict removes one entry.
func (c *cache) evict() {
	for c.first.used {
		nb := c.first
		nb.used = false
		c.unlink(nb)
		c.append(nb)
	}
	c.remove(c.first)
}

func (c *cache) remove(nb *Neighbour) {
	delete(c.byAddr, nb.addr)
	c.unlink(nb)
	nb.bury()
}

func (c *cache) clear() {
	for c.first != nil {
		c.remove(c.first)
	}
}
