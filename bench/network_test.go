package main

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"
)

// What the measures rely on, for each contestant.
func TestNetworks(t *testing.T) {
	for _, c := range contestants {
		t.Run(c.Name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			n, err := c.New(bare65535)
			if err != nil {
				t.Fatal(err)
			}
			stream(t, n)
			datagram(t, n)
			if err := n.Check(); err != nil {
				t.Error(err)
			}
			n.Close()
			leftBehind(t, before)
		})
	}
}

// stream sends a megabyte and the end of the stream through one connection.
func stream(t *testing.T, n Network) {
	t.Helper()
	client, server, err := pair(n)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	sent := bytes.Repeat([]byte("septet "), 1<<20/7)
	go func() {
		client.Write(sent)
		client.Close()
	}()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came (%v), should be the %d that were sent", len(got), err, len(sent))
	}
}

func datagram(t *testing.T, n Network) {
	t.Helper()
	server, err := n.ListenPacket()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := n.DialPacket(server.LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16)
	size, from, err := server.ReadFrom(b)
	if err != nil || string(b[:size]) != "hello" || from == nil {
		t.Errorf("%q came from %v (%v), should be hello from the client", b[:size], from, err)
	}
}

// leftBehind waits for goroutines that are ending.
func leftBehind(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left, there were %d: the next run would not be alone", runtime.NumGoroutine(), before)
}

// The kernel's loopback has no real frames of 1500 bytes.
func TestKernelOffersBareLinksOnly(t *testing.T) {
	if _, err := newKernel(frames1500); !errors.Is(err, errNotOffered) {
		t.Errorf("the kernel at MTU 1500 gave %v, should not be offered", err)
	}
}

func TestHostsEnd(t *testing.T) {
	for _, c := range contestants {
		if c.Hosts == nil {
			continue
		}
		before := runtime.NumGoroutine()
		end, err := c.Hosts(10)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		end()
		leftBehind(t, before)
	}
}
