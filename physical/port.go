// Package physical is layer 1: what carries frames from one place to another.
// It knows bytes and time, not what the bytes mean.
package physical

import "septet/packet"

// Trainway is a Port that may be given trains (packet.Packet.Couple), and breaks
// them up itself whenever it cannot carry them whole.
type Trainway interface {
	Port
	// CarriesTrains reports whether a train transmitted now would stay whole. It is
	// not worth making one that would not.
	CarriesTrains() bool
}

// Port is one end of a medium: a NIC's or a switch's socket for a cable.
type Port interface {
	// Transmit gives a frame to the medium, which owns it from then on and may
	// lose it. No frame is received within this call: what arrives without a
	// delay is posted.
	Transmit(p *packet.Packet)
	// OnReceive sets who gets the frames that arrive. The frame is theirs. With
	// nil nobody is there, and frames are lost.
	OnReceive(receive func(p *packet.Packet))
	// MTU is the largest payload of a frame, in bytes, not counting the
	// Ethernet header.
	MTU() int
}
