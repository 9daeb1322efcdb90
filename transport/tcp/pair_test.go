package tcp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// station is a host with nothing above TCP.
type station struct {
	net *network.Layer
	tcp *Layer
	ip  netip.Addr
}

// pair is two stations on one wire, in virtual time.
type pair struct {
	t    testing.TB
	loop *ev.Loop
	pool *packet.Pool
	wire *physical.Wire
	a, b *station
}

// newPair returns a pair, all exchanges of which are judged by the rules of TCP.
func newPair(t testing.TB, seed uint64, aToB, bToA physical.Impairment) *pair {
	return newPairOn(t, ev.NewVirtual(seed), 1500, aToB, bToA)
}

func newPairOn(t testing.TB, l *ev.Loop, mtu int, aToB, bToA physical.Impairment) *pair {
	p := newPairUnjudged(t, l, mtu, aToB, bToA)
	checktest.Wire(t, l, p.wire, LinuxPersonality.limits())
	return p
}

// limits is what the judge must know of a personality.
func (p *Personality) limits() check.Limits {
	return check.Limits{MinRTO: p.MinRTO, MaxRTO: p.MaxRTO, InitialWindow: p.InitialWindow}
}

// newPairUnjudged returns a pair at which nobody looks, for tests that count
// allocations or time.
func newPairUnjudged(t testing.TB, l *ev.Loop, mtu int, aToB, bToA physical.Impairment) *pair {
	p := &pair{t: t, loop: l, pool: &packet.Pool{}}
	l.Lock()
	p.wire = physical.NewWire(l, p.pool, theFamily().mtu(mtu), aToB, bToA) // Unjudged: by whom calls it
	l.Unlock()
	p.a = p.station("10.0.0.1/24", 1, p.wire.A())
	p.b = p.station("10.0.0.2/24", 2, p.wire.B())
	return p
}

func (p *pair) station(prefix string, n byte, port physical.Port) *station {
	p.loop.Lock()
	defer p.loop.Unlock()
	s := &station{net: network.New(p.loop, p.pool), ip: prefixOf(prefix).Addr()}
	nic := link.NewNIC(p.loop, p.pool, "eth0", header.MAC{2, 0, 0, 0, 0, n}, port)
	if _, err := s.net.AddInterface(nic, prefixOf(prefix)); err != nil {
		p.t.Fatal(err)
	}
	s.tcp = New(s.net, nil)
	return s
}

// stream is one end of a connection for a blocking user.
type stream struct {
	loop  *ev.Loop
	c     *Conn
	ready ev.Cond
	out   []byte // what is being written
}

func (s *stream) Notify(Ready) { s.loop.Signal(&s.ready) }

// Read has what arrives while it waits placed in b, as the reads of sockets do.
func (s *stream) Read(b []byte) (int, error) {
	s.loop.Lock()
	defer s.loop.Unlock()
	for {
		n, err := s.c.Read(b)
		if !errors.Is(err, syscall.EAGAIN) {
			return n, err
		}
		placed := s.c.Await(b)
		err = s.loop.Wait(&s.ready, ev.Never)
		if placed != nil {
			if n := s.c.Collect(placed); n > 0 {
				return n, nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// Write writes through, from memory that has other bytes in it as soon as the call
// is over. While it waits, what there comes to be room for is taken from there, as in
// the writes of sockets.
func (s *stream) Write(b []byte) (n int, err error) {
	s.loop.Lock()
	defer s.loop.Unlock()
	for n < len(b) && err == nil {
		var m int
		s.out = append(s.out[:0], b[n:min(n+2*leastThrough, len(b))]...)
		if m, err = s.c.WriteThrough(s.out); errors.Is(err, syscall.EAGAIN) {
			lent := s.c.AwaitRoom(s.out)
			err = s.loop.Wait(&s.ready, ev.Never)
			if lent != nil {
				m = s.c.CollectWritten(lent)
			}
		}
		clear(s.out[:m])
		n += m
	}
	return n, err
}

func (s *stream) CloseWrite() { s.loop.Lock(); s.c.CloseWrite(); s.loop.Unlock() }
func (s *stream) Close()      { s.loop.Lock(); s.c.Close(); s.loop.Unlock() }

func (p *pair) listen(port uint16) *Listener {
	p.loop.Lock()
	defer p.loop.Unlock()
	pt, err := p.b.tcp.Reserve(anyPort(port), Sharing{ReuseAddr: true})
	if err != nil {
		p.t.Fatal(err)
	}
	ln, err := p.b.tcp.Listen(pt, 128, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return ln
}

// connect opens a connection from a to b and waits until both ends have it.
func (p *pair) connect(ln *Listener) (client, server *stream) {
	return p.connectAs(ln, Options{NoDelay: true})
}

func (p *pair) connectAs(ln *Listener, o Options) (client, server *stream) {
	accepted := &stream{loop: p.loop}
	client = &stream{loop: p.loop}
	p.loop.Lock()
	defer p.loop.Unlock()
	ln.owner = accepted
	c, err := p.a.tcp.Connect(nil, netip.AddrPortFrom(p.b.ip, ln.Addr().Port()), client, o)
	if err != nil {
		p.t.Fatal(err)
	}
	client.c = c
	for accepted.c == nil {
		if accepted.c = ln.Accept(); accepted.c == nil {
			if err := p.loop.Wait(&accepted.ready, ev.Never); err != nil {
				p.t.Fatalf("waiting for the connection: %v", err)
			}
		}
	}
	accepted.c.SetOwner(accepted)
	return client, accepted
}

// content is a stream of bytes that depends on the seed and on every position.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// exchange sends data both ways at once and checks that it arrives.
func (p *pair) exchange(client, server *stream, size int, seed uint64) error {
	up, down := content(seed, size), content(seed+1, size)
	var errs []error
	send := func(s *stream, b []byte) func() {
		return func() {
			if _, err := s.Write(b); err != nil {
				errs = append(errs, fmt.Errorf("send: %w", err))
			}
			s.CloseWrite()
		}
	}
	receive := func(s *stream, want []byte) func() {
		return func() {
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, want) {
				errs = append(errs, fmt.Errorf("received %d of %d bytes, equal %v: %w",
					len(got), len(want), bytes.Equal(got, want), err))
			}
		}
	}
	p.loop.Go("client sends", send(client, up))
	p.loop.Go("server sends", send(server, down))
	p.loop.Go("client receives", receive(client, down))
	p.loop.Go("server receives", receive(server, up))
	if err := p.loop.Run(ev.Never); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func TestTransferOverBareWire(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	if err := p.exchange(client, server, 3<<20, 1); err != nil {
		t.Fatal(err)
	}
	if n := p.a.tcp.stats.Retransmitted + p.b.tcp.stats.Retransmitted; n != 0 {
		t.Errorf("%d segments retransmitted on a wire that loses nothing\n%+v\n%+v", n, p.a.tcp.stats, p.b.tcp.stats)
	}
}

func TestTransferOverBadWire(t *testing.T) {
	//rfc:9293 MUST-2
	//rfc:9293 MUST-3
	bad := physical.Impairment{Delay: 5 * time.Millisecond, Loss: 0.05, Reorder: 0.05, Duplicate: 0.02, Corrupt: 0.01}
	for seed := range uint64(5) {
		p := newPair(t, seed, bad, bad)
		client, server := p.connect(p.listen(80))
		if err := p.exchange(client, server, 1<<20, seed); err != nil {
			t.Fatalf("seed %d: %v\n a: %+v\n b: %+v", seed, err, p.a.tcp.stats, p.b.tcp.stats)
		}
		if p.a.tcp.Count() != 0 || p.b.tcp.Count() != 0 || p.pool.Live() != 0 {
			t.Errorf("seed %d: left behind: %d and %d connections, %d packets",
				seed, p.a.tcp.Count(), p.b.tcp.Count(), p.pool.Live())
		}
	}
}

func BenchmarkBulk(b *testing.B) {
	p := newPairUnjudged(b, ev.NewVirtual(1), 1500, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	const chunk = 64 << 10
	buf := make([]byte, chunk)
	b.SetBytes(chunk)
	b.ReportAllocs()
	n := b.N
	p.loop.Go("send", func() {
		for range n {
			client.Write(buf)
		}
		client.CloseWrite()
	})
	p.loop.Go("receive", func() {
		in := make([]byte, chunk)
		for {
			if _, err := server.Read(in); err != nil {
				return
			}
		}
	})
	b.ResetTimer()
	p.loop.Run(ev.Never)
}
