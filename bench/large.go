package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"time"

	"septet/host"
	"septet/link"
	"septet/physical"
)

// What fills memory runs in a process of its own, so that its size is the run's
// and no other's.

// A footprint is what such a process says of itself at its end.
type footprint struct {
	CPUSeconds float64
	MiB        float64 // all that Go's runtime had from the system
}

var (
	inChild   = flag.String("child", "", "used by this program for the processes that it starts")
	childIPv6 = flag.Bool("child-ipv6", false, "used by this program for the processes that it starts")
	million   = flag.Bool("million", false, "with idle-million, which takes 2.5 GiB and half a minute a run")
)

// children are the runs that have a process of their own, by name.
var children = map[string]func() error{
	"hosts-10000":  tenThousandHosts,
	"idle-million": millionConnections,
}

// child runs one of them here and prints its footprint.
func child(name string) error {
	run := children[name]
	if run == nil {
		return fmt.Errorf("there is no child %q", name)
	}
	if err := run(); err != nil {
		return err
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return json.NewEncoder(os.Stdout).Encode(footprint{processCPU().Seconds(), float64(s.Sys) / (1 << 20)})
}

// apart runs one of them in its own process.
func apart(name string, value func(footprint) float64) func(Contestant) (Result, error) {
	return alone(func() (Result, error) {
		self, err := os.Executable()
		if err != nil {
			return Result{}, err
		}
		c := exec.Command(self, "-child", name, familyFlag())
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return Result{}, err
		}
		var f footprint
		if err := json.Unmarshal(out, &f); err != nil {
			return Result{}, err
		}
		return Result{Value: value(f)}, nil
	})
}

// asked leaves a run out unless its flag is set.
func asked(on *bool, run func(Contestant) (Result, error)) func(Contestant) (Result, error) {
	return func(c Contestant) (Result, error) {
		if !*on {
			return Result{}, errNotOffered
		}
		return run(c)
	}
}

// The network of tenThousandHosts: 100 routers around one switch, and behind each
// of them a switch with 100 hosts.
const (
	subnets = 100
	members = 100
)

// tenThousandHosts builds the network, has each host ping one of the next subnet
// once, and takes everything down. The pings are spread over a second: a router
// keeps 64 packets, no more, for a next hop that it does not know yet.
func tenThousandHosts() error {
	w := newWorld()
	core := link.NewSwitch(w.loop, w.pool, "core")
	var all []*host.Host
	for s := range subnets {
		all = append(all, w.subnet(core, s)...)
	}
	answered, failed := 0, error(nil)
	for i, h := range all {
		to := addressOf((i/members+1)%subnets, i%members)
		w.loop.Go("ping", func() {
			w.loop.Sleep(time.Duration(i) * 100 * time.Microsecond)
			stats, err := h.Ping(to, host.PingOptions{Count: 1}, nil)
			failed = errors.Join(failed, err)
			answered += stats.Received
		})
	}
	if err := w.loop.Run(w.loop.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	w.close()
	if answered != len(all) {
		return fmt.Errorf("%d of %d pings were answered: %w", answered, len(all), failed)
	}
	return failed
}

func addressOf(subnet, member int) netip.Addr {
	return ofFamily(netip.AddrFrom4([4]byte{10, 1 + byte(subnet), 0, 10 + byte(member)}))
}

// subnet makes one router with its hosts and plugs it into the core.
func (w *world) subnet(core *link.Switch, s int) (all []*host.Host) {
	var short physical.Impairment
	short.Delay = 10 * time.Microsecond
	sw := link.NewSwitch(w.loop, w.pool, fmt.Sprintf("s%d", s))
	r := w.router(fmt.Sprintf("r%d", s))
	wire := w.wire(short)
	attach(r, "eth0", wire.A(), fmt.Sprintf("10.0.0.%d/24", 1+s))
	core.AddPort(wire.B())
	wire = w.wire(short)
	attach(r, "eth1", wire.A(), fmt.Sprintf("10.%d.0.1/24", 1+s))
	sw.AddPort(wire.B())
	for to := range subnets {
		if to != s {
			route(r, fmt.Sprintf("10.%d.0.0/24", 1+to), fmt.Sprintf("10.0.0.%d", 1+to))
		}
	}
	for m := range members {
		h := w.host(fmt.Sprintf("h%d-%d", s, m))
		wire := w.wire(short)
		attach(h, "eth0", wire.A(), fmt.Sprintf("10.%d.0.%d/24", 1+s, 10+m))
		sw.AddPort(wire.B())
		route(h, "0.0.0.0/0", fmt.Sprintf("10.%d.0.1", 1+s))
		all = append(all, h)
	}
	return all
}

// millionConnections opens a million connections between two hosts and leaves
// them idle.
func millionConnections() error {
	const (
		listeners = 50
		each      = 20_000
	)
	w := newWorld()
	client, server := w.host("client"), w.host("server")
	wire := w.wire(physical.Impairment{})
	attach(client, "eth0", wire.A(), "10.0.0.1/24")
	attach(server, "eth0", wire.B(), "10.0.0.2/24")
	for port := 1000; port < 1000+listeners; port++ {
		address := at("10.0.0.2", port)
		l, err := server.Listen("tcp", address)
		if err != nil {
			return err
		}
		for range each {
			if _, err := client.Dial("tcp", address); err != nil {
				return err
			}
			if _, err := l.Accept(); err != nil {
				return err
			}
		}
	}
	if n := client.TCP.Count() + server.TCP.Count(); n < 2*listeners*each {
		return fmt.Errorf("there are %d ends of connections, should be two for each", n)
	}
	runtime.KeepAlive(w)
	return nil
}
