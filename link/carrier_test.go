package link

import (
	"slices"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/physical"
)

// A NIC whose cable is pulled forgets its neighbours, drops what is sent, and tells who
// is above.
func TestNICWithoutCarrier(t *testing.T) {
	b := newBench(t)
	wire := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	nic, peer := NewNIC(b.loop, b.pool, "eth1", nicMAC, wire.A()), NewNIC(b.loop, b.pool, "eth1", peerMAC, wire.B())
	nic.AddAddress(nicIP)
	peer.AddAddress(peerIP)
	var told []bool
	nic.OnCarrier(func(up bool) {
		told = append(told, up)
		if up != nic.Up() || len(nic.Neighbours()) != 0 && !up {
			t.Errorf("told %v with Up %v and the neighbours %v, should be told when all has been done", up, nic.Up(), nic.Neighbours())
		}
	})
	send := func() {
		nic.Output(b.pool.From([]byte("hello")), nic.Neighbour(peerIP), header.EtherTypeIPv4)
		b.loop.Run(b.loop.Now().Add(10 * time.Millisecond))
	}
	send()
	if got := nic.Neighbours(); len(got) != 1 || got[0].State != Reachable {
		t.Fatalf("the neighbours are %v, should be the peer alone, reachable", got)
	}
	kept := nic.Neighbour(peerIP)

	wire.SetUp(false)
	b.loop.Run(b.loop.Now())
	before := wire.Stats(physical.AToB)
	send()
	nic.Output(b.pool.From([]byte("by a neighbour that was kept")), kept, header.EtherTypeIPv4)
	nic.Broadcast(b.pool.From([]byte("to all")), header.EtherTypeIPv4)
	if after := wire.Stats(physical.AToB); after != before || nic.Stats().OutDown == 0 {
		t.Errorf("without a carrier the NIC gave %d frames to the wire and counted %d as dropped; should drop all",
			after.Sent-before.Sent, nic.Stats().OutDown)
	}

	wire.SetUp(true)
	b.loop.Run(b.loop.Now().Add(10 * time.Second))
	send()
	if got := nic.Neighbours(); len(got) != 1 || got[0].State != Reachable {
		t.Errorf("with the cable back the neighbours are %v, should be the peer alone, reachable", got)
	}
	if !slices.Equal(told, []bool{false, true}) {
		t.Errorf("who is above was told %v, should be false and true", told)
	}
	b.loop.Run(event.Never)
	b.noLeak()
}

// A NIC put on a cable that is out begins without a carrier.
func TestNICBeginsWithoutCarrier(t *testing.T) {
	b := newBench(t)
	wire := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	wire.SetUp(false)
	b.loop.Run(b.loop.Now())
	nic := NewNIC(b.loop, b.pool, "eth1", nicMAC, wire.A())
	if nic.Up() {
		t.Error("the NIC says that it is up, but its cable is out")
	}
	wire.SetUp(true)
	b.loop.Run(b.loop.Now())
	if !nic.Up() {
		t.Error("the NIC says that it is down, but its cable was plugged in")
	}
}

// A switch forgets who is behind a port whose cable was pulled, and sends nothing there.
func TestSwitchWithoutCarrier(t *testing.T) {
	o := newOffice(t, 1500, 1500, 1500)
	a, b := stationMAC(1), stationMAC(2)
	o.expect("nobody knows b", 0, a, b, 1, 2)
	o.expect("a is behind port 0", 1, b, a, 0)
	o.wires[1].SetUp(false)
	o.loop.Run(o.loop.Now())
	if got := o.sw.Stations(); len(got) != 1 || got[0].MAC != a {
		t.Errorf("the table shows %v, should show a alone", got)
	}
	o.expect("b is not known any more, and port 1 has no cable", 0, a, b, 2)
	o.expect("b has moved to port 2", 2, b, a, 0)
	o.expect("frames follow it", 0, a, b, 2)
	o.wires[1].SetUp(true)
	o.loop.Run(o.loop.Now())
	o.expect("port 1 is back", 0, a, header.BroadcastMAC, 1, 2)
	o.wires[1].SetUp(false)
	o.wires[2].SetUp(false)
	o.loop.Run(o.loop.Now())
	before := o.sw.Stats().Filtered
	o.expect("no other port has a cable", 0, a, header.BroadcastMAC)
	if got := o.sw.Stats().Filtered - before; got != 1 {
		t.Errorf("Filtered rose by %d, should rise by 1", got)
	}
}
