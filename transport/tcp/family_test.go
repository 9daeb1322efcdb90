package tcp

import (
	"flag"
	"net/netip"
	"testing"

	"septet/header"
	"septet/packet"
)

// family says over which version of IP a test runs. Whatever TCP does it does over
// both: with -ipv6 the tests of this package run over IPv6, on links whose MTU is
// longer by as much as the header is, so that every segment is the same.
type family int

const (
	four family = 4
	six  family = 6
)

var overIPv6 = flag.Bool("ipv6", false, "run the tests over IPv6")

func theFamily() family {
	if *overIPv6 {
		return six
	}
	return four
}

// needs skips a test about what only one family has.
func (f family) needs(t testing.TB, why string) {
	t.Helper()
	if theFamily() != f {
		t.Skip("of IPv" + string('0'+rune(f)) + " alone: " + why)
	}
}

// mtu returns the MTU that lets as much through as IPv4's would.
func (f family) mtu(n int) int {
	if f == six {
		return n + header.IPv6Len - header.IPv4Len
	}
	return n
}

// addr returns the address that stands for one of IPv4.
func (f family) addr(a netip.Addr) netip.Addr {
	switch {
	case f == four || a.Is6():
		return a
	case a.IsUnspecified():
		return netip.IPv6Unspecified()
	}
	b, last := netip.MustParseAddr("2001:db8::").As16(), a.As4()
	copy(b[4:], last[:3])
	b[15] = last[3]
	return netip.AddrFrom16(b)
}

// prefix returns the network that stands for one of IPv4.
func (f family) prefix(p netip.Prefix) netip.Prefix {
	if f == four {
		return p
	}
	bits := 0
	if p.Bits() > 0 {
		bits = 64
	}
	return netip.PrefixFrom(f.addr(p.Addr()), bits)
}

func addrOf(text string) netip.Addr { return theFamily().addr(netip.MustParseAddr(text)) }

func prefixOf(text string) netip.Prefix { return theFamily().prefix(netip.MustParsePrefix(text)) }

// transmit6 is Transmit for IPv6: neighbours are answered, segments recorded.
func (b *bench) transmit6(datagram []byte) {
	ip, payload, err := header.ParseIPv6(datagram)
	switch {
	case err != nil:
		b.t.Fatalf("the host sent a bad IPv6 header: %v", err)
	case ip.NextHeader == header.ProtocolICMPv6:
		b.answerSolicitation(payload)
	case ip.NextHeader == header.ProtocolTCP:
		if b.judge != nil {
			b.judge.Sent(b.loop.Now(), datagram)
		}
		b.lastIP = header.IPv4{
			TOS: ip.TrafficClass, TTL: ip.HopLimit, Protocol: ip.NextHeader, Src: ip.Src, Dst: ip.Dst,
			TotalLength: len(datagram), DontFragment: true,
		}
		b.recordSegment(payload, ip.Dst)
	}
}

// answerSolicitation answers who asks for the peer.
func (b *bench) answerSolicitation(message []byte) {
	if p := neighbourAdvertisement(b.pool, message, b.peer, b.host, benchPeerMAC); p != nil {
		b.solicited++
		b.arrive(p, header.EtherTypeIPv6)
	}
}

// neighbourAdvertisement returns the answer to a solicitation, if it asks for peer,
// whose Ethernet address is mac.
func neighbourAdvertisement(pool *packet.Pool, message []byte, peer, to netip.Addr, mac header.MAC) *packet.Packet {
	ask, _, err := header.ParseNeighbourSolicitation(message)
	if err != nil || ask.Target != peer {
		return nil
	}
	answer := header.NeighbourAdvertisement{Target: peer, Solicited: true, Override: true}
	o := header.NDOptions{Target: mac, HasTarget: true}
	p := pool.Get(0)
	answer.Put(p.Extend(header.NeighbourAdvertisementLen))
	o.Put(p.Extend(o.Len()))
	header.SetICMPv6Checksum(p.Head(), peer, to)
	ip := header.IPv6{PayloadLength: p.Len(), NextHeader: header.ProtocolICMPv6, HopLimit: 255, Src: peer, Dst: to}
	ip.Put(p.Push(header.IPv6Len))
	return p
}

// putIPv6 puts the header in front of what is to arrive.
func (b *bench) putIPv6(p *packet.Packet, src netip.Addr, proto header.Protocol) {
	ip := header.IPv6{
		PayloadLength: p.Len(), NextHeader: proto, HopLimit: 64, Src: src, Dst: b.host, TrafficClass: b.ecn,
	}
	ip.Put(p.Push(header.IPv6Len))
}

// errors6 are the messages of ICMPv6 that say what those of ICMP do.
var errors6 = map[[2]uint8]header.ICMPv6{
	{header.ICMPUnreachable, header.ICMPNetUnreachable}:      {Type: header.ICMPv6Unreachable, Code: header.ICMPv6NoRoute},
	{header.ICMPUnreachable, header.ICMPHostUnreachable}:     {Type: header.ICMPv6Unreachable, Code: header.ICMPv6AddressUnreached},
	{header.ICMPUnreachable, header.ICMPProtocolUnreachable}: {Type: header.ICMPv6ParameterProblem, Code: header.ICMPv6BadNextHeader},
	{header.ICMPUnreachable, header.ICMPPortUnreachable}:     {Type: header.ICMPv6Unreachable, Code: header.ICMPv6PortUnreachable},
	{header.ICMPUnreachable, header.ICMPFragmentationNeeded}: {Type: header.ICMPv6PacketTooBig},
	{header.ICMPUnreachable, header.ICMPAdminProhibited}:     {Type: header.ICMPv6Unreachable, Code: header.ICMPv6AdminProhibited},
	{header.ICMPTimeExceeded, header.ICMPTTLExceeded}:        {Type: header.ICMPv6TimeExceeded, Code: header.ICMPv6HopLimitExceeded},
	{header.ICMPParameterProblem, 0}:                         {Type: header.ICMPv6ParameterProblem, Code: header.ICMPv6BadField},
}

// injectError6 is injectError over IPv6.
// unknownError is a type of ICMPv6 errors that is for experiments (RFC 4443, section 2.1).
const unknownError = 100

func (b *bench) injectError6(typ, code uint8, mtu int, h header.TCP) {
	m, ok := errors6[[2]uint8{typ, code}]
	switch {
	case !ok && typ == unknownError:
		m = header.ICMPv6{Type: typ, Code: code}
	case !ok:
		m = header.ICMPv6{Type: 200, Code: code} // for experiments, and no error: discarded
	}
	if m.Type == header.ICMPv6PacketTooBig {
		m.Rest = uint32(b.family.mtu(mtu))
	}
	p := b.pool.Get(0)
	m.Put(p.Extend(header.ICMPv6Len))
	quoted := header.IPv6{PayloadLength: 1480, NextHeader: header.ProtocolTCP, HopLimit: 60, Src: b.host, Dst: b.peer}
	quoted.Put(p.Extend(header.IPv6Len))
	h.Put(p.Extend(h.Len()))
	header.SetICMPv6Checksum(p.Head(), b.peer, b.host)
	b.injectIP(p, header.ProtocolICMPv6)
}

// notUnderRace leaves out, with -short and the race detector, what is the work of one
// goroutine and takes minutes with it.
func notUnderRace(t *testing.T) {
	if underRace {
		t.Skip("with -short and the race detector: one goroutine alone works here, for minutes")
	}
}
