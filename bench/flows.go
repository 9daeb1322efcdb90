package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// flowRead is how much each reader asks for at a time, be they one or a thousand: more
// would be the readers' memory rather than the network's.
const flowRead = 16 << 10

// flows is bulk on many connections at once: the bytes that all readers together
// have read, in megabytes (10^6 bytes) a second.
func flows(count int) func(Network) (Result, error) {
	return func(n Network) (Result, error) {
		var clients, servers []net.Conn
		for range count {
			client, server, err := pair(n)
			if err != nil {
				return Result{}, err
			}
			clients, servers = append(clients, client), append(servers, server)
		}
		var ends sync.WaitGroup
		var total atomic.Int64
		var stop atomic.Bool
		// One for all: the memory of the applications is not what is measured.
		from := make([]byte, writeSize)
		for i, server := range servers {
			ends.Go(func() { floodUntil(&stop, clients[i], from) })
			ends.Go(func() { readInto(server, &total) })
		}
		time.Sleep(2 * warmUp)
		before := total.Load()
		m := startMeter()
		time.Sleep(length)
		r := m.rate(float64(total.Load()-before) / 1e6)
		stop.Store(true)
		ends.Wait()
		if r.Value == 0 {
			return r, fmt.Errorf("nothing was read on %d connections", count)
		}
		return r, n.Check()
	}
}

// floodUntil writes until it is told to stop. To close a connection from outside
// would take its time here: a thousand others want the turn too.
func floodUntil(stop *atomic.Bool, c net.Conn, from []byte) {
	defer c.Close()
	for !stop.Load() {
		if _, err := c.Write(from); err != nil {
			return
		}
	}
}

// readInto reads until the end and adds up the bytes.
func readInto(c net.Conn, total *atomic.Int64) {
	defer c.Close()
	buf := make([]byte, flowRead)
	for {
		n, err := c.Read(buf)
		total.Add(int64(n))
		if err != nil {
			return
		}
	}
}
