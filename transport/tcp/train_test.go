package tcp

import (
	"bytes"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// wireCount counts the TCP segments that are sent on a wire.
type wireCount struct {
	texts, acks int
	longest     int
	texted      []header.Seq
}

func (w *wireCount) Frame(_ ev.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Sent {
		return
	}
	b := p.Bytes()[header.EthernetLen:]
	at := header.IPv4Len
	if b[0]>>4 == 6 {
		at = header.IPv6Len
	}
	var h header.TCP
	n, err := header.ParseTCP(b[at:], &h)
	if err != nil {
		return
	}
	text := len(b) - at - n
	w.longest = max(w.longest, text)
	if text > 0 {
		w.texts++
		w.texted = append(w.texted, h.Seq)
	} else {
		w.acks++
	}
}

// What a bare wire carries at once is one entry of the scoreboard, as many segments on
// the wire as it has text for, and has one acknowledgement.
func TestTrainIsAcknowledgedAsOne(t *testing.T) {
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	client, server := p.connect(p.listen(80))
	mss := client.c.MSS()
	var seen wireCount
	p.loop.Lock()
	p.wire.Watch(&seen)
	sent := content(1, 10*mss) // the initial window
	client.c.Write(sent)
	if b := &client.c.board; b.size != 1 || b.first().segments() != 10 {
		t.Errorf("10 full segments at once are %d entries of the scoreboard, of %d segments; want one of 10", b.size, b.first().segments())
	}
	if i := client.c.Info(); i.Outstanding != 10 {
		t.Errorf("Outstanding is %d, want the 10 segments of the wire", i.Outstanding)
	}
	p.loop.Settle()
	if seen.texts != 10 || seen.longest != mss || seen.acks != 1 {
		t.Errorf("the wire saw %d segments of up to %d bytes and %d ACKs; want 10 of %d and one for all", seen.texts, seen.longest, seen.acks, mss)
	}
	got := make([]byte, len(sent))
	if n, err := server.c.Read(got); n != len(sent) || err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived, and %v; want all %d as they were sent", n, err, len(sent))
	}
	p.loop.Unlock()
}

// trainInFlight has a train of ten segments leave and get lost.
func trainInFlight(t *testing.T, sack bool) (p *pair, c *Conn, seen *wireCount) {
	p = newPairUnjudged(t, ev.NewVirtual(1), 1500, physical.Impairment{}, physical.Impairment{}) // Unjudged: the ACKs are forged
	about := LinuxPersonality
	about.SACK, about.Timestamps = sack, false
	p.a.tcp.about, p.b.tcp.about = &about, &about
	client, _ := p.connect(p.listen(80))
	p.loop.Lock()
	seen = new(wireCount)
	client.c.Write(content(1, 10*client.c.MSS()))
	if err := p.wire.SetImpairment(physical.AToB, physical.Impairment{Down: true}); err != nil {
		t.Fatal(err)
	}
	p.wire.Watch(seen)
	return p, client.c, seen
}

// acknowledges has the connection take an acknowledgement that its peer has not sent.
func acknowledges(p *pair, c *Conn, ack header.Seq, blocks ...span) {
	s := &Segment{TCP: header.TCP{SrcPort: c.remotePort, DstPort: c.localPort, Seq: c.rcvNxt, Ack: ack, Flags: header.ACK, Window: uint16(c.sndWnd >> c.sndShift)}}
	for n, b := range blocks {
		s.Options.SACK[n] = header.SACKBlock{Left: b.left, Right: b.right}
		s.Options.NumSACK++
	}
	c.Input(p.loop.Now(), s)
	c.env.schedule(c)
}

// Who has received some of the frames of a train says which by SACK, and only the others
// are sent again, each by itself: RFC 6675, section 5, goes by the segment.
func TestSACKOfPartOfATrain(t *testing.T) {
	p, c, seen := trainInFlight(t, true)
	defer p.loop.Unlock()
	una, mss := c.sndUna, c.MSS()
	c.rack.minRTT, c.rtt.srtt = 1, 1
	p.loop.Unlock()
	if err := p.loop.Run(p.loop.Now().Add(5 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	p.loop.Lock()
	acknowledges(p, c, una, span{una.Add(2 * mss), una.Add(4 * mss)}, span{una.Add(5 * mss), una.Add(10 * mss)})
	want := []header.Seq{una, una.Add(mss), una.Add(4 * mss)}
	if len(seen.texted) != len(want) || seen.texted[0] != want[0] || seen.texted[1] != want[1] || seen.texted[2] != want[2] {
		t.Errorf("sent again: %v, want the three that are missing: %v", seen.texted, want)
	}
	if seen.longest != mss {
		t.Errorf("a segment with %d bytes was sent again, a full one has %d", seen.longest, mss)
	}
	if i := c.Info(); i.Sacked != 7 || i.Outstanding != 10 {
		t.Errorf("%d of %d are selectively acknowledged, want 7 of 10", i.Sacked, i.Outstanding)
	}
}

// A report of a part of a segment is no report of the segment, however often it comes:
// the scoreboard keeps to segments, so that no peer can make it longer than the window.
func TestSACKInsideTheSegmentsOfATrain(t *testing.T) {
	p, c, _ := trainInFlight(t, true)
	defer p.loop.Unlock()
	una, mss := c.sndUna, c.MSS()
	for n := 1; n+1 < 10*mss; n += 7 {
		acknowledges(p, c, una, span{una.Add(n), una.Add(n + 2)})
	}
	if c.board.size > 10 {
		t.Errorf("the scoreboard has %d entries for 10 segments", c.board.size)
	}
}

// Without SACK a partial acknowledgement has one segment sent again (RFC 6582, section
// 3.2, step 3), not the whole train.
func TestPartialACKOfATrain(t *testing.T) {
	p, c, seen := trainInFlight(t, false)
	defer p.loop.Unlock()
	una, mss := c.sndUna, c.MSS()
	acknowledges(p, c, una) // tells a window that can be scaled, as a SYN's is not
	for range dupAckThreshold {
		acknowledges(p, c, una)
	}
	if len(seen.texted) != 1 || seen.texted[0] != una || seen.longest != mss {
		t.Fatalf("after three duplicate ACKs %v was sent again, of up to %d bytes; want the first segment, %v", seen.texted, seen.longest, una)
	}
	acknowledges(p, c, una.Add(3*mss))
	if len(seen.texted) != 2 || seen.texted[1] != una.Add(3*mss) || seen.longest != mss {
		t.Errorf("after the partial acknowledgement %v, of up to %d bytes; want the next hole's first segment, %v", seen.texted, seen.longest, una.Add(3*mss))
	}
}

// A tail loss probe is one segment, the last one (RFC 8985, section 7.3).
func TestTailLossProbeOfATrain(t *testing.T) {
	p, c, seen := trainInFlight(t, true)
	una, mss := c.sndUna, c.MSS()
	p.loop.Unlock()
	if err := p.loop.Run(p.loop.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	p.loop.Lock()
	defer p.loop.Unlock()
	if len(seen.texted) != 1 || seen.texted[0] != una.Add(9*mss) {
		t.Errorf("the probe is %v, want the last of ten segments, %v", seen.texted, una.Add(9*mss))
	}
}
