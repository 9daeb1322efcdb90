package main

import (
	"fmt"
	"net"
	"time"

	"septet/event"
	"septet/host"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// A world is a network of Septet's in virtual time. It is used outside of tasks,
// and what it panics about is a mistake in this program.
type world struct {
	loop  *event.Loop
	pool  *packet.Pool
	wires []*physical.Wire
	hosts []*host.Host

	// What the applications write from and read into. All tasks share it, because
	// exactly one runs at a time: the memory of the applications is not what is
	// measured.
	out, in []byte
}

func newWorld() *world {
	return &world{
		loop: event.NewVirtual(1), pool: &packet.Pool{},
		out: make([]byte, writeSize), in: make([]byte, readSize),
	}
}

func (w *world) close() {
	for _, h := range w.hosts {
		h.Close()
	}
	w.loop.Close()
}

func (w *world) host(name string) *host.Host {
	h := host.New(w.loop, w.pool, name)
	w.hosts = append(w.hosts, h)
	return h
}

func (w *world) router(name string) *host.Host {
	r := w.host(name)
	r.Network.SetForwarding(true)
	return r
}

func (w *world) wire(both physical.Impairment) *physical.Wire {
	wire := physical.NewWire(w.loop, w.pool, 1500, both, both)
	w.wires = append(w.wires, wire)
	return wire
}

// attach plugs a host into a port, with an address such as "10.0.0.1/24".
func attach(h *host.Host, ifname string, port physical.Port, address string) {
	if _, err := h.Attach(ifname, port, prefix(address)); err != nil {
		panic(err)
	}
}

func route(h *host.Host, to, via string) {
	r := network.Route{Prefix: prefix(to), Gateway: addr(via)}
	if err := h.Network.AddRoute(r); err != nil {
		panic(fmt.Errorf("a route to %s via %s: %w", to, via, err))
	}
}

// delivered counts the frames that have arrived at the ends of all wires: the
// frame-hops so far.
func (w *world) delivered() (n uint64) {
	for _, wire := range w.wires {
		n += wire.Stats(physical.AToB).Delivered + wire.Stats(physical.BToA).Delivered
	}
	return n
}

// pass lets virtual time pass by d.
func (w *world) pass(d time.Duration) {
	for until := w.loop.Now().Add(d); w.loop.Step(until); {
	}
}

// spend lets virtual time pass for as long as that takes this much CPU time.
func (w *world) spend(d time.Duration) {
	for began := processCPU(); processCPU()-began < d; {
		for range 1 << 12 {
			w.loop.Step(event.Never)
		}
	}
}

// measure spends as much CPU time as a run takes and gives the frame-hops of
// each second of it.
func (w *world) measure() float64 {
	began, before := processCPU(), w.delivered()
	w.spend(length)
	return float64(w.delivered()-before) / (processCPU() - began).Seconds()
}

// A flow is one TCP connection on which the client writes without end.
type flow struct {
	client, server net.Conn
	read           uint64
	err            error
}

// flow starts the two tasks of a flow. A buffer of zero bytes means whatever the
// hosts' own defaults are, which grow with use.
func (w *world) flow(client, server *host.Host, address string, buffer int) *flow {
	f := &flow{}
	w.loop.Go("server", func() { f.serve(server, address, buffer, w.in) })
	w.loop.Go("client", func() { f.write(client, address, buffer, w.out) })
	return f
}

// windowed is what sets the buffers of a socket.
type windowed interface {
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
}

func (f *flow) serve(h *host.Host, address string, buffer int, into []byte) {
	l, err := h.Listen("tcp", address)
	if err != nil {
		f.err = err
		return
	}
	if s, ok := l.(interface{ SetReadBuffer(int) error }); buffer > 0 && ok {
		s.SetReadBuffer(buffer)
	}
	if f.server, err = l.Accept(); err != nil {
		f.err = err
		return
	}
	if s, ok := f.server.(windowed); buffer > 0 && ok {
		s.SetReadBuffer(buffer)
	}
	for err == nil {
		var n int
		n, err = f.server.Read(into)
		f.read += uint64(n)
	}
	f.err = err
}

func (f *flow) write(h *host.Host, address string, buffer int, from []byte) {
	var err error
	if f.client, err = h.Dial("tcp", address); err != nil {
		f.err = err
		return
	}
	if s, ok := f.client.(windowed); buffer > 0 && ok {
		s.SetWriteBuffer(buffer)
	}
	for err == nil {
		_, err = f.client.Write(from)
	}
	f.err = err
}

// A chain is a client and a server with two routers and a switch between them:
//
//	client ---- r1 ---- switch ---- r2 ---- server
//
// Each of its four wires has a rate and a delay.
type chain struct {
	*world
	client, server, r1, r2 *host.Host
	sw                     *link.Switch
}

const (
	chainRate  = 1e9 // bits a second, of each wire
	chainDelay = 5 * time.Millisecond
	// chainRTT is what the four wires give for an empty segment, there and back.
	chainRTT = 8 * chainDelay
)

func newChain() *chain {
	c := &chain{world: newWorld()}
	c.client, c.server = c.host("client"), c.host("server")
	c.r1, c.r2 = c.router("r1"), c.router("r2")
	c.sw = link.NewSwitch(c.loop, c.pool, "switch")
	i := physical.Impairment{Delay: chainDelay, Rate: chainRate}
	wire := c.wire(i)
	attach(c.client, "eth0", wire.A(), "10.0.0.2/24")
	attach(c.r1, "eth0", wire.B(), "10.0.0.1/24")
	wire = c.wire(i)
	attach(c.r1, "eth1", wire.A(), "10.0.1.1/24")
	c.sw.AddPort(wire.B())
	wire = c.wire(i)
	c.sw.AddPort(wire.A())
	attach(c.r2, "eth0", wire.B(), "10.0.1.2/24")
	wire = c.wire(i)
	attach(c.r2, "eth1", wire.A(), "10.0.2.1/24")
	attach(c.server, "eth0", wire.B(), "10.0.2.2/24")
	route(c.client, "0.0.0.0/0", "10.0.0.1")
	route(c.r1, "10.0.2.0/24", "10.0.1.2")
	route(c.r2, "10.0.0.0/24", "10.0.1.1")
	route(c.server, "0.0.0.0/0", "10.0.2.1")
	return c
}
