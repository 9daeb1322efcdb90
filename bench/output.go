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

	less bool
}

func newRow(m Measure, results map[string][]Result) Row {
	return Row{
		Measure: m.Name,
		Unit:    m.Unit,
		Septet:  summarize(results["septet"]),
		GVisor:  summarize(results["gvisor"]),
		Kernel:  summarize(results["kernel"]),
		less:    m.Less,
	}
}

// writeJSON writes the row as one object on one line.
func writeJSON(w io.Writer, r Row) error { return json.NewEncoder(w).Encode(r) }

const tableHead = `| measure | unit | septet | gvisor | kernel | × gvisor | × kernel | septet per CPU-s | gvisor per CPU-s | kernel per CPU-s |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
`

// writeTableRow writes the row as one line of the markdown table under tableHead.
func writeTableRow(w io.Writer, r Row) error {
	_, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
		r.Measure, r.Unit, spread(r.Septet), spread(r.GVisor), spread(r.Kernel),
		times(ratio(r.Septet, r.GVisor, r.less)), times(ratio(r.Septet, r.Kernel, r.less)),
		perCPU(r.Septet), perCPU(r.GVisor), perCPU(r.Kernel))
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
