package sockets_test

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	. "septet/examples/sockets"

	"septet/event"
	"septet/host"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/packet"
	"septet/physical"
	"septet/socket"
	"septet/socket/machine"
)

// world is where an example runs: a server and a client, and how the one is reached by
// the other.
type world struct {
	server, client socket.System
	four, six      netip.Addr // the server's
	via            netip.Addr // the client's
	broadcast      netip.Addr
	// run runs both to their end.
	run func(t *testing.T, server, client func())
	// signal returns two functions: wait returns after done was called.
	signal func() (done, wait func())
}

func inLab(t *testing.T) *world {
	l := event.NewVirtual(1)
	pool := new(packet.Pool)
	l.Lock()
	wire := physical.NewWire(l, pool, 1500, physical.Impairment{Delay: time.Millisecond}, physical.Impairment{Delay: time.Millisecond})
	l.Unlock()
	checktest.Wire(t, l, wire, check.Limits{})
	attach := func(name string, port physical.Port, four, six string) socket.System {
		h := host.New(l, pool, name)
		i, err := h.Attach("eth0", port, netip.MustParsePrefix(four))
		if err != nil {
			t.Fatal(err)
		}
		l.Lock()
		defer l.Unlock()
		if err := i.AddAddress(netip.MustParsePrefix(six)); err != nil {
			t.Fatal(err)
		}
		return h.Process()
	}
	w := &world{
		server: attach("server", wire.A(), "192.0.2.1/24", "2001:db8::1/64"),
		client: attach("client", wire.B(), "192.0.2.2/24", "2001:db8::2/64"),
		four:   netip.MustParseAddr("192.0.2.1"), six: netip.MustParseAddr("2001:db8::1"),
		via: netip.MustParseAddr("192.0.2.2"), broadcast: netip.MustParseAddr("192.0.2.255"),
	}
	w.run = func(t *testing.T, server, client func()) {
		l.Go("server", server)
		l.Go("client", client)
		if err := l.Run(event.Never); err != nil {
			t.Error(err)
		}
	}
	w.signal = func() (done, wait func()) {
		ready := false
		return func() { ready = true }, func() {
			for !ready {
				_ = w.client.Sleep(time.Millisecond)
			}
		}
	}
	return w
}

func onMachine(t *testing.T) *world {
	if runtime.GOOS != "linux" {
		t.Skip("the BSD calls are there on Linux")
	}
	local := netip.MustParseAddr("127.0.0.1")
	return &world{
		server: machine.New(), client: machine.New(), four: local, six: netip.IPv6Loopback(), via: local,
		broadcast: netip.MustParseAddr("127.255.255.255"),
		run: func(t *testing.T, server, client func()) {
			var g sync.WaitGroup
			g.Go(server)
			g.Go(client)
			g.Wait()
		},
		signal: func() (done, wait func()) {
			c := make(chan struct{})
			return sync.OnceFunc(func() { close(c) }), func() { <-c }
		},
	}
}

// both runs an example in a lab and on the machine.
func both(t *testing.T, example func(t *testing.T, w *world)) {
	t.Run("lab", func(t *testing.T) { example(t, inLab(t)) })
	t.Run("machine", func(t *testing.T) { example(t, onMachine(t)) })
}

// serve runs a server at a port that it chooses, and clients one after the other.
func serve(t *testing.T, w *world, server func(ready func(netip.AddrPort)) error, to ...netip.Addr) {
	done, wait := w.signal()
	var port uint16
	w.run(t, func() {
		defer done()
		if err := server(func(a netip.AddrPort) { port = a.Port(); done() }); err != nil {
			t.Errorf("server: %v", err)
		}
	}, func() {
		wait()
		for i, a := range to {
			text := fmt.Sprintf("Hello, world %d", i)
			got, err := EchoClient(w.client, netip.AddrPortFrom(a, port), text)
			if got != text || err != nil {
				t.Errorf("the client of %v has %q, %v: the server sends back %q", a, got, err, text)
			}
		}
	})
}

func TestEcho(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		serve(t, w, func(ready func(netip.AddrPort)) error {
			return EchoServer(w.server, netip.AddrPortFrom(w.four, 0), ready)
		}, w.four)
	})
}

func TestDualStack(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, to := range []netip.Addr{w.four, w.six} {
			serve(t, w, func(ready func(netip.AddrPort)) error { return DualStackServer(w.server, 0, ready) }, to)
		}
	})
}

func TestPollServer(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		serve(t, w, func(ready func(netip.AddrPort)) error {
			return PollServer(w.server, netip.AddrPortFrom(w.four, 0), 3, ready)
		}, w.four, w.four, w.four)
	})
}

// hears runs a receiver of one datagram, and a sender.
func hears(t *testing.T, w *world, port uint16, group netip.Addr, send func() error) {
	ready, wait := w.signal()
	w.run(t, func() {
		defer ready()
		text, from, err := Receive(w.server, port, group, w.four, ready)
		if text != "hello, all" || from.Addr() != w.via || err != nil {
			t.Errorf("received %q from %v, %v; %v has sent a greeting", text, from, err, w.via)
		}
	}, func() {
		wait()
		if err := send(); err != nil {
			t.Errorf("send: %v", err)
		}
	})
}

func TestBroadcast(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		hears(t, w, 50007, netip.Addr{}, func() error {
			return Broadcast(w.client, netip.AddrPortFrom(w.broadcast, 50007), "hello, all")
		})
	})
}

func TestMulticast(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		group := netip.MustParseAddr("239.255.7.7")
		hears(t, w, 8123, group, func() error {
			return Multicast(w.client, netip.AddrPortFrom(group, 8123), w.via, 1, "hello, all")
		})
	})
}

func TestPing(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.run(t, func() {}, func() {
			ttl, err := Ping(w.client, w.four, 7, 1)
			switch {
			case errors.Is(err, syscall.EPERM):
				t.Log("a raw socket needs privilege, as it should")
			case err != nil || ttl != 64:
				t.Errorf("ping: TTL %d, %v; the neighbour answers with 64", ttl, err)
			}
		})
	})
}
