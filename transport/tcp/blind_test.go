package tcp

import (
	"testing"
	"time"

	"septet/header"
)

// RFC 5961: what an attacker can do who sees nothing and guesses.

// blindBench is a bench with an established connection, whose peer is at 1, and
// whose window has 65536 numbers or one less.
func blindBench(t *testing.T) (*script, *Conn) {
	b := newBench(t, nil, 1500)
	s := &script{
		bench: b, hostPort: scriptActivePort, peerPort: scriptService,
		hostISS: 1000, peerISS: 500000, flows: map[uint16]*flow{},
	}
	b.env.iss = &s.hostISS
	s.begin, s.now = b.loop.Now(), b.loop.Now()
	s.opened("<mss 1460>")
	return s, s.find(s.hostPort, s.peerPort)
}

// TestResetSweep: of the resets with every sequence number of the window, and as
// many on both sides of it, exactly one resets (section 3.2), and the others bring
// no more challenge ACKs than are allowed (section 7).
func TestResetSweep(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	//rfc:5961 3.2 MUST of all resets only the one at RCV.NXT is believed
	//rfc:5961 7 SHOULD challenge ACKs are limited
	s, c := blindBench(t)
	next := c.rcvNxt
	reset := func(offset int) {
		s.inject(header.TCP{
			SrcPort: s.peerPort, DstPort: s.hostPort, Flags: header.RST, Seq: next.Add(offset),
		}, nil)
	}
	const window = 65536
	for offset := -window; offset <= 2*window; offset++ {
		if offset == 0 {
			continue
		}
		if reset(offset); c.state != Established {
			t.Fatalf("a reset %d away from RCV.NXT has led to %v", offset, c.state)
		}
	}
	if n, most := len(s.sent), LinuxPersonality.ChallengeACKs; n == 0 || n > most {
		t.Errorf("%d challenge ACKs within a second, must be 1 to %d", n, most)
	}
	for i := range s.sent {
		if g := &s.sent[i]; g.Flags != header.ACK || g.Ack != next || g.Seq != c.sndMax {
			t.Errorf("the answer to a guess must be an ACK of what is expected, but is %s", s.describe(g))
		}
	}
	if reset(0); c.state != Closed {
		t.Errorf("the reset at RCV.NXT must end the connection, but it is %v", c.state)
	}
}

// TestSYNSweep: a SYN never ends a connection, whatever its number (section 4.2).
func TestSYNSweep(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	//rfc:5961 4.2 MUST a SYN on a connection is answered with a challenge ACK
	//rfc:5961 7 SHOULD challenge ACKs are limited
	for _, flags := range []header.TCPFlags{header.SYN, header.SYN | header.ACK, header.SYN | header.FIN | header.URG} {
		s, c := blindBench(t)
		next := c.rcvNxt
		for offset := -65536; offset <= 2*65536; offset += 7 {
			s.inject(header.TCP{
				SrcPort: s.peerPort, DstPort: s.hostPort, Flags: flags, Seq: next.Add(offset), Ack: c.sndMax,
			}, nil)
		}
		if c.state != Established || c.rcvNxt != next {
			t.Errorf("after %v with every number: %v, RCV.NXT moved by %d", flags, c.state, c.rcvNxt.Sub(next))
		}
		if n, most := len(s.sent), LinuxPersonality.ChallengeACKs; n == 0 || n > most {
			t.Errorf("%v: %d challenge ACKs within a second, must be 1 to %d", flags, n, most)
		}
		s.sent = nil
		s.advance(s.loop.Now().Add(2 * time.Second))
		s.inject(header.TCP{SrcPort: s.peerPort, DstPort: s.hostPort, Flags: flags, Seq: next.Add(5)}, nil)
		if len(s.sent) != 1 {
			t.Errorf("%v: a second later %d challenge ACKs, must be one again", flags, len(s.sent))
		}
	}
}

// TestBlindData: data with a guessed sequence number is taken only if its
// acknowledgement is in the window of section 5.2, SND.UNA - MAX.SND.WND =<
// SEG.ACK =< SND.NXT.
func TestBlindData(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	//rfc:5961 5.2 MUST an ACK older than the largest window is dropped
	s, c := blindBench(t)
	inject := func(ack int) {
		s.inject(header.TCP{
			SrcPort: s.peerPort, DstPort: s.hostPort, Flags: header.ACK, Window: 65535,
			Seq: c.rcvNxt, Ack: c.sndUna.Add(ack),
		}, []byte{'x'})
	}
	c.Write(make([]byte, 1000))
	s.loop.Run(s.loop.Now())
	s.sent = nil
	const step = 1 << 12
	for ack := -1 << 31; ack < 1<<31; ack += step {
		if ack >= -c.sndMxW && ack <= 1000 {
			continue
		}
		if inject(ack); c.rcv.size > 0 {
			t.Fatalf("data with an acknowledgement %d away from SND.UNA was taken", ack)
		}
	}
	for _, ack := range []int{-c.sndMxW - 1, 1001} {
		if inject(ack); c.rcv.size > 0 {
			t.Errorf("data with an acknowledgement %d away from SND.UNA was taken, just outside", ack)
		}
	}
	if n := len(s.sent); n > LinuxPersonality.ChallengeACKs {
		t.Errorf("%d challenge ACKs within a second, must be at most %d", n, LinuxPersonality.ChallengeACKs)
	}
	for i, ack := range []int{-c.sndMxW, 0, 1000} {
		if inject(ack); c.rcv.size != i+1 {
			t.Errorf("data with an acknowledgement %d away from SND.UNA must be taken", ack)
		}
	}
}

// TestBlindICMP: RFC 5927, section 4.1: of ICMP errors that quote every sequence
// number near, only those about what is outstanding count, and none of them ends a
// connection.
func TestBlindICMP(t *testing.T) {
	//rfc:5927 4.1 rule the quoted sequence number must be of data in flight
	//rfc:5927 5.2 rule no ICMP error resets a connection
	s, c := blindBench(t)
	c.Write(make([]byte, 1000))
	s.loop.Run(s.loop.Now())
	s.sent = nil
	una := c.sndUna
	believed := 0
	for offset := -70000; offset <= 70000; offset += 100 {
		before := s.tcp.stats.ICMPIgnored
		s.injectError(header.ICMPUnreachable, 1, 0, header.TCP{SrcPort: s.hostPort, DstPort: s.peerPort, Seq: una.Add(offset)})
		if s.tcp.stats.ICMPIgnored == before {
			believed++
			if offset < 0 || offset >= 1000 {
				t.Errorf("an error about %d bytes after SND.UNA was believed", offset)
			}
		}
	}
	if believed != 10 || c.state != Established {
		t.Errorf("%d errors believed, must be the 10 about outstanding data; the connection is %v", believed, c.state)
	}
}
