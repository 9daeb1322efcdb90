package tcp

import (
	"fmt"
	"testing"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/inspect/check/checktest"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// narrow is two stations with a router between them. The link behind the router
// carries less, and its ICMP messages get lost.
type narrow struct {
	pair
	far *physical.Wire
}

// noICMP is a port into which no ICMP goes.
type noICMP struct{ physical.Port }

func (p noICMP) Transmit(f *packet.Packet) {
	eth, payload, err := header.ParseEthernet(f.Bytes())
	if err == nil && isICMP(eth.Type, payload) {
		f.Release()
		return
	}
	p.Port.Transmit(f)
}

// isICMP reports whether a datagram is an ICMP message, or an error of ICMPv6.
func isICMP(typ header.EtherType, b []byte) bool {
	if typ == header.EtherTypeIPv6 {
		ip, message, err := header.ParseIPv6(b)
		return err == nil && ip.NextHeader == header.ProtocolICMPv6 && message[0] < 128
	}
	ip, _, err := header.ParseIPv4(b)
	return typ == header.EtherTypeIPv4 && err == nil && ip.Protocol == header.ProtocolICMP
}

// aNarrow is an MTU that a link of the family may have, in terms of IPv4's.
func (f family) aNarrow(mtu int) int {
	if f == six {
		return max(mtu, header.IPv6MinMTU-f.mtu(0))
	}
	return mtu
}

func newNarrow(t *testing.T, mtu int, lossy bool) *narrow {
	n := &narrow{pair: pair{t: t, loop: ev.NewVirtual(1), pool: &packet.Pool{}}}
	delay := physical.Impairment{Delay: 5 * time.Millisecond}
	n.wire = physical.NewWire(n.loop, n.pool, theFamily().mtu(1500), delay, delay)
	n.far = physical.NewWire(n.loop, n.pool, theFamily().mtu(1500), delay, delay)
	checktest.Wires(t, n.loop, LinuxPersonality.limits(), n.wire, n.far)
	n.a = n.station("10.0.0.1/24", 1, n.wire.A())
	n.b = n.station("10.0.1.1/24", 2, n.far.B())
	var near physical.Port = n.wire.B()
	if lossy {
		near = noICMP{near}
	}
	n.loop.Lock()
	defer n.loop.Unlock()
	router := network.New(n.loop, n.pool)
	router.SetForwarding(true)
	for i, c := range []struct {
		port   physical.Port
		prefix string
	}{{near, "10.0.0.9/24"}, {n.far.A(), "10.0.1.9/24"}} {
		nic := link.NewNIC(n.loop, n.pool, fmt.Sprint("eth", i), header.MAC{2, 0, 0, 0, 1, byte(i)}, c.port)
		if i == 1 {
			if err := nic.SetMTU(theFamily().mtu(mtu)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := router.AddInterface(nic, prefixOf(c.prefix)); err != nil {
			t.Fatal(err)
		}
	}
	for s, gateway := range map[*station]string{n.a: "10.0.0.9", n.b: "10.0.1.9"} {
		r := network.Route{Prefix: prefixOf("0.0.0.0/0"), Gateway: addrOf(gateway)}
		if err := s.net.AddRoute(r); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestBlackHole: RFC 4821: without one ICMP message a transfer gets through a link
// that carries less than both ends believe, and comes near its MTU.
func TestBlackHole(t *testing.T) {
	//rfc:4821 7.7 rule a full stop timeout makes packets smaller
	//rfc:8899 4.3 rule black holes are found
	for _, mtu := range []int{1400, 1006, 600, 400} {
		mtu = theFamily().aNarrow(mtu)
		n := newNarrow(t, mtu, true)
		p := LinuxPersonality
		p.ProbePathMTU = true
		n.a.tcp.about, n.b.tcp.about = &p, &p
		client, server := n.connect(n.listen(80))
		if err := n.exchange(client, server, 300<<10, 1); err != nil {
			t.Fatalf("MTU %d: %v\n%+v", mtu, err, n.a.tcp.stats)
		}
		s := &n.a.tcp.stats
		if s.BlackHoles == 0 {
			t.Errorf("MTU %d: no black hole was found", mtu)
		}
		known := n.a.tcp.paths.find(n.b.ip)
		if mtu = theFamily().mtu(mtu); known == nil || known.mtu > mtu {
			t.Fatalf("MTU %d: the path's is taken for %+v", mtu, known)
		}
		if mtu > 600 && mtu-known.mtu > searchEnd+mtu/10 {
			t.Errorf("MTU %d: the search ended at %d, too far away", mtu, known.mtu)
		}
		if took := time.Duration(n.loop.Now()); took > 2*time.Minute {
			t.Errorf("MTU %d: 300 KiB each way took %v", mtu, took)
		}
	}
}

// TestPathGrowsAgain: RFC 1191, section 6.3: after ten minutes the larger packets of
// a path that has become wider are used.
func TestPathGrowsAgain(t *testing.T) {
	//rfc:1191 6.3 rule old estimates are purged
	mtu := theFamily().aNarrow(600)
	n := newNarrow(t, mtu, false)
	client, server := n.connect(n.listen(80))
	send := func(wantMSS int) {
		t.Helper()
		b := make([]byte, 64<<10)
		n.loop.Go("send", func() { client.Write(b) })
		n.loop.Go("receive", func() {
			for got := 0; got < len(b); {
				m, err := server.Read(make([]byte, len(b)))
				if got += m; err != nil {
					t.Errorf("received %d bytes: %v", got, err)
					return
				}
			}
		})
		if err := n.loop.Run(ev.Time(n.loop.Now()).Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if client.c.mss != wantMSS {
			t.Errorf("at %v segments have %d bytes, must have %d", n.loop.Now(), client.c.mss, wantMSS)
		}
	}
	send(mtu - 52)
	if n.a.tcp.stats.BlackHoles != 0 {
		t.Error("the router says its MTU: there is no black hole")
	}
	n.loop.Run(n.loop.Now().Add(raiseTime))
	// The link is as narrow as before: one message of the router, and all is well.
	send(mtu - 52)
}
