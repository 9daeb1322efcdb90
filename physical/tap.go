package physical

import (
	"slices"

	"septet/event"
	"septet/packet"
)

// Direction is one of the two ways across a wire.
type Direction uint8

// The directions of a wire.
const (
	AToB Direction = iota
	BToA
)

func (d Direction) String() string {
	if d == AToB {
		return "A to B"
	}
	return "B to A"
}

// Event is what happened to a frame.
type Event uint8

// The events. A frame that is Sent ends as Lost or Delivered; a duplicated one
// is Sent once and ends twice. A frame that is Dropped is not Sent before.
const (
	Sent      Event = iota // the transmitter took it: when Transmit was called, before any queue
	Dropped                // the transmitter refused it: queue full, or longer than the MTU
	Lost                   // it was on the wire and does not arrive
	Delivered              // it arrives, as harmed as it may be
)

func (e Event) String() string {
	switch e {
	case Sent:
		return "sent"
	case Dropped:
		return "dropped"
	case Lost:
		return "lost"
	case Delivered:
		return "delivered"
	}
	return "invalid"
}

// Tap sees every frame of a wire, both ways. A capture file records the Sent
// ones: one record for each frame that somebody put on the wire, unharmed, also
// when it is then lost or arrives twice.
//
// The frame remains the wire's: a tap reads it (Bytes has everything, checksums
// filled in), but neither changes nor keeps it, and transmits nothing.
type Tap interface {
	Frame(at event.Time, d Direction, e Event, p *packet.Packet)
}

// taps are those of one wire, by pointer because not every Tap can be compared.
type taps []*tapped

// tapped is a Tap and how much it sees.
type tapped struct {
	Tap
	arrivals bool // Delivered too
}

func (t taps) frame(at event.Time, d Direction, e Event, p *packet.Packet) {
	for _, tap := range t {
		if e != Delivered || tap.arrivals {
			tap.Frame(at, d, e, p)
		}
	}
}

// see reports whether any of the taps sees events like e.
func (t taps) see(e Event) bool {
	for _, tap := range t {
		if e != Delivered || tap.arrivals {
			return true
		}
	}
	return false
}

func (t taps) without(tap *tapped) taps {
	if i := slices.Index(t, tap); i >= 0 {
		return slices.Delete(slices.Clone(t), i, i+1)
	}
	return t
}
