package network_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// RFC 3376, section 5.1; RFC 3810, section 6.1: every change is told at once and once
// more, within a second, and all changes of one moment together.
func TestGroupChanges(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			b := newBench(t)
			s := b.listenTo(b.host(), f.six)
			b.run(5 * time.Second)
			s.take() // what IPv6 joins of itself
			in := s.host
			only := func(sources ...string) network.Filter { return network.NewFilter(false, addrs(sources)...) }
			but := func(sources ...string) network.Filter { return network.NewFilter(true, addrs(sources)...) }
			one, err := in.Listen(addr(f.group), only(f.a))
			check(t, err)
			var two *network.Listener
			for _, step := range []struct {
				name string
				do   func() error
				want string
			}{
				{"only a source", func() error { return nil }, "ALLOW G [a]"},
				{"another source too", func() error { return one.SetFilter(only(f.a, f.b)) }, "ALLOW G [b]"},
				{"one for the other", func() error { return one.SetFilter(only(f.a, f.c)) }, "ALLOW G [c], BLOCK G [b]"},
				{"all but two, by another listener", func() error {
					two, err = in.Listen(addr(f.group), but(f.a, f.b))
					return err
				}, "TO_EX G [b]"}, // a is included by the first
				{"the first leaves", func() error { one.Close(); return nil }, "BLOCK G [a]"},
				{"the last leaves", func() error { two.Close(); return nil }, "TO_IN G []"},
			} {
				check(t, step.do())
				b.run(0)
				want := strings.NewReplacer("G", f.group, "[a]", "["+f.a+"]", "[b]", "["+f.b+"]", "[c]", "["+f.c+"]").Replace(step.want) + " to " + f.routers
				if got := s.take(); got != want {
					t.Errorf("%s: told %q at once, want %q", step.name, got, want)
				}
				b.run(time.Second)
				if got := s.take(); got != want {
					t.Errorf("%s: told %q within a second, want the same again", step.name, got)
				}
				b.run(time.Minute)
				if got := s.take(); got != "" {
					t.Errorf("%s: told %q later, want nothing: the robustness is 2", step.name, got)
				}
			}
			if got := in.Groups(); slices.ContainsFunc(got, func(g network.GroupState) bool { return g.Group == addr(f.group) }) {
				t.Errorf("%v is kept, though nobody listens", got)
			}
		})
	}
}

func addrs(all []string) []netip.Addr {
	var list []netip.Addr
	for _, a := range all {
		list = append(list, addr(a))
	}
	return list
}

// RFC 3376, section 5.2; RFC 3810, section 6.3: who is asked tells what it listens to,
// within the time of the query.
func TestGroupQueries(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			b := newBench(t)
			s := b.listenTo(b.host(), f.six)
			_, err := s.host.Listen(addr(f.group), network.NewFilter(true, addr(f.a)))
			check(t, err)
			_, err = s.host.Listen(addr(f.other), network.NewFilter(false, addr(f.b)))
			check(t, err)
			b.run(5 * time.Second)
			s.take()
			all := fmt.Sprintf("IS_EX %s [%s], IS_IN %s [%s] to %s", f.group, f.a, f.other, f.b, f.routers)
			if f.six { // the group of its own address is the first that it joined
				all = fmt.Sprintf("IS_EX %v [], ", answered(s.host)) + all
			}
			for _, c := range []struct {
				name, group string
				sources     []string
				want        string
			}{
				{"a general query", f.unspecified, nil, all},
				{"a query for a group", f.group, nil, fmt.Sprintf("IS_EX %s [%s] to %s", f.group, f.a, f.routers)},
				{"a query for another's group", strings.Replace(f.group, "3", "4", 1), nil, ""},
				{"a query for sources", f.group, []string{f.a, f.b, f.c}, fmt.Sprintf("IS_IN %s [%s %s] to %s", f.group, f.b, f.c, f.routers)},
				{"a query for sources that are not heard", f.other, []string{f.a}, ""},
			} {
				began := b.loop.Now()
				s.query(c.group, c.sources...)
				if got := s.take(); got != "" {
					t.Errorf("%s was answered at once with %q, not after a random time", c.name, got)
				}
				b.run(10 * time.Second)
				if c.want != "" && len(s.at) == 1 && s.at[0].Sub(began) > 10*time.Second {
					t.Errorf("%s was answered after %v, more than was asked", c.name, s.at[0].Sub(began))
				}
				if got := s.take(); got != c.want {
					t.Errorf("%s was answered with %q, want %q", c.name, got, c.want)
				}
			}
			// Rule 5: the sources of two queries are answered as one.
			s.query(f.other, f.a, f.c)
			s.query(f.other, f.b)
			b.run(10 * time.Second)
			if got, want := s.take(), fmt.Sprintf("IS_IN %s [%s] to %s", f.other, f.b, f.routers); got != want {
				t.Errorf("two queries for sources were answered with %q, want %q", got, want)
			}
			if n := b.pool.Live(); n != 0 {
				t.Errorf("%d packets are kept", n)
			}
		})
	}
}

// answered is the answered-node group of an interface's address of the link.
func answered(i *network.Interface) netip.Addr {
	a := i.Addresses()[0].Addr.As16()
	g := addr("ff02::1:ff00:0").As16()
	copy(g[13:], a[13:])
	return netip.AddrFrom16(g)
}

// To a querier of an older version the host speaks that, until nothing is heard of it
// (RFC 3376, section 7.2.1; RFC 3810, section 8.2.1).
func TestGroupOlderVersions(t *testing.T) {
	query1 := func(six bool) []byte {
		if !six {
			return []byte{header.IGMPQuery, 0, 0, 0, 0, 0, 0, 0}
		}
		b := make([]byte, header.MLDv1Len)
		b[0], b[4], b[5] = header.ICMPv6ListenerQuery, 0x27, 0x10 // 10 s
		return b
	}
	for _, c := range []struct {
		name          string
		six           bool
		query         []byte
		group         string
		report, leave string
		newer         string
	}{
		{"IGMPv1", false, query1(false), "239.1.2.3", "v1 report 239.1.2.3 to 239.1.2.3", "", "TO_EX 239.1.2.3 [] to 224.0.0.22"},
		{"IGMPv2", false, []byte{header.IGMPQuery, 100, 0, 0, 0, 0, 0, 0}, "239.1.2.3",
			"v2 report 239.1.2.3 to 239.1.2.3", "v2 leave 239.1.2.3 to 224.0.0.2", "TO_EX 239.1.2.3 [] to 224.0.0.22"},
		{"MLDv1", true, query1(true), "ff05::123",
			"v1 report ff05::123 to ff05::123", "v1 done ff05::123 to ff02::2", "TO_EX ff05::123 [] to ff02::16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			s := b.listenTo(b.host(), c.six)
			// Without a group IPv4 does not listen to queries.
			check(t, s.host.JoinGroup(map[bool]netip.Addr{false: addr("239.8.8.8"), true: addr("ff05::888")}[c.six]))
			b.run(5 * time.Second)
			s.take()
			ask := func() {
				if c.six {
					s.mld(addr("ff02::1"), slices.Clone(c.query))
				} else {
					s.igmp(addr("224.0.0.1"), slices.Clone(c.query))
				}
			}
			ask()
			b.run(10 * time.Second)
			s.take()
			check(t, s.host.JoinGroup(addr(c.group)))
			b.run(15 * time.Second)
			if got, want := s.take(), c.report+"; "+c.report; got != want {
				t.Errorf("told %q after a join, want %q", got, want)
			}
			ask()
			b.run(10 * time.Second)
			if got := s.take(); !strings.Contains(got, c.report) {
				t.Errorf("a query was answered with %q, want %q among it", got, c.report)
			}
			check(t, s.host.LeaveGroup(addr(c.group)))
			b.run(15 * time.Second)
			if got := s.take(); got != c.leave {
				t.Errorf("told %q after a leave, want %q", got, c.leave)
			}
			b.run(261 * time.Second)
			check(t, s.host.JoinGroup(addr(c.group)))
			b.run(0)
			if got := s.take(); got != c.newer {
				t.Errorf("when the old querier has been silent for 260 s the host tells %q, want %q", got, c.newer)
			}
		})
	}
}

// RFC 2236, section 3: with an older querier one report for a group is enough.
func TestGroupSuppression(t *testing.T) {
	b := newBench(t)
	s := b.listenTo(b.host(), false)
	check(t, s.host.JoinGroup(addr("239.1.2.3")))
	b.run(5 * time.Second)
	s.take()
	s.igmp(addr("224.0.0.1"), []byte{header.IGMPQuery, 100, 0, 0, 0, 0, 0, 0})
	s.igmp(addr("239.1.2.3"), []byte{header.IGMPv2Report, 0, 0, 0, 239, 1, 2, 3})
	b.run(20 * time.Second)
	if got := s.take(); got != "" {
		t.Errorf("told %q, though another host has answered for the group", got)
	}
}

// Hosts that have joined nothing, and have no IPv6, say nothing, whoever asks.
func TestGroupSilence(t *testing.T) {
	b := newBench(t)
	s := b.listenTo(b.host(), false)
	s.query("0.0.0.0")
	check(t, s.host.JoinGroup(addr("224.0.0.1")))
	b.run(time.Minute)
	if got := s.take(); got != "" {
		t.Errorf("told %q; the group of all hosts is not reported (RFC 3376, section 5)", got)
	}
}

func TestListenErrors(t *testing.T) {
	b := newBench(t)
	s := b.listenTo(b.host(), false)
	for group, want := range map[string]error{
		"10.0.0.1": syscall.EINVAL, "2001:db8::1": syscall.EINVAL, "ff00::1": syscall.EINVAL,
		"ff02::5": syscall.ENODEV, // IPv6 is off
	} {
		if _, err := s.host.Listen(addr(group), network.NewFilter(true)); err != want {
			t.Errorf("%s: %v, want %v", group, err, want)
		}
	}
	var many []netip.Addr
	for n := range byte(11) {
		many = append(many, netip.AddrFrom4([4]byte{10, 9, 0, n}))
	}
	if _, err := s.host.Listen(addr("239.0.0.1"), network.NewFilter(false, many...)); err != syscall.ENOBUFS {
		t.Errorf("11 sources: %v, want ENOBUFS, as on Linux", err)
	}
	for n := range 1024 {
		check(t, s.host.JoinGroup(netip.AddrFrom4([4]byte{239, 0, byte(n >> 8), byte(n)})))
	}
	if err := s.host.JoinGroup(addr("239.9.9.9")); err != syscall.ENOBUFS {
		t.Errorf("the 1,025th group: %v, want ENOBUFS", err)
	}
	if err := s.host.LeaveGroup(addr("239.9.9.9")); err != syscall.EADDRNOTAVAIL {
		t.Errorf("leaving what was not joined: %v, want EADDRNOTAVAIL", err)
	}
	b.run(5 * time.Second)
	// 1,024 records of 8 bytes do not fit a frame: 183 do, in six messages, twice.
	if n := len(s.got); n != 12 {
		t.Errorf("1,024 groups were told in %d messages, want 12", n)
	}
}
