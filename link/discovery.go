package link

import (
	"net/netip"
	"time"

	"septet/header"
)

// Discovery is how a NIC finds the neighbours that ARP does not serve: those of IPv6.
// Its messages are the network layer's (RFC 4861); what becomes of the neighbours is
// the NIC's.
type Discovery struct {
	// Solicit asks who has target: the neighbour alone, whose Ethernet address is
	// known, or everybody.
	Solicit func(target netip.Addr, alone bool)
	// Unreachable is told that a neighbour has not answered, Reachable that one whose
	// Ethernet address was not known, or no longer, is there.
	Unreachable, Reachable func(target netip.Addr)
	// ReachableTime is how long a neighbour is believed to be there after it was heard
	// of; RetransTimer is the time between two questions.
	ReachableTime, RetransTimer time.Duration
}

// SetDiscovery says how IPv6 neighbours are found. Without one there are none.
func (n *NIC) SetDiscovery(d *Discovery) { n.discovery = d }

func (d *Discovery) solicit(target netip.Addr, alone bool) {
	if d != nil {
		d.Solicit(target, alone)
	}
}

func (d *Discovery) unreachable(target netip.Addr) {
	if d != nil && !target.Is4() {
		d.Unreachable(target)
	}
}

func (d *Discovery) reachable(target netip.Addr) {
	if d != nil && !target.Is4() {
		d.Reachable(target)
	}
}

func (n *NIC) reachableTime(a netip.Addr) time.Duration {
	if a.Is4() || n.discovery == nil {
		return ReachableTime
	}
	return n.discovery.ReachableTime
}

func (n *NIC) retransTimer(a netip.Addr) time.Duration {
	if a.Is4() || n.discovery == nil {
		return RetransTimer
	}
	return n.discovery.RetransTimer
}

// Ask begins to find out whether a neighbour is there, although nothing is sent to it.
func (n *NIC) Ask(a netip.Addr) {
	if nb := n.Neighbour(a); !nb.dead && (nb.state == None || nb.state == Failed) {
		nb.solicit(Incomplete)
	}
}

// Learn notes the Ethernet address that a neighbour has told of itself without having
// been asked. RFC 4861, section 7.2.3: what is new makes the entry STALE; what is known
// already changes nothing.
func (n *NIC) Learn(a netip.Addr, mac header.MAC) {
	if n.closed || mac.IsGroup() {
		return
	}
	if nb := n.Neighbour(a); !nb.Resolved() || nb.mac != mac {
		nb.know(mac, 0)
	}
}

// Advertisement is what a neighbour says of itself (RFC 4861, section 4.4).
type Advertisement struct {
	MAC                 header.MAC
	HasMAC              bool
	Solicited, Override bool
}

// Advertised takes the advertisement of a neighbour (RFC 4861, section 7.2.5), and
// reports whether it is believed. One of whom nobody has asked is not noted.
func (n *NIC) Advertised(a netip.Addr, adv Advertisement) bool {
	nb := n.cache.find(a)
	if nb == nil || adv.HasMAC && adv.MAC.IsGroup() {
		return false
	}
	mac := adv.MAC
	if !adv.HasMAC {
		mac = nb.mac
	}
	switch {
	case nb.state == Incomplete && !adv.HasMAC, !nb.Resolved() && nb.state != Incomplete:
		// Nothing is known without the address, nor of whom nothing was asked.
		return false
	case nb.state != Incomplete && mac != nb.mac && !adv.Override:
		// Another address than the one that is known: it is doubted, not replaced.
		if nb.state == Reachable {
			nb.fresh = 0
		}
		return false
	case adv.Solicited:
		nb.confirm(mac)
	case nb.state == Incomplete || mac != nb.mac:
		nb.know(mac, 0)
	}
	return true
}

// Confirm says that the layers above have heard from the neighbour what it can only
// have sent after it had received something (RFC 4861, section 7.3.1). It costs next to
// nothing while the neighbour is known to be there.
func (nb *Neighbour) Confirm() {
	if nb.nic.loop.Now() >= nb.fresh && nb.Resolved() && !nb.addr.Is4() {
		nb.confirm(nb.mac)
	}
}
