package network

import (
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// Address conflict detection (RFC 5227): before an interface uses an IPv4 address, it
// asks three times whether somebody has it; then it says twice that the address is its
// own, and defends it.

// The constants of RFC 5227, section 1.1.
const (
	probeWait        = 1 * time.Second
	probeNumber      = 3
	probeMin         = 1 * time.Second
	probeMax         = 2 * time.Second
	announceWait     = 2 * time.Second
	announceNumber   = 2
	announceInterval = 2 * time.Second
	defendInterval   = 10 * time.Second
)

// Claim is an address that an interface wants, or has, because it has asked for it.
type Claim struct {
	via       *Interface
	prefix    netip.Prefix
	local     *LinkLocal4 // whose try it is; else nil
	told      func(error)
	timer     event.Timer
	probes    int // sent
	announced int
	defended  event.Time // when the last conflict was answered
	owned     bool
	closed    bool
}

// Claim gives the interface an address if nobody else on the link has it, which takes
// five to seven seconds. told is called, with the turn held, when that is decided: with
// nil when the address is the interface's, with EADDRINUSE when it is another's, and with
// EADDRINUSE also when it is lost later; with EEXIST if the interface was given an address
// by hand meanwhile, or the host this one. Errors: EINVAL for an address that no interface
// can have, and on "lo"; EEXIST if the interface has an address or claims one.
//
// When the cable is plugged in again, this may be another link, on which the address is
// another's (RFC 5227, section 2.1). Who had only begun to ask begins afresh. An address
// that was in use is announced at once and stays, unless somebody else defends it.
func (i *Interface) Claim(prefix netip.Prefix, told func(error)) (*Claim, error) {
	if i.claim != nil {
		return nil, syscall.EEXIST
	}
	return i.startClaim(prefix, told)
}

func (i *Interface) startClaim(prefix netip.Prefix, told func(error)) (*Claim, error) {
	switch {
	case i.nic == nil, !prefix.Addr().Is4(), !assignable(prefix):
		return nil, syscall.EINVAL
	case i.addr.IsValid(), i.layer.addresses[prefix.Addr()] != foreign:
		return nil, syscall.EEXIST
	}
	c := &Claim{via: i, prefix: prefix, told: told}
	c.timer.Init(i.layer.loop, c)
	i.claim = c
	i.nic.WatchARP(c.heard)
	c.after(0, probeWait)
	return c, nil
}

// Release ends the claim, and takes the address from the interface if it has it.
func (c *Claim) Release() {
	if c.closed {
		return
	}
	c.closed = true
	c.timer.Stop()
	c.via.nic.WatchARP(nil)
	if c.local == nil {
		c.via.claim = nil
	}
	if c.owned {
		c.via.removeAddress4()
	}
}

// after sets the timer to a random moment between two times from now.
func (c *Claim) after(least, most time.Duration) {
	l := c.via.layer.loop
	if most > least {
		least += time.Duration(l.Rand().Int64N(int64(most - least)))
	}
	c.timer.Reset(l.Now().Add(least))
}

// Expire sends the next probe or announcement (RFC 5227, sections 2.1.1 and 2.3).
func (c *Claim) Expire(*event.Timer) {
	nic, addr := c.via.nic, c.prefix.Addr()
	switch {
	case !c.via.up():
		return // nobody hears it; see linkUp
	case c.probes < probeNumber:
		nic.ProbeARP(addr)
		if c.probes++; c.probes < probeNumber {
			c.after(probeMin, probeMax)
		} else {
			c.after(announceWait, announceWait)
		}
		return
	case !c.owned && (c.via.addr.IsValid() || c.via.layer.addresses[addr] != foreign):
		// Somebody has given the interface an address by hand meanwhile, or this one to
		// another.
		c.Release()
		c.told(syscall.EEXIST)
		return
	case !c.owned:
		c.owned = true
		c.via.addAddress4(c.prefix)
		c.via.layer.changed()
		c.told(nil)
		if c.closed {
			return
		}
	}
	nic.AnnounceARP(addr)
	if c.announced++; c.announced < announceNumber {
		c.after(announceInterval, announceInterval)
	}
}

// end releases a claim, and with it all further tries.
func (c *Claim) end() {
	if c.local != nil {
		c.local.Release()
		return
	}
	c.Release()
}

// linkUp takes note that the cable is plugged in.
func (c *Claim) linkUp() {
	if c.closed {
		return
	}
	c.probes, c.announced = 0, 0
	if c.owned {
		c.probes = probeNumber
	}
	c.after(0, probeWait)
}

// heard looks at an ARP packet of another station.
func (c *Claim) heard(arp *header.ARP) {
	addr := c.prefix.Addr()
	// RFC 5227, section 2.1.1: while it probes, another's probe is a conflict too.
	probe := !c.owned && arp.SenderIP.IsUnspecified() && arp.TargetIP == addr && arp.Operation == header.ARPRequest
	if arp.SenderIP != addr && !probe {
		return
	}
	l := c.via.layer
	l.stats.AddressConflicts++
	now := l.loop.Now()
	if c.owned && (c.defended == 0 || now.Sub(c.defended) >= defendInterval) {
		// RFC 5227, section 2.4 b: defended once in ten seconds, and then given up.
		c.defended = now
		c.via.nic.AnnounceARP(addr)
		return
	}
	c.Release()
	c.told(syscall.EADDRINUSE)
}

// removeAddress4 takes the interface's IPv4 address and the route to its network.
func (i *Interface) removeAddress4() {
	l := i.layer
	delete(l.addresses, i.addr)
	b := i.Broadcast()
	shared := slices.ContainsFunc(l.interfaces, func(j *Interface) bool { return j != i && j.Broadcast() == b })
	if b.IsValid() && !shared {
		delete(l.addresses, b)
	}
	i.nic.RemoveAddress(i.addr)
	_ = l.RemoveRoute(Route{Prefix: i.prefix.Masked(), Interface: i}) // the user may have
	i.prefix, i.addr = netip.Prefix{}, netip.Addr{}
	l.changed()
}
