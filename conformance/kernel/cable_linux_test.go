package kernel

import (
	"bytes"
	"net/netip"
	"sync"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/inspect"
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
	cables []*cable
}

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel() // most of the time they wait
	l := &lab{t: t, namespace: newNamespace(t), loop: event.NewReal(1)}
	t.Cleanup(l.loop.Close)
	t.Cleanup(l.judge) // after all hosts and cables have gone
	return l
}

// cable is one between us and the kernel, with a tap on it.
type cable struct {
	*physical.Wire
	lab    *lab
	number int
	device *tapdevice.Device
	// toKernel and toUs, if set, change frames on their way, as a router would.
	toKernel, toUs func(frame []byte)

	mu     sync.Mutex
	frames []inspect.Frame
}

// cable brings up the kernel's interface name and lays a cable to it, of which A is
// our end.
func (l *lab) cable(name string, mtu int) *cable {
	l.t.Helper()
	device, err := tapdevice.Open(l.loop, &l.pool, tapdevice.Config{Name: name, Namespace: l.file, MTU: mtu})
	if err != nil {
		l.t.Fatal(err)
	}
	c := &cable{lab: l, number: len(l.cables), device: device}
	l.loop.Lock()
	// Unjudged: until the test ends, see judge.
	c.Wire = physical.NewWire(l.loop, &l.pool, mtu, physical.Impairment{}, physical.Impairment{})
	c.Tap(c)
	c.B().OnReceive(c.through(&c.toKernel, device))
	device.OnReceive(c.through(&c.toUs, c.B()))
	l.loop.Unlock()
	l.cables = append(l.cables, c)
	l.t.Cleanup(c.pull)
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

// pull takes the kernel's interface away, as a cable that is pulled out.
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
		Interface: c.number, Length: p.Len(), Data: bytes.Clone(p.Bytes()),
	})
}

// seen returns the frames so far.
func (c *cable) seen() []inspect.Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[:len(c.frames):len(c.frames)]
}

// forget returns the frames so far and begins anew.
func (c *cable) forget() []inspect.Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.frames
	c.frames = nil
	return all
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

// speak gives a host a TCP with the constants of p, which may be changed later, with the
// turn held.
func speak(h *host.Host, p *tcp.Personality) {
	l := h.Loop()
	l.Lock()
	defer l.Unlock()
	h.TCP = tcp.New(h.Network, p)
	h.Sockets = socket.NewStack(h.Network, h.TCP, h.UDP, h)
}
