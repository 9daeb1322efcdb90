package lab

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"septet/event"
)

// A port that is open lets nobody in before Publish: no client's packet may be
// missing in a capture that begins in between.
func TestOpenPortsLetNobodyIn(t *testing.T) {
	address := freeAddress(t)
	l := event.NewReal(1)
	defer l.Close()
	b := build(t, l, parse(t, "two.yaml", two+fmt.Sprintf("publish:\n  - {listen: %s, to: b:7, from: a}\n", address)))
	defer b.Close()
	if err := b.OpenPorts(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("an open port should take connections: %v", err)
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	if sent := b.Directions()[0].Stats.Sent; sent != 0 {
		t.Errorf("%d frames were sent before Publish, should be none", sent)
	}
	if err := b.Publish(); err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Errorf("after Publish the client should be served: %v", err)
	}
}
