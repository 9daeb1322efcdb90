package header

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// The bytes and the sum are RFC 1071's, section 3.
func TestChecksumExampleOfRFC1071(t *testing.T) {
	b := unhex(t, "00 01 f2 03 f4 f5 f6 f7")
	if got := Checksum(b, 0); got != 0xddf2 {
		t.Errorf("sum %#04x, RFC 1071 section 3 has 0xddf2", got)
	}
}

// slowChecksum is the definition: 16-bit words, carries added back, the last
// odd byte followed by a zero.
func slowChecksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		sum += w
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestChecksumEqualsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
			if n%5 == 0 {
				b[i] = 0xff // as many carries as there can be
			}
		}
		if got, want := Checksum(b, 0), slowChecksum(b); got != want {
			t.Fatalf("%d bytes: sum %#04x, by the definition %#04x", n, got, want)
		}
		even := n / 2 &^ 1
		if got, want := Checksum(b[even:], Checksum(b[:even], 0)), slowChecksum(b); got != want {
			t.Fatalf("%d bytes in two parts, cut at %d: sum %#04x, by the definition %#04x", n, even, got, want)
		}
	}
}

// The pseudo-headers as they stand in RFC 9293, section 3.1, and RFC 8200, section 8.1.
func TestPseudoSumEqualsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		var b [32]byte
		for i := range b {
			b[i] = byte(r.Uint32())
			if n%5 == 0 {
				b[i] = 0xff // as many carries as there can be
			}
		}
		length := r.IntN(65536)
		src, dst := netip.AddrFrom16([16]byte(b[:])), netip.AddrFrom16([16]byte(b[16:]))
		six := append(b[:32:32], 0, 0, byte(length>>8), byte(length), 0, 0, 0, byte(ProtocolUDP))
		if got, want := PseudoSum(src, dst, ProtocolUDP, length), slowChecksum(six); got != want {
			t.Fatalf("%v to %v, %d bytes: sum %#04x, by the definition %#04x", src, dst, length, got, want)
		}
		src, dst = netip.AddrFrom4([4]byte(b[:])), netip.AddrFrom4([4]byte(b[4:]))
		four := append(b[:8:8], 0, byte(ProtocolTCP), byte(length>>8), byte(length))
		if got, want := PseudoSum(src, dst, ProtocolTCP, length), slowChecksum(four); got != want {
			t.Fatalf("%v to %v, %d bytes: sum %#04x, by the definition %#04x", src, dst, length, got, want)
		}
	}
}

func TestSequenceArithmeticWrapsAround(t *testing.T) {
	const last = Seq(0xffffffff)
	tests := []struct {
		a, b          Seq
		before, after bool
		sub           int
	}{
		{0, 0, false, false, 0},
		{1, 0, false, true, 1},
		{last, 0, true, false, -1}, // 2^32-1 is one before 0
		{0, last, false, true, 1},
		{5, last - 4, false, true, 10},
		{0x7fffffff, 0, false, true, 0x7fffffff},
		{0x80000001, 0, true, false, -0x7fffffff},
	}
	for _, c := range tests {
		if c.a.Before(c.b) != c.before || c.a.After(c.b) != c.after {
			t.Errorf("%d against %d: before %v, after %v; modulo 2^32 they are %v, %v",
				c.a, c.b, c.a.Before(c.b), c.a.After(c.b), c.before, c.after)
		}
		if c.a.AtMost(c.b) != !c.after || c.a.AtLeast(c.b) != !c.before {
			t.Errorf("%d against %d: AtMost and AtLeast must be the opposites of After and Before", c.a, c.b)
		}
		if got := c.a.Sub(c.b); got != c.sub {
			t.Errorf("%d minus %d is %d, want %d", c.a, c.b, got, c.sub)
		}
		if got := c.b.Add(c.sub); got != c.a {
			t.Errorf("%d plus %d is %d, want %d", c.b, c.sub, got, c.a)
		}
	}
	for _, c := range []struct {
		a    Seq
		in   bool
		what string
	}{
		{last - 1, true, "the first of the window"}, {2, true, "the last, beyond zero"},
		{3, false, "right after the window"}, {last - 2, false, "right before it"},
	} {
		if got := c.a.InWindow(last-1, 5); got != c.in {
			t.Errorf("window of 5 from 2^32-2: %d (%s) inside is %v, want %v", c.a, c.what, got, c.in)
		}
	}
	if Seq(7).InWindow(7, 0) {
		t.Error("nothing is inside a window of size zero")
	}
}

// A SYN of Linux on its loopback and an echo request, with the values that
// tshark prints for them.
const (
	linuxSYN  = `8fee 49c8 3b9f1260 00000000 a002 ffd7 fe30 0000 0204ffd7 0402080a fa350541 00000000 0103030a`
	ipv4Head  = `4500 003c 8568 4000 40 06 b751 7f000001 7f000001`
	arpPacket = `0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002`
)

func TestParseKnownTCP(t *testing.T) {
	var h TCP
	n, err := ParseTCP(unhex(t, linuxSYN), &h)
	if err != nil || n != 40 {
		t.Fatalf("a SYN of Linux: header of %d bytes, %v; it has 40", n, err)
	}
	want := TCP{
		SrcPort: 36846, DstPort: 18888, Seq: 1000280672, Flags: SYN, Window: 65495, Checksum: 0xfe30,
		Options: TCPOptions{HasMSS: true, MSS: 65495, SACKPermitted: true, HasTimestamps: true,
			TSVal: 4197778753, HasWindowScale: true, WindowScale: 10},
	}
	if h != want {
		t.Errorf("a SYN of Linux:\n got %+v\nwant %+v", h, want)
	}
	// Linux's own option order and padding come out again.
	b := make([]byte, h.Len())
	h.Put(b)
	if !bytes.Equal(b, unhex(t, linuxSYN)) {
		t.Errorf("written again it is\n%x, want\n%x", b, unhex(t, linuxSYN))
	}
}

func TestParseKnownIPv4(t *testing.T) {
	b := append(unhex(t, ipv4Head), unhex(t, linuxSYN)...)
	h, payload, err := ParseIPv4(b)
	if err != nil {
		t.Fatalf("a header of Linux: %v", err)
	}
	if h.TotalLength != 60 || h.ID != 0x8568 || !h.DontFragment || h.MoreFragments || h.FragmentOffset != 0 ||
		h.TTL != 64 || h.Protocol != ProtocolTCP || h.Checksum != 0xb751 || h.Src != addr("127.0.0.1") || h.Dst != h.Src {
		t.Errorf("a header of Linux is read as %+v", h)
	}
	if len(payload) != 40 {
		t.Errorf("payload of %d bytes, total length says 40", len(payload))
	}
	if sum := Checksum(payload, PseudoSum(h.Src, h.Dst, ProtocolTCP, 40)); sum == 0xffff {
		t.Error("this segment's checksum was left to the network card, it cannot be right")
	}
	padded := append(b, 0, 0, 0)
	if _, payload, _ := ParseIPv4(padded); len(payload) != 40 {
		t.Errorf("behind the total length stands padding: payload of %d bytes, want 40", len(payload))
	}
	if _, payload, err := ParseIPv4(b[:30]); err != nil || len(payload) != 10 {
		t.Errorf("a packet cut short, as an ICMP error quotes it: payload of %d bytes, %v; want 10 and no error", len(payload), err)
	}
}

func TestParseKnownARP(t *testing.T) {
	h, err := ParseARP(unhex(t, arpPacket))
	want := ARP{ARPReply, MAC{2, 0, 0, 0, 0, 1}, addr("10.0.0.1"), MAC{2, 0, 0, 0, 0, 2}, addr("10.0.0.2")}
	if err != nil || h != want {
		t.Errorf("read %+v, %v; want %+v", h, err, want)
	}
}

func TestParsersRefuse(t *testing.T) {
	ipv4 := func(change func(b []byte)) []byte {
		b := append(unhex(t, ipv4Head), make([]byte, 40)...)
		change(b)
		b[10], b[11] = 0, 0
		be.PutUint16(b[10:], ^Checksum(b[:min(len(b), max(20, int(b[0]&15)*4))], 0))
		return b
	}
	parseIPv4 := func(b []byte) error { _, _, err := ParseIPv4(b); return err }
	parseTCP := func(b []byte) error { var h TCP; _, err := ParseTCP(b, &h); return err }
	parseUDP := func(b []byte) error { _, _, err := ParseUDP(b); return err }
	parseICMP := func(b []byte) error { _, _, err := ParseICMP(b); return err }
	parseARP := func(b []byte) error { _, err := ParseARP(b); return err }
	parseEthernet := func(b []byte) error { _, _, err := ParseEthernet(b); return err }
	tcp := unhex(t, linuxSYN)
	tests := []struct {
		name  string
		parse func([]byte) error
		in    []byte
		want  error
	}{
		{"Ethernet of 13 bytes", parseEthernet, make([]byte, 13), ErrTruncated},
		{"ARP of 27 bytes", parseARP, unhex(t, arpPacket)[:27], ErrTruncated},
		{"ARP for another network", parseARP, append([]byte{0, 6}, unhex(t, arpPacket)[2:]...), ErrMalformed},
		{"IPv4 of 19 bytes", parseIPv4, unhex(t, ipv4Head)[:19], ErrTruncated},
		{"IPv4 with version 6", parseIPv4, ipv4(func(b []byte) { b[0] = 0x65 }), ErrVersion},
		{"IPv4 with a header of 16 bytes", parseIPv4, ipv4(func(b []byte) { b[0] = 0x44 }), ErrMalformed},
		{"IPv4 with options that are not there", parseIPv4, ipv4(func(b []byte) { b[0] = 0x4f })[:40], ErrTruncated},
		{"IPv4 shorter than its header", parseIPv4, ipv4(func(b []byte) { b[3] = 19 }), ErrMalformed},
		{"IPv4 with one bit changed", parseIPv4, append([]byte{0x45, 1}, unhex(t, ipv4Head)[2:]...), ErrChecksum},
		{"ICMP of 7 bytes", parseICMP, make([]byte, 7), ErrTruncated},
		{"ICMP with a wrong checksum", parseICMP, []byte{8, 0, 0, 0, 0, 1, 0, 1}, ErrChecksum},
		{"UDP of 7 bytes", parseUDP, make([]byte, 7), ErrTruncated},
		{"UDP shorter than its header", parseUDP, []byte{0, 1, 0, 2, 0, 7, 0, 0}, ErrMalformed},
		{"TCP of 19 bytes", parseTCP, tcp[:19], ErrTruncated},
		{"TCP with data offset 4", parseTCP, append(append(bytes.Clone(tcp[:12]), 0x40), tcp[13:]...), ErrMalformed},
		{"TCP with options that are not there", parseTCP, tcp[:39], ErrTruncated},
	}
	for _, c := range tests {
		if err := c.parse(c.in); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// RFC 9293, section 3.1 (MUST-7): an illegal option length does no harm.
func TestTCPOptionsWithIllegalLengths(t *testing.T) {
	tests := []struct {
		name    string
		options string
		want    TCPOptions
	}{
		{"length zero", "0204 05b4 0800 0000", TCPOptions{HasMSS: true, MSS: 1460}},
		{"length one", "0204 05b4 0301 0000", TCPOptions{HasMSS: true, MSS: 1460}},
		{"length beyond the header", "0204 05b4 080a 0000", TCPOptions{HasMSS: true, MSS: 1460}},
		{"kind without a length", "0204 05b4 0101 0108", TCPOptions{HasMSS: true, MSS: 1460}},
		{"an MSS of three bytes is ignored, the next option stands", "0203 0503 0307 0000", TCPOptions{HasWindowScale: true, WindowScale: 7}},
		{"nothing counts after the end", "0000 0000 0204 05b4", TCPOptions{}},
		{"an unknown kind is stepped over", "fd04 dead 0204 05b4", TCPOptions{HasMSS: true, MSS: 1460}},
		{"SACK of no block", "0502 0101 0402 0101", TCPOptions{SACKPermitted: true}},
		{"SACK of five blocks", "052a" + strings.Repeat("00", 40), TCPOptions{}},
	}
	for _, c := range tests {
		options := unhex(t, c.options)
		var o TCPOptions
		o.parse(options)
		if o != c.want {
			t.Errorf("%s: read %+v, want %+v", c.name, o, c.want)
		}
	}
}

func TestNamesOfFlags(t *testing.T) {
	for f, want := range map[TCPFlags]string{0: "", SYN: "SYN", SYN | ACK: "SYN, ACK", FIN | PSH | ACK: "FIN, PSH, ACK"} {
		if got := f.String(); got != want {
			t.Errorf("flags %#02x are %q, want %q", uint8(f), got, want)
		}
	}
}

func TestMAC(t *testing.T) {
	m, err := ParseMAC("02:00:00:00:00:ff")
	if err != nil || m != (MAC{2, 0, 0, 0, 0, 0xff}) || m.String() != "02:00:00:00:00:ff" {
		t.Errorf("read %v, %v", m, err)
	}
	for _, bad := range []string{"", "02:00:00:00:00", "02:00:00:00:00:00:00:01", "hello"} {
		if _, err := ParseMAC(bad); err == nil || !strings.Contains(err.Error(), "02:00:00:00:00:01") {
			t.Errorf("%q: %v; the error must show what an address looks like", bad, err)
		}
	}
	if !BroadcastMAC.IsGroup() || !(MAC{1, 0, 0x5e}).IsGroup() || (MAC{2}).IsGroup() {
		t.Error("a group address is one whose first byte is odd")
	}
}

// The example of RFC 4291, appendix A: "34-56-78-9A-BC-DE" is
// 36-56-78-FF-FE-9A-BC-DE.
func TestEUI64(t *testing.T) {
	got := MAC{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}.EUI64()
	if want := [8]byte{0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde}; got != want {
		t.Errorf("the interface identifier is %x, should be %x", got, want)
	}
}
