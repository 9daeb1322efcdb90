package main

import (
	"fmt"
	"os"
)

// progress tells on stderr what is being run: on a terminal one line that is
// written over, elsewhere a line for each measure.
type progress struct {
	terminal bool
	last     string
}

func newProgress() *progress {
	info, err := os.Stderr.Stat()
	return &progress{terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progress) show(measure, contestant string, run, runs int) {
	switch {
	case p.terminal:
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s: run %d of %d, %s", measure, run, runs, contestant)
	case measure != p.last:
		fmt.Fprintf(os.Stderr, "%s: runs for each contestant: %d\n", measure, runs)
	}
	p.last = measure
}

// clear makes room for other output.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
