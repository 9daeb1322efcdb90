package tcp

import (
	"fmt"
	"math"
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// fairCell is a bottleneck for two transfers of one kind.
type fairCell struct {
	control string
	rate    int64         // bits per second
	rtt     time.Duration // without queue
	queue   float64       // in bandwidth-delay products
	later   time.Duration // the second transfer begins
}

func (c fairCell) String() string {
	return fmt.Sprintf("%s/%dMbps/%v/%gBDP/%v", c.control, c.rate/1e6, c.rtt, c.queue, c.later)
}

// A share is what comes out over many congestion epochs, the times between two
// reductions; in a few of them chance decides. How long one is follows from the
// window of each flow when the queue is full, half of all that the path holds:
//
//   - Reno grows by a segment a round trip, so half of its window takes half as many
//     round trips as the window has segments: 0.8 s at 100 Mb/s, 10 ms and a queue of
//     one BDP, but 160 s at 100 ms and two.
//   - CUBIC comes back in K = cbrt(0.3*W/0.4) seconds and stays there as long again,
//     unless Reno would be faster. RFC 9438, section 5.6: flows with the same round
//     trip converge to an equal throughput, in a time that depends on rate, round
//     trip and multiplexing; section 3.4: beta of 0.7 is what makes it slow. When both
//     lose in the same overflow, both come back to where they were: only fast
//     convergence and the overflows that hit one of them move the shares.
//   - BBR probes after two to three seconds, or as many round trips as the window has
//     segments, at most 63 (draft-ietf-ccwg-bbr, section 5.3.3.8), and up to half as
//     many again. Two flows keep a queue of a bandwidth-delay product if there is room.
func (c fairCell) epoch() time.Duration {
	rtt := c.rtt.Seconds() * (1 + c.queue)
	window := float64(c.rate) * rtt / 2 / (8 * 1514)
	seconds := window / 2 * rtt // reno
	switch c.control {
	case "cubic":
		seconds = min(seconds, 2*math.Cbrt(0.3*window/0.4))
	case "bbr":
		rounds := 1.25 * min(window/(1+c.queue), 63)
		seconds = min(bbrCycle.Seconds(), rounds*c.rtt.Seconds()*(1+min(c.queue, 1)))
	}
	return time.Duration(seconds * float64(time.Second))
}

// bbrCycle is the mean of bw_probe_wait.
const bbrCycle = 2500 * time.Millisecond

// wanders says where BBR's shares have no rest: where it probes by the clock, and a
// queue of a bandwidth-delay product or less makes losses bound what is in flight. A
// probe takes three round trips at least, so that two often overlap; then the one that
// begins first takes the headroom that both had left, rather than the smaller one the
// larger one's, and only those that do not overlap bring the two together. A window
// is six times as long there.
func (c fairCell) wanders() bool {
	return c.control == "bbr" && c.queue <= 1 && c.epoch() == bbrCycle
}

// run returns which part of the rate each of the two had.
//
// Delays vary by what the bottleneck needs for one segment. Without that two flows
// march in step, and always the same one finds the queue full: S. Floyd and V.
// Jacobson, "On Traffic Phase Effects in Packet-Switched Gateways", 1992, whose
// remedy this is. Real hosts have that much noise; virtual time has none.
//
// Unjudged: what is measured are rates, over millions of segments.
func (c fairCell) run(t *testing.T, seed uint64) []float64 {
	way := physical.Impairment{Rate: c.rate, Delay: c.rtt / 2, Jitter: time.Duration(1514 * 8 * 1e9 / c.rate)}
	back := way
	way.Queue = int(float64(c.rate/8) * c.rtt.Seconds() * c.queue)
	p := newPairUnjudged(t, ev.NewVirtual(seed), 1500, way, back)
	defer p.loop.Close()
	// From the start the receiver takes what the link holds: how it finds out that it
	// should is not what is compared.
	wide := *p.b.tcp.about
	wide.ReceiveBuffer = 1 << 20
	p.b.tcp.about = &wide
	ln := p.listen(80)
	first := p.transfer(ln, testControl(t, c.control, seed))
	p.loop.Run(p.loop.Now().Add(c.later))
	second := p.transfer(ln, testControl(t, c.control, seed+1))
	from := max(10*c.epoch(), 10*time.Second)
	span := max(40*c.epoch(), 30*time.Second)
	if c.wanders() {
		span *= 6
	}
	return shares([]*transfer{first, second}, c.rate, from, from+span)
}

// check holds the two to a fifth of each other.
func (c fairCell) check(t *testing.T) {
	const want = 0.8
	part := c.run(t, 1)
	ratio := min(part[0], part[1]) / max(part[0], part[1])
	t.Logf("%v: %.3f and %.3f, ratio %.2f", c, part[0], part[1], ratio)
	if ratio < want {
		t.Errorf("%v: the two have %.0f and %.0f %% of the link, a ratio of %.2f, want %.2f", c, 100*part[0], 100*part[1], ratio, want)
	}
	if sum := part[0] + part[1]; sum < 0.85 && c.queue >= 1 {
		t.Errorf("%v: the two use %.0f %% of the link together, want 85", c, 100*sum)
	}
}

// TestTransfersShareLink: two transfers of one kind share a bottleneck within a
// fifth. The whole table is behind -grid.
func TestTransfersShareLink(t *testing.T) {
	cells := []fairCell{
		{rate: 10e6, rtt: 20 * time.Millisecond, queue: 1},
		{rate: 10e6, rtt: 50 * time.Millisecond, queue: 1, later: 5 * time.Second},
		{rate: 10e6, rtt: 50 * time.Millisecond, queue: 2},
		{rate: 100e6, rtt: 10 * time.Millisecond, queue: 1, later: 5 * time.Second},
	}
	// Where BBR's flows would probe together, after as many rounds or after ProbeRTT.
	together := []fairCell{
		{rate: 100e6, rtt: 10 * time.Millisecond, queue: 2, later: 5 * time.Second},
		{rate: 10e6, rtt: 100 * time.Millisecond, queue: 1, later: 5 * time.Second},
	}
	if *grid {
		cells, together = fairTable(), nil
	} else if testing.Short() {
		cells, together = cells[:2], nil
	}
	for _, name := range Controls {
		if name == "bbr" {
			cells = append(cells, together...)
		}
		for _, c := range cells {
			c.control = name
			t.Run(c.String(), func(t *testing.T) { c.check(t) })
		}
	}
}

func fairTable() (cells []fairCell) {
	for _, rate := range []int64{10e6, 100e6} {
		for _, rtt := range []time.Duration{10, 20, 50, 100} {
			for _, queue := range []float64{0.5, 1, 2} {
				for _, later := range []time.Duration{0, 5 * time.Second} {
					cells = append(cells, fairCell{rate: rate, rtt: rtt * time.Millisecond, queue: queue, later: later})
				}
			}
		}
	}
	return cells
}
