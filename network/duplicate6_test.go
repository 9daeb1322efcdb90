package network_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/packet"
)

// solicited returns the questions for target that a station has heard.
func solicited(t *testing.T, s *station, target string) (all []heard) {
	t.Helper()
	for _, m := range s.take(header.ICMPv6NeighbourSolicit) {
		h, _, err := header.ParseNeighbourSolicitation(m.b)
		check(t, err)
		if h.Target == addr(target) {
			all = append(all, m)
		}
	}
	return all
}

// An address that waits is asked for once, and used a second later (RFC 4862, section
// 5.4; RFC 7527 for the nonce).
func TestDuplicateDetectionAlone(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, s := b.join6(host)
	check(t, i.EnableIPv6())
	b.run(10 * time.Second)
	s.take(0)
	const mine = "2001:db8::5"
	began := time.Duration(b.loop.Now())
	check(t, i.AddTentative(netip.MustParsePrefix(mine+"/64")))
	b.run(999 * time.Millisecond)
	if got := stateOf(i, mine); got != "tentative" || host.IsLocal(addr(mine)) {
		t.Errorf("within RetransTimer the address is %s, it must not be used yet", got)
	}
	if _, err := host.Path(addr("2001:db8::9"), addr(mine)); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("a path from a tentative address: %v, want EADDRNOTAVAIL", err)
	}
	b.run(2 * time.Millisecond)
	if got := stateOf(i, mine); got != "preferred" || !host.IsLocal(addr(mine)) {
		t.Errorf("after RetransTimer without an answer the address is %s, it should be preferred", got)
	}
	asked := solicited(t, s, mine)
	if len(asked) != 1 {
		t.Fatalf("%d questions, DupAddrDetectTransmits is 1", len(asked))
	}
	m := asked[0]
	_, options, _ := header.ParseNeighbourSolicitation(m.b)
	o, err := header.ParseNDOptions(options)
	if m.at != began || !m.src.IsUnspecified() || m.dst != addr("ff02::1:ff00:5") || m.hopLimit != 255 {
		t.Errorf("asked at %v, from %v to %v with hop limit %d; should be at once, from :: to the solicited-node group with 255",
			m.at-began, m.src, m.dst, m.hopLimit)
	}
	if err != nil || o.HasSource || len(o.Nonce) != 6 {
		t.Errorf("options %+v (%v), want a nonce and no link-layer address", o, err)
	}
}

// The first message of an interface is delayed by up to a second, whatever it is about.
func TestDuplicateDetectionDelay(t *testing.T) {
	seen := make(map[time.Duration]bool)
	b := newBench(t)
	for range 8 {
		i, s := b.join6(b.host())
		began := time.Duration(b.loop.Now())
		check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::5/64")))
		b.run(5 * time.Second)
		for _, m := range s.take(header.ICMPv6NeighbourSolicit) {
			delay := m.at - began
			if seen[delay] = true; delay > time.Second {
				t.Errorf("a question %v after the start, MAX_RTR_SOLICITATION_DELAY is a second", delay)
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("8 interfaces have begun after %d different times, each should have its own", len(seen))
	}
}

// RFC 4862, section 5.4.2: an interface that comes up reports the groups of its addresses after
// a random time, and asks about the addresses when that is over for all, within a second.
func TestReportsComeBeforeQuestions(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for seed := range 8 {
		b := newBench(t)
		for range seed {
			b.loop.Rand().Uint64() // each bench has the same chances at first
		}
		i, s := b.join6(b.host())
		var reported, asked time.Duration
		s.nic.OnReceive(func(p *packet.Packet, typ header.EtherType, _ bool) {
			at := time.Duration(b.loop.Now())
			switch text := groupMessage(t, p.Bytes(), typ); {
			case text == "" && asked == 0:
				asked = at
			case text != "" && reported == 0:
				reported = at
			}
			p.Release()
		})
		check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::5/64")))
		b.run(5 * time.Second)
		seen[reported] = true
		const ahead = 750 * time.Millisecond
		if reported > time.Second-ahead {
			t.Errorf("the first report came after %v, should %v before a second is over", reported, ahead)
		}
		if asked-reported != ahead {
			t.Errorf("the first question came %v after the report, should %v", asked-reported, ahead)
		}
	}
	if len(seen) < 8 {
		t.Errorf("8 interfaces have reported after %d different times, each should after its own", len(seen))
	}
}

// Both ways to lose: somebody has the address, or wants it at the same time.
func TestDuplicateDetectionLost(t *testing.T) {
	const mine = "2001:db8::5"
	for _, c := range []struct {
		name  string
		state string // of the address at first
		lose  func(s *station)
	}{
		{"advertised, tentative", "tentative", func(s *station) { s.claim(mine) }},
		{"solicited, tentative", "tentative", func(s *station) { s.probe(mine, []byte("others")) }},
		{"solicited without a nonce", "tentative", func(s *station) { s.probe(mine, nil) }},
		{"advertised, in use", "preferred", func(s *station) { s.claim(mine) }},
		{"solicited, in use", "preferred", func(s *station) { s.probe(mine, []byte("others")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			host := b.host()
			i, s := b.join6(host)
			check(t, i.EnableIPv6())
			b.run(10 * time.Second)
			add := i.AddAddress
			if c.state == "tentative" {
				add = i.AddTentative
			}
			check(t, add(netip.MustParsePrefix(mine+"/64")))
			b.run(500 * time.Millisecond)
			if got := stateOf(i, mine); got != c.state {
				t.Fatalf("the address is %s, want %s", got, c.state)
			}
			c.lose(s)
			if got := stateOf(i, mine); got != "duplicated" || host.IsLocal(addr(mine)) {
				t.Errorf("the address is %s, it belongs to somebody else", got)
			}
			b.run(time.Hour)
			if got := stateOf(i, mine); got != "duplicated" {
				t.Errorf("an hour later it is %s, nobody has made it good", got)
			}
			if n := host.DiscoveryStats().Duplicates; n != 1 {
				t.Errorf("Duplicates is %d, want 1", n)
			}
		})
	}
}

// probe makes the station ask for target as who is about to use it does.
func (s *station) probe(target string, nonce []byte) {
	low := addr(target).As16()
	group := addr("ff02::1:ff00:0").As16()
	copy(group[13:], low[13:])
	h := header.NeighbourSolicitation{Target: addr(target)}
	s.send(message{
		src: "::", dst: netip.AddrFrom16(group).String(), put: &h, n: header.NeighbourSolicitationLen,
		options: header.NDOptions{Nonce: nonce},
	}.bytes())
}

// A question that the link brings back is no duplicate; the host goes on asking until
// one does not come back (RFC 7527, section 4.1).
func TestDuplicateDetectionLooped(t *testing.T) {
	b := newBench(t)
	i, s := b.join6(b.host())
	check(t, i.EnableIPv6())
	b.run(10 * time.Second)
	s.take(0)
	const mine = "2001:db8::5"
	check(t, i.AddTentative(netip.MustParsePrefix(mine+"/64")))
	b.run(0)
	asked := solicited(t, s, mine)
	if len(asked) != 1 {
		t.Fatalf("%d questions, want one", len(asked))
	}
	s.send(nd("::", asked[0].dst.String(), 255, asked[0].b))
	b.run(3500 * time.Millisecond)
	if got, more := stateOf(i, mine), solicited(t, s, mine); got != "tentative" || len(more) != 3 {
		t.Errorf("after the echo the address is %s and %d more questions were sent; want tentative and three", got, len(more))
	}
	b.run(time.Second)
	if got := stateOf(i, mine); got != "preferred" {
		t.Errorf("no further echo, and the address is %s; it should be preferred", got)
	}
}

// Who has an address defends it, and keeps it, against one that only now asks.
func TestDuplicateDetectionDefended(t *testing.T) {
	b := newBench(t)
	first, second := b.host(), b.host()
	i, j := b.cable6(first, "2001:db8::5/64", second, "")
	b.run(10 * time.Second)
	check(t, j.AddAddress(netip.MustParsePrefix("2001:db8::5/64")))
	b.run(10 * time.Second)
	if one, two := stateOf(i, "2001:db8::5"), stateOf(j, "2001:db8::5"); one != "preferred" || two != "duplicated" {
		t.Errorf("the first has the address %s, the second %s; want preferred and duplicated", one, two)
	}
	check(t, j.AddAddress(netip.MustParsePrefix("2001:db8::6/64")))
	if !reach6(t, b, second, first, "2001:db8::5") {
		t.Error("after the conflict the second host should reach the first from another address")
	}
}

// Two cards with the same hardware address: IPv6 cannot work on the second (RFC 4862,
// section 5.4.5).
func TestDuplicateDetectionHardware(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, s := b.join6(host)
	check(t, i.EnableIPv6())
	linkLocal := i.Addresses()[0].Addr.WithZone("").String()
	if got := stateOf(i, linkLocal+"%"+i.Name()); got != "preferred" {
		t.Errorf("the address of the link is %s at first, it should be usable at once", got)
	}
	s.claim(linkLocal)
	if got := stateOf(i, linkLocal+"%"+i.Name()); got != "duplicated" {
		t.Errorf("the address of the link is %s, another card has it", got)
	}
	s.take(0)
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::5/64")))
	if _, err := host.Path(addr("2001:db8::9"), netip.Addr{}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("a path by the halted interface: %v, want EADDRNOTAVAIL", err)
	}
	if _, err := host.Path(addr("2001:db8::9"), addr("2001:db8::5")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("a path by the halted interface, from another address: %v, want EADDRNOTAVAIL", err)
	}
	check(t, i.JoinGroup(addr("ff05::7")))
	b.run(10 * time.Second)
	if len(s.got) > 0 {
		t.Errorf("the halted interface has sent %d messages, the first %+v; it should be silent", len(s.got), s.got[0])
	}
}

// A claim that comes after the detection is counted, and changes nothing: it would be
// too easy to take an address away.
func TestLateClaim(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, s := b.join6(host)
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::5/64")))
	b.run(10 * time.Second)
	s.claim("2001:db8::5")
	want := network.DiscoveryStats{Conflicts: 1}
	if got := host.DiscoveryStats(); got != want || stateOf(i, "2001:db8::5") != "preferred" {
		t.Errorf("%+v and the address is %s, want one conflict and preferred", got, stateOf(i, "2001:db8::5"))
	}
}

// An address that is not yet known to be unique, or is known not to be, is not another
// interface's as well.
func TestTentativeOnOneInterface(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, _ := b.join6(host)
	j, _ := b.join6(host)
	p := netip.MustParsePrefix("2001:db8::1/64")
	check(t, i.AddTentative(p))
	if err := j.AddAddress(p); err != syscall.EEXIST {
		t.Errorf("a second interface got the tentative address of the first: %v, want EEXIST", err)
	}
}

// RFC 8200, section 5: a link for IPv6 carries 1,280 bytes.
func TestEnableIPv6SmallMTU(t *testing.T) {
	b := newBench(t)
	host := b.host()
	i, _ := b.join6(host)
	check(t, i.NIC().SetMTU(1279))
	if err := i.EnableIPv6(); err != syscall.EINVAL || host.SpeaksIPv6() {
		t.Errorf("IPv6 on a link with an MTU of 1,279: %v, want EINVAL", err)
	}
	check(t, i.NIC().SetMTU(1280))
	check(t, i.EnableIPv6())
	// The MTU shrinks later: a report does what it can.
	check(t, i.NIC().SetMTU(68))
	_, err := i.Listen(addr("ff05::1"), network.NewFilter(false, addr("2001:db8::7"), addr("2001:db8::8")))
	check(t, err)
	b.run(5 * time.Second)
}
