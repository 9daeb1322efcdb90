package check

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Severity is how bad a finding is.
type Severity uint8

// A Violation breaks a MUST, or is plainly a fault. A Warning is about a SHOULD,
// or about what good reasons may excuse that an onlooker cannot see.
const (
	Warning Severity = iota
	Violation
)

func (s Severity) String() string {
	if s == Violation {
		return "violation"
	}
	return "warning"
}

// Finding is a rule that an end did not keep.
type Finding struct {
	Severity   Severity
	Rule       string // its name
	Section    string // where it stands: "RFC 9293, 3.4"
	Time       time.Time
	Packet     int            // its number in the capture, from 1
	Connection int            // its number, from 1
	From, To   netip.AddrPort // From is the end that did it
	Text       string         // what it did, with numbers
}

func (f Finding) String() string {
	return fmt.Sprintf("packet %d, %s: %v > %v: %s: %s (%s)",
		f.Packet, f.Severity, f.From, f.To, f.Rule, f.Text, f.Section)
}

// Connection is what was judged of one connection.
type Connection struct {
	Number   int
	Ends     [2]netip.AddrPort // the client, then the server
	Segments [2]int
	Omitted  int // findings that are like others before them
	// Unjudged says what could not be judged, and why.
	Unjudged []string
}

// Report is a judgement.
type Report struct {
	Connections []Connection
	Findings    []Finding

	Opened     int // connections judged
	Segments   int
	Violations int // also the ones that are not among Findings
	Warnings   int
	Omitted    int // findings left out
	Forgotten  int // connections given up because there were too many
}

func (r *Report) sort() {
	slices.SortFunc(r.Connections, func(a, b Connection) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Packet, b.Packet) })
	for _, c := range r.Connections {
		r.Omitted += c.Omitted
	}
}

// Write prints the findings, what could not be judged, and the verdict.
func (r *Report) Write(w io.Writer) error {
	p := printer{w: w}
	for _, f := range r.Findings {
		p.printf("%s\n", f)
	}
	if r.Omitted > 0 {
		p.printf("and %s like these\n", count(r.Omitted, "more finding"))
	}
	reasons := make(map[string]int)
	var order []string
	for _, c := range r.Connections {
		for _, why := range c.Unjudged {
			if reasons[why]++; reasons[why] == 1 {
				order = append(order, why)
			}
		}
	}
	for _, why := range order {
		p.printf("%s: %s\n", count(reasons[why], "connection"), why)
	}
	p.printf("checked %s, %s: %s\n", count(r.Opened, "connection"), count(r.Segments, "segment"), r.verdict())
	return p.err
}

func (r *Report) verdict() string {
	switch {
	case r.Violations > 0 && r.Warnings > 0:
		return count(r.Violations, "violation") + ", " + count(r.Warnings, "warning")
	case r.Violations > 0:
		return count(r.Violations, "violation")
	case r.Warnings > 0:
		return "no violation, " + count(r.Warnings, "warning")
	}
	return "nothing wrong"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
