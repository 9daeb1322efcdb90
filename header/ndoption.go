package header

import (
	"math"
	"net/netip"
	"time"
)

// Types of the options of neighbour discovery (RFC 4861, section 4.6; RFC 3971, section
// 5.3.2; RFC 4191, section 2.3; RFC 8106, section 5).
const (
	NDOptionSource     uint8 = 1 // the sender's link-layer address
	NDOptionTarget     uint8 = 2 // the target's
	NDOptionPrefix     uint8 = 3
	NDOptionRedirected uint8 = 4
	NDOptionMTU        uint8 = 5
	NDOptionNonce      uint8 = 14
	NDOptionRoute      uint8 = 24
	NDOptionDNS        uint8 = 25
	NDOptionSearch     uint8 = 31 // DNS search list
)

// Infinity is a lifetime without end, which is all one bits (RFC 4861, section 4.6.2).
const Infinity time.Duration = math.MaxInt64

// NDOptions is what the options of a message of neighbour discovery say. Of an option
// that makes sense only once the first counts.
type NDOptions struct {
	Source, Target       MAC // link-layer addresses
	HasSource, HasTarget bool
	MTU                  int // zero: none
	Prefixes             []PrefixInformation
	Routes               []RouteInformation
	DNS                  []DNSServers
	Search               []DNSSearch
	Nonce                []byte // 6, 14, 22 ... bytes; Put fills others up with zeros
	Redirected           []byte // the packet that a redirect is about, cut, and filled up to a multiple of eight
}

// PrefixInformation is a prefix of the link (RFC 4861, section 4.6.2). Lifetimes are
// whole seconds, or Infinity.
type PrefixInformation struct {
	Prefix           netip.Prefix
	OnLink           bool // its addresses are neighbours
	Autonomous       bool // hosts may make their addresses from it (RFC 4862)
	Valid, Preferred time.Duration
}

// RouteInformation is a route through the router that advertises it (RFC 4191, section
// 2.3).
type RouteInformation struct {
	Prefix     netip.Prefix
	Preference int8 // 1 high, 0 medium, -1 low
	Lifetime   time.Duration
}

// DNSServers are recursive DNS servers, which hosts may ask for so long (RFC 8106, section
// 5.1). An option has 127 of them at most; Put makes several of more.
type DNSServers struct {
	Addrs    []netip.Addr
	Lifetime time.Duration
}

// Lengths in bytes, and the most that an option's length field, which counts units of
// eight bytes, can say.
const (
	ndLinkLen   = 8
	ndMTULen    = 8
	ndPrefixLen = 32
	ndMaxLen    = 255 * 8
)

// ParseNDOptions reads all options of a message. RFC 4861, sections 4.6, 6.1 and 7.1: an
// option of length zero, or one that reaches beyond the end, makes the whole message
// invalid, and unknown options are skipped. So is here an option of which the length is
// not that of its type. Nonce and Redirected are parts of b.
func ParseNDOptions(b []byte) (o NDOptions, err error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return NDOptions{}, truncated("ND option", len(b), 2)
		}
		n := int(b[1]) * 8
		switch {
		case n == 0:
			return NDOptions{}, malformed("ND option", "length zero")
		case n > len(b):
			return NDOptions{}, truncated("ND option", len(b), n)
		}
		o.read(b[:n])
		b = b[n:]
	}
	return o, nil
}

// read takes one option, of which the length is right.
func (o *NDOptions) read(b []byte) {
	switch b[0] {
	case NDOptionSource:
		if len(b) == ndLinkLen && !o.HasSource {
			o.Source, o.HasSource = MAC(b[2:8]), true
		}
	case NDOptionTarget:
		if len(b) == ndLinkLen && !o.HasTarget {
			o.Target, o.HasTarget = MAC(b[2:8]), true
		}
	case NDOptionMTU:
		if len(b) == ndMTULen && o.MTU == 0 {
			o.MTU = int(min(be.Uint32(b[4:]), math.MaxInt32))
		}
	case NDOptionPrefix:
		// RFC 4861, section 4.6.2: the bits behind the prefix are ignored.
		if len(b) == ndPrefixLen && b[2] <= 128 {
			o.Prefixes = append(o.Prefixes, PrefixInformation{
				Prefix: netip.PrefixFrom(addr16(b[16:]), int(b[2])).Masked(), OnLink: b[3]&0x80 != 0, Autonomous: b[3]&0x40 != 0,
				Valid: lifetime(be.Uint32(b[4:])), Preferred: lifetime(be.Uint32(b[8:])),
			})
		}
	case NDOptionRoute:
		o.readRoute(b)
	case NDOptionDNS:
		o.readDNS(b)
	case NDOptionSearch:
		o.readSearch(b)
	case NDOptionNonce:
		if o.Nonce == nil {
			o.Nonce = b[2:]
		}
	case NDOptionRedirected:
		if o.Redirected == nil && len(b) > 8 {
			o.Redirected = b[8:]
		}
	}
}

// readRoute takes a route, of which the option has as many bytes of the prefix as it
// needs: none, eight or sixteen. With the reserved preference it is ignored (RFC 4191,
// section 2.3).
func (o *NDOptions) readRoute(b []byte) {
	bits := int(b[2])
	p, ok := preference(b[3])
	if !ok || bits > 128 || len(b) > 24 || len(b)-8 < routePrefixLen(bits) {
		return
	}
	var prefix [16]byte
	copy(prefix[:], b[8:])
	o.Routes = append(o.Routes, RouteInformation{
		Prefix: netip.PrefixFrom(netip.AddrFrom16(prefix), bits).Masked(), Preference: p, Lifetime: lifetime(be.Uint32(b[4:])),
	})
}

func routePrefixLen(bits int) int { return (bits + 63) / 64 * 8 }

// readDNS takes the addresses of recursive DNS servers (RFC 8106, section 5.3.1, has the
// lengths).
func (o *NDOptions) readDNS(b []byte) {
	if len(b) < 24 || (len(b)-8)%16 != 0 {
		return
	}
	s := DNSServers{Lifetime: lifetime(be.Uint32(b[4:]))}
	for i := 8; i < len(b); i += 16 {
		s.Addrs = append(s.Addrs, addr16(b[i:]))
	}
	o.DNS = append(o.DNS, s)
}

// lifetime reads a number of seconds, of which all one bits are infinity.
func lifetime(seconds uint32) time.Duration {
	if seconds == math.MaxUint32 {
		return Infinity
	}
	return time.Duration(seconds) * time.Second
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), math.MaxUint32))
}

// Len returns the length that Put writes.
func (o *NDOptions) Len() int {
	n := ndPrefixLen * len(o.Prefixes)
	if o.HasSource {
		n += ndLinkLen
	}
	if o.HasTarget {
		n += ndLinkLen
	}
	if o.MTU > 0 {
		n += ndMTULen
	}
	for _, r := range o.Routes {
		n += 8 + routePrefixLen(r.Prefix.Bits())
	}
	for i := range o.DNS {
		n += o.DNS[i].len()
	}
	for i := range o.Search {
		n += o.Search[i].len()
	}
	if len(o.Nonce) > 0 {
		n += ndPadded(2 + len(o.Nonce))
	}
	if len(o.Redirected) > 0 {
		n += ndPadded(8 + len(o.Redirected))
	}
	return n
}

// ndPadded returns the length of an option of n bytes.
func ndPadded(n int) int { return min((n+7)&^7, ndMaxLen) }

// ndMostDNS is how many servers are in one option.
const ndMostDNS = (ndMaxLen - 8) / 16

func (s *DNSServers) len() int {
	return (len(s.Addrs)+ndMostDNS-1)/ndMostDNS*8 + len(s.Addrs)*16
}

// Put writes the options.
func (o *NDOptions) Put(b []byte) int {
	n := 0
	if o.HasSource {
		n += copy(ndOption(b[n:], NDOptionSource, ndLinkLen)[2:], o.Source[:]) + 2
	}
	if o.HasTarget {
		n += copy(ndOption(b[n:], NDOptionTarget, ndLinkLen)[2:], o.Target[:]) + 2
	}
	if o.MTU > 0 {
		be.PutUint32(ndOption(b[n:], NDOptionMTU, ndMTULen)[4:], uint32(o.MTU))
		n += ndMTULen
	}
	for i := range o.Prefixes {
		n += o.Prefixes[i].put(b[n:])
	}
	for i := range o.Routes {
		n += o.Routes[i].put(b[n:])
	}
	for i := range o.DNS {
		n += o.DNS[i].put(b[n:])
	}
	for i := range o.Search {
		n += o.Search[i].put(b[n:])
	}
	if len(o.Nonce) > 0 {
		all := ndOption(b[n:], NDOptionNonce, ndPadded(2+len(o.Nonce)))
		copy(all[2:], o.Nonce)
		n += len(all)
	}
	if len(o.Redirected) > 0 {
		all := ndOption(b[n:], NDOptionRedirected, ndPadded(8+len(o.Redirected)))
		copy(all[8:], o.Redirected)
		n += len(all)
	}
	return n
}

// ndOption begins an option of n bytes, all of them zero but type and length.
func ndOption(b []byte, kind uint8, n int) []byte {
	b = b[:n]
	clear(b)
	b[0], b[1] = kind, byte(n/8)
	return b
}

func (p *PrefixInformation) put(b []byte) int {
	b = ndOption(b, NDOptionPrefix, ndPrefixLen)
	b[2] = byte(p.Prefix.Bits())
	if p.OnLink {
		b[3] |= 0x80
	}
	if p.Autonomous {
		b[3] |= 0x40
	}
	be.PutUint32(b[4:], seconds(p.Valid))
	be.PutUint32(b[8:], seconds(p.Preferred))
	putAddr16(b[16:], p.Prefix.Masked().Addr())
	return len(b)
}

func (r *RouteInformation) put(b []byte) int {
	bits := r.Prefix.Bits()
	b = ndOption(b, NDOptionRoute, 8+routePrefixLen(bits))
	b[2], b[3] = byte(bits), preferenceBits(r.Preference)
	be.PutUint32(b[4:], seconds(r.Lifetime))
	prefix := r.Prefix.Masked().Addr().As16()
	copy(b[8:], prefix[:])
	return len(b)
}

func (s *DNSServers) put(b []byte) (n int) {
	for left := s.Addrs; len(left) > 0; {
		some := left[:min(len(left), ndMostDNS)]
		left = left[len(some):]
		option := ndOption(b[n:], NDOptionDNS, 8+16*len(some))
		be.PutUint32(option[4:], seconds(s.Lifetime))
		for i, a := range some {
			putAddr16(option[8+16*i:], a)
		}
		n += len(option)
	}
	return n
}
