package packet

import (
	"bytes"
	"testing"

	"septet/header"
)

// lent returns a packet whose payload is the n bytes at the offset at of a buffer, whose
// first byte has the sequence number base, and keeps it beyond the turn.
func lent(pl *Pool, l *Loans, buffer []byte, base header.Seq, at, n int) *Packet {
	p := pl.Get(0)
	p.Append([]byte("header"))
	p.BorrowOf(l, buffer[at:at+n], base.Add(at))
	p.Keep()
	return p
}

func wantPayload(t *testing.T, p *Packet, payload []byte, why string) {
	t.Helper()
	if got := p.Clone(); !bytes.Equal(got.Bytes(), append([]byte("header"), payload...)) {
		t.Errorf("the packet is %q, should be its header and %q: %s", got.Bytes(), payload, why)
	}
}

// A sender may use the memory of bytes again as soon as it has called them in, whoever
// still has them.
func TestWhatIsCalledInIsCopied(t *testing.T) {
	var pl Pool
	var l Loans
	buffer := []byte("aaaabbbbcccc")
	const base = header.Seq(0xfffffffc) // the second begins behind the end of the number space
	a, b, c := lent(&pl, &l, buffer, base, 0, 4), lent(&pl, &l, buffer, base, 4, 4), lent(&pl, &l, buffer, base, 8, 4)
	if len(a.Tail()) == 0 {
		t.Fatal("what is on loan need not be copied to be kept")
	}
	l.CallIn(base.Add(8))
	copy(buffer, "xxxxxxxx")
	wantPayload(t, a, []byte("aaaa"), "it was called in")
	wantPayload(t, b, []byte("bbbb"), "it was called in")
	if len(c.Tail()) == 0 {
		t.Error("what begins at the number that was given is still on loan")
	}
	l.CallAll()
	copy(buffer[8:], "xxxx")
	wantPayload(t, c, []byte("cccc"), "all were called in")
	if l.Any() {
		t.Error("nothing is on loan any more")
	}
}

// The list has those that are on the way: who arrives, or is copied for another reason,
// leaves it, wherever in it that is.
func TestLoansEndWithTheirPackets(t *testing.T) {
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		var pl Pool
		var l Loans
		buffer := []byte("aaaabbbbcccc")
		var all [3]*Packet
		for i := range all {
			all[i] = lent(&pl, &l, buffer, 100, 4*i, 4)
		}
		for k, i := range order {
			switch k {
			case 0:
				all[i].Release()
			case 1:
				all[i].Bytes()
			case 2:
				all[i].Truncate(len("header"))
			}
			n := 0
			for p := l.first; p != nil; p = p.newer {
				n++
			}
			if n != 2-k {
				t.Errorf("order %v: %d are on loan after %d have left, should be %d", order, n, k+1, 2-k)
			}
		}
		if l.Any() || l.last != nil {
			t.Errorf("order %v: the list is not empty when all have left it", order)
		}
		for _, p := range []*Packet{all[order[1]], all[order[2]]} {
			p.Release()
		}
		wantLive(t, &pl, 0)
	}
}

// Bytes that are nobody's beyond the turn are copied to be kept, and so are those that
// would stand in the list behind later ones: CallIn looks from the first one on.
func TestOtherBytesAreCopiedToBeKept(t *testing.T) {
	var pl Pool
	var l Loans
	p := pl.Get(0)
	p.Borrow([]byte("aaaa"))
	p.Keep()
	if len(p.Tail()) != 0 {
		t.Error("a payload borrowed for the turn is kept without a copy")
	}
	buffer := []byte("aaaabbbb")
	lent(&pl, &l, buffer, 100, 4, 4)
	if late := lent(&pl, &l, buffer, 100, 0, 4); len(late.Tail()) != 0 {
		t.Error("a packet of earlier bytes stands behind one of later bytes")
	}
	twice := lent(&pl, &l, buffer, 104, 0, 4)
	twice.Keep()
	twice.Keep()
	if l.last != twice || twice.newer != nil {
		t.Error("a packet that is kept by one wire after the other stands in the list once")
	}
}

// A connection may end, and its Loans serve another, between the sending of a packet and the
// moment in the same turn at which a wire behind a bare one keeps it.
func TestWhatIsCalledInBeforeItIsKept(t *testing.T) {
	var pl Pool
	var l Loans
	buffer := []byte("aaaa")
	p := pl.Get(0)
	p.Append([]byte("header"))
	p.BorrowOf(&l, buffer, 100)
	l.CallAll()
	p.Keep()
	copy(buffer, "xxxx")
	wantPayload(t, p, []byte("aaaa"), "all were called in before it was kept")
	if l.Any() {
		t.Error("what was called in is on loan again")
	}
}
