package tcp

import (
	"io"
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// TestInfo looks at both ends of a connection that has carried a megabyte over a
// link that loses: what one end has sent, the other has received.
func TestInfo(t *testing.T) {
	bad := physical.Impairment{Delay: 10 * time.Millisecond, Loss: 0.02}
	p := newPair(t, 1, bad, bad)
	client, server := p.connect(p.listen(80))
	if i := client.c.Info(); i.State != Established || i.BytesAcked != 1 || i.BytesIn != 0 ||
		!i.SlowStart || i.AdvMSS != 1460 || i.PathMTU != theFamily().mtu(1500) || i.SendMSS != 1448 {
		t.Errorf("nothing but the SYN was acknowledged yet, on a link of 1500 bytes with timestamps: %+v", i)
	}
	const size = 1 << 20
	p.loop.Go("writer", func() { client.Write(make([]byte, size)) })
	p.loop.Go("reader", func() { io.ReadFull(server, make([]byte, size)) })
	if err := p.loop.Run(ev.Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	out, in := client.c.Info(), server.c.Info()
	if out.BytesAcked != size+1 || in.BytesIn != size || out.BytesIn != 0 {
		t.Errorf("%d bytes were acknowledged, the SYN included, and %d received, of %d", out.BytesAcked, in.BytesIn, size)
	}
	if out.BytesSent-out.BytesAgain != size || out.Again == 0 || out.BytesAgain == 0 {
		t.Errorf("of %d bytes sent, %d again, the rest should be the %d of the user", out.BytesSent, out.BytesAgain, size)
	}
	if out.RTT < 20*time.Millisecond || out.RTT > 80*time.Millisecond || out.RTO < 200*time.Millisecond || out.SlowStart {
		t.Errorf("round trips take 20 ms, the timeout 200 at least, and there were losses: %+v", out)
	}
	if !out.SACK || out.MinRTT < 20*time.Millisecond || out.MinRTT > out.RTT || out.DeliveryRate <= 0 || out.Delivered < size/1448 {
		t.Errorf("a megabyte has been delivered at some rate, with SACK: %+v", out)
	}
	if out.Outstanding != 0 || out.Unacked != 0 || out.NotSent != 0 || in.Unread != 0 || out.DataOut < size/1448 {
		t.Errorf("all is delivered and read: %+v", out)
	}
}
