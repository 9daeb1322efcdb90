package tcp

import (
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
)

// TestInterfaceGetsSmallerMTU: segments that no longer fit our own interface are
// lost there, without an ICMP message. The timeout must notice.
func TestInterfaceGetsSmallerMTU(t *testing.T) {
	//rfc:9293 MUST-16
	four.needs(t, "a link of less than 1280 bytes")
	about := LinuxPersonality
	about.VarianceFloor = 0
	b := newBench(t, &about, 1500)
	s := &script{
		bench: b, hostPort: scriptActivePort, peerPort: scriptService,
		hostISS: 1000, peerISS: 500000, flows: map[uint16]*flow{},
	}
	b.env.iss = &s.hostISS
	s.now = b.loop.Now()
	s.begin = s.now
	s.opened("<mss 1460>")
	if err := b.nic.SetMTU(600); err != nil {
		t.Fatal(err)
	}
	s.step("+0 write 1460")
	s.step("+200ms > ACK seq 1 len 560 ack 1")
	s.step("+1ms < ACK seq 1 ack 561")
	s.step("+0 > ACK seq 561 len 560 ack 1")
	s.step("+0 > ACK seq 1121 len 340 ack 1")
	s.step("+1ms < ACK seq 1 ack 1461")
	s.finish()
}

// TestListenersCloseInOrder: what a host sends when it is switched off follows
// from the seed, not from the order of a map.
func TestListenersCloseInOrder(t *testing.T) {
	b := newBench(t, nil, 1500)
	const listeners = 20
	for i := range listeners {
		port, err := b.tcp.Reserve(anyPort(uint16(1000+i)), Sharing{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.tcp.Listen(port, 5, nil); err != nil {
			t.Fatal(err)
		}
		b.inject(header.TCP{SrcPort: 5000, DstPort: uint16(1000 + i), Flags: header.SYN, Window: 1000}, nil)
	}
	b.advance(ev.Time(time.Millisecond))
	b.sent = nil
	b.tcp.Close()
	b.advance(b.loop.Now())
	if len(b.sent) != listeners {
		t.Fatalf("%d resets, must be one for each of %d half-open connections", len(b.sent), listeners)
	}
	for i, s := range b.sent {
		if s.SrcPort != uint16(1000+i) || !s.Flags.Has(header.RST) {
			t.Errorf("segment %d is %v from port %d, must be a reset from port %d", i, s.Flags, s.SrcPort, 1000+i)
		}
	}
}
