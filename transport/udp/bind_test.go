package udp_test

import (
	"errors"
	"syscall"
	"testing"

	"septet/transport/udp"
)

func TestBind(t *testing.T) {
	p := newPair(t)
	for _, c := range []struct {
		name   string
		have   []string // bound already
		shares bool     // all of them, and the new one
		local  string
		want   error
		ofIPv4 bool
	}{
		{name: "free", local: "10.0.0.1:7"},
		{name: "the same", have: []string{"10.0.0.1:7"}, local: "10.0.0.1:7", want: syscall.EADDRINUSE},
		{name: "another address", have: []string{"10.0.0.1:7"}, local: "127.0.0.1:7"},
		{name: "any, when one is taken", have: []string{"127.0.0.1:7"}, local: "0.0.0.0:7", want: syscall.EADDRINUSE},
		{name: "one, when any is taken", have: []string{"0.0.0.0:7"}, local: "127.0.0.1:7", want: syscall.EADDRINUSE},
		{name: "shared", have: []string{"0.0.0.0:7", "10.0.0.1:7"}, shares: true, local: "0.0.0.0:7"},
		{name: "another port", have: []string{"0.0.0.0:7"}, local: "0.0.0.0:8"},
		{name: "a broadcast address", local: "10.0.0.255:7", ofIPv4: true},
		{name: "not ours", local: "10.0.0.2:7", want: syscall.EADDRNOTAVAIL},
		{name: "IPv6's loopback address", local: "[::1]:7"},
		{name: "any of IPv6, when any of IPv4 is taken", have: []string{"0.0.0.0:7"}, local: "[::]:7", ofIPv4: true},
		{name: "any of IPv6, when one of it is taken", have: []string{"[::1]:7"}, local: "[::]:7", want: syscall.EADDRINUSE},
		{name: "one of IPv6, when any of it is taken", have: []string{"[::]:7"}, local: "[::1]:7", want: syscall.EADDRINUSE},
		{name: "IPv6, not ours", local: "[2001:db8::1]:7", want: syscall.EADDRNOTAVAIL},
	} {
		if c.ofIPv4 && *overIPv6 {
			continue
		}
		var open []*udp.Endpoint
		for _, local := range c.have {
			e := p.a.Open(every())
			e.SetReuseAddress(c.shares)
			check(t, e.Bind(addr(local)))
			open = append(open, e)
		}
		e := p.a.Open(every())
		e.SetReuseAddress(c.shares)
		if err := e.Bind(addr(c.local)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		for _, e := range append(open, e) {
			e.Close()
		}
	}
	e := p.bind(p.a, "0.0.0.0:0")
	if err := e.Bind(addr("0.0.0.0:9")); err != syscall.EINVAL {
		t.Errorf("binding twice: %v, want EINVAL", err)
	}
}

// Ports that were not asked for come from 32768 to 60999, each to one endpoint,
// until all are taken; closed, they are free again.
func TestEphemeralPorts(t *testing.T) {
	p := newPair(t)
	const all = 60999 - 32768 + 1
	taken := make(map[uint16]*udp.Endpoint)
	for range all {
		e := p.bind(p.a, "0.0.0.0:0")
		port := e.Local().Port()
		if port < 32768 || port > 60999 || taken[port] != nil {
			t.Fatalf("got port %d, want one of 32768 to 60999 that nobody has", port)
		}
		taken[port] = e
	}
	if err := p.a.Open(every()).Bind(addr("0.0.0.0:0")); err != syscall.EADDRINUSE {
		t.Errorf("when all are taken: %v, want EADDRINUSE", err)
	}
	if err := p.a.Open(every()).Send(nil, addr("10.0.0.2:53")); err != syscall.EAGAIN {
		t.Errorf("sending when all are taken: %v, want EAGAIN", err)
	}
	taken[40000].Close()
	if e := p.bind(p.a, "0.0.0.0:0"); e.Local().Port() != 40000 {
		t.Errorf("got port %d, want the one that was closed, 40000", e.Local().Port())
	}
}

// The port remembers who shares it, whoever comes and goes.
func TestSharing(t *testing.T) {
	p := newPair(t)
	share := func() *udp.Endpoint {
		e := p.a.Open(every())
		e.SetReuseAddress(true)
		check(t, e.Bind(addr("0.0.0.0:7")))
		return e
	}
	one, two := share(), share()
	one.Close()
	share().Close()
	if err := p.a.Open(every()).Bind(addr("0.0.0.0:7")); err != syscall.EADDRINUSE {
		t.Errorf("one that does not share: %v, want EADDRINUSE", err)
	}
	two.SetReuseAddress(false)
	late := p.a.Open(every())
	late.SetReuseAddress(true)
	if err := late.Bind(addr("0.0.0.0:7")); err != syscall.EADDRINUSE {
		t.Errorf("when the other does not share any more: %v, want EADDRINUSE", err)
	}
	two.SetReuseAddress(true)
	check(t, late.Bind(addr("0.0.0.0:7")))
}
