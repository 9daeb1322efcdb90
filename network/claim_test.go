package network_test

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/physical"
)

// claimant is an interface without an address, and a card at the other end of its cable,
// which keeps what ARP it hears.
type claimant struct {
	b    *bench
	host *network.Layer
	in   *network.Interface
	nic  *link.NIC
	wire *physical.Wire
	got  []string
	at   []event.Time
	told []error
}

func newClaimant(t *testing.T) *claimant {
	c := &claimant{b: newBench(t)}
	c.host = c.b.host()
	w := physical.NewWire(c.b.loop, c.b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	var err error
	c.in, err = c.host.AddInterface(c.b.nic(w.A()), netip.Prefix{})
	check(t, err)
	c.nic, c.wire = c.b.nic(w.B()), w
	c.nic.WatchARP(func(arp *header.ARP) {
		kind := map[bool]string{true: "probe ", false: "announcement "}[arp.SenderIP.IsUnspecified()]
		c.got, c.at = append(c.got, kind+arp.TargetIP.String()), append(c.at, c.b.loop.Now())
	})
	return c
}

func (c *claimant) claim(prefix string) *network.Claim {
	c.b.t.Helper()
	claim, err := c.in.Claim(netip.MustParsePrefix(prefix), func(err error) { c.told = append(c.told, err) })
	check(c.b.t, err)
	return claim
}

// RFC 5227, sections 2.1.1 and 2.3: three probes one to two seconds apart, two seconds
// later the address is used, and announced twice.
func TestClaim(t *testing.T) {
	c := newClaimant(t)
	c.claim("10.0.0.5/24")
	for len(c.told) == 0 && c.b.loop.Now() < event.Time(time.Minute) {
		if c.in.Addr().IsValid() {
			t.Fatal("the address is used before it is known to be free")
		}
		c.b.run(10 * time.Millisecond)
	}
	c.b.run(time.Minute)
	want := []string{"probe 10.0.0.5", "probe 10.0.0.5", "probe 10.0.0.5", "announcement 10.0.0.5", "announcement 10.0.0.5"}
	if !slices.Equal(c.got, want) {
		t.Fatalf("sent %q, want %q", c.got, want)
	}
	for n, bounds := range [][2]time.Duration{{0, 1}, {1, 2}, {1, 2}, {2, 2}, {2, 2}} {
		since := c.at[n].Sub(0)
		if n > 0 {
			since = c.at[n].Sub(c.at[n-1])
		}
		if since < bounds[0]*time.Second || since > bounds[1]*time.Second {
			t.Errorf("%s came %v after the one before, want %d to %d s", c.got[n], since, bounds[0], bounds[1])
		}
	}
	if fmt.Sprint(c.told) != "[<nil>]" || c.in.Addr() != addr("10.0.0.5") {
		t.Errorf("told %v, and the interface has %v, want no error and 10.0.0.5", c.told, c.in.Addr())
	}
	if _, err := c.in.Claim(netip.MustParsePrefix("10.0.0.6/24"), nil); err != syscall.EEXIST {
		t.Errorf("a second claim: %v, want EEXIST", err)
	}
}

// RFC 5227, section 2.1.1: whoever has the address, or probes for it too, has it.
func TestClaimConflict(t *testing.T) {
	for name, conflict := range map[string]func(*link.NIC){
		"somebody has it":          func(n *link.NIC) { n.AddAddress(addr("10.0.0.5")) },
		"somebody announces it":    func(n *link.NIC) { n.AnnounceARP(addr("10.0.0.5")) },
		"somebody probes for it":   func(n *link.NIC) { n.ProbeARP(addr("10.0.0.5")) },
		"somebody asks for it":     nil, // which is no conflict
		"somebody probes for more": func(n *link.NIC) { n.ProbeARP(addr("10.0.0.6")) },
	} {
		c := newClaimant(t)
		if conflict == nil {
			c.nic.AddAddress(addr("10.0.0.77"))
			conflict = func(n *link.NIC) {
				n.Output(c.b.pool.From(pattern(20)), n.Neighbour(addr("10.0.0.5")), header.EtherTypeIPv4)
			}
		}
		c.claim("10.0.0.5/24")
		c.b.run(1500 * time.Millisecond)
		conflict(c.nic)
		c.b.run(time.Minute)
		want := []error{syscall.EADDRINUSE}
		if name == "somebody asks for it" || name == "somebody probes for more" {
			want = []error{nil}
		}
		if !slices.Equal(c.told, want) || c.in.Addr().IsValid() != (want[0] == nil) {
			t.Errorf("%s: told %v, and the interface has %v; want %v", name, c.told, c.in.Addr(), want)
		}
	}
}

// RFC 5227, section 2.4 b: an address is defended once in ten seconds. A second conflict
// in that time takes it away, and with it its route.
func TestClaimDefence(t *testing.T) {
	c := newClaimant(t)
	c.claim("10.0.0.5/24")
	c.b.run(20 * time.Second)
	for range 3 {
		c.got = nil
		c.nic.AnnounceARP(addr("10.0.0.5"))
		c.b.run(11 * time.Second)
		if !slices.Equal(c.got, []string{"announcement 10.0.0.5"}) {
			t.Errorf("to a conflict it says %q, want one announcement", c.got)
		}
	}
	c.nic.AnnounceARP(addr("10.0.0.5"))
	c.b.run(5 * time.Second)
	c.nic.AnnounceARP(addr("10.0.0.5"))
	c.b.run(time.Second)
	if len(c.told) != 2 || c.told[1] != syscall.EADDRINUSE || c.in.Addr().IsValid() || len(c.host.Routes()) != 0 {
		t.Errorf("after two conflicts in 5 s: told %v, address %v, routes %v; want it given up",
			c.told, c.in.Addr(), c.host.Routes())
	}
	if n := c.host.Stats().AddressConflicts; n != 5 {
		t.Errorf("%d conflicts are counted, want 5", n)
	}
}

// RFC 3927: addresses of 169.254.1.0 to 169.254.254.255; another one on a conflict; after
// ten conflicts one try a minute. The card's address decides which come first.
func TestLinkLocal4(t *testing.T) {
	c := newClaimant(t)
	var got []netip.Addr
	_, err := c.in.ClaimLinkLocal(func(a netip.Addr) { got = append(got, a) })
	check(t, err)
	c.b.run(10 * time.Second)
	if len(got) != 1 || c.in.Prefix() != netip.PrefixFrom(got[0], 16) || got[0].As4()[2] == 0 || got[0].As4()[2] == 255 {
		t.Fatalf("got %v, and the interface has %v", got, c.in.Prefix())
	}
	c.nic.AnnounceARP(got[0])
	c.nic.AnnounceARP(got[0])
	c.b.run(10 * time.Second)
	if len(got) != 2 || got[1] == got[0] {
		t.Errorf("after it lost its address it has had %v, want another", got)
	}
	same := newClaimant(t)
	var first netip.Addr
	_, err = same.in.ClaimLinkLocal(func(a netip.Addr) { first = a })
	check(t, err)
	same.b.run(10 * time.Second)
	if first != got[0] {
		t.Errorf("the same card begins with %v once and with %v later", got[0], first)
	}
	greedy := newClaimant(t)
	tries := 0
	greedy.nic.WatchARP(func(arp *header.ARP) { tries++; greedy.nic.AnnounceARP(arp.TargetIP) })
	l, err := greedy.in.ClaimLinkLocal(func(a netip.Addr) { t.Errorf("got %v, though all are taken", a) })
	check(t, err)
	greedy.b.run(10 * time.Minute)
	if tries < 18 || tries > 22 {
		t.Errorf("%d tries in ten minutes, want ten and then one a minute", tries)
	}
	l.Release()
	greedy.b.run(time.Hour)
	if tries > 22 {
		t.Error("it tries on after Release")
	}
}

// Before the claim is decided somebody gives the interface an address by hand: that stays
// the only one.
func TestClaimOvertaken(t *testing.T) {
	c := newClaimant(t)
	c.claim("10.0.0.5/24")
	c.b.run(time.Second)
	check(t, c.in.AddAddress(netip.MustParsePrefix("10.0.1.1/24")))
	c.b.run(20 * time.Second)
	if len(c.told) != 1 || c.told[0] != syscall.EEXIST {
		t.Errorf("told %v, want EEXIST once", c.told)
	}
	if c.in.Addr() != addr("10.0.1.1") || c.host.IsLocal(addr("10.0.0.5")) || len(c.host.Routes()) != 1 {
		t.Errorf("address %v and routes %v, want the address given by hand and its network alone", c.in.Addr(), c.host.Routes())
	}
}

// Two interfaces are on one network: when one loses its address, the broadcast address is
// still the other's.
func TestReleaseSharedBroadcast(t *testing.T) {
	c := newClaimant(t)
	c.b.attach(c.host, "10.0.0.1/24", "10.0.0.9", 1500)
	claim := c.claim("10.0.0.5/24")
	c.b.run(20 * time.Second)
	claim.Release()
	if !c.host.IsBroadcast(addr("10.0.0.255")) {
		t.Error("10.0.0.255 is no broadcast address any more, but the host is still on 10.0.0.0/24")
	}
}
