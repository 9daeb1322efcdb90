package network_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// fragments cuts a payload into packets with n bytes each.
func fragments(id uint16, payload []byte, n int) [][]byte {
	var all [][]byte
	for at := 0; at < len(payload); at += n {
		end := min(at+n, len(payload))
		all = append(all, piece(id, at, end < len(payload), payload[at:end]))
	}
	return all
}

// piece makes one fragment.
func piece(id uint16, at int, more bool, b []byte) []byte {
	return ip(header.IPv4{
		Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental,
		ID: id, FragmentOffset: at, MoreFragments: more,
	}, b)
}

func reassembler(t testing.TB) (*bench, *network.Layer, *peer, *sink) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	got := new(sink)
	l.Handle(experimental, got)
	return b, l, p, got
}

func TestReassembly(t *testing.T) {
	b, l, p, got := reassembler(t)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		want := pattern(1201 + random.IntN(20000))
		all := fragments(uint16(round), want, 8*(1+random.IntN(150)))
		all = append(all, all[random.IntN(len(all))]) // the network duplicates one
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, f := range all {
			p.send("10.0.0.1", f)
		}
		if len(got.payloads) != round+1 || !bytes.Equal(got.payloads[round], want) {
			t.Fatalf("round %d: %d datagrams whole, want one more, equal to what was cut: %+v", round, len(got.payloads), l.Stats())
		}
		if d := got.datagrams[round]; d.HeaderLen != 20 || d.Src != addr("10.0.0.2") {
			t.Fatalf("it came as %+v", d)
		}
		// A duplicate that comes after the whole begins another datagram.
		b.run(31 * time.Second)
	}
}

// Fragments of datagrams with another identification, protocol or source do
// not mix (RFC 791, section 3.2).
func TestReassemblyKey(t *testing.T) {
	_, _, p, got := reassembler(t)
	a, b := fragments(1, bytes.Repeat([]byte("a"), 32), 16), fragments(2, bytes.Repeat([]byte("b"), 32), 16)
	for _, f := range [][]byte{a[0], b[1], b[0], a[1]} {
		p.send("10.0.0.1", f)
	}
	if len(got.payloads) != 2 || got.payloads[0][0] != 'b' || !bytes.Equal(got.payloads[1], bytes.Repeat([]byte("a"), 32)) {
		t.Errorf("got %q, want 32 times b, then 32 times a", got.payloads)
	}
}

// After 30 seconds without all parts the datagram is given up, and its sender
// is told if the first part was there (RFC 1122, section 3.3.2).
func TestReassemblyTimeout(t *testing.T) {
	b, l, p, got := reassembler(t)
	first := piece(1, 0, true, pattern(64))
	p.send("10.0.0.1", first)
	p.send("10.0.0.1", piece(2, 64, true, pattern(64))) // the first part is missing
	b.run(29 * time.Second)
	if n := len(p.take()); n != 0 {
		t.Fatalf("%d answers before the time was over", n)
	}
	b.run(2 * time.Second)
	_, _, quote := wantICMP(t, p.take(), header.ICMPTimeExceeded, header.ICMPReassemblyExceeded)
	if !bytes.Equal(quote, first) {
		t.Error("the error does not quote the first fragment")
	}
	if n := l.Stats().ReassemblyTimeout; n != 2 || len(got.payloads) != 0 {
		t.Errorf("%d datagrams given up, want 2", n)
	}
}

// A host that is switched off keeps nothing.
func TestCloseDropsFragments(t *testing.T) {
	b, l, p, _ := reassembler(t)
	p.send("10.0.0.1", piece(1, 0, true, pattern(64)))
	p.send("10.0.0.1", piece(2, 0, true, pattern(64)))
	l.Close()
	b.run(time.Hour)
	if n := len(p.take()); n != 0 {
		t.Errorf("%d packets were sent after Close", n)
	}
}

// Fragments that no sender cuts.
func TestReassemblyRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts [][]byte
		count func(*network.Stats) uint64
	}{
		{"overlap", [][]byte{piece(1, 0, true, pattern(64)), piece(1, 32, false, pattern(64))},
			func(s *network.Stats) uint64 { return s.FragmentsOverlap }},
		{"overlap from below", [][]byte{piece(1, 32, false, pattern(64)), piece(1, 0, true, pattern(64))},
			func(s *network.Stats) uint64 { return s.FragmentsOverlap }},
		{"longer than a datagram", [][]byte{piece(1, 65528, false, pattern(64))},
			func(s *network.Stats) uint64 { return s.FragmentsBad }},
		{"not a multiple of eight", [][]byte{piece(1, 0, true, pattern(63))},
			func(s *network.Stats) uint64 { return s.FragmentsBad }},
		{"empty", [][]byte{piece(1, 8, true, nil)},
			func(s *network.Stats) uint64 { return s.FragmentsBad }},
		{"two ends", [][]byte{piece(1, 64, false, pattern(8)), piece(1, 32, false, pattern(8))},
			func(s *network.Stats) uint64 { return s.FragmentsBad }},
		{"behind the end", [][]byte{piece(1, 64, true, pattern(8)), piece(1, 32, false, pattern(8))},
			func(s *network.Stats) uint64 { return s.FragmentsBad }},
		{"header and parts too long together", [][]byte{
			ip(header.IPv4{
				Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental,
				ID: 1, MoreFragments: true, Options: make([]byte, 40),
			}, pattern(8)),
			piece(1, 8, true, pattern(1472)), piece(1, 65512, false, pattern(3)),
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, l, p, got := reassembler(t)
			for _, f := range c.parts {
				p.send("10.0.0.1", f)
			}
			stats := l.Stats()
			if c.count != nil && c.count(&stats) != 1 {
				t.Errorf("not counted once as what it is: %+v", stats)
			}
			b.run(time.Minute)
			if len(got.payloads) != 0 {
				t.Error("it was delivered")
			}
		})
	}
}

// The header of the whole may not say more than 65535, even if each fragment
// for itself does not reach that far.
func TestReassemblyHeaderOverflow(t *testing.T) {
	_, l, p, got := reassembler(t)
	p.send("10.0.0.1", ip(header.IPv4{
		Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental,
		ID: 1, MoreFragments: true, Options: make([]byte, 40),
	}, pattern(1400)))
	for at := 1400; at < 65515; at += 1400 {
		end := min(at+1400, 65515)
		p.send("10.0.0.1", piece(1, at, end < 65515, pattern(end-at)))
	}
	if len(got.payloads) != 0 || l.Stats().FragmentsBad != 1 {
		t.Errorf("a datagram of 65515 bytes and a header of 60 was delivered: %+v", l.Stats())
	}
}
