package header

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// Messages of a Linux host that joins and leaves groups, with their checksums.
const (
	linuxMLDJoin = `8f 00 2cad 0000 0002
		05 00 0001 ff350000000000000000000100020003 20010db8000000000000000000000005
		04 00 0000 ff020000000000000000000000001234`
	linuxMLDv1Report = "83 00 fad9 0000 0000 ff020000000000000000000000004321"
	linuxIGMPJoin    = "22 00 efe9 0000 0002 05 00 0001 e8010203 0a000009 04 00 0000 ef010203"
	linuxIGMPv2Join  = "16 00 f7f8 ef040302"
)

// Queries, laid out by hand after RFC 3810, section 5.1, and RFC 3376, section 4.1. Their
// checksums are zero.
const (
	mldQuery  = "82 00 0000 8abc 0000 ff020000000000000000000000001234 0a 8e 0001 20010db8000000000000000000000005"
	igmpQuery = "11 8a 0000 ef010203 0a 8e 0001 0a000009"
)

func TestGroupReportsAreReadAndWritten(t *testing.T) {
	src, dst := addr("fe80::ff:fe00:a"), addr("ff02::16")
	b := unhex(t, linuxMLDJoin)
	if _, _, err := ParseICMPv6(b, src, dst); err != nil {
		t.Fatalf("Linux's report: %v", err)
	}
	records, err := ParseMLDReport(b)
	want := []GroupRecord{
		{GroupAllowNew, addr("ff35::1:2:3"), []netip.Addr{addr("2001:db8::5")}},
		{GroupToExclude, addr("ff02::1234"), nil},
	}
	if err != nil || !reflect.DeepEqual(records, want) {
		t.Errorf("MLD: read %v, %v, want %v", records, err, want)
	}
	out := bytes.Repeat([]byte{0xee}, MLDReportLen(want))
	n := PutMLDReport(out, want)
	if SetICMPv6Checksum(out[:n], src, dst); !bytes.Equal(out[:n], b) {
		t.Errorf("MLD: written as\n%x, Linux sends\n%x", out[:n], b)
	}

	b = unhex(t, linuxIGMPJoin)
	if h, err := ParseIGMP(b); err != nil || h.Type != IGMPv3Report {
		t.Fatalf("Linux's report: %+v, %v", h, err)
	}
	records, err = ParseIGMPReport(b)
	want = []GroupRecord{
		{GroupAllowNew, addr("232.1.2.3"), []netip.Addr{addr("10.0.0.9")}},
		{GroupToExclude, addr("239.1.2.3"), nil},
	}
	if err != nil || !reflect.DeepEqual(records, want) {
		t.Errorf("IGMP: read %v, %v, want %v", records, err, want)
	}
	out = bytes.Repeat([]byte{0xee}, IGMPReportLen(want))
	n = PutIGMPReport(out, want)
	if SetIGMPChecksum(out[:n]); !bytes.Equal(out[:n], b) {
		t.Errorf("IGMP: written as\n%x, Linux sends\n%x", out[:n], b)
	}
}

func TestOldGroupReportsAreReadAndWritten(t *testing.T) {
	b := unhex(t, linuxMLDv1Report)
	m, err := ParseMLDv1(b)
	if want := (MLDv1{ICMPv6ListenerReport, addr("ff02::4321")}); err != nil || m != want {
		t.Errorf("MLDv1: %+v, %v, want %+v", m, err, want)
	}
	out := make([]byte, MLDv1Len)
	m.Put(out)
	if SetICMPv6Checksum(out, addr("fe80::ff:fe00:a"), addr("ff02::4321")); !bytes.Equal(out, b) {
		t.Errorf("MLDv1: written as %x, Linux sends %x", out, b)
	}
	b = unhex(t, linuxIGMPv2Join)
	h, err := ParseIGMP(b)
	if want := (IGMP{Type: IGMPv2Report, Checksum: 0xf7f8, Group: addr("239.4.3.2")}); err != nil || h != want {
		t.Errorf("IGMPv2: %+v, %v, want %+v", h, err, want)
	}
	out = make([]byte, IGMPLen)
	h.Put(out)
	if SetIGMPChecksum(out); !bytes.Equal(out, b) {
		t.Errorf("IGMPv2: written as %x, Linux sends %x", out, b)
	}
}

func TestGroupQueriesAreReadAndWritten(t *testing.T) {
	b := unhex(t, mldQuery)
	q, err := ParseMLDQuery(b)
	want := GroupQuery{
		// RFC 3810, section 5.1.3: 0x8abc has exponent 0 and mantissa 0xabc.
		Version: 2, MaxResponse: 0x1abc << 3 * time.Millisecond, Group: addr("ff02::1234"),
		Suppress: true, Robustness: 2,
		Interval: (0x0e | 0x10) << 3 * time.Second, // section 5.1.9: exponent 0, mantissa 0xe
		Sources:  []netip.Addr{addr("2001:db8::5")},
	}
	if err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("MLD: read %+v, %v, want %+v", q, err, want)
	}
	out := bytes.Repeat([]byte{0xee}, want.MLDLen())
	if n := want.PutMLD(out); !bytes.Equal(out[:n], b) {
		t.Errorf("MLD: written as\n%x, want\n%x", out[:n], b)
	}

	b = unhex(t, igmpQuery)
	q, err = ParseIGMPQuery(b)
	want.Version, want.MaxResponse = 3, (0x0a|0x10)<<3*100*time.Millisecond
	want.Group, want.Sources = addr("239.1.2.3"), []netip.Addr{addr("10.0.0.9")}
	if err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("IGMP: read %+v, %v, want %+v", q, err, want)
	}
	out = bytes.Repeat([]byte{0xee}, want.IGMPLen())
	if n := want.PutIGMP(out); !bytes.Equal(out[:n], b) {
		t.Errorf("IGMP: written as\n%x, want\n%x", out[:n], b)
	}
}

// RFC 3376, section 7.1, and RFC 3810, section 8.1.
func TestVersionOfAQueryIsInItsLength(t *testing.T) {
	mld := func(n int) error {
		q, err := ParseMLDQuery(append(unhex(t, "82 00 0000 2710 0000"), make([]byte, n-8)...))
		if err == nil && (q.MaxResponse != 10*time.Second || q.Version != map[int]int{24: 1, 28: 2, 29: 2}[n]) {
			t.Errorf("an MLD query of %d bytes is of version %d, with %v to answer", n, q.Version, q.MaxResponse)
		}
		return err
	}
	igmp := func(n int, code byte) error {
		q, err := ParseIGMPQuery(append([]byte{0x11, code}, make([]byte, n-2)...))
		version := map[int]int{8: 2, 12: 3, 13: 3}[n]
		if code == 0 {
			version = 1
		}
		if err == nil && (q.Version != version || q.MaxResponse != 10*time.Second) {
			t.Errorf("an IGMP query of %d bytes with code %d is of version %d, with %v to answer", n, code, q.Version, q.MaxResponse)
		}
		return err
	}
	tests := []struct {
		name      string
		got, want error
	}{
		{"MLD of 23 bytes", mld(23), ErrTruncated},
		{"MLD of 24 bytes", mld(24), nil},
		{"MLD of 26 bytes", mld(26), ErrMalformed},
		{"MLD of 28 bytes", mld(28), nil},
		{"MLD of 29 bytes", mld(29), nil},
		{"IGMP of 7 bytes", igmp(7, 100), ErrTruncated},
		{"IGMP of 8 bytes", igmp(8, 100), nil},
		{"IGMP of 8 bytes without a time", igmp(8, 0), nil},
		{"IGMP of 10 bytes", igmp(10, 100), ErrMalformed},
		{"IGMP of 12 bytes", igmp(12, 100), nil},
		{"IGMP of 13 bytes", igmp(13, 100), nil},
	}
	for _, c := range tests {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestGroupMessagesThatLieAreRefused(t *testing.T) {
	change := func(s string, at int, to byte) []byte {
		b := unhex(t, s)
		b[at] = to
		return b
	}
	report := func(parse func([]byte) ([]GroupRecord, error), b []byte) error { _, err := parse(b); return err }
	query := func(parse func([]byte) (GroupQuery, error), b []byte) error { _, err := parse(b); return err }
	tests := []struct {
		name      string
		got, want error
	}{
		{"MLD, more records than there are", report(ParseMLDReport, change(linuxMLDJoin, 7, 3)), ErrTruncated},
		{"MLD, more sources than there are", report(ParseMLDReport, change(linuxMLDJoin, 46, 0xff)), ErrTruncated},
		{"MLD, more auxiliary data than there is", report(ParseMLDReport, change(linuxMLDJoin, 45, 1)), ErrTruncated},
		{"MLD, seven bytes", report(ParseMLDReport, unhex(t, linuxMLDJoin)[:7]), ErrTruncated},
		{"MLD, another type", report(ParseMLDReport, unhex(t, mldQuery)), ErrMalformed},
		{"MLD, a query with too many sources", query(ParseMLDQuery, change(mldQuery, 27, 2)), ErrTruncated},
		{"MLD, another type for a query", query(ParseMLDQuery, unhex(t, linuxMLDJoin)), ErrMalformed},
		{"IGMP, more records than there are", report(ParseIGMPReport, change(linuxIGMPJoin, 7, 3)), ErrTruncated},
		{"IGMP, more sources than there are", report(ParseIGMPReport, change(linuxIGMPJoin, 10, 0xff)), ErrTruncated},
		{"IGMP, seven bytes", report(ParseIGMPReport, unhex(t, linuxIGMPJoin)[:7]), ErrTruncated},
		{"IGMP, another type", report(ParseIGMPReport, unhex(t, igmpQuery)), ErrMalformed},
		{"IGMP, a query with too many sources", query(ParseIGMPQuery, change(igmpQuery, 11, 2)), ErrTruncated},
		{"IGMP, another type for a query", query(ParseIGMPQuery, unhex(t, linuxIGMPJoin)), ErrMalformed},
	}
	for _, c := range tests {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if _, err := ParseIGMP(change(linuxIGMPJoin, 20, 1)); !errors.Is(err, ErrChecksum) {
		t.Errorf("IGMP with a byte changed: %v, want %v", err, ErrChecksum)
	}
	if _, err := ParseMLDv1(unhex(t, linuxMLDJoin)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a report of MLDv2 read as one of MLDv1: %v, want %v", err, ErrMalformed)
	}
}

// RFC 3376, section 4.1.1, and RFC 3810, section 5.1.3: every code is a time, and a time is
// written as the code of the largest that is not above it.
func TestTimesHaveCodes(t *testing.T) {
	for _, mantissa := range []int{4, 12} {
		codes := 1 << (mantissa + 4)
		for code := range codes {
			v := fromCode(code, mantissa)
			if got := toCode(v, mantissa); got != code {
				t.Fatalf("code %#x is %d, for which the code is %#x", code, v, got)
			}
			if code+1 < codes && toCode(fromCode(code+1, mantissa)-1, mantissa) != code {
				t.Fatalf("just below code %#x the code is not the one before", code+1)
			}
		}
		if got := toCode(1<<40, mantissa); got != codes-1 {
			t.Errorf("more than any code is written as %#x, want %#x", got, codes-1)
		}
		if got := toCode(-1, mantissa); got != 0 {
			t.Errorf("less than nothing is written as %#x, want 0", got)
		}
	}
	if got := fromCode(0xff, 4); got != 31744 {
		t.Errorf("code 0xff is %d, 0x1f << 10 is 31744", got)
	}
	if got := fromCode(0xffff, 12); got != 8387584 {
		t.Errorf("code 0xffff is %d, the longest of RFC 3810, 8387584 ms", got)
	}
}

// The tag is that of a frame of priority 3 in VLAN 42 (IEEE 802.1Q, section 9.6).
func TestVLAN(t *testing.T) {
	b := unhex(t, "702a 86dd 60")
	h, payload, err := ParseVLAN(b)
	if want := (VLAN{3, true, 42, EtherTypeIPv6}); err != nil || h != want || len(payload) != 1 {
		t.Errorf("%+v, %x, %v, want %+v and one byte", h, payload, err, want)
	}
	out := make([]byte, VLANLen)
	if h.Put(out); !bytes.Equal(out, b[:4]) {
		t.Errorf("written as %x, want %x", out, b[:4])
	}
	if _, _, err := ParseVLAN(b[:3]); !errors.Is(err, ErrTruncated) {
		t.Errorf("a tag of three bytes: %v, want %v", err, ErrTruncated)
	}
}

func FuzzParseVLAN(f *testing.F) {
	f.Add([]byte{0x70, 0x2a, 0x86, 0xdd, 0x60})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := ParseVLAN(b)
		if err != nil {
			return
		}
		out := make([]byte, VLANLen)
		if h.Put(out); !bytes.Equal(append(out, payload...), b) {
			t.Errorf("%x is written as %x", b, out)
		}
	})
}

func FuzzParseMLD(f *testing.F) {
	for _, s := range []string{linuxMLDJoin, linuxMLDv1Report, mldQuery} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := ParseMLDQuery(b); err == nil && q.Version == 2 {
			out := make([]byte, q.MLDLen())
			q.PutMLD(out)
			if again, err := ParseMLDQuery(out); err != nil || !reflect.DeepEqual(again, q) {
				t.Errorf("%+v was written and read again as %+v, %v", q, again, err)
			}
		}
		if records, err := ParseMLDReport(b); err == nil {
			out := make([]byte, MLDReportLen(records))
			PutMLDReport(out, records)
			if again, err := ParseMLDReport(out); err != nil || !reflect.DeepEqual(again, records) {
				t.Errorf("%v were written and read again as %v, %v", records, again, err)
			}
		}
		if m, err := ParseMLDv1(b); err == nil {
			out := make([]byte, MLDv1Len)
			m.Put(out)
			if again, err := ParseMLDv1(out); err != nil || again != m {
				t.Errorf("%v was written and read again as %v, %v", m, again, err)
			}
		}
	})
}

func FuzzParseIGMP(f *testing.F) {
	for _, s := range []string{linuxIGMPJoin, linuxIGMPv2Join, igmpQuery} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := ParseIGMPQuery(b); err == nil && q.Version == 3 {
			out := make([]byte, q.IGMPLen())
			q.PutIGMP(out)
			if again, err := ParseIGMPQuery(out); err != nil || !reflect.DeepEqual(again, q) {
				t.Errorf("%+v was written and read again as %+v, %v", q, again, err)
			}
		}
		if records, err := ParseIGMPReport(b); err == nil {
			out := make([]byte, IGMPReportLen(records))
			PutIGMPReport(out, records)
			if again, err := ParseIGMPReport(out); err != nil || !reflect.DeepEqual(again, records) {
				t.Errorf("%v were written and read again as %v, %v", records, again, err)
			}
		}
		if len(b) >= IGMPLen {
			b = bytes.Clone(b)
			SetIGMPChecksum(b)
		}
		if h, err := ParseIGMP(b); err == nil {
			out := make([]byte, IGMPLen)
			h.Put(out)
			be.PutUint16(out[2:], h.Checksum)
			if !bytes.Equal(out, b[:IGMPLen]) {
				t.Errorf("%x is written as %x", b[:IGMPLen], out)
			}
		}
	})
}
