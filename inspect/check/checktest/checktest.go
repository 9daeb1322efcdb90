// Package checktest has the judge of package check look at a test's wires.
package checktest

import (
	"strings"
	"testing"
	"time"

	"septet/event"
	"septet/inspect"
	"septet/inspect/check"
	"septet/packet"
	"septet/physical"
)

// A wire's frames are seen twice: as they are sent, and as they arrive.
const (
	sent = iota
	arriving
)

// Wire has the judge look at all that crosses a wire between two hosts, and
// fails the test at its end if a rule of TCP was broken. The turn must not be
// held. Warnings are logged.
func Wire(t testing.TB, l *event.Loop, w *physical.Wire) {
	t.Helper()
	k := check.New(check.Options{Complete: true, Arrivals: func(iface int) bool { return iface == arriving }})
	l.Lock()
	remove := w.Tap(&tap{see: k.Feed, sent: sent, arriving: arriving})
	l.Unlock()
	t.Cleanup(func() {
		remove()
		Report(t, k.Finish())
	})
}

// Wires has the judge look at all wires of a network with switches or routers.
func Wires(t testing.TB, l *event.Loop, wires ...*physical.Wire) {
	t.Helper()
	see := Frames(t)
	l.Lock()
	defer l.Unlock()
	for i, w := range wires {
		w.Tap(&tap{see: see, sent: i, arriving: -1})
	}
}

// Frames has the judge look at frames as a lab's watch or capture has them: each
// on every wire that it crosses, as it is sent. The test fails at its end if a
// rule of TCP was broken.
func Frames(t testing.TB) (see func(inspect.Frame)) {
	k := check.New(check.Options{Complete: true})
	t.Cleanup(func() {
		t.Helper()
		Report(t, k.Finish())
	})
	return k.Feed
}

// Report fails the test if there are violations.
func Report(t testing.TB, r check.Report) {
	t.Helper()
	if len(r.Findings) == 0 {
		return
	}
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Error(err)
	}
	if r.Violations > 0 {
		t.Errorf("a rule of TCP was broken on the wire:\n%s", &text)
	} else {
		t.Logf("on the wire:\n%s", &text)
	}
}

// tap feeds a judge. A frame that the transmitter refused was sent by the stack
// all the same.
type tap struct {
	see            func(inspect.Frame)
	sent, arriving int // the interfaces as which a wire is seen; -1: not
}

func (p *tap) Frame(at event.Time, _ physical.Direction, e physical.Event, frame *packet.Packet) {
	f := inspect.Frame{Time: inspect.Epoch.Add(time.Duration(at)), LinkType: inspect.LinkEthernet, Interface: -1}
	switch e {
	case physical.Sent, physical.Dropped:
		f.Interface = p.sent
	case physical.Delivered:
		f.Interface = p.arriving
	}
	if f.Interface >= 0 {
		f.Data = frame.Bytes()
		p.see(f)
	}
}
