package tcp

import (
	"fmt"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/physical"
)

// What the shared parts said when the program began.
var atRestSaid, noTrafficSaid, usualSaid = fmt.Sprint(atRest), fmt.Sprint(noTraffic), fmt.Sprint(usual)

// sharedPartsAreUntouched checks that no connection has written to what all of them
// share.
func sharedPartsAreUntouched(t testing.TB) {
	for _, part := range []struct{ name, is, was string }{
		{"atRest", fmt.Sprint(atRest), atRestSaid},
		{"noTraffic", fmt.Sprint(noTraffic), noTrafficSaid},
		{"usual", fmt.Sprint(usual), usualSaid},
	} {
		if part.is != part.was {
			t.Errorf("%s is shared by all connections and must never be written: it says %s, it said %s", part.name, part.is, part.was)
		}
	}
}

// TestConnectionAtRestHasNoFlight: what a connection needs while something is on
// its way goes back to the layer, also after losses.
func TestConnectionAtRestHasNoFlight(t *testing.T) {
	for _, lossy := range []bool{false, true} {
		i := physical.Impairment{Delay: time.Millisecond}
		if lossy {
			i.Loss = 0.02
		}
		p := newPair(t, 3, i, i)
		client, server := p.connect(p.listen(80))
		if c := client.c; c.flight != &atRest || c.traffic != &noTraffic || c.seldom != &usual {
			t.Error("a connection that has carried nothing must have no parts of its own")
		}
		if err := p.exchange(client, server, 1<<20, 3); err != nil {
			t.Fatal(err)
		}
		p.run(t, 10*time.Second)
		for _, c := range []*Conn{client.c, server.c} {
			if c.flight != &atRest && !c.loss.undo {
				t.Errorf("lossy %v: a connection at rest has kept its flight: %+v", lossy, c.flight)
			}
			if c.traffic == &noTraffic {
				t.Error("a connection that has carried data must know of it")
			}
		}
		if l := p.a.tcp.scratch(); len(l.flights) > maxStoredFlights {
			t.Errorf("%d flights are kept, the cap is %d", len(l.flights), maxStoredFlights)
		}
		sharedPartsAreUntouched(t)
	}
}

// TestSlowedForECNEnds: the state that Linux calls CWR is over when what was
// outstanding at the reduction is acknowledged.
func TestSlowedForECNEnds(t *testing.T) {
	c, _ := handDriven(t, 10_000)
	c.set(flagECN)
	now := ev.Time(2 * time.Millisecond)
	c.snd.write(c.env, make([]byte, 2000))
	c.Output(now)
	ack := Segment{TCP: header.TCP{Seq: 2, Ack: c.sndUna + 1000, Flags: header.ACK | header.ECE, Window: 65535}}
	c.Input(now.Add(time.Millisecond), &ack)
	if got := c.phaseName(); got != PhaseCWR {
		t.Fatalf("after an ECN-Echo the phase is %q, want %q", got, PhaseCWR)
	}
	ack.Ack, ack.Flags = c.sndMax, header.ACK
	c.Input(now.Add(2*time.Millisecond), &ack)
	if got := c.phaseName(); got != PhaseOpen {
		t.Errorf("once all is acknowledged the phase is %q, want %q", got, PhaseOpen)
	}
}
