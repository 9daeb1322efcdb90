package check

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"septet/header"
	"septet/inspect"
)

// frames returns the frames of steps as an ordinary capture has them.
func frames(steps []step) (all []inspect.Frame) {
	s := newScene(Options{})
	for _, st := range steps {
		if st.o.only == 2 {
			continue
		}
		s.now = max(s.now, st.ms)
		all = append(all, inspect.Frame{Time: s.time(), LinkType: inspect.LinkRaw, Data: s.frame(st)})
	}
	return all
}

func judged(all []inspect.Frame, o Options) Report {
	k := New(o)
	for _, f := range all {
		k.Feed(f)
	}
	return k.Finish()
}

// on puts a packet into an Ethernet frame, with tags around it.
func on(packet []byte, tags ...uint16) []byte {
	b := make([]byte, 12, 14+4*len(tags)+len(packet))
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint16(b, uint16(header.EtherTypeVLAN))
		b = binary.BigEndian.AppendUint16(b, tag)
	}
	kind := header.EtherTypeIPv4
	if packet[0]>>4 == 6 {
		kind = header.EtherTypeIPv6
	}
	b = binary.BigEndian.AppendUint16(b, uint16(kind))
	return append(b, packet...)
}

// A snapshot length cuts packets anywhere: in the data, in the options, in a header.
func TestPacketsThatAreCutAreNoFault(t *testing.T) {
	for length := range 120 {
		all := frames(good())
		for i := range all {
			all[i].Length = len(all[i].Data)
			all[i].Data = all[i].Data[:min(length, len(all[i].Data))]
		}
		for what, o := range map[string]Options{"any capture": {}, "a complete one": {Complete: true}} {
			clean(t, fmt.Sprintf("%s, cut to %d bytes", what, length), judged(all, o))
		}
	}
}

// A capture may lack any two segments, in whatever connection.
func TestTwoSegmentsThatTheCaptureLacksAreNoViolation(t *testing.T) {
	all := frames(good())
	for i := range all {
		for j := range i {
			part := slices.Delete(slices.Delete(slices.Clone(all), i, i+1), j, j+1)
			if r := judged(part, Options{}); r.Violations > 0 {
				t.Fatalf("without segments %d and %d: %s", j, i, text(r))
			}
		}
	}
}

// And a tenth, a half, nearly all of it; also from the middle on.
func TestLossyCapturesAreNoViolation(t *testing.T) {
	all := frames(good())
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		lost := []float64{0.1, 0.5, 0.9}[seed%3]
		var part []inspect.Frame
		for _, f := range all[rng.IntN(len(all)):] {
			if rng.Float64() >= lost {
				part = append(part, f)
			}
		}
		if r := judged(part, Options{}); r.Violations > 0 {
			t.Fatalf("seed %d, %g of the frames lost: %s", seed, lost, text(r))
		}
	}
}

// A bridge's capture has each frame twice: on two interfaces, or in one and the
// same under two VLANs, or with and without one.
func TestFramesThatTheCaptureHasTwice(t *testing.T) {
	copies := map[string]func(inspect.Frame) []inspect.Frame{
		"two interfaces": func(f inspect.Frame) []inspect.Frame {
			second := f
			second.Interface = 1
			return []inspect.Frame{f, second}
		},
		"one interface": func(f inspect.Frame) []inspect.Frame { return []inspect.Frame{f, f} },
		"two VLANs":     func(f inspect.Frame) []inspect.Frame { return tagged(f, []uint16{10}, []uint16{20}) },
		"a VLAN and none": func(f inspect.Frame) []inspect.Frame {
			return tagged(f, []uint16{10}, nil)
		},
		"a VLAN in a VLAN": func(f inspect.Frame) []inspect.Frame {
			return tagged(f, []uint16{10, 20}, []uint16{10})
		},
	}
	for what, twice := range copies {
		for _, late := range []time.Duration{0, 50 * time.Microsecond} {
			var all []inspect.Frame
			for _, f := range frames(good()) {
				both := twice(f)
				both[1].Time = both[1].Time.Add(late)
				all = append(all, both...)
			}
			r := judged(all, Options{})
			clean(t, what, r)
			if r.Opened != 1 {
				t.Errorf("%s: %d connections, should be one", what, r.Opened)
			}
		}
	}
}

func tagged(f inspect.Frame, tags ...[]uint16) (all []inspect.Frame) {
	for _, each := range tags {
		g := f
		g.LinkType, g.Data = inspect.LinkEthernet, on(f.Data, each...)
		all = append(all, g)
	}
	return all
}

// Segments before the network card cuts them: of nearly 64 KiB, and, with BIG TCP,
// of more, for which the length field of IP is zero.
func TestSuperSegmentsAreNoFault(t *testing.T) {
	for _, length := range []int{3000, 65000, 65535 - 52, 65536, 200_000} {
		data := make([]byte, length)
		s := then(open(),
			step{ms: 3, from: client, f: ack, seq: 1, ack: 1, data: string(data[:1000])},
			step{ms: 4, from: server, f: ack, seq: 1, ack: 1001},
			step{ms: 5, from: client, f: psh | ack, seq: 1001, ack: 1, data: string(data)},
			step{ms: 6, from: server, f: ack, seq: 1, ack: 1001 + length},
			step{ms: 7, from: client, f: fin | ack, seq: 1001 + length, ack: 1},
			step{ms: 8, from: server, f: fin | ack, seq: 1, ack: 1002 + length},
			step{ms: 9, from: client, f: ack, seq: 1002 + length, ack: 2})
		r := judged(frames(s), Options{})
		for _, f := range r.Findings {
			// Many at once, after one was acknowledged, would be wrong also in pieces.
			if f.Rule != ruleSlowStart.Name || length <= 11*1000 {
				t.Errorf("a segment of %d bytes: %v", length, f)
			}
		}
		if r.Opened != 1 || r.Segments != len(s) {
			t.Errorf("a segment of %d bytes: %d connections, %d segments, should be 1 and %d", length, r.Opened, r.Segments, len(s))
		}
	}
}

// What processors of one machine send at once arrives in any order, and the capture of
// a loopback shows that: the numbers of the IP packets tell it from a fault.
func TestALoopbackMayShuffleSegments(t *testing.T) {
	old := ports
	defer func() { ports = old }()
	for i := range ports {
		ports[i] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ports[i].Port())
	}
	steps := then(open(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello"},
		step{ms: 3, from: client, f: psh | ack, seq: 6, ack: 1, data: "world"},
		step{ms: 3, from: server, f: ack, seq: 1, ack: 6},
		step{ms: 3, from: server, f: ack, seq: 1, ack: 11})
	all := frames(steps)
	clean(t, "in order", judged(all, Options{}))
	n := len(all)
	all[n-1], all[n-2] = all[n-2], all[n-1]
	clean(t, "acknowledgements in another order", judged(all, Options{}))
	steps[len(steps)-2], steps[len(steps)-1] = steps[len(steps)-1], steps[len(steps)-2]
	if r := judged(frames(steps), Options{}); r.Violations == 0 {
		t.Errorf("an acknowledgement that goes back should be found: %s", text(r))
	}
}

// A frame of which the way has changed the type goes to nobody (IEEE 802.3, section
// 3.2.6), whatever bit it was: an acknowledgement of what is in it is wrong.
func TestAFrameOfAnotherTypeDoesNotArrive(t *testing.T) {
	for bit := -1; bit < 16; bit++ {
		s := newScene(complete())
		for _, st := range hello(func([]step) {}) {
			s.now = st.ms
			f := inspect.Frame{Time: s.time(), LinkType: inspect.LinkEthernet, Data: on(s.frame(st))}
			s.judge.Feed(f)
			if bit >= 0 && len(st.data) > 0 {
				f.Data[12+bit/8] ^= 1 << (bit % 8)
			}
			f.Interface = 1
			s.judge.Feed(f)
		}
		r := s.judge.Finish()
		unarrived := func(f Finding) bool { return f.Rule == ruleAckUnarrived.Name }
		if bit < 0 {
			clean(t, "IPv4 in Ethernet", r)
		} else if !slices.ContainsFunc(r.Findings, unarrived) {
			t.Errorf("bit %d of the type is another on arrival, the segment is acknowledged all the same: should be found, the judge says\n%s", bit, text(r))
		}
	}
}
