package network

import (
	"math/rand/v2"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
)

// The constants of RFC 3927, section 9.
const (
	maxConflicts      = 10
	rateLimitInterval = 60 * time.Second
)

// LinkLocal4 is an IPv4 address of the link, which an interface has found for itself (RFC
// 3927).
type LinkLocal4 struct {
	via       *Interface
	told      func(netip.Addr)
	numbers   *rand.Rand
	claim     *Claim
	conflicts int
	timer     event.Timer
	closed    bool
}

// ClaimLinkLocal looks for an address of 169.254/16 that nobody on the link has, and for
// another whenever it is lost. told is called, with the turn held, with each that the
// interface gets. Errors are those of Claim.
func (i *Interface) ClaimLinkLocal(told func(netip.Addr)) (*LinkLocal4, error) {
	if i.claim != nil {
		return nil, syscall.EEXIST
	}
	c := &LinkLocal4{via: i, told: told}
	c.timer.Init(i.layer.loop, c)
	if i.nic != nil {
		// RFC 3927, section 2.1: from the card's address, so that a host mostly has the
		// same one and two hosts another.
		var seed [8]byte
		mac := i.nic.MAC()
		copy(seed[:], mac[:])
		c.numbers = rand.New(rand.NewPCG(be.Uint64(seed[:]), 0xa9fe))
	}
	if err := c.try(); err != nil {
		return nil, err
	}
	return c, nil
}

// Release gives the address up.
func (c *LinkLocal4) Release() {
	if c.closed {
		return
	}
	c.closed = true
	c.timer.Stop()
	c.claim.Release()
	c.via.claim = nil
}

// try claims the next address. RFC 3927, section 2.1: any from 169.254.1.0 to
// 169.254.254.255.
func (c *LinkLocal4) try() error {
	n := 0
	if c.numbers != nil {
		n = 256 + c.numbers.IntN(254*256)
	}
	addr := netip.AddrFrom4([4]byte{169, 254, byte(n >> 8), byte(n)})
	claim, err := c.via.startClaim(netip.PrefixFrom(addr, 16), c.decided)
	if err == nil {
		claim.local, c.claim = c, claim
	}
	return err
}

// decided is told what became of a claim.
func (c *LinkLocal4) decided(err error) {
	if err == nil {
		c.conflicts = 0
		c.told(c.via.addr)
		return
	}
	// RFC 3927, section 2.2.1: after ten conflicts not more than one try a minute.
	wait := time.Duration(0)
	if c.conflicts++; c.conflicts > maxConflicts {
		wait = rateLimitInterval
	}
	c.timer.Reset(c.via.layer.loop.Now().Add(wait))
}

// Expire tries again.
func (c *LinkLocal4) Expire(*event.Timer) {
	if !c.closed && c.try() != nil {
		c.Release() // who has given the interface an address wants no other
	}
}
