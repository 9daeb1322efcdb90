package main

import (
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
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(b)
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
// long, and only on a terminal.
type progress struct {
	what  string
	total int64
	begun time.Time
	bar   *progressbar.ProgressBar
}

func newProgress(what string, total int64) *progress {
	return &progress{what: what, total: total, begun: time.Now()}
}

// reached moves the bar.
func (p *progress) reached(n int64) {
	if p.bar == nil {
		if time.Since(p.begun) < progressAfter || !isTerminal(os.Stderr) || p.total <= 0 {
			return
		}
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetDescription(p.what), progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = p.bar.Set64(min(n, p.total))
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
