package kernel

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/host"
	"septet/network"
)

// pingSizes go up to the longest datagram: one frame, the last that fits, the first
// that does not, many fragments.
var pingSizes = map[string][]int{
	"IPv4": {1, 56, 1472, 1473, 4000, 65507},
	"IPv6": {1, 56, 1452, 1453, 4000, 65507},
}

// The kernel's ping reaches a host of ours, with payloads of every size.
func TestTheirPing(t *testing.T) {
	l, _, _ := neighbours(t, 1500)
	ping := tool(t, "ping")
	for _, f := range families {
		for _, size := range pingSizes[f.name] {
			out, err := l.try(ping, f.flag, "-n", "-c", "1", "-W", "10", "-s", fmt.Sprint(size), f.ours.String())
			if err != nil || !strings.Contains(out, "1 received") {
				t.Errorf("%s, %d bytes: %v: the request should have one reply\n%s", f.name, size, err, out)
			}
			if strings.Contains(out, "wrong") || strings.Contains(out, "DUP") {
				t.Errorf("%s, %d bytes: ping complains of the replies:\n%s", f.name, size, out)
			}
		}
	}
}

// Our ping reaches the kernel, with payloads of every size.
func TestOurPing(t *testing.T) {
	_, _, ours := neighbours(t, 1500)
	for _, f := range families {
		for _, size := range pingSizes[f.name] {
			stats, err := ours.Ping(f.theirs, host.PingOptions{Count: 3, Interval: time.Millisecond, Timeout: patience, Size: size}, func(r host.PingReply) {
				if r.Err != nil || r.Bytes != size || r.TTL != 64 || r.Duplicate {
					t.Errorf("%s, %d bytes: %+v is not the reply of a neighbour", f.name, size, r)
				}
			})
			if err != nil || stats.Received != 3 {
				t.Errorf("%s, %d bytes: %d replies, %v; there should be 3", f.name, size, stats.Received, err)
			}
		}
	}
}

// The kernel's traceroute finds our router and the host behind it, in each of its ways:
// with datagrams, echo requests and SYNs.
func TestTheirTraceroute(t *testing.T) {
	l, _, _, far := ourRouter(t, 1500, 1500)
	traceroute := tool(t, "traceroute")
	ln, err := far.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, f := range families {
		for _, way := range []string{"-U", "-I", "-T"} {
			out := l.run(traceroute, f.flag, "-n", "-q", "2", "-w", "2", "-m", "5", way, "-p", map[string]string{"-U": "33434", "-I": "1", "-T": "80"}[way], f.far.String())
			var hops []string
			for line := range strings.Lines(out) {
				if w := strings.Fields(line); len(w) > 1 && strings.HasSuffix(out, "\n") && w[0] != "traceroute" {
					hops = append(hops, w[1])
				}
			}
			if len(hops) != 2 || hops[0] != f.ours.String() || hops[1] != f.far.String() || strings.ContainsAny(out, "*!") {
				t.Errorf("%s, %s: the hops should be %v and %v:\n%s", f.name, way, f.ours, f.far, out)
			}
		}
	}
}

// Our ping through the kernel as a router hears of it when the hop limit is too small.
func TestOurTraceroute(t *testing.T) {
	_, _, ours, _ := theirRouter(t, 1500, 1500)
	for _, f := range families {
		var tooFar *network.Error
		_, err := ours.Ping(f.far, host.PingOptions{Count: 1, Timeout: patience, TTL: 1}, func(r host.PingReply) {
			if !errors.As(r.Err, &tooFar) || tooFar.From != f.theirs || !errors.Is(r.Err, syscall.EHOSTUNREACH) {
				t.Errorf("%s, one hop: %+v should be the kernel's error", f.name, r)
			}
		})
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		stats, err := ours.Ping(f.far, host.PingOptions{Count: 2, Interval: time.Millisecond, Timeout: patience, TTL: 2}, func(r host.PingReply) {
			if r.Err != nil || r.From != f.far || r.TTL != 63 {
				t.Errorf("%s, two hops: %+v should be a reply that the kernel has passed on", f.name, r)
			}
		})
		if err != nil || stats.Received != 2 {
			t.Errorf("%s: %d replies, %v; there should be 2", f.name, stats.Received, err)
		}
	}
}
