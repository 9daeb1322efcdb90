package kernel

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/inspect"
	"septet/inspect/check"
	"septet/network"
	"septet/packet"
	"septet/physical"
	"septet/physical/tapdevice"
	"septet/socket"
	"septet/transport/tcp"
)

// lab is a network of ours in real time with the kernel in it.
type lab struct {
	t    *testing.T
	loop *event.Loop
	pool packet.Pool
	*namespace
}

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel() // most of the time they wait
	l := &lab{t: t, namespace: newNamespace(t), loop: event.NewReal(1)}
	t.Cleanup(l.loop.Close)
	return l
}

// cable is one between us and the kernel, with a tap on it.
type cable struct {
	*physical.Wire
	lab    *lab
	device *tapdevice.Device
	// toKernel and toUs, if set, change frames on their way, as a router would.
	toKernel, toUs func(frame []byte)

	mu     sync.Mutex
	frames []inspect.Frame
}

// cable brings up the kernel's interface name and lays a cable to it, of which A is
// our end. When the test ends, tshark and the judge look at what has crossed it.
func (l *lab) cable(name string, mtu int) *cable {
	l.t.Helper()
	device, err := tapdevice.Open(l.loop, &l.pool, tapdevice.Config{Name: name, Namespace: l.file, MTU: mtu})
	if err != nil {
		l.t.Fatal(err)
	}
	c := &cable{lab: l, device: device}
	l.loop.Lock()
	// Unjudged: until the test ends, see judge.
	c.Wire = physical.NewWire(l.loop, &l.pool, mtu, physical.Impairment{}, physical.Impairment{})
	c.Tap(c)
	c.B().OnReceive(c.through(&c.toKernel, device))
	device.OnReceive(c.through(&c.toUs, c.B()))
	l.loop.Unlock()
	l.t.Cleanup(func() {
		c.pull()
		c.judge()
	})
	l.ip("link set " + name + " up")
	return c
}

func (c *cable) through(change *func([]byte), to physical.Port) func(*packet.Packet) {
	return func(p *packet.Packet) {
		if *change != nil {
			(*change)(p.Touch())
		}
		to.Transmit(p)
	}
}

// pull takes the kernel's interface away.
func (c *cable) pull() {
	if err := c.device.Close(); err != nil {
		c.lab.t.Errorf("close of the device: %v", err)
	}
}

// Frame notes what crosses the cable.
func (c *cable) Frame(at event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Sent {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, inspect.Frame{
		Time: inspect.Epoch.Add(time.Duration(at)), LinkType: inspect.LinkEthernet,
		Length: p.Len(), Data: bytes.Clone(p.Bytes()),
	})
}

// seen returns the frames so far.
func (c *cable) seen() []inspect.Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[:len(c.frames):len(c.frames)]
}

// save writes the frames to a capture file.
func (c *cable) save() string {
	c.lab.t.Helper()
	name := filepath.Join(c.lab.t.TempDir(), c.device.Name()+".pcapng")
	f, err := os.Create(name)
	if err != nil {
		c.lab.t.Fatal(err)
	}
	w, err := inspect.NewCaptureWriter(f, []inspect.Interface{{Name: c.device.Name(), LinkType: inspect.LinkEthernet}})
	if err != nil {
		c.lab.t.Fatal(err)
	}
	for _, frame := range c.seen() {
		if err := w.Write(frame); err != nil {
			c.lab.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		c.lab.t.Fatal(err)
	}
	return name
}

// tshark returns a line for each frame that the filter selects.
func (c *cable) tshark(filter string, fields ...string) []string {
	c.lab.t.Helper()
	args := []string{"-n", "-r", c.save(), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
		"-o", "udp.check_checksum:TRUE", "-Y", filter}
	if len(fields) > 0 {
		args = append(args, "-T", "fields")
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out := c.lab.run(tool(c.lab.t, "tshark"), args...)
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Running as user") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return lines
}

// judge has tshark and our own judge look at all that has crossed the cable.
func (c *cable) judge() {
	t := c.lab.t
	t.Helper()
	// What an ICMP error quotes is cut, and its checksum that of the whole.
	bad := c.tshark("_ws.malformed || ip.checksum.status == 0 || igmp.checksum.status == 0" +
		" || icmp.checksum.status == 0 || icmpv6.checksum.status == 0" +
		" || (tcp.checksum.status == 0 || udp.checksum.status == 0) && !icmp && !icmpv6")
	if len(bad) > 0 {
		t.Errorf("tshark finds these malformed, or with a wrong checksum:\n%s", strings.Join(bad, "\n"))
	}
	k := check.New(check.Options{})
	for _, f := range c.seen() {
		k.Feed(f)
	}
	r := k.Finish()
	for _, f := range r.Findings {
		if f.Severity == check.Violation {
			var text strings.Builder
			_ = r.Write(&text)
			t.Errorf("the judge finds:\n%s", &text)
			return
		}
	}
}

// host returns a host of ours with a card on port, with addresses on the networks of
// the prefixes, one of IPv4 first, and the routers given.
func (l *lab) host(name string, port physical.Port, prefixes ...string) *host.Host {
	l.t.Helper()
	h := host.New(l.loop, &l.pool, name)
	l.t.Cleanup(h.Close)
	l.attach(h, "eth0", port, prefixes...)
	return h
}

func (l *lab) attach(h *host.Host, card string, port physical.Port, prefixes ...string) *network.Interface {
	l.t.Helper()
	var first netip.Prefix
	if len(prefixes) > 0 {
		first = netip.MustParsePrefix(prefixes[0])
	}
	i, err := h.Attach(card, port, first)
	if err != nil {
		l.t.Fatal(err)
	}
	l.loop.Lock()
	defer l.loop.Unlock()
	for _, p := range prefixes[min(1, len(prefixes)):] {
		if err := i.AddAddress(netip.MustParsePrefix(p)); err != nil {
			l.t.Fatalf("%s of %s: %v", p, h.Name(), err)
		}
	}
	return i
}

// speak gives a host another TCP.
func speak(h *host.Host, p tcp.Personality) {
	l := h.Loop()
	l.Lock()
	defer l.Unlock()
	h.TCP = tcp.New(h.Network, &p)
	h.Sockets = socket.NewStack(h.Network, h.TCP, h.UDP, h.Lookup)
}
