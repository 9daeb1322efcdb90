package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

var (
	nicMAC  = header.MAC{0x02, 0, 0, 0, 0, 0x01}
	peerMAC = header.MAC{0x02, 0, 0, 0, 0, 0x02}
	thirdIP = netip.MustParseAddr("10.0.0.3")
	nicIP   = netip.MustParseAddr("10.0.0.1")
	peerIP  = netip.MustParseAddr("10.0.0.2")
)

// bench is a NIC on a wire, at whose other end the test plays a station.
type bench struct {
	t        *testing.T
	loop     *event.Loop
	pool     *packet.Pool
	nic      *NIC
	port     physical.Port // the station's end
	sent     []string      // "time: frame" for what the NIC has sent
	received []string      // "group payload" for what its owner got
	returned []string      // payloads that came back unresolved
}

func newBench(t testing.TB) *bench {
	b := &bench{loop: event.NewVirtual(1), pool: &packet.Pool{}}
	b.t, _ = t.(*testing.T)
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	b.nic = NewNIC(b.loop, b.pool, "eth0", nicMAC, w.A())
	b.nic.AddAddress(nicIP)
	b.nic.OnReceive(func(p *packet.Packet, _ header.EtherType, group bool) {
		b.received = append(b.received, fmt.Sprintf("%v %s", group, p.Bytes()))
		p.Release()
	})
	b.nic.OnUnresolved(func(p *packet.Packet, _ header.EtherType) {
		b.returned = append(b.returned, string(p.Bytes()))
		p.Release()
	})
	b.port = w.B()
	b.port.OnReceive(func(p *packet.Packet) {
		b.sent = append(b.sent, fmt.Sprintf("%v: %s", b.loop.Now(), describe(p.Bytes())))
		p.Release()
	})
	return b
}

// describe prints a frame as a test would say it.
func describe(frame []byte) string {
	h, payload, _ := header.ParseEthernet(frame)
	if h.Type != header.EtherTypeARP {
		return fmt.Sprintf("to %v %q", h.Dst, payload)
	}
	arp, err := header.ParseARP(payload)
	if err != nil {
		return err.Error()
	}
	if arp.Operation == header.ARPRequest {
		return fmt.Sprintf("to %v who has %v tell %v", h.Dst, arp.TargetIP, arp.SenderIP)
	}
	return fmt.Sprintf("to %v %v is at %v", h.Dst, arp.SenderIP, arp.SenderMAC)
}

// run lets d pass and returns what the NIC has sent until then.
func (b *bench) run(d time.Duration) []string {
	b.loop.Run(b.loop.Now().Add(d))
	sent := b.sent
	b.sent = nil
	return sent
}

// expect runs for d and compares what the NIC has sent.
func (b *bench) expect(d time.Duration, why string, want ...string) {
	b.t.Helper()
	if got := b.run(d); !slices.Equal(got, want) {
		b.t.Errorf("the NIC sent\n  %s\nshould be\n  %s\nbecause %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), why)
	}
}

// output sends a payload to an address, as the network layer does.
func (b *bench) output(a netip.Addr, payload string) {
	b.nic.Output(b.pool.From([]byte(payload)), b.nic.Neighbour(a), header.EtherTypeIPv4)
}

// inject has a frame arrive at the NIC.
func (b *bench) inject(dst, src header.MAC, typ header.EtherType, payload []byte) {
	p := b.pool.From(payload)
	h := header.Ethernet{Dst: dst, Src: src, Type: typ}
	h.Put(p.Push(header.EthernetLen))
	b.port.Transmit(p)
	b.loop.Run(b.loop.Now())
}

// injectARP has an ARP packet arrive, sent by the station that it names.
func (b *bench) injectARP(dst header.MAC, arp header.ARP) {
	payload := make([]byte, header.ARPLen)
	arp.Put(payload)
	b.inject(dst, arp.SenderMAC, header.EtherTypeARP, payload)
}

// answer has the neighbour tell its address.
func (b *bench) answer(a netip.Addr, mac header.MAC) {
	b.injectARP(nicMAC, header.ARP{Operation: header.ARPReply, SenderMAC: mac, SenderIP: a, TargetMAC: nicMAC, TargetIP: nicIP})
}

func (b *bench) noLeak() {
	b.t.Helper()
	if b.pool.Live() != 0 {
		b.t.Errorf("%d packets leaked", b.pool.Live())
	}
}

func TestEthernetBytes(t *testing.T) {
	b := newBench(t)
	var frame []byte
	b.port.OnReceive(func(p *packet.Packet) { frame = slices.Clone(p.Bytes()); p.Release() })
	b.nic.Broadcast(b.pool.From([]byte("hello")), header.EtherTypeIPv4)
	b.run(0)
	if got, want := hex.EncodeToString(frame), "ffffffffffff"+"020000000001"+"0800"+"68656c6c6f"; got != want {
		t.Errorf("the frame is %s, should be %s", got, want)
	}
	b.noLeak()
}

func TestMulticastAddress(t *testing.T) {
	b := newBench(t)
	// RFC 1112, section 6.4: only the low 23 bits are mapped.
	b.nic.Multicast(b.pool.From([]byte("x")), netip.MustParseAddr("239.129.2.3"), header.EtherTypeIPv4)
	b.expect(0, "the 24th bit is not mapped", `0s: to 01:00:5e:01:02:03 "x"`)
}

func TestInput(t *testing.T) {
	b := newBench(t)
	group := header.MAC{0x01, 0x00, 0x5e, 0, 0, 1}
	b.inject(nicMAC, peerMAC, header.EtherTypeIPv4, []byte("to me"))
	b.inject(header.BroadcastMAC, peerMAC, header.EtherTypeIPv4, []byte("to all"))
	b.inject(group, peerMAC, header.EtherTypeIPv4, []byte("to some"))
	b.inject(peerMAC, peerMAC, header.EtherTypeIPv4, []byte("to another"))
	b.inject(nicMAC, group, header.EtherTypeIPv4, []byte("from a group"))
	b.inject(nicMAC, peerMAC, 0x1234, []byte("unknown"))
	b.inject(nicMAC, peerMAC, header.EtherTypeARP, []byte("not ARP"))
	b.port.Transmit(b.pool.From([]byte("runt")))
	b.run(0)
	if want := []string{"false to me", "true to all", "true to some"}; !slices.Equal(b.received, want) {
		t.Errorf("received %q, should be %q", b.received, want)
	}
	s := b.nic.Stats()
	if s.InFrames != 8 || s.InNotForUs != 1 || s.InBadSource != 1 || s.InUnknownType != 1 || s.InRunts != 1 || s.ARP.InMalformed != 1 {
		t.Errorf("counted %+v; should be 8 frames and one of each reason to drop", s)
	}
	b.noLeak()
}

func TestMTU(t *testing.T) {
	b := newBench(t)
	if b.nic.MTU() != 1500 {
		t.Errorf("the MTU is %d, should be the port's 1500", b.nic.MTU())
	}
	for _, mtu := range []int{67, 1501} {
		if err := b.nic.SetMTU(mtu); !errors.Is(err, ErrMTU) || b.nic.MTU() != 1500 {
			t.Errorf("SetMTU(%d): %v, MTU %d; should be refused", mtu, err, b.nic.MTU())
		}
	}
	if err := b.nic.SetMTU(1000); err != nil || b.nic.MTU() != 1000 {
		t.Errorf("SetMTU(1000): %v, MTU %d", err, b.nic.MTU())
	}
	b.nic.Broadcast(b.pool.From(make([]byte, 1000)), header.EtherTypeIPv4)
	b.nic.Broadcast(b.pool.From(make([]byte, 1001)), header.EtherTypeIPv4)
	b.output(peerIP, strings.Repeat("x", 1001))
	if sent := b.run(0); len(sent) != 1 || b.nic.Stats().OutTooLong != 2 {
		t.Errorf("%d frames sent, %d too long; should be 1 and 2", len(sent), b.nic.Stats().OutTooLong)
	}
	b.noLeak()
}

func TestClose(t *testing.T) {
	b := newBench(t)
	b.output(peerIP, "waits")
	nb := b.nic.Neighbour(peerIP)
	b.run(0)
	b.nic.Close()
	b.nic.Close()
	b.nic.Output(b.pool.From([]byte("late")), nb, header.EtherTypeIPv4)
	b.nic.Output(b.pool.From([]byte("late")), b.nic.Neighbour(thirdIP), header.EtherTypeIPv4)
	b.nic.Broadcast(b.pool.From([]byte("late")), header.EtherTypeIPv4)
	b.answer(peerIP, peerMAC)
	b.expect(time.Hour, "a closed NIC is silent")
	if len(b.returned) != 0 || b.nic.Stats().OutClosed != 3 {
		t.Errorf("%q came back, OutClosed is %d; should be nothing, and 3", b.returned, b.nic.Stats().OutClosed)
	}
	b.noLeak()
}

// Sending to a known neighbour allocates nothing and copies no payload.
func TestOutputAllocatesNothing(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	nb := b.nic.Neighbour(peerIP)
	b.port.OnReceive(func(p *packet.Packet) { p.Release() })
	payload := make([]byte, 1000)
	allocs := testing.AllocsPerRun(100, func() {
		p := b.pool.Get(0)
		p.Borrow(payload)
		b.nic.Output(p, nb, header.EtherTypeIPv4)
		b.loop.Unlock()
	})
	if allocs != 0 {
		t.Errorf("%v allocations a packet, should be none", allocs)
	}
}

// answerRequest makes the peer known.
func (b *bench) answerRequest() {
	b.output(peerIP, "first")
	b.run(0)
	b.answer(peerIP, peerMAC)
	b.run(0)
}

func BenchmarkOutput(b *testing.B) {
	x := newBench(b)
	x.answerRequest()
	nb := x.nic.Neighbour(peerIP)
	var arrived packet.Queue
	x.port.OnReceive(arrived.Push)
	const burst = 32
	for range burst {
		p := x.pool.From(make([]byte, 1514))
		arrived.Push(p)
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i += burst {
		for p := arrived.Pop(); p != nil; p = arrived.Pop() {
			p.Pull(header.EthernetLen)
			x.nic.Output(p, nb, header.EtherTypeIPv4)
		}
		x.loop.Unlock()
	}
}
