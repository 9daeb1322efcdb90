package tcp

import (
	"bytes"
	"testing"

	ev "septet/event"
	"septet/physical"
)

// A segment that is sent again, in a train that waits, may be acknowledged before the
// train leaves: by the next of the ACKs that have arrived together, if the original
// got through. It leaves with the bytes that it has.
//
// Three of seven segments are lost, two duplicate ACKs are too few to tell, and without
// selective acknowledgements everything is sent again after a timeout. Unjudged: the
// judge sees arrivals, for which trains are taken apart.
func TestAcknowledgedWhileTheTrainWaits(t *testing.T) {
	p := newPairUnjudged(t, ev.NewVirtual(1), 1500, physical.Impairment{}, physical.Impairment{})
	about := LinuxPersonality
	about.SACK = false
	p.a.tcp.about, p.b.tcp.about = &about, &about
	client, server := p.connect(p.listen(80))
	mss := client.c.MSS()
	sent := content(1, 7*mss)
	p.loop.Lock()
	if err := p.wire.SetImpairment(physical.AToB, physical.Impairment{Down: true}); err != nil {
		t.Fatal(err)
	}
	client.c.Write(sent[:3*mss])
	p.loop.Settle()
	if err := p.wire.SetImpairment(physical.AToB, physical.Impairment{}); err != nil {
		t.Fatal(err)
	}
	client.c.Write(sent[3*mss : 4*mss])
	p.loop.Settle()
	client.c.Write(sent[4*mss : 5*mss])
	p.loop.Unlock()
	if err := p.loop.Run(p.loop.Now().Add(5e9)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(sent))
	p.loop.Lock()
	defer p.loop.Unlock()
	n, err := server.c.Read(got)
	if n != 5*mss || err != nil || !bytes.Equal(got[:n], sent[:n]) {
		t.Errorf("%d bytes arrived, and %v, want %d, all as they were sent", n, err, 5*mss)
	}
}
