package host_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/host"
	"septet/link"
	"septet/packet"
	"septet/physical"
	"septet/socket"
)

// TestForgedPackets: whatever addresses a packet claims to come from and go to,
// no answer, error or broadcast about it goes round for ever. On bare wires that
// would be a turn without an end, and this test would not end either. Nothing is
// left of them when the hosts are switched off. Unjudged: what is forged is not TCP.
func TestForgedPackets(t *testing.T) {
	l, pool := event.NewVirtual(1), new(packet.Pool)
	sw := link.NewSwitch(l, pool, "s1")
	var hosts []*host.Host
	for i := range 3 {
		h := host.New(l, pool, fmt.Sprintf("pc%d", i+1))
		w := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
		sw.AddPort(w.B())
		if _, err := h.Attach("eth0", w.A(), netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", i+1))); err != nil {
			t.Fatal(err)
		}
		h.Network.SetForwarding(i == 2)
		if _, err := h.Listen("tcp", ":7"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ListenPacket("udp", ":7"); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	s, err := hosts[0].Socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	if err == nil {
		err = s.SetSockOpt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	sent := 0
	for range 50_000 {
		b, dst := forge(r)
		if _, err := s.SendTo(b, 0, netip.AddrPortFrom(dst, 0)); err == nil {
			sent++
		}
		if r.IntN(100) == 0 {
			_ = l.Run(l.Now().Add(time.Duration(r.IntN(int(time.Second)))))
		}
	}
	if sent < 25_000 {
		t.Errorf("only %d packets were sent", sent)
	}
	for _, h := range hosts {
		h.Close()
	}
	_ = l.Run(l.Now()) // what is on the wires arrives
	if n := pool.Live(); n != 0 {
		t.Errorf("%d packets were never released", n)
	}
}

// forge returns a packet for dst that may claim to be for somebody else. Port 7
// is open, port 8 is not.
func forge(r *rand.Rand) (b []byte, dst netip.Addr) {
	pick := func() netip.Addr {
		return netip.MustParseAddr([]string{
			"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.99", "10.9.9.9", "127.0.0.1", "0.0.0.0",
			"10.0.0.0", "10.0.0.255", "255.255.255.255", "127.255.255.255", "224.0.0.1", "240.0.0.1",
		}[r.IntN(13)])
	}
	ip := header.IPv4{
		Src: pick(), Dst: pick(), TTL: uint8(1 + r.IntN(255)), MoreFragments: r.IntN(10) == 0,
		Protocol: []header.Protocol{header.ProtocolICMP, header.ProtocolTCP, header.ProtocolUDP, 99}[r.IntN(4)],
	}
	body := make([]byte, 28+r.IntN(60))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	from, to := uint16(7+r.IntN(2)), uint16(7+r.IntN(2))
	at := 6 // of the checksum
	switch ip.Protocol {
	case header.ProtocolICMP:
		body[0], body[1] = byte(r.IntN(14)), byte(r.IntN(5))
		header.SetICMPChecksum(body)
	case header.ProtocolUDP:
		h := header.UDP{SrcPort: from, DstPort: to, Length: len(body)}
		h.Put(body)
	case header.ProtocolTCP:
		h := header.TCP{SrcPort: from, DstPort: to, Flags: header.TCPFlags(r.IntN(64)), Window: 1000}
		h.Seq, h.Ack = header.Seq(r.Uint32N(20)), header.Seq(r.Uint32N(20))
		h.Put(body)
		at = 16
	}
	if ip.Protocol != header.ProtocolICMP {
		sum := ^header.Checksum(body, header.PseudoSum(ip.Src, ip.Dst, ip.Protocol, len(body)))
		body[at], body[at+1] = byte(sum>>8), byte(sum)
	}
	ip.TotalLength = header.IPv4Len + len(body)
	b = make([]byte, header.IPv4Len, ip.TotalLength)
	ip.Put(b)
	if dst = ip.Dst; r.IntN(4) == 0 {
		dst = pick()
	}
	return append(b, body...), dst
}
