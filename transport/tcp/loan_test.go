package tcp

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// While segments refer to the send buffer (packet.Loans), everything that frees or moves
// its memory must leave them as they were sent. These tests are without the judge, who
// looks at each frame and has it copied.

// lendingPair is a pair on a wire that takes time, with nobody looking.
func lendingPair(t *testing.T, seed uint64, i physical.Impairment) *pair {
	return newPairUnjudged(t, ev.NewVirtual(seed), 1500, i, i) // Unjudged: see above
}

// TestTextOnTheWayIsNotCopied: on a wire that takes time, segments refer to the send
// buffer until they are acknowledged.
func TestTextOnTheWayIsNotCopied(t *testing.T) {
	p := lendingPair(t, 1, physical.Impairment{Delay: time.Millisecond})
	client, _ := p.connect(p.listen(80))
	if _, err := client.Write(content(1, 5000)); err != nil {
		t.Fatal(err)
	}
	if !client.c.loans.Any() {
		t.Error("what has been sent and is on the way has been copied")
	}
	p.run(t, 10*time.Millisecond)
	if client.c.flight != &atRest && client.c.loans.Any() {
		t.Error("everything has arrived, and something is still on loan")
	}
}

// TestTextOnTheWayStaysAsItWas: whatever happens to frames on the way, and however late
// copies of them come, the peer receives what was written.
func TestTextOnTheWayStaysAsItWas(t *testing.T) {
	for name, i := range map[string]physical.Impairment{
		"delay":     {Delay: 3 * time.Millisecond},
		"rate":      {Delay: 3 * time.Millisecond, Rate: 1e7, Queue: 1 << 16},
		"loss":      {Delay: 3 * time.Millisecond, Loss: 0.03},
		"reorder":   {Delay: 3 * time.Millisecond, Jitter: 2 * time.Millisecond, Reorder: 0.1},
		"duplicate": {Delay: 3 * time.Millisecond, Duplicate: 0.2, Reorder: 0.1, Loss: 0.01},
		"corrupt":   {Delay: 3 * time.Millisecond, Corrupt: 0.02},
	} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				p := lendingPair(t, seed, i)
				client, server := p.connect(p.listen(80))
				if err := p.exchange(client, server, 600_000, seed); err != nil {
					t.Error(err)
				}
				p.run(t, time.Minute)
				if n := p.pool.Live(); n != 0 {
					t.Errorf("%d packets are left", n)
				}
			})
		}
	}
}

// arrivals compares the text of each frame that arrives with what was written.
type arrivals struct {
	t     *testing.T
	text  []byte
	first header.Seq // of the text
	late  int        // frames of what had arrived before
	next  int
}

func (a *arrivals) Frame(_ ev.Time, d physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Delivered || d != physical.AToB {
		return
	}
	seq, text := textOf(p.Bytes())
	if len(text) == 0 {
		return
	}
	at := seq.Sub(a.first)
	if at+len(text) <= a.next {
		a.late++
	}
	a.next = max(a.next, at+len(text))
	if !bytes.Equal(text, a.text[at:at+len(text)]) {
		a.t.Errorf("%d bytes at %d are not what was written", len(text), at)
	}
}

// textOf returns the text of a frame, if it has any, and its sequence number.
func textOf(frame []byte) (header.Seq, []byte) {
	eth, datagram, err := header.ParseEthernet(frame)
	if err != nil {
		return 0, nil
	}
	protocol, segment := header.Protocol(0), []byte(nil)
	if eth.Type == header.EtherTypeIPv6 {
		var ip header.IPv6
		ip, segment, err = header.ParseIPv6(datagram)
		protocol = ip.NextHeader
	} else {
		var ip header.IPv4
		ip, segment, err = header.ParseIPv4(datagram)
		protocol = ip.Protocol
	}
	if err != nil || protocol != header.ProtocolTCP {
		return 0, nil
	}
	var h header.TCP
	n, err := header.ParseTCP(segment, &h)
	if err != nil {
		return 0, nil
	}
	return h.Seq, segment[n:]
}

// TestLateSegmentsAreWhatWasSent: a segment that was held back, sent again and acknowledged
// meanwhile arrives as it was sent.
func TestLateSegmentsAreWhatWasSent(t *testing.T) {
	i := physical.Impairment{Delay: 3 * time.Millisecond, Reorder: 0.05, ReorderBy: 60 * time.Millisecond}
	p := lendingPair(t, 1, i)
	client, server := p.connect(p.listen(80))
	a := &arrivals{t: t, text: content(7, 600_000), first: client.c.iss + 1}
	p.wire.Tap(a)
	if err := p.exchange(client, server, len(a.text), 7); err != nil {
		t.Error(err)
	}
	if a.late == 0 {
		t.Error("no segment came late: nothing was tested")
	}
}

// TestBufferThatMovesLeavesTextOnTheWay: a short write is on the way when a long one
// makes the send buffer grow, and others use the memory that it has left.
func TestBufferThatMovesLeavesTextOnTheWay(t *testing.T) {
	p := lendingPair(t, 1, physical.Impairment{Delay: 5 * time.Millisecond})
	ln := p.listen(80)
	client, server := p.connect(ln)
	other, _ := p.connect(ln)
	text := content(1, 60_000)
	for _, piece := range [][]byte{text[:3000], text[3000:]} {
		if _, err := client.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Write(content(2, minRing)); err != nil { // into the memory of the first
		t.Fatal(err)
	}
	client.CloseWrite()
	if got := received(t, p, server); !bytes.Equal(got, text) {
		t.Errorf("received %d bytes, equal to what was written: %v", len(got), bytes.Equal(got, text))
	}
}

// TestAbortLeavesTextOnTheWay: a connection is reset while its segments are on the way;
// they arrive before the reset, with what was written.
func TestAbortLeavesTextOnTheWay(t *testing.T) {
	p := lendingPair(t, 1, physical.Impairment{Delay: 5 * time.Millisecond})
	ln := p.listen(80)
	client, server := p.connect(ln)
	other, _ := p.connect(ln)
	text := content(1, 3000)
	if _, err := client.Write(text); err != nil {
		t.Fatal(err)
	}
	p.loop.Lock()
	client.c.Abort()
	p.loop.Unlock()
	if _, err := other.Write(content(2, minRing)); err != nil { // into the memory of the first
		t.Fatal(err)
	}
	if got := received(t, p, server); !bytes.Equal(got, text) {
		t.Errorf("received %d bytes, equal to what was written: %v", len(got), bytes.Equal(got, text))
	}
}

// received reads to the end of the stream, which may be a reset.
func received(t *testing.T, p *pair, s *stream) (all []byte) {
	t.Helper()
	p.loop.Go("reads", func() { all, _ = io.ReadAll(s) })
	p.run(t, 10*time.Second)
	return all
}
