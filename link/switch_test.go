package link

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

// office is a switch with a station played by the test at each port.
type office struct {
	t     *testing.T
	loop  *event.Loop
	pool  *packet.Pool
	sw    *Switch
	ports []physical.Port // the stations' ends
	wires []*physical.Wire
	got   []string // "port: payload" in the order of arrival
}

func newOffice(t testing.TB, mtus ...int) *office {
	o := &office{loop: event.NewVirtual(1), pool: &packet.Pool{}}
	o.t, _ = t.(*testing.T)
	o.sw = NewSwitch(o.loop, o.pool, "s1")
	for i, mtu := range mtus {
		w := physical.NewWire(o.loop, o.pool, mtu, physical.Impairment{}, physical.Impairment{})
		if n := o.sw.AddPort(w.A()); n != i {
			t.Fatalf("port number %d, should be %d", n, i)
		}
		w.B().OnReceive(func(p *packet.Packet) {
			o.got = append(o.got, fmt.Sprintf("%d: %s", i, p.Bytes()[header.EthernetLen:]))
			p.Release()
		})
		o.ports, o.wires = append(o.ports, w.B()), append(o.wires, w)
	}
	return o
}

func stationMAC(i int) header.MAC { return header.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)} }

func (o *office) transmit(port int, src, dst header.MAC, payload string) {
	p := o.pool.From([]byte(payload))
	h := header.Ethernet{Dst: dst, Src: src, Type: header.EtherTypeIPv4}
	h.Put(p.Push(header.EthernetLen))
	o.ports[port].Transmit(p)
	o.loop.Run(o.loop.Now())
}

// expect sends a frame and compares who gets it.
func (o *office) expect(why string, port int, src, dst header.MAC, receivers ...int) {
	o.t.Helper()
	o.got = nil
	o.transmit(port, src, dst, "hello")
	var want []string
	for _, r := range receivers {
		want = append(want, fmt.Sprintf("%d: hello", r))
	}
	if !slices.Equal(o.got, want) {
		o.t.Errorf("a frame from %v at port %d to %v arrived at %q, should be at %v: %s", src, port, dst, o.got, receivers, why)
	}
	if o.pool.Live() != 0 {
		o.t.Errorf("%d packets leaked", o.pool.Live())
	}
}

func TestSwitchLearns(t *testing.T) {
	o := newOffice(t, 1500, 1500, 1500, 1500)
	a, b, c := stationMAC(1), stationMAC(2), stationMAC(3)
	o.expect("nobody knows b yet, and it does not go back to its port", 0, a, b, 1, 2, 3)
	o.expect("a was learned at port 0", 1, b, a, 0)
	o.expect("b was learned at port 1", 0, a, b, 1)
	o.expect("b is behind the same port as c", 1, c, b)
	o.expect("broadcast goes to all others", 1, b, header.BroadcastMAC, 0, 2, 3)
	o.expect("the last port sends to all others too", 3, stationMAC(4), header.BroadcastMAC, 0, 1, 2)
	o.expect("a group goes to all others", 1, b, header.MAC{0x01, 0x00, 0x5e, 0, 0, 1}, 0, 2, 3)
	o.expect("b has moved to port 3", 3, b, a, 0)
	o.expect("frames follow it", 0, a, b, 3)
	want := SwitchStats{InFrames: 9, Forwarded: 4, Flooded: 4, Filtered: 1, Moved: 1}
	if got := o.sw.Stats(); got != want {
		t.Errorf("counted %+v, should be %+v", got, want)
	}
	stations := []StationInfo{{MAC: a, Port: 0}, {MAC: b, Port: 3}, {MAC: c, Port: 1}, {MAC: stationMAC(4), Port: 3}}
	if got := o.sw.Stations(); !slices.Equal(got, stations) {
		t.Errorf("the table shows %v, should show %v", got, stations)
	}
}

func TestSwitchNeverLearnsGroups(t *testing.T) {
	o := newOffice(t, 1500, 1500, 1500)
	group := header.MAC{0x01, 0x00, 0x5e, 0, 0, 1}
	o.expect("a group cannot send", 0, group, stationMAC(2))
	o.expect("neither can everybody", 0, header.BroadcastMAC, stationMAC(2))
	o.expect("nor nobody", 0, header.MAC{}, stationMAC(2))
	if n := len(o.sw.Stations()); n != 0 || o.sw.Stats().BadSource != 3 {
		t.Errorf("%d stations learned, BadSource %d; should be none and 3", n, o.sw.Stats().BadSource)
	}
	o.expect("the group is still flooded", 1, stationMAC(1), group, 0, 2)
}

func TestSwitchAgeing(t *testing.T) {
	o := newOffice(t, 1500, 1500, 1500)
	a, b := stationMAC(1), stationMAC(2)
	o.expect("unknown", 0, a, b, 1, 2)
	o.loop.Run(event.Time(AgeingTime - 1))
	o.expect("a spoke less than 300 s ago", 1, b, a, 0)
	o.loop.Run(event.Time(AgeingTime))
	if got := o.sw.Stations(); len(got) != 1 || got[0].MAC != b {
		t.Errorf("the table shows %v, should show b alone", got)
	}
	o.expect("a has been silent for 300 s", 1, b, a, 0, 2)
	o.loop.Run(o.loop.Now().Add(200 * time.Second))
	o.transmit(1, b, a, "x")
	o.loop.Run(o.loop.Now().Add(200 * time.Second))
	o.expect("each frame of b renews it", 0, a, b, 1)
}

func TestSwitchTableCap(t *testing.T) {
	o := newOffice(t, 1500, 1500)
	for i := range MaxStations + 10 {
		o.transmit(0, stationMAC(i+1), stationMAC(1<<20), "x")
	}
	if n := len(o.sw.Stations()); n != MaxStations || o.sw.Stats().NotLearned != 10 {
		t.Errorf("%d stations, NotLearned %d; should be %d and 10", n, o.sw.Stats().NotLearned, MaxStations)
	}
	o.loop.Run(event.Time(AgeingTime / 2))
	o.transmit(0, stationMAC(1), stationMAC(1<<20), "x")
	o.loop.Run(event.Time(AgeingTime))
	o.transmit(1, stationMAC(1<<20), stationMAC(1), "x")
	if got := o.sw.Stations(); len(got) != 2 || len(o.sw.table.byMAC) != 2 {
		t.Errorf("%d stations shown, %d kept; the aged ones should make room for a new one", len(got), len(o.sw.table.byMAC))
	}
}

func TestSwitchMTU(t *testing.T) {
	o := newOffice(t, 9000, 1500, 9000)
	a, b := stationMAC(1), stationMAC(2)
	o.transmit(1, b, header.BroadcastMAC, "x")
	o.got = nil
	o.transmit(0, a, b, string(make([]byte, 1505)))
	if len(o.got) != 0 || o.sw.Stats().TooLong != 1 {
		t.Errorf("%d arrived, TooLong %d: the port's MTU is 1500", len(o.got), o.sw.Stats().TooLong)
	}
	o.transmit(0, a, header.BroadcastMAC, string(make([]byte, 9000)))
	if len(o.got) != 1 || o.sw.Stats().TooLong != 2 || o.pool.Live() != 0 {
		t.Errorf("%d arrived, TooLong %d: a jumbo frame should reach only the jumbo port", len(o.got), o.sw.Stats().TooLong)
	}
}

func TestSwitchDrops(t *testing.T) {
	o := newOffice(t, 1500, 1500)
	o.ports[0].Transmit(o.pool.From(make([]byte, 13)))
	for last := range 17 {
		o.transmit(0, stationMAC(1), header.MAC{0x01, 0x80, 0xc2, 0, 0, byte(last)}, fmt.Sprint(last))
	}
	if s := o.sw.Stats(); s.Runts != 1 || s.Reserved != 16 {
		t.Errorf("Runts %d, Reserved %d; should be 1 and 16", s.Runts, s.Reserved)
	}
	if want := []string{"1: 16"}; !slices.Equal(o.got, want) {
		t.Errorf("%q arrived, should be %q: only the last address is beyond the reserved ones", o.got, want)
	}
	alone := newOffice(t, 1500)
	alone.expect("there is nobody else", 0, stationMAC(1), stationMAC(2))
	if alone.sw.Stats().Filtered != 1 {
		t.Error("a frame without another port should be counted as filtered")
	}
}

func BenchmarkSwitch(b *testing.B) {
	for _, known := range []int{2, MaxStations} {
		b.Run(fmt.Sprintf("%d stations", known), func(b *testing.B) {
			o := newOffice(b, 1500, 1500)
			for i := range known {
				o.transmit(i%2, stationMAC(i+1), header.BroadcastMAC, "x")
			}
			var arrived packet.Queue
			o.ports[1].OnReceive(arrived.Push)
			for range 32 {
				p := o.pool.From(make([]byte, 1500))
				h := header.Ethernet{Src: stationMAC(1), Dst: stationMAC(known), Type: header.EtherTypeIPv4}
				h.Put(p.Push(header.EthernetLen))
				arrived.Push(p)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += 32 {
				for p := arrived.Pop(); p != nil; p = arrived.Pop() {
					o.ports[0].Transmit(p)
				}
				o.loop.Unlock()
			}
		})
	}
}
