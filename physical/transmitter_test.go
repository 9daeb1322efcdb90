package physical

import (
	"slices"
	"testing"
	"time"

	"septet/event"
)

func TestRate(t *testing.T) {
	// 1000 bytes at 8 Mbit/s take a millisecond.
	b := newBench(t, 1, Impairment{Rate: 8e6, Delay: 10 * time.Millisecond}, Impairment{})
	for range 5 {
		b.wire.A().Transmit(b.frame(1000))
	}
	b.finish()
	for i, a := range b.atB {
		want := event.Time(10+i+1) * event.Time(time.Millisecond)
		if a.at != want {
			t.Errorf("frame %d arrived at %v, should be at %v: its own and the earlier frames' bits, then the delay", i, a.at, want)
		}
	}
}

// A frame of 40 bits at 3 bit/ns takes 13 1/3 ns: the thirds must not get lost.
func TestRateIsExact(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 3e9}, Impairment{})
	for range 3000 {
		b.wire.A().Transmit(b.frame(5))
	}
	b.finish()
	if got, want := b.atB[2999].at, event.Time(40*time.Microsecond); got != want {
		t.Errorf("120000 bits at 3 Gbit/s took %v, should be %v", got, want)
	}
}

func TestQueueDropsTail(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 8e6, Queue: 3000}, Impairment{})
	for range 5 {
		b.wire.A().Transmit(b.frame(1000))
	}
	b.loop.Run(event.Time(500 * time.Microsecond))
	b.wire.A().Transmit(b.frame(500)) // half of the first frame has left: there is room
	b.wire.A().Transmit(b.frame(4))
	s := b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{0, 1, 2, 5}) {
		t.Errorf("frames %v arrived, should be 0, 1, 2 (3000 bytes) and 5 (when 500 bytes had left)", got)
	}
	if s.Dropped != 3 || s.Sent != 4 {
		t.Errorf("Dropped %d, Sent %d; should be 3 and 4", s.Dropped, s.Sent)
	}
}

func TestIdleTransmitterTakesAnyFrame(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 8e6, Queue: 100}, Impairment{})
	b.send(3, 1000, time.Millisecond)
	if s := b.finish(); s.Dropped != 0 {
		t.Errorf("%d frames dropped: an idle transmitter should take a frame longer than its queue", s.Dropped)
	}
}

func TestRateChangesForQueue(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 8e3}, Impairment{}) // 1000 bytes in 1 s
	for range 3 {
		b.wire.A().Transmit(b.frame(1000))
	}
	b.loop.Run(event.Time(500 * time.Millisecond))
	if err := b.wire.SetImpairment(AToB, Impairment{Rate: 8e6}); err != nil {
		t.Fatal(err)
	}
	b.wire.A().Transmit(b.frame(1000))
	b.finish()
	// Half of the first frame is left: 0.5 ms, then 1 ms for each.
	for i, want := range []time.Duration{500_500 * time.Microsecond, 501_500 * time.Microsecond,
		502_500 * time.Microsecond, 503_500 * time.Microsecond} {
		if got := b.atB[i].at; got != event.Time(want) {
			t.Errorf("frame %d arrived at %v, should be at %v: the queue drains at the new rate", i, got, want)
		}
	}
}

func TestNoRateEmptiesQueue(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 8, Delay: time.Second}, Impairment{})
	b.send(2, 1000, time.Second)
	b.wire.SetImpairment(AToB, Impairment{Delay: time.Second})
	b.finish()
	if len(b.atB) != 2 || b.loop.Now() != event.Time(3*time.Second) {
		t.Errorf("%d frames by %v: without a rate both should leave at once, at 2s, and arrive a second later", len(b.atB), b.loop.Now())
	}
}
