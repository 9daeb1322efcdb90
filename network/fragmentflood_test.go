package network_test

import (
	"bytes"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// fragmenter sends fragments of one family to a host, and keeps what it makes whole.
type fragmenter struct {
	b    *bench
	host *network.Layer
	nic  *link.NIC
	six  bool
	sink
}

func newFragmenter(t testing.TB, six bool) *fragmenter {
	b := newBench(t)
	f := &fragmenter{b: b, host: b.host(), six: six}
	w := physical.NewWire(b.loop, b.pool, 1500, physical.Impairment{}, physical.Impairment{})
	i, err := f.host.AddInterface(b.nic(w.A()), netip.MustParsePrefix("10.0.0.1/8"))
	check(t, err)
	check(t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	f.nic = b.nic(w.B())
	f.nic.OnReceive(func(p *packet.Packet, _ header.EtherType, _ bool) { p.Release() })
	f.host.Handle(experimental, &f.sink)
	return f
}

// source is the n-th of many.
func (f *fragmenter) source(n int) netip.Addr {
	if f.six {
		a := addr("2001:db8::").As16()
		a[13], a[14], a[15] = byte(n>>16), byte(n>>8), byte(n)
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// send sends one fragment.
func (f *fragmenter) send(src netip.Addr, id, at int, more bool, b []byte) {
	typ := header.EtherTypeIPv4
	var p []byte
	if f.six {
		typ = header.EtherTypeIPv6
		h := header.IPv6{
			PayloadLength: header.IPv6FragmentLen + len(b), NextHeader: header.ProtocolIPv6Fragment, HopLimit: 64,
			Src: src, Dst: addr("2001:db8::1"),
		}
		x := header.IPv6Fragment{NextHeader: experimental, Offset: at, More: more, ID: uint32(id)}
		p = make([]byte, header.IPv6Len+header.IPv6FragmentLen, header.IPv6Len+header.IPv6FragmentLen+len(b))
		x.Put(p[h.Put(p):])
		p = append(p, b...)
	} else {
		p = ip(header.IPv4{
			Src: src, Dst: addr("10.0.0.1"), Protocol: experimental, ID: uint16(id), FragmentOffset: at, MoreFragments: more,
		}, b)
	}
	// To the host's own Ethernet address, without asking for it.
	f.nic.Output(f.b.pool.From(p), f.neighbour(), typ)
	f.b.run(0)
}

func (f *fragmenter) neighbour() *link.Neighbour {
	nb := f.nic.Neighbour(f.source(999))
	if !nb.Resolved() {
		f.nic.Learn(f.source(999), header.MAC{2, 0, 0, 0, 0, 1})
	}
	return nb
}

// datagram sends a whole one in fragments of n bytes.
func (f *fragmenter) datagram(src netip.Addr, id int, b []byte, n int) {
	for at := 0; at < len(b); at += n {
		end := min(at+n, len(b))
		f.send(src, id, at, end < len(b), b[at:end])
	}
}

func bothFamilies(t *testing.T, test func(t *testing.T, f *fragmenter)) {
	for _, six := range []bool{false, true} {
		t.Run(map[bool]string{false: "IPv4", true: "IPv6"}[six], func(t *testing.T) { test(t, newFragmenter(t, six)) })
	}
}

// 100,000 fragments of as many datagrams, of one sender or of many, take less than 4 MiB,
// and a good datagram arrives all the same: after the flood, and, where the flood has
// another sender, in the midst of it.
func TestFragmentFlood(t *testing.T) {
	for _, senders := range []int{1, 60000} {
		bothFamilies(t, func(t *testing.T, f *fragmenter) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			good := pattern(3000)
			f.send(f.source(70000), 7, 0, true, good[:1000])
			for n := range 100_000 {
				f.send(f.source(2+n%senders), n, 8, true, pattern(8+n%3*640))
				if n == 500 {
					f.send(f.source(70000), 7, 1000, true, good[1000:2000])
				}
				if senders == 1 && n == 99_000 || n == 1000 && senders > 1 {
					f.send(f.source(70000), 7, 2000, false, good[2000:])
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int(after.HeapAlloc) - int(before.HeapAlloc); grown > 4<<20 {
				t.Errorf("from %d senders: %d bytes more are in use, want at most 4 MiB", senders, grown)
			}
			f.datagram(f.source(70001), 8, good, 1000)
			f.datagram(f.source(2), 200_000, good, 1000)
			if len(f.payloads) != 3 || !bytes.Equal(f.payloads[0], good) {
				t.Errorf("from %d senders: %d good datagrams arrived, want 3: %+v", senders, len(f.payloads), f.host.Stats())
			}
			f.host.Close()
		})
	}
}

// The longest datagram arrives in the smallest fragments that IPv4 has, and no datagram
// in more.
func TestManyFragments(t *testing.T) {
	f := newFragmenter(t, false)
	longest := pattern(65515)
	f.datagram(f.source(2), 1, longest, 48)
	if len(f.payloads) != 1 || !bytes.Equal(f.payloads[0], longest) {
		t.Errorf("65,535 bytes in fragments of 68 did not arrive: %+v", f.host.Stats())
	}
	f.datagram(f.source(2), 2, longest, 8)
	if len(f.payloads) != 1 || f.host.Stats().ReassemblyEvicted == 0 {
		t.Error("a datagram arrived in 8,190 fragments")
	}
	f.host.Close()
}

// Two fragments make a datagram of 64 bytes, cut anywhere; a third, of other bytes, lies
// anywhere. In every order the original arrives or nothing, never a mix.
func TestFragmentTriples(t *testing.T) {
	bothFamilies(t, func(t *testing.T, f *fragmenter) {
		want, other := bytes.Repeat([]byte("A"), 64), bytes.Repeat([]byte("B"), 64)
		orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
		id, whole, triples := 0, 0, 0
		for cut := 0; cut <= 64; cut += 8 {
			for at := 0; at <= 64; at += 8 {
				for n := 0; n <= 64; n += 8 {
					triples++
					for _, order := range orders {
						if at == 0 && n == cut && order[2] == 0 {
							continue // in the place of the first, which nobody can know before that has come
						}
						id++
						f.payloads = nil
						for _, which := range order {
							switch which {
							case 0:
								f.send(f.source(2), id, 0, true, want[:cut])
							case 1:
								f.send(f.source(2), id, cut, false, want[cut:])
							case 2:
								f.send(f.source(2), id, at, true, other[:n])
							}
						}
						if slices.ContainsFunc(f.payloads, func(b []byte) bool { return !bytes.Equal(b, want) }) {
							t.Fatalf("cut at %d, %d bytes at %d, in the order %v: %q arrived", cut, n, at, order, f.payloads)
						}
						whole += len(f.payloads)
					}
				}
			}
		}
		if triples != 729 || whole == 0 {
			t.Errorf("%d triples gave %d datagrams, want 729 and some", triples, whole)
		}
		f.host.Close()
	})
}

// A fragment that comes again is dropped, and so is a part of it, if it says the same;
// if it says something else, nothing arrives (RFC 8200, section 4.5).
func TestFragmentCopies(t *testing.T) {
	for name, c := range map[string]struct {
		copied []byte
		at     int
		want   int
	}{
		"the same":        {pattern(64), 0, 1},
		"a part":          {pattern(64)[16:32], 16, 1},
		"another":         {bytes.Repeat([]byte("x"), 64), 0, 0},
		"a part, another": {bytes.Repeat([]byte("x"), 16), 16, 0},
	} {
		bothFamilies(t, func(t *testing.T, f *fragmenter) {
			whole := pattern(128)
			copy(whole, pattern(64))
			f.send(f.source(2), 1, 0, true, whole[:64])
			f.send(f.source(2), 1, c.at, true, c.copied)
			f.send(f.source(2), 1, 64, false, whole[64:])
			if len(f.payloads) != c.want {
				t.Errorf("%s came again: %d datagrams arrived, want %d", name, len(f.payloads), c.want)
			}
			f.host.Close()
		})
	}
}

// RFC 8200, section 4.5: of a packet whose fragments overlap, those that come later are
// dropped too.
func TestOverlap6IsRemembered(t *testing.T) {
	f := newFragmenter(t, true)
	f.send(f.source(2), 1, 0, true, pattern(64))
	f.send(f.source(2), 1, 32, true, pattern(64))
	f.datagram(f.source(2), 1, pattern(128), 64)
	if len(f.payloads) != 0 {
		t.Error("a packet was made of fragments that came after an overlap")
	}
	f.b.run(61 * 1e9)
	f.datagram(f.source(2), 1, pattern(128), 64)
	if len(f.payloads) != 1 {
		t.Error("the identification cannot be used after a minute")
	}
}

// Whatever offsets, lengths and flags fragments have, nothing breaks, and what arrives is
// made of their bytes: at each place the one that was sent for it.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{0, 8, 1, 8, 8, 0}, false)
	f.Add([]byte{0, 8, 1, 16, 8, 0, 8, 8, 1}, true)
	f.Add([]byte{0, 16, 1, 8, 8, 1, 16, 3, 0}, true)
	f.Add([]byte{8, 0, 1, 0, 0, 0, 0, 7, 1, 255, 255, 255}, false)
	f.Fuzz(func(t *testing.T, data []byte, six bool) {
		g := newFragmenter(t, six)
		whole := pattern(256*8 + 256)
		for ; len(data) >= 3; data = data[3:] {
			at := int(data[0]) * 8
			g.send(g.source(2), int(data[2]>>4), at, data[2]&1 != 0, whole[at:at+int(data[1])])
		}
		for _, b := range g.payloads {
			if !bytes.Equal(b, whole[:len(b)]) {
				t.Errorf("%d bytes arrived that were never sent so", len(b))
			}
		}
		g.host.Close()
	})
}
