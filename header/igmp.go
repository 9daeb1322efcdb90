package header

import (
	"net/netip"
	"time"
)

// Types of IGMP messages (RFC 1112, RFC 2236, RFC 3376).
const (
	IGMPQuery    uint8 = 0x11
	IGMPv1Report uint8 = 0x12
	IGMPv2Report uint8 = 0x16
	IGMPv2Leave  uint8 = 0x17
	IGMPv3Report uint8 = 0x22
)

// Lengths of IGMP messages without their sources: those of versions 1 and 2, and a query
// of version 3.
const (
	IGMPLen      = 8
	IGMPQueryLen = 12
)

// igmpv1MaxResponse is that of a querier that does not say (RFC 3376, section 4.1.1
// and 7.2.1).
const igmpv1MaxResponse = 10 * time.Second

// IGMP is what all IGMP messages begin with, and all of a message of version 1 or 2 (RFC
// 2236, section 2).
//
//	0      1              2          4         8
//	+------+--------------+----------+---------+
//	| type | max response | checksum |  group  |
//	+------+--------------+----------+---------+
type IGMP struct {
	Type, Code uint8      // Code is the maximum response time of a query, else zero
	Checksum   uint16     // as received; Put leaves it zero, see SetIGMPChecksum
	Group      netip.Addr // of a message of version 1 or 2, and of a query
}

// ParseIGMP reads the beginning of an IGMP message and verifies the checksum, which
// covers all of b (RFC 3376, section 4.1.2). ParseIGMPQuery and ParseIGMPReport then read
// the whole.
func ParseIGMP(b []byte) (h IGMP, err error) {
	if len(b) < IGMPLen {
		return h, truncated("IGMP", len(b), IGMPLen)
	}
	h = IGMP{Type: b[0], Code: b[1], Checksum: be.Uint16(b[2:]), Group: netip.AddrFrom4([4]byte(b[4:8]))}
	if Checksum(b, 0) != 0xffff {
		return h, ErrChecksum
	}
	return h, nil
}

// Put writes the message.
func (h *IGMP) Put(b []byte) int {
	_ = b[IGMPLen-1]
	b[0], b[1], b[2], b[3] = h.Type, h.Code, 0, 0
	putAddr(b[4:], h.Group, 4)
	return IGMPLen
}

// SetIGMPChecksum fills in the checksum of the message b.
func SetIGMPChecksum(b []byte) { SetICMPChecksum(b) }

// ParseIGMPQuery reads a query of any version, the checksum of which is not looked at.
// After the group, that of version 3 has
//
//	8                      9               10                   12
//	+----------------------+---------------+--------------------+---------------
//	| suppress, robustness | interval code | number of sources  | sources, of 4
//	+----------------------+---------------+--------------------+---------------
func ParseIGMPQuery(b []byte) (q GroupQuery, err error) {
	const what = "IGMP query"
	if len(b) < IGMPLen {
		return q, truncated(what, len(b), IGMPLen)
	}
	if b[0] != IGMPQuery {
		return q, malformed(what, "another type of message")
	}
	const tenth = 100 * time.Millisecond
	code := int(b[1])
	q = GroupQuery{Version: 2, MaxResponse: time.Duration(code) * tenth, Group: netip.AddrFrom4([4]byte(b[4:8]))}
	// RFC 3376, section 7.1: 8 bytes are version 1 if there is no maximum response time,
	// else version 2; 12 and more are version 3, and all others are ignored.
	switch {
	case len(b) == IGMPLen && code == 0:
		q.Version, q.MaxResponse = 1, igmpv1MaxResponse
		return q, nil
	case len(b) == IGMPLen:
		return q, nil
	case len(b) < IGMPQueryLen:
		return GroupQuery{}, malformed(what, "a length of no version")
	}
	q.Version, q.MaxResponse = 3, time.Duration(fromCode(code, 4))*tenth
	if err := q.readTail(what, b[8:], 4); err != nil {
		return GroupQuery{}, err
	}
	return q, nil
}

// IGMPLen returns the length that PutIGMP writes.
func (q *GroupQuery) IGMPLen() int { return IGMPQueryLen + 4*len(q.Sources) }

// PutIGMP writes a query of IGMP version 3, with a checksum of zero.
func (q *GroupQuery) PutIGMP(b []byte) int {
	_ = b[q.IGMPLen()-1]
	h := IGMP{Type: IGMPQuery, Code: uint8(toCode(int(q.MaxResponse/(100*time.Millisecond)), 4)), Group: q.Group}
	h.Put(b)
	return IGMPLen + q.putTail(b[IGMPLen:], 4)
}

// ParseIGMPReport reads a report of version 3, the checksum of which is not looked at. It
// is that of MLD, see ParseMLDReport, with addresses of four bytes (RFC 3376, section 4.2).
func ParseIGMPReport(b []byte) ([]GroupRecord, error) {
	const what = "IGMP report"
	if len(b) < IGMPLen {
		return nil, truncated(what, len(b), IGMPLen)
	}
	if b[0] != IGMPv3Report {
		return nil, malformed(what, "another type of message")
	}
	return readRecords(what, b, 4)
}

// IGMPReportLen returns the length that PutIGMPReport writes.
func IGMPReportLen(records []GroupRecord) int { return recordsLen(records, 4) }

// PutIGMPReport writes a report of version 3, with a checksum of zero.
func PutIGMPReport(b []byte, records []GroupRecord) int {
	return putReport(b, IGMPv3Report, records, 4)
}
