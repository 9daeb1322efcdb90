package inspect

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharkFields says how tshark calls our fields. Fields of less than a byte are compared by
// their value only: tshark says where the number is that they are part of.
var sharkFields = []struct{ layer, field, shark string }{
	{"802.1ad", "VLAN identifier", "ieee8021ad.id"},
	{"802.1ad", "priority code point", "ieee8021ad.priority"},
	{"802.1Q", "VLAN identifier", "vlan.id"},
	{"802.1Q", "priority code point", "vlan.priority"},
	{"802.1Q", "drop eligible", "vlan.dei"},
	{"802.1Q", "type", "vlan.etype"},
	{"Ethernet padding", "padding", "eth.padding"},

	{"IPv6", "version", "ipv6.version"},
	{"IPv6", "traffic class", "ipv6.tclass"},
	{"IPv6", "DSCP", "ipv6.tclass.dscp"},
	{"IPv6", "ECN", "ipv6.tclass.ecn"},
	{"IPv6", "flow label", "ipv6.flow"},
	{"IPv6", "payload length", "ipv6.plen"},
	{"IPv6", "next header", "ipv6.nxt"},
	{"IPv6", "hop limit", "ipv6.hlim"},
	{"IPv6", "source address", "ipv6.src"},
	{"IPv6", "destination address", "ipv6.dst"},
	{"IPv6 Hop-by-Hop Options", "next header", "ipv6.hopopts.nxt"},
	{"IPv6 Hop-by-Hop Options", "header extension length", "ipv6.hopopts.len"},
	{"IPv6 Destination Options", "next header", "ipv6.dstopts.nxt"},
	{"IPv6 Destination Options", "header extension length", "ipv6.dstopts.len"},
	{"", "option type", "ipv6.opt.type"},
	{"", "if unrecognized", "ipv6.opt.type.action"},
	{"", "may change en route", "ipv6.opt.type.change"},
	{"", "option length", "ipv6.opt.length"},
	{"IPv6 Hop-by-Hop Options", "router alert", "ipv6.opt.router_alert"},
	{"IPv6 Routing", "next header", "ipv6.routing.nxt"},
	{"IPv6 Routing", "header extension length", "ipv6.routing.len"},
	{"IPv6 Routing", "routing type", "ipv6.routing.type"},
	{"IPv6 Routing", "segments left", "ipv6.routing.segleft"},
	{"IPv6 Routing", "address", "ipv6.routing.src.addr ipv6.routing.mipv6.home_address"},
	{"IPv6 Routing", "last entry", "ipv6.routing.srh.last_entry"},
	{"IPv6 Routing", "flags", "ipv6.routing.srh.flags"},
	{"IPv6 Routing", "tag", "ipv6.routing.srh.tag"},
	{"IPv6 Routing", "segment", "ipv6.routing.srh.addr"},
	{"IPv6 Fragment", "next header", "ipv6.fraghdr.nxt"},
	{"IPv6 Fragment", "reserved", "ipv6.fraghdr.reserved_octet"},
	{"IPv6 Fragment", "reserved bits", "ipv6.fraghdr.reserved_bits"},
	{"IPv6 Fragment", "more fragments", "ipv6.fraghdr.more"},
	{"IPv6 Fragment", "identification", "ipv6.fraghdr.ident"},

	{"ICMPv6", "type", "icmpv6.type icmpv6.opt.type"},
	{"ICMPv6", "code", "icmpv6.code"},
	{"ICMPv6", "checksum", "icmpv6.checksum"},
	{"ICMPv6", "identifier", "icmpv6.echo.identifier"},
	{"ICMPv6", "sequence number", "icmpv6.echo.sequence_number"},
	{"ICMPv6", "MTU", "icmpv6.mtu"},
	{"ICMPv6", "pointer", "icmpv6.pointer"},
	{"ICMPv6", "target address", "icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.rd.target_address"},
	{"ICMPv6", "destination address", "icmpv6.rd.na.destination_address"},
	{"ICMPv6", "router", "icmpv6.nd.na.flag.r"},
	{"ICMPv6", "solicited", "icmpv6.nd.na.flag.s"},
	{"ICMPv6", "override", "icmpv6.nd.na.flag.o"},
	{"ICMPv6", "cur hop limit", "icmpv6.nd.ra.cur_hop_limit"},
	{"ICMPv6", "managed address configuration", "icmpv6.nd.ra.flag.m"},
	{"ICMPv6", "other configuration", "icmpv6.nd.ra.flag.o"},
	{"ICMPv6", "home agent", "icmpv6.nd.ra.flag.h"},
	{"ICMPv6", "default router preference", "icmpv6.nd.ra.flag.prf"},
	{"ICMPv6", "router lifetime", "icmpv6.nd.ra.router_lifetime"},
	{"ICMPv6", "reachable time", "icmpv6.nd.ra.reachable_time"},
	{"ICMPv6", "retrans timer", "icmpv6.nd.ra.retrans_timer"},
	{"ICMPv6", "length", "icmpv6.opt.length"},
	{"ICMPv6", "link-layer address", "icmpv6.opt.linkaddr"},
	{"ICMPv6", "MTU value", "icmpv6.opt.mtu"},
	{"ICMPv6", "prefix length", "icmpv6.opt.prefix.length"},
	{"ICMPv6", "on-link", "icmpv6.opt.prefix.flag.l"},
	{"ICMPv6", "autonomous", "icmpv6.opt.prefix.flag.a"},
	{"ICMPv6", "valid lifetime", "icmpv6.opt.prefix.valid_lifetime"},
	{"ICMPv6", "preferred lifetime", "icmpv6.opt.prefix.preferred_lifetime"},
	{"ICMPv6", "prefix", "icmpv6.opt.prefix"},
	{"ICMPv6", "route preference", "icmpv6.opt.route_info.flag.route_preference"},
	{"ICMPv6", "route lifetime", "icmpv6.opt.route_lifetime"},
	{"ICMPv6", "lifetime", "icmpv6.opt.rdnss.lifetime icmpv6.opt.dnssl.lifetime"},
	{"ICMPv6", "address", "icmpv6.opt.rdnss"},
	{"ICMPv6", "domain", "icmpv6.opt.dnssl"},

	{"ICMPv6", "maximum response code", "icmpv6.mld.maximum_response_code icmpv6.mld.maximum_response_delay"},
	{"ICMPv6", "suppress router-side processing", "icmpv6.mld.flag.s"},
	{"ICMPv6", "querier's robustness variable", "icmpv6.mld.flag.qrv"},
	{"ICMPv6", "querier's query interval code", "icmpv6.mld.qqi"},
	{"ICMPv6", "number of group records", "icmpv6.mldr.nb_mcast_records"},
	{"ICMPv6", "record type", "icmpv6.mldr.mar.record_type"},
	{"ICMPv6", "aux data length", "icmpv6.mldr.mar.aux_data_len"},
	{"ICMPv6", "number of sources", "icmpv6.mld.nb_sources icmpv6.mldr.mar.nb_sources"},
	{"ICMPv6", "multicast address", "icmpv6.mld.multicast_address icmpv6.mldr.mar.multicast_address"},
	{"ICMPv6", "source address", "icmpv6.mld.source_address icmpv6.mldr.mar.source_address"},

	{"IGMP", "type", "igmp.type"},
	{"IGMP", "checksum", "igmp.checksum"},
	{"IGMP", "number of group records", "igmp.num_grp_recs"},
	{"IGMP", "record type", "igmp.record_type"},
	{"IGMP", "number of sources", "igmp.num_src"},
	{"IGMP", "suppress router-side processing", "igmp.s"},
	{"IGMP", "querier's robustness variable", "igmp.qrv"},
	{"IGMP", "querier's query interval code", "igmp.qqic"},
	{"IGMP", "source address", "igmp.saddr"},

	{"TCP", "source port", "tcp.srcport"},
	{"TCP", "checksum", "tcp.checksum"},
	{"UDP", "destination port", "udp.dstport"},
	{"UDP", "checksum", "udp.checksum"},
}

// shownElse are the fields that have another form with tshark: a description, the value that
// a code stands for, or single bytes.
var shownElse = []string{"padding", "router alert", "maximum response code", "querier's query interval code", "tag"}

// heldElse are those of which tshark has other bytes: the value of an option, or the whole
// number of which a field is a part.
var heldElse = []string{"router alert", "traffic class"}

// sharkField is one element of tshark's PDML.
type sharkField struct {
	Name   string       `xml:"name,attr"`
	Pos    int          `xml:"pos,attr"`
	Size   int          `xml:"size,attr"`
	Show   string       `xml:"show,attr"`
	Fields []sharkField `xml:"field"`
	Protos []sharkField `xml:"proto"`
}

func (f *sharkField) find(names []string, into []sharkField) []sharkField {
	if slices.Contains(names, f.Name) {
		into = append(into, *f)
	}
	for i := range f.Protos {
		into = f.Protos[i].find(names, into)
	}
	for i := range f.Fields {
		into = f.Fields[i].find(names, into)
	}
	return into
}

// dissectWithTshark returns what tshark makes of each packet of a capture. Fragments are
// left alone, and all checksums are verified.
func dissectWithTshark(t *testing.T, path string) []sharkField {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not on this machine:", err)
	}
	out, err := exec.Command("tshark", "-n", "-r", path, "-T", "pdml", "-o", "ipv6.defragment:FALSE", "-o", "ip.check_checksum:TRUE",
		"-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.desegment_tcp_streams:FALSE").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var all struct {
		Packets []sharkField `xml:"packet"`
	}
	if err := xml.Unmarshal(out, &all); err != nil {
		t.Fatalf("tshark's PDML: %v", err)
	}
	return all.Packets
}

// fieldsNamed returns the fields of that name in all layers of that name, in the order of
// their bytes. An empty layer is any.
func fieldsNamed(p *Packet, layer, name string) (all []Field) {
	var walk func([]Field)
	walk = func(fields []Field) {
		for _, f := range fields {
			if f.Name == name {
				all = append(all, f)
			}
			walk(f.Fields)
		}
	}
	for _, l := range p.Layers {
		if layer == "" || l.Name == layer {
			walk(l.Fields)
		}
	}
	slices.SortStableFunc(all, func(a, b Field) int { return a.Start - b.Start })
	return all
}

// sameValue reports whether one of the ways in which we write a value, "name (number)",
// "number (name)" or "number unit", is tshark's.
func sameValue(ours, shark string) bool {
	number := func(s string) string {
		if n, err := strconv.ParseUint(strings.TrimRight(s, ")"), 0, 64); err == nil {
			return fmt.Sprint(n)
		}
		return s
	}
	forms := []string{ours, strings.Fields(ours + " .")[0], ours[strings.LastIndex(ours, "(")+1:]}
	switch ours {
	case "set":
		forms = []string{"1", "True"}
	case "not set":
		forms = []string{"0", "False"}
	case "infinity":
		forms = []string{"4294967295"}
	}
	return slices.ContainsFunc(forms, func(f string) bool { return number(f) == number(shark) })
}

func agreeWithTshark(t *testing.T, name string, p *Packet, shark *sharkField) (compared int) {
	t.Helper()
	for _, m := range sharkFields {
		ours, theirs := fieldsNamed(p, m.layer, m.field), shark.find(strings.Fields(m.shark), nil)
		theirs = slices.DeleteFunc(theirs, func(f sharkField) bool { return f.Size == 0 }) // what tshark has worked out
		slices.SortStableFunc(theirs, func(a, b sharkField) int { return a.Pos - b.Pos })
		if len(ours) != len(theirs) {
			t.Errorf("%s: %s, %s: %d times, tshark has %s %d times", name, m.layer, m.field, len(ours), m.shark, len(theirs))
			continue
		}
		for i, f := range ours {
			s := &theirs[i]
			if !slices.Contains(shownElse, m.field) && !sameValue(f.Value, s.Show) {
				t.Errorf("%s: %s, %s is %q, tshark shows %q", name, m.layer, m.field, f.Value, s.Show)
			}
			if f.Bits == 0 && !slices.Contains(heldElse, m.field) && (f.Start != s.Pos || f.End-f.Start != s.Size) {
				t.Errorf("%s: %s, %s has bytes %d to %d, tshark has %d to %d", name, m.layer, m.field, f.Start, f.End, s.Pos, s.Pos+s.Size)
			}
			compared++
		}
	}
	return compared
}

// sharkError is the severity of tshark's errors, which a wrong checksum is.
const sharkError = 0x800000

// leftToTheCard reports whether a checksum, be it of a quoted packet, is not computed yet.
func leftToTheCard(p *Packet) bool {
	return slices.ContainsFunc(p.Layers, func(l Layer) bool { return len(collect(nil, l.Fields, Partial)) > 0 })
}

// judgeWith compares whole captures, none of which has a fault.
func judgeWith(t *testing.T, path string, frames []Frame, name func(i int) string) {
	t.Helper()
	packets := dissectWithTshark(t, path)
	if len(packets) != len(frames) {
		t.Fatalf("%s: tshark reads %d packets, there are %d", path, len(packets), len(frames))
	}
	compared := 0
	for i, f := range frames {
		p := Dissect(f.LinkType, f.Data)
		checkTree(t, p)
		if bad := append(p.Malformed(), p.BadChecksums()...); bad != nil {
			t.Errorf("%s: we find fault with it: %+v", name(i), bad)
		}
		for _, fault := range packets[i].find([]string{"_ws.malformed", "_ws.expert.severity"}, nil) {
			severity, _ := strconv.Atoi(fault.Show)
			if fault.Name == "_ws.malformed" || severity >= sharkError && !leftToTheCard(p) {
				t.Errorf("%s: tshark finds fault with it", name(i))
			}
		}
		compared += agreeWithTshark(t, name(i), p, &packets[i])
	}
	if compared < 10*len(frames) {
		t.Errorf("%s: only %d fields of %d packets were compared", path, compared, len(frames))
	}
}

func TestTsharkAgreesOnForgedIPv6(t *testing.T) {
	all := append(append(ndFrames(), groupFrames()...), ipv6Frames(t)...)
	var frames []Frame
	for i, n := range all {
		frames = append(frames, Frame{Time: Epoch.Add(time.Duration(i) * time.Millisecond), LinkType: LinkEthernet, Data: n.frame})
	}
	path := filepath.Join(t.TempDir(), "forged.pcapng")
	if err := os.WriteFile(path, write(t, frames, Interface{Name: "wire", LinkType: LinkEthernet}), 0o600); err != nil {
		t.Fatal(err)
	}
	judgeWith(t, path, frames, func(i int) string { return all[i].name })
}

// The capture is of two Linux hosts on a wire: their addresses, groups of both families
// and versions, pings, fragments, an error, datagrams with and without options, HTTP.
func TestTsharkAgreesOnLinux(t *testing.T) {
	frames := readAll(t, "testdata/linux6.pcap")
	judgeWith(t, "testdata/linux6.pcap", frames, func(i int) string { return fmt.Sprintf("packet %d", i+1) })
}
