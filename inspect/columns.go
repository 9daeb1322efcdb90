package inspect

import "strings"

// column is the width of a column of lines that come one by one. It grows at
// once for what is too long, so that what stands below each other stays so, and
// shrinks again when it has been too wide for a while.
type column struct {
	least, most int
	width       int
	recent      int // the widest since age
	age         int // lines since it was last needed in full
}

// patience is after how many lines a column shrinks.
const patience = 16

func newColumn(least, most int) column {
	return column{least: least, most: most, width: least, recent: least}
}

// fit returns the width for a text of n columns.
func (c *column) fit(n int) int {
	n = max(c.least, min(n, c.most))
	c.recent = max(c.recent, n)
	c.age++
	if n >= c.width || c.age == patience {
		c.width, c.recent, c.age = max(n, c.recent), c.least, 0
	}
	return c.width
}

// span is text of one kind.
type span struct{ kind, text string }

type spans []span

// render joins the spans. If width is positive what is longer is cut.
func (s spans) render(style Style, width int) string {
	total := 0
	for i := len(s) - 1; i >= 0; i-- { // no blanks at the end
		s[i].text = strings.TrimRight(s[i].text, " ")
		if s[i].text != "" {
			break
		}
	}
	for _, part := range s {
		total += columns(part.text)
	}
	room := total
	if width > 0 && total > width {
		room = width - 1
	}
	var b strings.Builder
	for _, part := range s {
		n := columns(part.text)
		if n > room {
			b.WriteString(style.mark(part.kind, string([]rune(part.text)[:room])+"…"))
			break
		}
		b.WriteString(style.mark(part.kind, part.text))
		room -= n
	}
	return b.String()
}
