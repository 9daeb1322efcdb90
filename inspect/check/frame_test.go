package check

import (
	"testing"

	"septet/header"
	"septet/inspect"
)

// TestHeaderThatSumsToZero: the checksum of a header may be zero. In a capture that is
// complete such a header is damaged if a bit of it is wrong; elsewhere zero says that a
// network card was to compute it.
func TestHeaderThatSumsToZero(t *testing.T) {
	frame := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}, make([]byte, header.IPv4Len+header.TCPLen)...)
	ip := frame[header.EthernetLen:]
	copy(ip, []byte{0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	ip[header.IPv4Len+12] = 5 << 4
	// With the sum of all the rest as its complement, the identification makes it 0xffff.
	id := ^header.Checksum(ip[:header.IPv4Len], 0)
	ip[4], ip[5] = byte(id>>8), byte(id)
	if sum := header.Checksum(ip[:header.IPv4Len], 0); sum != 0xffff {
		t.Fatalf("the header sums to %#04x, it must to 0xffff without a checksum", sum)
	}
	decoded := func(complete bool) content {
		var s segment
		return decode(&inspect.Frame{LinkType: inspect.LinkEthernet, Data: frame}, &s, complete)
	}
	if got := decoded(true); got != isTCP {
		t.Errorf("a good header with a checksum of zero is content %d, want TCP", got)
	}
	ip[4] ^= 1
	if got := decoded(true); got != isOther {
		t.Errorf("a damaged header with a checksum of zero is content %d in a complete capture, want none of the judge's", got)
	}
	if got := decoded(false); got != isTCP {
		t.Errorf("a header whose checksum may be the card's is content %d, want TCP", got)
	}
}
