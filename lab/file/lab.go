// Package file reads lab files: the YAML in which a network is written down.
// It checks them and describes what they say; package lab builds the network.
//
// Parse works in three passes over one file, and reports the mistakes of all of
// them together:
//
//  1. yaml.go turns the bytes into a tree in which every word has its place.
//  2. The readers (hosts.go, services.go, links.go, publish.go, steps.go) turn
//     the tree into values, and resolve the names in it.
//  3. The checks (addresses.go, wiring.go, routes.go) ask whether the network
//     can work: addresses, segments, and the way between two hosts.
//
// The format itself is explained in labs/README.md.
package file

import (
	"net/netip"
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
	Routes     []Route      // beyond the networks it is attached to; the gateway is the one to 0.0.0.0/0
	Services   []*Service
}

// Interface is a host's attachment to one link.
type Interface struct {
	Position
	Name    string
	Address netip.Prefix // the interface's address, with the length of its network's prefix
	MAC     header.MAC   // as the file says, otherwise 02:00 followed by the address
	MTU     int          // bytes of payload in a frame
}

// Route says by which neighbour a network is reached.
type Route struct {
	Position
	To  netip.Prefix // 0.0.0.0/0 is the default route
	Via netip.Addr   // on the network of one of the host's interfaces
}

// Switch is a learning switch. It has as many ports as links end at it.
type Switch struct {
	Position
	Name string
}

// Link is a cable between two ends.
type Link struct {
	Position
	Name string // as written: "pc1 - s1"
	Ends [2]End
	// Impairments holds what the link does to frames that travel from Ends[0]
	// to Ends[1], and to those that travel back.
	Impairments [2]Impairment
}

// End is where a link is plugged in.
type End struct {
	Position
	Node      string // a host, router or switch
	Interface string // empty at a switch
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
	Text string     // as written
	Name string     // the host that owns Addr, empty for an address no host has
	Addr netip.Addr // a name stands for the first address of its host
	Port uint16     // 0 where there is none (ping)
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

// Address returns the host's first address, the one its name stands for.
func (h *Host) Address() netip.Addr {
	if len(h.Interfaces) == 0 {
		return netip.Addr{}
	}
	return h.Interfaces[0].Address.Addr()
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

// owns reports whether a is the address of one of the host's interfaces.
func (h *Host) owns(a netip.Addr) bool {
	for _, i := range h.Interfaces {
		if i.Address.Addr() == a {
			return true
		}
	}
	return false
}
