package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// newStick is a router with one cable to a switch, by which it is in the networks of two
// VLANs; a is in the one and c in the other. Unjudged: see trainScene.cable.
func newStick(t *testing.T, singleFrames bool) *trainScene {
	s := &trainScene{t: t, loop: event.NewVirtual(7), hosts: map[string]*host.Host{}}
	s.pool.SingleFrames = singleFrames
	for _, name := range []string{"a", "c", "router"} {
		s.hosts[name] = host.New(s.loop, &s.pool, name)
	}
	sw := link.NewSwitch(s.loop, &s.pool, "switch")
	s.cable(sw, "a", "10.0.0.1/24", physical.Impairment{})
	s.cable(sw, "c", "10.0.1.1/24", physical.Impairment{})
	// Unjudged: its frames are compared one by one with those of another run.
	trunk := physical.NewWire(s.loop, &s.pool, 1500, physical.Impairment{}, physical.Impairment{})
	trunk.Watch(frameLog{"trunk", &s.log})
	s.ports = append(s.ports, trunk)
	must(t, sw.SetAccess(0, 10))
	must(t, sw.SetAccess(1, 20))
	must(t, sw.SetTrunk(sw.AddPort(trunk.A()), 0, link.AllVLANs()))
	split := link.NewSplitter(trunk.B())
	for i, prefix := range []string{"10.0.0.254/24", "10.0.1.254/24"} {
		vlan := uint16(10 * (i + 1))
		port, err := split.Port(vlan)
		must(t, err)
		_, err = s.hosts["router"].AttachMAC(fmt.Sprintf("eth0.%d", vlan), host.MAC("router", "eth0"),
			trainSpotter{port.(physical.Trainway), &s.trains}, netip.MustParsePrefix(prefix))
		must(t, err)
	}
	s.hosts["router"].Network.SetForwarding(true)
	for name, gateway := range map[string]string{"a": "10.0.0.254", "c": "10.0.1.254"} {
		must(t, s.hosts[name].Network.AddRoute(network.Route{
			Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr(gateway),
		}))
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Two VLANs meet at a router on a stick, and nowhere else. Tags are put on and taken off
// trains as they are with single frames: the same frames cross the same wires.
func TestRouterOnAStick(t *testing.T) {
	var logs [2][]string
	for i, single := range []bool{false, true} {
		s := newStick(t, single)
		s.serve("c")
		s.exchange("a", "10.0.1.1", 500_000)
		s.exchange("a", "10.0.1.1", 100_001)
		must(t, s.loop.Run(event.Never))
		router := s.hosts["router"].Network.Stats()
		if router.Forwarded < 2*600_001/1460 {
			t.Errorf("the router has forwarded %d packets, should have forwarded all of 1,200,002 bytes", router.Forwarded)
		}
		// Another host's address in the network of the other VLAN is not reached without
		// the router.
		must(t, s.hosts["a"].Network.AddRoute(network.Route{
			Prefix: netip.MustParsePrefix("10.0.1.0/24"), Interface: s.hosts["a"].Network.Interfaces()[1],
		}))
		stats, err := s.hosts["a"].Ping(netip.MustParseAddr("10.0.1.1"), host.PingOptions{Count: 1}, func(host.PingReply) {})
		if err != nil || stats.Received != 0 {
			t.Errorf("a ping from VLAN 10 to VLAN 20 had %d replies, %v; should have none", stats.Received, err)
		}
		for _, h := range s.hosts {
			h.Close()
		}
		must(t, s.loop.Run(event.Never))
		s.loop.Close()
		if n := s.pool.Live(); n != 0 {
			t.Errorf("%d packets are left", n)
		}
		if trains := new(packet.Pool).Trains(); trains && single != (s.trains == 0) {
			t.Errorf("with single frames %v the hosts sent %d trains", single, s.trains)
		}
		logs[i] = s.log
	}
	if len(logs[0]) < 1000 {
		t.Fatalf("only %d frames were seen: nothing has been compared", len(logs[0]))
	}
	if !slices.Equal(logs[0], logs[1]) {
		t.Errorf("with trains there are %d frames, without %d, and they are not the same", len(logs[0]), len(logs[1]))
	}
}

// When its cable is pulled, a host sends by another way if it has one, and goes back to
// the first when the cable is plugged in again.
func TestPulledCableChangesTheWay(t *testing.T) {
	m := newLab(t)
	// Unjudged: nothing but pings crosses it.
	spare := physical.NewWire(m.loop, &m.pool, 1500, physical.Impairment{}, physical.Impairment{})
	checktest.Wires(t, m.loop, check.Limits{}, spare)
	_, err := m.pc.Attach("eth2", spare.A(), netip.MustParsePrefix("10.0.2.1/24"))
	must(t, err)
	_, err = m.router.Attach("eth2", spare.B(), netip.MustParsePrefix("10.0.2.254/24"))
	must(t, err)
	www := netip.MustParseAddr("10.0.1.1")
	expect := func(why, want string, wantErr error) {
		t.Helper()
		must(t, m.loop.Run(m.loop.Now()))
		got, err := m.pc.Network.RouteTo(www)
		if got != want || !errors.Is(err, wantErr) {
			t.Errorf("the way to www is %q, %v; should be %q, %v: %s", got, err, want, wantErr, why)
		}
	}
	ping := func(received int) {
		t.Helper()
		if _, stats := m.ping(t, www.String(), host.PingOptions{Count: 1}); stats.Received != received {
			t.Errorf("a ping to www had %d replies, should have %d", stats.Received, received)
		}
	}
	const first, second = "10.0.1.1 via 10.0.0.254 dev eth0 src 10.0.0.1", "10.0.1.1 via 10.0.2.254 dev eth2 src 10.0.2.1"
	ping(1)
	expect("there is one way", first, nil)
	m.near.SetUp(false)
	expect("and now none", "", syscall.ENETUNREACH)
	must(t, m.pc.Network.AddRoute(network.Route{
		Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.0.2.254"), Metric: 100,
	}))
	expect("the other has a higher metric, but a cable", second, nil)
	ping(1)
	m.near.SetUp(true)
	expect("the first way is back", first, nil)
	ping(1)
	m.loop.Run(m.loop.Now().Add(time.Minute))
}
