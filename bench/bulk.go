package main

import (
	"errors"
	"net"
	"time"
)

const (
	writeSize = 128 << 10
	readSize  = 256 << 10
)

// bulk sends over one connection for as long as a run lasts and counts, in
// megabytes (10^6 bytes) a second, what the reader has read.
func bulk(n Network) (Result, error) {
	client, server, err := pair(n)
	if err != nil {
		return Result{}, err
	}

	over := make(chan struct{})
	go func() {
		defer close(over)
		flood(client)
	}()
	r, err := drain(server)
	server.Close() // ends the writer
	<-over
	if err == nil {
		err = n.Check()
	}
	r.Value /= 1e6
	r.PerCPUSecond /= 1e6
	return r, err
}

// flood writes until the reader has gone away. If it ends before, the reader
// finds out.
func flood(c net.Conn) {
	defer c.Close()
	buf := make([]byte, writeSize)
	for i := range buf {
		buf[i] = byte(i)
	}
	for {
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// compared is how many bytes at the start of the stream the reader compares with
// what the writer sends; that is over long before the counted time begins.
const compared = 1 << 20

// drain reads for warmUp and then for length, and counts the latter.
func drain(c net.Conn) (Result, error) {
	buf := make([]byte, readSize)
	offset := 0
	for began := time.Now(); time.Since(began) < warmUp; {
		n, err := c.Read(buf)
		if err != nil {
			return Result{}, err
		}
		for i, b := range buf[:min(n, max(0, compared-offset))] {
			if b != byte(offset+i) {
				return Result{}, errors.New("the reader got other bytes than were written")
			}
		}
		offset += n
	}
	total := 0
	m := startMeter()
	for time.Since(m.begin) < length {
		n, err := c.Read(buf)
		if err != nil {
			return Result{}, err
		}
		total += n
	}
	return m.rate(float64(total)), nil
}

// pair opens one connection and returns its two ends.
func pair(n Network) (client, server net.Conn, err error) {
	l, err := n.Listen()
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	type accepted struct {
		c   net.Conn
		err error
	}
	got := make(chan accepted, 1)
	go func() {
		c, err := l.Accept()
		got <- accepted{c, err}
	}()
	client, err = n.Dial(l.Addr())
	if err != nil {
		return nil, nil, err
	}
	a := <-got
	if a.err != nil {
		client.Close()
		return nil, nil, a.err
	}
	return client, a.c, nil
}
