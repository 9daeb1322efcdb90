// Package checktest has the judge of package check look at a test's wires: two
// hosts on one (Wire), a network (Wires, Frames), or one host whose peer is the
// test (Host). Every test in simulated time with TCP on a wire uses one of them, or
// says why it does not.
package checktest

import (
	"net/netip"
	"slices"
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
// fails the test at its end if a rule of TCP was broken. Both hosts have the same
// limits. The turn must not be held.
func Wire(t testing.TB, l *event.Loop, w *physical.Wire, limits check.Limits) {
	t.Helper()
	k := judge(t, check.Options{Arrivals: isArrival, Limits: limits})
	l.Lock()
	remove := w.Tap(&tap{see: k.Feed, sent: sent, arriving: arriving})
	l.Unlock()
	t.Cleanup(remove) // before the judgement
}

func isArrival(iface int) bool { return iface == arriving }

// judge returns one that tells the test at its end.
func judge(t testing.TB, o check.Options) *check.Checker {
	o.Complete = true
	k := check.New(o)
	t.Cleanup(func() {
		t.Helper()
		Report(t, k.Finish())
	})
	return k
}

// Wires has the judge look at all wires of a network with switches or routers. The
// turn must not be held.
func Wires(t testing.TB, l *event.Loop, limits check.Limits, wires ...*physical.Wire) {
	t.Helper()
	k := judge(t, check.Options{Limits: limits})
	l.Lock()
	defer l.Unlock()
	for i, w := range wires {
		w.Tap(&tap{see: k.Feed, sent: i, arriving: -1})
	}
}

// Frames has the judge look at frames as a lab's watch or capture has them: each
// on every wire that it crosses, as it is sent. The test fails at its end if a
// rule of TCP was broken.
func Frames(t testing.TB) (see func(inspect.Frame)) {
	return judge(t, check.Options{}).Feed
}

// Cable is the one of a host whose peers are played by the test.
type Cable struct{ judge *check.Checker }

// Host has the judge look at one host alone. What the test sends to it in the name
// of others may be as wrong as it likes.
func Host(t testing.TB, host netip.Addr, limits check.Limits) *Cable {
	t.Helper()
	return &Cable{judge(t, check.Options{
		Limits: limits, Arrivals: isArrival, Exempt: func(a netip.Addr) bool { return a != host },
	})}
}

// Sent tells of an IP packet that the host has sent.
func (c *Cable) Sent(at event.Time, datagram []byte) { c.judge.Feed(frame(at, sent, datagram)) }

// Arrives tells of an IP packet for the host, before the host has it.
func (c *Cable) Arrives(at event.Time, datagram []byte) {
	c.judge.Feed(frame(at, sent, datagram))
	c.judge.Feed(frame(at, arriving, datagram))
}

func frame(at event.Time, iface int, datagram []byte) inspect.Frame {
	return inspect.Frame{
		Time: inspect.Epoch.Add(time.Duration(at)), LinkType: inspect.LinkRaw, Interface: iface, Data: datagram,
	}
}

// Report fails the test if there are findings. Only a small segment is logged and no
// more: the user may have switched Nagle's algorithm off.
func Report(t testing.TB, r check.Report) {
	t.Helper()
	if len(r.Findings) == 0 {
		return
	}
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Error(err)
	}
	broken := func(f check.Finding) bool { return f.Severity == check.Violation || f.Rule != "small-segment" }
	if slices.ContainsFunc(r.Findings, broken) {
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
