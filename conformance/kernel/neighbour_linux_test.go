package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"septet/host"
	"septet/inspect"
	"septet/link"
)

// quick makes the kernel doubt its neighbours soon.
func (l *lab) quick(name string) {
	for _, v := range []string{"ipv4", "ipv6"} {
		at := "net/" + v + "/neigh/" + name + "/"
		l.set(at+"base_reachable_time_ms", "1000")
		l.set(at+"retrans_time_ms", "100")
		l.set(at+"delay_first_probe_time", "1")
	}
}

// state returns what the kernel holds of a neighbour.
func (l *lab) state(f family) string {
	words := strings.Fields(l.ip(fmt.Sprintf("neigh show %v dev tap0", f.ours)))
	if len(words) == 0 {
		return "NONE"
	}
	return words[len(words)-1]
}

// The kernel finds a host of ours, asks it again when it has become doubtful, and gives
// it up when it is gone.
func TestTheirUnreachability(t *testing.T) {
	l, c, ours := neighbours(t, 1500)
	l.quick("tap0")
	ping := tool(t, "ping")
	reach := func(f family) (string, error) {
		return l.try(ping, f.flag, "-n", "-c", "1", "-W", "1", f.ours.String())
	}
	for _, f := range families {
		if out, err := reach(f); err != nil {
			t.Fatalf("%s: %v\n%s", f.name, err, out)
		}
		before := c.count(questionTo(f))
		eventually(t, "the kernel doubts its neighbour", func() bool { return l.state(f) != "REACHABLE" })
		if out, err := reach(f); err != nil {
			t.Errorf("%s: a neighbour in doubt should still be there: %v\n%s", f.name, err, out)
		}
		eventually(t, "the kernel has asked its neighbour again, alone", func() bool { return c.count(questionTo(f)) > before })
		eventually(t, "the kernel's neighbour is REACHABLE again", func() bool { return l.state(f) == "REACHABLE" })
	}
	ours.Close()
	for _, f := range families {
		eventually(t, f.name+": ping is told that the host is not there", func() bool {
			out, err := reach(f)
			return err != nil && strings.Contains(out, "nreachable")
		})
		if now := l.state(f); now != "FAILED" && now != "INCOMPLETE" {
			t.Errorf("%s: the kernel's neighbour is %s, it should have been given up", f.name, now)
		}
	}
}

// questionTo selects the questions for us that the kernel has sent to us alone, as it
// does to a neighbour that it knows.
func questionTo(f family) func(*inspect.Packet) bool {
	return func(p *inspect.Packet) bool {
		alone := p.Frame[0]&1 == 0
		if f.name == "IPv4" {
			return alone && value(p, "ARP", "target protocol address") == f.ours.String() && strings.HasPrefix(value(p, "ARP", "opcode"), "request")
		}
		return alone && value(p, "ICMPv6", "target address") == f.ours.String() && strings.HasPrefix(value(p, "ICMPv6", "type"), "neighbor solicitation")
	}
}

// A host of ours gives the kernel up when it is gone, tells who sends to it, and finds it
// again when it is back.
func TestOurUnreachability(t *testing.T) {
	l, c, ours := neighbours(t, 1500)
	l.set("net/ipv6/conf/tap0/keep_addr_on_down", "1")
	state := func(a netip.Addr) link.NeighbourState {
		l.loop.Lock()
		defer l.loop.Unlock()
		return ours.Network.Interfaces()[1].NIC().Neighbour(a).State()
	}
	ping := func(f family, timeout time.Duration) (errs []error) {
		_, err := ours.Ping(f.theirs, host.PingOptions{Count: 1, Timeout: timeout},
			func(r host.PingReply) { errs = append(errs, r.Err) })
		return append(errs, err)
	}
	for _, f := range families {
		if err := errors.Join(ping(f, patience)...); err != nil || state(f.theirs) != link.Reachable {
			t.Errorf("%s: %v, the kernel is %v; it should be reachable", f.name, err, state(f.theirs))
		}
	}
	l.ip("link set tap0 down")
	l.loop.Lock()
	for _, f := range families {
		ours.Network.Interfaces()[1].NIC().Neighbour(f.theirs).Doubt()
	}
	l.loop.Unlock()
	var gone sync.WaitGroup
	for _, f := range families {
		gone.Go(func() {
			for end := time.Now().Add(patience); time.Now().Before(end); {
				if err := errors.Join(ping(f, time.Second)...); errors.Is(err, syscall.EHOSTUNREACH) {
					return
				}
			}
			t.Errorf("%s: after %v the kernel is %v; who sends should have been told that it is gone", f.name, patience, state(f.theirs))
		})
	}
	gone.Wait()
	l.loop.Lock()
	if s := c.device.Stats(); s.OutRefused == 0 {
		t.Errorf("%+v: frames for an interface that is down should be counted as refused", s)
	}
	l.loop.Unlock()
	l.ip("link set tap0 up")
	for _, f := range families {
		eventually(t, f.name+": the kernel is reachable again", func() bool { return errors.Join(ping(f, time.Second)...) == nil })
	}
}
