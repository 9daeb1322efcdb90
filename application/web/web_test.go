package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSite(t *testing.T) {
	site := &Site{Host: "www", Title: "A <b>title</b>", Pages: map[string]string{"/": "welcome", "/more": "1 < 2"}}
	for _, c := range []struct {
		method, path string
		status       int
		has          string
	}{
		{"GET", "/", 200, "welcome"},
		{"GET", "/more", 200, "1 &lt; 2"}, // what the lab file says is text, not HTML
		{"GET", "/", 200, "A &lt;b&gt;title"},
		{"GET", "/", 200, "Served by www"},
		{"GET", "/nowhere", 404, ""},
		{"POST", "/", 405, ""},
	} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s %s: status %d, should be %d with %q:\n%s", c.method, c.path, w.Code, c.status, c.has, w.Body)
		}
	}
	server := httptest.NewServer(site)
	defer server.Close()
	r, err := http.Head(server.URL)
	if err != nil || r.ContentLength <= 0 {
		t.Errorf("HEAD should tell the length of the page: %v, %v", r, err)
	}
}
