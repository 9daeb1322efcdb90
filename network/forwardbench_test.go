package network

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/packet"
)

// stubPort is a port of the router under test. It answers to ARP for everybody, and
// keeps what else is transmitted.
type stubPort struct {
	receive func(*packet.Packet)
	sent    packet.Queue
}

func (s *stubPort) MTU() int                               { return 1500 }
func (s *stubPort) OnReceive(receive func(*packet.Packet)) { s.receive = receive }
func (s *stubPort) Transmit(p *packet.Packet)              { s.sent.Push(p) }

var routerMAC, stationMAC = header.MAC{2, 0, 0, 0, 0, 1}, header.MAC{2, 0, 0, 0, 0, 2}

// answer lets the router know where the stations are for which it has asked.
func (s *stubPort) answer() {
	for p := s.sent.Pop(); p != nil; p = s.sent.Pop() {
		arp, err := header.ParseARP(p.Bytes()[header.EthernetLen:])
		if err != nil {
			p.Release()
			continue
		}
		arp = header.ARP{Operation: header.ARPReply, SenderMAC: stationMAC, SenderIP: arp.TargetIP, TargetMAC: routerMAC, TargetIP: arp.SenderIP}
		eth := header.Ethernet{Dst: routerMAC, Src: stationMAC, Type: header.EtherTypeARP}
		b := p.Touch()
		eth.Put(b)
		arp.Put(b[header.EthernetLen:])
		s.receive(p)
	}
}

// BenchmarkForwardAmongMany is what a router needs for a packet, from its card in to its card
// out: to one destination, and to random ones behind 100,000 routes by 16 gateways.
func BenchmarkForwardAmongMany(b *testing.B) {
	for _, c := range []struct {
		name                 string
		routes, destinations int
	}{{"1dst", 0, 1}, {"100000routes/1dst", 100_000, 1}, {"100000routes/random", 100_000, 1 << 17}} {
		b.Run(c.name, func(b *testing.B) { benchmarkForward(b, c.routes, c.destinations) })
	}
}

func benchmarkForward(b *testing.B, routes, destinations int) {
	loop, pool := event.NewVirtual(1), new(packet.Pool)
	l := New(loop, pool)
	l.SetForwarding(true)
	in, out := new(stubPort), new(stubPort)
	for i, port := range []*stubPort{in, out} {
		nic := link.NewNIC(loop, pool, "eth"+string(rune('0'+i)), routerMAC, port)
		if _, err := l.AddInterface(nic, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 1}), 16)); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	prefixes := internet(r, routes)
	gateway := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, 0, byte(2 + i%16)}) }
	for i, p := range append(prefixes, netip.MustParsePrefix("0.0.0.0/0")) {
		l.routes.add(Route{Prefix: p, Gateway: gateway(i), Interface: l.interfaces[2]})
	}
	var headers [][header.IPv4Len]byte
	for i := 0; len(headers) < destinations; i++ {
		dst := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		if routes > 0 {
			dst = within(r, prefixes[r.IntN(routes)])
		}
		if dst.Is4() && !dst.IsLoopback() && !dst.IsPrivate() && forwardable(dst) {
			h := header.IPv4{TotalLength: 64, TTL: 64, Protocol: header.ProtocolUDP, Src: netip.AddrFrom4([4]byte{10, 0, 0, 7}), Dst: dst}
			headers = append(headers, [header.IPv4Len]byte{})
			h.Put(headers[len(headers)-1][:])
		}
	}
	template := make([]byte, header.EthernetLen, header.EthernetLen+64)
	eth := header.Ethernet{Dst: routerMAC, Src: stationMAC, Type: header.EtherTypeIPv4}
	eth.Put(template)
	for i := range 16 {
		nb := l.interfaces[2].nic.Neighbour(gateway(i))
		l.interfaces[2].nic.Output(pool.Get(0), nb, header.EtherTypeIPv4)
	}
	out.answer()
	loop.Run(loop.Now().Add(time.Second))
	for p := out.sent.Pop(); p != nil; p = out.sent.Pop() {
		p.Release()
	}
	p := pool.From(template[:cap(template)])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h := &headers[i&(destinations-1)]
		copy(p.Head(), template)
		copy(p.Head()[header.EthernetLen:], h[:])
		in.receive(p)
		if p = out.sent.Pop(); p == nil {
			b.Fatalf("the packet with the header %x was not forwarded: %+v", *h, l.stats)
		}
	}
}
