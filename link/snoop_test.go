package link

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"septet/header"
)

// snooper is an office whose stations speak IGMP and MLD. At each port is the station
// with the same number.
type snooper struct {
	*office
	six bool
}

func newSnooper(t *testing.T, six bool, ports int) *snooper {
	return &snooper{newOffice(t, slices.Repeat([]int{1500}, ports)...), six}
}

// both runs a test for each family, with two groups of it.
func both(t *testing.T, test func(t *testing.T, six bool, one, other string)) {
	t.Run("IGMP", func(t *testing.T) { test(t, false, "239.1.2.3", "239.9.9.9") })
	t.Run("MLD", func(t *testing.T) { test(t, true, "ff05::123", "ff05::999") })
}

// send has a station send a frame, and returns the ports where it arrived.
func (o *snooper) send(station int, frame []byte) (ports []int) {
	return o.sendAt(station, station, frame)
}

func (o *snooper) sendAt(port, station int, frame []byte) (ports []int) {
	o.t.Helper()
	o.got = nil
	src := stationMAC(station)
	copy(frame[6:], src[:])
	o.ports[port].Transmit(o.pool.From(frame))
	_ = o.loop.Run(o.loop.Now())
	for _, got := range o.got {
		n, _ := strconv.Atoi(got[:1])
		ports = append(ports, n)
	}
	if o.pool.Live() != 0 {
		o.t.Errorf("%d packets leaked", o.pool.Live())
	}
	return ports
}

// reaches sends a frame and compares where it arrives.
func (o *snooper) reaches(why string, station int, frame []byte, ports ...int) {
	o.t.Helper()
	if got := o.send(station, frame); !slices.Equal(got, ports) {
		o.t.Errorf("a frame of station %d arrived at the ports %v, should at %v: %s", station, got, ports, why)
	}
}

// wrap makes a frame to a group of the message of a protocol.
func wrap(dst netip.Addr, protocol header.Protocol, message []byte) []byte {
	eth := header.Ethernet{Dst: GroupMAC(dst), Src: header.MAC{2}, Type: header.EtherTypeIPv4}
	b := make([]byte, header.EthernetLen, 128)
	if dst.Is4() {
		h := header.IPv4{TTL: 1, Protocol: protocol, Src: netip.MustParseAddr("10.0.0.1"), Dst: dst}
		h.TotalLength = h.Len() + len(message)
		b = b[:header.EthernetLen+h.Len()]
		h.Put(b[header.EthernetLen:])
	} else {
		eth.Type = header.EtherTypeIPv6
		src := netip.MustParseAddr("fe80::1")
		limit := uint8(1)
		if protocol == header.ProtocolICMPv6 {
			header.SetICMPv6Checksum(message, src, dst)
			if message[0] == header.ICMPv6RouterAdvert {
				limit = 255
			}
		}
		h := header.IPv6{PayloadLength: len(message), NextHeader: protocol, HopLimit: limit, Src: src, Dst: dst}
		b = b[:header.EthernetLen+h.Len()]
		h.Put(b[header.EthernetLen:])
	}
	eth.Put(b)
	return append(b, message...)
}

// data is a datagram to a group.
func data(group string) []byte {
	return wrap(netip.MustParseAddr(group), header.ProtocolUDP, make([]byte, 20))
}

// report says something of a group in the newest version.
func (o *snooper) report(kind uint8, group string) []byte {
	records := []header.GroupRecord{{Type: kind, Group: netip.MustParseAddr(group)}}
	if o.six {
		b := make([]byte, header.MLDReportLen(records))
		header.PutMLDReport(b, records)
		return wrap(netip.MustParseAddr("ff02::16"), header.ProtocolICMPv6, b)
	}
	b := make([]byte, header.IGMPReportLen(records))
	header.PutIGMPReport(b, records)
	header.SetIGMPChecksum(b)
	return wrap(netip.MustParseAddr("224.0.0.22"), header.ProtocolIGMP, b)
}

// query asks for all groups, or for one.
func (o *snooper) query(group string, response time.Duration) []byte {
	q := header.GroupQuery{MaxResponse: response, Robustness: 2, Interval: 125 * time.Second}
	to := "224.0.0.1"
	if o.six {
		to = "ff02::1"
	}
	q.Group = netip.IPv4Unspecified()
	if o.six {
		q.Group = netip.IPv6Unspecified()
	}
	if group != "" {
		q.Group, to = netip.MustParseAddr(group), group
	}
	if o.six {
		b := make([]byte, q.MLDLen())
		q.PutMLD(b)
		return wrap(netip.MustParseAddr(to), header.ProtocolICMPv6, b)
	}
	b := make([]byte, q.IGMPLen())
	q.PutIGMP(b)
	header.SetIGMPChecksum(b)
	return wrap(netip.MustParseAddr(to), header.ProtocolIGMP, b)
}

func routerAdvert(lifetime time.Duration) []byte {
	h := header.RouterAdvertisement{HopLimit: 64, Lifetime: lifetime}
	b := make([]byte, header.RouterAdvertisementLen)
	h.Put(b)
	return wrap(allNodesGroup, header.ProtocolICMPv6, b)
}

func (o *snooper) pass(d time.Duration) { _ = o.loop.Run(o.loop.Now().Add(d)) }

// asked has the querier at a port ask, and waits until it can be known who listens.
func (o *snooper) asked(port int, answer ...func()) {
	o.send(port, o.query("", 10*time.Second))
	for _, a := range answer {
		a()
	}
	o.pass(10 * time.Second)
}

// TestSnoopingReports: RFC 4541, section 2.1.1: a report goes to the ports of routers alone,
// those where queries have come; a query goes everywhere.
func TestSnoopingReports(t *testing.T) {
	both(t, func(t *testing.T, six bool, one, _ string) {
		o := newSnooper(t, six, 4)
		o.reaches("no router is known", 0, o.report(header.GroupToExclude, one))
		o.reaches("everybody is asked", 3, o.query("", 10*time.Second), 0, 1, 2)
		o.reaches("a router asked at port 3", 0, o.report(header.GroupToExclude, one), 3)
		if got := o.sw.RouterPorts(0); !slices.Equal(got, []int{3}) {
			t.Errorf("the ports %v are listed as those of routers, should be port 3", got)
		}
		// RFC 3376, section 8.5; RFC 3810, section 9.5: 2 * 125 s + 10 s / 2.
		o.pass(255*time.Second - 1)
		o.reaches("it counts as there for 255 s", 0, o.report(header.GroupToExclude, one), 3)
		o.pass(1)
		o.reaches("and no longer", 0, o.report(header.GroupToExclude, one))
	})
}

// TestSnoopingListeners: RFC 4541, section 2.1.2: with a querier, a packet goes to the ports
// of listeners and of routers.
func TestSnoopingListeners(t *testing.T) {
	both(t, func(t *testing.T, six bool, one, other string) {
		o := newSnooper(t, six, 5)
		o.send(0, o.report(header.GroupToExclude, one))
		o.send(1, o.report(header.GroupToExclude, one))
		o.send(4, o.query("", 10*time.Second))
		o.reaches("not all have answered the first query", 2, data(other), 0, 1, 3, 4)
		o.pass(10 * time.Second)
		o.reaches("at the ports 0 and 1 are listeners, at 4 is the router", 2, data(one), 0, 1, 4)
		o.reaches("the one who sends is a listener himself", 0, data(one), 1, 4)
		o.reaches("nobody listens but routers, which hear all", 2, data(other), 4)
		o.sw.SetUnregistered(3, true)
		o.reaches("port 3 is to get what has no listeners", 2, data(other), 3, 4)
		o.reaches("that is for groups without listeners", 2, data(one), 0, 1, 4)
		o.sw.SetUnregistered(3, false)
		all := "224.0.0.251" // of all of 224.0.0.0/24
		if six {
			all = "ff02::1"
		}
		o.reaches("it is for all nodes of the link", 2, data(all), 0, 1, 3, 4)
		want := []GroupInfo{{Group: netip.MustParseAddr(one), Ports: []int{0, 1}}}
		if got := o.sw.Groups(); !slices.EqualFunc(got, want, sameGroup) {
			t.Errorf("the groups %v are listed, should be %v", got, want)
		}
		// RFC 3376, section 8.4; RFC 3810, section 9.4: 2 * 125 s + 10 s.
		o.asked(4, func() { o.send(1, o.report(header.GroupIsExclude, one)) })
		o.pass(240 * time.Second)
		o.reaches("port 0 was reported last 260 s ago", 2, data(one), 1, 4)
	})
}

func sameGroup(a, b GroupInfo) bool {
	return a.VLAN == b.VLAN && a.Group == b.Group && slices.Equal(a.Ports, b.Ports)
}

// TestSnoopingLeave: when a listener leaves, the querier asks whether others listen, and who
// has not answered robustness times the response time later is out (RFC 3376, section 6.6.1).
func TestSnoopingLeave(t *testing.T) {
	both(t, func(t *testing.T, six bool, one, _ string) {
		o := newSnooper(t, six, 4)
		o.asked(3, func() {
			o.send(0, o.report(header.GroupIsExclude, one))
			o.send(1, o.report(header.GroupIsExclude, one))
		})
		o.reaches("the querier is told", 0, o.report(header.GroupToInclude, one), 3)
		o.reaches("others may be behind port 0", 2, data(one), 0, 1, 3)
		o.reaches("a question about a group goes to its listeners", 3, o.query(one, time.Second), 0, 1)
		o.send(1, o.report(header.GroupIsExclude, one))
		o.pass(2*time.Second - 1)
		o.reaches("the time to answer is not over", 2, data(one), 0, 1, 3)
		o.pass(1)
		o.reaches("behind port 0 nobody has answered", 2, data(one), 1, 3)
	})
}

// TestSnoopingOlderVersions: the reports of IGMPv2 and MLDv1 go to the group itself.
func TestSnoopingOlderVersions(t *testing.T) {
	both(t, func(t *testing.T, six bool, one, _ string) {
		o := newSnooper(t, six, 4)
		o.asked(3)
		group := netip.MustParseAddr(one)
		b, protocol := make([]byte, header.MLDv1Len), header.ProtocolICMPv6
		if six {
			h := header.MLDv1{Type: header.ICMPv6ListenerReport, Group: group}
			h.Put(b)
		} else {
			h := header.IGMP{Type: header.IGMPv2Report, Group: group}
			b, protocol = b[:h.Put(b)], header.ProtocolIGMP
			header.SetIGMPChecksum(b)
		}
		report := wrap(group, protocol, b)
		o.reaches("it is a report", 0, slices.Clone(report), 3)
		o.reaches("a host that heard it would not report itself", 1, slices.Clone(report), 3)
		o.reaches("both listen", 2, data(one), 0, 1, 3)
		report[len(report)-1] ^= 1
		o.reaches("its checksum is wrong, so it says nothing", 2, report, 0, 1, 3)
	})
}

// TestSnoopingWithoutQuerier: as long as nobody asks, only ports are spared of which it is
// known who is there: one station that has told its groups of IPv6.
func TestSnoopingWithoutQuerier(t *testing.T) {
	const one, other, late = "ff02::1:ff00:1", "ff02::1:ff00:2", "ff02::1:ff00:3"
	o := newSnooper(t, true, 5)
	o.reaches("nobody listens as far as is known", 4, data(one), 0, 1, 2, 3)
	o.reaches("no router is known", 0, o.report(header.GroupToExclude, one))
	o.reaches("nor now", 1, o.report(header.GroupToExclude, other))
	o.reaches("station 1 has told what it listens to; 2 and 3 may listen", 4, data(one), 0, 2, 3)
	o.reaches("duplicates are looked for where they may be", 0, data(one), 2, 3, 4)
	o.reaches("all may listen, reports may be lost", 4, data(late), 0, 1, 2, 3)
	o.reaches("station 4 has spoken, not told its groups", 1, data(other), 2, 3, 4)
	o.sendAt(1, 7, data(late))
	o.reaches("at port 1 is a second station now", 4, data(one), 0, 1, 2, 3)
	o.send(0, o.report(header.GroupToInclude, one))
	if got := o.sw.Groups(); len(got) != 1 || got[0].Group != netip.MustParseAddr(other) {
		t.Errorf("the groups %v are listed, should be %v alone: the only station at port 0 has left the other", got, other)
	}
	o.pass(time.Hour)
	o.send(0, o.report(header.GroupToExclude, one))
	o.reaches("what was reported an hour ago is still so: nobody was asked", 4, data(other), 1, 2, 3)
	o.wires[0].SetUp(false)
	o.pass(time.Second)
	o.wires[0].SetUp(true)
	o.pass(time.Second)
	o.reaches("at port 0 may be somebody else", 4, data(other), 0, 1, 2, 3)

	four := newSnooper(t, false, 3)
	four.send(0, four.report(header.GroupToExclude, "239.1.2.3"))
	four.send(1, four.report(header.GroupToExclude, "239.9.9.9"))
	four.reaches("IPv4 hosts need not tell anything", 2, data("239.1.2.3"), 0, 1)
}

// TestSnoopingReportsFromAfar: where a router is announced, switches pass reports on to it, so
// that the station which reports need not be the only one.
func TestSnoopingReportsFromAfar(t *testing.T) {
	const one, other = "ff02::1:ff00:1", "ff02::1:ff00:2"
	o := newSnooper(t, true, 4)
	o.send(0, o.report(header.GroupToExclude, one))
	o.reaches("it is for all nodes", 3, routerAdvert(30*time.Minute), 0, 1, 2)
	o.reaches("the router is told", 1, o.report(header.GroupToExclude, other), 3)
	o.reaches("station 1 need not be alone, station 0 was before", 3, data(other), 1, 2)
	o.reaches("it may have neighbours that are silent, and the router hears all", 2, data(one), 0, 1, 3)
	o.pass(30 * time.Minute)
	o.reaches("the router's lifetime is over", 1, o.report(header.GroupToExclude, other))
}

// TestSnoopingVLANs: listeners are known by VLAN.
func TestSnoopingVLANs(t *testing.T) {
	o := newSnooper(t, true, 4)
	for port, vlan := range []uint16{10, 10, 20, 20} {
		if err := o.sw.SetAccess(port, vlan); err != nil {
			t.Fatal(err)
		}
	}
	for port := range 4 {
		o.send(port, o.report(header.GroupToExclude, "ff05::"+strconv.Itoa(port+1)))
	}
	o.send(0, o.report(header.GroupToExclude, "ff05::99"))
	o.reaches("in VLAN 20 nobody listens to it, so all there get it", 3, data("ff05::99"), 2)
	o.reaches("in VLAN 10 station 0 does", 1, data("ff05::99"), 0)
	o.reaches("it does, and station 1 is known not to", 0, data("ff05::99"))
}

// TestSnoopingIsCapped: ports for whose groups there is no room get everything.
func TestSnoopingIsCapped(t *testing.T) {
	o := newSnooper(t, true, 4)
	a := netip.MustParseAddr("ff05::1:0:0")
	for range MaxSnoopedGroups {
		o.send(0, o.report(header.GroupToExclude, a.String()))
		a = a.Next()
	}
	o.send(2, o.report(header.GroupToExclude, "ff05::1:0:0"))
	o.send(1, o.report(header.GroupToExclude, "ff05::9"))
	if n := len(o.sw.Groups()); n != MaxSnoopedGroups || o.sw.Stats().GroupsFull != 1 {
		t.Errorf("%d groups, and %d were refused; should be %d and one", n, o.sw.Stats().GroupsFull, MaxSnoopedGroups)
	}
	o.reaches("what is behind port 1 had no room", 3, data("ff05::1:0:0"), 0, 1, 2)
	o.asked(3)
	o.pass(200 * time.Second)
	o.asked(3)
	o.pass(40 * time.Second)
	o.send(2, o.report(header.GroupToExclude, "ff05::7"))
	if got := o.sw.Groups(); len(got) != 1 {
		t.Errorf("%d groups are listed, should be the one that was reported within 260 s", len(got))
	}
	if n := o.sw.snoops.count; n != 1 {
		t.Errorf("the table has %d groups: those whose time is over should have made room", n)
	}
}

// TestSnoopingOff: without it groups are flooded, and what was learned is forgotten.
func TestSnoopingOff(t *testing.T) {
	o := newSnooper(t, true, 4)
	o.asked(3, func() { o.send(0, o.report(header.GroupToExclude, "ff05::1")) })
	o.reaches("with snooping", 1, data("ff05::1"), 0, 3)
	o.sw.SetSnooping(false)
	o.reaches("without", 1, data("ff05::1"), 0, 2, 3)
	o.reaches("without, reports are as all else", 1, o.report(header.GroupToExclude, "ff05::1"), 0, 2, 3)
	o.sw.SetSnooping(true)
	o.reaches("nothing is known", 1, data("ff05::1"), 0, 2, 3)
}

// FuzzSnooping: no frame to a group makes the switch panic, lose a packet or send one back.
func FuzzSnooping(f *testing.F) {
	four, six := &snooper{}, &snooper{six: true}
	for _, o := range []*snooper{four, six} {
		group := "239.1.2.3"
		if o.six {
			group = "ff05::1"
		}
		f.Add(o.report(header.GroupToExclude, group))
		f.Add(o.query("", time.Second))
		f.Add(o.query(group, time.Second))
		f.Add(data(group))
	}
	f.Add(routerAdvert(time.Minute))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < header.EthernetLen || len(frame) > 1500 {
			return
		}
		frame[0] |= 1
		o := &snooper{office: newOffice(t, 1500, 1500, 1500)}
		o.t = t
		for range 2 {
			if ports := o.send(0, frame); slices.Contains(ports, 0) {
				t.Errorf("the frame came back: %v", ports)
			}
		}
		o.sw.Groups()
	})
}
