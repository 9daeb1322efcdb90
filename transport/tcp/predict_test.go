package tcp

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// unpredictable has every segment of c go through the steps themselves, in both
// directions, and changes nothing else: an echo of ECN is owed that is never sent, because
// the connection does not use ECN.
func unpredictable(c *Conn) { c.set(flagEchoCE) }

// What is predicted comes to the same as the steps of RFC 9293, section 3.10.7.4: to the
// same frames at the same time, the same counters, and the same state of both ends
// whenever somebody looks.
func TestPredictionChangesNothingButTime(t *testing.T) {
	for seed := range uint64(150) {
		predicted, stepwise := dialogues(t, seed, false), dialogues(t, seed, true)
		for k := range min(len(predicted), len(stepwise)) {
			if predicted[k] != stepwise[k] {
				t.Fatalf("seed %d, observation %d of %d:\npredicted     %s\nstep by step  %s", seed, k, len(predicted), predicted[k], stepwise[k])
			}
		}
		if len(predicted) != len(stepwise) {
			t.Errorf("seed %d: %d observations of what was predicted, %d step by step", seed, len(predicted), len(stepwise))
		}
	}
}

// dialogues returns what can be observed of one connection on which questions and answers
// of many lengths pass, with and without pauses, over a wire that changes. Unjudged: two
// networks are compared.
func dialogues(t *testing.T, seed uint64, stepwise bool) []string {
	p := newPairUnjudged(t, ev.NewVirtual(seed), 1500, physical.Impairment{}, physical.Impairment{})
	seen := &observations{pair: p}
	p.wire.Watch(&seen.frames)
	r := rand.New(rand.NewPCG(seed, 1))
	about := [...]Personality{LinuxPersonality, LinuxPersonality, RFCPersonality, LinuxExact()}[r.IntN(4)]
	about.SACK, about.Timestamps = r.IntN(4) > 0, r.IntN(4) > 0
	p.a.tcp.about, p.b.tcp.about = &about, &about
	o := Options{NoDelay: r.IntN(2) == 0, Congestion: [...]string{"", "cubic", "reno", "bbr"}[r.IntN(4)]}
	client, server := p.connectAs(p.listen(80), o)
	seen.ends = [...]*stream{client, server}
	if stepwise {
		unpredictable(client.c)
		unpredictable(server.c)
	}
	p.loop.Go("server", func() {
		b := make([]byte, 1<<16)
		for {
			n, err := server.Read(b)
			if err != nil {
				server.CloseWrite()
				return
			}
			seen.look("server has read")
			if _, err := server.Write(b[:n]); err != nil {
				return
			}
			seen.look("server has written")
		}
	})
	p.loop.Go("client", func() { seen.ask(client, r) })
	if r.IntN(3) > 0 {
		p.loop.Go("wire", func() { p.worsenWire(rand.New(rand.NewPCG(seed, 2))) })
	}
	if err := p.loop.Run(ev.Never); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	seen.look("all is over")
	return append(seen.all, fmt.Sprintf("%+v", p.a.tcp.stats), fmt.Sprintf("%+v", p.b.tcp.stats))
}

// worsenWire has each direction lose, delay, reorder and duplicate frames for a while, or
// nothing of it.
func (p *pair) worsenWire(r *rand.Rand) {
	for range 40 {
		p.loop.Sleep(time.Duration(r.IntN(150_000)) * time.Microsecond)
		d, i := physical.Direction(r.IntN(2)), [...]physical.Impairment{
			{}, {Down: true}, {Loss: 0.3}, {Delay: time.Duration(1+r.IntN(3000)) * time.Microsecond},
			{Delay: time.Duration(1+r.IntN(30)) * time.Millisecond, Reorder: 0.2, Duplicate: 0.2, Loss: 0.1},
		}[r.IntN(5)]
		p.loop.Lock()
		err := p.wire.SetImpairment(d, i)
		p.loop.Unlock()
		if err != nil {
			p.t.Error(err)
		}
	}
	p.loop.Lock()
	defer p.loop.Unlock()
	for _, d := range [...]physical.Direction{physical.AToB, physical.BToA} {
		if err := p.wire.SetImpairment(d, physical.Impairment{}); err != nil {
			p.t.Error(err)
		}
	}
}

// observations are frames, and between them what the two ends say of themselves.
type observations struct {
	*pair
	ends   [2]*stream
	frames frameDigests
	all    []string
}

func (o *observations) look(when string) {
	o.loop.Lock()
	defer o.loop.Unlock()
	o.all = append(append(o.all, o.frames...), when)
	o.frames = o.frames[:0]
	for _, s := range o.ends {
		c := s.c
		cubic, _ := c.ctrl.(*Cubic)
		o.all = append(o.all, fmt.Sprintf("%v: %+v, deadline %v, %+v %+v %+v %+v %+v %+v %+v %+v %+v", o.loop.Now(), c.Info(), c.Deadline(),
			c.win, c.rack, c.rtt, c.loss, c.tlp, c.stamp, c.sizes, c.tune, cubic),
			fmt.Sprint(c.flags&^flagEchoCE, c.sndNxt, c.sndWl1, c.sndWl2, c.recover, c.probes, c.quickACKs, c.unackedBytes,
				c.largest, c.sndSml, c.heardAt, c.rcv.size, c.snd.size,
				c.rate, c.acks, c.burst.left, c.paceAt, c.paceNext, c.textAt, c.toldWindow, c.board.size, c.board.pipe))
	}
}

// ask writes questions and reads the answers, which are as long.
func (o *observations) ask(s *stream, r *rand.Rand) {
	b := make([]byte, 1<<17)
	for range 60 {
		n := 1 + r.IntN(1<<(1+r.IntN(17)))
		if _, err := s.Write(b[:n]); err != nil {
			return
		}
		o.look("client has written")
		if _, err := io.ReadFull(s, b[:n]); err != nil {
			return
		}
		o.look("client has read")
		if r.IntN(3) == 0 {
			o.loop.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
		}
	}
	s.CloseWrite()
	for {
		if _, err := s.Read(b); err != nil {
			return
		}
	}
}
