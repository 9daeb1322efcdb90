package sockets

import (
	"os"
	"strings"
	"sync"
	"testing"
)

const deviationsFile = "../../socket/DEVIATIONS.md"

// deviations is the table of what is meant to differ.
type deviations struct {
	mu   sync.Mutex
	rows map[deviation]int // how often each was met
}

// deviation is a line of a situation, as Linux and as the lab have it. The same line of
// several families needs to be listed once.
type deviation struct{ situation, linux, here string }

func readDeviations(t *testing.T) *deviations {
	text, err := os.ReadFile(deviationsFile)
	if err != nil {
		t.Fatal(err)
	}
	d := &deviations{rows: make(map[deviation]int)}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "/") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if cells[4] == "" {
			t.Errorf("%s has no reason for %q", deviationsFile, cells[1])
		}
		d.rows[deviation{cells[1], escape(cells[2]), escape(cells[3])}] = 0
	}
	return d
}

// escape takes out what would end a cell of a table.
func escape(line string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(line, "|", "+")), " ")
}

// has reports whether a difference is listed.
func (d *deviations) has(situation, linux, here string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	row := deviation{situation, escape(linux), escape(here)}
	if _, listed := d.rows[row]; !listed {
		return false
	}
	d.rows[row]++
	return true
}

// met returns how many lines differed as listed.
func (d *deviations) met() (n int) {
	for _, times := range d.rows {
		n += times
	}
	return n
}

// unused returns what is listed, but does not differ.
func (d *deviations) unused() (list []string) {
	for row, times := range d.rows {
		if times == 0 {
			list = append(list, row.situation+": "+row.linux)
		}
	}
	return list
}
