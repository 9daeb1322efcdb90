package tcp

import (
	"bytes"
	"net/netip"
	"testing"

	ev "septet/event"
	"septet/header"
	"septet/inspect/check/checktest"
	"septet/link"
	"septet/network"
	"septet/packet"
)

// Addresses of a bench over IPv4: one host, and the hand-made peer at the other end.
var (
	benchHost    = netip.MustParseAddr("10.0.0.1")
	benchPeer    = netip.MustParseAddr("10.0.0.2")
	benchHostMAC = header.MAC{2, 0, 0, 0, 0, 1}
	benchPeerMAC = header.MAC{2, 0, 0, 0, 0, 2}
)

// bench is one real host, from TCP down to its NIC, whose cable ends in a test:
// what the host sends is recorded and judged, and what it receives is made by hand.
type bench struct {
	t         testing.TB
	loop      *ev.Loop
	pool      *packet.Pool
	nic       *link.NIC
	tcp       *Layer
	env       *observer
	receive   func(*packet.Packet)
	mtu       int
	judge     *checktest.Cable // nil: nobody
	family    family
	solicited uint64 // how often a neighbour was asked for over IPv6
	host      netip.Addr
	peer      netip.Addr
	lastIP    header.IPv4   // of the last segment sent; of IPv6's, what both have
	ecn       uint8         // the ECN bits of what is injected
	sent      []wireSegment // not looked at yet
	id        uint16
}

// wireSegment is a segment that the host sent, and when.
type wireSegment struct {
	at ev.Time
	header.TCP
	text []byte
	ecn  uint8 // the two ECN bits of IP
}

func newBench(t testing.TB, personality *Personality, mtu int) *bench {
	return newBenchOver(t, theFamily(), personality, mtu)
}

// newBenchOver is newBench over one family. mtu is IPv4's; segments are the same over
// both.
func newBenchOver(t testing.TB, f family, personality *Personality, mtu int) *bench {
	b := newBenchUnjudgedOver(t, f, personality, mtu)
	b.judge = checktest.Host(t, b.host, b.tcp.about.limits())
	return b
}

// newBenchUnjudged returns one at which nobody looks, for tests that play segments
// at random, or count allocations or time.
func newBenchUnjudged(t testing.TB, personality *Personality, mtu int) *bench {
	return newBenchUnjudgedOver(t, theFamily(), personality, mtu)
}

func newBenchUnjudgedOver(t testing.TB, f family, personality *Personality, mtu int) *bench {
	b := &bench{t: t, loop: ev.NewVirtual(1), pool: &packet.Pool{}, mtu: f.mtu(mtu), family: f}
	b.host, b.peer = f.addr(benchHost), f.addr(benchPeer)
	t.Cleanup(func() { sharedPartsAreUntouched(t) })
	n := network.New(b.loop, b.pool)
	nic := link.NewNIC(b.loop, b.pool, "eth0", benchHostMAC, b)
	if _, err := n.AddInterface(nic, f.prefix(netip.PrefixFrom(benchHost, 24))); err != nil {
		t.Fatal(err)
	}
	b.nic, b.tcp = nic, New(n, personality)
	b.env = &observer{Layer: b.tcp}
	b.tcp.env = b.env
	return b
}

// observer is the environment of a bench's connections: the layer's, with the
// initial sequence number chosen and the transitions noted.
type observer struct {
	*Layer
	iss  *header.Seq
	seen map[transition]bool
}

type transition struct {
	from State
	on   event
	to   State
}

func (o *observer) secrets(c *Conn, now ev.Time) (header.Seq, uint32) {
	iss, offset := o.Layer.secrets(c, now)
	if o.iss != nil {
		iss = *o.iss
	}
	return iss, offset
}

func (o *observer) stateChanged(c *Conn, from State, e event) {
	if o.seen != nil {
		o.seen[transition{from, e, c.state}] = true
	}
	o.Layer.stateChanged(c, from, e)
}

// Transmit is the cable's: it answers ARP and records segments.
func (b *bench) Transmit(p *packet.Packet) {
	defer p.Release()
	eth, payload, err := header.ParseEthernet(p.Bytes())
	if err != nil {
		b.t.Fatalf("the host sent a frame that does not parse: %v", err)
	}
	switch eth.Type {
	case header.EtherTypeARP:
		b.answerARP(payload)
	case header.EtherTypeIPv4:
		if b.judge != nil {
			b.judge.Sent(b.loop.Now(), payload)
		}
		b.record(payload)
	case header.EtherTypeIPv6:
		b.transmit6(payload)
	}
}

// OnReceive is the cable's.
func (b *bench) OnReceive(f func(*packet.Packet)) { b.receive = f }

// MTU is the cable's.
func (b *bench) MTU() int { return b.mtu }

func (b *bench) answerARP(request []byte) {
	a, err := header.ParseARP(request)
	if err != nil || a.Operation != header.ARPRequest || a.TargetIP != b.peer {
		return
	}
	p := b.pool.Get(0)
	reply := header.ARP{
		Operation: header.ARPReply, SenderMAC: benchPeerMAC, SenderIP: b.peer,
		TargetMAC: benchHostMAC, TargetIP: b.host,
	}
	reply.Put(p.Extend(header.ARPLen))
	b.arrive(p, header.EtherTypeARP)
}

// record notes a segment after checking what every segment must have.
func (b *bench) record(datagram []byte) {
	ip, payload, err := header.ParseIPv4(datagram)
	if err != nil {
		b.t.Fatalf("the host sent a bad IP header: %v", err)
	}
	if ip.Protocol == header.ProtocolTCP {
		b.lastIP = ip
		b.recordSegment(payload, ip.FinalDst())
	}
}

func (b *bench) recordSegment(payload []byte, dst netip.Addr) {
	ip := &b.lastIP
	if header.Checksum(payload, header.PseudoSum(ip.Src, dst, ip.Protocol, len(payload))) != 0xffff {
		b.t.Fatalf("at %v the host sent a segment with a bad checksum", b.loop.Now())
	}
	s := wireSegment{at: b.loop.Now(), ecn: ip.TOS & ecnMask}
	n, err := header.ParseTCP(payload, &s.TCP)
	if err != nil {
		b.t.Fatalf("the host sent a bad TCP header: %v", err)
	}
	s.text = bytes.Clone(payload[n:])
	b.sent = append(b.sent, s)
}

// inject has a segment arrive, now and before anything else happens.
func (b *bench) inject(h header.TCP, text []byte) { b.injectFrom(b.peer, h, text) }

// injectFrom is inject from any source.
func (b *bench) injectFrom(src netip.Addr, h header.TCP, text []byte) {
	p := b.pool.Get(len(text))
	p.Append(text)
	h.Checksum = 0
	h.Put(p.Push(h.Len()))
	sum := ^header.Checksum(p.Bytes(), header.PseudoSum(src, b.host, header.ProtocolTCP, p.Len()))
	p.Bytes()[16], p.Bytes()[17] = byte(sum>>8), byte(sum)
	b.injectIPFrom(src, p, header.ProtocolTCP)
}

// injectIP has the payload p arrive in a datagram.
func (b *bench) injectIP(p *packet.Packet, proto header.Protocol) {
	b.injectIPFrom(b.peer, p, proto)
}

func (b *bench) injectIPFrom(src netip.Addr, p *packet.Packet, proto header.Protocol) {
	b.id++
	typ := header.EtherTypeIPv4
	if src.Is6() {
		typ = header.EtherTypeIPv6
		b.putIPv6(p, src, proto)
	} else {
		ip := header.IPv4{
			TotalLength: header.IPv4Len + p.Len(), ID: b.id, TTL: 64, Protocol: proto,
			Src: src, Dst: b.host, TOS: b.ecn,
		}
		ip.Put(p.Push(header.IPv4Len))
	}
	if b.judge != nil {
		b.judge.Arrives(b.loop.Now(), p.Bytes())
	}
	b.arrive(p, typ)
	b.loop.Run(b.loop.Now())
}

// injectError has an ICMP error arrive that quotes a segment of the host. Type and code
// are ICMP's, the MTU is IPv4's.
func (b *bench) injectError(typ, code uint8, mtu int, h header.TCP) {
	if b.family == six {
		b.injectError6(typ, code, mtu, h)
		return
	}
	quoted := header.IPv4{
		TotalLength: 1500, TTL: 60, Protocol: header.ProtocolTCP, Src: benchHost, Dst: benchPeer,
	}
	p := b.pool.Get(0)
	m := header.ICMP{Type: typ, Code: code, Rest: uint32(mtu)}
	m.Put(p.Extend(header.ICMPLen))
	quoted.Put(p.Extend(header.IPv4Len))
	h.Put(p.Extend(h.Len()))
	header.SetICMPChecksum(p.Head())
	b.injectIP(p, header.ProtocolICMP)
}

func (b *bench) arrive(p *packet.Packet, typ header.EtherType) {
	eth := header.Ethernet{Dst: benchHostMAC, Src: benchPeerMAC, Type: typ}
	eth.Put(p.Push(header.EthernetLen))
	b.loop.Post(delivery{b, p})
}

type delivery struct {
	b *bench
	p *packet.Packet
}

func (d delivery) Run() { d.b.receive(d.p) }

// advance lets time pass until the moment to.
func (b *bench) advance(to ev.Time) {
	if err := b.loop.Run(to); err != nil {
		b.t.Fatal(err)
	}
}

// anyPort is a port on all addresses.
func anyPort(n uint16) netip.AddrPort { return netip.AddrPortFrom(netip.Addr{}, n) }

// state returns the state of the connection between two ports.
func (b *bench) state(host, peer uint16) State {
	if c := b.find(host, peer); c != nil {
		return c.state
	}
	return Closed
}

func (b *bench) find(host, peer uint16) *Conn {
	return b.tcp.table.find(netip.AddrPortFrom(b.host, host), netip.AddrPortFrom(b.peer, peer))
}
