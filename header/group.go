package header

import (
	"net/netip"
	"time"
)

// MLD and IGMP are one protocol for two families: both have the queries and the records
// that are here, in which all addresses are of one family.

// Types of group records (RFC 3376, section 4.2.12; RFC 3810, section 5.2.12).
const (
	GroupIsInclude uint8 = 1 // the state: only from these sources
	GroupIsExclude uint8 = 2 // from all but these
	GroupToInclude uint8 = 3 // a change of the mode
	GroupToExclude uint8 = 4
	GroupAllowNew  uint8 = 5 // a change of the sources
	GroupBlockOld  uint8 = 6
)

// GroupRecord is one record of a report: what a host listens to.
type GroupRecord struct {
	Type    uint8
	Group   netip.Addr
	Sources []netip.Addr
}

// GroupQuery asks which groups the hosts of a link listen to (RFC 3376, section 4.1; RFC
// 3810, section 5.1).
type GroupQuery struct {
	Version     int           // of the querier: IGMP 1, 2 or 3, MLD 1 or 2
	MaxResponse time.Duration // answers are spread over it
	Group       netip.Addr    // unspecified in a general query
	// Only the newest version has what follows.
	Suppress   bool          // other queriers do not update their timers
	Robustness uint8         // of the querier, 0 to 7
	Interval   time.Duration // of the querier's queries
	Sources    []netip.Addr  // asked for in particular
}

// A time that is too long for its code is a floating-point number: a mantissa, of which
// the highest bit is hidden, and an exponent of three bits (RFC 3376, section 4.1.1; RFC
// 3810, sections 5.1.3 and 5.1.9). The mantissa has 4 bits in a code of 8, 12 in one of 16.

func fromCode(code, mantissa int) int {
	if code>>(mantissa+3) == 0 {
		return code
	}
	exp := code >> mantissa & 7
	return (code&(1<<mantissa-1) | 1<<mantissa) << (exp + 3)
}

// toCode returns the code of the largest time that is not above v.
func toCode(v, mantissa int) int {
	if v < 1<<(mantissa+3) {
		return max(v, 0)
	}
	exp := 0
	for exp < 7 && v>>(exp+3) >= 2<<mantissa {
		exp++
	}
	m := min(v>>(exp+3), 2<<mantissa-1)
	return 1<<(mantissa+3) | exp<<mantissa | m&(1<<mantissa-1)
}

// QueryInterval returns the interval that a querier's query interval code stands for (RFC
// 3376, section 4.1.7; RFC 3810, section 5.1.9).
func QueryInterval(code byte) time.Duration {
	return time.Duration(fromCode(int(code), 4)) * time.Second
}

// readSources reads n addresses of size bytes.
func readSources(b []byte, n, size int) []netip.Addr {
	if n == 0 {
		return nil
	}
	all := make([]netip.Addr, n)
	for i := range all {
		all[i], _ = netip.AddrFromSlice(b[i*size : (i+1)*size])
	}
	return all
}

// putAddr writes an address of four or sixteen bytes.
func putAddr(b []byte, a netip.Addr, size int) {
	if size == 16 {
		putAddr16(b, a)
		return
	}
	all := a.As4()
	copy(b, all[:])
}

func putSources(b []byte, sources []netip.Addr, size int) int {
	for i, a := range sources {
		putAddr(b[i*size:], a, size)
	}
	return len(sources) * size
}

// putTail writes the last four bytes of a query, and its sources.
func (q *GroupQuery) putTail(b []byte, size int) int {
	b[0] = q.Robustness & 7
	if q.Suppress {
		b[0] |= 8
	}
	b[1] = byte(toCode(int(q.Interval/time.Second), 4))
	be.PutUint16(b[2:], uint16(len(q.Sources)))
	return 4 + putSources(b[4:], q.Sources, size)
}

// readTail reads what putTail writes.
func (q *GroupQuery) readTail(what string, b []byte, size int) error {
	q.Suppress, q.Robustness = b[0]&8 != 0, b[0]&7
	q.Interval = QueryInterval(b[1])
	n := int(be.Uint16(b[2:]))
	if need := 4 + n*size; need > len(b) {
		return truncated(what, len(b), need)
	}
	q.Sources = readSources(b[4:], n, size)
	return nil
}

// readRecords reads the records of a report, whose number stands in bytes 6 and 7.
// Auxiliary data, which neither version defines, is skipped, and so is what follows the
// last record.
func readRecords(what string, b []byte, size int) ([]GroupRecord, error) {
	var all []GroupRecord
	n := int(be.Uint16(b[6:]))
	for b = b[8:]; n > 0; n-- {
		if len(b) < 4+size {
			return nil, truncated(what, len(b), 4+size)
		}
		sources := int(be.Uint16(b[2:]))
		need := 4 + size + sources*size + int(b[1])*4
		if len(b) < need {
			return nil, truncated(what, len(b), need)
		}
		r := GroupRecord{Type: b[0], Sources: readSources(b[4+size:], sources, size)}
		r.Group, _ = netip.AddrFromSlice(b[4 : 4+size])
		all = append(all, r)
		b = b[need:]
	}
	return all, nil
}

func recordsLen(records []GroupRecord, size int) int {
	n := 8
	for i := range records {
		n += 4 + size + len(records[i].Sources)*size
	}
	return n
}

// putReport writes a report with a checksum of zero.
func putReport(b []byte, kind uint8, records []GroupRecord, size int) int {
	n := recordsLen(records, size)
	_ = b[n-1]
	clear(b[:8])
	b[0] = kind
	be.PutUint16(b[6:], uint16(len(records)))
	b = b[8:]
	for i := range records {
		r := &records[i]
		b[0], b[1] = r.Type, 0
		be.PutUint16(b[2:], uint16(len(r.Sources)))
		putAddr(b[4:], r.Group, size)
		b = b[4+size+putSources(b[4+size:], r.Sources, size):]
	}
	return n
}
