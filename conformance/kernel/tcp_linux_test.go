package kernel

import (
	"flag"
	"fmt"
	"testing"

	"septet/header"
	"septet/inspect"
	"septet/transport/tcp"
)

var grid = flag.Bool("grid", false, "try TCP with every combination of options, instead of a sample")

// ability is what one end of a connection is allowed to use. Window scaling is always
// offered by us.
type ability struct{ timestamps, sack, scale, ecn bool }

func abilities(bits int) ability {
	return ability{bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0}
}

// combination is one connection to be tried.
type combination struct {
	ours, theirs ability
	mss          int
	family       family
	weConnect    bool
}

func (c combination) String() string {
	return fmt.Sprintf("%s, MSS %d, we connect: %v, ours %+v, the kernel's %+v", c.family.name, c.mss, c.weConnect, c.ours, c.theirs)
}

// combinations returns all of them, or a sample in which everything occurs.
func combinations() (all []combination) {
	sample, n := 53, 0 // prime, so that it has no divisor in common with the sizes below
	if testing.Short() {
		sample = 211
	}
	for ours := range 8 {
		for theirs := range 16 {
			for _, mss := range []int{536, 1220, 1460, 8960} {
				for _, f := range families {
					for _, weConnect := range []bool{true, false} {
						c := combination{abilities(ours | ours&4<<1 | 4), abilities(theirs), mss, f, weConnect}
						if n++; *grid || n%sample == 0 {
							all = append(all, c)
						}
					}
				}
			}
		}
	}
	return all
}

// TCP with the kernel: both families, opened from either side, with each option that
// either end may lack, and with segments of each size, carries a megabyte each way; what
// is negotiated is what both want.
func TestTCP(t *testing.T) {
	l, c, ours := neighbours(t, 9000)
	about := tcp.LinuxPersonality
	speak(ours, &about)
	for n, x := range combinations() {
		l.loop.Lock()
		about.Timestamps, about.SACK, about.ECN = x.ours.timestamps, x.ours.sack, x.ours.ecn
		l.loop.Unlock()
		l.allow(x.theirs)
		l.mss = x.mss
		before := len(c.seen())
		from, to, at := party(ours), party(l), x.family.theirs
		if !x.weConnect {
			from, to, at = l, ours, x.family.ours
		}
		client, server := connect(t, from, to, at)
		exchange(t, client, server, 1<<20)
		x.negotiated(t, c.seen()[before:])
		if n%8 == 7 {
			l.judge()
		}
		if t.Failed() {
			t.Fatalf("so it was with %v", x)
		}
	}
}

// allow sets what the kernel's TCP may use.
func (l *lab) allow(a ability) {
	l.t.Helper()
	for name, on := range map[string]bool{
		"tcp_timestamps": a.timestamps, "tcp_sack": a.sack, "tcp_window_scaling": a.scale, "tcp_ecn": a.ecn,
	} {
		l.set("net/ipv4/"+name, map[bool]string{true: "1", false: "0"}[on])
	}
}

// negotiated looks whether what the SYNs say, and what is then sent, is what the ends are
// able to.
func (x combination) negotiated(t *testing.T, frames []inspect.Frame) {
	t.Helper()
	client, server := x.ours, x.theirs
	if !x.weConnect {
		client, server = x.theirs, x.ours
		server.ecn = true // we do not ask, but answer, as Linux does by default (tcp_ecn=2)
	}
	agreed := ability{client.timestamps && server.timestamps, client.sack && server.sack,
		client.scale && server.scale, client.ecn && server.ecn}
	longest, capable, hello := 0, 0, 0
	for _, f := range frames {
		s, ok := segmentOf(f)
		if !ok {
			continue
		}
		longest = max(longest, s.length)
		if s.ecn != notECT {
			capable++
		}
		switch s.Flags & (header.SYN | header.ACK) {
		case header.SYN:
			hello |= 1
			x.offers(t, "SYN", s, client, s.Flags.Has(header.ECE|header.CWR))
		case header.SYN | header.ACK:
			hello |= 2
			x.offers(t, "SYN, ACK", s, agreed, s.Flags.Has(header.ECE))
		}
	}
	if hello != 3 {
		t.Error("the handshake was not seen")
	}
	if agreed.ecn != (capable > 0) {
		t.Errorf("ECN is agreed on: %v; %d packets say that they are capable of it", agreed.ecn, capable)
	}
	if most := min(x.mss, x.family.most(9000)); longest > most || longest < most-optionSpace {
		t.Errorf("the longest segment has %d bytes, it should have %d less its options", longest, most)
	}
}

// optionSpace is what the options of a segment take at most.
const optionSpace = 40

func (x combination) offers(t *testing.T, what string, s segment, want ability, ecn bool) {
	t.Helper()
	got := ability{s.Options.HasTimestamps, s.Options.SACKPermitted, s.Options.HasWindowScale, ecn}
	if got != want {
		t.Errorf("the %s offers %+v, it should be %+v", what, got, want)
	}
}
