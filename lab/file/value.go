package file

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// quote quotes a word of the file for a message, and shortens it.
func quote(text string) string {
	if r := []rune(text); len(r) > 40 {
		text = string(r[:40]) + "…"
	}
	return strconv.Quote(text)
}

const durationForm = "a time with its unit, like 10ms, 1.5s or 2m"

// duration reads a time span, which is not negative.
func (s *source) duration(v value) (time.Duration, bool) {
	w, ok := s.text(v, durationForm)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(w.text)
	switch {
	case err != nil:
		s.mistake(w.place, quote(w.text)+" is not a time", "expected "+durationForm)
	case d < 0:
		s.mistake(w.place, quote(w.text)+" is negative", "expected "+durationForm)
	default:
		return d, true
	}
	return 0, false
}

// someDuration reads a time span that is not zero.
func (s *source) someDuration(v value) (time.Duration, bool) {
	d, ok := s.duration(v)
	if ok && d == 0 {
		s.mistake(v.at, "no time at all", "expected "+durationForm)
		return 0, false
	}
	return d, ok
}

// limitedDuration reads a time span of at most so much.
func (s *source) limitedDuration(v value, most time.Duration) (time.Duration, bool) {
	d, ok := s.duration(v)
	if ok && d > most {
		s.mistake(v.at, fmt.Sprintf("%v is too long", d), fmt.Sprintf("the most is %v", most))
		return 0, false
	}
	return d, ok
}

const probabilityForm = "a share from 0 % to 100 %, like 5% or 0.05"

// probability reads "5%" or 0.05.
func (s *source) probability(v value) (float64, bool) {
	w, ok := s.text(v, probabilityForm)
	if !ok {
		return 0, false
	}
	digits, percent := strings.CutSuffix(w.text, "%")
	p, ok := decimal(strings.TrimSpace(digits))
	if percent {
		p /= 100
	}
	switch {
	case !ok:
		s.mistake(w.place, quote(w.text)+" is not a share", "expected "+probabilityForm)
	case p < 0:
		s.mistake(w.place, quote(w.text)+" is negative", "expected "+probabilityForm)
	case p > 1:
		s.mistake(w.place, quote(w.text)+" is more than 100 %", "expected "+probabilityForm)
	default:
		return p, true
	}
	return 0, false
}

// decimal reads a plain decimal number: no exponent, no "inf", no hexadecimal.
func decimal(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "-.0123456789") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// unit is a suffix of a number and what it multiplies by.
type unit struct {
	suffix string
	factor float64
}

// The units of rates are decimal, as those of every line rate. Longer suffixes
// come first: "kbit" ends in "bit".
var rateUnits = []unit{{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"bit", 1}}

// IEC 60027-2: KiB is 1024 bytes, KB is 1000.
var sizeUnits = []unit{{"kib", 1 << 10}, {"mib", 1 << 20}, {"kb", 1e3}, {"mb", 1e6}, {"b", 1}, {"", 1}}

const (
	rateForm = "bits per second with a unit, like 64kbit, 10Mbit or 1Gbit"
	maxRate  = 1e12
	sizeForm = "bytes, like 1500, 100KB (1000 bytes each) or 64KiB (1024 bytes each)"
	maxQueue = 1 << 30
)

// rate reads bits per second. "none" takes a limit away again.
func (s *source) rate(v value) (int64, bool) {
	if w, ok := v.node.(*ast.StringNode); ok && w.Value == "none" {
		return 0, true
	}
	n, ok := s.measure(v, "a rate", rateForm, rateUnits, maxRate)
	return int64(n), ok
}

// size reads a number of bytes.
func (s *source) size(v value) (int, bool) {
	n, ok := s.measure(v, "a size", sizeForm, sizeUnits, maxQueue)
	return int(n), ok
}

// measure reads a positive number with a unit.
func (s *source) measure(v value, what, form string, units []unit, most float64) (float64, bool) {
	w, ok := s.text(v, form)
	if !ok {
		return 0, false
	}
	n, ok := scaled(w.text, units)
	switch {
	case !ok:
		s.mistake(w.place, quote(w.text)+" is not "+what, "expected "+form)
	case n < 1:
		s.mistake(w.place, quote(w.text)+" is too little", "expected "+form)
	case n > most:
		s.mistake(w.place, quote(w.text)+" is too much", fmt.Sprintf("the most is %.0f", most))
	default:
		return n, true
	}
	return 0, false
}

func scaled(text string, units []unit) (float64, bool) {
	lower := strings.ToLower(text)
	for _, u := range units {
		if digits, ok := strings.CutSuffix(lower, u.suffix); ok {
			n, ok := decimal(strings.TrimSpace(digits))
			return n * u.factor, ok
		}
	}
	return 0, false
}

// number reads a whole number from least to most.
func (s *source) number(v value, least, most int) (int, bool) {
	form := fmt.Sprintf("a whole number from %d to %d", least, most)
	w, ok := s.text(v, form)
	if !ok {
		return 0, false
	}
	return s.wordNumber(w, least, most, form)
}

func (s *source) wordNumber(w word, least, most int, form string) (int, bool) {
	n, err := strconv.Atoi(w.text)
	if err != nil {
		s.mistake(w.place, quote(w.text)+" is not a number", "expected "+form)
		return 0, false
	}
	if n < least || n > most {
		s.mistake(w.place, fmt.Sprintf("%d is out of range", n), "expected "+form)
		return 0, false
	}
	return n, true
}

const portForm = "a port from 1 to 65535"

// port reads a TCP or UDP port. Port 0 is reserved (RFC 6335, section 6).
func (s *source) port(w word) (uint16, bool) {
	n, ok := s.wordNumber(w, 1, 65535, portForm)
	return uint16(n), ok
}
