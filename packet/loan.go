package packet

import "septet/header"

// Loans are the packets on the way whose payload is still in their sender's buffer, in
// the order of its bytes. What a wire keeps for a while need not be copied at the
// transmitter: the sender has it until the peer has acknowledged it, and the receiver
// takes it from there. Before the sender gives bytes up it calls them in, and who still
// has some of them, such as a copy that was sent twice, gets them as its own.
//
// The zero value is ready.
type Loans struct{ first, last *Packet }

// loan is the part of a Packet whose payload is in a buffer that has Loans.
type loan struct {
	of           *Loans  // nil if the payload is there for the turn at most
	newer, older *Packet // in the list
}

// BorrowOf is Borrow from a buffer whose owner keeps b until l.CallIn is called for a
// number behind seq, where b begins. With no Loans, or behind later bytes, it is Borrow:
// CallIn looks from the first packet on.
func (p *Packet) BorrowOf(l *Loans, b []byte, seq header.Seq) {
	p.tail = b
	if l != nil && len(b) > 0 && (l.last == nil || !seq.Before(l.last.seq)) {
		p.seq = seq
		l.add(p)
	}
}

// Keep has the packet outlive the turn. Bytes that are there for the turn only are copied.
func (p *Packet) Keep() {
	if p.of == nil {
		p.Own()
	}
}

func (l *Loans) add(p *Packet) {
	p.of, p.older = l, l.last
	if l.last == nil {
		l.first = p
	} else {
		l.last.newer = p
	}
	l.last = p
}

// repay takes p out of the list.
func (p *Packet) repay() {
	l, newer, older := p.of, p.newer, p.older
	if older == nil {
		l.first = newer
	} else {
		older.newer = newer
	}
	if newer == nil {
		l.last = older
	} else {
		newer.older = older
	}
	p.loan = loan{}
}

// CallIn ends the loan of all that begins before seq: whoever has it gets a copy.
func (l *Loans) CallIn(seq header.Seq) {
	for p := l.first; p != nil && p.seq.Before(seq); p = l.first {
		p.Own()
	}
}

// CallAll ends all loans.
func (l *Loans) CallAll() {
	for p := l.first; p != nil; p = l.first {
		p.Own()
	}
}

// Any reports whether something is on loan.
func (l *Loans) Any() bool { return l.first != nil }
