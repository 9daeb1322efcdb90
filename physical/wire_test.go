package physical

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"septet/event"
	"septet/packet"
)

// arrival is what the receiver of a test saw.
type arrival struct {
	at     event.Time
	number uint32
	bytes  []byte
}

// bench is a wire with a receiver at B and one at A.
type bench struct {
	t    *testing.T
	loop *event.Loop
	pool *packet.Pool
	wire *Wire
	atB  []arrival
	atA  []arrival
	sent uint32
}

func newBench(t *testing.T, seed uint64, aToB, bToA Impairment) *bench {
	b := &bench{t: t, loop: event.NewVirtual(seed), pool: &packet.Pool{}}
	b.wire = NewWire(b.loop, b.pool, 1500, aToB, bToA)
	b.wire.B().OnReceive(b.collect(&b.atB))
	b.wire.A().OnReceive(b.collect(&b.atA))
	return b
}

func (b *bench) collect(into *[]arrival) func(*packet.Packet) {
	return func(p *packet.Packet) {
		a := arrival{at: b.loop.Now(), bytes: slices.Clone(p.Bytes())}
		if len(a.bytes) >= 4 {
			a.number = binary.BigEndian.Uint32(a.bytes)
		}
		*into = append(*into, a)
		p.Release()
	}
}

// frame makes a frame of n bytes that begins with a running number.
func (b *bench) frame(n int) *packet.Packet {
	data := make([]byte, n)
	binary.BigEndian.PutUint32(data, b.sent)
	b.sent++
	return b.pool.From(data)
}

// send transmits count frames of n bytes, one every gap.
func (b *bench) send(count, n int, gap time.Duration) {
	for range count {
		b.wire.A().Transmit(b.frame(n))
		b.loop.Run(b.loop.Now().Add(gap))
	}
}

// finish lets everything arrive and checks the books.
func (b *bench) finish() Stats {
	b.t.Helper()
	if err := b.loop.Run(event.Never); err != nil {
		b.t.Fatal(err)
	}
	s := b.wire.Stats(AToB)
	if s.Sent+s.Duplicated != s.Delivered+s.Lost {
		b.t.Errorf("Sent %d + Duplicated %d should be Delivered %d + Lost %d when nothing is on the way",
			s.Sent, s.Duplicated, s.Delivered, s.Lost)
	}
	if int(s.Delivered) != len(b.atB) {
		b.t.Errorf("Delivered is %d, but %d frames arrived", s.Delivered, len(b.atB))
	}
	if b.pool.Live() != 0 {
		b.t.Errorf("%d packets leaked", b.pool.Live())
	}
	if b.wire.aToB.onTheWay != 0 {
		b.t.Errorf("%d bytes are booked as on the way though nothing is", b.wire.aToB.onTheWay)
	}
	return s
}

func numbers(as []arrival) (ns []uint32) {
	for _, a := range as {
		ns = append(ns, a.number)
	}
	return ns
}

func TestBareWire(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	b.wire.A().Transmit(b.frame(100))
	if len(b.atB) != 0 {
		t.Fatal("a frame was received within Transmit; it should be posted")
	}
	b.wire.A().Transmit(b.frame(60))
	b.wire.B().Transmit(b.frame(60))
	s := b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{0, 1}) {
		t.Errorf("B got frames %v, should be 0 and 1 in order", got)
	}
	if got := numbers(b.atA); !slices.Equal(got, []uint32{2}) {
		t.Errorf("A got frames %v, should be frame 2 from B", got)
	}
	if b.loop.Now() != 0 {
		t.Errorf("it took %v, should take no time", b.loop.Now())
	}
	if s.SentBytes != 160 || s.DeliveredBytes != 160 {
		t.Errorf("counted %d bytes sent and %d delivered, should be 160", s.SentBytes, s.DeliveredBytes)
	}
}

// What a receiver has sent in its own direction arrives too, in another run.
func TestSendWithinDelivery(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	b.wire.B().OnReceive(func(p *packet.Packet) {
		b.collect(&b.atB)(p)
		if len(b.atB) < 3 {
			b.wire.A().Transmit(b.frame(60))
		}
	})
	b.send(1, 60, 0)
	b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{0, 1, 2}) {
		t.Errorf("B got frames %v, should be 0, 1 and 2", got)
	}
}

// A bare wire hands borrowed payload on without copying it.
func TestBareWireBorrows(t *testing.T) {
	loop, pool := event.NewVirtual(1), &packet.Pool{}
	w := NewWire(loop, pool, 1500, Impairment{}, Impairment{})
	payload := []byte("payload")
	borrowed := false
	w.B().OnReceive(func(p *packet.Packet) {
		borrowed = len(p.Tail()) > 0 && &p.Tail()[0] == &payload[0]
		p.Release()
	})
	p := pool.Get(0)
	p.Borrow(payload)
	w.A().Transmit(p)
	loop.Run(event.Never)
	if !borrowed {
		t.Error("the payload was copied; on a bare wire it should stay borrowed")
	}
}

func TestDelayOwns(t *testing.T) {
	b := newBench(t, 1, Impairment{Delay: time.Second}, Impairment{})
	payload := []byte("payload")
	p := b.pool.Get(0)
	p.Borrow(payload)
	b.wire.A().Transmit(p)
	copy(payload, "changed")
	b.finish()
	if string(b.atB[0].bytes) != "payload" {
		t.Errorf("arrived as %q: a frame on the way should have its own copy of the payload", b.atB[0].bytes)
	}
}

func TestDelay(t *testing.T) {
	b := newBench(t, 1, Impairment{Delay: 30 * time.Millisecond}, Impairment{Delay: 5 * time.Millisecond})
	b.wire.A().Transmit(b.frame(60))
	b.wire.B().Transmit(b.frame(60))
	b.finish()
	if got := b.atB[0].at; got != event.Time(30*time.Millisecond) {
		t.Errorf("arrived at B at %v, should be after A to B's 30ms", got)
	}
	if got := b.atA[0].at; got != event.Time(5*time.Millisecond) {
		t.Errorf("arrived at A at %v, should be after B to A's 5ms", got)
	}
}

func TestJitterKeepsOrder(t *testing.T) {
	const delay, jitter = 20 * time.Millisecond, 5 * time.Millisecond
	b := newBench(t, 3, Impairment{Delay: delay, Jitter: jitter}, Impairment{})
	const gap = 100 * time.Microsecond
	b.send(2000, 60, gap)
	s := b.finish()
	if len(b.atB) != 2000 || s.Reordered != 0 {
		t.Fatalf("%d frames arrived, %d counted as reordered; should be 2000 and none", len(b.atB), s.Reordered)
	}
	low, high := time.Hour, time.Duration(0)
	for i, a := range b.atB {
		if int(a.number) != i {
			t.Fatalf("frame %d arrived in place %d: jitter alone should not reorder", a.number, i)
		}
		took := a.at.Sub(event.Time(i) * event.Time(gap))
		low, high = min(low, took), max(high, took)
	}
	if low < delay-jitter || high > delay+jitter || high == low {
		t.Errorf("delays from %v to %v, should vary within 15ms and 25ms", low, high)
	}
}

// With frames so far apart that none is held up by the one before, the delays
// are spread evenly around the mean.
func TestJitterDistribution(t *testing.T) {
	b := newBench(t, 4, Impairment{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}, Impairment{})
	const count, gap = 4000, 50 * time.Millisecond
	b.send(count, 60, gap)
	b.finish()
	var quarters [4]int
	for i, a := range b.atB {
		took := a.at.Sub(event.Time(i) * event.Time(gap))
		quarters[min(3, (took-10*time.Millisecond)/(5*time.Millisecond))]++
	}
	for i, n := range quarters {
		if n < count/4-150 || n > count/4+150 { // five standard deviations
			t.Errorf("quarter %d of the jitter has %d of %d frames, should have about a quarter", i, n, count)
		}
	}
}

func TestShorterDelayDoesNotReorder(t *testing.T) {
	b := newBench(t, 1, Impairment{Delay: time.Second}, Impairment{})
	b.send(2, 60, time.Millisecond)
	b.wire.SetImpairment(AToB, Impairment{})
	b.send(2, 60, time.Millisecond)
	b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{0, 1, 2, 3}) {
		t.Errorf("arrived in order %v: frames on a wire cannot overtake those before them", got)
	}
	b.send(1, 60, 0)
	if b.finish(); b.atB[4].at != b.loop.Now() || b.loop.Now() > event.Time(2*time.Second) {
		t.Error("once the old frames have arrived, the wire should be bare")
	}
}

// Frames sent after the delay was shortened do not overtake either when a higher
// rate then lets them depart earlier than foreseen.
func TestHigherRateDoesNotReorder(t *testing.T) {
	b := newBench(t, 1, Impairment{Rate: 8e3, Delay: time.Minute}, Impairment{})
	b.send(2, 1000, time.Second) // departs after 1 s and 2 s
	b.wire.SetImpairment(AToB, Impairment{Rate: 8e3})
	b.send(1, 1000, 0)
	b.wire.SetImpairment(AToB, Impairment{Rate: 8e6})
	b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{0, 1, 2}) {
		t.Errorf("arrived in order %v: frames on a wire cannot overtake those before them", got)
	}
	if got := b.atB[2].at; got != event.Time(62*time.Second) {
		t.Errorf("the last arrived at %v, should be at 1m2s, right after the one before", got)
	}
}

func TestDown(t *testing.T) {
	b := newBench(t, 1, Impairment{Delay: time.Second}, Impairment{})
	b.send(2, 60, time.Millisecond)
	b.wire.SetImpairment(AToB, Impairment{Delay: time.Second, Down: true})
	b.send(1, 60, time.Millisecond)
	b.wire.SetImpairment(AToB, Impairment{Delay: time.Second})
	b.send(1, 60, time.Millisecond)
	s := b.finish()
	if got := numbers(b.atB); !slices.Equal(got, []uint32{3}) {
		t.Errorf("frames %v arrived, should be 3 alone: the others were on the wire or sent when it was down", got)
	}
	if s.Lost != 3 {
		t.Errorf("Lost is %d, should be 3", s.Lost)
	}
}

// A receiver may pull the cable while a burst is being delivered to it.
func TestDownWithinDelivery(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	b.wire.B().OnReceive(func(p *packet.Packet) {
		b.collect(&b.atB)(p)
		b.wire.SetImpairment(AToB, Impairment{Down: true})
	})
	for range 3 {
		b.wire.A().Transmit(b.frame(60))
	}
	if s := b.finish(); s.Delivered != 1 || s.Lost != 2 {
		t.Errorf("Delivered %d, Lost %d; should be 1 and 2", s.Delivered, s.Lost)
	}
}

func TestNobodyReceives(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	b.wire.B().OnReceive(nil)
	b.send(1, 60, 0)
	if s := b.finish(); s.Lost != 1 {
		t.Errorf("Lost is %d, should be 1: nobody is at the other end", s.Lost)
	}
}

func TestTooLong(t *testing.T) {
	b := newBench(t, 1, Impairment{}, Impairment{})
	b.send(1, 1500+14+4, 0) // the longest: MTU, Ethernet header, VLAN tag
	b.send(1, 1500+14+5, 0)
	if s := b.finish(); s.Delivered != 1 || s.TooLong != 1 {
		t.Errorf("Delivered %d, TooLong %d; should be 1 and 1", s.Delivered, s.TooLong)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for _, i := range []Impairment{{}, {Delay: time.Hour}} {
		b := newBench(t, 1, i, Impairment{})
		d := &b.wire.aToB
		d.onTheWay = maxOnTheWay - frameCost // as if by frames sent before
		for range 3 {
			b.wire.A().Transmit(b.frame(60))
		}
		d.onTheWay -= maxOnTheWay - frameCost
		if s := b.finish(); s.Sent != 1 || s.Dropped != 2 {
			t.Errorf("delay %v: Sent %d, Dropped %d; only one frame should have found room on the wire", i.Delay, s.Sent, s.Dropped)
		}
	}
}

func TestSameSeedSameLuck(t *testing.T) {
	run := func(seed uint64) []arrival {
		b := newBench(t, seed, Impairment{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: 0.1, Corrupt: 0.1,
			Duplicate: 0.1, Reorder: 0.1, Rate: 1e8}, Impairment{})
		b.send(500, 100, 50*time.Microsecond)
		b.finish()
		return b.atB
	}
	same := func(a, b arrival) bool { return a.at == b.at && bytes.Equal(a.bytes, b.bytes) }
	if !slices.EqualFunc(run(7), run(7), same) {
		t.Error("the same seed should give the same frames at the same times")
	}
	if slices.EqualFunc(run(7), run(8), same) {
		t.Error("another seed should give other luck")
	}
}

// What one direction draws does not depend on what the other does.
func TestDirectionsAreIndependent(t *testing.T) {
	run := func(back Impairment) []uint32 {
		b := newBench(t, 5, Impairment{Loss: 0.5}, back)
		for range 100 {
			b.wire.B().Transmit(b.pool.From(make([]byte, 60)))
			b.send(1, 60, time.Microsecond)
		}
		b.loop.Run(event.Never)
		return numbers(b.atB)
	}
	if !slices.Equal(run(Impairment{}), run(Impairment{Loss: 0.3, Duplicate: 0.5, Corrupt: 0.5})) {
		t.Error("faults from B to A should not change which frames from A to B are lost")
	}
}

func BenchmarkBareHop(b *testing.B) {
	loop, pool := event.NewVirtual(1), &packet.Pool{}
	w := NewWire(loop, pool, 1500, Impairment{}, Impairment{})
	var arrived packet.Queue
	w.B().OnReceive(arrived.Push)
	const burst = 32
	for range burst {
		arrived.Push(pool.From(make([]byte, 1514)))
	}
	a := w.A()
	b.ReportAllocs()
	for i := 0; i < b.N; i += burst {
		for range burst {
			a.Transmit(arrived.Pop())
		}
		loop.Unlock() // runs what was posted
	}
}

func BenchmarkDelayedHop(b *testing.B) {
	loop, pool := event.NewVirtual(1), &packet.Pool{}
	w := NewWire(loop, pool, 1500, Impairment{Delay: time.Millisecond, Rate: 1e10, Loss: 1e-9}, Impairment{})
	var arrived packet.Queue
	w.B().OnReceive(arrived.Push)
	const burst = 32
	for range burst {
		arrived.Push(pool.From(make([]byte, 1514)))
	}
	a := w.A()
	b.ReportAllocs()
	for i := 0; i < b.N; i += burst {
		for p := arrived.Pop(); p != nil; p = arrived.Pop() {
			a.Transmit(p)
		}
		loop.Run(loop.Now().Add(2 * time.Millisecond))
	}
}
