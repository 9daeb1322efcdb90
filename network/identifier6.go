package network

import (
	"crypto/sha256"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// Constants of RFC 7217, section 6, and of RFC 8981, section 3.8.
const (
	idgenRetries          = 3
	tempValidLifetime     = 48 * time.Hour
	tempPreferredLifetime = 24 * time.Hour
	maxDesyncFactor       = tempPreferredLifetime * 4 / 10
	regenAdvance          = 2*time.Second + idgenRetries*dupAddrDetectTransmits*retransTimer
	// maxTemporary is how many temporary addresses there are of one prefix: the one in
	// use, and one that is deprecated.
	maxTemporary = 2
)

// SetSecretKey sets the key of the stable interface identifiers (RFC 7217, section 5), so
// that a host gets the same addresses again. Without it the key is random. It matters to
// addresses made later.
func (l *Layer) SetSecretKey(key []byte) { l.needSix().secret = append([]byte(nil), key...) }

// secretKey returns the key. RFC 7217, section 5: at least 128 bits.
func (l *Layer) secretKey() []byte {
	s := l.needSix()
	if s.secret == nil {
		s.secret = make([]byte, 16)
		be.PutUint64(s.secret, l.loop.Rand().Uint64())
		be.PutUint64(s.secret[8:], l.loop.Rand().Uint64())
	}
	return s.secret
}

// generate makes the stable address of a prefix, and a temporary one if that is asked
// for.
func (c *autoconfiguration) generate(p *header.PrefixInformation) {
	now := c.i.layer.loop.Now()
	if a := c.generateStable(p.Prefix, 0, now.Add(p.Preferred), now.Add(p.Valid)); a != nil && c.Temporary {
		c.generateTemporary(a, 0)
	}
}

// generateStable makes an address of a prefix whose identifier is always the same there:
// RFC 7217's, or that of the card. It returns nil if there is no room for it.
func (c *autoconfiguration) generateStable(p netip.Prefix, attempts uint8, preferred, valid event.Time) *address6 {
	addr := interfaceID(p, c.i.nic.MAC())
	for !c.HardwareID {
		addr = stableAddr(p, c.i.name, attempts, c.i.layer.secretKey())
		if attempts >= idgenRetries || !reservedID(addr) && c.i.layer.addresses[addr] == foreign {
			break
		}
		attempts++
	}
	a := c.i.newAddress6(addr, p.Bits(), Autoconfigured)
	a.attempts = attempts
	return c.assign(a, p, preferred, valid)
}

// stableAddr returns the address of RFC 7217, section 5: the identifier is the pseudo
// random function F, here SHA-256, of prefix, interface, the attempt and a secret.
func stableAddr(p netip.Prefix, ifname string, attempts uint8, secret []byte) netip.Addr {
	b := p.Addr().As16()
	f := sha256.New()
	f.Write(b[:8])
	f.Write([]byte(ifname))
	f.Write([]byte{attempts})
	f.Write(secret)
	sum := f.Sum(nil)
	copy(b[8:], sum[len(sum)-8:])
	return netip.AddrFrom16(b)
}

// reservedID reports whether an identifier is not for unicast: that of subnet routers,
// and the anycast ones (RFC 5453).
func reservedID(a netip.Addr) bool {
	b := a.As16()
	id := be.Uint64(b[8:])
	return id == 0 || id >= 0xfdffffffffffff80 && id <= 0xfdffffffffffffff
}

// generateTemporary makes a random address beside the stable one (RFC 8981, section
// 3.4), and reports whether it did.
func (c *autoconfiguration) generateTemporary(stable *address6, attempts uint8) bool {
	l := c.i.layer
	now := l.loop.Now()
	b := stable.Addr.As16()
	for {
		be.PutUint64(b[8:], l.loop.Rand().Uint64())
		if addr := netip.AddrFrom16(b); !reservedID(addr) && l.addresses[addr] == foreign {
			break
		}
	}
	a := c.i.newAddress6(netip.AddrFrom16(b), stable.Bits, Temporary)
	a.attempts = attempts
	a.desync = l.randomDelay(maxDesyncFactor)
	a.PreferredUntil, a.ValidUntil = stable.PreferredUntil, stable.ValidUntil
	a.limit()
	// RFC 8981, section 3.4, step 5: not one that had to be replaced at once.
	if a.PreferredUntil <= now.Add(regenAdvance) {
		return false
	}
	c.retireTemporary(stable.prefix)
	return c.assign(a, stable.prefix, a.PreferredUntil, a.ValidUntil) != nil
}

// retireTemporary makes room for one more temporary address of a prefix: the oldest of
// those goes.
func (c *autoconfiguration) retireTemporary(p netip.Prefix) {
	var oldest *address6
	n := 0
	for _, a := range c.i.six.addresses {
		if a.Origin == Temporary && a.prefix == p {
			n++
			if oldest == nil || a.created < oldest.created {
				oldest = a
			}
		}
	}
	if n >= maxTemporary {
		c.i.unassign(oldest)
	}
}

// assign gives the interface an address made from a router's prefix; it returns nil if
// there is no room. RFC 4862, section 5.4.2: all hosts have heard the advertisement, so
// each waits a random time.
func (c *autoconfiguration) assign(a *address6, p netip.Prefix, preferred, valid event.Time) *address6 {
	a.prefix, a.State, a.PreferredUntil, a.ValidUntil = p, Tentative, preferred, valid
	if err := c.i.assign(a, true); err != nil {
		if err == syscall.ENOBUFS {
			c.i.layer.discovery().AddressesRefused++
		}
		return nil
	}
	return a
}

// limit ends a temporary address's lifetimes when its own are over, even if the prefix
// lives on (RFC 8981, section 3.4).
func (a *address6) limit() {
	a.PreferredUntil = min(a.PreferredUntil, a.created.Add(tempPreferredLifetime-a.desync))
	a.ValidUntil = min(a.ValidUntil, a.created.Add(tempValidLifetime))
}

// succeed makes the successor of a temporary address shortly before it is deprecated
// (RFC 8981, section 3.5). It returns when it is to be called again.
func (a *address6) succeed() event.Time {
	at := a.PreferredUntil.Add(-regenAdvance)
	if a.i.layer.loop.Now() < at {
		return at
	}
	c := a.i.six.auto
	for _, stable := range a.i.six.addresses {
		if stable.Origin == Autoconfigured && stable.prefix == a.prefix && c.Temporary {
			a.replaced = c.generateTemporary(stable, 0)
			break
		}
	}
	return event.Never
}

// tryAnother makes an address in place of one that somebody else has: RFC 7217, section
// 6, and RFC 8981, section 3.4, step 4, both three times at most.
func (i *Interface) tryAnother(a *address6) {
	c := i.six.auto
	if a.attempts >= idgenRetries || a.Origin == Autoconfigured && c.HardwareID {
		return // it stays, duplicated, so that it is seen and not made again
	}
	if a.Origin == Autoconfigured {
		i.unassign(a)
		c.generateStable(a.prefix, a.attempts+1, a.PreferredUntil, a.ValidUntil)
		return
	}
	for _, stable := range i.six.addresses {
		if stable.Origin == Autoconfigured && stable.prefix == a.prefix {
			i.unassign(a)
			c.generateTemporary(stable, a.attempts+1)
			return
		}
	}
}
