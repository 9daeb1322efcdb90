package header

import (
	"strings"
	"time"
)

// DNSSearch is a list of domains in which hosts may look for short names, and for how long
// (RFC 8106, section 5.2). Put makes several options of what does not fit in one.
type DNSSearch struct {
	Domains  []string // without a dot at the end; Put leaves out what is no DomainName
	Lifetime time.Duration
}

// The most bytes of a label, and of a whole name on the wire (RFC 1035, section 2.3.4).
const (
	maxLabel  = 63
	maxDomain = 255
)

// MostDomains is how many domains hosts have in their search lists, as resolv.conf had them
// for long (MAXDNSRCH of resolv.h). RFC 8106, section 5.3.1: three are enough.
const MostDomains = 6

// ndMostDomains is how many bytes of domains are in one option.
const ndMostDomains = ndMaxLen - 8

// DomainName reports whether s is the name of a domain as hosts have them: labels of 1 to
// 63 letters, digits, hyphens and underscores with dots between them, at most 253 bytes
// (RFC 1123, section 2.1; RFC 1035, section 2.3.4). What else there may be in the DNS is not
// for a text file such as resolv.conf.
func DomainName(s string) bool {
	if len(s)+2 > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > maxLabel || strings.ContainsFunc(label, notOfLabel) {
			return false
		}
	}
	return true
}

func notOfLabel(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
}

// ReadDomain reads the name at the beginning of b, and returns how long it is there: zero if
// it does not end, or is longer than names are. RFC 8106, section 5.2: it is written as in
// RFC 1035, section 3.1, without compression. A dot in a label has a backslash before it
// (section 5.1 there). Empty is the padding behind the last one.
func ReadDomain(b []byte) (name string, n int) {
	var labels []string
	for n < len(b) && n < maxDomain {
		size := int(b[n])
		n++
		if size == 0 {
			return strings.Join(labels, "."), n
		}
		if size > maxLabel || n+size > len(b) {
			return "", 0
		}
		labels = append(labels, strings.ReplaceAll(string(b[n:n+size]), ".", `\.`))
		n += size
	}
	return "", 0
}

// readSearch takes the domains of a search list. RFC 8106, section 5.3.1, has the least
// length; and if one of them is no name, none of them is taken.
func (o *NDOptions) readSearch(b []byte) {
	if len(b) < 16 {
		return
	}
	s := DNSSearch{Lifetime: lifetime(be.Uint32(b[4:]))}
	for rest := b[8:]; len(rest) > 0; {
		name, n := ReadDomain(rest)
		switch {
		case n == 0, name != "" && !DomainName(name):
			return
		case name == "":
			rest = nil // RFC 8106, section 5.2: zeros fill up the rest
		default:
			s.Domains = append(s.Domains, name)
			rest = rest[n:]
		}
	}
	if len(s.Domains) > 0 {
		o.Search = append(o.Search, s)
	}
}

// options yields the bytes of the domains of one option after another.
func (s *DNSSearch) options(yield func(domains []byte) bool) {
	var b []byte
	for _, d := range s.Domains {
		if !DomainName(d) {
			continue
		}
		if len(b)+len(d)+2 > ndMostDomains {
			if !yield(b) {
				return
			}
			b = nil
		}
		for label := range strings.SplitSeq(d, ".") {
			b = append(append(b, byte(len(label))), label...)
		}
		b = append(b, 0)
	}
	if len(b) > 0 {
		yield(b)
	}
}

func (s *DNSSearch) len() (n int) {
	for domains := range s.options {
		n += ndPadded(8 + len(domains))
	}
	return n
}

func (s *DNSSearch) put(b []byte) (n int) {
	for domains := range s.options {
		option := ndOption(b[n:], NDOptionSearch, ndPadded(8+len(domains)))
		be.PutUint32(option[4:], seconds(s.Lifetime))
		copy(option[8:], domains)
		n += len(option)
	}
	return n
}
