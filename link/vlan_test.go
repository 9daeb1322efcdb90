package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// untagged says that a frame has no tag; otherwise it is the tag control information.
const untagged = -1

// tagged returns a frame with a tag, or without one. Its type is IPv4.
func tagged(src, dst header.MAC, tci int, payload string) []byte {
	b := append(slices.Clone(dst[:]), src[:]...)
	if tci != untagged {
		b = append(b, 0x81, 0x00, byte(tci>>8), byte(tci))
	}
	return append(append(b, 0x08, 0x00), payload...)
}

// tags returns the tag control information of a frame, untagged if it has none, and the
// rest of the frame.
func tags(frame []byte) (tci int, rest string) {
	if binary.BigEndian.Uint16(frame[12:]) != 0x8100 {
		return untagged, string(frame[12:])
	}
	return int(binary.BigEndian.Uint16(frame[14:])), string(frame[16:])
}

// floor is a switch with VLANs and a station played by the test at each port.
type floor struct {
	*office
}

// newFloor has access ports of the VLANs 10, 10 and 20, a trunk of 10, 20 and 30, a trunk
// of all with the native VLAN 10, and a port that nobody has set.
func newFloor(t testing.TB) *floor {
	f := &floor{newOffice(t, 1500, 1500, 1500, 1500, 1500, 1500)}
	for i, port := range f.ports {
		port.OnReceive(func(p *packet.Packet) {
			if src := header.MAC(p.Bytes()[6:12]); src[0] != 2 {
				t.Errorf("the addresses were lost: source %v", src)
			}
			tci, rest := tags(p.Bytes())
			f.got = append(f.got, fmt.Sprintf("%d:%d", i, tci))
			if rest != "\x08\x00hello" {
				t.Errorf("what follows the tag arrived as %q, should be type IPv4 and hello", rest)
			}
			p.Release()
		})
	}
	var some VLANSet
	for _, vlan := range []uint16{10, 20, 30} {
		must(t, some.Add(vlan))
	}
	must(t, f.sw.SetAccess(0, 10))
	must(t, f.sw.SetAccess(1, 10))
	must(t, f.sw.SetAccess(2, 20))
	must(t, f.sw.SetTrunk(3, 0, some))
	must(t, f.sw.SetTrunk(4, 10, AllVLANs()))
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expectTagged sends a frame and compares who gets it with which tag.
func (f *floor) expectTagged(why string, port int, src, dst header.MAC, tci int, want ...string) {
	f.t.Helper()
	f.got = nil
	f.ports[port].Transmit(f.pool.From(tagged(src, dst, tci, "hello")))
	f.loop.Run(f.loop.Now())
	if !slices.Equal(f.got, want) {
		f.t.Errorf("a frame from port %d with tag %#x to %v arrived at %q (port:tag), should be at %q: %s", port, tci, dst, f.got, want, why)
	}
	if f.pool.Live() != 0 {
		f.t.Errorf("%d packets leaked", f.pool.Live())
	}
}

func TestSwitchVLANs(t *testing.T) {
	f := newFloor(t)
	a, b, c, all := stationMAC(1), stationMAC(2), stationMAC(3), header.BroadcastMAC
	f.expectTagged("untagged at an access port is of its VLAN", 0, a, all, untagged, "1:-1", "3:10", "4:-1")
	f.expectTagged("another VLAN, another network", 2, b, all, untagged, "3:20", "4:20")
	f.expectTagged("a trunk's tag says the VLAN", 3, c, all, 20, "2:-1", "4:20")
	f.expectTagged("of VLAN 30 only trunks are members", 3, c, all, 30, "4:30")
	f.expectTagged("untagged at a trunk is native", 4, c, all, untagged, "0:-1", "1:-1", "3:10")
	f.expectTagged("the native VLAN may also be tagged", 4, c, all, 10, "0:-1", "1:-1", "3:10")
	f.expectTagged("an access port takes the tag of its own VLAN", 0, a, all, 10, "1:-1", "3:10", "4:-1")
	f.expectTagged("a port that was not set is of VLAN 1", 5, stationMAC(9), all, untagged, "4:1")
	if n := f.sw.Stats().WrongVLAN; n != 0 {
		t.Errorf("WrongVLAN is %d, should be 0 so far", n)
	}
	f.expectTagged("a has spoken from port 0", 1, b, a, untagged, "0:-1")
	f.expectTagged("a is known in VLAN 10 only", 2, b, a, untagged, "3:20", "4:20")
}

// IEEE 802.1Q, section 6.9: a tag without a VLAN has a priority alone, which goes on.
func TestSwitchPriorityTag(t *testing.T) {
	f := newFloor(t)
	all := header.BroadcastMAC
	f.expectTagged("VLAN 0 stands for that of the port", 0, stationMAC(1), all, 5<<13, "1:-1", "3:40970", "4:-1") // 5<<13 + 10
	f.expectTagged("priority and drop eligibility cross from trunk to trunk", 3, stationMAC(2), all, 7<<13|1<<12|30, "4:61470")
}

func TestSwitchRefusesVLANs(t *testing.T) {
	f := newFloor(t)
	all := header.BroadcastMAC
	for i, c := range []struct {
		why  string
		port int
		tci  int
	}{
		{"an access port is in no other VLAN than its own", 0, 20},
		{"nor may a tag reach another VLAN that the switch has not", 0, 99},
		{"this trunk has no frames without a tag", 3, untagged},
		{"nor with a priority alone", 3, 6 << 13},
		{"and is not in VLAN 40", 3, 40},
		{"4095 is reserved", 4, 4095},
	} {
		f.expectTagged(c.why, c.port, stationMAC(1), all, c.tci)
		if n := f.sw.Stats().WrongVLAN; n != uint64(i+1) {
			t.Errorf("WrongVLAN is %d, should be %d: %s", n, i+1, c.why)
		}
	}
	if got := f.sw.Stations(); len(got) != 0 {
		t.Errorf("the table shows %v: nothing is to be learned from frames that were dropped", got)
	}
	f.ports[0].Transmit(f.pool.From(tagged(stationMAC(1), all, 10, "")[:17]))
	f.loop.Run(f.loop.Now())
	if n := f.sw.Stats().Runts; n != 1 {
		t.Errorf("Runts is %d, should be 1: a frame ended within its tag", n)
	}
}

// The same address may be behind another port in each VLAN (IEEE 802.1Q, section 8.8.8:
// independent learning).
func TestSwitchLearnsByVLAN(t *testing.T) {
	f := newFloor(t)
	router, a := stationMAC(1), stationMAC(2)
	f.expectTagged("nobody is known", 0, router, a, untagged, "1:-1", "3:10", "4:-1")
	f.expectTagged("nobody is known", 2, router, a, untagged, "3:20", "4:20")
	f.expectTagged("in VLAN 10 the router is at port 0", 3, a, router, 10, "0:-1")
	f.expectTagged("in VLAN 20 it is at port 2", 3, a, router, 20, "2:-1")
	if moved := f.sw.Stats().Moved; moved != 0 {
		t.Errorf("Moved is %d: it is another station in each VLAN", moved)
	}
	want := []StationInfo{{VLAN: 10, MAC: router, Port: 0}, {VLAN: 10, MAC: a, Port: 3}, {VLAN: 20, MAC: router, Port: 2}, {VLAN: 20, MAC: a, Port: 3}}
	if got := f.sw.Stations(); !slices.Equal(got, want) {
		t.Errorf("the table shows %v, should show %v", got, want)
	}
	must(t, f.sw.SetAccess(0, 20))
	f.expectTagged("port 0 has left VLAN 10, and who was behind it", 3, a, router, 10, "1:-1", "4:-1")
	f.expectTagged("it is in VLAN 20 now", 2, router, header.BroadcastMAC, untagged, "0:-1", "3:20", "4:20")
}

// A switch without VLANs passes tags on as they are, also to be learned without them.
func TestSwitchWithoutVLANs(t *testing.T) {
	o := newOffice(t, 1500, 1500)
	var got [][]byte
	o.ports[1].OnReceive(func(p *packet.Packet) {
		got = append(got, slices.Clone(p.Bytes()))
		p.Release()
	})
	frame := tagged(stationMAC(1), stationMAC(2), 4095, "hello")
	o.ports[0].Transmit(o.pool.From(frame))
	o.loop.Run(o.loop.Now())
	if len(got) != 1 || !slices.Equal(got[0], frame) {
		t.Errorf("%x arrived, should be %x", got, frame)
	}
}

// A full frame keeps its MTU when a tag comes on top (IEEE 802.3, section 3.2.7).
func TestTagFitsOnFullFrame(t *testing.T) {
	f := newFloor(t)
	var lengths []int
	f.ports[3].OnReceive(func(p *packet.Packet) {
		lengths = append(lengths, p.Len())
		p.Release()
	})
	for _, n := range []int{1500, 1501} {
		f.ports[1].OnReceive(func(p *packet.Packet) { p.Release() })
		f.ports[4].OnReceive(func(p *packet.Packet) { p.Release() })
		f.ports[0].Transmit(f.pool.From(tagged(stationMAC(1), header.BroadcastMAC, untagged, string(make([]byte, n)))))
		f.loop.Run(f.loop.Now())
	}
	if !slices.Equal(lengths, []int{1518}) || f.sw.Stats().TooLong != 1 {
		t.Errorf("frames of %v bytes arrived and TooLong is %d; should be one of 1518, and the longer one too long", lengths, f.sw.Stats().TooLong)
	}
}

func TestVLANNumbers(t *testing.T) {
	f := newFloor(t)
	var s VLANSet
	for _, vlan := range []uint16{0, 4095, 65535} {
		if err := f.sw.SetAccess(0, vlan); !errors.Is(err, ErrVLAN) {
			t.Errorf("an access port of VLAN %d: %v, want ErrVLAN", vlan, err)
		}
		if err := s.Add(vlan); !errors.Is(err, ErrVLAN) || s.Has(vlan) {
			t.Errorf("VLAN %d in a set: %v, want ErrVLAN", vlan, err)
		}
		if _, err := NewSplitter(f.ports[5]).Port(vlan); vlan != 0 && !errors.Is(err, ErrVLAN) {
			t.Errorf("a port for VLAN %d: %v, want ErrVLAN", vlan, err)
		}
	}
	if err := f.sw.SetTrunk(0, 4095, s); !errors.Is(err, ErrVLAN) {
		t.Errorf("a trunk of the native VLAN 4095: %v, want ErrVLAN", err)
	}
	all := AllVLANs()
	for _, vlan := range []uint16{1, 63, 64, 4094} {
		must(t, s.Add(vlan))
		if !s.Has(vlan) || !all.Has(vlan) || s.Has(vlan+1) && vlan != 63 || all.Has(0) || all.Has(4095) {
			t.Errorf("the sets are wrong about VLAN %d or its neighbours", vlan)
		}
	}
}

// A splitter's ports see the frames of their VLAN, without tags, and put tags on.
func TestSplitter(t *testing.T) {
	loop, pool := event.NewVirtual(1), &packet.Pool{}
	wire := physical.NewWire(loop, pool, 1500, physical.Impairment{}, physical.Impairment{})
	split := NewSplitter(wire.A())
	var got []string
	ports := map[uint16]physical.Port{}
	for _, vlan := range []uint16{20, 0, 10} {
		port, err := split.Port(vlan)
		must(t, err)
		ports[vlan] = port
		port.OnReceive(func(p *packet.Packet) {
			tci, rest := tags(p.Bytes())
			got = append(got, fmt.Sprintf("%d:%d %s", vlan, tci, rest[2:]))
			p.Release()
		})
		if again, _ := split.Port(vlan); again != port {
			t.Errorf("VLAN %d has two ports", vlan)
		}
	}
	wire.B().OnReceive(func(p *packet.Packet) {
		tci, rest := tags(p.Bytes())
		got = append(got, fmt.Sprintf("out:%d %s", tci, rest[2:]))
		p.Release()
	})
	expect := func(why string, want ...string) {
		t.Helper()
		loop.Run(loop.Now())
		if !slices.Equal(got, want) {
			t.Errorf("%q arrived, should be %q: %s", got, want, why)
		}
		got = nil
	}
	in := func(tci int) {
		wire.B().Transmit(pool.From(tagged(stationMAC(1), stationMAC(2), tci, "hello")))
	}
	in(untagged)
	in(10)
	in(20 | 3<<13)
	in(7 << 13)
	expect("each VLAN has its port, and VLAN 0 is none", "0:-1 hello", "10:-1 hello", "20:-1 hello", "0:-1 hello")
	in(30)
	wire.B().Transmit(pool.From(tagged(stationMAC(1), stationMAC(2), 10, "")[:17]))
	wire.B().Transmit(pool.From(make([]byte, 5)))
	ports[10].OnReceive(nil)
	in(10)
	ports[20].Transmit(pool.From(make([]byte, 5)))
	expect("nobody is there for these")
	if want := (SplitterStats{Runts: 3, UnknownVLAN: 2}); split.Stats() != want {
		t.Errorf("counted %+v, should be %+v", split.Stats(), want)
	}
	for _, vlan := range []uint16{0, 10, 20} {
		ports[vlan].Transmit(pool.From(tagged(stationMAC(2), stationMAC(1), untagged, "bye")))
	}
	expect("each port puts its tag on", "out:-1 bye", "out:10 bye", "out:20 bye")
	if pool.Live() != 0 {
		t.Errorf("%d packets leaked", pool.Live())
	}
	for vlan, port := range ports {
		nic := NewNIC(loop, pool, "eth0", stationMAC(int(vlan)), port)
		wire.SetUp(false)
		loop.Run(loop.Now())
		if nic.Up() {
			t.Errorf("the NIC of VLAN %d has a carrier, but the cable was pulled", vlan)
		}
		wire.SetUp(true)
		loop.Run(loop.Now())
		if !nic.Up() || nic.MTU() != 1500 {
			t.Errorf("the NIC of VLAN %d is up: %v, with an MTU of %d; should be up, with the wire's 1500", vlan, nic.Up(), nic.MTU())
		}
	}
}
