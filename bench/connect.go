package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// doors is how many listeners the connections are spread over. The client keeps
// each closed connection in TIME-WAIT, and with one destination port its
// ephemeral ports (28,232 by Linux's default) would run out within a run.
const doors = 16

// connectInSequence opens and closes connections one after the other.
func connectInSequence(n Network) (Result, error) { return connects(n, 1) }

// connectParallel does the same from 64 goroutines.
func connectParallel(n Network) (Result, error) { return connects(n, 64) }

// connects counts connections that were opened, accepted and closed in order at
// both ends: the client dials, closes its side, and the connection counts when
// the server has accepted it, read the end of the stream and closed too. A
// client dials again as soon as its connection has been counted, so no backlog
// builds up and the accepting side is part of what is measured.
func connects(n Network, clients int) (Result, error) {
	s := &connectServer{counted: make(chan error, clients)}
	defer s.close()
	for range doors {
		if err := s.listen(n); err != nil {
			return Result{}, err
		}
	}
	if _, err := connectFor(n, s, clients, warmUp); err != nil {
		return Result{}, err
	}
	m := startMeter()
	count, err := connectFor(n, s, clients, length)
	return m.rate(float64(count)), err
}

// connectServer accepts, reads to the end and closes, for all its listeners.
type connectServer struct {
	listeners []net.Listener
	counted   chan error // one for each connection that the server has closed
	loops     sync.WaitGroup
}

func (s *connectServer) listen(n Network) error {
	l, err := n.Listen()
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, l)
	s.loops.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.counted <- serveOne(c)
		}
	})
	return nil
}

func serveOne(c net.Conn) error {
	var b [1]byte
	if _, err := c.Read(b[:]); !errors.Is(err, io.EOF) {
		c.Close()
		return fmt.Errorf("the server read %v, not the end of the stream", err)
	}
	return c.Close()
}

func (s *connectServer) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.loops.Wait()
}

// connectFor keeps clients connections under way for d and returns how many
// were completed.
func connectFor(n Network, s *connectServer, clients int, d time.Duration) (int, error) {
	var (
		wg     sync.WaitGroup
		counts = make([]int, clients)
		errs   = make([]error, clients)
	)
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			for door := i; time.Since(began) < d; door++ {
				if errs[i] = connectOnce(n, s, door%doors); errs[i] != nil {
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, c := range counts {
		total += c
	}
	return total, errors.Join(errs...)
}

func connectOnce(n Network, s *connectServer, door int) error {
	c, err := n.Dial(s.listeners[door].Addr())
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	// Any connection will do: what matters is that as many have been closed by
	// the server as were by the clients.
	return <-s.counted
}
