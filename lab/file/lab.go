// Package file reads lab files: the YAML in which a network is written down.
// It checks them and describes what they say; package lab builds the network.
//
// Parse works in three passes over one file, and reports the mistakes of all of
// them together:
//
//  1. yaml.go turns the bytes into a tree in which every word has its place.
//  2. The readers (hosts.go, services.go, links.go, vlans.go, publish.go, steps.go) turn
//     the tree into values, and resolve the names in it.
//  3. The checks (addresses.go, wiring.go, segments.go, autoconf.go, routes.go) ask whether
//     the network can work: addresses, segments, and the way between two hosts.
//
// The format itself is explained in labs/README.md.
package file

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"septet/header"
)

// Lab is what a lab file says, checked: every name in it is resolved, every
// default filled in.
type Lab struct {
	File        string // as given to Parse
	Name        string
	Description string
	Seed        uint64 // of the lab's randomness; 1 if the file has none
	Hosts       []*Host
	Switches    []*Switch
	Links       []*Link
	Published   []*Published
	Script      []*Step
}

// Position is a place in the file. Both numbers count from 1; a column is a
// character, whatever its number of bytes.
type Position struct {
	Line, Column int
}

// Host is a machine with addresses: a host, or a router, which is a host that
// forwards.
type Host struct {
	Position
	Name       string
	Router     bool         // forwards packets that are not for itself
	Interfaces []*Interface // at least one, in the file's order
	Routes     []Route      // beyond the networks it is attached to; a gateway is the one to 0.0.0.0/0 or ::/0
	Services   []*Service
	// Nameservers are asked for names that are not in the lab (resolv.conf). A router
	// that advertises tells hosts those of IPv6 (RFC 8106), and Search, the domains in
	// which short names are looked for.
	Nameservers []netip.Addr
	Search      []string
}

// Interface is a host's attachment to one link, or to one VLAN of it.
type Interface struct {
	Position
	Name string // the card's, and for a VLAN its number: eth0.10
	Card string // into which the cable is plugged; several interfaces may share it
	VLAN uint16 // of the frames it sends and receives, which have a tag; zero for those without

	Address netip.Prefix   // of IPv4, with the length of its network's prefix; not valid if there is none
	IPv6    []netip.Prefix // likewise, without that of the link
	// Auto says that the interface configures its IPv6 addresses itself, from what a
	// router advertises (RFC 4862), Advertise that it is such a router's (RFC 4861).
	Auto, Advertise bool
	// Found is what it makes of them: an address in each advertised network.
	Found []netip.Prefix
	// MAC is as the file says, otherwise 02:00 followed by the IPv4 address, or made
	// from the names of host and interface if it has none.
	MAC header.MAC
	MTU int // bytes of payload in a frame

	unread bool // there is an address that could not be read
}

// Route says by which neighbour a network is reached.
type Route struct {
	Position
	To  netip.Prefix // 0.0.0.0/0 and ::/0 are the default routes
	Via netip.Addr   // on the network of one of the host's interfaces; with a zone if of a link
}

// Switch is a learning switch. It has as many ports as links end at it.
type Switch struct {
	Position
	Name  string
	VLANs bool // it heeds VLANs, for one of its links says so
}

// Link is a cable between two ends.
type Link struct {
	Position
	Name string // as written: "pc1 - s1"
	Ends [2]End
	// Impairments holds what the link does to frames that travel from Ends[0]
	// to Ends[1], and to those that travel back.
	Impairments [2]Impairment
	VLANs       VLANs // of the ports of switches that heed them
}

// End is where a link is plugged in.
type End struct {
	Position
	Node      string // a host, router or switch
	Interface string // its card; empty at a switch
}

// Impairment is what one direction of a link does to frames. The zero value
// carries every frame at once and unharmed.
type Impairment struct {
	Delay     time.Duration // from one end to the other
	Jitter    time.Duration // the delay is anything from Delay-Jitter to Delay+Jitter
	Rate      int64         // bits per second; 0 is no limit
	Queue     int           // bytes that may wait while the rate is exceeded; 0 is the wire's default
	Loss      float64       // probability, 0 to 1
	Burst     float64       // mean number of frames lost in a row; 0 or 1 is each on its own
	Duplicate float64       // probability that a frame arrives twice
	Reorder   float64       // probability that a frame is held back, so that later ones overtake it
	ReorderBy time.Duration // how long it is held back; 0 is the wire's default
	Corrupt   float64       // probability that a bit of the frame is flipped
}

// Published is a port of the real machine through which clients enter the lab.
type Published struct {
	Position
	Protocol string         // "tcp" or "udp"
	Listen   netip.AddrPort // on the real machine
	From     string         // the host in the lab at which they enter
	To       Target
}

// Target is an address as a host of the lab would dial it.
type Target struct {
	Position
	Text string // as written
	Name string // the host that is meant, empty for an address no host has
	// Addrs is the address, or what a name stands for: its host's first address of
	// each family, IPv4 first. The host that dials chooses (RFC 6724).
	Addrs []netip.Addr
	Port  uint16 // 0 where there is none (ping)
}

// Host returns the host or router of that name, or nil.
func (l *Lab) Host(name string) *Host {
	for _, h := range l.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// Addresses returns all addresses of the host but those of its links, in the order of
// the file.
func (h *Host) Addresses() []netip.Addr {
	var all []netip.Addr
	for _, i := range h.Interfaces {
		for p := range i.all() {
			all = append(all, p.Addr())
		}
	}
	return all
}

// firstAddresses returns the host's first address of each family, IPv4 first: what
// its name stands for.
func (h *Host) firstAddresses() []netip.Addr {
	var four, six []netip.Addr
	for _, a := range h.Addresses() {
		switch {
		case a.Is4() && four == nil:
			four = append(four, a)
		case a.Is6() && six == nil:
			six = append(six, a)
		}
	}
	return append(four, six...)
}

// SpeaksIPv6 reports whether IPv6 is on at an interface of the host.
func (h *Host) SpeaksIPv6() bool { return slices.ContainsFunc(h.Interfaces, (*Interface).SpeaksIPv6) }

// Addresses returns the addresses that the file gives to the interface, that of IPv4
// first.
func (i *Interface) Addresses() []netip.Prefix {
	var all []netip.Prefix
	if i.Address.IsValid() {
		all = append(all, i.Address)
	}
	return append(all, i.IPv6...)
}

// all goes through the addresses of the interface, given and found.
func (i *Interface) all() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if i.Address.IsValid() && !yield(i.Address) {
			return
		}
		for _, list := range [...][]netip.Prefix{i.IPv6, i.Found} {
			for _, p := range list {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// SpeaksIPv6 reports whether the interface has IPv6 addresses, one of the link at
// least.
func (i *Interface) SpeaksIPv6() bool { return len(i.IPv6) > 0 || i.Auto }

// LinkLocal returns the IPv6 address that the interface makes for itself on its link
// (RFC 4291, section 2.5.6), with the interface's name as its zone.
func (i *Interface) LinkLocal() netip.Addr {
	return interfaceAddress(linkLocal, i.MAC).WithZone(i.Name)
}

var linkLocal = netip.MustParsePrefix("fe80::/64")

// interfaceAddress returns the address in a prefix of 64 bits that is made of a MAC
// address.
func interfaceAddress(prefix netip.Prefix, mac header.MAC) netip.Addr {
	b, id := prefix.Addr().As16(), mac.EUI64()
	copy(b[8:], id[:])
	return netip.AddrFrom16(b)
}

// Interface returns the interface of that name, or nil.
func (h *Host) Interface(name string) *Interface {
	for _, i := range h.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// owns reports whether a is an address of one of the host's interfaces.
func (h *Host) owns(a netip.Addr) bool {
	return slices.ContainsFunc(h.Interfaces, func(i *Interface) bool { return i.has(a) })
}
