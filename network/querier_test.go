package network_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// asker is a listener on the link of a router that asks in one family.
func asker(t *testing.T, six bool) (*bench, *listener) {
	b := newBench(t)
	s := b.listenTo(b.router(), six)
	b.run(5 * time.Second)
	s.take()
	if six {
		check(t, s.host.SetMLDQuerier(true))
	} else {
		check(t, s.host.SetIGMPQuerier(true))
	}
	return b, s
}

// queries leaves the reports out, which the router makes of its own groups.
func (s *listener) queries() (got []string) {
	for n, text := range s.got {
		if strings.HasPrefix(text, "query") {
			got = append(got, fmt.Sprintf("%v %s", s.at[n], text))
		}
	}
	s.got, s.at = nil, nil
	return got
}

// report tells the router of a group as a host of the newest version does.
func (s *listener) report(kind uint8, group string, sources ...string) {
	records := []header.GroupRecord{{Type: kind, Group: addr(group), Sources: addrs(sources)}}
	if addr(group).Is4() {
		b := make([]byte, header.IGMPReportLen(records))
		header.PutIGMPReport(b, records)
		s.igmp(addr("224.0.0.22"), b)
		return
	}
	b := make([]byte, header.MLDReportLen(records))
	header.PutMLDReport(b, records)
	s.mld(addr("ff02::16"), b)
}

// RFC 3376, section 8.6 and 8.7; RFC 3810, section 9.6 and 9.7: two queries a quarter of
// the interval apart, then one each 125 s.
func TestQuerierAsks(t *testing.T) {
	for _, f := range families {
		b, s := asker(t, f.six)
		b.run(300 * time.Second)
		general := map[bool]string{false: "query v3 0.0.0.0 [] to 224.0.0.1", true: "query v2 :: [] to ff02::1"}[f.six]
		want := []string{"5s " + general, "36.25s " + general, "2m41.25s " + general, "4m46.25s " + general}
		if got := s.queries(); !slices.Equal(got, want) {
			t.Errorf("%s: asked %q, want %q", f.name, got, want)
		}
		_ = s.host.SetIGMPQuerier(false)
		_ = s.host.SetMLDQuerier(false)
		b.run(time.Hour)
		if got := s.queries(); got != nil {
			t.Errorf("%s: asks %q after it was stopped", f.name, got)
		}
	}
}

// RFC 3376, section 6.6.2; RFC 3810, section 7.6.2: the router with the lower address
// asks, and the other one when that has been silent for 255 s.
func TestQuerierElection(t *testing.T) {
	for _, f := range families {
		b, s := asker(t, f.six)
		b.run(10 * time.Second)
		s.queries()
		s.query(f.unspecified) // from 10.0.0.2, which is higher, and fe80::2, which is lower
		b.run(254 * time.Second)
		if got := s.queries(); (got == nil) != f.six {
			t.Errorf("%s: asked %q after the other router had; it was lower: %v", f.name, got, f.six)
		}
		b.run(130 * time.Second)
		if got := s.queries(); got == nil {
			t.Errorf("%s: does not ask, though the other router is silent", f.name)
		}
	}
}

// A querier knows the groups that are listened to, asks when a host leaves one, and
// forgets it when nobody answers (RFC 3376, section 6.6.3; RFC 3810, section 7.6.3).
func TestQuerierListens(t *testing.T) {
	for _, f := range families {
		b, s := asker(t, f.six)
		known := func() bool { return slices.Contains(s.host.Listened(), addr(f.group)) }
		b.run(130 * time.Second)
		s.report(header.GroupToExclude, f.group)
		if !known() {
			t.Fatalf("%s: the group that was reported is not known", f.name)
		}
		b.run(time.Second)
		s.queries()
		s.report(header.GroupBlockOld, f.group, f.a)
		b.run(5 * time.Second)
		to := fmt.Sprintf("query v%d %s [%s] to %s", map[bool]int{false: 3, true: 2}[f.six], f.group, f.a, f.group)
		if got := s.queries(); len(got) != 2 || !strings.HasSuffix(got[0], to) || !strings.HasSuffix(got[1], to) {
			t.Errorf("%s: asked %q when a source was given up, want twice %q", f.name, got, to)
		}
		if !known() {
			t.Errorf("%s: forgotten, though a source alone was given up", f.name)
		}
		s.report(header.GroupToInclude, f.group)
		s.report(header.GroupIsExclude, f.group) // another host answers
		b.run(5 * time.Second)
		if !known() {
			t.Errorf("%s: forgotten, though another host has answered", f.name)
		}
		s.report(header.GroupToInclude, f.group)
		b.run(3 * time.Second)
		if known() {
			t.Errorf("%s: known, though nobody has answered", f.name)
		}
		s.report(header.GroupToExclude, f.group)
		b.run(261 * time.Second)
		if known() {
			t.Errorf("%s: known 260 s after the last report", f.name)
		}
	}
}

// However many groups are reported, the table keeps its cap.
func TestQuerierCap(t *testing.T) {
	_, s := asker(t, false)
	for n := range 5000 {
		s.report(header.GroupToExclude, netip.AddrFrom4([4]byte{239, 1, byte(n >> 8), byte(n)}).String())
	}
	if n := len(s.host.Listened()); n != 1024 {
		t.Errorf("%d groups are known, want 1,024", n)
	}
}

// Hosts and querier of this stack understand each other, in every version.
func TestQuerierAndHost(t *testing.T) {
	b := newBench(t)
	router, host := b.router(), b.host()
	i, j := b.cable(router, "10.0.0.1/24", host, "10.0.0.2/24", 1500)
	check(t, i.EnableIPv6())
	check(t, j.EnableIPv6())
	check(t, i.SetIGMPQuerier(true))
	check(t, i.SetMLDQuerier(true))
	check(t, j.JoinGroup(addr("239.1.2.3")))
	check(t, j.JoinGroup(addr("ff05::123")))
	only, err := j.Listen(addr("232.1.1.1"), network.NewFilter(false, addr("10.0.0.1")))
	check(t, err)
	want := []netip.Addr{addr("232.1.1.1"), addr("239.1.2.3"), answered(j), addr("ff05::123")}
	slices.SortFunc(want, netip.Addr.Compare)
	for _, d := range []time.Duration{time.Second, time.Hour} {
		b.run(d)
		if got := i.Listened(); !slices.Equal(got, want) {
			t.Errorf("after %v the router knows %v, want %v", d, got, want)
		}
	}
	check(t, j.LeaveGroup(addr("239.1.2.3")))
	check(t, j.LeaveGroup(addr("ff05::123")))
	only.Close()
	b.run(270 * time.Second)
	if got := i.Listened(); !slices.Equal(got, []netip.Addr{answered(j)}) {
		t.Errorf("after all were left the router knows %v, want the group of the host's address", got)
	}
	if n := router.Stats().GroupBad + host.Stats().GroupBad; n != 0 {
		t.Errorf("%d messages were not understood", n)
	}
}
