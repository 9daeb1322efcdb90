package socket_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"septet/event"
	"septet/physical"
)

// hello answers with the request's path and body.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
})

// serve starts an unmodified net/http server on bob and returns it with a
// client on alice.
func (w *world) serve(t *testing.T, tls bool) (*httptest.Server, *http.Client) {
	t.Helper()
	ln, err := w.bob.Listen("tcp", bobAddr+":0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s := httptest.NewUnstartedServer(hello)
	// A client gives up the connections that it dialled and did not need.
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Listener.Close()
	s.Listener = ln
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	c := s.Client()
	tr := c.Transport.(*http.Transport)
	tr.DialContext = w.alice.DialContext
	if tls {
		tr.TLSClientConfig.ServerName = "example.com" // httptest's certificate
	}
	return s, c
}

func post(t *testing.T, c *http.Client, url, body string) {
	t.Helper()
	r, err := c.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Errorf("POST %s: %v", url, err)
		return
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	path := url[strings.LastIndex(url, "/"):]
	if want := "POST " + path + " " + body; err != nil || string(got) != want {
		t.Errorf("POST %s: got %d bytes (%.40q...), %v; want %d bytes", url, len(got), got, err, len(want))
	}
}

// TestHTTP: net/http and crypto/tls run over our connections as they are, also
// many requests at once and bodies larger than every buffer.
func TestHTTP(t *testing.T) {
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", tls), func(t *testing.T) {
			w := realWorld(t, physical.Impairment{})
			s, c := w.serve(t, tls)
			defer s.Close()
			post(t, c, s.URL+"/small", "hello")
			post(t, c, s.URL+"/large", strings.Repeat("0123456789", 400_000))
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() { post(t, c, fmt.Sprintf("%s/%d", s.URL, i), strings.Repeat("x", i*1000)) })
			}
			all.Wait()
			c.CloseIdleConnections()
		})
	}
}

// TestHTTPInBubble: in a synctest bubble the same code sees virtual time. A
// first request over a wire of 100 ms each way takes an ARP exchange, a
// handshake and a round trip.
func TestHTTPInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := event.NewBubble(1)
		w := newWorld(t, l, physical.Impairment{Delay: 100 * time.Millisecond})
		s, c := w.serve(t, false)
		for i, want := range []time.Duration{600 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond} {
			begin := time.Now()
			post(t, c, s.URL+"/bubble", "hello")
			// A few microseconds may be added for goroutines to settle.
			if took := time.Since(begin); took < want || took > want+time.Millisecond {
				t.Errorf("request %d took %v, want %v", i, took, want)
			}
		}
		// An hour of patience costs nothing.
		begin := time.Now()
		time.Sleep(time.Hour)
		post(t, c, s.URL+"/later", "hello")
		if took := time.Since(begin); took < time.Hour || took > time.Hour+time.Second {
			t.Errorf("an hour and a request took %v", took)
		}
		c.CloseIdleConnections()
		s.Close()
		w.alice.Close()
		w.bob.Close()
		l.Close()
	})
}
