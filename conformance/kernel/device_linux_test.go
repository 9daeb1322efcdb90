package kernel

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"septet/event"
	"septet/packet"
	"septet/physical/tapdevice"
)

// A device makes its interface and takes it away, or takes one that is there and leaves
// it; who else wants it is told.
func TestDevice(t *testing.T) {
	n := newNamespace(t)
	l, pool := event.NewReal(1), new(packet.Pool)
	defer l.Close()
	open := func(c tapdevice.Config) (*tapdevice.Device, error) {
		c.Namespace = n.file
		return tapdevice.Open(l, pool, c)
	}
	links := func() string { return n.ip("-brief link") }

	d, err := open(tapdevice.Config{Name: "lab%d", MTU: 4000})
	if err != nil {
		t.Fatal(err)
	}
	if d.Name() != "lab0" || d.MTU() != 4000 || !strings.Contains(n.ip("link show lab0"), "mtu 4000") {
		t.Errorf("it is %s with an MTU of %d, it should be lab0 with 4000:\n%s", d.Name(), d.MTU(), links())
	}
	if _, err := open(tapdevice.Config{Name: "lab0"}); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("a device that somebody has was opened: %v, it should be EBUSY", err)
	}
	if err := d.Close(); err != nil || strings.Contains(links(), "lab0") {
		t.Errorf("close: %v; the interface should have gone:\n%s", err, links())
	}

	n.ip("tuntap add mode tap name kept")
	n.ip("link set kept mtu 1280")
	if d, err = open(tapdevice.Config{Name: "kept"}); err != nil || d.MTU() != 1280 {
		t.Fatalf("an interface that is there, of MTU 1280, was not taken: %v", err)
	}
	if err := d.Close(); err != nil || !strings.Contains(links(), "kept") {
		t.Errorf("close: %v; an interface that was there should remain:\n%s", err, links())
	}

	if _, err := open(tapdevice.Config{Name: "longer-than-any-name"}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a name that none can have: %v, it should be EINVAL", err)
	}
	if _, err := tapdevice.Open(l, pool, tapdevice.Config{Namespace: "/run/netns/there-is-none"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a namespace that is none: %v, it should not exist", err)
	}
}

// An interface that is removed while we use it is no more than a cable that was pulled:
// the host goes on, and knows.
func TestInterfaceRemoved(t *testing.T) {
	l, c, ours := neighbours(t, 1500)
	l.ip("link delete tap0")
	eventually(t, "the port has lost its carrier, and says why", func() bool {
		l.loop.Lock()
		defer l.loop.Unlock()
		return !c.device.Up() && c.device.Err() != nil
	})
	conn, err := ours.Dial("udp", "192.0.2.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("into the void")); err != nil {
		t.Errorf("send: %v, a host does not know what becomes of a datagram", err)
	}
}
