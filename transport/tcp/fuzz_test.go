package tcp

import (
	"encoding/binary"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
)

// fuzzStates bring a fresh host into each state, by lines of a script.
var fuzzStates = [...][]string{
	Closed:      {},
	Listen:      {"+0 listen 1"},
	SynSent:     {"+0 connect", "+0 > SYN seq 0"},
	SynReceived: {"+0 listen 1", "+0 < SYN seq 0 <mss 1460, ts 0 0, ws 7>", "+0 > SYN,ACK seq 0 ack 1"},
	Established: {"+0 opened win 5000 <mss 1000, ts 0 0, ws 2>", "+0 write 30000", "+0 > ACK seq 1 len 988 ack 1 x5"},
	FinWait1:    {"+0 opened", "+0 shutdown", "+0 > FIN,ACK seq 1 ack 1"},
	FinWait2:    {"+0 opened", "+0 shutdown", "+0 > FIN,ACK seq 1 ack 1", "+0 < ACK seq 1 ack 2"},
	CloseWait:   {"+0 opened", "+0 < FIN,ACK seq 1 ack 1", "+0 > ACK seq 1 ack 2"},
	Closing: {"+0 opened", "+0 shutdown", "+0 > FIN,ACK seq 1 ack 1",
		"+0 < FIN,ACK seq 1 ack 1", "+0 > ACK seq 2 ack 2"},
	LastAck: {"+0 opened", "+0 < FIN,ACK seq 1 ack 1", "+0 > ACK seq 1 ack 2",
		"+0 shutdown", "+0 > FIN,ACK seq 1 ack 2"},
	TimeWait: {"+0 opened", "+0 shutdown", "+0 > FIN,ACK seq 1 ack 1",
		"+0 < FIN,ACK seq 1 ack 2", "+0 > ACK seq 2 ack 2"},
	// And more: Fast Open on both sides, a SYN cookie.
	{"with FastOpen=10", "+0 listen 5", "+0 < SYN seq 0 <fo>", "+0 > SYN,ACK seq 0 ack 1 <fo ?, ...>", "+0 < RST seq 1",
		"+0 < SYN seq 0 len 50 <fo ?>", "+0 > SYN,ACK seq 0 ack 51"},
	{"+0 data 0", "+0 > SYN seq 0", "+0 < SYN,ACK seq 0 ack 1 <fo 01020304>", "+0 > ACK seq 1 ack 1",
		"+0 abort", "+0 > RST,ACK seq 1 ack 1", "+0 data 100", "+0 > SYN seq 0 len 100"},
	{"with AdvertisedTimeout=2m Cork", "+0 listen 5", "+0 < SYN seq 0 <uto 30s>", "+0 > SYN,ACK seq 0 ack 1"},
}

// FuzzSegments gives a host in any state segments near to what it expects, bytes
// that are no segments, calls of the user and time, as the input says.
func FuzzSegments(f *testing.F) {
	for state := range len(fuzzStates) {
		f.Add(byte(state)|0x40, []byte("\x06\x07\x20\x00\x00\x00\x06\x0a\x03\x40\x05\x09\x05\xc4\x01\x04\x28\x00\x06\x08\x00\x00\x00\x00\x00\x20\x01\x00\x08\x05"))
		f.Add(byte(state)|0x80, []byte("\x40\x02\x00\x00\x08\x00\x00\x10\x00\x00\x08\x00\x06\x09\x20\x00\x00\x00"))
		f.Add(byte(state), []byte{0, 0x10, 1, 1, 0, 0, 5, 40, 9, 0x12, 0, 0, 3, 3, 0, 0, 7, 1, 200, 0, 0, 4, 0, 1, 2, 0})
		f.Add(byte(state), []byte("\x01\x11\x00\x00\x10\xff\x01\x02\x18\x01\x01\xf0\x00\x0f\x04\x29\x00\x80\x80\x00\x04\x00"))
	}
	f.Fuzz(fuzzSegments)
}

// Unjudged: no capture tells what of a random segment a host must take.
func fuzzSegments(t *testing.T, state byte, ops []byte) {
	personality := LinuxPersonality
	personality.TimeWait = 2 * time.Second
	personality.ProbePathMTU = state&0x40 != 0
	if state&0x80 != 0 {
		personality.HalfOpen = 0 // nothing but cookies
	}
	s := &script{
		bench: newBenchUnjudged(t, &personality, 1500), hostPort: scriptActivePort, peerPort: scriptService,
		hostISS: 0xfffffff0, peerISS: 0xffffff00, flows: map[uint16]*flow{},
		options: Options{ReceiveBuffer: 4096, SendBuffer: 1 << 16},
	}
	s.env.iss, s.env.seen = &s.hostISS, map[transition]bool{}
	s.advance(ev.Time(time.Second))
	s.begin, s.now = s.loop.Now(), s.loop.Now()
	lines := fuzzStates[int(state&0x3f)%len(fuzzStates)]
	if personality.HalfOpen == 0 {
		lines = fuzzStates[Listen]
	}
	for _, line := range lines {
		s.step(line)
	}
	ops = ops[:min(len(ops), 600)]
	for len(ops) >= 6 {
		s.fuzzOp([6]byte(ops))
		s.checkHost()
		ops = ops[6:]
	}
	// Left alone, everything comes to an end: nothing sends for ever.
	s.sent = nil
	for range 40 {
		s.advance(s.loop.Now().Add(time.Minute))
		if len(s.sent) > 1000 {
			t.Fatalf("%d segments within a minute to a peer that says nothing", len(s.sent))
		}
		s.sent = s.sent[:0]
		s.checkHost()
	}
	s.tcp.Close()
	s.loop.Run(s.loop.Now())
	if s.tcp.Count() != 0 || s.pool.Live() != 0 || s.tcp.implicit.total != 0 {
		t.Fatalf("after Close there are %d connections, %d packets", s.tcp.Count(), s.pool.Live())
	}
}

// fuzzOp does one thing that six bytes describe.
func (s *script) fuzzOp(op [6]byte) {
	c := s.find(s.hostPort, s.peerPort)
	switch op[0] % 8 {
	case 6:
		s.fuzzCall(c, op)
	case 7:
		s.advance(s.loop.Now().Add(time.Duration(op[1]) * time.Duration(op[2]) * time.Millisecond))
	case 5: // noise after the ports, or an ICMP error
		if op[1]&0xc0 == 0xc0 && c != nil {
			quoted := header.TCP{SrcPort: s.hostPort, DstPort: s.peerPort, Seq: c.sndUna.Add(int(int8(op[2])) * 100)}
			s.injectError(header.ICMPUnreachable, op[3]%16, int(op[4])*8, quoted)
			return
		}
		p := s.pool.Get(0)
		h := header.TCP{SrcPort: s.peerPort, DstPort: s.hostPort}
		h.Put(p.Extend(header.TCPLen))
		copy(p.Head()[8:], op[:])
		s.injectIP(p, header.ProtocolTCP)
	default:
		h := header.TCP{
			SrcPort: s.peerPort, DstPort: s.hostPort, Flags: header.TCPFlags(op[1]),
			Seq: s.peerISS, Ack: s.hostISS, Window: binary.BigEndian.Uint16(op[4:]),
		}
		if op[0]&0x40 == 0 {
			h.Flags |= header.ACK
		}
		if c != nil {
			h.Seq, h.Ack = c.rcvNxt, c.sndMax
			if op[0]&0x80 != 0 {
				h.Ack = c.sndUna
			}
			if c.stamp.enabled {
				h.Options.HasTimestamps = op[5] != 0
				h.Options.TSVal = c.stamp.recent + uint32(int8(op[4])>>4)
				h.Options.TSEcr = c.stamp.clock(s.loop.Now()) - uint32(op[4])
			}
		}
		h.Seq = h.Seq.Add(int(int8(op[2])) * 17)
		h.Ack = h.Ack.Add(int(int8(op[3])))
		h.Urgent = uint16(op[5])
		s.inject(h, pattern(h.Seq.Sub(s.peerISS)-1, int(op[0]>>3&7)*200))
	}
}

func (s *script) fuzzCall(c *Conn, op [6]byte) {
	if s.listener != nil {
		if accepted := s.listener.Accept(); accepted != nil {
			c = accepted
		}
	}
	if c == nil {
		return
	}
	switch op[1] % 12 {
	case 7:
		c.WriteUrgent(make([]byte, int(op[2])))
	case 8:
		c.ReadUrgent(make([]byte, 1), op[2]&1 != 0)
	case 9:
		c.WriteMore(make([]byte, int(op[2])*10))
	case 10:
		o := c.Options()
		o.Cork, o.OOBInline, o.MaxSegment = op[2]&1 != 0, op[2]&2 != 0, int(op[3])*8
		o.UserTimeout = time.Duration(op[4]) * 100 * time.Millisecond
		o.AdvertisedTimeout = time.Duration(op[5]) * time.Second
		c.SetOptions(o)
	case 11:
		c.QuickACK(op[2]&1 != 0)
	case 0, 1:
		c.Write(make([]byte, int(op[2])*100))
	case 2, 3:
		c.Read(make([]byte, int(op[2])*10))
	case 4:
		c.CloseWrite()
	case 5:
		c.Close()
	case 6:
		c.CloseRead()
	}
	s.loop.Run(s.loop.Now())
}

// checkHost checks what holds between all events.
func (s *script) checkHost() {
	s.t.Helper()
	if n := s.tcp.stats.InvalidTransitions; n != 0 {
		s.t.Fatalf("%d transitions that are not in the table", n)
	}
	if n := s.pool.Live(); n != 0 {
		s.t.Fatalf("%d packets have an owner between two events", n)
	}
	if len(s.sent) > 5000 {
		s.t.Fatalf("%d segments for a few events", len(s.sent))
	}
	s.tcp.Connections(func(c *Conn) {
		switch {
		case c.rcv.size > c.rcv.limit || c.snd.size > c.snd.limit:
			s.t.Fatalf("%v: %d of %d bytes received, %d of %d to be sent",
				c.state, c.rcv.size, c.rcv.limit, c.snd.size, c.snd.limit)
		case len(c.rcv.ahead) > 0 && c.rcv.ahead[len(c.rcv.ahead)-1].right.After(c.rcvAdv):
			s.t.Fatalf("%v: bytes were taken from beyond the window", c.state)
		case c.sndUna.After(c.sndNxt) || c.sndNxt.After(c.sndMax):
			s.t.Fatalf("%v: SND.UNA %d, SND.NXT %d, SND.MAX %d", c.state, c.sndUna, c.sndNxt, c.sndMax)
		case c.Deadline() <= s.loop.Now():
			s.t.Fatalf("%v: a deadline that has passed", c.state)
		case c.Deadline() != c.timer.When():
			s.t.Fatalf("%v: the timer is set to %v, the deadline is %v", c.state, c.timer.When(), c.Deadline())
		case c.sndMax != c.sndUna && c.rtoAt == ev.Never:
			s.t.Fatalf("%v: %d numbers are outstanding and no timer runs", c.state, c.sndMax.Sub(c.sndUna))
		}
	})
}
