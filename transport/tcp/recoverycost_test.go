package tcp

import (
	"runtime"
	"slices"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

func (b *bench) path(t testing.TB) *network.Path {
	p, err := b.tcp.net.Path(b.peer, b.host)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// silent is the environment of a connection that a test drives by hand: what it
// sends goes nowhere.
type silent struct {
	*Layer
	sent int
}

func (s *silent) emit(*Conn, *Segment) { s.sent++ }
func (s *silent) schedule(*Conn)       {}

// handDriven returns an established connection without anything below it.
func handDriven(t testing.TB, window int) (*Conn, *silent) {
	b := newBench(t, nil, 1500)
	env := &silent{Layer: b.tcp}
	c := b.tcp.newConn(b.path(t), 4000, 80, &Options{SendBuffer: 64 << 20})
	c.env = env
	b.loop.Lock()
	t.Cleanup(b.loop.Unlock)
	c.open(0, nil, nil)
	syn := Segment{TCP: header.TCP{Seq: 1, Ack: c.iss + 1, Flags: header.SYN | header.ACK, Window: 65535}}
	syn.Options = header.TCPOptions{HasMSS: true, MSS: 1000, HasWindowScale: true, WindowScale: 14, SACKPermitted: true}
	c.Input(ev.Time(time.Millisecond), &syn)
	if c.state != Established {
		t.Fatalf("in state %v after the handshake", c.state)
	}
	c.win.Cwnd = window
	c.sndWnd = 65535 << 14 // a SYN cannot say it
	return c, env
}

// sackACKs plays n acknowledgements with three SACK blocks each while the first of
// many segments is missing, and returns how long one took.
func sackACKs(t testing.TB, n, segments int) time.Duration {
	c, _ := handDriven(t, segments*1000)
	now := ev.Time(2 * time.Millisecond)
	c.snd.write(c.env, make([]byte, segments*1000))
	c.Output(now)
	una := c.sndUna
	ack := Segment{TCP: header.TCP{Seq: 2, Ack: una, Flags: header.ACK, Window: 65535}}
	ack.Options.NumSACK = 3
	begin := time.Now()
	for i := range n {
		// Three blocks that grow, with holes between them, as far as there is data.
		k := min(i, segments/3-3)
		for j := range 3 {
			left := una.Add(1000 * (1 + j*(segments/3)))
			ack.Options.SACK[(j+i)%3] = header.SACKBlock{Left: left, Right: left.Add(1000 * (1 + k))}
		}
		c.Input(now, &ack)
	}
	took := time.Since(begin) / time.Duration(n)
	if want := 3 * (min(n-1, segments/3-3) + 1); c.board.sackedCount != want {
		t.Fatalf("%d segments are reported, want %d", c.board.sackedCount, want)
	}
	return took
}

// fastest runs f and g by turns and returns the least of what each took: what else the
// machine does makes them slower, nothing makes them faster. While that is not as wanted
// it tries again, some time: on a busy machine the longer one is disturbed in most rounds.
func fastest(wanted func(a, b time.Duration) bool, f, g func() time.Duration) (a, b time.Duration) {
	a, b = f(), g()
	for rounds := 1; rounds < 5 || rounds < 40 && !wanted(a, b); rounds++ {
		a, b = min(a, f()), min(b, g())
	}
	return a, b
}

// TestCostOfSACK: an acknowledgement with three SACK blocks costs the same however
// much is outstanding.
func TestCostOfSACK(t *testing.T) {
	independent := func(few, many time.Duration) bool { return many <= 5*few+2*time.Microsecond }
	few, many := fastest(independent,
		func() time.Duration { return sackACKs(t, 1000, 3000) },
		func() time.Duration { return sackACKs(t, 15000, 45000) })
	t.Logf("%v with 3000 segments outstanding, %v with 45000", few, many)
	if !independent(few, many) {
		t.Errorf("an ACK with three SACK blocks takes %v with 3000 segments outstanding and %v with 45000, it must not depend on it", few, many)
	}
}

// TestCostOfManySACKs: of 10^6 acknowledgements with three SACK blocks each, each of
// which reports one segment more, the last cost what the first do.
func TestCostOfManySACKs(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	const mss = 64 // 10^6 of them fit into the send buffer
	third := n/3 + 10
	c, _ := handDriven(t, 3*third*mss)
	c.mss, c.win.MSS = mss, mss
	now := ev.Time(2 * time.Millisecond)
	c.snd.write(c.env, make([]byte, 3*third*mss))
	c.Output(now)
	una := c.sndUna
	ack := Segment{TCP: header.TCP{Seq: 2, Ack: una, Flags: header.ACK, Window: 65535}}
	ack.Options.NumSACK = 3
	for j := range 3 {
		left := una.Add(mss * (1 + j*third))
		ack.Options.SACK[j] = header.SACKBlock{Left: left, Right: left.Add(mss)}
	}
	tenths := make([]time.Duration, 10)
	for k := range tenths {
		begin := time.Now()
		for i := range n / 10 {
			block := &ack.Options.SACK[0] // what has changed last comes first
			*block, ack.Options.SACK[1+i%2] = ack.Options.SACK[1+i%2], *block
			block.Right = block.Right.Add(mss)
			c.Input(now, &ack)
		}
		tenths[k] = time.Since(begin) / time.Duration(n/10)
	}
	if c.board.sackedCount != n+3 {
		t.Fatalf("%d segments are reported, want %d", c.board.sackedCount, n+3)
	}
	slices.Sort(tenths[1:5])
	slices.Sort(tenths[5:])
	early, late := tenths[2], tenths[7]
	t.Logf("%d ACKs: %v each in the first half, %v in the second", n, early, late)
	if late > 3*early+2*time.Microsecond {
		t.Errorf("of %d ACKs with three SACK blocks those of the first half took %v each and those of the second %v, it must be the same", n, early, late)
	}
}

func BenchmarkACKsWithThreeSACKBlocks(b *testing.B) {
	b.ReportAllocs()
	sackACKs(b, b.N, 45000)
}

// TestRecoveryAllocatesNothing: neither a report nor a retransmission costs memory
// once the scoreboard is there.
func TestRecoveryAllocatesNothing(t *testing.T) {
	const segments = 3000
	c, env := handDriven(t, segments*1000)
	now := ev.Time(2 * time.Millisecond)
	c.snd.write(c.env, make([]byte, segments*1000))
	c.Output(now)
	una, i, before := c.sndUna, 0, env.sent
	ack := Segment{TCP: header.TCP{Seq: 2, Flags: header.ACK, Window: 65535}}
	got := testing.AllocsPerRun(1000, func() {
		// Every second segment is missing; the holes close one by one behind.
		i++
		now = now.Add(10 * time.Microsecond)
		ack.Ack = una
		if i > 100 {
			ack.Ack = una.Add(2000 * (i - 100))
		}
		ack.Options.NumSACK = 3
		for j := range 3 {
			left := una.Add(1000 * (2*(i+3-j) + 1))
			ack.Options.SACK[j] = header.SACKBlock{Left: left, Right: left.Add(1000)}
		}
		c.Input(now, &ack)
	})
	if env.sent-before < 500 || c.loss.phase != phaseRecovery {
		t.Fatalf("only %d segments were sent again, in phase %d: that is no recovery", env.sent-before, c.loss.phase)
	}
	if got != 0 {
		t.Errorf("an ACK in recovery allocates %v times, want 0", got)
	}
}

// outOfOrder has n segments of one byte arrive out of order, each with a gap before
// it, and returns how long that took and how much memory the layer has then.
func outOfOrder(t testing.TB, n int) time.Duration {
	c, _ := handDriven(t, 10000)
	now := ev.Time(2 * time.Millisecond)
	wnd := c.rcvAdv.Sub(c.rcvNxt)
	text := []byte{'x'}
	begin := time.Now()
	for i := range n {
		at := 2 + 2*((i*7919)%(wnd/2-2))
		s := Segment{TCP: header.TCP{Seq: c.rcvNxt.Add(at), Ack: c.sndUna, Flags: header.ACK, Window: 65535}, Text: text}
		c.Input(now, &s)
	}
	took := time.Since(begin)
	if len(c.rcv.ahead) > maxRanges {
		t.Fatalf("%d ranges are kept, at most %d may be", len(c.rcv.ahead), maxRanges)
	}
	return took
}

// TestCostOfOutOfOrder: 10^5 segments of a byte each, out of order, cost at most 15
// times what 10^4 do, and less than twice the receive buffer of memory.
func TestCostOfOutOfOrder(t *testing.T) {
	linear := func(few, many time.Duration) bool { return many <= 15*few }
	few, many := fastest(linear,
		func() time.Duration { return outOfOrder(t, 1e4) },
		func() time.Duration { return outOfOrder(t, 1e5) })
	t.Logf("10^4: %v, 10^5: %v", few, many)
	if !linear(few, many) {
		t.Errorf("10^4 take %v and 10^5 %v: more than 15 times as much", few, many)
	}
	var before, after runtime.MemStats
	c, env := handDriven(t, 10000)
	now := ev.Time(2 * time.Millisecond)
	spare := env.stored
	runtime.GC()
	runtime.ReadMemStats(&before)
	wnd := c.rcvAdv.Sub(c.rcvNxt)
	for i := range int(1e5) {
		s := Segment{TCP: header.TCP{Seq: c.rcvNxt.Add(2 + 2*((i*7919)%(wnd/2-2))), Ack: c.sndUna, Flags: header.ACK, Window: 65535}, Text: []byte{'x'}}
		c.Input(now, &s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(c)
	// The smaller buffers that it grew out of wait for the next connection: they are
	// the layer's, under maxStoredBytes.
	used := int(after.HeapAlloc) - int(before.HeapAlloc) - (env.stored - spare)
	t.Logf("%d bytes in use, %d in store", used, env.stored-spare)
	if used > 2*c.rcv.limit {
		t.Errorf("%d bytes are in use for a receive buffer of %d, it must be less than twice that", used, c.rcv.limit)
	}
}
