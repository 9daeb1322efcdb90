package tcp

import (
	"net/netip"
	"syscall"

	"septet/network"
)

// Ephemeral ports, as Linux has them (RFC 6056 leaves the range to the host).
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// Port is a local address that was bound.
type Port struct {
	layer *Layer
	addr  netip.AddrPort
	Sharing
	listening bool
	orphan    bool // the binder has gone, connections have not
	refs      int  // the binder, and every connection that came from it
}

// Sharing says with whom a port can be shared.
type Sharing struct {
	// ReuseAddr lets others that have it too bind the port while none of them listens
	// (SO_REUSEADDR).
	ReuseAddr bool
	// ReusePort lets others that have it too bind and listen: each gets a part of the
	// connections (SO_REUSEPORT).
	ReusePort bool
	// V6Only says that a socket of IPv6 has nothing to do with the ports of IPv4
	// (IPV6_V6ONLY).
	V6Only bool
	// Anywhere lets the address be one that the host does not have (IP_FREEBIND).
	Anywhere bool
	// Device is the one interface where the port is bound, and by which segments leave
	// and enter, nil for all (SO_BINDTODEVICE). Two devices are two ports.
	Device *network.Interface
}

// SetSharing changes it for what comes later.
func (p *Port) SetSharing(s Sharing) { p.Sharing = s }

// apart reports whether two bindings are at two devices.
func (s *Sharing) apart(other *Sharing) bool {
	return s.Device != nil && other.Device != nil && s.Device != other.Device
}

// Addr returns the bound address; its IP may be unspecified.
func (p *Port) Addr() netip.AddrPort { return p.addr }

// Release gives the port back. It becomes free when the last connection on it
// has ended.
func (p *Port) Release() {
	p.orphan = true
	p.release()
}

func (p *Port) release() {
	p.refs--
	if p.refs > 0 {
		return
	}
	l, n := p.layer, p.addr.Port()
	rest := l.ports[n][:0]
	for _, other := range l.ports[n] {
		if other != p {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(l.ports, n)
	} else {
		l.ports[n] = rest
	}
}

// Reserve binds a local address. The zero Addr stands for all of both families,
// 0.0.0.0 and :: for all of one. Port zero picks an ephemeral port. It returns
// EADDRNOTAVAIL if the address is not this host's, a group of IPv4's or a broadcast
// address, EADDRINUSE if it is taken or no port is left.
func (l *Layer) Reserve(local netip.AddrPort, s Sharing) (*Port, error) {
	if a := local.Addr(); a.IsValid() && !a.IsUnspecified() && !s.Anywhere && !l.net.IsLocal(a) && !l.forMany(a) {
		return nil, syscall.EADDRNOTAVAIL
	}
	if local.Port() == 0 {
		n := l.findEphemeral(func(n uint16) bool {
			return len(l.ports[n]) == 0 && l.implicit.of(n) == 0
		})
		if n == 0 {
			return nil, syscall.EADDRINUSE
		}
		local = netip.AddrPortFrom(local.Addr(), n)
	} else if l.conflicts(local, &s) {
		return nil, syscall.EADDRINUSE
	}
	p := &Port{layer: l, addr: local, Sharing: s, refs: 1}
	if l.ports == nil {
		l.ports = make(map[uint16][]*Port)
	}
	l.ports[local.Port()] = append(l.ports[local.Port()], p)
	return p, nil
}

// forMany reports whether a is a group or a broadcast address. As on Linux, a socket of
// IPv4 may be bound to it, and connects from an address of the host's.
func (l *Layer) forMany(a netip.Addr) bool {
	return a.IsMulticast() && a.Is4() || l.net.IsBroadcast(a)
}

// conflicts reports whether a binding would collide with another, or with a connection
// that has outlived its own or never had one: the addresses are the same or one is
// unspecified, and not both sides allow it.
func (l *Layer) conflicts(local netip.AddrPort, s *Sharing) bool {
	connections := l.implicit.of(local.Port()) > 0
	for _, p := range l.ports[local.Port()] {
		switch {
		case p.orphan:
			connections = true
		case !s.allows(&p.Sharing, p.listening) && network.Overlap(p.addr.Addr(), local.Addr()):
			return true
		}
	}
	return connections && l.table.any(local.Port(), func(c *Conn) bool {
		return (c.port == nil || c.port.orphan) &&
			!s.allows(c.sharing(), false) && (network.Overlap(c.path.Src(), local.Addr()) || c.dual() && local.Addr() == anyIPv4)
	})
}

// sharing says with whom the connection shares its port.
func (c *Conn) sharing() *Sharing {
	if c.port != nil {
		return &c.port.Sharing
	}
	return &c.opts.Sharing
}

var anyIPv4 = netip.IPv4Unspecified()

// dual reports whether the connection is of IPv6, its socket could have been of IPv4 too,
// and was not bound to an address. Linux has such one in the way of 0.0.0.0.
func (c *Conn) dual() bool {
	return c.path.Src().Is6() && !c.sharing().V6Only && (c.port == nil || !c.port.addr.Addr().IsValid())
}

// allows reports whether two can have one address, of which the other may be listening.
// Linux's rule: two that reuse the address do if that does not listen, two that reuse the
// port in any state, and two at two devices.
func (s *Sharing) allows(other *Sharing, listening bool) bool {
	return s.ReuseAddr && other.ReuseAddr && !listening || s.ReusePort && other.ReusePort || s.apart(other)
}

// portCounts counts connections by their ports: in pages that are made when they are
// needed, because a client soon has used all its ephemeral ports, one after the other.
type portCounts struct {
	pages *[256]*[256]int32
	total int
}

// of returns the count of one port.
func (p *portCounts) of(port uint16) int32 {
	if p.pages == nil || p.pages[port>>8] == nil {
		return 0
	}
	return p.pages[port>>8][port&0xff]
}

// add adds n to the count of a port.
func (p *portCounts) add(port uint16, n int32) {
	if p.pages == nil {
		p.pages = new([256]*[256]int32)
	}
	page := &p.pages[port>>8]
	if *page == nil {
		*page = new([256]int32)
	}
	(*page)[port&0xff] += n
	p.total += int(n)
}

// ephemeralPorts is how many there are.
const ephemeralPorts = lastEphemeral - firstEphemeral + 1

// portCounters is the table length of RFC 6056, section 3.3.4.
const portCounters = 1024

// findEphemeral returns an ephemeral port that free accepts, zero if there is
// none: from a random one upwards (RFC 6056, section 3.3.1). It is for a port
// whose peer is not known yet.
func (l *Layer) findEphemeral(free func(uint16) bool) uint16 {
	n, _ := scanPorts(l.loop.Rand().IntN(ephemeralPorts), free)
	return n
}

// ephemeralFor returns an ephemeral port for a connection with remote: RFC 6056,
// section 3.3.4, algorithm 4, double-hash. Where the search begins depends on the
// peer and a secret; how far it has come is counted for a small group of peers.
// So a peer sees its own connections' ports go round the whole range before one
// comes again, and learns nothing of other peers' ports. The steps are random, as
// in section 3.3.5, so that it cannot tell the next one either.
func (l *Layer) ephemeralFor(local, remote netip.AddrPort, free func(uint16) bool) uint16 {
	h := l.keyed(forPort, local, remote)
	offset, counter := uint32(h), uint32(h>>32) // the hash functions F and G
	if l.portTries == nil {
		l.portTries = new([portCounters]uint32)
	}
	tries := &l.portTries[counter%portCounters]
	*tries += 1 + l.loop.Rand().Uint32N(portStep)
	start := (offset%ephemeralPorts + *tries%ephemeralPorts) % ephemeralPorts
	n, tried := scanPorts(int(start), free)
	*tries += uint32(tried)
	return n
}

// portStep bounds the random steps between two ports for one peer.
const portStep = 8

// scanPorts returns the first port that free accepts, from start on and around,
// and how many it refused.
func scanPorts(start int, free func(uint16) bool) (port uint16, refused int) {
	for i := range ephemeralPorts {
		if n := uint16(firstEphemeral + (start+i)%ephemeralPorts); free(n) {
			return n, i
		}
	}
	return 0, ephemeralPorts
}
