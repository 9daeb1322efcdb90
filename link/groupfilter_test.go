package link

import (
	"fmt"
	"net/netip"
	"testing"

	"septet/header"
	"septet/packet"
)

// TestGroupFilter: a card takes frames to the groups that it was told of, to all IPv4
// hosts and to all stations; the others it counts. A sniffer sees them all.
func TestGroupFilter(t *testing.T) {
	b := newBench(t)
	seen := 0
	b.nic.OnFrame(func(*packet.Packet, bool) { seen++ })
	mac := func(group string) header.MAC { return GroupMAC(netip.MustParseAddr(group)) }
	// RFC 1112, section 6.4: these two groups have the same Ethernet address.
	one, same := mac("224.1.2.3"), mac("239.129.2.3")
	steps := []struct {
		why   string
		do    func()
		dst   header.MAC
		taken bool
	}{
		{"nobody has joined it", func() {}, one, false},
		{"224.0.0.1 needs no joining (RFC 1112, section 4)", func() {}, mac("224.0.0.1"), true},
		{"ff02::1 does (RFC 4291, section 2.8)", func() {}, mac("ff02::1"), false},
		{"every station is one of all", func() {}, header.BroadcastMAC, true},
		{"it is accepted", func() { b.nic.AcceptGroup(one) }, one, true},
		{"another group is not", func() {}, mac("224.1.2.4"), false},
		{"a group with the same address is ignored again", func() { b.nic.AcceptGroup(same); b.nic.IgnoreGroup(same) }, one, true},
		{"now both are ignored", func() { b.nic.IgnoreGroup(one) }, one, false},
		{"all groups are accepted", func() { b.nic.AcceptAllGroups(true) }, one, true},
		{"and no more", func() { b.nic.AcceptAllGroups(false) }, one, false},
		{"what was not accepted cannot be ignored", func() { b.nic.IgnoreGroup(one); b.nic.AcceptGroup(one) }, one, true},
	}
	dropped := uint64(0)
	for _, step := range steps {
		step.do()
		b.received = nil
		p := b.pool.From([]byte("hello"))
		h := header.Ethernet{Dst: step.dst, Src: peerMAC, Type: header.EtherTypeIPv4}
		h.Put(p.Push(header.EthernetLen))
		b.port.Transmit(p)
		b.run(0)
		if taken := fmt.Sprint(b.received) == "[true hello]"; taken != step.taken {
			t.Errorf("%s: a frame to %v was taken: %v, should be: %v", step.why, step.dst, taken, step.taken)
		}
		if !step.taken {
			dropped++
		}
	}
	if n := b.nic.Stats().InOtherGroup; n != dropped {
		t.Errorf("%d frames to other groups were counted, there were %d", n, dropped)
	}
	if seen != len(steps) {
		t.Errorf("a sniffer has seen %d frames, should see all %d: it comes before the filter", seen, len(steps))
	}
}
