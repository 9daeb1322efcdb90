package inspect

import (
	"fmt"
	"net/netip"
	"strings"

	"septet/header"
)

// groupText says what a message of MLD asks or tells, and returns false for others and for
// those that are not whole.
func (t *Tracker) groupText(line *Line, s *sighting) bool {
	b := s.payload
	switch b[0] {
	case header.ICMPv6ListenerQuery:
		q, err := header.ParseMLDQuery(b)
		line.Text = queryText("MLD", &q)
		return err == nil
	case header.ICMPv6ListenerReport, header.ICMPv6ListenerDone:
		h, err := header.ParseMLDv1(b)
		line.Text = fmt.Sprintf("MLDv1 %v: %s", h.Group, membership(h.Type == header.ICMPv6ListenerReport))
		return err == nil
	case header.ICMPv6ListenerReport2:
		records, err := header.ParseMLDReport(b)
		line.Text = "MLDv2 " + recordsText(records)
		return err == nil
	}
	return false
}

func membership(joins bool) string {
	if joins {
		return "I listen"
	}
	return "I leave"
}

// feedIGMP gives the line for a message of IGMP.
func (t *Tracker) feedIGMP(line *Line, s *sighting) bool {
	if len(s.payload) < header.IGMPLen {
		return t.feedOther(line, s)
	}
	if !t.fresh(line, s) {
		return false
	}
	line.Left, line.Right = Side{Name: t.name(s.src)}, Side{Name: t.name(s.dst)}
	b, err := s.payload, error(nil)
	kind, group := b[0], netip.AddrFrom4([4]byte(b[4:]))
	switch kind {
	case header.IGMPQuery:
		var q header.GroupQuery
		q, err = header.ParseIGMPQuery(b)
		line.Text = queryText("IGMP", &q)
	case header.IGMPv1Report:
		line.Text = fmt.Sprintf("IGMPv1 %v: %s", group, membership(true))
	case header.IGMPv2Report:
		line.Text = fmt.Sprintf("IGMPv2 %v: %s", group, membership(true))
	case header.IGMPv2Leave:
		line.Text = fmt.Sprintf("IGMPv2 %v: %s", group, membership(false))
	case header.IGMPv3Report:
		var records []header.GroupRecord
		records, err = header.ParseIGMPReport(b)
		line.Text = "IGMPv3 " + recordsText(records)
	default:
		line.Text = fmt.Sprintf("IGMP type 0x%02x", kind)
	}
	if err != nil {
		line.Text = "IGMP " + igmpTypes[kind]
		if !s.cut() {
			line.Notes = append(line.Notes, "malformed")
		}
	}
	if s.verdict(2) == Bad {
		t.counts.Damaged++
		line.Notes = append(line.Notes, "bad checksum")
	}
	return true
}

func queryText(proto string, q *header.GroupQuery) string {
	switch {
	case q.Group.IsUnspecified():
		return fmt.Sprintf("%sv%d who listens to any group?", proto, q.Version)
	case len(q.Sources) > 0:
		return fmt.Sprintf("%sv%d who listens to %v from %s?", proto, q.Version, q.Group, sourcesText(q.Sources))
	}
	return fmt.Sprintf("%sv%d who listens to %v?", proto, q.Version, q.Group)
}

func recordsText(records []header.GroupRecord) string {
	var parts []string
	for i := range records[:min(len(records), maxListed)] {
		parts = append(parts, recordText(&records[i]))
	}
	if more := len(records) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	if parts == nil {
		return "report of nothing"
	}
	return strings.Join(parts, "; ")
}

// recordText says what a record means: to exclude no sources is to listen to all, to
// include none is to leave (RFC 3376, section 3.2).
func recordText(r *header.GroupRecord) string {
	sources := sourcesText(r.Sources)
	what := fmt.Sprintf("record %d", r.Type)
	switch r.Type {
	case header.GroupIsExclude, header.GroupToExclude:
		what = "I listen"
		if sources != "" {
			what += " to all but " + sources
		}
	case header.GroupIsInclude, header.GroupToInclude:
		what = "I leave"
		if sources != "" {
			what = "I listen to " + sources
		}
	case header.GroupAllowNew:
		what = "I listen also to " + sources
	case header.GroupBlockOld:
		what = "I listen no more to " + sources
	}
	return fmt.Sprintf("%v: %s", r.Group, what)
}

func sourcesText(all []netip.Addr) string {
	text := addressList(all[:min(len(all), maxListed)])
	if more := len(all) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
