package network_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// bench is a small network in virtual time. All packets come from one pool, and
// none may be left at the end.
type bench struct {
	t    testing.TB
	loop *event.Loop
	pool *packet.Pool
	macs byte
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, loop: event.NewVirtual(1), pool: new(packet.Pool)}
	t.Cleanup(func() {
		b.run(time.Hour)
		if n := b.pool.Live(); n != 0 {
			t.Errorf("%d packets have no end: whoever has a packet last releases it", n)
		}
	})
	return b
}

// run lets time pass.
func (b *bench) run(d time.Duration) { _ = b.loop.Run(b.loop.Now().Add(d)) }

func (b *bench) host() *network.Layer { return network.New(b.loop, b.pool) }

func (b *bench) router() *network.Layer {
	l := b.host()
	l.SetForwarding(true)
	return l
}

func (b *bench) nic(port physical.Port) *link.NIC {
	b.macs++
	return link.NewNIC(b.loop, b.pool, "eth"+string('0'+rune(b.macs%10)), header.MAC{2, 0, 0, 0, 0, b.macs}, port)
}

// cable joins two hosts by a bare wire and gives them their addresses.
func (b *bench) cable(one *network.Layer, addrOne string, two *network.Layer, addrTwo string, mtu int) (*network.Interface, *network.Interface) {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, mtu, physical.Impairment{}, physical.Impairment{})
	i, err := one.AddInterface(b.nic(w.A()), netip.MustParsePrefix(addrOne))
	check(b.t, err)
	j, err := two.AddInterface(b.nic(w.B()), netip.MustParsePrefix(addrTwo))
	check(b.t, err)
	return i, j
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func defaultRoute(t testing.TB, l *network.Layer, gateway string) {
	t.Helper()
	check(t, l.AddRoute(network.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: addr(gateway)}))
}

// peer is a station that sends whatever it is told to and keeps the IP packets
// that it gets. It has no IP layer but answers ARP.
type peer struct {
	b   *bench
	nic *link.NIC
	got [][]byte
}

// attach gives the host an interface with a peer at its other end.
func (b *bench) attach(l *network.Layer, hostAddr, peerAddr string, mtu int) *peer {
	b.t.Helper()
	w := physical.NewWire(b.loop, b.pool, mtu, physical.Impairment{}, physical.Impairment{})
	p := &peer{b: b, nic: b.nic(w.B())}
	p.nic.AddAddress(addr(peerAddr))
	p.nic.AcceptAllGroups(true)
	p.nic.OnReceive(func(pkt *packet.Packet, _ header.EtherType, _ bool) {
		p.got = append(p.got, append([]byte(nil), pkt.Bytes()...))
		pkt.Release()
	})
	_, err := l.AddInterface(b.nic(w.A()), netip.MustParsePrefix(hostAddr))
	check(b.t, err)
	return p
}

// send transmits an IP packet to the station with the address via and lets the
// network settle.
func (p *peer) send(via string, ip []byte) {
	p.nic.Output(p.b.pool.From(ip), p.nic.Neighbour(addr(via)), header.EtherTypeIPv4)
	p.b.run(0)
}

// broadcast transmits an IP packet in a frame to everybody.
func (p *peer) broadcast(ip []byte) {
	p.nic.Broadcast(p.b.pool.From(ip), header.EtherTypeIPv4)
	p.b.run(0)
}

// take returns the IP packets received since the last call.
func (p *peer) take() [][]byte {
	got := p.got
	p.got = nil
	return got
}

// ip makes an IP packet. The caller sets in h what matters to the test.
func ip(h header.IPv4, payload []byte) []byte {
	if h.TTL == 0 {
		h.TTL = 64
	}
	h.TotalLength = h.Len() + len(payload)
	b := make([]byte, h.TotalLength)
	copy(b[h.Put(b):], payload)
	return b
}

// icmp makes an ICMP message with its checksum.
func icmp(typ, code uint8, rest uint32, payload []byte) []byte {
	b := make([]byte, header.ICMPLen+len(payload))
	h := header.ICMP{Type: typ, Code: code, Rest: rest}
	copy(b[h.Put(b):], payload)
	binary.BigEndian.PutUint16(b[2:], ^header.Checksum(b, 0))
	return b
}

// pattern returns n bytes that are not all alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// sink is a transport protocol that keeps what it is given.
type sink struct {
	payloads  [][]byte
	datagrams []network.Datagram
	errors    []network.Error
}

func (s *sink) Input(p *packet.Packet, d *network.Datagram) {
	s.payloads = append(s.payloads, append([]byte(nil), p.Bytes()...))
	s.datagrams = append(s.datagrams, *d)
	p.Release()
}

func (s *sink) Error(e *network.Error) { s.errors = append(s.errors, *e) }

// experimental is a protocol number for experiments (RFC 3692).
const experimental header.Protocol = 253

// output sends payload from a host.
func output(l *network.Layer, dst string, payload []byte, o network.Send) error {
	path, err := l.Path(addr(dst), netip.Addr{})
	if err != nil {
		return err
	}
	if o.Protocol == 0 {
		o.Protocol = experimental
	}
	return l.Output(l.Pool().From(payload), &path, &o)
}

// wantICMP checks that there is one packet and that it is an ICMP message of
// this type and code, and returns it.
func wantICMP(t *testing.T, got [][]byte, typ, code uint8) (header.IPv4, header.ICMP, []byte) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %d packets, want one ICMP message of type %d, code %d", len(got), typ, code)
	}
	h, payload, err := header.ParseIPv4(got[0])
	check(t, err)
	m, quote, err := header.ParseICMP(payload)
	check(t, err)
	if h.Protocol != header.ProtocolICMP || m.Type != typ || m.Code != code {
		t.Fatalf("got protocol %d, type %d, code %d, want ICMP type %d, code %d", h.Protocol, m.Type, m.Code, typ, code)
	}
	return h, m, quote
}
