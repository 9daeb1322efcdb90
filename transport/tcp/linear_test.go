package tcp

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	ev "septet/event"
)

// Linux sends the first SYNs again without backing off, on top of TCP_SYNCNT, but gives up
// no later than if every one had backed off: with a count of one after 1 + 2 seconds.
func TestLinearSYNsEndInTime(t *testing.T) {
	linux := LinuxExact()
	for retries, want := range map[int]int{1: 3, 2: 6, 6: 11} { // SYNs in all
		b := newBenchUnjudged(t, &linux, 1500) // Unjudged: RFC 6298 wants every timeout to back off
		b.loop.Lock()
		c, err := b.tcp.Connect(nil, netip.AddrPortFrom(b.peer, 80), nil, Options{SynRetries: retries})
		b.loop.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.loop.Run(ev.Time(10 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := len(b.sent); n != want || !errors.Is(c.TakeError(), syscall.ETIMEDOUT) {
			t.Errorf("with SynRetries %d there were %d SYNs, there should be %d, and then ETIMEDOUT", retries, n, want)
		}
	}
}
