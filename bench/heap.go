package main

import (
	"fmt"
	"net"
	"runtime"
	"time"
)

const (
	idleConns = 10_000
	bareHosts = 1_000
	// parked is how many goroutines more may be left than before: a stack may
	// have some of its own, but none for each connection.
	parked = 100
)

// heapPerConn opens connections, exchanges nothing on them, and gives the heap
// that each takes, both ends together.
func heapPerConn(n Network) (Result, error) {
	l, err := n.Listen()
	if err != nil {
		return Result{}, err
	}
	defer l.Close()
	ends := make([]net.Conn, 0, 2*idleConns)
	defer func() {
		for _, c := range ends {
			c.Close()
		}
	}()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	goroutines := runtime.NumGoroutine()
	before := settledHeap()
	for range idleConns {
		c, err := n.Dial(l.Addr())
		if err != nil {
			return Result{}, err
		}
		s, ok := <-accepted
		if !ok {
			return Result{}, net.ErrClosed
		}
		ends = append(ends, c, s)
	}
	heap := settledHeap() - before
	if more := runtime.NumGoroutine() - goroutines; more > parked {
		return Result{}, fmt.Errorf("%d goroutines are parked for %d connections", more, idleConns)
	}
	return Result{Value: float64(heap) / idleConns}, nil
}

// inHeap leaves out the contestants whose memory this process's heap does not show.
func inHeap(run func(Contestant) (Result, error)) func(Contestant) (Result, error) {
	return func(c Contestant) (Result, error) {
		if c.Hosts == nil {
			return Result{}, errNotOffered
		}
		return run(c)
	}
}

// heapPerHost makes hosts with one NIC each and gives the heap that each takes.
func heapPerHost(c Contestant) (Result, error) {
	before := settledHeap()
	end, err := c.Hosts(bareHosts)
	if err != nil {
		return Result{}, err
	}
	heap := settledHeap() - before
	end()
	return Result{Value: float64(heap) / bareHosts}, nil
}

// settledHeap returns the bytes of live heap objects. It collects until two
// readings agree: pools give up their content over two collections, and
// finalizers and goroutines that are ending need a moment.
func settledHeap() int64 {
	last := int64(-1)
	for range 20 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		now := int64(s.HeapAlloc)
		if last >= 0 && max(now-last, last-now) < 16<<10 {
			return now
		}
		last = now
		time.Sleep(20 * time.Millisecond)
	}
	return last
}

// mallocs returns how many objects have been allocated so far.
func mallocs() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.Mallocs
}
