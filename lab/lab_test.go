package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"septet/event"
	"septet/inspect"
	"septet/inspect/check/checktest"
	"septet/lab/file"
)

func parse(t *testing.T, name, source string) *file.Lab {
	t.Helper()
	about, err := file.Parse(name, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return about
}

func read(t *testing.T, name string) *file.Lab {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, name, string(source))
}

// build makes a lab with its services running. In simulated time all its wires
// are judged by the rules of TCP.
func build(t *testing.T, l *event.Loop, about *file.Lab) *Lab {
	t.Helper()
	b, err := Build(l, about)
	if err != nil {
		t.Fatal(err)
	}
	if l.Simulated() {
		b.Watch(checktest.Frames(t), nil)
	}
	if err := b.StartServices(); err != nil {
		t.Fatal(err)
	}
	return b
}

// reports collects what a script says.
type reports struct {
	mu  sync.Mutex
	all []Report
}

func (r *reports) add(e Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

func (r *reports) String() string {
	var b strings.Builder
	for _, e := range r.all {
		fmt.Fprintln(&b, e.At, e.Text, e.Err)
	}
	return b.String()
}

// A bubble ends only when every goroutine in it has ended: these tests also
// show that Close leaves none behind.
func inBubble(t *testing.T, about *file.Lab, f func(b *Lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := event.NewBubble(1)
		b := build(t, l, about)
		f(b)
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		l.Close()
		if n := b.pool.Live(); n != 0 {
			t.Logf("%d packets were on wires when the lab was closed", n)
		}
	})
}

func TestScriptsOfTheLabs(t *testing.T) {
	for name, says := range map[string][]string{
		"../labs/first.yaml": {"pc1 pings pc2 (10.0.1.11): 3 sent, 3 received", "pc1 pings www (10.0.2.80): 3 sent, 3 received",
			`received "hello over TCP\n"`, `received "hello over UDP\n"`, "200 OK"},
		"../labs/lossy.yaml": {"link r1:line - r2:line changed", "link r1:line - r2:line is down", "link r1:line - r2:line is up", `received "and now?\n"`},
	} {
		inBubble(t, read(t, name), func(b *Lab) {
			var said reports
			if err := b.RunScript(said.add); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, s := range says {
				if !strings.Contains(said.String(), s) {
					t.Errorf("%s should say %q; it said:\n%s", name, s, said.String())
				}
			}
		})
	}
}

const two = `
hosts:
  a: {address: 10.0.0.1/24}
  b: {address: 10.0.0.2/24, services: [echo: {port: 7}, web: {port: 80, text: "here I am"}]}
links:
  - a - b
`

func TestStepsThatFailAreNamedAndTheOthersStillRun(t *testing.T) {
	about := parse(t, "bad.yaml", two+`script:
  - {host: a, connect: {to: b:9, send: x}}
  - {host: a, connect: {to: b:7, send: "x\n", expect: "y\n"}}
  - {host: a, get: {url: http://b/, expect: not there}}
  - {host: a, udp: {to: b:7, send: last, expect: last}}
`)
	inBubble(t, about, func(b *Lab) {
		var said reports
		err := b.RunScript(said.add)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the script's error should be that of its steps: %v", err)
		}
		for _, s := range []string{"bad.yaml:8: ", "bad.yaml:9: ", "bad.yaml:10: ", `received "x\n", expected "y\n"`, `the page does not have "not there"`} {
			if !strings.Contains(fmt.Sprint(err), s) {
				t.Errorf("the script's error should have %q, it is: %v", s, err)
			}
		}
		if !strings.Contains(said.String(), `received "last"`) {
			t.Errorf("the last step should have run:\n%s", said.String())
		}
	})
}

func TestPingsTellDuplicatesErrorsAndSilence(t *testing.T) {
	about := parse(t, "pings.yaml", `
hosts:
  a: {address: 10.0.0.1/24, gateway: 10.0.0.254}
  b: {address: 10.0.0.2/24}
routers:
  r: {interfaces: {eth0: 10.0.0.254/24}}
switches: [s]
links:
  - {link: a - s, from s: {duplicate: 100%}}
  - b - s
  - r - s
script:
  - {host: a, ping: {to: b, count: 1, size: 0}}
  - {host: a, ping: {to: 10.9.9.9, count: 1}}
  - {link: b - s, state: down}
  - {host: a, timeout: 2s, ping: {to: b, count: 1}}
`)
	inBubble(t, about, func(b *Lab) {
		var said reports
		_ = b.RunScript(said.add)
		for _, s := range []string{
			"  0 bytes from b: seq 1 ttl 64 time 0s", "  0 bytes from b: seq 1 ttl 64 again", "1 sent, 1 received, +1 duplicates, min/avg/max 0s/0s/0s",
			"  seq 1: r says destination net unreachable", "  seq 1: no reply within 2s",
		} {
			if !strings.Contains(said.String(), s) {
				t.Errorf("the pings should say %q; they said:\n%s", s, said.String())
			}
		}
	})
}

func TestClosingTheLabEndsAScript(t *testing.T) {
	about := parse(t, "long.yaml", two+"script:\n  - {host: a, ping: {to: b, count: 1000}}\n  - {host: a, udp: {to: b:7, send: x}}\n")
	inBubble(t, about, func(b *Lab) {
		var said reports
		done := make(chan error, 1)
		go func() { done <- b.RunScript(said.add) }()
		b.Loop.Sleep(10 * time.Second)
		b.Close()
		if err := <-done; err != nil {
			t.Errorf("what the end of the lab cuts off has not failed: %v", err)
		}
		if strings.Contains(said.String(), "datagram") {
			t.Errorf("after the lab's end no further step should run:\n%s", said.String())
		}
	})
}

// Pages one after the other, at once: no packet's place may depend on what Go's
// scheduler runs first.
func TestPagesRepeat(t *testing.T) {
	script := "script:\n"
	for range 20 {
		script += "  - {at: 0s, host: a, get: http://b/}\n" + strings.Repeat("  - {host: a, get: http://b/}\n", 4)
	}
	record := func() []byte {
		var out bytes.Buffer
		inBubble(t, parse(t, "pages.yaml", two+script), func(b *Lab) {
			finish, err := b.Capture(&out)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.RunScript(func(Report) {}); err != nil {
				t.Error(err)
			}
			b.Close()
			if err := finish(); err != nil {
				t.Error(err)
			}
		})
		return out.Bytes()
	}
	first := record()
	for range 20 {
		if !bytes.Equal(first, record()) {
			t.Fatal("the same seed gave two different captures")
		}
	}
}

func TestCaptureHasEveryWireAndRepeats(t *testing.T) {
	record := func() []byte {
		var out bytes.Buffer
		inBubble(t, read(t, "../labs/first.yaml"), func(b *Lab) {
			finish, err := b.Capture(&out)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.RunScript(func(Report) {}); err != nil {
				t.Error(err)
			}
			b.Loop.Sleep(time.Second)
			b.Close()
			if err := finish(); err != nil {
				t.Error(err)
			}
		})
		return out.Bytes()
	}
	first := record()
	if !bytes.Equal(first, record()) {
		t.Error("the same seed gave two different captures")
	}
	capture, err := inspect.NewCapture(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for {
		f, err := capture.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p := inspect.Dissect(f.LinkType, f.Data)
		if len(p.Malformed())+len(p.BadChecksums()) > 0 {
			t.Errorf("a frame is malformed or has a bad checksum: %x", f.Data)
		}
		seen[capture.InterfaceName(f.Interface)]++
	}
	for _, wire := range []string{"pc1 - s1", "pc2 - s1", "r1:eth0 - s1", "r1:eth1 - www"} {
		if seen[wire] == 0 {
			t.Errorf("no frame of wire %q in the capture: %v", wire, seen)
		}
	}
}

// published runs the lab of two hosts in real time, with a port published to
// `to`, and gives the port's address.
func published(t *testing.T, protocol, to string, f func(address string)) {
	t.Helper()
	before := runtime.NumGoroutine()
	address := freeAddress(t)
	about := parse(t, "two.yaml", two+fmt.Sprintf("publish:\n  - {listen: %s, to: %s, from: a, protocol: %s}\n", address, to, protocol))
	l := event.NewReal(1)
	b := build(t, l, about)
	if err := b.Publish(); err != nil {
		t.Fatal(err)
	}
	f(address)
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	l.Close()
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("goroutines are left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestPublishedStream(t *testing.T) {
	published(t, "tcp", "b:7", func(address string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sent := bytes.Repeat([]byte("to and fro "), 50_000)
		go func() {
			c.Write(sent)
			c.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d of %d bytes came back through the lab: %v", len(got), len(sent), err)
		}
	})
}

func TestPublishedPortWithNobodyBehindResetsTheClient(t *testing.T) {
	published(t, "tcp", "b:9", func(address string) {
		c, err := net.Dial("tcp", address)
		if err == nil { // the reset may come before the kernel's connect returns
			defer c.Close()
			_, err = c.Read(make([]byte, 1))
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client should be reset, as the lab's host resets: %v", err)
		}
	})
}

func TestPublishedDatagrams(t *testing.T) {
	published(t, "udp", "b:7", func(address string) {
		for i := range 3 { // three clients, each gets its own answer
			c, err := net.Dial("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(c, "client %d", i)
			buf := make([]byte, 100)
			if n, err := c.Read(buf); err != nil || string(buf[:n]) != fmt.Sprintf("client %d", i) {
				t.Errorf("client %d got %q, %v", i, buf[:n], err)
			}
		}
	})
}

func TestPublishedPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	l := event.NewReal(1)
	defer l.Close()
	b := build(t, l, parse(t, "two.yaml", two+fmt.Sprintf("publish:\n  - {listen: %v, to: b:7, from: a}\n", taken.Addr())))
	defer b.Close()
	err = b.Publish()
	if len(b.closers) != 3 {
		t.Errorf("%d things are open, should be the three sockets of the services", len(b.closers))
	}
	var inUse *PortInUseError
	if !errors.As(err, &inUse) || !errors.Is(err, syscall.EADDRINUSE) || inUse.Listen.String() != taken.Addr().String() {
		t.Errorf("Publish on a port that is taken: %v", err)
	}
}
