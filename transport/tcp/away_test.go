package tcp

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// waits opens and closes connections, all by the client first, until n of them are in
// TIME-WAIT, with pauses between some. It returns where they were and when each is to end.
func (p *pair) waits(n int, r *rand.Rand) (local []netip.AddrPort, ends []ev.Time) {
	ln := p.listen(80)
	for range n {
		client, server := p.connect(ln)
		local = append(local, client.c.Local())
		for _, s := range []*stream{client, server} {
			s.loop.Lock()
			s.c.Close()
			s.c.Forget()
			s.loop.Unlock()
		}
		ends = append(ends, p.loop.Now().Add(p.a.tcp.about.TimeWait))
		if r.IntN(3) > 0 {
			p.loop.Sleep(time.Duration(1+r.IntN(40)) * time.Millisecond)
		}
	}
	return local, ends
}

// later returns how many of the moments are still to come.
func later(ends []ev.Time, now ev.Time) (n int) {
	for _, at := range ends {
		if at > now {
			n++
		}
	}
	return n
}

// TestManyPutAway: of many connections in TIME-WAIT each ends at its own time, however
// often and in what order they were looked at before, and each is found until then. Their
// memory goes with the last.
func TestManyPutAway(t *testing.T) {
	for seed := range uint64(6) {
		p := newPair(t, seed, physical.Impairment{}, physical.Impairment{})
		r := rand.New(rand.NewPCG(seed, 0))
		const many = 300
		local, ends := p.waits(many, r)
		l := p.a.tcp
		if n := l.table.away.size(); n != many || l.Count() != many {
			t.Fatalf("seed %d: %d connections, %d of them put away, must be %d", seed, l.Count(), n, many)
		}
		port := netip.AddrPortFrom(p.b.ip, 80)
		for l.Count() > 0 {
			i := r.IntN(many)
			c := l.table.find(local[i], port)
			if there := ends[i] > p.loop.Now(); (c != nil) != there {
				t.Fatalf("seed %d: at %v connection %d, which ends at %v, is found: %v", seed, p.loop.Now(), i, ends[i], c != nil)
			}
			if c != nil {
				l.schedule(c)
			}
			if r.IntN(50) == 0 {
				seen := 0
				l.Connections(func(*Conn) { seen++ })
				if seen != l.Count() {
					t.Fatalf("seed %d: %d of %d connections are listed", seed, seen, l.Count())
				}
			}
			if l.table.count != 0 {
				t.Fatalf("seed %d: %d connections that were looked at were not put away again", seed, l.table.count)
			}
			// To the nanosecond before an end, or to it.
			at := ends[r.IntN(many)] - ev.Time(r.IntN(2))
			if next := p.loop.Now().Add(time.Second); at > next || at < p.loop.Now() {
				at = next
			}
			p.loop.Sleep(at.Sub(p.loop.Now()))
			p.loop.Sleep(0) // until all that happens at this moment has happened
			if n, want := l.Count(), later(ends, p.loop.Now()); n != want {
				t.Fatalf("seed %d: at %v there are %d connections, must be %d", seed, p.loop.Now(), n, want)
			}
		}
		if a := l.table.away; len(a.pieces) > 1 || len(a.buckets) > 0 || a.oldest != 0 || a.newest != 0 {
			t.Errorf("seed %d: of %d connections that have ended something is left", seed, many)
		}
	}
}

// TestListingEndsThem: who is shown one connection in TIME-WAIT after the other may end
// them, and others with them.
func TestListingEndsThem(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	local, _ := p.waits(200, rand.New(rand.NewPCG(1, 0)))
	l, port := p.a.tcp, netip.AddrPortFrom(p.b.ip, 80)
	p.loop.Lock()
	defer p.loop.Unlock()
	shown := map[netip.AddrPort]bool{}
	l.Connections(func(c *Conn) {
		if at := c.Local(); shown[at] {
			t.Errorf("%v is shown twice", at)
		} else {
			shown[at] = true
		}
		for _, at := range local[len(shown)/2:][:2] {
			if other := l.table.find(at, port); other != nil && other != c {
				other.destroy(nil)
			}
		}
		c.destroy(nil)
	})
	if n := l.Count() + l.timeWaits + l.implicit.total; n != 0 {
		t.Errorf("%d connections are left, all were ended", l.Count())
	}
	if len(shown) == 0 || len(shown) == 200 {
		t.Errorf("%d of 200 were shown, must be some, and not those that were ended before", len(shown))
	}
}

// TestWhatConnectionsHaveInCommon: what connections in TIME-WAIT have in common is kept once,
// and apart where it differs.
func TestWhatConnectionsHaveInCommon(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	ln := p.listen(80)
	for i := range 40 {
		client, server := p.connectAs(ln, Options{NoDelay: true, TTL: uint8(1 + i%20/10)})
		for _, s := range []*stream{client, server} {
			s.loop.Lock()
			s.c.Close()
			s.c.Forget()
			s.loop.Unlock()
		}
	}
	a := p.a.tcp.table.away
	if len(a.kins) != 4 {
		t.Errorf("40 connections with two options by turns of ten have %d records in common, must be 4", len(a.kins))
	}
	p.a.tcp.Connections(func(c *Conn) {
		if c.opts.TTL != 1 && c.opts.TTL != 2 {
			t.Errorf("%v has a TTL of %d", c.Local(), c.opts.TTL)
		}
	})
	p.loop.Sleep(LinuxPersonality.TimeWait)
	if p.a.tcp.Count() != 0 || len(a.freeKins) != len(a.kins) {
		t.Errorf("%d connections after 2 MSL; %d of %d records are free, must be all", p.a.tcp.Count(), len(a.freeKins), len(a.kins))
	}
}
