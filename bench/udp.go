package main

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

const datagramSize = 1200

// datagrams sends datagrams as fast as the client can and counts those that the
// server has received. What the network drops in between is not counted.
func datagrams(n Network) (r Result, err error) {
	server, err := n.ListenPacket()
	if err != nil {
		return Result{}, err
	}
	client, err := n.DialPacket(server.LocalAddr())
	if err != nil {
		server.Close()
		return Result{}, err
	}

	var stop atomic.Bool
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		buf := make([]byte, datagramSize)
		for !stop.Load() {
			// A full queue on the way out is a datagram lost, no more.
			_, _ = client.Write(buf)
		}
	}()
	if _, err = countDatagrams(server, warmUp); err == nil {
		m := startMeter()
		var count int
		count, err = countDatagrams(server, length)
		r = m.rate(float64(count))
	}
	stop.Store(true)
	<-sent
	client.Close()
	server.Close()
	return r, err
}

func countDatagrams(c net.PacketConn, d time.Duration) (count int, err error) {
	buf := make([]byte, 2*datagramSize)
	for began := time.Now(); time.Since(began) < d; {
		for range batch {
			size, _, err := c.ReadFrom(buf)
			if err != nil {
				return count, err
			}
			if size != datagramSize {
				return count, fmt.Errorf("a datagram of %d bytes came, where %d are sent", size, datagramSize)
			}
			count++
		}
	}
	return count, nil
}
