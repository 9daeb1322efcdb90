package network_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"septet/header"
	"septet/link"
	"septet/network"
	"septet/physical"
)

// raw sends b, an IP packet, to a group of the link, as it is.
func (s *listener) raw(to netip.Addr, b []byte) {
	typ := header.EtherTypeIPv4
	if to.Is6() {
		typ = header.EtherTypeIPv6
	}
	s.nic.Multicast(s.b.pool.From(b), to, typ)
	s.b.run(0)
}

// members is a host that has joined a group of each family, and asks if it is a router.
func members(t testing.TB, asks bool) (*bench, *network.Layer, *listener) {
	b := newBench(t)
	l := b.host()
	if asks {
		l = b.router()
	}
	s := b.listenTo(l, true)
	check(t, s.host.JoinGroup(addr("239.1.2.3")))
	check(t, s.host.JoinGroup(addr("ff05::123")))
	if asks {
		check(t, s.host.SetIGMPQuerier(true))
		check(t, s.host.SetMLDQuerier(true))
	}
	b.run(60 * time.Second)
	s.take()
	return b, l, s
}

// numbers are what a count or length field is set to: nothing, one, around what is
// right, and the largest.
func numbers(right, largest int) []int {
	all := []int{0, 1, right - 1, right, right + 1, largest - 1, largest}
	return slices.DeleteFunc(all, func(n int) bool { return n < 0 || n > largest })
}

// Messages of MLD and IGMP whose counts and lengths say anything: what lies is counted,
// not answered, and nothing of it is kept.
func TestGroupMessagesThatLie(t *testing.T) {
	records := []header.GroupRecord{
		{Type: header.GroupToExclude, Group: addr("239.7.7.7"), Sources: addrs([]string{"10.9.0.1", "10.9.0.2"})},
	}
	report4 := make([]byte, header.IGMPReportLen(records))
	header.PutIGMPReport(report4, records)
	records[0].Group, records[0].Sources = addr("ff05::777"), addrs([]string{"2001:db8::1", "2001:db8::2"})
	report6 := make([]byte, header.MLDReportLen(records))
	header.PutMLDReport(report6, records)
	q := header.GroupQuery{MaxResponse: time.Second, Group: addr("239.1.2.3"), Sources: addrs([]string{"10.9.0.1", "10.9.0.2"})}
	query4 := make([]byte, q.IGMPLen())
	q.PutIGMP(query4)
	q.Group, q.Sources = addr("ff05::123"), addrs([]string{"2001:db8::1", "2001:db8::2"})
	query6 := make([]byte, q.MLDLen())
	q.PutMLD(query6)
	for _, c := range []struct {
		name     string
		message  []byte
		at, size int // of the field
		right    int // its value
	}{
		{"IGMP report, records", report4, 6, 2, 1},
		{"IGMP report, sources", report4, 10, 2, 2},
		{"IGMP report, auxiliary data", report4, 9, 1, 0},
		{"IGMP query, sources", query4, 10, 2, 2},
		{"MLD report, records", report6, 6, 2, 1},
		{"MLD report, sources", report6, 10, 2, 2},
		{"MLD report, auxiliary data", report6, 9, 1, 0},
		{"MLD query, sources", query6, 26, 2, 2},
	} {
		for _, n := range numbers(c.right, 1<<(8*c.size)-1) {
			_, l, s := members(t, true)
			m := bytes.Clone(c.message)
			if c.size == 2 {
				m[c.at] = byte(n >> 8)
			}
			m[c.at+c.size-1] = byte(n)
			before, listened := l.Stats().GroupBad, s.host.Listened()
			if six := m[0] >= 128; six {
				s.mld(addr("ff02::16"), m)
			} else {
				s.igmp(addr("224.0.0.22"), m)
			}
			bad := l.Stats().GroupBad - before
			if lies := n > c.right; (bad == 1) != lies {
				t.Errorf("%s: %d, of which %d are there: %d counted as bad", c.name, n, c.right, bad)
			}
			if n > c.right && !slices.Equal(s.host.Listened(), listened) {
				t.Errorf("%s: %d: the router keeps something of it", c.name, n)
			}
			l.Close()
		}
	}
}

// Messages of every length are taken or counted, and those with a wrong sum, a hop limit
// other than one, no router alert or a source that is not of the link are not believed.
func TestGroupMessagesRefused(t *testing.T) {
	b, l, s := members(t, false)
	query4 := []byte{header.IGMPQuery, 10, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0}
	for n := range len(query4) {
		before := l.Stats().GroupBad
		m := bytes.Clone(query4[:n])
		if n >= 4 {
			s.igmp(addr("224.0.0.1"), m)
		} else {
			s.raw(addr("224.0.0.1"), ip(header.IPv4{TTL: 1, Src: addr("10.0.0.2"), Dst: addr("224.0.0.1"), Protocol: header.ProtocolIGMP}, m))
		}
		if bad := l.Stats().GroupBad - before; (bad == 1) != (n != 8) { // 8 bytes are version 2
			t.Errorf("an IGMP query of %d bytes: %d counted as bad", n, bad)
		}
	}
	b.run(300 * time.Second)
	s.take()
	bad := l.Stats().GroupBad
	wrong := bytes.Clone(query4)
	s.raw(addr("224.0.0.1"), ip(header.IPv4{TTL: 1, Src: addr("10.0.0.2"), Dst: addr("224.0.0.1"), Protocol: header.ProtocolIGMP}, wrong))
	q := header.GroupQuery{MaxResponse: time.Second, Group: addr("::")}
	query6 := make([]byte, q.MLDLen())
	q.PutMLD(query6)
	for _, change := range []func(h *header.IPv6, alert []byte){
		func(h *header.IPv6, _ []byte) { h.HopLimit = 2 },
		func(h *header.IPv6, _ []byte) { h.Src = addr("2001:db8::2") },
		func(h *header.IPv6, _ []byte) { h.Src = addr("::") },
		func(_ *header.IPv6, alert []byte) { copy(alert, []byte{1, 4, 0, 0, 0, 0}) }, // padding alone
	} {
		h := header.IPv6{PayloadLength: 8 + len(query6), HopLimit: 1, Src: addr("fe80::2"), Dst: addr("ff02::1")}
		options := []byte{58, 0, 5, 2, 0, 0, 1, 0}
		change(&h, options[2:])
		p := make([]byte, header.IPv6Len)
		h.Put(p)
		m := bytes.Clone(query6)
		header.SetICMPv6Checksum(m, h.Src, h.Dst)
		s.raw(h.Dst, append(append(p, options...), m...))
	}
	b.run(30 * time.Second)
	if got := s.take(); got != "" || l.Stats().GroupBad != bad+5 {
		t.Errorf("answered with %q; %d are counted as bad, want 5", got, l.Stats().GroupBad-bad)
	}
}

// A router alert of another length than two is none (RFC 2711, section 2.1): its packet is
// dropped, and so nothing comes of the query that it has.
func TestRouterAlertLength(t *testing.T) {
	for length, want := range []uint64{1, 1, 0, 1, 1} {
		b, l, s := members(t, false)
		q := header.GroupQuery{MaxResponse: time.Second, Group: addr("::")}
		query := make([]byte, q.MLDLen())
		q.PutMLD(query)
		h := header.IPv6{PayloadLength: 8 + len(query), HopLimit: 1, Src: addr("fe80::2"), Dst: addr("ff02::1")}
		header.SetICMPv6Checksum(query, h.Src, h.Dst)
		p := make([]byte, header.IPv6Len)
		h.Put(p)
		s.raw(h.Dst, append(append(p, 58, 0, 5, byte(length), 0, 0, 0, 0), query...))
		b.run(30 * time.Second)
		if bad, got := l.Stats().InBadOptions, s.take(); bad != want || (got == "") != (want == 1) {
			t.Errorf("a router alert of length %d: %d packets dropped for it, want %d; answered with %q", length, bad, want, got)
		}
	}
}

// Whatever arrives as a message of IGMP or MLD, nothing breaks.
func FuzzGroupMessages(f *testing.F) {
	records := []header.GroupRecord{{Type: header.GroupToExclude, Group: addr("239.7.7.7"), Sources: addrs([]string{"10.9.0.1"})}}
	b := make([]byte, header.IGMPReportLen(records))
	header.PutIGMPReport(b, records)
	f.Add(b, false)
	f.Add([]byte{header.IGMPQuery, 100, 0, 0, 239, 1, 2, 3, 2, 125, 0, 1, 10, 0, 0, 2}, false)
	f.Add([]byte{header.IGMPQuery, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Add([]byte{header.IGMPv2Leave, 0, 0, 0, 239, 1, 2, 3}, false)
	records[0].Group, records[0].Sources = addr("ff05::123"), addrs([]string{"2001:db8::1"})
	b = make([]byte, header.MLDReportLen(records))
	header.PutMLDReport(b, records)
	f.Add(b, true)
	q := header.GroupQuery{MaxResponse: time.Second, Group: addr("ff05::123"), Sources: addrs([]string{"2001:db8::1"})}
	b = make([]byte, q.MLDLen())
	q.PutMLD(b)
	f.Add(b, true)
	f.Fuzz(func(t *testing.T, data []byte, six bool) {
		if len(data) < 4 || len(data) > 1400 {
			return
		}
		_, l, s := members(t, true)
		for range 2 {
			if six {
				s.mld(addr("ff02::1"), bytes.Clone(data))
			} else {
				s.igmp(addr("224.0.0.1"), bytes.Clone(data))
			}
		}
		s.b.run(time.Minute)
		if n := len(s.host.Listened()); n > 1024 {
			t.Errorf("%d groups are kept", n)
		}
		l.Close()
	})
}

// 200 hosts are on a network. A ping to all of them, by broadcast or group, is answered
// by nobody.
func TestPingToAll(t *testing.T) {
	b := newBench(t)
	w := link.NewSwitch(b.loop, b.pool, "s")
	var hosts []*network.Layer
	for n := range 200 {
		l := b.host()
		wire := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
		w.AddPort(wire.B())
		nic := link.NewNIC(b.loop, b.pool, "eth0", header.MAC{2, 0, 0, 0, 1, byte(n)}, wire.A())
		i, err := l.AddInterface(nic, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), 24))
		check(t, err)
		check(t, i.EnableIPv6())
		hosts = append(hosts, l)
	}
	defaultRoute(t, hosts[0], "10.0.0.2") // by which groups go too
	b.run(10 * time.Second)
	e, err := hosts[0].OpenEcho(func(r network.EchoReply) { t.Errorf("%v has answered", r.From) })
	check(t, err)
	for _, to := range []string{"224.0.0.1", "ff02::1"} {
		check(t, e.Send(addr(to), 1, nil, 0))
	}
	echo := icmp(header.ICMPEchoRequest, 0, uint32(e.ID())<<16, nil)
	for _, to := range []string{"10.0.0.255", "255.255.255.255"} {
		p, err := hosts[0].Path(addr(to), netip.Addr{})
		check(t, err)
		check(t, hosts[0].Output(b.pool.From(echo), &p, &network.Send{Protocol: header.ProtocolICMP}))
	}
	b.run(10 * time.Second)
	if n := hosts[100].Stats().EchoIgnored; n != 4 {
		t.Errorf("a host has ignored %d requests, want 4", n)
	}
}

// A packet with 100 extension headers, at any place, is dropped after eight of them.
func TestHundredExtensions(t *testing.T) {
	b, l, s := members(t, false)
	for name, c := range map[string]struct {
		packet []byte
		count  func(network.Stats) uint64
	}{
		"in a packet":                {extensions(100, false), func(s network.Stats) uint64 { return s.InTooManyHeaders }},
		"in a first fragment":        {extensions(100, true), func(s network.Stats) uint64 { return s.FragmentsBad }},
		"in a packet, eight of them": {extensions(8, false), func(s network.Stats) uint64 { return s.InNoProtocol }},
	} {
		before := c.count(l.Stats())
		s.raw(addr("ff02::1"), c.packet)
		if c.count(l.Stats()) != before+1 {
			t.Errorf("%s: not counted as what it is: %+v", name, l.Stats())
		}
	}
	b.run(0)
}

// extensions is a packet with n headers of destination options, behind a fragment header
// if it is to be a fragment.
func extensions(n int, fragment bool) []byte {
	h := header.IPv6{NextHeader: header.ProtocolDestinationOptions, HopLimit: 1, Src: addr("fe80::2"), Dst: addr("ff02::1")}
	var chain []byte
	if fragment {
		h.NextHeader = header.ProtocolIPv6Fragment
		chain = append(chain, byte(header.ProtocolDestinationOptions), 0, 0, 1, 0, 0, 0, 9)
	}
	for i := range n {
		next := byte(header.ProtocolDestinationOptions)
		if i == n-1 {
			next = byte(experimental)
		}
		chain = append(chain, next, 0, 1, 4, 0, 0, 0, 0)
	}
	h.PayloadLength = len(chain)
	p := make([]byte, header.IPv6Len)
	h.Put(p)
	return append(p, chain...)
}

func BenchmarkHundredExtensions(b *testing.B) {
	_, _, s := members(b, false)
	p := extensions(100, true)
	for b.Loop() {
		s.raw(addr("ff02::1"), p)
	}
}
