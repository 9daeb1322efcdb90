package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	judge "septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/network"
	"septet/packet"
	"septet/physical"
	. "septet/socket"
)

// TestDeviceKeepsStrangersOut: a connection that is bound to a device goes on undisturbed
// if somebody at another device opens one between the same addresses.
func TestDeviceKeepsStrangersOut(t *testing.T) {
	l, pool := event.NewVirtual(1), new(packet.Pool)
	t.Cleanup(func() { l.Close() })
	bob := host.New(l, pool, "bob")
	attach := func(h *host.Host, name string, port physical.Port, addrs ...string) {
		t.Helper()
		i := must[*network.Interface](t)(h.Attach(name, port, netip.Prefix{}))
		l.Lock()
		defer l.Unlock()
		for _, a := range addrs {
			check(t, "address", i.AddAddress(netip.MustParsePrefix(a)))
		}
	}
	neighbour := func(n, name, on string, addrs ...string) *host.Host {
		t.Helper()
		l.Lock()
		delay := physical.Impairment{Delay: time.Millisecond}
		w := physical.NewWire(l, pool, 1500, delay, delay)
		l.Unlock()
		checktest.Wire(t, l, w, judge.Limits{})
		attach(bob, on, w.A(), "2001:db8:"+n+"::1/64")
		h := host.New(l, pool, name)
		attach(h, "eth0", w.B(), addrs...)
		return h
	}
	alice := neighbour("1", "alice", "eth0", "2001:db8:1::2/64")
	mallory := neighbour("2", "mallory", "eth1", "2001:db8:2::2/64", "2001:db8:1::2/128")
	l.Lock()
	check(t, "route", mallory.Network.AddRoute(network.Route{
		Prefix: netip.MustParsePrefix("2001:db8:1::1/128"), Gateway: netip.MustParseAddr("2001:db8:2::1")}))
	l.Unlock()
	server := netip.MustParseAddrPort("[2001:db8:1::1]:80")
	ln := must[*Socket](t)(bob.Socket(AF_INET6, SOCK_STREAM, 0))
	check(t, "bind", ln.Bind(server))
	check(t, "listen", ln.Listen(5))
	connect := func(h *host.Host) (*Socket, error) {
		s := must[*Socket](t)(h.Socket(AF_INET6, SOCK_STREAM, 0))
		check(t, "bind", s.Bind(netip.MustParseAddrPort("[2001:db8:1::2]:5555")))
		return s, s.Connect(server)
	}
	l.Go("test", func() {
		c, err := connect(alice)
		check(t, "connect", err)
		p, _, err := ln.Accept()
		check(t, "accept", err)
		check(t, "SO_BINDTODEVICE", p.SetSockOptDevice("eth0"))
		if _, err := connect(mallory); err == nil {
			t.Errorf("mallory has a connection between alice's addresses")
		}
		_, err = c.Send([]byte("still here"), 0)
		check(t, "send", err)
		b := make([]byte, 20)
		n, err := p.Recv(b, 0)
		if string(b[:n]) != "still here" || err != nil {
			t.Errorf("bob has %q of alice, %v: her connection is as it was", b[:n], err)
		}
	})
	if err := l.Run(event.Never); err != nil {
		t.Error(err)
	}
}
