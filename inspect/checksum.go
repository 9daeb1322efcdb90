package inspect

import (
	"fmt"
	"net/netip"

	"septet/header"
)

// fold adds two ones' complement sums (RFC 1071).
func fold(a, b uint16) uint16 {
	s := uint32(a) + uint32(b)
	return uint16(s>>16 + s&0xffff)
}

// pseudoSum returns the folded sum of the pseudo-header: RFC 9293, section 3.1,
// for IPv4; RFC 8200, section 8.1, for IPv6.
func pseudoSum(src, dst netip.Addr, p header.Protocol, n int) uint16 {
	s, d := src.AsSlice(), dst.AsSlice()
	sum := header.Checksum(d, header.Checksum(s, 0))
	return fold(fold(sum, uint16(p)), fold(uint16(n>>16), uint16(n)))
}

// judge compares a checksum with the sum over all it covers, itself included.
// pseudo is the part of the sum that a network card is given (0 for none).
func judge(field, sum, pseudo uint16, have, need int) (c Check, expected uint16) {
	expected = ^fold(sum, ^field)
	switch {
	case have < need:
		return Unverifiable, 0
	case sum == 0xffff:
		return Good, field
	case pseudo != 0 && field == pseudo:
		return Partial, expected
	}
	return Bad, expected
}

// checksum adds the checksum at offset from, and what is to be said about it.
// sum covers everything, the field included, which is need bytes, of which have
// are here.
func (b *builder) checksum(name string, from int, sum uint16, have, need int) {
	b.transportChecksum(name, from, sum, 0, have, need)
}

func (b *builder) transportChecksum(name string, from int, sum, pseudo uint16, have, need int) {
	field := b.u16(from)
	c, expected := judge(field, sum, pseudo, have, need)
	text := fmt.Sprintf("0x%04x ", field)
	switch c {
	case Good:
		text += "(good)"
	case Bad:
		text += fmt.Sprintf("(bad, expected 0x%04x)", expected)
	case Partial:
		text += fmt.Sprintf("(left to the network card, which makes it 0x%04x)", expected)
	default:
		text += fmt.Sprintf("(unverifiable: %d of %d bytes are here)", have, need)
	}
	b.field(name, from, 2, text).Check = c
}

// segmentSum verifies what TCP, UDP and ICMPv6 cover: the pseudo-header, and the
// whole segment, which begins at r.
func (d *dissection) segmentSum(p header.Protocol, r region, u upper) (sum, pseudo uint16) {
	pseudo = pseudoSum(u.src, u.dst, p, u.length)
	return header.Checksum(d.bytes(r), pseudo), pseudo
}

// needed is how many bytes a checksum covers. A fragment never has them all.
func (u *upper) needed() int {
	if u.fragment {
		return 1 << 20
	}
	return u.length
}
