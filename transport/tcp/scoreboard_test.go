package tcp

import (
	"math/rand/v2"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
)

// naiveBoard is the scoreboard as one would first write it: a byte has been
// reported or not, and a segment is looked at whenever anything is reported.
type naiveBoard struct {
	una, nxt int
	cuts     []int // where segments begin, and the end
	got      []bool
	lost     map[int]bool // by where the segment begins
}

func (m *naiveBoard) segments(f func(from, to int)) {
	for i := 0; i+1 < len(m.cuts); i++ {
		if m.cuts[i+1] > m.una {
			f(max(m.cuts[i], m.una), m.cuts[i+1])
		}
	}
}

func (m *naiveBoard) sacked(from, to int) bool {
	for _, g := range m.got[from:to] {
		if !g {
			return false
		}
	}
	return true
}

func (m *naiveBoard) pipe() (bytes, sacked int) {
	m.segments(func(from, to int) {
		switch {
		case m.sacked(from, to):
			sacked++
		case !m.lost[to]:
			bytes += to - from
		}
	})
	return bytes, sacked
}

// TestScoreboardAgainstModel sends, reports, acknowledges, loses and sends again at
// random and compares the books with the model's. Numbers wrap on the way.
func TestScoreboardAgainstModel(t *testing.T) {
	//rfc:6675 4 rule the scoreboard tells what is reported, lost and in flight
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t, nil, 1500)
		c := b.tcp.newConn(b.path(t), 1, 2, &Options{})
		base := header.Seq(0).Add(-5000)
		c.sndUna, c.sndNxt, c.sndMax, c.iss = base, base, base, base-1
		c.rack.fack, c.rack.endSeq, c.recover = base, base, base-1
		c.needFlight()
		c.control()
		m := &naiveBoard{cuts: []int{0}, lost: map[int]bool{}, got: make([]bool, 1<<16)}
		for step := range 400 {
			a := c.newAck(ev.Time(step))
			switch op := rng.IntN(10); {
			case op < 4 && m.nxt < 20000: // send
				n := 1 + rng.IntN(100)
				g := c.board.add(base.Add(m.nxt), base.Add(m.nxt+n))
				g.sentAt = ev.Time(step)
				m.nxt += n
				m.cuts = append(m.cuts, m.nxt)
				c.sndMax = base.Add(m.nxt)
			case op < 8 && m.nxt > m.una: // report
				from := m.una + rng.IntN(m.nxt-m.una)
				to := min(m.nxt, from+1+rng.IntN(300))
				c.mark(a, span{base.Add(from), base.Add(to)})
				for i := from; i < to; i++ {
					m.got[i] = true
				}
			case op == 8 && m.nxt > m.una: // acknowledge
				to := m.una + rng.IntN(m.nxt-m.una+1)/2
				c.takeCumulative(a, base.Add(to))
				m.una, c.sndUna = to, base.Add(to)
				c.needFlight()
				c.control()
			case c.board.size > 0: // lose one that is on its way, or find all
				if i := c.board.slot(rng.IntN(c.board.size)); c.board.ring[i].state == segFlying {
					c.lose(a, i)
					m.lost[c.board.ring[i].end.Sub(base)] = true
				} else if rng.IntN(4) == 0 {
					c.board.findLost()
					clear(m.lost)
				}
			}
			pipe, sacked := m.pipe()
			if c.board.pipe != pipe || c.board.sackedCount != sacked {
				t.Fatalf("seed %d, step %d: pipe %d with %d reported, by the model %d with %d",
					seed, step, c.board.pipe, c.board.sackedCount, pipe, sacked)
			}
			c.board.check(t)
		}
	}
}

// check holds the chains of a scoreboard together with its segments.
func (b *scoreboard) check(t *testing.T) {
	t.Helper()
	count := map[segmentState]int{}
	for n := range b.size {
		count[b.at(n).state]++
		if n > 0 && b.at(n).seq != b.at(n-1).end {
			t.Fatal("segments must follow one another")
		}
	}
	for state, q := range map[segmentState]chain{segFlying: b.flying, segLost: b.lost} {
		n, prev, at := 0, int32(-1), ev.Time(0)
		for i := q.first; b.size > 0 && i >= 0; i = b.ring[i].next {
			g := &b.ring[i]
			if g.state != state || g.prev != prev {
				t.Fatalf("a segment in state %d, with %d before it, is in the chain of state %d after %d", g.state, g.prev, state, prev)
			}
			if state == segFlying && g.sentAt < at {
				t.Fatal("segments on their way must stand in the order of sending")
			}
			at, prev = g.sentAt, i
			n++
		}
		if n != count[state] {
			t.Fatalf("%d segments in the chain of state %d, but there are %d", n, state, count[state])
		}
	}
}

// TestDSACKWideningPersists is RFC 8985, section 6.2, step 4: a widened window
// holds for 16 recoveries after the last round with a D-SACK.
func TestDSACKWideningPersists(t *testing.T) {
	//rfc:8985 6.2 rule a widened reordering window lasts for sixteen recoveries
	//rfc:8985 6.2 MUST the reordering window is bounded, by SRTT
	r := rack{reoWndMult: 1}
	r.duplicates(100, 200)
	r.duplicates(150, 250) // the same round
	r.duplicates(200, 300)
	if r.reoWndMult != 3 {
		t.Errorf("after D-SACKs in two rounds the window is %d quarters, want 3", r.reoWndMult)
	}
	for n := 1; n <= 16; n++ {
		if r.reoWndMult != 3 {
			t.Fatalf("the widened window is gone before recovery %d ends, it must hold for 16", n)
		}
		r.recovered()
	}
	if r.reoWndMult != 1 {
		t.Errorf("after 16 recoveries without a D-SACK the window is %d quarters, want 1", r.reoWndMult)
	}
	for i := range header.Seq(100) {
		r.duplicates(1000+100*i, 1100+100*i)
	}
	c := Conn{rack: r, flight: &atRest}
	c.rack.minRTT, c.rack.reordering = 100*time.Millisecond, true
	c.rtt.srtt = 110 * time.Millisecond
	if got := c.reoWnd(); got != 110*time.Millisecond {
		t.Errorf("the window is %v, it must not exceed SRTT, 110 ms", got)
	}
}
