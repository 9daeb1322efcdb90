package inspect

import (
	"fmt"
	"io"
	"strings"
)

// Ladder prints lines in columns: time, the left end and its state, an arrow
// with what is sent, the right end and its state, remarks. Columns only grow,
// so that what stands below each other stays so.
type Ladder struct {
	w     io.Writer
	style Style
	left  int
	arrow int
	right int
}

// NewLadder returns a ladder that prints to w.
func NewLadder(w io.Writer, style Style) *Ladder {
	return &Ladder{w: w, style: style, left: 15, arrow: 56, right: 15}
}

const (
	stateWidth = len(stateSynReceived)
	maxName    = 40
	maxArrow   = 76
)

// Print prints one line.
func (l *Ladder) Print(line Line) error {
	l.left = max(l.left, min(maxName, columns(line.Left.Name)))
	l.right = max(l.right, min(maxName, columns(line.Right.Name)))
	text := " " + line.Text + " "
	l.arrow = max(l.arrow, min(maxArrow, columns(text)+6))
	fill := strings.Repeat("─", max(1, l.arrow-columns(text)-4))
	arrow := "───" + text + fill + "▶"
	if line.RightToLeft {
		arrow = "◀──" + text + fill + "─"
	}
	s := l.style
	out := fmt.Sprintf("%12.6f  %s %s %s %s %s", line.Time.Seconds(),
		pad(line.Left.Name, l.left), s.mark(stateColour(line.Left.State), pad(line.Left.State, stateWidth)),
		s.mark(line.colour(), arrow),
		pad(line.Right.Name, l.right), s.mark(stateColour(line.Right.State), pad(line.Right.State, stateWidth)))
	if len(line.Notes) > 0 {
		out += "  " + s.mark(yellow, strings.Join(line.Notes, ", "))
	}
	_, err := fmt.Fprintln(l.w, strings.TrimRight(out, " "))
	return err
}

func (l *Line) colour() string {
	switch l.Kind {
	case KindTCP:
		return plain
	case KindUDP:
		return cyan
	}
	return dim
}

func stateColour(state string) string {
	switch state {
	case stateEstablished:
		return green
	case stateClosed:
		return dim
	}
	return yellow
}
