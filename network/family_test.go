package network_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/header"
)

// RFC 4443, section 1: ICMPv6 is not ICMP with other numbers but IPv6's own; and MLD
// takes IGMP's place (RFC 2710, section 1). Inside IPv6, ICMP and IGMP are protocols that
// nobody speaks, and the sender is told where the number stands (RFC 4443, section 3.4).
func TestProtocolsOfIPv4InsideIPv6(t *testing.T) {
	b := newBench(t)
	l := b.host()
	i, s := b.join6(l)
	check(t, i.AddAddress(netip.MustParsePrefix("10.0.0.1/24")))
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	check(t, i.JoinGroup(addr("239.1.2.3"))) // from here on IGMP has a handler
	i.NIC().Learn(addr("2001:db8::2"), s.nic.MAC())
	b.run(10 * time.Second)

	query := []byte{header.IGMPQuery, 100, 0, 0, 0, 0, 0, 0} // of version 2, for all groups
	binary.BigEndian.PutUint16(query[2:], ^header.Checksum(query, 0))
	for name, m := range map[string]struct {
		protocol header.Protocol
		payload  []byte
	}{
		"an ICMP echo request": {header.ProtocolICMP, icmp(header.ICMPEchoRequest, 0, 1, []byte("hello"))},
		"an IGMP query":        {header.ProtocolIGMP, query},
	} {
		s.got = nil
		before := l.Stats()
		h := header.IPv6{
			PayloadLength: len(m.payload), NextHeader: m.protocol, HopLimit: 1,
			Src: addr("2001:db8::2"), Dst: addr("2001:db8::1"),
		}
		head := make([]byte, header.IPv6Len)
		h.Put(head)
		s.send(append(head, m.payload...))
		b.run(2 * time.Second)
		after := l.Stats()
		if after.InNoProtocol != before.InNoProtocol+1 || after.Delivered != before.Delivered {
			t.Errorf("%s inside IPv6: %d packets delivered, %d for nobody; want 0 and 1",
				name, after.Delivered-before.Delivered, after.InNoProtocol-before.InNoProtocol)
		}
		refused := s.take(header.ICMPv6ParameterProblem)
		if len(refused) != 1 {
			t.Errorf("%s inside IPv6: %d parameter problems, want one: the next header is not known", name, len(refused))
			continue
		}
		const nextHeader = 6 // its offset in an IPv6 header
		e, _, err := header.ParseICMPv6(refused[0].b, refused[0].src, refused[0].dst)
		if err != nil || e.Code != header.ICMPv6BadNextHeader || e.Rest != nextHeader {
			t.Errorf("%s inside IPv6: code %d, pointer %d (%v); want code 1, the pointer at the next header", name, e.Code, e.Rest, err)
		}
	}
}

// ICMPv6 inside IPv4 is nobody's: what guards neighbour discovery, the hop limit of 255
// and addresses of the link, is not there to be checked.
func TestICMPv6InsideIPv4(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	check(t, l.Interfaces()[1].EnableIPv6())
	b.run(10 * time.Second)
	echo := []byte{header.ICMPv6EchoRequest, 0, 0, 0, 0, 1, 0, 1, 'h', 'i'}
	header.SetICMPv6Checksum(echo, addr("10.0.0.2"), addr("10.0.0.1"))
	for name, payload := range map[string][]byte{
		"an echo request":        echo,
		"a router advertisement": append([]byte{header.ICMPv6RouterAdvert, 0, 0, 0, 64, 0, 0x07, 0x08}, make([]byte, 8)...),
	} {
		p.take()
		before := l.Stats()
		p.send("10.0.0.1", ip(header.IPv4{
			TTL: 255, Protocol: header.ProtocolICMPv6, Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"),
		}, payload))
		if n := l.Stats().InNoProtocol - before.InNoProtocol; n != 1 {
			t.Errorf("%s of ICMPv6 inside IPv4: %d packets for nobody, want 1", name, n)
		}
		// RFC 1122, section 3.2.2.1: protocol unreachable.
		wantICMP(t, p.take(), header.ICMPUnreachable, header.ICMPProtocolUnreachable)
	}
}
