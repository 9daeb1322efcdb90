package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// A Row is one measure's outcome. A contestant that did not take part, or
// failed, is nil.
type Row struct {
	Measure string   `json:"measure"`
	Unit    string   `json:"unit"`
	Septet  *Summary `json:"septet"`
	GVisor  *Summary `json:"gvisor"`
	Kernel  *Summary `json:"kernel"`
	// SeptetIPv6 is there where both families are compared.
	SeptetIPv6 *Summary `json:"septetIPv6,omitempty"`
	// Goal is what Septet's median is to reach, and Reached whether it does: nil
	// where that cannot be said.
	Goal    string `json:"goal,omitempty"`
	Reached *bool  `json:"reached"`

	less bool
}

// newRow makes the row of a measure; goals may speak of earlier rows.
func newRow(m Measure, results map[string][]Result, earlier []Row) Row {
	r := Row{
		Measure: m.Name,
		Unit:    m.Unit,
		Septet:  summarize(results["septet"]),
		GVisor:  summarize(results["gvisor"]),
		Kernel:  summarize(results["kernel"]),

		SeptetIPv6: summarize(results["septet-ipv6"]),
		less:       m.Less,
	}
	r.judge(m.Goals, earlier)
	return r
}

// writeJSON writes the row as one object on one line.
func writeJSON(w io.Writer, r Row) error { return json.NewEncoder(w).Encode(r) }

const tableHead = `| measure | unit | septet | gvisor | kernel | × gvisor | × kernel | septet per CPU-s | gvisor per CPU-s | kernel per CPU-s | goal | reached |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---|
`

// writeTableRow writes the row as one line of the markdown table under tableHead.
func writeTableRow(w io.Writer, r Row) error {
	_, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
		r.Measure, r.Unit, spread(r.Septet), spread(r.GVisor), spread(r.Kernel),
		times(ratio(r.Septet, r.GVisor, r.less)), times(ratio(r.Septet, r.Kernel, r.less)),
		perCPU(r.Septet), perCPU(r.GVisor), perCPU(r.Kernel), orEmpty(r.Goal), yesOrNo(r.Reached))
	return err
}

const empty = "–"

// spread prints the median with the minimum and the maximum.
func spread(s *Summary) string {
	if s == nil {
		return empty
	}
	return fmt.Sprintf("**%s** (%s … %s)", number(s.Median), number(s.Min), number(s.Max))
}

func perCPU(s *Summary) string {
	if s == nil || s.PerCPUSecond == nil {
		return empty
	}
	return number(*s.PerCPUSecond)
}

func orEmpty(s string) string {
	if s == "" {
		return empty
	}
	return s
}

func yesOrNo(b *bool) string {
	switch {
	case b == nil:
		return empty
	case *b:
		return "yes"
	}
	return "**no**"
}

func times(r *float64) string {
	if r == nil {
		return empty
	}
	return strconv.FormatFloat(*r, 'f', 2, 64)
}

// number prints v without decimals and with its thousands set apart.
func number(v float64) string {
	digits := strconv.FormatFloat(math.Round(math.Abs(v)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if v <= -0.5 {
		return "-" + digits
	}
	return digits
}
