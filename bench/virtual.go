package main

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"septet/event"
	"septet/inspect"
	"septet/link"
	"septet/packet"
	"septet/physical"
)

// alone makes a measure of something in which only Septet takes part.
func alone(run func() (Result, error)) func(Contestant) (Result, error) {
	return func(c Contestant) (Result, error) {
		if c.Name != "septet" && !c.IPv6 {
			return Result{}, errNotOffered
		}
		runtime.GC()
		return run()
	}
}

// inChain measures one connection through the chain, in frame-hops for each
// second of CPU time: the frames that arrive at the end of a wire, data and
// acknowledgements, on all four wires.
func inChain(window int, captured bool) func(Contestant) (Result, error) {
	return alone(func() (Result, error) {
		c := newChain()
		defer c.close()
		if captured {
			if err := c.capture(io.Discard); err != nil {
				return Result{}, err
			}
		}
		f := c.flow(c.client, c.server, at("10.0.2.2", 80), window)
		if err := c.steady(f, window); err != nil {
			return Result{}, err
		}
		return Result{Value: c.measure()}, f.err
	})
}

// steady lets the flow get going and returns an error unless it then fills its
// window in every round trip.
func (c *chain) steady(f *flow, window int) error {
	c.pass(4 * time.Second)
	c.spend(warmUp)
	before, began := f.read, c.loop.Now()
	c.pass(time.Second)
	rate := float64(f.read-before) / c.loop.Now().Sub(began).Seconds()
	full := float64(window) / chainRTT.Seconds()
	if rate < 0.85*full || rate > 1.02*full { // a second cuts the first and the last window
		return fmt.Errorf("%.0f bytes a second, where a window of %d bytes gives up to %.0f (%v)", rate, window, full, f.err)
	}
	return f.err
}

// capture writes every frame that is sent on any wire as a pcapng file.
func (w *world) capture(out io.Writer) error {
	var interfaces []inspect.Interface
	for i := range w.wires {
		interfaces = append(interfaces, inspect.Interface{Name: fmt.Sprintf("wire%d", i), LinkType: inspect.LinkEthernet})
	}
	file, err := inspect.NewCaptureWriter(out, interfaces)
	if err != nil {
		return err
	}
	for i, wire := range w.wires {
		wire.Watch(&captureTap{file, i})
	}
	return nil
}

type captureTap struct {
	file *inspect.CaptureWriter
	wire int
}

func (t *captureTap) Frame(at event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Sent {
		return
	}
	err := t.file.Write(inspect.Frame{
		Time: inspect.Epoch.Add(time.Duration(at)), Interface: t.wire, LinkType: inspect.LinkEthernet, Data: p.Bytes(),
	})
	if err != nil {
		panic(err) // nothing is refused by what discards everything
	}
}

// star is 100 hosts around one switch, on wires like those of the chain. Each sends
// to the next and receives from the one before, all at once, with a window of
// 128 KiB.
func star() (Result, error) {
	const hosts = 100
	w := newWorld()
	defer w.close()
	sw := link.NewSwitch(w.loop, w.pool, "switch")
	i := physical.Impairment{Delay: chainDelay, Rate: chainRate}
	address := func(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }
	for n := range hosts {
		wire := w.wire(i)
		attach(w.host(fmt.Sprintf("h%d", n)), "eth0", wire.A(), address(n)+"/24")
		sw.AddPort(wire.B())
	}
	flows := make([]*flow, hosts)
	for n := range flows {
		to := (n + 1) % hosts
		flows[n] = w.flow(w.hosts[n], w.hosts[to], at(address(to), 80), 128<<10)
	}
	w.pass(500 * time.Millisecond)
	w.spend(warmUp)
	before := make([]uint64, hosts)
	for n, f := range flows {
		before[n] = f.read
	}
	value := w.measure()
	for n, f := range flows {
		if f.err != nil {
			return Result{}, f.err
		}
		if f.read == before[n] {
			return Result{}, fmt.Errorf("flow %d of %d stood still", n, hosts)
		}
	}
	return Result{Value: value}, nil
}
