package network

import (
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// Autoconf says how an interface configures itself by what routers advertise.
type Autoconf struct {
	// Temporary asks for temporary addresses beside the stable ones (RFC 8981). New
	// connections use them.
	Temporary bool
	// HardwareID makes the stable addresses from that of the card (RFC 4291, appendix
	// A), so that they tell it to everybody. Without it they are those of RFC 7217.
	HardwareID bool
}

// Constants of hosts (RFC 4861, section 10).
const (
	rtrSolicitationInterval = 4 * time.Second
	maxRtrSolicitations     = 3
)

// Bounds of what an advertisement may change: those of RFC 4861, section 6.2.1, where it
// has one, and Linux's.
const (
	maxReachableTime = time.Hour
	minReachableTime = 100 * time.Millisecond
	minRetransTimer  = 10 * time.Millisecond
)

// autoconfiguration is what an interface does to configure itself, and what it has
// learned of routers (RFC 4861, section 6.3; RFC 4862, section 5.5).
type autoconfiguration struct {
	Autoconf
	i             *Interface
	solicitations int // still to be sent
	solicit       event.Timer

	routes        []learnedRoute
	servers       dnsList[netip.Addr]
	domains       dnsList[string]
	expiry        event.Timer   // of the first of all these
	reachableTime time.Duration // as advertised last
}

// Autoconfigure turns IPv6 on and makes the interface ask for routers (RFC 4861, section
// 6.3.7) and heed what they advertise: default routers and other routes, the prefixes of
// the link, the MTU, the hop limit, DNS servers and search lists (RFC 8106), and addresses
// (RFC 4862, section 5.5). A second call changes the options for addresses made from then on. EINVAL
// for "lo" and for a router, which is configured by hand.
func (i *Interface) Autoconfigure(o Autoconf) error {
	if i.layer.forwarding {
		return syscall.EINVAL
	}
	if err := i.EnableIPv6(); err != nil {
		return err
	}
	if i.six.auto != nil {
		i.six.auto.Autoconf = o
		return nil
	}
	l := i.layer
	c := &autoconfiguration{Autoconf: o, i: i}
	i.six.auto = c
	c.solicit.Init(l.loop, c)
	c.expiry.Init(l.loop, c)
	c.begin()
	return nil
}

// close6 stops what would happen later.
func (i *Interface) close6() {
	if i.six == nil {
		return
	}
	for _, a := range i.six.addresses {
		a.timer.Stop()
	}
	if c := i.six.auto; c != nil {
		c.solicit.Stop()
		c.expiry.Stop()
	}
	if r := i.six.advertising; r != nil {
		r.timer.Stop()
	}
}

// Expire asks for routers again, or looks after what was learned of them.
func (c *autoconfiguration) Expire(t *event.Timer) {
	if t == &c.solicit {
		c.solicitRouters()
		return
	}
	c.age()
}

// solicitRouters asks the routers of the link to advertise themselves now. RFC 4861,
// section 6.3.7: at most three times, four seconds apart; from no address while it is
// not known that the own one is unique.
func (c *autoconfiguration) solicitRouters() {
	if c.i.six.halted || c.i.layer.forwarding {
		return
	}
	c.solicitations--
	src, o := anyAddr6, header.NDOptions{}
	if a := c.i.six.addresses[0]; a.State == Preferred && !a.detecting {
		src, o = a.Addr, header.NDOptions{Source: c.i.nic.MAC(), HasSource: true}
	}
	var h header.RouterSolicitation
	b := make([]byte, header.RouterSolicitationLen)
	h.Put(b)
	c.i.layer.discovery().RouterSolicitationsSent++
	c.i.sendND(b, src, allRouters, o)
	if c.solicitations > 0 {
		c.solicit.Reset(c.i.layer.loop.Now().Add(rtrSolicitationInterval))
	}
}

// inputRouterAdvertisement takes what a router says (RFC 4861, sections 6.1.2 and
// 6.3.4). It reports whether the message is valid.
func (i *Interface) inputRouterAdvertisement(b []byte, d *Datagram) bool {
	h, options, err := header.ParseRouterAdvertisement(b)
	if err != nil || !d.Src.IsLinkLocalUnicast() {
		return false
	}
	o, err := header.ParseNDOptions(options)
	c := i.six.auto
	switch {
	case err != nil:
		return false
	case c == nil, i.layer.forwarding:
		return true // nobody asked for routers; and routers heed none
	}
	i.layer.discovery().RouterAdvertisementsHeeded++
	// RFC 4861, section 6.3.7: one answer to a question is enough.
	if h.Lifetime > 0 && c.solicitations < maxRtrSolicitations {
		c.solicitations = 0
		c.solicit.Stop()
	}
	c.takeParameters(&h)
	if o.HasSource {
		i.nic.Learn(d.Src.WithZone(""), o.Source)
	}
	// RFC 4861, section 4.6.4; RFC 8200, section 5, has the smallest that is allowed.
	if o.MTU >= header.IPv6MinMTU && o.MTU <= i.nic.MTU() && o.MTU != i.six.mtu {
		i.six.mtu = o.MTU
		i.layer.changed()
	}
	c.takeRoutes(&h, o.Routes, d.Src)
	c.takeDNS(&o)
	for n := range o.Prefixes {
		c.takePrefix(&o.Prefixes[n], d.Src)
	}
	return true
}

// takeParameters takes over the numbers that a router recommends (RFC 4861, section
// 6.3.4); zero recommends nothing.
func (c *autoconfiguration) takeParameters(h *header.RouterAdvertisement) {
	six := c.i.six
	if h.HopLimit > 0 {
		six.hopLimit = h.HopLimit
	}
	if t := h.ReachableTime; t > 0 && t <= maxReachableTime && t != c.reachableTime {
		c.reachableTime = t
		// RFC 4861, section 6.3.2: not all hosts at the same time.
		six.discovery.ReachableTime = max(t/2+c.i.layer.randomDelay(t), minReachableTime)
	}
	if h.RetransTimer > 0 {
		six.discovery.RetransTimer = max(h.RetransTimer, minRetransTimer)
	}
}

// takePrefix takes a prefix of the link (RFC 4861, section 6.3.4; RFC 4862, section
// 5.5.3).
func (c *autoconfiguration) takePrefix(p *header.PrefixInformation, router netip.Addr) {
	if !routable(p.Prefix) {
		return
	}
	if p.OnLink {
		c.learn(onLink, Route{Prefix: p.Prefix}, 0, p.Valid)
	}
	// RFC 4862, section 5.5.3 d: prefix and interface identifier, of 64 bits, make an
	// address of 128.
	if !p.Autonomous || p.Preferred > p.Valid || p.Prefix.Bits() != 64 {
		return
	}
	known := false
	for _, a := range slices.Clone(c.i.six.addresses) {
		if a.prefix == p.Prefix {
			known = known || a.Origin == Autoconfigured
			a.renew(p)
		}
	}
	if !known && p.Valid > 0 {
		c.generate(p)
	}
	for _, a := range c.i.six.addresses {
		full := len(a.routers) >= mostLearned[defaultRouter]
		if a.prefix == p.Prefix && !full && !slices.Contains(a.routers, router) {
			a.routers = append(a.routers, router)
			c.i.layer.changed() // another source may be better now
		}
	}
}

// routable reports whether routers may advertise the prefix. RFC 4861, section 6.3.4:
// not that of link-local addresses.
func routable(p netip.Prefix) bool {
	a := p.Addr()
	return !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6()
}

// twoHours is how much of an address's lifetime an advertisement cannot take away: it
// may be forged (RFC 4862, section 5.5.3 e).
const twoHours = 2 * time.Hour

// renew gives an address the lifetimes that its prefix now has.
func (a *address6) renew(p *header.PrefixInformation) {
	now := a.i.layer.loop.Now()
	valid, remaining := p.Valid, a.ValidUntil.Sub(now)
	if valid <= twoHours && valid <= remaining {
		valid = min(remaining, twoHours)
	}
	a.PreferredUntil, a.ValidUntil = now.Add(p.Preferred), now.Add(valid)
	if a.Origin == Temporary {
		a.limit()
	}
	a.age()
}
