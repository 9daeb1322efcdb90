package main

import (
	"fmt"
	"net/netip"

	"septet/header"
	"septet/network"
	"septet/physical"
)

// growth measures what a frame-hop through the chain costs with something added
// to it, in percent of what it costs without. The two are measured by turns, five
// times each, in two chains that are otherwise the same, and the cheapest of each
// counts: whatever else the machine does only adds.
func growth(add func(*chain) error) func(Contestant) (Result, error) {
	return alone(func() (Result, error) {
		var chains [2]*chain
		for i := range chains {
			c := newChain()
			defer c.close()
			chains[i] = c
			f := c.flow(c.client, c.server, at("10.0.2.2", 80), 128<<10)
			if i == 1 {
				if err := add(c); err != nil {
					return Result{}, err
				}
			}
			if err := c.steady(f, 128<<10); err != nil {
				return Result{}, err
			}
		}
		var best [2]float64
		for range 5 {
			for i, c := range chains {
				best[i] = max(best[i], c.measure())
			}
		}
		return Result{Value: 100 * best[0] / best[1]}, nil
	})
}

// idleConnections opens 100,000 connections between client and server, on which
// nothing is sent.
func idleConnections(c *chain) error {
	for port := 1000; port < 1005; port++ {
		address := at("10.0.2.2", port)
		l, err := c.server.Listen("tcp", address)
		if err != nil {
			return err
		}
		var failed error
		c.loop.Go("accepts", func() {
			for range 20_000 {
				if _, err := l.Accept(); err != nil {
					failed = err
					return
				}
			}
		})
		for range 20_000 / 100 {
			for range 100 {
				c.loop.Go("connects", func() {
					if _, err := c.client.Dial("tcp", address); err != nil {
						failed = err
					}
				})
			}
			c.pass(10 * chainRTT)
		}
		if failed != nil {
			return failed
		}
	}
	if n := c.server.TCP.Count(); n < 100_000 {
		return fmt.Errorf("there are %d connections, should be 100,000", n)
	}
	return nil
}

// manyRoutes gives both routers 10,000 routes, all more specific than those in
// use, so that they are tried first.
func manyRoutes(c *chain) error {
	for i, r := range []*network.Layer{c.r1.Network, c.r2.Network} {
		via := ofFamily(netip.AddrFrom4([4]byte{10, 0, 1, byte(2 - i)}))
		for n := range 10_000 {
			to := prefix(fmt.Sprintf("20.%d.%d.0/28", n>>8, n&0xff)).Masked()
			if err := r.AddRoute(network.Route{Prefix: to, Gateway: via}); err != nil {
				return err
			}
		}
	}
	return nil
}

// manyStations teaches the switch 100,000 stations.
func manyStations(c *chain) error {
	const stations = 100_000
	wire := physical.NewWire(c.loop, c.pool, 1500, physical.Impairment{}, physical.Impairment{})
	c.sw.AddPort(wire.B())
	for n := range stations {
		h := header.Ethernet{
			Src:  header.MAC{0x06, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)},
			Dst:  header.MAC{0x06, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, // known by then, and behind the same port
			Type: header.EtherTypeIPv4,
		}
		p := c.pool.Get(header.EthernetLen)
		h.Put(p.Extend(header.EthernetLen))
		wire.A().Transmit(p)
		for c.loop.Step(c.loop.Now()) {
		}
	}
	if n := len(c.sw.Stations()); n < stations {
		return fmt.Errorf("the switch knows %d stations, should know %d", n, stations)
	}
	return nil
}

// allocations counts what is allocated while a flow runs through the chain, for
// each million frame-hops.
func allocations() (Result, error) {
	c := newChain()
	defer c.close()
	f := c.flow(c.client, c.server, at("10.0.2.2", 80), 4<<20)
	if err := c.steady(f, 4<<20); err != nil {
		return Result{}, err
	}
	before, objects := c.delivered(), mallocs()
	c.spend(length)
	more := mallocs() - objects
	return Result{Value: 1e6 * float64(more) / float64(c.delivered()-before)}, nil
}
