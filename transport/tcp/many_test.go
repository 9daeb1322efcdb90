package tcp

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/physical"
)

// TestManyConnections opens 10,000 connections, talks over each, closes them, and
// looks for anything that is left.
func TestManyConnections(t *testing.T) {
	const count = 10000
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	ln := p.listen(80)
	clients, servers := make([]*Conn, count), make([]*Conn, count)
	for i := range count {
		c, err := p.a.tcp.Connect(nil, netip.AddrPortFrom(p.b.ip, 80), nil, Options{})
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		clients[i] = c
		p.run(t, 0)
		if servers[i] = ln.Accept(); servers[i] == nil {
			t.Fatalf("connection %d was not accepted", i)
		}
	}
	b := make([]byte, 64)
	for i := range count {
		clients[i].Write([]byte("hello"))
		p.run(t, 0)
		if n, err := servers[i].Read(b); n != 5 || err != nil {
			t.Fatalf("connection %d: the server reads %d, %v", i, n, err)
		}
		servers[i].Write([]byte("and hello"))
		p.run(t, 0)
		if n, err := clients[i].Read(b); n != 9 || err != nil {
			t.Fatalf("connection %d: the client reads %d, %v", i, n, err)
		}
	}
	for _, end := range []*station{p.a, p.b} {
		holding := 0
		end.tcp.Connections(func(c *Conn) {
			if c.snd.mem != nil || c.rcv.mem != nil || c.flight != &atRest {
				holding++
			}
		})
		if most := len(end.tcp.work.warm.slots); holding > most {
			t.Errorf("%d idle connections hold buffers or a flight, only the last %d may", holding, most)
		}
	}
	for i := range count {
		clients[i].Close()
		servers[i].Close()
	}
	p.run(t, 0)
	if n := p.a.tcp.Count() + p.b.tcp.Count(); n == 0 {
		t.Error("nobody is in TIME-WAIT")
	}
	p.run(t, LinuxPersonality.TimeWait)
	for _, end := range []*station{p.a, p.b} {
		l := end.tcp
		if l.Count() != 0 || l.implicit.total != 0 || l.timeWaits != 0 || l.stored > maxStoredBytes {
			t.Errorf("left behind: %d connections, %d ports, %d in TIME-WAIT, %d bytes",
				l.Count(), l.implicit.total, l.timeWaits, l.stored)
		}
		if n := l.stats.InvalidTransitions; n != 0 {
			t.Errorf("%d transitions that are not in the table", n)
		}
	}
	if ln.halfOpen != 0 || len(p.b.tcp.ports) != 1 {
		t.Errorf("left behind: %d half-open, %d ports", ln.halfOpen, len(p.b.tcp.ports))
	}
	if n := p.pool.Live(); n != 0 {
		t.Errorf("left behind: %d packets", n)
	}
	// No timer is left: nothing can make the clock go on.
	before := p.loop.Now()
	p.loop.Run(ev.Never)
	if p.loop.Now() != before {
		t.Errorf("left behind: a timer, which ran out %v later", p.loop.Now().Sub(before))
	}
}

func (p *pair) run(t *testing.T, d time.Duration) {
	t.Helper()
	if err := p.loop.Run(p.loop.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// TestSteadyStateAllocatesNothing holds segments, timers and wake-ups to it.
// Unjudged: the judge allocates.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := newPairUnjudged(t, ev.NewVirtual(1), 1500, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	client.c.SetOwner(nil)
	server.c.SetOwner(nil)
	big, small := make([]byte, 40*1448), make([]byte, 1)
	for _, c := range []struct {
		name string
		work func()
	}{
		{"bulk data", func() {
			n, _ := client.c.Write(big)
			p.loop.Run(p.loop.Now())
			if m, _ := server.c.Read(big); m != n {
				t.Fatalf("wrote %d, read %d", n, m)
			}
			p.loop.Run(p.loop.Now())
		}},
		{"the delayed ACK", func() {
			client.c.Write(small)
			p.loop.Run(p.loop.Now().Add(LinuxPersonality.DelayedACK))
			server.c.Read(small)
			p.loop.Run(p.loop.Now())
		}},
		{"a loss, and data out of order", func() {
			p.wire.SetImpairment(physical.AToB, physical.Impairment{Down: true})
			client.c.Write(big[:1000])
			p.loop.Run(p.loop.Now())
			p.wire.SetImpairment(physical.AToB, physical.Impairment{})
			client.c.Write(big[:5000])
			p.loop.Run(p.loop.Now().Add(2 * time.Second))
			if m, _ := server.c.Read(big); m != 6000 {
				t.Fatalf("wrote 6000, read %d", m)
			}
			p.loop.Run(p.loop.Now().Add(time.Second))
		}},
	} {
		for range 50 {
			c.work() // rings and pools reach their size
		}
		if n := testing.AllocsPerRun(50, c.work); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	if p.a.tcp.stats.FastRetransmits == 0 || p.b.tcp.stats.OutOfOrder == 0 || p.b.tcp.stats.DelayedACKs == 0 {
		t.Errorf("the cases were not what they say: %+v\n%+v", p.a.tcp.stats, p.b.tcp.stats)
	}
}

// TestWakeUpsAllocateNothing has a task answer each byte. Unjudged: the judge
// allocates.
func TestWakeUpsAllocateNothing(t *testing.T) {
	p := newPairUnjudged(t, ev.NewVirtual(1), 1500, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	read := func(s *stream, b []byte) (n int, err error) {
		for {
			if n, err = s.c.Read(b); err != syscall.EAGAIN {
				return n, err
			}
			if err = p.loop.Wait(&s.ready, ev.Never); err != nil {
				return 0, err
			}
		}
	}
	p.loop.Go("echo", func() {
		b := make([]byte, 100)
		for {
			n, err := read(server, b)
			if err != nil {
				server.c.Close()
				return
			}
			server.c.Write(b[:n])
		}
	})
	b := make([]byte, 1)
	roundTrip := func() {
		client.c.Write(b)
		if n, err := read(client, b); n != 1 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
	}
	for range 50 {
		roundTrip()
	}
	if n := testing.AllocsPerRun(100, roundTrip); n != 0 {
		t.Errorf("%v allocations a round trip", n)
	}
	client.Close()
	p.loop.Run(ev.Never)
	if n := p.a.tcp.Count() + p.b.tcp.Count(); n != 0 {
		t.Errorf("%d connections left behind", n)
	}
}

// TestSynFlood: half-open connections are capped, and end by themselves.
func TestSynFlood(t *testing.T) {
	//rfc:4987 3.2 rule half-open connections are capped
	personality := LinuxPersonality
	personality.SynCookies = false
	maxHalfOpen := personality.HalfOpen
	b := newBench(t, &personality, 1500)
	port, err := b.tcp.Reserve(anyPort(80), Sharing{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.tcp.Listen(port, 5, nil); err != nil {
		t.Fatal(err)
	}
	flood := 3 * maxHalfOpen
	for i := range flood {
		b.inject(header.TCP{SrcPort: uint16(1024 + i), DstPort: 80, Flags: header.SYN, Window: 1000}, nil)
	}
	if n := b.tcp.Count(); n != maxHalfOpen {
		t.Errorf("%d half-open connections, must be %d", n, maxHalfOpen)
	}
	if n := b.tcp.stats.ListenOverflow; n != uint64(flood-maxHalfOpen) {
		t.Errorf("%d SYNs counted as dropped, must be %d", n, flood-maxHalfOpen)
	}
	b.advance(b.loop.Now().Add(2 * time.Minute))
	if n := b.tcp.Count(); n != 0 {
		t.Errorf("%d connections after the last SYN,ACK, must be none", n)
	}
	if n := b.pool.Live(); n != 0 {
		t.Errorf("%d packets left behind", n)
	}
}
