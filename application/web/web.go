// Package web is a small web site over net/http.
package web

import (
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Site is what a web service shows.
type Site struct {
	Host  string            // the name of the host that serves it
	Title string            // of every page
	Pages map[string]string // the text of each page by its path
	// Settle, if set, is called before a page is sent. In virtual time it lets the
	// goroutine that net/http reads ahead with come to its rest: which of the two
	// is faster decides when the connection is closed.
	Settle func()
}

// ServeHTTP shows a page, in HTML for those who ask for it and otherwise as text.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Settle != nil {
		s.Settle()
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
		return
	}
	text, ok := s.Pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	page := s.page(text, r.RemoteAddr)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	_, _ = io.WriteString(w, page)
}

func (s *Site) page(text, client string) string {
	var b strings.Builder
	title := html.EscapeString(s.Title)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n", title)
	fmt.Fprintf(&b, "<body>\n<h1>%s</h1>\n<p>%s</p>\n", title, html.EscapeString(strings.TrimSpace(text)))
	fmt.Fprintf(&b, "<p><small>Served by %s to %s.</small></p>\n</body>\n</html>\n",
		html.EscapeString(s.Host), html.EscapeString(client))
	return b.String()
}

// Timeouts of the server, so that a client that stops half-way does not hold a
// connection for ever.
const (
	headerTimeout = 30 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Serve serves the site on l until l is closed.
func (s *Site) Serve(l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	return server.Serve(l)
}
