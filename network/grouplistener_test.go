package network_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// listener is a peer on a link with a host: it keeps the messages of IGMP and MLD that it
// hears as text, and sends what it is told to.
type listener struct {
	b    *bench
	nic  *link.NIC
	wire *physical.Wire
	host *network.Interface
	got  []string
	at   []event.Time
}

// listenTo gives the host 10.0.0.1/24, and IPv6 if it wants it, with a listener at the
// other end.
func (b *bench) listenTo(l *network.Layer, six bool) *listener {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	i, err := l.AddInterface(b.nic(w.A()), netip.MustParsePrefix("10.0.0.1/24"))
	check(b.t, err)
	s := &listener{b: b, nic: b.nic(w.B()), wire: w, host: i}
	s.nic.AcceptAllGroups(true)
	s.nic.OnReceive(func(p *packet.Packet, typ header.EtherType, _ bool) {
		s.hear(p.Bytes(), typ)
		p.Release()
	})
	if six {
		check(b.t, i.EnableIPv6())
	}
	return s
}

func (s *listener) hear(b []byte, typ header.EtherType) {
	if text := groupMessage(s.b.t, b, typ); text != "" {
		s.got = append(s.got, text)
		s.at = append(s.at, s.b.loop.Now())
	}
}

// take returns what was heard since the last call.
func (s *listener) take() string {
	got := strings.Join(s.got, "; ")
	s.got, s.at = nil, nil
	return got
}

// groupMessage describes a message of IGMP or MLD, and finds fault with its headers.
func groupMessage(t testing.TB, b []byte, typ header.EtherType) string {
	t.Helper()
	if typ == header.EtherTypeIPv4 {
		h, body, err := header.ParseIPv4(b)
		check(t, err)
		if h.Protocol != header.ProtocolIGMP {
			return ""
		}
		// RFC 3376, section 4.
		if h.TTL != 1 || h.TOS != 0xc0 || string(h.Options) != "\x94\x04\x00\x00" {
			t.Errorf("an IGMP message has TTL %d, TOS %#x, options %x; want 1, 0xc0 and the router alert", h.TTL, h.TOS, h.Options)
		}
		_, err = header.ParseIGMP(body)
		check(t, err)
		return igmpText(t, body) + " to " + h.Dst.String()
	}
	h, body, err := header.ParseIPv6(b)
	check(t, err)
	if h.NextHeader != header.ProtocolHopByHop {
		return ""
	}
	x, body, err := header.ParseExtension(h.NextHeader, body)
	check(t, err)
	// RFC 3810, section 5.
	if h.HopLimit != 1 || string(x.Data[2:6]) != "\x05\x02\x00\x00" || !h.Src.IsLinkLocalUnicast() && !h.Src.IsUnspecified() {
		t.Errorf("an MLD message has hop limit %d, options %x, source %v", h.HopLimit, x.Data, h.Src)
	}
	_, _, err = header.ParseICMPv6(body, h.Src, h.Dst)
	check(t, err)
	return mldText(t, body) + " to " + h.Dst.String()
}

func igmpText(t testing.TB, b []byte) string {
	switch b[0] {
	case header.IGMPv3Report:
		records, err := header.ParseIGMPReport(b)
		check(t, err)
		return recordsText(records)
	case header.IGMPQuery:
		q, err := header.ParseIGMPQuery(b)
		check(t, err)
		return queryText(&q)
	}
	h, err := header.ParseIGMP(b)
	check(t, err)
	return fmt.Sprintf("%s %v", map[uint8]string{0x12: "v1 report", 0x16: "v2 report", 0x17: "v2 leave"}[h.Type], h.Group)
}

func mldText(t testing.TB, b []byte) string {
	switch b[0] {
	case header.ICMPv6ListenerReport2:
		records, err := header.ParseMLDReport(b)
		check(t, err)
		return recordsText(records)
	case header.ICMPv6ListenerQuery:
		q, err := header.ParseMLDQuery(b)
		check(t, err)
		return queryText(&q)
	}
	h, err := header.ParseMLDv1(b)
	check(t, err)
	return fmt.Sprintf("%s %v", map[uint8]string{131: "v1 report", 132: "v1 done"}[h.Type], h.Group)
}

var recordNames = [...]string{1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK"}

func recordsText(records []header.GroupRecord) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s %v %v", recordNames[r.Type], r.Group, r.Sources))
	}
	return strings.Join(all, ", ")
}

func queryText(q *header.GroupQuery) string {
	return fmt.Sprintf("query v%d %v %v", q.Version, q.Group, q.Sources)
}

// query sends a query of the newest version in the group's family.
func (s *listener) query(group string, sources ...string) {
	s.b.t.Helper()
	q := header.GroupQuery{MaxResponse: 10 * time.Second, Group: addr(group), Robustness: 2, Interval: 125 * time.Second}
	for _, a := range sources {
		q.Sources = append(q.Sources, addr(a))
	}
	if q.Group.Is4() {
		b := make([]byte, q.IGMPLen())
		q.PutIGMP(b)
		s.igmp(destination(q.Group, "224.0.0.1"), b)
		return
	}
	b := make([]byte, q.MLDLen())
	q.PutMLD(b)
	s.mld(destination(q.Group, "ff02::1"), b)
}

func destination(group netip.Addr, all string) netip.Addr {
	if group.IsUnspecified() {
		return addr(all)
	}
	return group
}

// igmp sends an IGMP message, whose checksum it fills in, from 10.0.0.2.
func (s *listener) igmp(to netip.Addr, b []byte) {
	header.SetIGMPChecksum(b)
	h := header.IPv4{TTL: 1, Src: addr("10.0.0.2"), Dst: to, Protocol: header.ProtocolIGMP, Options: []byte{0x94, 4, 0, 0}}
	s.nic.Multicast(s.b.pool.From(ip(h, b)), to, header.EtherTypeIPv4)
	s.b.run(0)
}

// mld sends an MLD message from fe80::2.
func (s *listener) mld(to netip.Addr, b []byte) {
	src := addr("fe80::2")
	header.SetICMPv6Checksum(b, src, to)
	h := header.IPv6{PayloadLength: 8 + len(b), HopLimit: 1, Src: src, Dst: to}
	p := make([]byte, header.IPv6Len)
	h.Put(p)
	p = append(append(p, 58, 0, 5, 2, 0, 0, 1, 0), b...)
	s.nic.Multicast(s.b.pool.From(p), to, header.EtherTypeIPv6)
	s.b.run(0)
}

// families are the names that a test of both needs.
var families = []struct {
	name                      string
	six                       bool
	group, other, unspecified string
	routers                   string // that hear reports
	a, b, c                   string // sources
}{
	{"IGMP", false, "239.1.2.3", "239.9.9.9", "0.0.0.0", "224.0.0.22", "10.1.0.1", "10.1.0.2", "10.1.0.3"},
	{"MLD", true, "ff05::123", "ff05::999", "::", "ff02::16", "2001:db8::a", "2001:db8::b", "2001:db8::c"},
}
