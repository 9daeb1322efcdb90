package main

import (
	"net"
	"time"
)

// roundTrips sends one byte to an echo server and reads it back, over and over,
// on one connection: two goroutines and blocking calls.
func roundTrips(n Network) (Result, error) {
	client, server, err := pair(n)
	if err != nil {
		return Result{}, err
	}
	defer client.Close()
	defer server.Close()
	go echo(server)

	if _, err := pingPong(client, warmUp); err != nil {
		return Result{}, err
	}
	m := startMeter()
	count, err := pingPong(client, length)
	return m.rate(float64(count)), err
}

// batch is how often something short is done between two looks at the clock.
const batch = 16

func pingPong(c net.Conn, d time.Duration) (count int, err error) {
	var b [1]byte
	for began := time.Now(); time.Since(began) < d; count += batch {
		for range batch {
			if _, err := c.Write(b[:]); err != nil {
				return count, err
			}
			if _, err := c.Read(b[:]); err != nil {
				return count, err
			}
		}
	}
	return count, nil
}

func echo(c net.Conn) {
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
		if _, err := c.Write(b[:]); err != nil {
			return
		}
	}
}
