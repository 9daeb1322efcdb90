// Package engine lets a test tool drive one Septet host in virtual time: by
// socket calls with plain numbers for descriptors, and by raw IP packets on its
// wire. It is what stands behind the interface through which packetdrill drives
// a user-space stack, without the C: that is the package above.
//
//	tool's main thread --- Main() ---\
//	                                  requests -> one goroutine: loop, host, wire
//	tool's other thread -- Side() ---/
//
// Time stands still between two calls. Three of them let it pass: GetTimeOfDay by
// a microsecond, Sleep by what it is told, ReceivePacket up to the next packet.
// Only the main thread makes time pass in earnest; the other one, the side, is
// there to be blocked: its call is a task of the loop, and returns once something
// that the main thread does, or lets happen, has made it ready. Then time waits
// for the side to look at the clock, so that it sees when it was woken.
package engine

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/socket"
	"septet/transport/tcp"
	"septet/transport/udp"
)

// Engine is one host, its wire and its clock.
type Engine struct {
	loop     *event.Loop
	sockets  *socket.Stack
	wire     *wire
	open     map[int]descriptor
	numbers  Numbers
	polls    []*poll  // calls that wait for readiness
	epolls   []*epoll // those that are open
	requests chan *request
	ended    chan struct{}

	// owed says that a call of the side has returned, and that the side has not
	// looked at the clock since.
	owed bool
}

// Numbers gives and takes back the numbers of descriptors.
type Numbers interface {
	Open() (int, error)
	Close(fd int) error
}

// New returns a host as c describes it.
func New(c Config, n Numbers) (*Engine, error) {
	e := &Engine{
		loop: event.NewVirtual(c.Seed), numbers: n, open: make(map[int]descriptor),
		requests: make(chan *request), ended: make(chan struct{}),
	}
	if err := e.attach(c); err != nil {
		return nil, fmt.Errorf("local=%v gateway=%v: %w", c.Local, c.Gateway, err)
	}
	go e.run()
	return e, nil
}

// attach assembles the host: a card on the wire, the layers above it, and a
// default route.
func (e *Engine) attach(c Config) error {
	pool := new(packet.Pool)
	e.wire = &wire{loop: e.loop, pool: pool, mtu: c.MTU, bursts: c.Bursts, local: c.Local.Addr()}
	n := network.New(e.loop, pool)
	t, u := tcp.New(n, &c.Personality), udp.New(n)
	t.OnBurstEnd(func() { e.wire.open = false })
	e.sockets = socket.NewStack(n, t, u, nil)
	card, err := n.AddInterface(link.NewNIC(e.loop, pool, "eth0", hostMAC, e.wire), c.Local)
	if err != nil {
		return err
	}
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if c.Local.Addr().Is6() {
		everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return n.AddRoute(network.Route{Prefix: everywhere, Gateway: c.Gateway, Interface: card})
}

var (
	hostMAC = header.MAC{0x02, 0, 0, 0, 0, 1}
	peerMAC = header.MAC{0x02, 0, 0, 0, 0, 2}
)

// Caller makes calls for one of the tool's two threads.
type Caller struct {
	engine *Engine
	side   bool
}

// Main returns the caller of the thread that drives the test.
func (e *Engine) Main() Caller { return Caller{e, false} }

// Side returns the caller of the thread that may be blocked.
func (e *Engine) Side() Caller { return Caller{e, true} }

// request is one call on its way to the engine's goroutine and back.
type request struct {
	side     bool
	begin    func()
	done     chan struct{}
	answered bool
}

func (e *Engine) run() {
	for {
		select {
		case r := <-e.requests:
			e.serve(r)
		case <-e.ended:
			return
		}
	}
}

func (e *Engine) serve(r *request) {
	if !r.side {
		e.waitForStamp()
	}
	e.wire.open = false
	r.begin()
}

// stampPatience is how long, on the machine's clock, time stands still for a
// side that does not look at the clock. A tool that measures does it at once.
const stampPatience = time.Second

// waitForStamp serves the side, whose call has just returned, until it has seen
// what time it is.
func (e *Engine) waitForStamp() {
	if !e.owed {
		return
	}
	patience := time.NewTimer(stampPatience)
	defer patience.Stop()
	for e.owed {
		select {
		case r := <-e.requests:
			r.begin() // of the side: the main thread is in a call already
		case <-patience.C:
			e.owed = false
		case <-e.ended:
			return
		}
	}
}

func (e *Engine) answer(r *request) {
	r.answered = true
	close(r.done)
}

// submit has a request served and waits for its answer. It reports false when
// the engine has ended.
func (c Caller) submit(r *request) bool {
	r.side, r.done = c.side, make(chan struct{})
	select {
	case c.engine.requests <- r:
	case <-c.engine.ended:
		return false
	}
	<-r.done
	return true
}

// direct has the engine do work that never waits, and whatever follows from it
// without a delay.
func direct[T any](c Caller, work func() (T, error)) (result T, err error) {
	r := new(request)
	r.begin = func() {
		result, err = work()
		c.engine.settle()
		c.engine.answer(r)
	}
	if !c.submit(r) {
		err = syscall.ENETDOWN
	}
	return result, err
}

// blocking has the engine do work that may wait, as a task. A call of the main
// thread is not meant to: if it does, time passes until it can go on, and if
// nothing is left that could happen, it fails with EDEADLK. Work must not touch
// the caller's memory: that may be gone by the time it goes on.
func blocking[T any](c Caller, name string, work func() (T, error)) (result T, err error) {
	e, r := c.engine, new(request)
	r.begin = func() {
		e.loop.Go(name, func() {
			value, failure := work()
			if r.answered {
				return // given up
			}
			result, err = value, failure
			e.owed = r.side
			e.answer(r)
		})
		e.settle()
		if r.side {
			return
		}
		for !r.answered && e.step(event.Never) {
			e.waitForStamp()
		}
		if !r.answered {
			err = syscall.EDEADLK
			e.answer(r)
		}
	}
	if !c.submit(r) {
		err = syscall.ENETDOWN
	}
	return result, err
}

// Free ends the engine: calls that are blocked return, and so does every later
// one, with ENETDOWN. Descriptors that are open stay the caller's to close.
func (e *Engine) Free() {
	_, _ = direct(e.Side(), func() (struct{}, error) {
		e.loop.Close()
		close(e.ended)
		return struct{}{}, nil
	})
}
