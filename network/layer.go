// Package network is layer 3: IPv4 and IPv6, their routes and ICMP. It carries
// datagrams from the transport protocols of one host to those of another, through as
// many routers as lie between (RFC 791, RFC 1122 chapter 3, RFC 1812; RFC 8200).
//
// The way down:
//
//  1. A transport protocol asks once for the Path to a peer: route, interface,
//     source address and next hop.
//  2. It gives each segment to Output, which pushes the IP header, cuts the
//     datagram into fragments if it must, and hands it to the path's NIC, or to
//     the loopback queue if the destination is this host.
//
// The way up:
//
//  1. The NIC, or the loopback queue, gives a packet to input, which checks its
//     header and decides: for this host, to be forwarded, or neither.
//  2. What is for this host is reassembled if it is a fragment, copied to raw
//     sockets, and handed to its protocol (Handle) without its header.
//  3. What is not is forwarded if this host is a router.
//
// Whatever is dropped is counted (Stats), and where the standards ask for it
// the sender is told by ICMP.
//
// Both families go the same way and share routes, paths and counters; what only IPv6
// has stands in the files whose names end in 6. An IPv6 address of a link (fe80::/10)
// always has its zone here, the name of the interface; no other has one.
package network

import (
	"encoding/binary"
	"net/netip"

	"septet/event"
	"septet/header"
	"septet/packet"
)

var be = binary.BigEndian

// DefaultTTL is the time to live of a datagram that asks for no other
// (RFC 1340, page 64).
const DefaultTTL = 64

// Layer is the IP layer of one host. All its methods need the loop's turn.
type Layer struct {
	// What every packet needs stands together: of many hosts in one process none's
	// layers are in the processor's caches.
	loop      *event.Loop
	pool      *packet.Pool
	protocols []openProtocol // a few, in the order in which they came
	recent    *protocol      // of them, the one found last
	datagram  *Datagram      // what input hands to the handlers: one at a time
	flow      flow           // of the last packet, see Interface.expected
	// generation changes with the interfaces, the routes and what their addresses are good
	// for, so that whoever keeps a Path sees that it must be looked up again.
	generation    uint32
	nextID        uint16 // of the next atomic datagram, see nextIDs
	forwarding    bool
	sourceRouting bool
	stats         Stats

	interfaces []*Interface
	addresses  map[netip.Addr]addressKind
	routes     routeTable
	redirects  *redirects       // nil without any
	forwards   *forwards        // nil until something was forwarded
	ids        *identifications // nil until a datagram was sent that may be cut

	loopback   loopback
	sniffer    Sniffer
	six        *layer6 // what only IPv6 needs, made with its first use
	icmp       icmp
	reassembly *reassembly // of IPv4, made with the first fragment
	mtus       pathMTUs
}

// datagrams is the key of the one Datagram of a loop (event.Loop.Shared).
type datagrams struct{}

// Handler is a transport protocol.
type Handler interface {
	// Input takes a datagram for this host. p starts at the transport header
	// and ends with the payload; it belongs to the handler. d is valid during
	// the call only.
	Input(p *packet.Packet, d *Datagram)
	// Error takes an ICMP error about a datagram that this host has sent. e is
	// valid during the call only.
	Error(e *Error)
}

// openProtocol is a protocol with its number.
type openProtocol struct {
	number header.Protocol
	*protocol
}

// protocol is what is open for one protocol number.
type protocol struct {
	number  header.Protocol
	handler Handler
	raws    []*Raw // of IPv4
	raws6   []*Raw
}

// serves reports whether there is a handler for datagrams between addresses of a's
// family. ICMP and IGMP belong to IPv4 and ICMPv6 to IPv6: inside a header of the other
// family they are nobody's, and nobody there checks what guards them.
func (p *protocol) serves(a netip.Addr) bool {
	if p == nil || p.handler == nil {
		return false
	}
	switch p.number {
	case header.ProtocolICMP, header.ProtocolIGMP:
		return a.Is4()
	case header.ProtocolICMPv6:
		return a.Is6()
	}
	return true
}

// Datagram says how a packet came: what its IP header said, and where it
// arrived.
type Datagram struct {
	Src, Dst netip.Addr
	TTL, TOS uint8 // IPv6's hop limit and traffic class
	Protocol header.Protocol
	// Broadcast says that the packet was sent to a broadcast or multicast
	// address, of IP or of the link.
	Broadcast bool
	// Interface is where the packet arrived.
	Interface *Interface
	// Route is the source route by which an answer goes: that of the packet, the
	// other way. It is nil for nearly all.
	Route *SourceRoute
	// HeaderLen is the length of the IP header, those of IPv6's extensions included:
	// Unpull(HeaderLen) brings it back.
	HeaderLen int

	offset int  // of a fragment
	more   bool // fragments follow
	alert  bool // routers are asked to look at it (RFC 2711)
	// recording says that hosts are to enter themselves into an option of IPv4.
	recording bool
	// fragmented says that the packet came with a fragment header.
	fragmented bool
	id         uint32 // of the datagram whose fragment it is
	next       int    // where, in an IPv6 header, the number of the protocol stands
}

// New returns the IP layer of a host with the loopback interface as its only
// one.
func New(l *event.Loop, pool *packet.Pool) *Layer {
	n := &Layer{loop: l, pool: pool, addresses: make(map[netip.Addr]addressKind)}
	n.datagram = l.Shared(datagrams{}, func() any { return new(Datagram) }).(*Datagram)
	n.nextID = uint16(l.Rand().Uint32())
	n.loopback.layer = n
	n.icmp.init(n)
	n.addLoopback()
	n.Handle(header.ProtocolICMP, &n.icmp)
	return n
}

// Loop returns the loop whose turn the layer needs.
func (l *Layer) Loop() *event.Loop { return l.loop }

// Pool returns where the host's packets come from.
func (l *Layer) Pool() *packet.Pool { return l.pool }

// Handle makes h the receiver of the datagrams of protocol p. A later call
// replaces it; nil takes it away.
func (l *Layer) Handle(p header.Protocol, h Handler) {
	l.protocol(p).handler = h
}

// SetForwarding makes the host a router, or an end host again (RFC 1122,
// section 3.3.1.1: a host does not forward unless it was configured to).
func (l *Layer) SetForwarding(on bool) {
	if on != l.forwarding {
		l.setForwarding6(on)
		l.changed() // sourceVia is otherwise for a router
	}
	l.forwarding = on
	l.forwards = nil
}

// Forwarding reports whether the host is a router.
func (l *Layer) Forwarding() bool { return l.forwarding }

// Close stops everything that would happen later by itself: what waits for missing
// fragments is dropped, addresses that were claimed are released. The cards are the
// host's to close.
func (l *Layer) Close() {
	l.forgetRedirects()
	if l.reassembly != nil {
		l.reassembly.clear()
	}
	for _, i := range l.interfaces {
		if i.claim != nil {
			i.claim.end()
		}
		for m := range i.allMemberships() {
			m.stop()
		}
	}
	if l.six != nil {
		l.six.close()
	}
}

// Stats returns the counters as they are now.
func (l *Layer) Stats() Stats { return l.stats }

// protocol returns what is open for protocol p, made if there was nothing.
func (l *Layer) protocol(p header.Protocol) *protocol {
	if pr := l.findProtocol(p); pr != nil {
		return pr
	}
	pr := &protocol{number: p}
	l.protocols = append(l.protocols, openProtocol{p, pr})
	return pr
}

// findProtocol returns what is open for protocol p, nil if nothing ever was. A host
// has three or four, so looking at each costs less than a table.
func (l *Layer) findProtocol(p header.Protocol) *protocol {
	if r := l.recent; r != nil && r.number == p {
		return r
	}
	return l.searchProtocol(p)
}

func (l *Layer) searchProtocol(p header.Protocol) *protocol {
	for i := range l.protocols {
		if l.protocols[i].number == p {
			l.recent = l.protocols[i].protocol
			return l.recent
		}
	}
	return nil
}

// drop ends a packet and counts why.
func (l *Layer) drop(p *packet.Packet, reason *uint64) {
	*reason += uint64(p.Frames())
	p.Release()
}
