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
	remove := w.Tap(&tap{k})
	l.Unlock()
	t.Cleanup(func() {
		remove()
		Report(t, k.Finish())
	})
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
type tap struct{ judge *check.Checker }

func (p *tap) Frame(at event.Time, d physical.Direction, e physical.Event, frame *packet.Packet) {
	f := inspect.Frame{Time: inspect.Epoch.Add(time.Duration(at)), Interface: sent, LinkType: inspect.LinkEthernet}
	switch e {
	case physical.Sent, physical.Dropped:
	case physical.Delivered:
		f.Interface = arriving
	default:
		return
	}
	f.Data = frame.Bytes()
	p.judge.Feed(f)
}
