package main

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/host"
	"septet/packet"
)

// gap is how long another host of the same network waits for an answer, in real
// time and at median, while a connection between two hosts sends as fast as it
// can. In microseconds.
func gap() (Result, error) {
	loop, pool := event.NewReal(1), &packet.Pool{}
	defer loop.Close()
	var hosts []*host.Host
	for i, name := range []string{"sender", "receiver", "asks", "answers"} {
		h := host.New(loop, pool, name)
		defer h.Close()
		hosts = append(hosts, h)
		if i%2 == 0 {
			continue
		}
		wire := newWire(loop, pool, 1500)
		prefixes := [...]netip.Prefix{prefix(septetClient + "/24"), prefix(septetServer + "/24")}
		if _, err := hosts[i-1].Attach("eth0", wire.A(), prefixes[0]); err != nil {
			return Result{}, err
		}
		if _, err := h.Attach("eth0", wire.B(), prefixes[1]); err != nil {
			return Result{}, err
		}
	}
	_, busy, err := between(hosts[0], hosts[1], flood)
	if err != nil {
		return Result{}, err
	}
	defer busy.Close()
	go func() {
		for buf := make([]byte, readSize); err == nil; {
			_, err = busy.Read(buf)
		}
	}()
	asks, answers, err := between(hosts[2], hosts[3], nil)
	if err != nil {
		return Result{}, err
	}
	defer asks.Close()
	defer answers.Close()
	go echo(answers)
	time.Sleep(warmUp)
	var gaps []float64
	var b [1]byte
	for began := time.Now(); time.Since(began) < length; time.Sleep(time.Millisecond) {
		asked := time.Now()
		if _, err := asks.Write(b[:]); err != nil {
			return Result{}, err
		}
		if _, err := asks.Read(b[:]); err != nil {
			return Result{}, err
		}
		gaps = append(gaps, float64(time.Since(asked).Nanoseconds())/1e3)
	}
	slices.Sort(gaps)
	return Result{Value: gaps[len(gaps)/2]}, nil
}

// between opens a connection from one host to another, and has work done at its
// beginning if there is any to do.
func between(from, to *host.Host, work func(net.Conn)) (client, server net.Conn, err error) {
	l, err := to.Listen("tcp", at("10.0.0.2", 80))
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if client, err = from.Dial("tcp", at("10.0.0.2", 80)); err != nil {
		return nil, nil, err
	}
	if server, err = l.Accept(); err != nil {
		return nil, nil, err
	}
	if work != nil {
		go work(client)
	}
	return client, server, nil
}
