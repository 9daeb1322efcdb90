package physical

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"septet/event"
	"septet/packet"
)

// tape is a Tap that notes what it sees.
type tape struct{ notes []string }

func (n *tape) Frame(at event.Time, d Direction, e Event, p *packet.Packet) {
	b := p.Bytes()
	n.notes = append(n.notes, fmt.Sprintf("%v %v %v %x", at, d, e, b[:min(4, len(b))]))
}

// counter is a Tap that cannot be compared.
type counter map[Event]int

func (c counter) Frame(_ event.Time, _ Direction, e Event, _ *packet.Packet) { c[e]++ }

func TestTap(t *testing.T) {
	b := newBench(t, 1, Impairment{Delay: time.Millisecond}, Impairment{Down: true})
	var seen tape
	remove := b.wire.Tap(&seen)
	b.wire.A().Transmit(b.pool.From([]byte{0, 0, 0, 1}))
	b.wire.B().Transmit(b.pool.From([]byte{0, 0, 0, 2}))
	b.wire.A().Transmit(b.pool.From(make([]byte, 1600)))
	b.finish()
	remove()
	remove()
	b.wire.A().Transmit(b.pool.From([]byte{0, 0, 0, 3}))
	b.finish()
	want := []string{
		"0s A to B sent 00000001",
		"0s B to A sent 00000002",
		"0s B to A lost 00000002",
		"0s A to B dropped 00000000",
		"1ms A to B delivered 00000001",
	}
	if !slices.Equal(seen.notes, want) {
		t.Errorf("the tap saw\n%q, should be\n%q", seen.notes, want)
	}
}

// What a capture records is what was sent, once for each frame, before any harm.
func TestTapOfFaults(t *testing.T) {
	b := newBench(t, 1, Impairment{Loss: 0.2, Corrupt: 0.5, Duplicate: 0.5, Rate: 1e9, Queue: 10000}, Impairment{})
	events := counter{}
	var seen tape
	b.wire.Tap(&seen)
	b.wire.Tap(events)
	for range 200 {
		b.wire.A().Transmit(b.frame(100))
	}
	s := b.finish()
	got := Stats{Sent: uint64(events[Sent]), Dropped: uint64(events[Dropped]), Lost: uint64(events[Lost]), Delivered: uint64(events[Delivered])}
	if got.Sent != s.Sent || got.Dropped != s.Dropped || got.Lost != s.Lost || got.Delivered != s.Delivered {
		t.Errorf("the tap counted %+v, the wire %+v", got, s)
	}
	if s.Sent != 100 || s.Dropped != 100 {
		t.Errorf("Sent %d, Dropped %d; the queue should take 10000 bytes, 100 frames", s.Sent, s.Dropped)
	}
	next := 0
	for _, note := range seen.notes {
		if note == fmt.Sprintf("0s A to B sent %08x", next) {
			next++
		}
	}
	if next != 100 {
		t.Errorf("%d frames were recorded as sent, in order and unharmed; should be 100", next)
	}
}

// A tap sees checksums filled in that the stack left open, and the receiver
// still knows that they are right.
func TestTapSeesChecksums(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	var seen tape
	b.wire.Tap(&seen)
	b.wire.B().OnReceive(func(p *packet.Packet) {
		if !p.Verified() {
			t.Error("looking at a frame should not make its receiver verify it")
		}
		b.collect(&b.atB)(p)
	})
	p := b.pool.From([]byte{0, 0})
	p.PartialChecksum(0)
	p.Borrow([]byte{0x12, 0x34})
	b.wire.A().Transmit(p)
	b.finish()
	if want := "0s A to B sent edcb1234"; seen.notes[0] != want {
		t.Errorf("the tap saw %q, should be %q with the checksum", seen.notes[0], want)
	}
}

// A tap may be removed by another one while a frame goes to all.
func TestTapRemovedWithin(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	events := counter{}
	var remove func()
	b.wire.Tap(remover{&remove})
	remove = b.wire.Tap(events)
	b.send(2, 60, 0)
	b.finish()
	if events[Sent] != 1 || events[Delivered] != 0 {
		t.Errorf("the removed tap saw %v; should be the event during which it was removed and nothing more", events)
	}
}

type remover struct{ remove *func() }

func (r remover) Frame(event.Time, Direction, Event, *packet.Packet) { (*r.remove)() }
