package kernel

import (
	"testing"

	"septet/header"
	"septet/host"
	"septet/inspect"
	"septet/link"
)

// Frames with a tag find the kernel's interface of their VLAN and ours, both ways, at the
// full MTU; those of another VLAN find nobody.
func TestVLAN(t *testing.T) {
	l := newLab(t)
	c := l.cable("tap0", 1500)
	if out, err := l.try("ip", "link", "add", "link", "tap0", "name", "tap0.10", "type", "vlan", "id", "10"); err != nil {
		t.Skipf("this kernel has no VLANs (CONFIG_VLAN_8021Q): %s", out) // nothing that could be installed
	}
	l.ip("link set tap0.10 up")
	l.addresses("tap0.10", "192.0.2.2/24", "2001:db8::2/64")
	l.loop.Lock()
	split := link.NewSplitter(c.A())
	port, err := split.Port(10)
	l.loop.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	ours := l.host("ours", port, "192.0.2.1/24", "2001:db8::1/64")
	for _, f := range families {
		bounce(t, f.name+", from us", ours, l, f.theirs)
		bounce(t, f.name+", from the kernel", l, ours, f.ours)
		stats, err := ours.Ping(f.theirs, host.PingOptions{Count: 1, Timeout: patience}, nil)
		if err != nil || stats.Received != 1 {
			t.Errorf("%s: %d replies, %v; the kernel is in our VLAN", f.name, stats.Received, err)
		}
	}
	untagged := c.count(func(p *inspect.Packet) bool {
		return header.EtherType(uint16(p.Frame[12])<<8|uint16(p.Frame[13])) != header.EtherTypeVLAN && source(p) == "192.0.2.1"
	})
	if untagged > 0 {
		t.Errorf("%d frames of ours had no tag, all should have that of VLAN 10", untagged)
	}
}
