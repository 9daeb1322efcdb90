package physical

import (
	"slices"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// MaxFrame returns the length of the longest frame for an MTU: with the Ethernet
// header and one VLAN tag.
func MaxFrame(mtu int) int { return header.EthernetLen + 4 + mtu }

// Wire is a cable between two ports, A and B. Its directions have nothing to do
// with each other: each has its own impairment, queue and luck. What is
// transmitted is never received within the same call, only posted. Like all
// protocol state it is used with the loop's turn held.
type Wire struct {
	loop *event.Loop
	pool *packet.Pool
	aToB direction
	bToA direction
	a, b end
	cut  bool // see SetUp
}

// NewWire returns a wire for frames with a payload of up to mtu bytes. Zero
// impairments make it bare: everything arrives within the same turn. An
// impairment that is not valid is a mistake of the program and panics; what
// comes from outside goes through Impairment.Validate first. The turn must be
// held.
func NewWire(l *event.Loop, pool *packet.Pool, mtu int, aToB, bToA Impairment) *Wire {
	w := &Wire{loop: l, pool: pool}
	w.aToB.init(w, AToB, MaxFrame(mtu))
	w.bToA.init(w, BToA, MaxFrame(mtu))
	w.a, w.b = end{out: &w.aToB, in: &w.bToA}, end{out: &w.bToA, in: &w.aToB}
	for d, i := range [...]Impairment{AToB: aToB, BToA: bToA} {
		if err := w.SetImpairment(Direction(d), i); err != nil {
			panic(err)
		}
	}
	return w
}

// A returns the port at one end.
func (w *Wire) A() Port { return &w.a }

// B returns the port at the other end.
func (w *Wire) B() Port { return &w.b }

// SetImpairment changes what a direction does, while it is running. A new rate
// holds for what is at the transmitter too. A new delay, jitter or loss holds
// for frames sent from now on; they still do not overtake those on the way.
func (w *Wire) SetImpairment(d Direction, i Impairment) error {
	if err := i.Validate(); err != nil {
		return err
	}
	w.direction(d).change(i)
	return nil
}

// Impairment returns what a direction does.
func (w *Wire) Impairment(d Direction) Impairment { return w.direction(d).impairment }

// Stats returns the counters of a direction.
func (w *Wire) Stats(d Direction) Stats { return w.direction(d).stats }

// Tap lets t see every frame until remove is called. A wire without taps pays
// nothing for them.
func (w *Wire) Tap(t Tap) (remove func()) { return w.tap(&tapped{t, true}) }

// Watch is Tap for who does not look at arrivals: t sees all events but Delivered.
// Behind it, trains stay whole.
func (w *Wire) Watch(t Tap) (remove func()) { return w.tap(&tapped{t, false}) }

func (w *Wire) tap(t *tapped) (remove func()) {
	// Copied on change: a tap may be removed while frames go to all of them.
	w.setTaps(append(slices.Clone(w.aToB.taps), t))
	return func() { w.setTaps(w.aToB.taps.without(t)) }
}

func (w *Wire) setTaps(all taps) { w.aToB.taps, w.bToA.taps = all, all }

func (w *Wire) direction(d Direction) *direction {
	if d == AToB {
		return &w.aToB
	}
	return &w.bToA
}

// Stats counts the frames of one direction of a wire. Bytes are those that a tap
// sees. At every moment
//
//	Sent + Duplicated = Delivered + Lost + frames on the way
type Stats struct {
	Sent, SentBytes           uint64 // taken by the transmitter
	Delivered, DeliveredBytes uint64

	Dropped uint64 // refused by the transmitter: the queue, or the wire, was full
	TooLong uint64 // refused: longer than the MTU allows

	Lost       uint64 // by Loss, by Down or SetUp, or nobody was at the other end
	Corrupted  uint64 // frames of which a bit was flipped
	Duplicated uint64 // second copies made
	Reordered  uint64 // frames that arrived after one that was sent later
}

// end is a Port of a wire.
type end struct {
	out, in *direction
	carrier carrier
}

func (e *end) Transmit(p *packet.Packet)              { e.out.transmit(p) }
func (e *end) CarriesTrains() bool                    { return e.out.carriesTrains() }
func (e *end) OnReceive(receive func(*packet.Packet)) { e.in.receive = receive }
func (e *end) MTU() int                               { return e.out.maxFrame - MaxFrame(0) }
