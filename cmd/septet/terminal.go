package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"septet/inspect"
)

// console serialises what several goroutines print, a line at a time.
type console struct {
	mu  sync.Mutex
	out io.Writer
	err error // the first that writing gave
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.out.Write(b)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("cannot write the output: %w", err)
	}
	return n, err
}

// failed returns the first error of writing.
func (c *console) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// widthOf returns how wide a terminal is, for a ladder: it may change. For
// anything else it returns nil.
func widthOf(w io.Writer) func() int {
	if !isTerminal(w) {
		return nil
	}
	fd := int(w.(*os.File).Fd())
	return func() int {
		width, _, err := term.GetSize(fd)
		if err != nil {
			return 0
		}
		return width
	}
}

// styleFor returns colours for a terminal, unless NO_COLOR is set
// (https://no-color.org), and none for anything else.
func styleFor(w io.Writer) inspect.Style {
	if isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		return inspect.Colour
	}
	return inspect.Style{}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progressAfter is how long something may take in silence.
const progressAfter = time.Second

// progress is a bar on standard error that appears when what it measures takes
// long. It needs a terminal, and one that nothing else writes to meanwhile.
type progress struct {
	what  string
	total int64 // unknown if not positive
	shown bool
	begun time.Time
	bar   *progressbar.ProgressBar
}

// newProgress returns a bar for something that prints to out, or is silent.
func newProgress(what string, total int64, out io.Writer, silent bool) *progress {
	shown := isTerminal(os.Stderr) && (silent || !isTerminal(out))
	return &progress{what: what, total: total, shown: shown, begun: time.Now()}
}

// reached moves the bar to n, which label explains if it is not empty.
func (p *progress) reached(n int64, label string) {
	if !p.shown || p.bar == nil && time.Since(p.begun) < progressAfter {
		return
	}
	if p.bar == nil {
		most := p.total
		if most <= 0 {
			most = -1 // turns instead of growing
		}
		p.bar = progressbar.NewOptions64(most, progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	p.bar.Describe(p.what + label)
	if p.total > 0 {
		n = min(n, p.total)
	}
	_ = p.bar.Set64(n)
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
