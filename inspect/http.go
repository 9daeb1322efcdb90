package inspect

import (
	"bytes"
	"strconv"
)

var httpMethods = [...]string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "}

// looksLikeHTTP reports whether b begins with a start line of HTTP/1 (RFC 9112,
// section 2.1): a method, or the version in an answer.
func looksLikeHTTP(b []byte) bool {
	if bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return true
	}
	for _, m := range httpMethods {
		if bytes.HasPrefix(b, []byte(m)) {
			line, _, _ := bytes.Cut(b, []byte("\n"))
			return bytes.Contains(line, []byte(" HTTP/1."))
		}
	}
	return false
}

// http shows the start line and the header fields of a message. A segment in
// the middle of a message is data.
func (d *dissection) http(r region) bool {
	if !looksLikeHTTP(d.bytes(r)) {
		return false
	}
	b, _ := d.layer("HTTP", placeApplication, r, r.len())
	at := 0
	for first := true; at < r.len(); first = false {
		line, _, whole := bytes.Cut(d.bytes(r)[at:], []byte("\n"))
		n := len(line)
		if whole {
			n++
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		name, value, isField := bytes.Cut(line, []byte(":"))
		switch {
		case first && line[0] == 'H' && bytes.HasPrefix(line, []byte("HTTP/")):
			b.field("status line", at, n, printable(line))
		case first:
			b.field("request line", at, n, printable(line))
		case len(line) == 0:
			b.field("end of header", at, n, "")
			b.end(at + n)
			d.data(r.after(at+n), placeApplication)
			return true
		case isField:
			b.field(printable(name), at, n, printable(bytes.TrimSpace(value)))
		default:
			b.field("line", at, n, printable(line))
		}
		at += n
	}
	return true
}

// printable returns b as text that cannot do harm to a terminal.
func printable(b []byte) string {
	const limit = 200
	more := ""
	if len(b) > limit {
		b, more = b[:limit], "..."
	}
	s := strconv.Quote(string(b))
	return s[1:len(s)-1] + more
}
