package differential

import (
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const deviationsFile = "../DEVIATIONS.md"

// deviations is the table of what differs.
type deviations struct {
	mu   sync.Mutex
	rows []*deviation
}

// deviation is a row: a line of a situation, as Linux and as the lab have it. A star in
// it stands for anything, so that one cause needs one row.
type deviation struct {
	text  string
	cells [3]*regexp.Regexp
	met   int
}

func readDeviations(t *testing.T) *deviations {
	text, err := os.ReadFile(deviationsFile)
	if err != nil {
		t.Fatal(err)
	}
	d := new(deviations)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "/") {
			continue
		}
		row := &deviation{text: strings.Join(cells[1:4], "|")}
		for i := range row.cells {
			pattern := regexp.QuoteMeta(strings.Trim(strings.TrimSpace(cells[1+i]), "`"))
			row.cells[i] = regexp.MustCompile("^" + strings.ReplaceAll(pattern, `\*`, ".*") + "$")
		}
		if strings.TrimSpace(cells[4]) == "" {
			t.Errorf("%s has no reason for %s", deviationsFile, row.text)
		}
		d.rows = append(d.rows, row)
	}
	return d
}

// cell takes out of a line what would end a cell of a table.
func cell(line string) string {
	line = strings.NewReplacer("|", "+", "*", "+", "\x00", "0").Replace(line)
	return strings.Join(strings.Fields(line), " ")
}

// has reports whether a difference is listed. One on the wire that is listed is meant over
// IPv6 too.
func (d *deviations) has(situation, linux, here string) bool {
	four := strings.TrimSuffix(situation, " over IPv6")
	d.mu.Lock()
	defer d.mu.Unlock()
	listed := false
	for _, row := range d.rows {
		if (row.cells[0].MatchString(situation) || row.cells[0].MatchString(four)) && row.cells[1].MatchString(cell(linux)) && row.cells[2].MatchString(cell(here)) {
			row.met++
			listed = true
		}
	}
	return listed
}

// judge compares what a lab has written with what Linux has, and reports whether they
// differ as listed.
func (d *deviations) judge(t *testing.T, name string, got, want []string) (listed bool) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		here, linux := line(got, i), line(want, i)
		if here == linux {
			continue
		}
		if d.has(name, linux, here) {
			listed = true
			continue
		}
		t.Errorf("line %d differs from Linux\n  here  %s\n  Linux %s\n| `%s` | `%s` | `%s` |  |\nafter\n  %s",
			i+1, here, linux, name, cell(linux), cell(here), strings.Join(want[:min(i, len(want))], "\n  "))
	}
	return listed
}

// explain reports whether all that differs on the wire is listed.
func (d *deviations) explain(name string, got, want []string) bool {
	got, want = aligned(got, want)
	for i := range got {
		if got[i] != want[i] && !d.has(name, want[i], got[i]) {
			return false
		}
	}
	return true
}

// onWire and inCalls are the two kinds of situation.
func onWire(situation string) bool  { return strings.HasPrefix(situation, "`wire/") }
func inCalls(situation string) bool { return !onWire(situation) }

// unused returns what is listed for situations of a kind, but does not differ.
func (d *deviations) unused(kind func(situation string) bool) (list []string) {
	for _, row := range d.rows {
		if row.met == 0 && kind(strings.TrimSpace(row.text)) {
			list = append(list, row.text)
		}
	}
	return list
}
