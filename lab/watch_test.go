package lab

import (
	"bytes"
	"io"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/inspect"
	"septet/lab/file"
)

// gated is a disk that stands still until it is opened.
type gated struct {
	bytes.Buffer
	open chan struct{}
}

func (g *gated) Write(b []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(b)
}

// A disk slower than the network holds the network up: no frame is left out.
func TestCaptureWaitsForTheDisk(t *testing.T) {
	const datagrams = 4 * maxCaptured
	l := event.NewReal(1)
	defer l.Close()
	b := build(t, l, parse(t, "two.yaml", two))
	disk := &gated{open: make(chan struct{})}
	finish, err := b.Capture(disk)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		c, err := b.Host("a").Dial("udp", "b:9")
		for i := 0; i < datagrams && err == nil; i++ {
			if _, err = c.Write(make([]byte, 1000)); err != nil {
				_, err = c.Write(make([]byte, 1000)) // the first may be told that nobody listens
			}
		}
		sent <- err
	}()
	queue := b.watches[0].queue
	for until := time.Now().Add(30 * time.Second); len(queue) < cap(queue); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d of %d frames wait for the disk; the queue should be full", len(queue), cap(queue))
		}
	}
	close(disk.open)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	var frames uint64
	for _, d := range b.Directions() {
		frames += d.Stats.Sent
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := finish(); err != nil {
		t.Errorf("the capture should be complete: %v", err)
	}
	capture, err := inspect.NewCapture(&disk.Buffer)
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := capture.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got := uint64(capture.Packets()); got < frames || got < datagrams {
		t.Errorf("the capture has %d of %d frames", got, frames)
	}
}

// Somebody who only looks is not waited for.
func TestSlowWatchersMissFrames(t *testing.T) {
	l := event.NewReal(1)
	defer l.Close()
	b := build(t, l, parse(t, "two.yaml", two))
	hold := make(chan struct{})
	w := b.Watch(func(inspect.Frame) { <-hold }, func() {})
	c, err := b.Host("a").Dial("udp", "b:7")
	if err != nil {
		t.Fatal(err)
	}
	for range maxWatchedBytes/60000 + 100 {
		if _, err := c.Write(make([]byte, 60000)); err != nil {
			t.Fatal(err)
		}
	}
	if w.Missed() == 0 {
		t.Errorf("%d bytes wait for a watcher that stands still, the most is %d", w.bytes.Load(), maxWatchedBytes)
	}
	close(hold)
	b.Close()
}

// A switch sends some frames to all: what one that is not meant loses is no loss.
func TestWants(t *testing.T) {
	i := parse(t, "two.yaml", two).Hosts[1].Interfaces[0]
	frame := func(to header.MAC, kind header.EtherType, ip byte) []byte {
		b := make([]byte, 60)
		h := header.Ethernet{Dst: to, Type: kind}
		h.Put(b)
		arp := header.ARP{Operation: 1, SenderIP: i.Address.Addr(), TargetIP: i.Address.Masked().Addr()}
		for range ip {
			arp.TargetIP = arp.TargetIP.Next()
		}
		arp.Put(b[header.EthernetLen:])
		return b
	}
	all := header.MAC{255, 255, 255, 255, 255, 255}
	for _, c := range []struct {
		why   string
		at    *file.Interface
		frame []byte
		want  bool
	}{
		{"its own", i, frame(i.MAC, header.EtherTypeIPv4, 2), true},
		{"another's", i, frame(header.MAC{2}, header.EtherTypeIPv4, 2), false},
		{"another's, at a switch", nil, frame(header.MAC{2}, header.EtherTypeIPv4, 2), true},
		{"a question for its address", i, frame(all, header.EtherTypeARP, 2), true},
		{"a question for another's", i, frame(all, header.EtherTypeARP, 1), false},
		{"any other broadcast", i, frame(all, header.EtherTypeIPv4, 1), true},
		{"less than a header", i, nil, true},
	} {
		if got := wants(c.at, c.frame); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
