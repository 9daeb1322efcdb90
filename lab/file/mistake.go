package file

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxMistakes is how many mistakes of one file are reported.
const MaxMistakes = 50

// Mistake is one thing that is wrong with a lab file, and where.
type Mistake struct {
	File string
	Position
	Width    int    // characters from Column on that the mistake is about
	Source   string // the line it stands on
	Problem  string // what is wrong
	Expected string // what would be right; may be empty
}

// Error gives the mistake in three lines: what, the source line, and marks
// under the place.
func (m Mistake) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", m.File, m.Line, m.Column, m.Problem)
	if m.Expected != "" {
		b.WriteString("; " + m.Expected)
	}
	source, before := m.excerpt()
	fmt.Fprintf(&b, "\n%6d | %s\n%6s | ", m.Line, source, "")
	for _, r := range before {
		if r != '\t' { // a tab under a tab keeps the marks in line
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat("^", max(1, m.Width)))
	return b.String()
}

// widest is how much of a very long line is shown.
const widest = 120

// excerpt returns the part of the source line to show, and what of that stands
// before the mistake. Control characters, which could reach the reader's
// terminal, are replaced.
func (m Mistake) excerpt() (shown, before string) {
	line := []rune(strings.Map(printable, m.Source))
	at := min(m.Column-1, len(line))
	from := 0
	if len(line) > widest {
		from = max(0, min(at-widest/2, len(line)-widest))
		line = line[:from+widest]
	}
	return string(line[from:]), string(line[from:at])
}

func printable(r rune) rune {
	if r == '\t' || (unicode.IsPrint(r) && r != utf8.RuneError) {
		return r
	}
	return utf8.RuneError
}

// Mistakes is everything found wrong with a file, in the order of the lines.
// It is never empty.
type Mistakes []Mistake

// Error lists them one below the other.
func (ms Mistakes) Error() string {
	parts := make([]string, 0, len(ms)+1)
	for _, m := range ms {
		parts = append(parts, m.Error())
	}
	if len(ms) >= MaxMistakes {
		parts = append(parts, fmt.Sprintf("%s: there may be more; %d are shown", ms[0].File, len(ms)))
	}
	return strings.Join(parts, "\n")
}

// Unwrap lets errors.As find a Mistake.
func (ms Mistakes) Unwrap() []error {
	errs := make([]error, len(ms))
	for i, m := range ms {
		errs[i] = m
	}
	return errs
}

// place is a stretch of one line that a mistake can be about.
type place struct {
	Position
	width int
}

// source is the text of a file, and collects the mistakes in it.
type source struct {
	file     string
	lines    []string
	columns  map[int][]int // of the lines looked at, where each character starts
	mistakes Mistakes
}

func newSource(file string, text string) *source {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return &source{file: file, lines: lines, columns: make(map[int][]int)}
}

// full reports whether there is no room for another mistake, so that no work
// need go into describing one.
func (s *source) full() bool { return len(s.mistakes) >= MaxMistakes }

// mistake notes one. The same words about the same place are noted once.
func (s *source) mistake(at place, problem, expected string) {
	if s.full() {
		return
	}
	at.Line = min(max(1, at.Line), len(s.lines))
	line := s.lines[at.Line-1]
	length := utf8.RuneCountInString(line)
	at.Column = min(max(1, at.Column), length+1)
	m := Mistake{
		File: s.file, Position: at.Position, Source: line, Problem: problem, Expected: expected,
		Width: min(max(1, at.width), max(1, length-at.Column+1)),
	}
	if !slices.Contains(s.mistakes, m) {
		s.mistakes = append(s.mistakes, m)
	}
}

// err returns the mistakes in the order of the file, or nil.
func (s *source) err() error {
	if len(s.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(s.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return s.mistakes
}
