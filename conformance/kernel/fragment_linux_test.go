package kernel

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"septet/inspect"
)

// Datagrams that need fragments arrive whole in both directions: a few fragments, many,
// and the most there can be.
func TestFragments(t *testing.T) {
	l, c, ours := neighbours(t, 1500)
	for _, f := range families {
		bounce(t, f.name+", from us", ours, l, f.theirs)
		bounce(t, f.name+", from the kernel", l, ours, f.ours)
	}
	for _, f := range families {
		for _, a := range []netip.Addr{f.ours, f.theirs} {
			if c.count(func(p *inspect.Packet) bool { return source(p) == a.String() && fragment(p) }) == 0 {
				t.Errorf("there is no fragment of %v, the test tests nothing", a)
			}
		}
	}
	l.loop.Lock()
	defer l.loop.Unlock()
	if s := ours.Network.Stats(); s.FragmentsBad+s.FragmentsOverlap+s.ReassemblyTimeout+s.ReassemblyEvicted > 0 {
		t.Errorf("the kernel's fragments were taken for bad ones: %+v", s)
	}
}

// bounce sends datagrams of several lengths to an address of the other and back.
func bounce(t *testing.T, what string, from, to party, at netip.Addr) {
	t.Helper()
	server, err := to.ListenPacket("udp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := from.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(patience))
	_ = server.SetDeadline(time.Now().Add(patience))
	b := make([]byte, 1<<16)
	for _, size := range []int{1, 1473, 4000, 60000, 65507} {
		sent := noise(uint64(size), size)
		if _, err := client.Write(sent); err != nil {
			t.Errorf("%s, %d bytes: send: %v", what, size, err)
			return
		}
		n, back, err := server.ReadFrom(b)
		if err != nil || !bytes.Equal(b[:n], sent) {
			t.Errorf("%s, %d bytes: %d arrived, %v; all should have, unchanged", what, size, n, err)
			return
		}
		if _, err := server.WriteTo(b[:n], back); err != nil {
			t.Errorf("%s, %d bytes: answer: %v", what, size, err)
			return
		}
		if n, err := client.Read(b); err != nil || !bytes.Equal(b[:n], sent) {
			t.Errorf("%s, %d bytes: %d came back, %v; all should have, unchanged", what, size, n, err)
			return
		}
	}
}

func fragment(p *inspect.Packet) bool {
	offset := value(p, "IPv4", "fragment offset") + value(p, "IPv6 Fragment", "fragment offset")
	return offset != "" && offset != "0"
}
