package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// flows is bulk on many connections at once: the bytes that all readers together
// have read, in megabytes (10^6 bytes) a second.
func flows(count int) func(Network) (Result, error) {
	return func(n Network) (Result, error) {
		if count == 1 {
			return bulk(n)
		}
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
		for i, server := range servers {
			ends.Go(func() { flood(clients[i]) })
			ends.Go(func() { readInto(server, &total) })
		}
		time.Sleep(2 * warmUp)
		before := total.Load()
		m := startMeter()
		time.Sleep(length)
		r := m.rate(float64(total.Load()-before) / 1e6)
		for _, server := range servers {
			server.Close()
		}
		ends.Wait()
		if r.Value == 0 {
			return r, fmt.Errorf("nothing was read on %d connections", count)
		}
		return r, n.Check()
	}
}

// readInto reads until the end and adds up the bytes.
func readInto(c net.Conn, total *atomic.Int64) {
	buf := make([]byte, writeSize)
	for {
		n, err := c.Read(buf)
		total.Add(int64(n))
		if err != nil {
			return
		}
	}
}
