package main

import (
	"io"
	"sync"

	"septet/inspect"
)

// screen is where the ladder and what is said about it stand one below the
// other. The ladder may hold lines back; a text comes after them.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	ladder *inspect.Ladder
}

func (s *screen) init(out *console, style inspect.Style) {
	s.out, s.ladder = out, inspect.NewLadder(out, style)
	s.ladder.Moments = true
	s.ladder.Width = widthOf(out.out)
}

// Errors of writing are the console's to remember.

func (s *screen) line(line inspect.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ladder.Print(line)
}

func (s *screen) text(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ladder.Flush()
	_, _ = io.WriteString(s.out, text)
}

// release shows the lines that are held back, when nothing comes for a while.
func (s *screen) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ladder.Release()
}
