package physical

import (
	"errors"
	"math"
	"math/bits"
	"testing"
	"time"

	"septet/event"
	"septet/packet"
)

// within checks a share against what the law of large numbers allows: five
// standard deviations of n independent draws.
func within(t *testing.T, what string, got uint64, n int, p float64) {
	t.Helper()
	mean, deviation := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	if math.Abs(float64(got)-mean) > 5*deviation {
		t.Errorf("%s: %d of %d frames, should be about %.0f", what, got, n, mean)
	}
}

func TestLoss(t *testing.T) {
	const n = 20000
	b := newBench(t, 1, Impairment{Loss: 0.05}, Impairment{})
	b.send(n, 60, 0)
	s := b.finish()
	within(t, "loss of 5 %", s.Lost, n, 0.05)
	if int(s.Lost) != n-len(b.atB) {
		t.Errorf("Lost is %d, but %d frames did not arrive", s.Lost, n-len(b.atB))
	}
}

func TestTotalLoss(t *testing.T) {
	for _, i := range []Impairment{{Loss: 1}, {Loss: 1, Burst: 3}} {
		b := newBench(t, 1, i, Impairment{})
		b.send(1000, 60, 0)
		if b.finish(); len(b.atB) != 0 {
			t.Errorf("%d frames arrived through a loss of 1 with bursts of %v", len(b.atB), i.Burst)
		}
	}
}

func TestBurstLoss(t *testing.T) {
	const n, loss, mean = 200000, 0.02, 8.0
	b := newBench(t, 2, Impairment{Loss: loss, Burst: mean}, Impairment{})
	b.send(n, 60, 0)
	s := b.finish()
	bursts, next := 0, uint32(0)
	for _, a := range b.atB {
		if a.number != next {
			bursts++
		}
		next = a.number + 1
	}
	if got := float64(s.Lost) / n; got < loss*0.85 || got > loss*1.15 {
		t.Errorf("%.4f of the frames were lost, the long-run share should stay %v", got, loss)
	}
	if got := float64(s.Lost) / float64(bursts); got < mean*0.85 || got > mean*1.15 {
		t.Errorf("losses come in bursts of %.2f frames, should be %v on average", got, mean)
	}
}

// With bursts of one frame, no two losses follow each other.
func TestBurstOfOne(t *testing.T) {
	b := newBench(t, 2, Impairment{Loss: 0.3, Burst: 1}, Impairment{})
	b.send(5000, 60, 0)
	s := b.finish()
	for i := 1; i < len(b.atB); i++ {
		if gap := b.atB[i].number - b.atB[i-1].number; gap > 2 {
			t.Fatalf("%d frames in a row were lost, bursts should have one", gap-1)
		}
	}
	if s.Lost < 1350 || s.Lost > 1650 {
		t.Errorf("%d of 5000 frames were lost, should be about 1500", s.Lost)
	}
}

func TestCorrupt(t *testing.T) {
	const n = 5000
	b := newBench(t, 3, Impairment{Corrupt: 0.1}, Impairment{})
	var sum uint64
	var places [60]int
	b.wire.B().OnReceive(func(p *packet.Packet) {
		flipped := 0
		for i, x := range p.Bytes() {
			flipped += bits.OnesCount8(x)
			if x != 0 {
				places[i]++
			}
		}
		if flipped > 1 {
			t.Errorf("%d bits were flipped in one frame, should be one", flipped)
		}
		sum += uint64(flipped)
		b.atB = append(b.atB, arrival{})
		p.Release()
	})
	for range n {
		p := b.pool.From(make([]byte, 60))
		b.wire.A().Transmit(p)
		b.loop.Run(event.Never)
	}
	s := b.finish()
	within(t, "corruption of 10 %", s.Corrupted, n, 0.1)
	if s.Corrupted != sum {
		t.Errorf("Corrupted is %d, but %d frames arrived changed", s.Corrupted, sum)
	}
	for i, n := range places {
		if n == 0 {
			t.Errorf("byte %d was never hit: every bit of the frame should be in danger", i)
		}
	}
}

// The sender's word that the checksum is right does not hold after damage.
func TestCorruptIsNotVerified(t *testing.T) {
	b := newBench(t, 3, Impairment{Corrupt: 1}, Impairment{})
	b.wire.B().OnReceive(func(p *packet.Packet) {
		if b.atB = append(b.atB, arrival{}); p.Verified() {
			t.Error("a corrupted frame counts as verified: nobody would look at its checksum")
		}
		p.Release()
	})
	p := b.pool.From(make([]byte, 60))
	p.PartialChecksum(16)
	b.wire.A().Transmit(p)
	b.finish()
}

// A borrowed payload is the sender's: corruption must hit a copy.
func TestCorruptSparesSender(t *testing.T) {
	b := newBench(t, 3, Impairment{Corrupt: 1}, Impairment{})
	payload := make([]byte, 1000)
	p := b.pool.Get(0)
	p.Borrow(payload)
	b.wire.A().Transmit(p)
	b.finish()
	for _, x := range payload {
		if x != 0 {
			t.Fatal("the sender's buffer was changed; it would retransmit the damage")
		}
	}
}

func TestDuplicate(t *testing.T) {
	const n = 5000
	b := newBench(t, 4, Impairment{Duplicate: 0.1, Delay: time.Millisecond}, Impairment{})
	b.send(n, 60, time.Microsecond)
	s := b.finish()
	within(t, "duplication of 10 %", s.Duplicated, n, 0.1)
	twice := 0
	for i := 1; i < len(b.atB); i++ {
		if b.atB[i].number == b.atB[i-1].number {
			twice++
		}
	}
	if twice != int(s.Duplicated) || len(b.atB) != n+twice {
		t.Errorf("Duplicated is %d, but %d copies followed their original and %d frames arrived", s.Duplicated, twice, len(b.atB))
	}
}

// A copy is right even when the checksum was left open.
func TestDuplicateFillsChecksum(t *testing.T) {
	b := newBench(t, 4, Impairment{Duplicate: 1}, Impairment{})
	p := b.pool.From([]byte{0, 0, 0x12, 0x34})
	p.PartialChecksum(0)
	b.wire.A().Transmit(p)
	b.finish()
	for _, a := range b.atB {
		if a.bytes[0] != 0xed || a.bytes[1] != 0xcb { // the complement of 0x1234
			t.Errorf("arrived as % x, the checksum should be ed cb", a.bytes)
		}
	}
}

func TestReorder(t *testing.T) {
	const n = 5000
	for _, delay := range []time.Duration{0, 10 * time.Millisecond} {
		b := newBench(t, 5, Impairment{Reorder: 0.1, ReorderBy: time.Millisecond, Delay: delay}, Impairment{})
		b.send(n, 60, 100*time.Microsecond)
		s := b.finish()
		within(t, "reordering of 10 %", s.Reordered, n, 0.1)
		late, newest := uint64(0), uint32(0)
		for _, a := range b.atB {
			if a.number < newest {
				late++
			}
			newest = max(newest, a.number)
			want := event.Time(a.number)*event.Time(100*time.Microsecond) + event.Time(delay)
			if a.at != want && a.at != want.Add(time.Millisecond) {
				t.Fatalf("frame %d arrived at %v, should be at %v or a millisecond later", a.number, a.at, want)
			}
		}
		if late != s.Reordered || len(b.atB) != n {
			t.Errorf("Reordered is %d, but %d frames arrived late, of %d in all", s.Reordered, late, len(b.atB))
		}
	}
}

// A frame held back that nothing overtakes is not reordered.
func TestHeldButNotOvertaken(t *testing.T) {
	b := newBench(t, 5, Impairment{Reorder: 0.5}, Impairment{})
	b.send(100, 60, time.Second)
	if s := b.finish(); s.Reordered != 0 {
		t.Errorf("Reordered is %d, but every frame arrived before the next was sent", s.Reordered)
	}
}

// A frame still held back when the reordering has been turned off is overtaken
// by the frames of the bare wire.
func TestReorderTurnedOff(t *testing.T) {
	b := newBench(t, 5, Impairment{Reorder: 1}, Impairment{})
	b.send(1, 60, 0)
	b.wire.SetImpairment(AToB, Impairment{})
	b.send(1, 60, 0)
	if s := b.finish(); s.Reordered != 1 || b.atB[1].number != 0 {
		t.Errorf("Reordered is %d, the frames arrived as %v; should be 1, and 1 before 0", s.Reordered, numbers(b.atB))
	}
}

// By default a held frame is overtaken on a slow wire too.
func TestReorderOnSlowWire(t *testing.T) {
	b := newBench(t, 5, Impairment{Reorder: 0.1, Rate: 1e5, Queue: 1 << 20}, Impairment{})
	for range 300 {
		b.wire.A().Transmit(b.frame(1500))
	}
	if s := b.finish(); s.Reordered < 10 {
		t.Errorf("Reordered is %d of 300 at 100 kbit/s, should be about 30", s.Reordered)
	}
}

func TestValidate(t *testing.T) {
	for _, good := range []Impairment{
		{}, {Loss: 1}, {Loss: 0.5, Burst: 1}, {Loss: 0.9, Burst: 9}, {Loss: 1, Burst: 5}, {Jitter: time.Second},
		{Rate: 1}, {Rate: 1e12, Queue: 1 << 30}, {Down: true},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v, should be valid", good, err)
		}
	}
	for _, bad := range []Impairment{
		{Delay: -1}, {Jitter: -1}, {ReorderBy: -1}, {Delay: 1000 * time.Hour}, {Rate: -1}, {Rate: 2e12}, {Queue: -1}, {Queue: 1<<30 + 1},
		{Loss: -0.1}, {Loss: 1.1}, {Loss: math.NaN()}, {Corrupt: 2}, {Duplicate: -1}, {Reorder: math.Inf(1)},
		{Loss: 0.1, Burst: 0.5}, {Loss: 0.1, Burst: math.NaN()}, {Loss: 0.9, Burst: 8},
	} {
		if err := bad.Validate(); !errors.Is(err, ErrImpairment) {
			t.Errorf("%+v: error %v, should be an ErrImpairment", bad, err)
		}
	}
	b := newBench(t, 1, Impairment{}, Impairment{})
	if err := b.wire.SetImpairment(BToA, Impairment{Loss: 2}); err == nil || b.wire.Impairment(BToA).Loss != 0 {
		t.Error("SetImpairment should refuse a loss of 2 and change nothing")
	}
}
