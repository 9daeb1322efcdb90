package host_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// floors are two switches with a cable between them, and hosts at both. No querier and no
// router is there, so it is the switches' own caution that keeps silent hosts in reach.
type floors struct {
	t        *testing.T
	loop     *event.Loop
	pool     packet.Pool
	switches [2]*link.Switch
	between  *physical.Wire
}

func newFloors(t *testing.T) *floors {
	f := &floors{t: t, loop: event.NewVirtual(5)}
	for n, name := range []string{"upstairs", "downstairs"} {
		f.switches[n] = link.NewSwitch(f.loop, &f.pool, name)
	}
	f.between = f.wire()
	f.switches[0].AddPort(f.between.A())
	f.switches[1].AddPort(f.between.B())
	return f
}

// Unjudged: no TCP crosses it.
func (f *floors) wire() *physical.Wire {
	i := physical.Impairment{Delay: time.Microsecond}
	return physical.NewWire(f.loop, &f.pool, 1500, i, i)
}

// host plugs in a host on one of the floors, which looks for duplicates of its address
// before it uses it.
func (f *floors) host(floor int, name, address string) (*host.Host, *network.Interface) {
	f.t.Helper()
	h, wire := host.New(f.loop, &f.pool, name), f.wire()
	f.switches[floor].AddPort(wire.B())
	i, err := h.Attach("eth0", wire.A(), netip.Prefix{})
	must(f.t, err)
	must(f.t, i.AddTentative(netip.MustParsePrefix(address)))
	return h, i
}

func (f *floors) pass(d time.Duration) { must(f.t, f.loop.Run(f.loop.Now().Add(d))) }

func (f *floors) state(i *network.Interface, want network.AddressState, why string) {
	f.t.Helper()
	if got := i.Addresses()[1].State; got != want {
		f.t.Errorf("%v is %v, should be %v: %s", i.Addresses()[1].Addr, got, want, why)
	}
}

func (f *floors) pings(from *host.Host, to string) {
	f.t.Helper()
	received := 0
	f.loop.Go("ping", func() {
		stats, err := from.Ping(netip.MustParseAddr(to), host.PingOptions{Count: 1}, nil)
		if err == nil {
			received = stats.Received
		}
	})
	f.pass(5 * time.Second)
	if received != 1 {
		f.t.Errorf("%s does not reach %s: its neighbour solicitation should have got there", from.Name(), to)
	}
}

// TestSnoopingFindsDuplicates: whoever has an address is found, however late the other comes,
// on the same floor and on another one.
func TestSnoopingFindsDuplicates(t *testing.T) {
	f := newFloors(t)
	a, i := f.host(0, "a", "2001:db8::a/64")
	_, j := f.host(1, "x", "2001:db8::b/64")
	f.pass(3 * time.Second)
	f.state(i, network.Preferred, "nobody else has it")
	f.state(j, network.Preferred, "nobody else has it")
	f.pings(a, "2001:db8::b")
	for floor := range 2 {
		for n, address := range []string{"2001:db8::a/64", "2001:db8::b/64"} {
			_, i := f.host(floor, "late"+string(rune('0'+2*floor+n)), address)
			f.pass(3 * time.Second)
			f.state(i, network.Duplicated, "it was somebody's already")
		}
	}
	f.state(i, network.Preferred, "it was the first to have it")
	f.state(j, network.Preferred, "it was the first to have it")
	_, k := f.host(0, "m", "2001:db8::c/64")
	_, m := f.host(1, "n", "2001:db8::c/64")
	f.pass(3 * time.Second)
	if k.Addresses()[1].State == network.Preferred && m.Addresses()[1].State == network.Preferred {
		t.Error("two hosts that came at the same time both have an address: at least one should have heard of the other")
	}
}

// TestSnoopingBehindAnotherSwitch: of a silent host behind a switch whose cable is plugged in
// late nothing is known, also when another one there tells its groups.
func TestSnoopingBehindAnotherSwitch(t *testing.T) {
	f := newFloors(t)
	f.between.SetUp(false)
	a, _ := f.host(0, "a", "2001:db8::a/64")
	_, b := f.host(1, "b", "2001:db8::b/64")
	_, x := f.host(1, "x", "2001:db8::c/64")
	f.pass(5 * time.Second)
	f.between.SetUp(true)
	f.pass(5 * time.Second)
	must(t, b.JoinGroup(netip.MustParseAddr("ff05::99")))
	f.pass(5 * time.Second)
	_, late := f.host(0, "late", "2001:db8::c/64")
	f.pass(3 * time.Second)
	f.state(late, network.Duplicated, "it is x's, which has been silent since the cable was plugged in")
	f.state(x, network.Preferred, "it had it first")
	f.pings(a, "2001:db8::c")
}

// TestSnoopingSparesHosts: what a host sends to find out whether its address is unique
// reaches few others, once these have told their groups.
func TestSnoopingSparesHosts(t *testing.T) {
	const hosts = 50
	f := newFloors(t)
	f.between.SetUp(false)
	for n := range hosts {
		address := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(n + 1)})
		f.host(0, "h"+address.String(), netip.PrefixFrom(address, 64).String())
	}
	f.pass(5 * time.Second)
	before := f.switches[0].Stats()
	f.host(0, "late", "2001:db8::1000/64")
	f.pass(3 * time.Second)
	after := f.switches[0].Stats()
	// RFC 4862, section 5.4.2, and RFC 3810, section 6.1: a question for each of the two
	// addresses, and two reports.
	if n := after.Filtered - before.Filtered; n != 4 {
		t.Errorf("of the late host's frames %d went nowhere, should be all 4", n)
	}
	if n := after.Flooded - before.Flooded; n != 0 {
		t.Errorf("%d frames went to all of the %d hosts, should be none", n, hosts)
	}
}
