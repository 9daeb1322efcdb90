package main

import (
	"fmt"
	"runtime"
	"time"
)

// A Measure is one row of the table: what is done, and what is counted.
type Measure struct {
	Name  string
	Unit  string
	About string
	// Less says that a smaller value is the better one.
	Less bool
	Run  func(Contestant) (Result, error)
	// Goals are what Septet is to reach, all of them.
	Goals []Goal
}

// A Result is what one run of one measure gave.
type Result struct {
	// Value is in the measure's unit.
	Value float64
	// PerCPUSecond is the work for each second of this process's CPU time, user
	// and system, in the measure's unit times one second; zero where the measure
	// counts no work.
	PerCPUSecond float64
}

var (
	frames1500 = Link{MTU: 1500}
	frames9000 = Link{MTU: 9000}
	bare       = Link{MTU: 1500, Trains: true}
	bare65535  = Link{MTU: 65535, Trains: true}
)

var measures = []Measure{
	{Name: "bulk-1500", Unit: "MB/s", About: "one TCP connection, every frame real, MTU 1500",
		Run: on(frames1500, bulk), Goals: []Goal{timesOf(4, "gvisor")}},
	{Name: "bulk-9000", Unit: "MB/s", About: "one TCP connection, every frame real, MTU 9000",
		Run: on(frames9000, bulk)},
	{Name: "bulk-65535", Unit: "MB/s", About: "one TCP connection, bare link, MTU 65535, pieces of up to 64 KiB allowed",
		Run: on(bare65535, bulk), Goals: peers(1.5, 1.5)},
	{Name: "bulk-bare", Unit: "MB/s", About: "one TCP connection, bare link, MTU 1500, pieces of up to 64 KiB allowed",
		Run: on(bare, bulk), Goals: []Goal{timesOf(1.5, "kernel"), timesOf(1.5, "gvisor"), timesOf(1.5, "gvisor").in("bulk-65535")}},
	{Name: "rtt", Unit: "round trips/s", About: "1 byte there and back on one TCP connection",
		Run: on(bare, roundTrips), Goals: peers(15, 3.5)},
	{Name: "connect", Unit: "connections/s", About: "connect, accept, close both ends; one after the other",
		Run: on(bare, connectInSequence), Goals: peers(10, 5)},
	{Name: "connect-64", Unit: "connections/s", About: "the same, 64 clients at a time",
		Run: on(bare, connectParallel), Goals: peers(10, 3)},
	{Name: "udp-1200", Unit: "datagrams/s", About: "UDP datagrams of 1200 bytes, counted where they are received",
		Run: on(bare, datagrams), Goals: peers(8, 4)},
	{Name: "virtual-128k", Unit: "frame-hops/CPU-s", About: "virtual time: a TCP connection through two routers and a switch, window 128 KiB",
		Run: inChain(128<<10, false), Goals: value(1e6)},
	{Name: "virtual-4m", Unit: "frame-hops/CPU-s", About: "the same, window 4 MiB",
		Run: inChain(4<<20, false), Goals: value(1e6)},
	{Name: "capture-128k", Unit: "frame-hops/CPU-s", About: "as virtual-128k, every frame written as pcapng",
		Run: inChain(128<<10, true), Goals: value(500e3)},
	{Name: "capture-4m", Unit: "frame-hops/CPU-s", About: "as virtual-4m, every frame written as pcapng",
		Run: inChain(4<<20, true), Goals: value(500e3)},
	{Name: "star-100", Unit: "frame-hops/CPU-s", About: "virtual time: 100 hosts around a switch, 100 TCP connections at once",
		Run: alone(star), Goals: value(1e6)},
	{Name: "flows-1", Unit: "MB/s", About: "bulk-1500 again, to compare with",
		Run: on(frames1500, flows(1))},
	{Name: "flows-10", Unit: "MB/s", About: "bulk-1500 on 10 connections at once, in total",
		Run: on(frames1500, flows(10)), Goals: []Goal{timesOf(0.7, "septet").in("flows-1")}},
	{Name: "flows-100", Unit: "MB/s", About: "on 100 connections",
		Run: on(frames1500, flows(100)), Goals: []Goal{timesOf(0.7, "septet").in("flows-1")}},
	{Name: "flows-1000", Unit: "MB/s", About: "on 1,000 connections",
		Run: on(frames1500, flows(1000)), Goals: []Goal{timesOf(0.7, "septet").in("flows-1")}},
	{Name: "cost-idle", Unit: "% of the cost", About: "a frame-hop of virtual-128k with 100,000 idle connections at both hosts", Less: true,
		Run: growth(idleConnections), Goals: value(110)},
	{Name: "cost-routes", Unit: "% of the cost", About: "the same with 10,000 routes at both routers", Less: true,
		Run: growth(manyRoutes), Goals: value(110)},
	{Name: "cost-stations", Unit: "% of the cost", About: "the same with 100,000 stations in the switch", Less: true,
		Run: growth(manyStations), Goals: value(110)},
	{Name: "allocations", Unit: "per 10^6 frame-hops", About: "objects allocated in virtual-4m once it runs", Less: true,
		Run: alone(allocations), Goals: value(0)},
	{Name: "gap", Unit: "µs", About: "real time: a round trip between two hosts while two others send all they can, median", Less: true,
		Run: alone(gap), Goals: value(1000)},
	{Name: "hosts-10000-s", Unit: "CPU-ms", About: "10,000 hosts built, each pings another, taken down; in a process of its own", Less: true,
		Run: apart("hosts-10000", func(f footprint) float64 { return 1000 * f.CPUSeconds }), Goals: value(5000)},
	{Name: "hosts-10000-mib", Unit: "MiB", About: "what Go's runtime had from the system for that", Less: true,
		Run: apart("hosts-10000", func(f footprint) float64 { return f.MiB }), Goals: value(256)},
	{Name: "idle-million", Unit: "MiB", About: "1,000,000 idle connections, both ends, in a process of its own (only with -million)", Less: true,
		Run: asked(million, apart("idle-million", func(f footprint) float64 { return f.MiB })), Goals: value(2560)},
	{Name: "heap-conn", Unit: "bytes", About: "heap for each of 10,000 idle TCP connections, both ends together", Less: true,
		Run: inHeap(on(bare, heapPerConn)), Goals: value(2048)},
	{Name: "heap-host", Unit: "bytes", About: "heap for each of 1,000 hosts with one NIC", Less: true,
		Run: inHeap(heapPerHost), Goals: value(4096)},
}

// runLimit ends a run that hangs, so that one defect does not cost the table.
const runLimit = 30 * time.Second

// on makes a measure of what is measured on one network: each run has a new
// one, and starts with the garbage of the run before it gone.
func on(link Link, run func(Network) (Result, error)) func(Contestant) (Result, error) {
	return func(c Contestant) (Result, error) {
		runtime.GC()
		n, err := c.New(link)
		if err != nil {
			return Result{}, err
		}
		return limited(runLimit, func() (Result, error) {
			defer n.Close()
			return run(n)
		})
	}
}

// limited runs something and gives up waiting for it after a while.
func limited(limit time.Duration, run func() (Result, error)) (Result, error) {
	var (
		r    Result
		err  error
		done = make(chan struct{})
	)
	go func() {
		defer close(done)
		r, err = run()
	}()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-done:
		return r, err
	case <-late.C:
		return Result{}, fmt.Errorf("not over after %v", limit)
	}
}

// How long a run of a rate lasts. The warm-up fills caches, congestion windows
// and receive buffers, and is not counted.
const (
	warmUp = 150 * time.Millisecond
	length = 500 * time.Millisecond
)

// A meter takes the wall clock and the process's CPU time over a run.
type meter struct {
	begin time.Time
	cpu   time.Duration
}

func startMeter() meter { return meter{time.Now(), processCPU()} }

// rate gives the result of work that was done since the meter was started.
func (m meter) rate(work float64) Result {
	elapsed := time.Since(m.begin)
	cpu := processCPU() - m.cpu
	r := Result{Value: work / elapsed.Seconds()}
	if cpu > 0 {
		r.PerCPUSecond = work / cpu.Seconds()
	}
	return r
}
