package network_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// station is a peer of a host that speaks IPv6: it sends whatever it is told to and
// keeps the messages of neighbour discovery that it gets, with their times.
type station struct {
	b    *bench
	nic  *link.NIC
	wire *physical.Wire
	host *network.Interface
	got  []heard
}

// heard is a message that has arrived: all of ICMPv6, and where it was from and to.
type heard struct {
	at       time.Duration
	src, dst netip.Addr
	hopLimit uint8
	b        []byte
}

// join6 gives a host an interface without addresses, with a station at its other end.
func (b *bench) join6(l *network.Layer) (*network.Interface, *station) {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	i, err := l.AddInterface(b.nic(w.A()), netip.Prefix{})
	check(b.t, err)
	s := &station{b: b, nic: b.nic(w.B()), wire: w, host: i}
	s.nic.AcceptAllGroups(true)
	s.nic.OnReceive(func(p *packet.Packet, typ header.EtherType, _ bool) {
		h, payload, err := header.ParseIPv6(p.Bytes())
		if typ == header.EtherTypeIPv6 && err == nil && h.NextHeader == header.ProtocolICMPv6 {
			s.got = append(s.got, heard{time.Duration(b.loop.Now()), h.Src, h.Dst, h.HopLimit, append([]byte(nil), payload...)})
		}
		p.Release()
	})
	return i, s
}

// take returns the messages of a type heard since it was called last.
func (s *station) take(kind uint8) (all []heard) {
	for _, m := range s.got {
		if m.b[0] == kind {
			all = append(all, m)
		}
	}
	s.got = nil
	return all
}

// message is a message of neighbour discovery that a station sends.
type message struct {
	src, dst string
	hopLimit uint8 // 255 if zero
	put      interface{ Put([]byte) int }
	n        int // its length
	options  header.NDOptions
}

// bytes returns the IPv6 packet of a message.
func (m message) bytes() []byte {
	b := make([]byte, m.n+m.options.Len())
	m.put.Put(b)
	m.options.Put(b[m.n:])
	return nd(m.src, m.dst, m.hopLimit, b)
}

// nd returns an IPv6 packet with the ICMPv6 message b, and fills in its checksum.
func nd(src, dst string, hopLimit uint8, b []byte) []byte {
	if hopLimit == 0 {
		hopLimit = 255
	}
	h := header.IPv6{
		PayloadLength: len(b), NextHeader: header.ProtocolICMPv6, HopLimit: hopLimit, Src: addr(src), Dst: addr(dst),
	}
	if len(b) >= 4 {
		header.SetICMPv6Checksum(b, h.Src, h.Dst)
	}
	ip := make([]byte, header.IPv6Len, header.IPv6Len+len(b))
	h.Put(ip)
	return append(ip, b...)
}

// send transmits an IPv6 packet to the host, in a frame for a group if it is for one,
// and lets the network settle.
func (s *station) send(ip []byte) {
	h, _, err := header.ParseIPv6(ip)
	check(s.b.t, err)
	p := s.b.pool.From(ip)
	if h.Dst.IsMulticast() {
		s.nic.Multicast(p, h.Dst, header.EtherTypeIPv6)
	} else {
		s.nic.Learn(h.Dst, s.host.NIC().MAC())
		s.nic.Output(p, s.nic.Neighbour(h.Dst), header.EtherTypeIPv6)
	}
	s.b.run(0)
}

// router is the address of the link of a router that a station plays.
const router = "fe80::1"

// advertise makes the station send a router advertisement from src.
func (s *station) advertise(src string, h header.RouterAdvertisement, o header.NDOptions) {
	s.send(message{src: src, dst: "ff02::1", put: &h, n: header.RouterAdvertisementLen, options: o}.bytes())
}

// claim makes the station say that target is its own.
func (s *station) claim(target string) {
	h := header.NeighbourAdvertisement{Target: addr(target), Override: true}
	s.send(message{
		src: target, dst: "ff02::1", put: &h, n: header.NeighbourAdvertisementLen,
		options: header.NDOptions{Target: s.nic.MAC(), HasTarget: true},
	}.bytes())
}

// answer makes the station advertise target to who has solicited it, and reports how
// often it did.
func (s *station) answer(target string) (n int) {
	for _, m := range s.take(header.ICMPv6NeighbourSolicit) {
		h, _, err := header.ParseNeighbourSolicitation(m.b)
		check(s.b.t, err)
		if h.Target != addr(target) || m.src.IsUnspecified() {
			continue
		}
		n++
		a := header.NeighbourAdvertisement{Target: h.Target, Override: true, Solicited: true, Router: true}
		s.send(message{
			src: target, dst: m.src.String(), put: &a, n: header.NeighbourAdvertisementLen,
			options: header.NDOptions{Target: s.nic.MAC(), HasTarget: true},
		}.bytes())
	}
	return n
}

// prefix returns a prefix for addresses, on the link.
func prefix(s string, valid, preferred time.Duration) header.PrefixInformation {
	return header.PrefixInformation{
		Prefix: netip.MustParsePrefix(s), OnLink: true, Autonomous: true, Valid: valid, Preferred: preferred,
	}
}

// stateOf returns the state of an interface's address, "absent" if it has no such.
func stateOf(i *network.Interface, a string) string {
	for _, have := range i.Addresses() {
		if have.Addr == addr(a) {
			return have.State.String()
		}
	}
	return "absent"
}

// madeFrom returns the addresses that an interface has made from a prefix.
func madeFrom(i *network.Interface, p string, o network.AddressOrigin) (all []network.Address) {
	for _, a := range i.Addresses() {
		if a.Origin == o && netip.MustParsePrefix(p).Contains(a.Addr.WithZone("")) {
			all = append(all, a)
		}
	}
	return all
}

// cable6 joins two hosts with IPv6 addresses, of which either may be empty.
func (b *bench) cable6(one *network.Layer, addrOne string, two *network.Layer, addrTwo string) (i, j *network.Interface) {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	attach := func(l *network.Layer, a string, port physical.Port) *network.Interface {
		i, err := l.AddInterface(b.nic(port), netip.Prefix{})
		check(b.t, err)
		check(b.t, i.EnableIPv6())
		if a != "" {
			check(b.t, i.AddAddress(netip.MustParsePrefix(a)))
		}
		return i
	}
	return attach(one, addrOne, w.A()), attach(two, addrTwo, w.B())
}

// reach6 reports whether a datagram from one host gets to dst of another.
func reach6(t testing.TB, b *bench, from, to *network.Layer, dst string) bool {
	t.Helper()
	var got sink
	to.Handle(experimental, &got)
	if err := output(from, dst, []byte("hello"), network.Send{}); err != nil {
		return false
	}
	b.run(2 * time.Second)
	return len(got.payloads) == 1
}
