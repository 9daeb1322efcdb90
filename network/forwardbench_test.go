package network

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/packet"
)

// stubPort is a port of the router under test. It keeps what is transmitted.
type stubPort struct {
	receive func(*packet.Packet)
	sent    packet.Queue
}

func (s *stubPort) MTU() int                               { return 1500 }
func (s *stubPort) OnReceive(receive func(*packet.Packet)) { s.receive = receive }
func (s *stubPort) Transmit(p *packet.Packet)              { s.sent.Push(p) }

var routerMAC, stationMAC = header.MAC{2, 0, 0, 0, 0, 1}, header.MAC{2, 0, 0, 0, 0, 2}

// BenchmarkForwardAmongMany is what a router needs for a packet, from its card in to its card
// out: to one destination, and to random ones behind 100,000 routes by 16 gateways.
func BenchmarkForwardAmongMany(b *testing.B) {
	for _, family := range []int{4, 6} {
		for _, c := range []struct {
			name                 string
			routes, destinations int
		}{{"1dst", 0, 1}, {"100000routes/1dst", 100_000, 1}, {"100000routes/random", 100_000, 1 << 17}} {
			b.Run(fmt.Sprintf("ipv%d/%s", family, c.name), func(b *testing.B) {
				benchmarkForward(b, family, c.routes, c.destinations)
			})
		}
	}
}

func benchmarkForward(b *testing.B, family, routes, destinations int) {
	loop, pool := event.NewVirtual(1), new(packet.Pool)
	l := New(loop, pool)
	l.SetForwarding(true)
	in, out := new(stubPort), new(stubPort)
	for i, port := range []*stubPort{in, out} {
		nic := link.NewNIC(loop, pool, "eth"+string(rune('0'+i)), routerMAC, port)
		card, err := l.AddInterface(nic, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 1}), 16))
		if err == nil {
			err = card.AddAddress(netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(i), 15: 1}), 64))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	loop.Run(loop.Now().Add(time.Minute)) // nobody else has the addresses
	gateways := gatewaysOf(out, l.interfaces[2], family)
	r := rand.New(rand.NewPCG(1, 2))
	prefixes := internet(r, routes)
	for i, p := range append(prefixes, netip.PrefixFrom(anyOf(gateways[0]), 0)) {
		if p.Addr().Is4() == (family == 4) {
			l.routes.add(Route{Prefix: p, Gateway: gateways[i%16], Interface: l.interfaces[2]})
		} else {
			l.routes.add(Route{Prefix: p, Interface: l.interfaces[1]})
		}
	}
	template, differ := packetsTo(r, prefixes, family, destinations)
	for p := out.sent.Pop(); p != nil; p = out.sent.Pop() {
		p.Release()
	}
	p := pool.From(make([]byte, 128))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		copy(p.Head(), template)
		differ(i&(destinations-1), p.Head()[header.EthernetLen:])
		in.receive(p)
		if p = out.sent.Pop(); p == nil {
			b.Fatalf("packet %d was not forwarded: %+v", i, l.stats)
		}
	}
}

// gatewaysOf returns 16 neighbours of an interface that have just answered.
func gatewaysOf(port *stubPort, i *Interface, family int) []netip.Addr {
	var all []netip.Addr
	for n := range byte(16) {
		a := netip.AddrFrom4([4]byte{10, 1, 0, 2 + n})
		if family == 6 {
			a = netip.AddrFrom16([16]byte{0xfd, 1, 15: 2 + n})
		}
		i.nic.Learn(a, stationMAC)
		if family == 6 {
			i.nic.Neighbour(a).Confirm()
		} else {
			arp := header.ARP{Operation: header.ARPReply, SenderMAC: stationMAC, SenderIP: a, TargetMAC: routerMAC, TargetIP: i.addr}
			eth := header.Ethernet{Dst: routerMAC, Src: stationMAC, Type: header.EtherTypeARP}
			b := make([]byte, header.EthernetLen+header.ARPLen)
			eth.Put(b)
			arp.Put(b[header.EthernetLen:])
			port.receive(i.layer.pool.From(b))
		}
		all = append(all, a)
	}
	return all
}

// packetsTo returns how packets of 114 bytes begin as they come to the router, and what
// puts in their IP header one of n random destinations behind the prefixes of a family.
func packetsTo(r *rand.Rand, prefixes []netip.Prefix, family, n int) (frame []byte, differ func(i int, ip []byte)) {
	frame = make([]byte, header.EthernetLen+header.IPv6Len)
	eth := header.Ethernet{Dst: routerMAC, Src: stationMAC, Type: header.EtherTypeIPv4}
	ip := frame[header.EthernetLen:]
	if family == 6 {
		eth.Type = header.EtherTypeIPv6
		eth.Put(frame)
		h := header.IPv6{PayloadLength: 74, HopLimit: 64, NextHeader: header.ProtocolUDP, Src: netip.AddrFrom16([16]byte{0xfd, 15: 7}), Dst: anyAddr6}
		h.Put(ip)
		var all [][16]byte
		for _, dst := range destinationsIn(r, prefixes, family, n) {
			all = append(all, dst.As16())
		}
		return frame, func(i int, ip []byte) { copy(ip[24:], all[i][:]) }
	}
	eth.Put(frame)
	// What differs is the checksum and the destination.
	var all [][6]byte
	for _, dst := range destinationsIn(r, prefixes, family, n) {
		h := header.IPv4{TotalLength: 114, TTL: 64, Protocol: header.ProtocolUDP, Src: netip.AddrFrom4([4]byte{10, 0, 0, 7}), Dst: dst}
		h.Put(ip)
		all = append(all, [6]byte(slices.Concat(ip[10:12], ip[16:20])))
	}
	return frame, func(i int, ip []byte) {
		copy(ip[10:], all[i][:2])
		copy(ip[16:], all[i][2:])
	}
}

// destinationsIn returns random addresses that are to be forwarded, without prefixes the
// same one.
func destinationsIn(r *rand.Rand, prefixes []netip.Prefix, family, n int) (all []netip.Addr) {
	for len(all) < n {
		p := netip.MustParsePrefix("192.0.2.1/32")
		if len(prefixes) > 0 {
			p = prefixes[r.IntN(len(prefixes))]
		} else if family == 6 {
			p = netip.MustParsePrefix("2001:db8::1/128")
		}
		dst := within(r, p)
		if dst.Is4() == (family == 4) && !dst.IsLoopback() && !dst.IsPrivate() && (family == 6 || forwardable(dst)) {
			all = append(all, dst)
		}
	}
	return all
}
