package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// captureLoopback has tcpdump write what crosses this machine's loopback to a file,
// until stop is called.
func captureLoopback(t *testing.T, filter string, options ...string) (file string, stop func()) {
	t.Helper()
	tcpdump := tool(t, "tcpdump")
	if os.Geteuid() != 0 {
		if os.Getenv("SEPTET_REAL_PEERS") != "" {
			t.Fatal("taking a capture of the real loopback needs root, and SEPTET_REAL_PEERS is set")
		}
		t.Skip("taking a capture of the real loopback needs root")
	}
	file = filepath.Join(t.TempDir(), "lo.pcap")
	args := append([]string{"-i", "lo", "-U", "--immediate-mode", "-B", "65536", "-w", file}, options...)
	dump := exec.Command(tcpdump, append(args, filter)...)
	says, err := dump.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(says)
	for !strings.Contains(lines.Text(), "listening") {
		if !lines.Scan() {
			t.Fatalf("tcpdump ended: %v", dump.Wait())
		}
	}
	return file, sync.OnceFunc(func() {
		_ = dump.Process.Signal(os.Interrupt)
		for lines.Scan() {
			t.Log("tcpdump: " + lines.Text())
		}
		_ = dump.Wait()
	})
}

// TestRealLoopbackKeepsTheRules: the kernel's own TCP, with whatever congestion
// control it has, does nothing that the judge holds against it: it would be the
// judge's mistake. The traffic is downloads, also at once, a slow reader, half
// closed and reset connections, and a port at which nobody is.
func TestRealLoopbackKeepsTheRules(t *testing.T) {
	for _, c := range []struct {
		name, says string
		options    []string
	}{
		{"whole packets", "", nil},
		{"packets that are cut", "packets are cut", []string{"-s", "96"}},
		{"the interface that stands for all", "", []string{"-i", "any"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			web, own := freePort(t), realServer(t)
			_, closed, _ := net.SplitHostPort(freePort(t))
			filter := "tcp port " + closed
			for _, address := range []string{web, own} {
				_, port, _ := net.SplitHostPort(address)
				filter += " or tcp port " + port
			}
			capture, stop := captureLoopback(t, filter, c.options...)
			defer stop()
			downloads(t, web)
			habits(t, own, closed)
			waitForText(t, capture, lastWords)
			stop()
			out, errs, code := septet(t, "explain", "--check", capture)
			if code != exitOK || !strings.Contains(out, ": nothing wrong") {
				t.Errorf("the kernel's TCP keeps the rules; the judge says (exit code %d)\n%s%s", code, out, errs)
			}
			expect(t, "explain --check", out, c.says, "checked ", " connections")
			t.Log(out)
		})
	}
}

const lastWords = "the last words of the capture"

// waitForText waits until tcpdump has written a packet with the text: it gets its
// packets from the kernel a little later.
func waitForText(t *testing.T, file, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(text)) {
			return
		}
	}
	t.Error("tcpdump has not written the last packets")
}

// downloads has curl get several megabytes from Python's web server: one after the
// other, at once, and less than all.
func downloads(t *testing.T, address string) {
	curl, python := tool(t, "curl"), tool(t, "python3")
	dir := t.TempDir()
	data := make([]byte, 5<<20)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(data)
	if err := os.WriteFile(filepath.Join(dir, "data"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	server := exec.Command(python, "-m", "http.server", "--bind", host, "--directory", dir, port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	url := "http://" + address + "/data"
	get := func(to string, more ...string) {
		args := append([]string{"--silent", "--show-error", "--retry", "40", "--retry-connrefused", "--retry-delay", "0",
			"--retry-max-time", "20", "--output", filepath.Join(dir, to)}, more...)
		command(t, "", curl, append(args, url)...)
		if got, err := os.ReadFile(filepath.Join(dir, to)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("curl has %d bytes of %d, or others: %v", len(got), len(data), err)
		}
	}
	get("first")
	get("slow", "--limit-rate", "8M")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { get(fmt.Sprint("at once ", i)) })
	}
	all.Wait()
	// The client has enough before the server has said all: a reset.
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /data HTTP/1.0\r\n\r\n")
	_, _ = io.ReadFull(c, make([]byte, 100<<10))
	c.Close()
}

// realServer answers each connection, when the client has said all, with what it
// said, and closes.
func realServer(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if said, err := io.ReadAll(c); err == nil {
					_, _ = c.Write(said)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// habits makes connections that end in different ways.
func habits(t *testing.T, address, closed string) {
	dial := func() *net.TCPConn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn)
	}
	if c, err := net.Dial("tcp", "127.0.0.1:"+closed); err == nil {
		c.Close()
		t.Fatal("nobody should be at the port that was free")
	}
	reset := dial() // with data on its way
	_, _ = reset.Write(make([]byte, 300<<10))
	_ = reset.SetLinger(0)
	reset.Close()

	small := dial() // many small segments, then half closed
	for i := range 100 {
		fmt.Fprintf(small, "line %d\n", i)
	}
	_ = small.CloseWrite()
	if said, err := io.ReadAll(small); err != nil || !strings.HasSuffix(string(said), "line 99\n") {
		t.Errorf("after the half close: %q, %v", said, err)
	}
	small.Close()

	slow := dial() // whose window shuts
	_, _ = slow.Write(make([]byte, 1<<20))
	_ = slow.CloseWrite()
	time.Sleep(700 * time.Millisecond) // the real kernel probes the window meanwhile
	_, _ = io.Copy(io.Discard, slow)
	slow.Close()

	last := dial()
	fmt.Fprint(last, lastWords)
	last.Close()
}
