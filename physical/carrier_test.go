package physical

import (
	"slices"
	"testing"
	"time"

	"septet/event"
)

// Both ends hear that the cable was pulled, and that it is plugged in again.
func TestCarrier(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	var told []string
	for _, end := range []struct {
		name string
		port Port
	}{{"A", b.wire.A()}, {"B", b.wire.B()}} {
		c := end.port.(Carrier)
		c.OnCarrier(func(up bool) {
			if up != c.Up() {
				t.Errorf("%s was told %v, but Up says %v", end.name, up, c.Up())
			}
			told = append(told, map[bool]string{true: end.name + " up", false: end.name + " down"}[up])
		})
	}
	expect := func(why string, want ...string) {
		t.Helper()
		b.loop.Run(b.loop.Now())
		if !slices.Equal(told, want) {
			t.Errorf("the ports were told %q, should be %q: %s", told, want, why)
		}
		told = nil
	}
	b.wire.SetUp(true)
	expect("it was plugged in before")
	b.wire.SetUp(false)
	if len(told) > 0 {
		t.Errorf("%q was told within SetUp; it should be posted", told)
	}
	expect("the cable was pulled", "A down", "B down")
	b.wire.SetUp(false)
	expect("nothing changed")
	b.wire.SetUp(true)
	expect("it is plugged in again", "A up", "B up")
	b.wire.SetUp(false)
	b.wire.SetUp(true)
	expect("it was taken back within the turn")
	b.wire.SetImpairment(AToB, Impairment{Down: true})
	expect("Down is a fault that nobody notices")
}

// What is on the way when the cable is pulled is lost, and so is what is sent until it
// is plugged in again, both ways.
func TestPulledCableLoses(t *testing.T) {
	for _, i := range []Impairment{{}, {Delay: time.Second}} {
		b := newBench(t, 1, i, i)
		b.wire.A().Transmit(b.frame(60))
		b.wire.B().Transmit(b.frame(60))
		b.wire.SetUp(false)
		if b.wire.A().(Trainway).CarriesTrains() {
			t.Error("a pulled cable says that it carries trains")
		}
		b.wire.A().Transmit(b.frame(60))
		b.wire.B().Transmit(b.frame(60))
		b.loop.Run(event.Time(time.Minute))
		b.wire.SetImpairment(AToB, i) // does not plug it in
		b.wire.A().Transmit(b.frame(60))
		b.wire.SetUp(true)
		b.wire.A().Transmit(b.frame(60))
		b.wire.B().Transmit(b.frame(60))
		s := b.finish()
		if got := numbers(b.atB); !slices.Equal(got, []uint32{5}) || s.Lost != 3 {
			t.Errorf("delay %v: frames %v arrived at B and %d were lost, should be 5 alone and 3", i.Delay, got, s.Lost)
		}
		if got := numbers(b.atA); !slices.Equal(got, []uint32{6}) {
			t.Errorf("delay %v: frames %v arrived at A, should be 6 alone", i.Delay, got)
		}
	}
}
