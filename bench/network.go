package main

import (
	"errors"
	"net"
)

// A Network is two hosts on one link, a server and a client. It is all that the
// measuring code knows of a contestant, so that every contestant runs the same
// code.
type Network interface {
	// Listen starts a TCP listener on the server, on a port that was free.
	Listen() (net.Listener, error)
	// Dial connects from the client to a listener's address.
	Dial(to net.Addr) (net.Conn, error)
	// ListenPacket opens a UDP socket on the server, on a port that was free.
	ListenPacket() (net.PacketConn, error)
	// DialPacket opens a UDP socket on the client, connected to the given address.
	DialPacket(to net.Addr) (net.Conn, error)
	// Check returns an error if the link has carried other frames than its Link
	// allows.
	Check() error
	// Close ends both hosts and frees what they had.
	Close()
}

// A Link says what the two hosts are joined by.
type Link struct {
	// MTU is the largest IP packet of a frame, in bytes.
	MTU int
	// Trains allows the link to carry up to 64 KiB of one flow as one piece
	// (segmentation offload, as on the kernel's loopback). Without it every
	// frame on the link is real and at most MTU long.
	Trains bool
}

// A Contestant makes networks of one implementation.
type Contestant struct {
	// Name is the contestant's key in the output.
	Name string
	// IPv6 says that it is Septet over IPv6.
	IPv6 bool
	// New joins two hosts by the link, or returns errNotOffered.
	New func(Link) (Network, error)
	// Hosts makes n hosts, each with one NIC, joined by links in pairs, and
	// returns what ends them all. It is nil where a host's memory is not in this
	// process's heap.
	Hosts func(n int) (end func(), err error)
}

// errNotOffered says that the contestant cannot take part in a measure, such as
// the kernel's loopback at an MTU of 1500. The cell stays empty (null).
var errNotOffered = errors.New("not offered by this contestant")

// contestants, in the order of the columns. The first is compared with the rest.
var contestants = []Contestant{
	{Name: "septet", New: newSeptet, Hosts: septetHosts},
	{Name: "gvisor", New: newGVisor, Hosts: gvisorHosts},
	{Name: "kernel", New: newKernel},
}

// Every contestant may buffer this much, in bytes, for each direction of a TCP
// connection, and this much for a datagram socket.
const (
	bufferSize     = 4 << 20
	datagramBuffer = 4 << 20
)
