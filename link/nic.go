// Package link is layer 2: the Ethernet NIC with its neighbours (ARP), the
// learning switch, and VLANs on both. It knows stations on one network, not routes between them.
package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// ErrMTU says that an MTU is too small for IP or too large for the port.
var ErrMTU = errors.New("link: MTU out of range")

// MinMTU is the smallest MTU of a NIC: RFC 791 wants every link to carry 68
// bytes without fragmentation.
const MinMTU = 68

// NIC is an Ethernet interface of a host or router.
//
// Down: Output finds the neighbour's address, pushes the Ethernet header and
// gives the frame to the port. Up: the port's frames lose their Ethernet header
// and go to ARP or to the function set with OnReceive.
//
// Frames are not padded to the 60 bytes of a real cable: a wire of Septet
// carries any length, like a pair of virtual interfaces on Linux. Padding that
// arrives is left for the network layer to cut.
type NIC struct {
	// What every frame needs stands together, see network.Layer.
	mac     header.MAC
	down    bool // the port has no carrier
	closed  bool
	sniff   Sniffer // nil unless somebody listens to all frames
	receive func(p *packet.Packet, typ header.EtherType, group bool)
	stats   NICStats
	loop    *event.Loop
	mtu     int
	port    physical.Port
	rail    physical.Trainway // the port, if it takes trains

	pool      *packet.Pool
	name      string
	addresses []netip.Addr // IPv4's, for ARP
	watch     func(*header.ARP)
	cache     *cache     // made with the first neighbour
	discovery *Discovery // of IPv6 neighbours; nil without IPv6
	failed    failed
	carrier   func(up bool)
	filter    *groupFilter // of the groups whose frames are taken
}

// NICStats counts what a NIC did. Bytes include the Ethernet header.
type NICStats struct {
	InFrames, InBytes   uint64 // all that arrived, whatever became of it
	OutFrames, OutBytes uint64

	InRunts       uint64 // shorter than an Ethernet header
	InBadSource   uint64 // a group address as source
	InNotForUs    uint64 // another station's address as destination
	InOtherGroup  uint64 // a group address that the NIC was not told to accept
	InUnknownType uint64 // neither IP nor ARP, or nobody to receive it

	OutTooLong     uint64 // longer than the MTU
	OutUnresolved  uint64 // given back: no answer to ARP
	OutWaitDropped uint64 // waited for ARP, and newer packets came or the entry went
	OutDown        uint64 // without a carrier
	OutClosed      uint64 // after Close

	ARP ARPStats
}

// NewNIC returns a NIC with the address mac on port. Its MTU is the port's.
func NewNIC(l *event.Loop, pool *packet.Pool, name string, mac header.MAC, port physical.Port) *NIC {
	n := &NIC{loop: l, pool: pool, name: name, mac: mac, mtu: port.MTU(), port: port}
	n.rail, _ = port.(physical.Trainway)
	if c, ok := port.(physical.Carrier); ok {
		n.down = !c.Up()
		c.OnCarrier(n.carrierChanged)
	}
	port.OnReceive(n.input)
	return n
}

// Name returns the interface's name, such as "eth0".
func (n *NIC) Name() string { return n.name }

// MAC returns the interface's Ethernet address.
func (n *NIC) MAC() header.MAC { return n.mac }

// MTU returns the largest IP packet that Output takes, in bytes.
func (n *NIC) MTU() int { return n.mtu }

// SetMTU changes the MTU. It must be at least MinMTU and at most the port's;
// otherwise nothing changes and the error is an ErrMTU.
func (n *NIC) SetMTU(mtu int) error {
	if mtu < MinMTU || mtu > n.port.MTU() {
		return fmt.Errorf("%w: %d on %s, must be from %d to %d", ErrMTU, mtu, n.name, MinMTU, n.port.MTU())
	}
	n.mtu = mtu
	return nil
}

// OnReceive sets who gets the IPv4 and IPv6 packets that arrive, without their
// Ethernet header but with the padding of short frames. group says that the frame was
// sent to a group of stations or to all of them (RFC 1122, section 2.4).
func (n *NIC) OnReceive(f func(p *packet.Packet, typ header.EtherType, group bool)) { n.receive = f }

// OnUnresolved sets who gets back the packets whose neighbour did not answer. They
// begin with the IP header.
func (n *NIC) OnUnresolved(f func(p *packet.Packet, typ header.EtherType)) { n.failed.giveBack = f }

// AddAddress adds an IPv4 address that the NIC answers for.
func (n *NIC) AddAddress(a netip.Addr) {
	if !n.hasAddress(a) {
		n.addresses = append(n.addresses, a)
	}
}

// RemoveAddress ends the answering for a.
func (n *NIC) RemoveAddress(a netip.Addr) {
	for i := range n.addresses {
		if n.addresses[i] == a {
			n.addresses = append(n.addresses[:i], n.addresses[i+1:]...)
			return
		}
	}
}

func (n *NIC) hasAddress(a netip.Addr) bool {
	for _, own := range n.addresses {
		if own == a {
			return true
		}
	}
	return false
}

// Output sends a packet to a neighbour. If the neighbour's address has to be
// found out first, the packet waits; if there is no answer, it comes back
// through OnUnresolved. nb may be dead (evicted): it is then looked up again.
func (n *NIC) Output(p *packet.Packet, nb *Neighbour, typ header.EtherType) {
	if n.loop.Now() < nb.fresh {
		nb.used = true
		n.send(p, &nb.mac, typ)
		return
	}
	n.outputDoubtful(p, nb, typ)
}

// Broadcast sends a packet to every station on the link.
func (n *NIC) Broadcast(p *packet.Packet, typ header.EtherType) {
	n.send(p, &header.BroadcastMAC, typ)
}

// Multicast sends a packet to the stations that listen to an IP group.
func (n *NIC) Multicast(p *packet.Packet, group netip.Addr, typ header.EtherType) {
	dst := GroupMAC(group)
	n.send(p, &dst, typ)
}

// GroupMAC returns the Ethernet address of an IP group. RFC 1112, section 6.4: the low
// 23 bits of an IPv4 group follow 01:00:5e; RFC 2464, section 7: the low 32 of an IPv6
// group follow 33:33.
func GroupMAC(group netip.Addr) header.MAC {
	if group.Is4() {
		g := group.As4()
		return header.MAC{0x01, 0x00, 0x5e, g[1] & 0x7f, g[2], g[3]}
	}
	g := group.As16()
	return header.MAC{0x33, 0x33, g[12], g[13], g[14], g[15]}
}

// Up reports whether the NIC has a carrier: its cable is plugged in.
func (n *NIC) Up() bool { return !n.down }

// OnCarrier sets who hears that the cable was pulled or plugged in. The call comes when
// the NIC has drawn its own conclusions: without a carrier it knows no neighbours, for
// it may come back on another network.
func (n *NIC) OnCarrier(f func(up bool)) { n.carrier = f }

func (n *NIC) carrierChanged(up bool) {
	n.down = !up
	if n.down {
		n.cache.clear()
	}
	if n.carrier != nil {
		n.carrier(up)
	}
}

// send puts the Ethernet header in front and gives the frame away.
func (n *NIC) send(p *packet.Packet, dst *header.MAC, typ header.EtherType) {
	if p.FrameLen() > n.mtu {
		n.stats.OutTooLong += uint64(p.Frames())
		p.Release()
		return
	}
	header.PutEthernet(p.Push(header.EthernetLen), dst, &n.mac, typ)
	n.transmit(p)
}

func (n *NIC) transmit(p *packet.Packet) {
	switch {
	case n.closed:
		n.drop(p, &n.stats.OutClosed)
		return
	case n.down:
		n.drop(p, &n.stats.OutDown)
		return
	}
	if n.sniff != nil && !n.shown(p, true, n.transmit) {
		return
	}
	n.stats.OutFrames += uint64(p.Frames())
	n.stats.OutBytes += uint64(p.TotalLen())
	if n.rail == nil && p.Frames() > 1 {
		p.Break(n.port.Transmit)
		return
	}
	n.port.Transmit(p)
}

// CarriesTrains reports whether a train for nb (packet.Packet.Couple) would now
// reach the other end of the cable whole.
func (n *NIC) CarriesTrains(nb *Neighbour) bool {
	return n.rail != nil && n.rail.CarriesTrains() && (n.loop.Now() < nb.fresh || nb.Resolved())
}

// input takes a frame from the port.
func (n *NIC) input(p *packet.Packet) {
	if n.sniff != nil && !n.shown(p, false, n.input) {
		return
	}
	n.stats.InFrames += uint64(p.Frames())
	n.stats.InBytes += uint64(p.TotalLen())
	b := p.Head()
	if len(b) < header.EthernetLen {
		p.Own()
		if b = p.Head(); len(b) < header.EthernetLen {
			n.drop(p, &n.stats.InRunts)
			return
		}
	}
	dst, src, typ := (*header.MAC)(b), (*header.MAC)(b[6:]), header.EtherType(binary.BigEndian.Uint16(b[12:]))
	group := dst.IsGroup()
	switch {
	case src.IsGroup():
		n.drop(p, &n.stats.InBadSource)
	case !group && *dst != n.mac:
		n.drop(p, &n.stats.InNotForUs)
	case group && !n.filter.passes(*dst):
		n.drop(p, &n.stats.InOtherGroup)
	case (typ == header.EtherTypeIPv4 || typ == header.EtherTypeIPv6) && n.receive != nil:
		p.Pull(header.EthernetLen)
		n.receive(p, typ, group)
	case typ == header.EtherTypeARP:
		p.Pull(header.EthernetLen)
		n.inputARP(p.Bytes(), *src)
		p.Release()
	default:
		n.drop(p, &n.stats.InUnknownType)
	}
}

func (n *NIC) drop(p *packet.Packet, counter *uint64) {
	*counter += uint64(p.Frames())
	p.Release()
}

// Stats returns the counters.
func (n *NIC) Stats() NICStats { return n.stats }

// Close takes the NIC off its port. Packets that wait for ARP are released, and
// so is whatever is sent later.
func (n *NIC) Close() {
	if n.closed {
		return
	}
	n.closed = true
	n.port.OnReceive(nil)
	if c, ok := n.port.(physical.Carrier); ok {
		c.OnCarrier(nil)
	}
	n.watch = nil
	n.cache.clear()
	n.failed.queue.Release()
}
