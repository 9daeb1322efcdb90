package network_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/link"
)

// Somebody sends to every address of a network behind a router: 65,536 of IPv4, 10^6 of
// an IPv6 /64 (RFC 6583). The neighbour table keeps its cap, and a flow to a neighbour
// that is there loses nothing, for 100 seconds in which it has to be confirmed anew.
func TestNeighbourSweep(t *testing.T) {
	const during = 100 * time.Second
	for _, c := range []struct {
		name           string
		n              int
		base, live     string
		sender, router string
	}{
		{"IPv4", 65_536, "10.2.0.0", "10.2.0.2", "10.1.0.2", "10.1.0.1"},
		{"IPv6", 1_000_000, "2001:db8:2::1:0:0", "2001:db8:2::2", "2001:db8:1::2", "2001:db8:1::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() {
				c.n = min(c.n, 100_000)
			}
			b := newBench(t)
			r, live := b.router(), b.host()
			p := b.attach(r, "10.1.0.1/24", "10.1.0.2", 1500)
			b.cable(r, "10.2.0.1/16", live, "10.2.0.2/16", 1500)
			in, out := r.Interfaces()[1], r.Interfaces()[2]
			check(t, in.AddAddress(netip.MustParsePrefix("2001:db8:1::1/64")))
			check(t, out.AddAddress(netip.MustParsePrefix("2001:db8:2::1/64")))
			check(t, live.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8:2::2/64")))
			b.run(5 * time.Second)
			var got sink
			live.Handle(experimental, &got)
			send := func(dst netip.Addr, payload []byte) {
				typ, packet := header.EtherTypeIPv4, []byte(nil)
				if dst.Is6() {
					typ = header.EtherTypeIPv6
					h := header.IPv6{Src: addr(c.sender), Dst: dst, HopLimit: 64, NextHeader: experimental, PayloadLength: len(payload)}
					packet = append(make([]byte, header.IPv6Len), payload...)
					h.Put(packet)
				} else {
					packet = ip(header.IPv4{Src: addr(c.sender), Dst: dst, Protocol: experimental}, payload)
				}
				p.nic.Learn(addr(c.router), in.NIC().MAC())
				p.nic.Output(b.pool.From(packet), p.nic.Neighbour(addr(c.router)), typ)
			}
			// The sweep comes in bursts, each of more addresses than the table has places.
			send(addr(c.live), nil)
			b.run(time.Second)
			entry := out.NIC().Neighbour(addr(c.live))
			const steps, burst = int(during / (10 * time.Millisecond)), 400
			sent, scanned, most := 0, 0, 0
			for step := range steps {
				if step%burst == burst-1 {
					for ; scanned < c.n*(step+1)/steps; scanned++ {
						send(nthAfter(addr(c.base), scanned), nil)
					}
				}
				send(addr(c.live), pattern(8))
				sent++
				b.run(10 * time.Millisecond)
				if step%100 == 0 {
					most = max(most, len(out.NIC().Neighbours()))
				}
			}
			b.run(time.Second)
			if most != link.MaxNeighbours {
				t.Errorf("the table had %d entries at most, want its cap of %d", most, link.MaxNeighbours)
			}
			if entry.Dead() || !entry.Resolved() {
				t.Error("the entry of the neighbour that is there was pushed out by others that are not")
			}
			arrived := 0
			for _, payload := range got.payloads {
				if len(payload) == 8 {
					arrived++
				}
			}
			if arrived != sent {
				t.Errorf("%d of the flow's %d packets arrived, the sweep must not hurt it", arrived, sent)
			}
			t.Logf("%d addresses, evicted %d", scanned, out.NIC().Stats().ARP.Evicted)
		})
	}
}

// nthAfter returns the address n after a.
func nthAfter(a netip.Addr, n int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(b[8:])+uint64(n))
	return netip.AddrFrom16(b)
}
