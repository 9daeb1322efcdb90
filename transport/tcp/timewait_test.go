package tcp

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"syscall"
	"testing"
	"time"
	"unsafe"

	ev "septet/event"
	"septet/header"
)

// inTimeWait returns a host with one connection in TIME-WAIT, whose user has let go of
// it: before the peer's FIN, after it, or not so far that it could be put away. Unjudged:
// what comes then is random.
func inTimeWait(t *testing.T, p *Personality, forgets, synAck string) *script {
	t.Helper()
	s := &script{
		bench: newBenchUnjudged(t, p, 1500), hostPort: scriptActivePort, peerPort: scriptService,
		hostISS: 0xfffffff0, peerISS: 0xffffff00, flows: map[uint16]*flow{}, options: Options{ECN: true},
	}
	s.env.iss = &s.hostISS
	s.advance(ev.Time(time.Second))
	s.begin, s.now = s.loop.Now(), s.loop.Now()
	s.step("+0 connect")
	s.sent = nil
	s.step("+0 < " + synAck)
	s.sent = nil
	c := s.flow().conn
	s.step("+0 close")
	s.step("+0 > FIN,ACK seq 1 ack 1 <...>")
	if forgets == "early" {
		c.Forget()
	}
	s.step("+1ms < FIN,ACK seq 1 ack 2")
	s.step("+0 > ACK seq 2 ack 2 <...>")
	if forgets == "late" {
		c.Forget()
	}
	if away := s.tcp.table.away.size(); away != 1 && forgets != "never" || s.tcp.Count() != 1 {
		t.Fatalf("forgotten %s: of %d connections %d were put away, must be 1", forgets, s.tcp.Count(), away)
	}
	return s
}

// TestPutAwayAnswersTheSame: whatever comes for a connection in TIME-WAIT, what it
// answers, and when it ends, does not depend on whether it was put away. Unjudged: what
// comes is random.
func TestPutAwayAnswersTheSame(t *testing.T) {
	for name, p := range map[string]*Personality{"Linux": &LinuxPersonality, "RFC": &RFCPersonality} {
		for _, synAck := range []string{"SYN,ACK seq 0 ack 1 <mss 1460>", "SYN,ACK seq 0 ack 1 win 512 <mss 600, ws 7, sackok>",
			"SYN,ACK seq 0 ack 1 <mss 1460, ts 100 0, ws 2, sackok>", "SYN,ACK,ECE seq 0 ack 1 <mss 1460, ts 100 0, sackok>"} {
			for seed := range uint64(60) {
				hosts := []*script{
					inTimeWait(t, p, "never", synAck), inTimeWait(t, p, "early", synAck), inTimeWait(t, p, "late", synAck),
				}
				for step := range 12 {
					var said [3][]wireSegment
					for i, s := range hosts {
						s.lateSegment(rand.New(rand.NewPCG(seed, uint64(step))))
						said[i], s.sent = s.sent, nil
					}
					for i, how := range []string{"early", "late"} {
						if !reflect.DeepEqual(said[0], said[i+1]) {
							t.Fatalf("%s, %s, seed %d, step %d: forgotten %s it sends\n\t%v\nif it is not put away\n\t%v",
								name, synAck, seed, step, how, said[i+1], said[0])
						}
						if a, b := hosts[0].tcp.Count(), hosts[i+1].tcp.Count(); a != b {
							t.Fatalf("%s, %s, seed %d, step %d: %d connections, forgotten %s %d", name, synAck, seed, step, a, how, b)
						}
					}
				}
				for _, s := range hosts {
					s.tcp.Close()
					s.loop.Run(s.loop.Now())
					if n := s.tcp.Count() + s.tcp.timeWaits + s.tcp.implicit.total + s.pool.Live(); n != 0 {
						t.Fatalf("%s, %s, seed %d: something is left behind", name, synAck, seed)
					}
				}
			}
		}
	}
}

// lateSegment has something like a segment of the old connection arrive, or time pass.
func (s *script) lateSegment(rng *rand.Rand) {
	if rng.IntN(4) == 0 {
		s.advance(s.loop.Now().Add(time.Duration(rng.Int64N(int64(40 * time.Second)))))
		return
	}
	flags := []header.TCPFlags{
		header.ACK, header.ACK | header.FIN, header.ACK | header.FIN | header.PSH, header.RST, header.RST | header.ACK,
		header.SYN, header.SYN | header.ACK, header.ACK | header.URG, header.ACK | header.ECE, 0,
	}
	near := func() int { return []int{0, 0, 0, -1, 1, -2, 100, -100, 70000, -70000}[rng.IntN(10)] }
	h := header.TCP{
		SrcPort: s.peerPort, DstPort: s.hostPort, Flags: flags[rng.IntN(len(flags))],
		Seq: s.peerISS.Add(2 + near()), Ack: s.hostISS.Add(2 + near()),
		Window: uint16(rng.Uint32()), Urgent: uint16(rng.IntN(3)),
	}
	if h.Flags.Has(header.SYN) && rng.IntN(2) == 0 {
		h.Seq = h.Seq.Add(1 << 20)
	}
	if rng.IntN(4) > 0 {
		h.Options.HasTimestamps = true
		h.Options.TSVal = 100 + uint32(s.loop.Now().Sub(s.begin).Milliseconds()) + uint32(near())
		h.Options.TSEcr = uint32(near())
	}
	s.ecn = uint8(rng.IntN(4))
	s.inject(h, pattern(0, rng.IntN(2)*rng.IntN(200)))
}

// TestTimeWaitIsSmall: a host whose users open and close connections has little more of
// each than its two addresses and the time at which it ends.
func TestTimeWaitIsSmall(t *testing.T) {
	if size, whole := unsafe.Sizeof(timeWait{}), unsafe.Sizeof(Conn{}); size > 104 || size > whole/7 {
		t.Errorf("%d bytes are kept of a connection of %d bytes, at most 104 and a seventh are allowed", size, whole)
	}
}

// TestPutAwayEnds: a connection that was put away ends at its time, to the nanosecond,
// and can be listed before.
func TestPutAwayEnds(t *testing.T) {
	s := inTimeWait(t, &LinuxPersonality, "early", "SYN,ACK seq 0 ack 1 <mss 1460>")
	end := s.now.Add(LinuxPersonality.TimeWait)
	s.advance(end - 1)
	s.tcp.Connections(func(c *Conn) {
		if c.State() != TimeWait || c.Local().Port() != s.hostPort || c.Remote().Port() != s.peerPort {
			t.Errorf("%v from %v to %v is listed, not the connection in TIME-WAIT", c.State(), c.Local(), c.Remote())
		}
	})
	if s.tcp.Count() != 1 || s.tcp.table.away.size() != 1 {
		t.Errorf("%d connections, %d put away: a nanosecond before the end there must be one, and looking changes nothing",
			s.tcp.Count(), s.tcp.table.away.size())
	}
	s.advance(end)
	if n := s.tcp.Count() + s.tcp.timeWaits + s.tcp.implicit.total; n != 0 {
		t.Error("after 2 MSL (RFC 9293, section 3.6.1) something of it is left")
	}
}

// TestPutAwayGivesWay: RFC 6191, section 2: one with timestamps gives way to a new
// connection between the same addresses when it has been quiet for a second, put away or
// not, and the new one begins beyond it (RFC 9293, section 3.6.1).
func TestPutAwayGivesWay(t *testing.T) {
	for _, forgets := range []string{"never", "early", "late"} {
		s := inTimeWait(t, &RFCPersonality, forgets, "SYN,ACK seq 0 ack 1 <mss 1460, ts 100 0>")
		port, err := s.tcp.Reserve(anyPort(s.hostPort), Sharing{ReuseAddr: true})
		if err != nil {
			t.Fatal(err)
		}
		peer := netip.AddrPortFrom(s.peer, s.peerPort)
		s.advance(s.now.Add(time.Second - 1))
		if _, err := s.tcp.Connect(port, peer, nil, Options{}); err != syscall.EADDRNOTAVAIL {
			t.Errorf("forgotten %s, within a second: %v, must be EADDRNOTAVAIL", forgets, err)
		}
		s.advance(s.now.Add(time.Second))
		c, err := s.tcp.Connect(port, peer, nil, Options{})
		if err != nil {
			t.Errorf("forgotten %s, after a second: %v", forgets, err)
		} else if old := s.hostISS.Add(2); !c.iss.After(old) {
			t.Errorf("forgotten %s: the new connection begins with %d, not beyond the old one's %d", forgets, c.iss, old)
		}
	}
}
