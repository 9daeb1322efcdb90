package host_test

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"testing"
	"time"

	"septet/host"
	"septet/network"
)

// TestAdvertisedNameservers: a host asks the nameservers that its router advertises, in the
// domains of its search list (RFC 8106), as if they stood in its resolv.conf; one that was put there comes first.
func TestAdvertisedNameservers(t *testing.T) {
	m := dual(t)
	read := func(h *host.Host) string {
		b, err := h.ReadFile("/etc/resolv.conf")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("resolv.conf of %s: %v", h.Name(), err)
		}
		return string(b)
	}
	m.loop.Lock()
	err := m.pc.Network.Interfaces()[1].Autoconfigure(network.Autoconf{})
	if err == nil {
		err = m.router.Network.Interfaces()[1].Advertise(network.Advertising{DNS: []netip.Addr{
			netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("fe80::53"),
		}, Search: []string{"corp.example"}})
	}
	m.loop.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 8)
	m.loop.Go("nameserver", func() {
		c, err := m.www.ListenPacket("udp", ":53")
		if err != nil {
			t.Errorf("listen: %v", err)
			return
		}
		b := make([]byte, 512)
		if n, _, err := c.ReadFrom(b); err == nil {
			asked <- string(b[12:n])
		}
		c.Close()
	})
	m.loop.Go("client", func() {
		m.loop.Sleep(10 * time.Second)
		if got, want := read(m.pc), "search corp.example\nnameserver 2001:db8:1::1\nnameserver fe80::53%eth0\n"; got != want {
			t.Errorf("resolv.conf is\n%swant what the router advertises\n%s", got, want)
		}
		if got := read(m.www); got != "" {
			t.Errorf("a host to which nobody advertises has the resolv.conf\n%s", got)
		}
		if _, err := m.pc.Resolver().LookupHost(context.Background(), "example"); err == nil {
			t.Error("a name was found where no nameserver answers")
		}
		const mine = "nameserver 10.0.1.1\n"
		if err := m.pc.WriteFile("/etc/resolv.conf", []byte(mine)); err != nil {
			t.Error(err)
		}
		if got := read(m.pc); got != mine {
			t.Errorf("resolv.conf is\n%swant what was put there\n%s", got, mine)
		}
	})
	if err := m.loop.Run(m.loop.Now().Add(10 * time.Minute)); err != nil {
		t.Log(err)
	}
	select {
	case name := <-asked:
		// A name without a dot is looked for in the domains first (resolv.conf(5), ndots).
		if want := "\x07example\x04corp\x07example\x00"; len(name) < len(want) || name[:len(want)] != want {
			t.Errorf("the advertised nameserver was asked %q, want for %q", name, want)
		}
	default:
		t.Error("the advertised nameserver was not asked")
	}
}
