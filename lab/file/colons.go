package file

import (
	"regexp"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// joinAddresses makes one word again of an IPv6 address that stands between { }: there
// the lexer takes its first colon for the end of a key, though YAML has one only where
// a blank follows (YAML 1.2, section 7.3.3).
func joinAddresses(tokens token.Tokens) token.Tokens {
	joined := make(token.Tokens, 0, len(tokens))
	for len(tokens) > 0 {
		t, n := address(tokens)
		joined.Add(t)
		tokens = tokens[n:]
	}
	return joined
}

// address returns the first token, or the address that it begins, and how many tokens
// that is.
func address(tokens token.Tokens) (*token.Token, int) {
	first, text := tokens[0], ""
	n := 0
	for n < len(tokens) && n < 3 && plain(tokens[n]) && adjacent(first, text, tokens[n]) {
		text += tokens[n].Value
		n++
	}
	if n < 2 || !addressLike.MatchString(text) {
		return first, 1
	}
	return token.String(text, text, first.Position), n
}

// plain reports whether a token may be a part of a word without quotes.
func plain(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.MappingValueType,
		token.OctetIntegerType, token.HexIntegerType, token.BinaryIntegerType:
		return true
	}
	return false
}

// adjacent reports whether t stands right behind the text that begins with first.
func adjacent(first *token.Token, text string, t *token.Token) bool {
	a, b := first.Position, t.Position
	return a.Line == b.Line && a.Column+utf8.RuneCountInString(text) == b.Column
}

// addressLike finds what has two colons or more and otherwise only what an IPv6
// address has.
var addressLike = regexp.MustCompile(`^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%[0-9a-z.-]+)?(/[0-9]+)?$`)

// unquoted finds what YAML takes for a list or a key, but is an IPv6 address.
var unquoted = regexp.MustCompile(`\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]|::\s*$`)
