package host_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/packet"
)

// TestStreamOverLoopback: the MTU of "lo" is more than a datagram can have, and a
// full segment must not be as long.
func TestStreamOverLoopback(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "pc1")
	defer h.Close()
	ln, err := h.Listen("tcp", "127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("all of it, in order. "), 100_000)
	var received []byte
	l.Go("server", func() {
		var c net.Conn
		if c, err = ln.Accept(); err == nil {
			received, err = io.ReadAll(c)
		}
		if err != nil {
			t.Errorf("server: %v", err)
		}
	})
	l.Go("client", func() {
		c, err := h.Dial("tcp", "127.0.0.1:80")
		if err == nil {
			_, err = c.Write(sent)
			c.Close()
		}
		if err != nil {
			t.Errorf("client: %v", err)
		}
	})
	if err := l.Run(event.Time(time.Second)); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(received, sent) {
		t.Errorf("%d bytes of %d arrived, or others", len(received), len(sent))
	}
	if n := h.Network.Stats().OutTooLong; n != 0 {
		t.Errorf("%d segments were longer than a datagram can be", n)
	}
}
