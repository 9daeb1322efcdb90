package tcp

import (
	"math"
	"testing"
	"time"

	ev "septet/event"
)

// bbrModelPath makes up rounds of twenty acknowledgements.
type bbrModelPath struct {
	b          *BBR
	w          *Window
	rtt        time.Duration
	rate       int64
	appLimited bool

	now             ev.Time
	delivered, lost int64
}

// sample acknowledges a twentieth of a round, and loses a percentage of it.
func (m *bbrModelPath) sample(lossPercent int64) *Sample {
	bdp := mulDiv(m.rate, int64(m.rtt), 1e9)
	n := bdp / 20
	m.now = m.now.Add(m.rtt / 20)
	lost := n * lossPercent / 100
	m.delivered += n - lost
	m.lost += lost
	return &Sample{
		Now: m.now, Acked: int(n - lost), Delivered: int(n - lost), Lost: int(lost), RTT: m.rtt, SRTT: m.rtt,
		InFlight: int(bdp), PriorInFlight: int(bdp + n), TxInFlight: int(bdp),
		TotalDelivered: m.delivered, PriorDelivered: max(m.delivered-bdp, 0),
		TotalLost: m.lost, PriorLost: max(m.lost-bdp*lossPercent/100, 0),
		Rate: m.rate * (100 - lossPercent) / 100, Interval: m.rtt, AppLimited: m.appLimited,
	}
}

func (m *bbrModelPath) round(lossPercent int64) {
	for range 20 {
		m.b.Acked(m.w, m.sample(lossPercent))
	}
}

// cruising returns a connection in Cruise, on a path of 1 MB/s and 20 ms.
func cruising(t *testing.T) (*BBR, *Window, *bbrModelPath) {
	t.Helper()
	b, w := testControl(t, "bbr", 1).(*BBR), testWindow(10)
	b.Open(w, 0)
	m := &bbrModelPath{b: b, w: w, rtt: 20 * time.Millisecond, rate: 1_000_000}
	for n := 0; b.state != bbrCruise; n++ {
		if n == 20 {
			t.Fatalf("20 steady rounds left BBR in state %d, want Cruise", b.state)
		}
		m.round(0)
	}
	return b, w, m
}

// Section 5.5.10.3: in a round with losses, bw_shortterm = max(bw_latest, 0.7 *
// bw_shortterm), and the same for what is in flight.
func TestBBRShortTermBounds(t *testing.T) {
	//rfc:BBR 5.5.10.3 rule losses lower the short-term bounds
	b, w, m := cruising(t)
	m.rate = 900_000
	m.round(0)
	if b.bw.bw != 1_000_000 {
		t.Fatalf("a slower round without losses took bw to %d, want it at max_bw", b.bw.bw)
	}
	m.round(1)
	m.round(0)
	m.round(0)
	if b.bw.bw < 891_000 || b.bw.bw > 900_000 {
		t.Errorf("after a round with losses bw is %d, want what that round delivered, 891 000 to 900 000", b.bw.bw)
	}
	b.resetShortTerm()
	b.loss.bwLatest, b.loss.inflLatest = 100_000, 2000
	w.Cwnd = 40000
	b.lowerBounds(w)
	if b.bw.shortterm != 700_000 || b.loss.inflightST != 28000 {
		t.Errorf("bounds fell to %d and %d, want no more than by Beta: 700 000 and 28 000",
			b.bw.shortterm, b.loss.inflightST)
	}
	b.startRefill()
	if b.bw.shortterm != bbrUnboundedRate || b.loss.inflightST != bbrUnbounded {
		t.Error("Refill kept the short-term bounds, want them forgotten")
	}
}

// Section 5.5.6: the filter covers the last cycle and this one.
func TestBBRBandwidthFilter(t *testing.T) {
	//rfc:BBR 5.5.6 rule the bandwidth is the best of the last cycle and this one
	var f bbrBandwidth
	put := func(rate int64, appLimited bool) {
		f.update(&Sample{Rate: rate, Interval: 1, AppLimited: appLimited})
	}
	put(100, false)
	f.advance()
	put(80, false)
	if f.max != 100 {
		t.Errorf("max is %d in the cycle after 100 was seen, want 100", f.max)
	}
	f.advance()
	put(60, false)
	if f.max != 80 {
		t.Errorf("max is %d two cycles after 100, want the last cycle's 80", f.max)
	}
	f.advance()
	f.advance()
	if f.max != 60 {
		t.Errorf("cycles that measured nothing took max to %d, want 60 kept", f.max)
	}
	put(50, true)
	f.advance()
	if f.max != 60 {
		t.Errorf("an application-limited 50 replaced max: %d, want 60", f.max)
	}
	if put(70, true); f.max != 70 {
		t.Errorf("an application-limited 70 left max at %d, want 70: the path can do more", f.max)
	}
}

// Section 5.5.9: at 1 MB/s, 10 ms explain 10 000 bytes; what else is acknowledged
// is aggregation, remembered for ten rounds.
func TestBBRExtraAcked(t *testing.T) {
	//rfc:BBR 5.5.9 rule aggregated ACKs are measured
	var e bbrExtraAcked
	r, w := &bbrRounds{}, testWindow(100)
	ack := func(at time.Duration, n int) {
		e.update(w, &Sample{Now: ev.Time(at), Delivered: n}, 1_000_000, true, r)
	}
	ack(10*ms, 20000) // the interval begins here
	ack(20*ms, 20000) // 40 000 in 10 ms
	if e.most() != 30000 {
		t.Fatalf("extra_acked is %d, want 40000 - 10000 = 30000", e.most())
	}
	for r.count = 1; r.count < 5; r.count++ {
		ack(time.Duration(r.count)*time.Second, 1000)
	}
	if e.most() != 30000 {
		t.Errorf("extra_acked was forgotten after 5 rounds: %d", e.most())
	}
	for ; r.count <= 11; r.count++ {
		ack(time.Duration(r.count)*time.Second, 1000)
	}
	if e.most() != 1000 {
		t.Errorf("extra_acked is %d after 11 rounds, want 1000: the burst is too long ago", e.most())
	}
}

// A peer without SACK, or an ACK of part of a segment, gives no rate sample: it must
// not look like a round with everything delivered or lost.
func TestBBRTakesAcknowledgementsWithoutSample(t *testing.T) {
	b, w, m := cruising(t)
	m.lost = 5000
	before := *b
	b.Acked(w, &Sample{Now: m.now, Delivered: 10, TotalDelivered: m.delivered, TotalLost: m.lost, SRTT: m.rtt})
	if b.bw.max != before.bw.max || b.inflightLT != before.inflightLT || b.loss.inflLatest > before.loss.inflLatest {
		t.Errorf("an acknowledgement without a sample changed the model from %+v to %+v", before, *b)
	}
}

func TestMulDiv(t *testing.T) {
	for _, test := range []struct{ a, b, c, want int64 }{
		{7, 3, 2, 10},
		{12_500_000_000, 1_000_000_000, 1_000_000_000, 12_500_000_000}, // 100 Gb/s for a second
		{math.MaxInt64, math.MaxInt64, 1, math.MaxInt64},
		{math.MaxInt64, 100, 100, math.MaxInt64},
	} {
		if got := mulDiv(test.a, test.b, test.c); got != test.want {
			t.Errorf("mulDiv(%d, %d, %d) = %d, want %d", test.a, test.b, test.c, got, test.want)
		}
	}
}

// Section 5.3.1.2: a round that delivers a quarter more is growth, three in a row
// that deliver less than that mean a full pipe.
func TestBBRFullPipe(t *testing.T) {
	//rfc:BBR 5.3.1.2 rule three rounds without growth fill the pipe
	var f bbrFullPipe
	for i, round := range []struct {
		rate int64
		full bool
	}{{100, false}, {124, false}, {124, false}, {125, false}, {156, false}, {150, false}, {150, false}, {150, false}, {150, true}} {
		if i == 4 {
			f.check(&Sample{Rate: 1, Interval: 1, AppLimited: true}, true) // does not count
		}
		if i == 5 {
			f.reset(156)
			continue
		}
		f.check(&Sample{Rate: round.rate, Interval: 1}, true)
		if f.now != round.full {
			t.Errorf("round %d, at %d: full %v, want %v", i, round.rate, f.now, round.full)
		}
	}
}

// A sample with a round trip shorter than the path's was measured against a
// repetition that had not been needed: it ends no round, and loses nothing.
func TestBBRPassesOverImplausibleSamples(t *testing.T) {
	b, w, m := cruising(t)
	rounds, rtt := b.rounds.count, b.rtt.min
	for range 50 {
		s := m.sample(0)
		s.MinRTT, s.RTT = m.rtt, 12*time.Microsecond
		s.PriorDelivered, s.TxInFlight = s.TotalDelivered-int64(s.Delivered), 1000
		s.TotalLost = 1000
		if s.tooHigh() {
			t.Fatal("an implausible sample counts as a loss rate")
		}
		b.Acked(w, s)
	}
	if b.rounds.count != rounds || b.rtt.min != rtt {
		t.Errorf("50 implausible samples counted as %d rounds and took min_rtt from %v to %v",
			b.rounds.count-rounds, rtt, b.rtt.min)
	}
}
