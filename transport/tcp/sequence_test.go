package tcp

import (
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/physical"
)

// TestInitialSequenceNumbers holds RFC 6528: ISN = M + F(addresses, secret), where
// M is a clock of four microseconds.
func TestInitialSequenceNumbers(t *testing.T) {
	//rfc:9293 MUST-8
	//rfc:9293 MUST-9
	//rfc:9293 SHLD-1
	//rfc:6528 3 SHOULD ISN = M + F(addresses, secret)
	//rfc:6528 3 MUST the hash cannot be computed from outside
	b := newBench(t, nil, 1500)
	iss := func(l *Layer, host, peer uint16, now ev.Time) header.Seq {
		c := &Conn{path: *b.path(t), localPort: host, remotePort: peer}
		seq, _ := l.secrets(c, now)
		return seq
	}
	// For one pair of addresses the numbers follow the clock.
	base := iss(b.tcp, 4000, 80, 0)
	for _, d := range []time.Duration{4 * time.Microsecond, time.Millisecond, time.Hour, 10 * time.Hour} {
		want := base + header.Seq(uint32(d/(4*time.Microsecond)))
		if got := iss(b.tcp, 4000, 80, ev.Time(d)); got != want {
			t.Errorf("after %v the number is %d on, must be %d", d, got-base, want-base)
		}
	}
	// For others, and on other hosts, they tell nothing of it.
	seen := map[header.Seq]bool{base: true}
	other := newBench(t, nil, 1500)
	other.tcp.secret[0] ^= 1
	for _, n := range []header.Seq{
		iss(b.tcp, 4001, 80, 0), iss(b.tcp, 4000, 81, 0), iss(b.tcp, 80, 4000, 0), iss(other.tcp, 4000, 80, 0),
	} {
		if near := n - base; seen[n] || near < 1<<10 || -near < 1<<10 {
			t.Errorf("a number at %d from one of other addresses", near)
		}
		seen[n] = true
	}
}

// TestComparedNumbersStayNear: numbers that are compared must not be left more
// than 2^31 behind, or a loss after that many bytes would not be noticed.
func TestComparedNumbersStayNear(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	if err := p.exchange(client, server, 1<<20, 1); err != nil {
		t.Fatal(err)
	}
	c := client.c
	for name, seq := range map[string]header.Seq{
		"recover": c.recover, "SND.WL2": c.sndWl2,
	} {
		if behind := c.sndUna.Sub(seq); behind < 0 || behind > 1<<18 {
			t.Errorf("after 1 MiB without loss %s is %d bytes behind SND.UNA", name, behind)
		}
	}
	for name, seq := range map[string]header.Seq{
		"SND.WL1": c.sndWl1, "Last.ACK.sent": c.stamp.lastAck,
	} {
		if behind := c.rcvNxt.Sub(seq); behind < 0 || behind > 1<<18 {
			t.Errorf("after 1 MiB without loss %s is %d bytes behind RCV.NXT", name, behind)
		}
	}
}

// TestStreamAcrossTheWrap sends data both ways while all numbers pass 2^32, over a
// wire that makes every comparison count.
func TestStreamAcrossTheWrap(t *testing.T) {
	//rfc:9293 3.4 rule numbers are compared modulo 2^32
	bad := physical.Impairment{Delay: time.Millisecond, Loss: 0.05, Reorder: 0.1, Duplicate: 0.05}
	p := newPair(t, 7, bad, bad)
	for _, end := range []*station{p.a, p.b} {
		iss := header.Seq(1<<32 - 300000)
		end.tcp.env = &observer{Layer: end.tcp, iss: &iss}
	}
	client, server := p.connect(p.listen(80))
	if err := p.exchange(client, server, 600000, 7); err != nil {
		t.Fatal(err)
	}
	if client.c.sndUna > 1<<31 {
		t.Errorf("the numbers have not wrapped around: %d", client.c.sndUna)
	}
}

// TestReceiverIsSafeFromSmallPeers: peers that write a byte at a time into a
// scaled window get no more in than the buffer has room for.
func TestReceiverIsSafeFromSmallPeers(t *testing.T) {
	//rfc:9293 MUST-39
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	ln := p.listen(80)
	ln.SetOptions(Options{ReceiveBuffer: 8192})
	client, server := p.connect(ln)
	for range 20000 {
		client.c.Write([]byte{1})
		p.loop.Run(p.loop.Now())
	}
	p.loop.Run(p.loop.Now().Add(time.Minute))
	if n := server.c.Buffered(); n != 8192 {
		t.Errorf("%d bytes are buffered, must be 8192: full, and not more", n)
	}
}
