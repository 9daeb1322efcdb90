package tcp

import (
	"net/netip"
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// connectPorts opens and aborts n connections to each peer in turn and returns
// their local ports.
func connectPorts(t *testing.T, p *pair, n int, peers ...netip.AddrPort) map[netip.AddrPort][]uint16 {
	ports := map[netip.AddrPort][]uint16{}
	for range n {
		for _, peer := range peers {
			c, err := p.a.tcp.Connect(nil, peer, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ports[peer] = append(ports[peer], c.Local().Port())
			c.Close()
		}
	}
	return ports
}

// TestPortsAreNotPredictable: RFC 6056, section 3.1: who knows one port cannot tell
// the next, of the same peer or of another.
func TestPortsAreNotPredictable(t *testing.T) {
	//rfc:6056 3.1 rule the next port cannot be told
	//rfc:6056 3.3.4 rule the double-hash algorithm
	//rfc:6056 3.2 SHOULD ports from 1024 upwards are used declined: they are those of Linux, 32768 to 60999
	first, second := netip.AddrPortFrom(addrOf("10.0.0.2"), 80), netip.AddrPortFrom(addrOf("10.0.0.3"), 80)
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	ports := connectPorts(t, p, 400, first, second)
	steps := map[uint16]int{}
	between := map[uint16]int{}
	for i := range 399 {
		steps[ports[first][i+1]-ports[first][i]]++
		between[ports[second][i]-ports[first][i]]++
	}
	for step, n := range steps {
		if n > 120 {
			t.Errorf("%d of 399 steps of one peer's ports are %d: the next can be told", n, step)
		}
	}
	for distance, n := range between {
		if n > 60 {
			t.Errorf("%d of 399 times the other peer's port is %d further: it can be told", n, distance)
		}
	}
	// Another host begins elsewhere.
	other := connectPorts(t, newPair(t, 2, physical.Impairment{}, physical.Impairment{}), 1, first)
	if other[first][0] == ports[first][0] {
		t.Error("two hosts with different secrets begin with the same port")
	}
}

// TestPortsAreNotReusedSoon: RFC 6056, section 3.3.3: one peer sees no port again
// before the range has been gone round.
func TestPortsAreNotReusedSoon(t *testing.T) {
	//rfc:6056 3.1 rule a port is not used again soon
	peer := netip.AddrPortFrom(addrOf("10.0.0.2"), 80)
	p := newPair(t, 3, physical.Impairment{}, physical.Impairment{})
	n := ephemeralPorts / portStep
	seen := map[uint16]bool{}
	for i, port := range connectPorts(t, p, n, peer)[peer] {
		if seen[port] {
			t.Fatalf("port %d came again after %d connections, must not within %d", port, i, n)
		}
		if seen[port] = true; port < firstEphemeral || port > lastEphemeral {
			t.Fatalf("port %d is not an ephemeral one", port)
		}
	}
}

// TestAllPortsAreFound: the last free port is found, and then there is none.
func TestAllPortsAreFound(t *testing.T) {
	//rfc:6056 3.3.4 rule every free port is found
	p := newPair(t, 1, physical.Impairment{}, physical.Impairment{})
	peer := netip.AddrPortFrom(addrOf("10.0.0.2"), 80)
	for i := range ephemeralPorts {
		if _, err := p.a.tcp.Connect(nil, peer, nil, Options{}); err != nil {
			t.Fatalf("connection %d of %d: %v", i, ephemeralPorts, err)
		}
	}
	if _, err := p.a.tcp.Connect(nil, peer, nil, Options{}); err == nil {
		t.Error("a connection more than there are ports must fail")
	}
	if _, err := p.a.tcp.Connect(nil, netip.AddrPortFrom(addrOf("10.0.0.2"), 81), nil, Options{}); err != nil {
		t.Errorf("to another port of the peer there are all ports again: %v", err)
	}
}

// TestTimeWaitCap: connections beyond the cap do not wait, and the host lives on.
func TestTimeWaitCap(t *testing.T) {
	const most, count = 50, 200
	personality := LinuxPersonality
	personality.MaxTimeWait = most
	b := newBench(t, &personality, 1500)
	for i := range count {
		s := &script{
			bench: b, hostPort: uint16(5000 + i), peerPort: scriptService,
			hostISS: 1000, peerISS: 500000, flows: map[uint16]*flow{}, now: b.loop.Now(), begin: b.loop.Now(),
		}
		b.env.iss = &s.hostISS
		s.opened("<mss 1460>")
		s.step("+0 close")
		s.step("+0 > FIN,ACK seq 1 ack 1")
		s.step("+0 < FIN,ACK seq 1 ack 2")
		s.step("+0 > ACK seq 2 ack 2")
	}
	if n := b.tcp.Count(); n != most || b.tcp.timeWaits != most {
		t.Errorf("%d connections wait, %d counted, must be the cap of %d", n, b.tcp.timeWaits, most)
	}
	if n := b.tcp.stats.TimeWaitOverflow; n != count-most {
		t.Errorf("%d did not wait, must be %d", n, count-most)
	}
	b.advance(b.loop.Now().Add(personality.TimeWait))
	if n := b.tcp.Count(); n != 0 {
		t.Errorf("%d connections after TIME-WAIT", n)
	}
}

// TestCachesAreCapped: what is remembered about other hosts has a limit, and the
// oldest gives way.
func TestCachesAreCapped(t *testing.T) {
	b, _ := floodBench(t, nil, Options{})
	for i := range uint32(3 * maxPeers) {
		path, err := b.tcp.net.Path(spoofed(i), b.host)
		if err != nil {
			t.Fatal(err)
		}
		c := &Conn{path: path, opts: &Options{}}
		b.tcp.rememberPath(c, 1000)
		b.tcp.fastOpenLost(c, ev.Time(time.Second))
	}
	for name, n := range map[string]int{"paths": len(b.tcp.paths.known), "cookies": len(b.tcp.fastOpens.known)} {
		if n != maxPeers {
			t.Errorf("%d %s remembered, must be %d", n, name, maxPeers)
		}
	}
	if b.tcp.paths.find(spoofed(0)) != nil || b.tcp.paths.find(spoofed(3*maxPeers-1)) == nil {
		t.Error("the oldest must give way to the newest")
	}
}
