package inspect

import (
	"fmt"
	"io"
	"strings"
)

// Ladder prints lines in columns: time, the left end and its state, an arrow
// with what is sent, the right end and its state, remarks. The arrow of what
// does not arrive ends in a cross. On a terminal too narrow for that it prints
// a compact form, see Width.
type Ladder struct {
	// Moments holds back the lines of one moment until a later one comes, so
	// that a loss in the same moment is shown by the arrow itself and not by
	// another one.
	Moments bool
	// Width returns how many columns a line may have; nil, or zero, means any
	// number. A line that would be longer is made shorter.
	Width func() int

	w     io.Writer
	style Style
	left  column
	arrow column
	right column
	held  []Line
	round rounds
}

// Columns of the full form, and how wide a long text may make them.
const (
	timeWidth  = 12
	endWidth   = 15
	arrowWidth = 56
	stateWidth = len(stateSynReceived)
	maxName    = 40
	maxArrow   = 76
	fullWidth  = timeWidth + 2 + endWidth + 1 + stateWidth + 1 + arrowWidth + 1 + endWidth + 1 + stateWidth
)

// maxHeld is how many lines of one moment are held back.
const maxHeld = 1024

// NewLadder returns a ladder that prints to w.
func NewLadder(w io.Writer, style Style) *Ladder {
	return &Ladder{
		w: w, style: style,
		left: newColumn(endWidth, maxName), arrow: newColumn(arrowWidth, maxArrow), right: newColumn(endWidth, maxName),
	}
}

// Print prints one line. With Moments it prints those of earlier moments, and
// Flush the last ones.
func (l *Ladder) Print(line Line) error {
	if !l.Moments {
		return l.write(line)
	}
	var err error
	if n := len(l.held); n > 0 && line.Time != l.held[n-1].Time {
		err = l.Release()
	}
	if line.Lost && l.amend(line) {
		return err
	}
	if len(l.held) == maxHeld {
		err = l.write(l.held[0])
		l.held = append(l.held[:0], l.held[1:]...)
	}
	l.held = append(l.held, line)
	return err
}

// amend crosses out the arrow of a packet that got lost in the moment in which
// it was sent. What goes to several stations may still reach others.
func (l *Ladder) amend(lost Line) bool {
	for i := len(l.held) - 1; i >= 0; i-- {
		h := &l.held[i]
		if h.packet != lost.packet || h.Lost || h.group && h.Interface != lost.Interface {
			continue
		}
		h.Lost = true
		h.Notes = append(h.Notes, lost.Notes...)
		if h.RightToLeft {
			h.Left.State = h.before
		} else {
			h.Right.State = h.before
		}
		return true
	}
	return false
}

// Release prints the lines that are held back, for a reader who waits. A loss
// that comes later is a line of its own.
func (l *Ladder) Release() error {
	for _, line := range l.held {
		if err := l.write(line); err != nil {
			return err
		}
	}
	l.held = l.held[:0]
	return nil
}

// Flush prints everything that is not printed yet.
func (l *Ladder) Flush() error {
	if err := l.Release(); err != nil {
		return err
	}
	return l.closeRounds()
}

// write prints a line now, or counts it if its packet goes round.
func (l *Ladder) write(line Line) error {
	if line.Round && l.round.hide(&line) {
		return nil
	}
	if !line.Round || l.round.full() {
		if err := l.closeRounds(); err != nil {
			return err
		}
	}
	if line.Round {
		l.round.begin(&line)
	}
	return l.put(&line)
}

// put prints a line in the form for which there is room.
func (l *Ladder) put(line *Line) error {
	width := 0
	if l.Width != nil {
		width = l.Width()
	}
	var s spans
	if width > 0 && width < fullWidth {
		s = l.compact(line)
	} else {
		s = l.full(line, width)
	}
	return l.print(s, width)
}

func (l *Ladder) print(s spans, width int) error {
	_, err := fmt.Fprintln(l.w, s.render(l.style, width))
	return err
}

func (l *Ladder) full(line *Line, width int) spans {
	text := " " + line.Text + " "
	notes := ""
	if len(line.Notes) > 0 {
		notes = "  " + strings.Join(line.Notes, ", ")
	}
	left, right := l.left.fit(columns(line.Left.Name)), l.right.fit(columns(line.Right.Name))
	arrow := l.arrow.fit(columns(text) + 6)
	// A label longer than its column takes its room from the arrow, and so do
	// remarks that would not fit.
	over := max(0, columns(line.Left.Name)-left)
	if width > 0 {
		used := timeWidth + 2 + left + over + 1 + stateWidth + 1 + arrow + 1 + max(right, columns(line.Right.Name)) + 1 + stateWidth + columns(notes)
		over += max(0, used-width)
	}
	fill := strings.Repeat("─", max(1, arrow-over-columns(text)-4))
	return spans{
		{plain, fmt.Sprintf("%*.6f  %s ", timeWidth, line.Time.Seconds(), pad(line.Left.Name, left))},
		{stateColour(line.Left.State), pad(line.Left.State, stateWidth)}, {plain, " "},
		{line.colour(), line.tail() + text + fill + line.head()},
		{plain, " " + pad(line.Right.Name, right) + " "},
		{stateColour(line.Right.State), pad(line.Right.State, stateWidth)},
		{yellow, notes},
	}
}

// compact says the same in fewer columns: who, to whom, what, and at the end the
// states.
func (l *Ladder) compact(line *Line) spans {
	arrow := " → "
	switch {
	case line.Lost && line.RightToLeft:
		arrow = " ✗─ "
	case line.Lost:
		arrow = " ─✗ "
	case line.RightToLeft:
		arrow = " ← "
	}
	text := line.Text
	if line.Kind == KindTCP {
		text, _, _ = strings.Cut(text, " win ")
	}
	states := line.Left.State
	if line.Right.State != states && line.Right.State != "" {
		states += " " + line.Right.State
	}
	s := spans{
		{plain, fmt.Sprintf("%8.3f %s", line.Time.Seconds(), line.Left.Name)}, {line.colour(), arrow},
		{plain, line.Right.Name + "  "},
	}
	notes := strings.Join(line.Notes, ", ")
	if line.Lost { // what matters most, and must not be cut
		text, notes = notes+"  "+text, ""
	}
	s = append(s, span{line.colour(), text})
	if states != "" {
		s = append(s, span{stateColour(line.Left.State), "  " + states})
	}
	if notes != "" {
		s = append(s, span{yellow, "  " + notes})
	}
	return s
}

// tail and head are the two ends of an arrow.
func (l *Line) tail() string {
	switch {
	case l.RightToLeft && l.Lost:
		return "✗──"
	case l.RightToLeft:
		return "◀──"
	}
	return "───"
}

func (l *Line) head() string {
	switch {
	case l.RightToLeft:
		return "─"
	case l.Lost:
		return "✗"
	}
	return "▶"
}

func (l *Line) colour() string {
	switch {
	case l.Lost:
		return red
	case l.Kind == KindTCP:
		return plain
	case l.Kind == KindUDP:
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
