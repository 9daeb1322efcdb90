package file

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may hold. The YAML parser recurses, and takes quadratic time on
// some nonsense, so its tokens are counted before it sees them.
const (
	MaxSize      = 1 << 20 // bytes
	maxTokens    = 200_000
	maxDepth     = 16   // of [ ] and { } in each other
	maxIndent    = 200  // columns in front of a key or dash
	maxKeysALine = 8    // dashes, and keys outside { }
	maxKeys      = 2048 // of one mapping outside { }
)

// value is a node of the tree, and the place at which its mistakes are noted.
type value struct {
	node ast.Node // nil where the file has nothing
	at   place
}

// entry is one line of a mapping.
type entry struct {
	key   word
	value value
}

// parse returns the tree of the file's only document.
func (s *source) parse(src string) (value, bool) {
	tokens := joinAddresses(lexer.Tokenize(src))
	if !s.guard(tokens) {
		return value{}, false
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.syntax(err)
		return value{}, false
	}
	start := place{Position{1, 1}, 1}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		s.mistake(start, "the file is empty", "expected a lab: hosts and links at least")
		return value{}, false
	}
	if len(f.Docs) > 1 {
		s.mistake(s.placeOf(f.Docs[1].Start), "a second document begins here", "a lab file is one document")
		return value{}, false
	}
	return s.value(f.Docs[0].Body, start), true
}

// guard refuses what a lab file has no use for and what would cost too much.
func (s *source) guard(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		s.mistake(place{Position{1, 1}, 1}, "the file is too large", fmt.Sprintf("a lab file has at most %d words", maxTokens))
		return false
	}
	before, b := len(s.mistakes), block{}
	for _, t := range tokens {
		if s.full() {
			return false
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType:
			s.mistake(s.placeOf(t), fmt.Sprintf("%q: anchors, aliases, tags, directives and complex keys are not part of the format", t.Value),
				"write the value itself, between quotes if it begins with one of & * ! % ?")
		}
		size := b.count(t)
		switch {
		case b.depth > maxDepth || b.onLine > maxKeysALine || (b.onLine > 0 && s.indent(t.Position.Line) > maxIndent):
			s.mistake(s.placeOf(t), "this is nested too deeply", "no part of a lab is more than six levels deep")
			return false
		case size > maxKeys:
			s.mistake(s.placeOf(t), "too many keys in one mapping", fmt.Sprintf("the most is %d", maxKeys))
			return false
		}
	}
	return len(s.mistakes) == before
}

// block counts what makes the YAML parser slow.
type block struct {
	depth  int // of brackets
	line   int
	onLine int                // dashes and keys outside brackets on this line
	keys   [maxIndent + 2]int // of the mappings that are open, by their column
}

// count takes in a token. It returns the number of keys of the mapping that the
// token adds a key to, outside brackets.
func (b *block) count(t *token.Token) int {
	if t.Position.Line != b.line {
		b.line, b.onLine = t.Position.Line, 0
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		b.depth++
	case token.SequenceEndType, token.MappingEndType:
		b.depth--
	case token.SequenceEntryType, token.MappingValueType:
		if b.depth > 0 {
			return 0
		}
		b.onLine++
		column := t.Position.Column
		if t.Type == token.MappingValueType && t.Prev != nil {
			column = t.Prev.Position.Column // where the key begins
		}
		column = max(0, min(column, len(b.keys)-1))
		clear(b.keys[column+1:]) // deeper mappings end here
		if t.Type == token.MappingValueType {
			b.keys[column]++
			return b.keys[column]
		}
	}
	return 0
}

func (s *source) indent(line int) int {
	if line < 1 || line > len(s.lines) {
		return 0
	}
	return len(s.lines[line-1]) - len(strings.TrimLeft(s.lines[line-1], " "))
}

// syntax notes the YAML parser's own error.
func (s *source) syntax(err error) {
	at, problem, expected := place{Position{1, 1}, 1}, err.Error(), ""
	var e yaml.Error
	if errors.As(err, &e) {
		problem = e.GetMessage()
		if t := e.GetToken(); t != nil {
			at = place{Position{t.Position.Line, t.Position.Column}, 1}
		}
	}
	if strings.Contains(problem, `'\t'`) || strings.Contains(problem, "'\t'") {
		problem, expected = "a tab indents this line", "indent with spaces"
	}
	if at.Line >= 1 && at.Line <= len(s.lines) && expected == "" && unquoted.MatchString(s.lines[at.Line-1]) {
		expected = "an IPv6 address in brackets, and :: alone, stand between quotes: \"[2001:db8::1]:80\""
	}
	s.mistake(at, "not valid YAML: "+problem, expected)
}

// value wraps a node. Where the file has nothing, or a null, mistakes are
// noted at owner: the key.
func (s *source) value(n ast.Node, owner place) value {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return value{nil, owner}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return value{n, s.placeOf(n.Values[0].Key.GetToken())}
		}
	case *ast.MappingValueNode:
		return value{n, s.placeOf(n.Key.GetToken())}
	}
	return value{n, s.placeOf(n.GetToken())}
}

// mapping returns the lines of a mapping; a key that stands there twice is a
// mistake, and left out.
func (s *source) mapping(v value, expected string) ([]entry, bool) {
	var nodes []*ast.MappingValueNode
	switch n := v.node.(type) {
	case *ast.MappingNode:
		nodes = n.Values
	case *ast.MappingValueNode:
		nodes = []*ast.MappingValueNode{n}
	default:
		s.wrongKind(v, expected)
		return nil, false
	}
	var entries []entry
	lines := make(map[string]int)
	for _, n := range nodes {
		key, _ := s.text(value{n.Key, s.placeOf(n.Key.GetToken())}, "a key")
		if first := lines[key.text]; first != 0 {
			s.mistake(key.place, fmt.Sprintf("%q stands here twice", key.text), fmt.Sprintf("the first is on line %d", first))
			continue
		}
		lines[key.text] = key.Line
		entries = append(entries, entry{key, s.value(n.Value, key.place)})
	}
	return entries, true
}

// list returns the elements of a list.
func (s *source) list(v value, expected string) ([]value, bool) {
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		s.wrongKind(v, expected)
		return nil, false
	}
	values := make([]value, 0, len(n.Values))
	for _, e := range n.Values {
		values = append(values, s.value(e, s.placeOf(e.GetToken())))
	}
	return values, true
}

// text returns a single word or text, numbers too.
func (s *source) text(v value, expected string) (word, bool) {
	switch n := v.node.(type) {
	case *ast.LiteralNode:
		return word{place: v.at, text: n.Value.Value}, true
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return s.word(n.GetToken()), true
	}
	s.wrongKind(v, expected)
	return word{place: v.at}, false
}

func (s *source) wrongKind(v value, expected string) {
	s.mistake(v.at, "this is "+kindOf(v.node), "expected "+expected)
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case nil:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// word is a piece of text and where it stands.
type word struct {
	place
	text string
	// inner is how many characters of the file stand before the text's first
	// one (a quote); parts is whether the file has the text as it is, so that
	// parts of it have places of their own.
	inner int
	parts bool
}

func (s *source) placeOf(t *token.Token) place { return s.word(t).place }

func (s *source) word(t *token.Token) word {
	w := word{place: place{Position{t.Position.Line, t.Position.Column}, 1}, text: t.Value}
	rest := s.from(w.Position)
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		rest, w.inner = rest[min(1, len(rest)):], 1
	}
	if t.Value != "" && strings.HasPrefix(rest, t.Value) {
		w.parts = true
		w.width = utf8.RuneCountInString(t.Value) + 2*w.inner
	}
	return w
}

// from returns what stands on the line of p, from its column on.
func (s *source) from(p Position) string {
	if p.Line < 1 || p.Line > len(s.lines) || p.Column < 1 {
		return ""
	}
	line, starts := s.lines[p.Line-1], s.starts(p.Line)
	if p.Column > len(starts) {
		return ""
	}
	return line[starts[p.Column-1]:]
}

// starts returns where in a line each of its characters starts. It is kept: a
// file may be a single long line with many words.
func (s *source) starts(line int) []int {
	if s.columns[line] == nil {
		starts := make([]int, 0, len(s.lines[line-1]))
		for i := range s.lines[line-1] {
			starts = append(starts, i)
		}
		s.columns[line] = starts
	}
	return s.columns[line]
}

// part returns the word that the bytes from up to to of w are.
func (w word) part(from, to int) word {
	p := word{place: w.place, text: w.text[from:to]}
	if w.parts {
		p.Column += w.inner + utf8.RuneCountInString(w.text[:from])
		p.width = utf8.RuneCountInString(p.text)
		p.parts = true
	}
	return p
}

// trim returns the part of w without the blanks around it.
func (w word) trim() word {
	left := len(w.text) - len(strings.TrimLeft(w.text, " \t"))
	right := len(strings.TrimRight(w.text, " \t"))
	return w.part(left, max(left, right))
}

// cut splits w at the first sep, as strings.Cut does.
func (w word) cut(sep string) (before, after word, found bool) {
	i := strings.Index(w.text, sep)
	if i < 0 {
		return w, w.part(len(w.text), len(w.text)), false
	}
	return w.part(0, i), w.part(i+len(sep), len(w.text)), true
}
