package tcp

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	ev "septet/event"
	"septet/packet"
	"septet/physical"
)

// frameDigests notes every frame on a wire but its arrival.
type frameDigests []string

func (f *frameDigests) Frame(at ev.Time, d physical.Direction, e physical.Event, p *packet.Packet) {
	b := p.Bytes()
	*f = append(*f, fmt.Sprintf("%v %v %v %d bytes %x", at, d, e, len(b), sha256.Sum256(b)))
}

// Trains and single frames are the same on the wire also where segments are lost, wait
// and are sent again: a wire that is pulled, loses frames or takes time, and is bare in
// between, with other options and sizes for each seed. Two timers that are due at the
// same moment may expire in either order, so the two ends have none in common. Unjudged:
// the judge sees arrivals, for which trains are taken apart.
func TestTrainsAreSingleFramesOnAWireThatChanges(t *testing.T) {
	if !new(packet.Pool).Trains() {
		t.Skip("built with the tag singleframes: there are no trains to compare with")
	}
	for seed := range uint64(200) {
		whole, single := changingWire(t, seed, false), changingWire(t, seed, true)
		for k := range min(len(whole), len(single)) {
			if whole[k] != single[k] {
				t.Fatalf("seed %d, frame %d of %d:\nwith trains   %s\nwithout them  %s", seed, k, len(whole), whole[k], single[k])
			}
		}
		if len(whole) != len(single) {
			t.Errorf("seed %d: %d frames and counters with trains, %d without", seed, len(whole), len(single))
		}
	}
}

// changingWire returns what a wire saw of one connection, and the counters. Unjudged:
// the judge sees arrivals, for which trains are taken apart.
func changingWire(t *testing.T, seed uint64, singleFrames bool) (seen frameDigests) {
	p := newPairUnjudged(t, ev.NewVirtual(seed), 1500, physical.Impairment{}, physical.Impairment{})
	p.pool.SingleFrames = singleFrames
	p.wire.Watch(&seen)
	r := rand.New(rand.NewPCG(seed, 1))
	about := [...]Personality{LinuxPersonality, LinuxExact()}[r.IntN(2)]
	about.SACK, about.Timestamps = r.IntN(2) == 0, r.IntN(2) == 0
	other := about
	other.DelayedACK += 7 * time.Microsecond
	other.MinRTO += 11 * time.Microsecond
	p.a.tcp.about, p.b.tcp.about = &about, &other
	client, server := p.connectAs(p.listen(80), Options{NoDelay: r.IntN(2) == 0, ECN: r.IntN(2) == 0})
	for i, s := range [...]*stream{client, server} {
		p.loop.Go("writer", func() { writeNowAndThen(p.loop, s, rand.New(rand.NewPCG(seed, uint64(2+i)))) })
		p.loop.Go("reader", func() {
			b := make([]byte, 1+rand.New(rand.NewPCG(seed, uint64(4+i))).IntN(1<<17))
			if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{s}, b); err != nil {
				t.Errorf("seed %d: reading: %v", seed, err)
			}
		})
	}
	p.loop.Go("wire", func() { p.changeWire(r) })
	if err := p.loop.Run(ev.Never); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return append(seen, fmt.Sprintf("%+v", p.a.tcp.stats), fmt.Sprintf("%+v", p.b.tcp.stats),
		fmt.Sprintf("%d packets left, %+v, %+v", p.pool.Live(), p.wire.Stats(physical.AToB), p.wire.Stats(physical.BToA)))
}

func writeNowAndThen(l *ev.Loop, s *stream, r *rand.Rand) {
	for range 30 {
		b := slices.Repeat([]byte{byte(r.Uint32())}, 1+r.IntN(1<<(1+r.IntN(17))))
		if _, err := s.Write(b); err != nil {
			return
		}
		if r.IntN(3) == 0 {
			l.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
		}
	}
	s.CloseWrite()
}

// changeWire changes one direction or the other for some seconds, and leaves both bare.
func (p *pair) changeWire(r *rand.Rand) {
	set := func(d physical.Direction, i physical.Impairment) {
		p.loop.Lock()
		defer p.loop.Unlock()
		if err := p.wire.SetImpairment(d, i); err != nil {
			p.t.Error(err)
		}
	}
	for range 40 {
		p.loop.Sleep(time.Duration(r.IntN(150_000)) * time.Microsecond)
		set(physical.Direction(r.IntN(2)), [...]physical.Impairment{
			{}, {}, {}, {Down: true}, {Loss: 0.3}, {Delay: time.Duration(1+r.IntN(3000)) * time.Microsecond},
		}[r.IntN(6)])
	}
	set(physical.AToB, physical.Impairment{})
	set(physical.BToA, physical.Impairment{})
}
