package echo

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

func spawn(_ string, f func()) { go f() }

// The kernel's sockets serve as the network here: the service knows only the
// shapes of package net.
func TestStreamsComeBackWholeAndEndAfterTheirPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- ServeStream(l, spawn) }()
	sent := bytes.Repeat([]byte("echo "), 100_000)
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c.Write(sent)
			c.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d of %d bytes came back: %v", len(got), len(sent), err)
		}
		c.Close()
	}
	l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener should end the service with net.ErrClosed: %v", err)
	}
}

func TestDatagramsComeBackOneByOne(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- ServeDatagrams(pc) }()
	c, err := net.Dial("udp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 2000)
	for _, want := range []string{"one", "", "three"} { // an empty datagram is one too
		c.Write([]byte(want))
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("sent %q, got %q, %v", want, buf[:n], err)
		}
	}
	pc.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket should end the service with net.ErrClosed: %v", err)
	}
}
