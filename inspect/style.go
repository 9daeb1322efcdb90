package inspect

// Style decides how text is marked. The zero value marks nothing, which is what
// files and pipes want.
type Style struct{ colour bool }

// Colour is the style for terminals.
var Colour = Style{colour: true}

// Kinds of text, as the parameters of ANSI's "select graphic rendition".
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s Style) mark(kind, text string) string {
	if !s.colour || kind == plain || text == "" {
		return text
	}
	return "\x1b[" + kind + "m" + text + "\x1b[0m"
}

// Strong marks what the reader is to see first.
func (s Style) Strong(text string) string { return s.mark(bold, text) }

// Bad marks what has gone wrong.
func (s Style) Bad(text string) string { return s.mark(red, text) }
