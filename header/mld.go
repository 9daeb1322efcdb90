package header

import (
	"net/netip"
	"time"
)

// Lengths of MLD messages without their sources: those of version 1 (RFC 2710), and a
// query of version 2 (RFC 3810).
const (
	MLDv1Len    = 24
	MLDQueryLen = 28
)

// MLD's messages are ICMPv6 messages, which ParseICMPv6 has verified: the parsers here
// take the whole message, from its type on, and Put leaves the checksum zero. That it was
// sent from a link-local address, with a hop limit of one and a router alert, is the
// receiver's to check (RFC 3810, section 6.2).

// ParseMLDQuery reads a query of either version.
//
//	0      1      2          4              6          8
//	+------+------+----------+--------------+----------+--------------------+
//	| 130  |  0   | checksum | max response | reserved | group (16 bytes)   |
//	+------+------+----------+--------------+----------+--------------------+
//	24 suppress, robustness  25 interval code  26 number of sources         28
func ParseMLDQuery(b []byte) (q GroupQuery, err error) {
	const what = "MLD query"
	if len(b) < MLDv1Len {
		return q, truncated(what, len(b), MLDv1Len)
	}
	if b[0] != ICMPv6ListenerQuery {
		return q, malformed(what, "another type of message")
	}
	code := int(be.Uint16(b[4:]))
	q = GroupQuery{Version: 1, MaxResponse: time.Duration(code) * time.Millisecond, Group: addr16(b[8:])}
	// RFC 3810, section 8.1: 24 bytes are version 1, 28 and more version 2, and all
	// others are ignored.
	switch {
	case len(b) == MLDv1Len:
		return q, nil
	case len(b) < MLDQueryLen:
		return GroupQuery{}, malformed(what, "a length of neither version")
	}
	q.Version, q.MaxResponse = 2, time.Duration(fromCode(code, 12))*time.Millisecond
	if err := q.readTail(what, b[24:], 16); err != nil {
		return GroupQuery{}, err
	}
	return q, nil
}

// MLDLen returns the length that PutMLD writes.
func (q *GroupQuery) MLDLen() int { return MLDQueryLen + 16*len(q.Sources) }

// PutMLD writes a query of MLD version 2.
func (q *GroupQuery) PutMLD(b []byte) int {
	_ = b[q.MLDLen()-1]
	code := toCode(int(q.MaxResponse/time.Millisecond), 12)
	putND(b, ICMPv6ListenerQuery, ICMPv6Len, uint32(code)<<16)
	putAddr16(b[8:], q.Group)
	return 24 + q.putTail(b[24:], 16)
}

// MLDv1 is a report, or the "done" of a host that leaves, of version 1 (RFC 2710).
type MLDv1 struct {
	Type  uint8 // ICMPv6ListenerReport or ICMPv6ListenerDone
	Group netip.Addr
}

// ParseMLDv1 reads a report or a done message of version 1.
func ParseMLDv1(b []byte) (h MLDv1, err error) {
	const what = "MLDv1"
	if len(b) < MLDv1Len {
		return h, truncated(what, len(b), MLDv1Len)
	}
	if b[0] != ICMPv6ListenerReport && b[0] != ICMPv6ListenerDone {
		return h, malformed(what, "another type of message")
	}
	return MLDv1{Type: b[0], Group: addr16(b[8:])}, nil
}

// Put writes the message.
func (h *MLDv1) Put(b []byte) int {
	n := putND(b, h.Type, MLDv1Len, 0)
	putAddr16(b[8:], h.Group)
	return n
}

// ParseMLDReport reads a report of version 2 (RFC 3810, section 5.2).
//
//	0      1          2          4          6                    8
//	+------+----------+----------+----------+--------------------+---------
//	| 143  | reserved | checksum | reserved | number of records  | records
//	+------+----------+----------+----------+--------------------+---------
//
// Each record:
//
//	0      1          2                    4
//	+------+----------+--------------------+------------------+-----------------+----------
//	| type | aux data | number of sources  | group (16 bytes) | sources, of 16  | aux data
//	+------+----------+--------------------+------------------+-----------------+----------
func ParseMLDReport(b []byte) ([]GroupRecord, error) {
	const what = "MLD report"
	if len(b) < ICMPv6Len {
		return nil, truncated(what, len(b), ICMPv6Len)
	}
	if b[0] != ICMPv6ListenerReport2 {
		return nil, malformed(what, "another type of message")
	}
	return readRecords(what, b, 16)
}

// MLDReportLen returns the length that PutMLDReport writes.
func MLDReportLen(records []GroupRecord) int { return recordsLen(records, 16) }

// PutMLDReport writes a report of version 2.
func PutMLDReport(b []byte, records []GroupRecord) int {
	return putReport(b, ICMPv6ListenerReport2, records, 16)
}
