package udp_test

import (
	"net/netip"
	"testing"

	"septet/event"
	"septet/transport/udp"
)

// A blocked receiver is woken by a datagram, by an error and by Close.
func TestReadable(t *testing.T) {
	p := newPair(t)
	e := p.bind(p.a, "0.0.0.0:1")
	check(t, e.Connect(addr("10.0.0.2:9")))
	other := p.bind(p.b, "0.0.0.0:9")
	woken := 0
	p.loop.Go("receiver", func() {
		p.loop.Lock()
		defer p.loop.Unlock()
		for range 3 {
			if p.loop.Wait(&e.Readable, event.Never) == nil {
				woken++
			}
		}
	})
	p.run()
	for i, happen := range []func(){
		func() { check(t, other.Send(nil, addr("10.0.0.1:1"))) },
		func() { other.Close(); check(t, e.Send(nil, netip.AddrPort{})) },
		e.Close,
	} {
		if woken != i {
			t.Fatalf("woken %d times after %d events", woken, i)
		}
		happen()
		p.run()
	}
	if woken != 3 {
		t.Errorf("woken %d times, want 3", woken)
	}
}

// What nobody reads does not fill the memory.
func TestReceiveBuffer(t *testing.T) {
	p := newPair(t)
	server, client := p.bind(p.b, "0.0.0.0:7"), p.a.Open(every())
	for range 2000 {
		check(t, client.Send(make([]byte, 1000), addr("10.0.0.2:7")))
		p.settle()
	}
	p.run()
	n := server.Queued()
	if n < 50 || n*1000 > udp.DefaultReceiveBuffer {
		t.Errorf("%d datagrams of 1000 bytes wait in a buffer of %d", n, udp.DefaultReceiveBuffer)
	}
	if lost := server.Dropped(); lost == 0 || lost != p.b.Stats().QueueFull || uint64(n)+lost != p.b.Stats().Received {
		t.Errorf("%d wait and %d were dropped of %d received", n, lost, p.b.Stats().Received)
	}
	for range n {
		receive(server)
	}
	server.SetReceiveBuffer(0)
	p.send(client, "one", "10.0.0.2:7")
	p.send(client, "two", "10.0.0.2:7")
	if receive(server) != "one" || receive(server) != "" {
		t.Error("an empty buffer takes one datagram, as on Linux, and no second")
	}
}

func TestNothingLeft(t *testing.T) {
	p := newPair(t)
	server, client := p.bind(p.b, "0.0.0.0:7"), p.a.Open(every())
	for range 10 {
		p.send(client, "x", "10.0.0.2:7")
	}
	client.Close()
	server.Close()
	server.Close()
	if n := p.pool.Live(); n != 0 {
		t.Errorf("%d packets are left after Close", n)
	}
	check(t, p.b.Open(every()).Bind(addr("0.0.0.0:7")))
}
