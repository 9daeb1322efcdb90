package network_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/physical"
)

// replug pulls the cable out and plugs it in again.
func (b *bench) replug(w *physical.Wire) {
	w.SetUp(false)
	b.run(time.Minute)
	w.SetUp(true)
}

// A host whose cable is plugged in again may be on another link: it asks whether its
// addresses are its own (RFC 4862, section 5.4), and for routers (RFC 4861, section
// 6.3.7). Meanwhile it keeps what it has.
func TestLinkUpIPv6(t *testing.T) {
	b := newBench(t)
	_, i, s := configured(b, network.Autoconf{HardwareID: true})
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	s.advertise(router, advertised, header.NDOptions{})
	b.run(time.Minute)
	s.take(0)
	b.replug(s.wire)
	began := time.Duration(b.loop.Now())
	if got := stateOf(i, "2001:db8::1"); got != "preferred" {
		t.Errorf("the address is %s after the cable was out, want preferred still", got)
	}
	b.run(20 * time.Second)
	var targets []string
	routers := 0
	for _, m := range s.got {
		switch m.b[0] {
		case header.ICMPv6NeighbourSolicit:
			h, _, err := header.ParseNeighbourSolicitation(m.b)
			check(t, err)
			if m.src.IsUnspecified() {
				targets = append(targets, h.Target.String())
			}
			if m.at-began > time.Second {
				t.Errorf("it asks for %v only after %v, want within MAX_RTR_SOLICITATION_DELAY", h.Target, m.at-began)
			}
		case header.ICMPv6RouterSolicit:
			routers++
		}
	}
	if link := i.Addresses()[0].Addr.WithZone("").String(); len(targets) != 2 || !slices.Contains(targets, link) || !slices.Contains(targets, "2001:db8::1") {
		t.Errorf("it asks whether somebody has %v, want %v and 2001:db8::1", targets, link)
	}
	if routers != 3 {
		t.Errorf("it asks for routers %d times, want 3: none answers", routers)
	}
}

// A host tells the routers of the link that it is attached to what it hears, twice, as if
// it had just begun (RFC 3376, section 5.1; RFC 3810, section 6.1).
func TestLinkUpGroups(t *testing.T) {
	b := newBench(t)
	s := b.listenTo(b.host(), true)
	b.run(time.Minute)
	check(t, s.host.JoinGroup(addr("239.1.2.3")))
	check(t, s.host.JoinGroup(addr("ff05::7")))
	_, err := s.host.Listen(addr("ff05::8"), network.NewFilter(false, addr("2001:db8::9")))
	check(t, err)
	b.run(time.Minute)
	b.replug(s.wire)
	s.take()
	b.run(time.Minute)
	told := s.take()
	for _, want := range []string{"TO_EX 239.1.2.3 []", "TO_EX ff05::7 []", "ALLOW ff05::8 [2001:db8::9]"} {
		if n := strings.Count(told, want); n != 2 {
			t.Errorf("it says %q %d times, want twice, the robustness variable, in %q", want, n, told)
		}
	}
}

// What was unique on one link is another's on the next: then it is given up.
func TestDuplicateOnTheNextLink(t *testing.T) {
	b := newBench(t)
	_, i, s := configured(b, network.Autoconf{})
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	b.run(time.Minute)
	b.replug(s.wire)
	for range 20 { // until it asks
		b.run(100 * time.Millisecond)
		if asked := s.take(header.ICMPv6NeighbourSolicit); slices.ContainsFunc(asked, func(m heard) bool {
			h, _, _ := header.ParseNeighbourSolicitation(m.b)
			return h.Target == addr("2001:db8::1")
		}) {
			s.claim("2001:db8::1")
		}
	}
	if got := stateOf(i, "2001:db8::1"); got != "duplicated" {
		t.Errorf("the address is %s, want duplicated: on this link it is another's", got)
	}
	b.replug(s.wire)
	b.run(10 * time.Second)
	if got := stateOf(i, "2001:db8::1"); got != "duplicated" {
		t.Errorf("the address is %s after the cable was out, want duplicated still: it is a person's turn", got)
	}
}

// A router whose cable is plugged in again advertises itself at once.
func TestLinkUpRouter(t *testing.T) {
	b := newBench(t)
	i, s := b.join6(b.router())
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	check(t, i.Advertise(network.Advertising{}))
	b.run(time.Hour)
	b.replug(s.wire)
	s.take(0)
	b.run(40 * time.Second)
	// RFC 4861, section 6.2.4: the initial ones are 16 seconds apart at most.
	if n := len(s.take(header.ICMPv6RouterAdvert)); n < 3 {
		t.Errorf("%d advertisements in 40 s, want three quick ones", n)
	}
}

// Probes that no one could hear are no probes; and an address that is in use is announced
// on the link, which may be another (RFC 5227, section 2.1).
func TestLinkUpClaim(t *testing.T) {
	c := newClaimant(t)
	c.claim("10.0.0.5/24")
	c.b.run(1200 * time.Millisecond) // the first probe has gone
	c.wire.SetUp(false)
	c.b.run(time.Minute)
	if len(c.told) != 0 || c.in.Addr().IsValid() {
		t.Fatalf("the address is used, %v, though nobody has heard the probes", c.told)
	}
	c.got = nil
	c.wire.SetUp(true)
	c.b.run(10 * time.Second)
	want := []string{"probe 10.0.0.5", "probe 10.0.0.5", "probe 10.0.0.5", "announcement 10.0.0.5", "announcement 10.0.0.5"}
	if !slices.Equal(c.got, want) || len(c.told) != 1 || c.told[0] != nil {
		t.Errorf("heard %v, told %v; want %v and that it is free", c.got, c.told, want)
	}
	c.b.run(time.Minute)
	c.b.replug(c.wire)
	c.got = nil
	c.b.run(10 * time.Second)
	if want := want[3:]; !slices.Equal(c.got, want) || c.in.Addr() != addr("10.0.0.5") {
		t.Errorf("heard %v with the address %v, want %v for the one that is in use", c.got, c.in.Addr(), want)
	}
}

// A host that is switched off does nothing any more, whatever it was about.
func TestCloseStopsEverything(t *testing.T) {
	for _, wait := range []time.Duration{0, 500 * time.Millisecond, 3 * time.Second, time.Minute} {
		b := newBench(t)
		l, i, s := configured(b, network.Autoconf{Temporary: true})
		s.advertise(router, advertised, header.NDOptions{
			Prefixes: []header.PrefixInformation{prefix("2001:db8::/64", time.Hour, time.Hour)},
			Routes:   []header.RouteInformation{{Prefix: netip.MustParsePrefix("2001:db8:6::/48"), Lifetime: time.Hour}},
			DNS:      []header.DNSServers{dns(time.Hour, "2001:db8::53")},
			Search:   search(time.Hour, "example"),
		})
		check(t, i.JoinGroup(addr("ff05::7")))
		check(t, i.JoinGroup(addr("239.1.2.3")))
		one, two := newCard(b, l), newCard(b, l)
		_, err := one.Claim(netip.MustParsePrefix("10.0.0.5/24"), func(error) {})
		check(t, err)
		_, err = two.ClaimLinkLocal(func(netip.Addr) {})
		check(t, err)

		r, _, far := b.router(), b.host(), b.host()
		j, k := b.cable6(r, "2001:db8:1::1/64", far, "")
		check(t, j.Advertise(network.Advertising{}))
		check(t, j.SetMLDQuerier(true))
		check(t, k.Autoconfigure(network.Autoconf{}))
		b.run(wait)
		for _, l := range []*network.Layer{l, r, far} {
			for _, i := range l.Interfaces()[1:] {
				i.NIC().Close()
			}
			l.Close()
		}
		s.nic.Close()
		b.run(0)
		if b.loop.Step(event.Never) {
			t.Errorf("%v after its begin a host was closed, and something happened at %v", wait, b.loop.Now())
		}
	}
}

// newCard gives a host an interface without an address, with nobody at the other end.
func newCard(b *bench, l *network.Layer) *network.Interface {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	i, err := l.AddInterface(b.nic(w.A()), netip.Prefix{})
	check(b.t, err)
	link.NewNIC(b.loop, b.pool, "peer", header.MAC{2, 1}, w.B())
	return i
}

// An address of the link whose owner is closed between two tries is not tried again, and
// meanwhile nobody else claims one for the interface.
func TestCloseBetweenTries(t *testing.T) {
	c := newClaimant(t)
	l, err := c.in.ClaimLinkLocal(func(netip.Addr) {})
	check(t, err)
	for range 11 { // conflicts, after which it waits for a minute
		c.b.run(1500 * time.Millisecond)
		if len(c.got) == 0 {
			t.Fatal("nothing was probed")
		}
		c.nic.AnnounceARP(addr(c.got[len(c.got)-1][len("probe "):]))
		c.b.run(0)
		c.got = nil
	}
	if _, err := c.in.Claim(netip.MustParsePrefix("10.0.0.5/24"), func(error) {}); err == nil {
		t.Error("an address is claimed for an interface that looks for one already: want EEXIST")
	}
	c.host.Close()
	c.b.run(10 * time.Minute)
	if len(c.got) > 0 {
		t.Errorf("after Close it has sent %v", c.got)
	}
	l.Release() // once more does nothing
}
