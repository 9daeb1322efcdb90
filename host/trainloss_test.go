package host_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// Trains leave a host on a bare wire and are taken apart by a router, before a wire on
// which their frames are lost, overtaken, doubled and damaged one by one. Everything
// arrives all the same, and both ends keep the rules on either wire.
func TestTrainsBeforeABadWire(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { trainsBeforeABadWire(t, seed) })
	}
}

func trainsBeforeABadWire(t *testing.T, seed uint64) {
	l, pool := event.NewVirtual(seed), new(packet.Pool)
	defer l.Close()
	r := rand.New(rand.NewPCG(seed, 1))
	share := func() float64 { return []float64{0, 0.001, 0.01, 0.05}[r.IntN(4)] }
	bad := physical.Impairment{
		Rate: 1e6 << r.IntN(8), Delay: time.Duration(1+r.IntN(20)) * time.Millisecond,
		Loss: share(), Reorder: share(), Duplicate: share(), Corrupt: share(),
	}
	l.Lock()
	near := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
	far := physical.NewWire(l, pool, 1500, bad, bad)
	client, router, server := host.New(l, pool, "client"), host.New(l, pool, "router"), host.New(l, pool, "server")
	trains := 0
	for _, a := range []struct {
		host   *host.Host
		port   physical.Port
		name   string
		prefix string
	}{
		{client, trainSpotter{near.A().(physical.Trainway), &trains}, "eth0", "10.0.0.1/24"}, {router, near.B(), "eth0", "10.0.0.254/24"},
		{router, far.A(), "eth1", "10.0.1.254/24"}, {server, far.B(), "eth0", "10.0.1.1/24"},
	} {
		if _, err := a.host.Attach(a.name, a.port, netip.MustParsePrefix(a.prefix)); err != nil {
			t.Fatal(err)
		}
	}
	router.Network.SetForwarding(true)
	for h, gateway := range map[*host.Host]string{client: "10.0.0.254", server: "10.0.1.254"} {
		if err := h.Network.AddRoute(network.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr(gateway)}); err != nil {
			t.Fatal(err)
		}
	}
	l.Unlock()
	checktest.Wires(t, l, check.Limits{}, far)
	l.Go("server", func() {
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Error(err)
			return
		}
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.Copy(c, c); err != nil {
			t.Errorf("the server: %v", err)
		}
		c.Close()
		ln.Close()
	})
	scene := trainScene{t: t, loop: l, hosts: map[string]*host.Host{"client": client}}
	scene.exchange("client", "10.0.1.1", 1_000_000)
	if err := l.Run(event.Never); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*host.Host{client, router, server} {
		h.Close()
	}
	if err := l.Run(event.Never); err != nil {
		t.Fatal(err)
	}
	if n := pool.Live(); n != 0 {
		t.Errorf("%d packets are left", n)
	}
	if pool.Trains() && trains == 0 {
		t.Error("no train left the host: nothing is tried here")
	}
}
