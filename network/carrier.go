package network

// up reports whether the interface has a carrier.
func (i *Interface) up() bool { return i.nic == nil || i.nic.Up() }

// carrierChanged is told that the cable was pulled or plugged in.
func (i *Interface) carrierChanged(up bool) {
	i.layer.carrierChanged()
	if up {
		i.linkUp()
	}
}

// linkUp does again what an interface does when it is attached to a link, for this may
// be another one than before: what it has asked about its addresses, for routers and
// what it has told them was not for these neighbours. Meanwhile addresses and routes stay
// as they are, so that a cable that was pulled for a moment ends nothing.
func (i *Interface) linkUp() {
	if i.claim != nil {
		i.claim.linkUp()
	}
	if i.speaksIPv6() {
		i.comeUp()
	}
	for m := range i.allMemberships() {
		m.tellAgain()
	}
	if i.speaksIPv6() {
		i.linkUp6()
	}
}

// linkUp6 is linkUp for what only IPv6 has.
func (i *Interface) linkUp6() {
	for _, a := range i.six.addresses {
		// RFC 4862, section 5.4.5: with a duplicate it is a person's turn.
		if a.State != Duplicated {
			a.detect()
		}
	}
	// RFC 4861, section 6.3.7: a host asks for routers when it is attached to a link
	// again.
	if c := i.six.auto; c != nil {
		c.begin()
	}
	// RFC 4861, section 6.2.4: an interface that becomes an advertising one says so a
	// few times.
	if r := i.six.advertising; r != nil && r.final == 0 {
		r.initial = maxInitialRtrAdvertisements
		r.soon()
	}
}

// begin has the interface ask for routers, after a random time that keeps hosts which
// start together apart (RFC 4861, section 6.3.7).
func (c *autoconfiguration) begin() {
	l := c.i.layer
	c.solicitations = maxRtrSolicitations
	c.solicit.Reset(l.loop.Now().Add(l.randomDelay(maxRtrSolicitationDelay)))
}

// tellAgain reports to the routers of the link what is heard of each group, as if it had
// just been joined.
func (m *memberships) tellAgain() {
	for _, g := range m.order {
		if !m.silent(g.addr) && len(g.listeners) > 0 {
			m.stateChanged(g, &Filter{})
		}
	}
}
