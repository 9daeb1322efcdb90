package header

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"
)

// An MLD report that Linux sent: IPv6, hop-by-hop options with a router alert, ICMPv6.
const linuxMLDPacket = `
	60 000000 0048 00 01 fe80000000000000000000fffe00000a ff020000000000000000000000000016
	3a 00 05020000 0100 ` + linuxMLDJoin

// The head of a fragment that Linux sent, and the beginning of what it carries.
const linuxFragment = `
	60 0f4fa5 0010 2c 40 20010db800000000000000000000000a 20010db800000000000000000000000b
	3a 00 0001 45af3451 8000d22f00070001`

func TestIPv6OfLinuxIsReadAndWritten(t *testing.T) {
	b := unhex(t, linuxMLDPacket)
	h, payload, err := ParseIPv6(b)
	want := IPv6{PayloadLength: 72, NextHeader: ProtocolHopByHop, HopLimit: 1, Src: addr("fe80::ff:fe00:a"), Dst: addr("ff02::16")}
	if err != nil || h != want {
		t.Fatalf("read %+v, %v, want %+v", h, err, want)
	}
	x, rest, err := ParseExtension(h.NextHeader, payload)
	if err != nil || x.NextHeader != ProtocolICMPv6 || len(x.Data) != 8 {
		t.Fatalf("the extension header is %+v, %v, want one of 8 bytes before ICMPv6", x, err)
	}
	m, _, err := ParseICMPv6(rest, h.Src, h.Dst)
	if err != nil || m.Type != ICMPv6ListenerReport2 || m.Checksum != 0x2cad {
		t.Errorf("the message is %+v, %v, want a report of MLDv2 with Linux's checksum", m, err)
	}
	out := bytes.Repeat([]byte{0xee}, IPv6Len)
	if h.Put(out); !bytes.Equal(out, b[:IPv6Len]) {
		t.Errorf("written as %x, Linux sends %x", out, b[:IPv6Len])
	}

	b = unhex(t, linuxFragment)
	if h, payload, err = ParseIPv6(b); err != nil || h.FlowLabel != 0xf4fa5 || h.NextHeader != ProtocolIPv6Fragment {
		t.Fatalf("read %+v, %v, want a fragment with flow label 0xf4fa5", h, err)
	}
	f, rest, err := ParseIPv6Fragment(payload)
	if want := (IPv6Fragment{NextHeader: ProtocolICMPv6, More: true, ID: 0x45af3451}); err != nil || f != want || len(rest) != 8 {
		t.Errorf("fragment %+v with %d bytes, %v, want %+v with 8", f, len(rest), err, want)
	}
	out = out[:IPv6FragmentLen]
	if f.Put(out); !bytes.Equal(out, payload[:IPv6FragmentLen]) {
		t.Errorf("written as %x, Linux sends %x", out, payload[:IPv6FragmentLen])
	}
}

func TestIPv6ThatLiesIsRefused(t *testing.T) {
	packet := unhex(t, linuxMLDPacket)
	version := bytes.Clone(packet)
	version[0] = 0x50
	_, _, short := ParseIPv6(packet[:39])
	_, _, five := ParseIPv6(version)
	_, _, extension := ParseExtension(ProtocolHopByHop, []byte{58, 1, 0, 0, 0, 0, 0, 0})
	_, _, seven := ParseExtension(ProtocolHopByHop, make([]byte, 7))
	_, _, fragment := ParseIPv6Fragment(make([]byte, 7))
	_, _, icmp := ParseICMPv6(make([]byte, 7), addr("::1"), addr("::1"))
	_, _, sum := ParseICMPv6(unhex(t, linuxMLDJoin), addr("fe80::b"), addr("ff02::16"))
	for _, c := range []struct {
		name      string
		got, want error
	}{
		{"IPv6 of 39 bytes", short, ErrTruncated}, {"IPv6 of version 5", five, ErrVersion},
		{"an extension header longer than the packet", extension, ErrTruncated}, {"one of 7 bytes", seven, ErrTruncated},
		{"a fragment header of 7 bytes", fragment, ErrTruncated}, {"ICMPv6 of 7 bytes", icmp, ErrTruncated},
		{"ICMPv6 from another address than its checksum has", sum, ErrChecksum},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	// The second byte of a fragment header is reserved, and no length.
	if x, _, err := ParseExtension(ProtocolIPv6Fragment, []byte{58, 9, 0, 0, 0, 0, 0, 0}); err != nil || len(x.Data) != 8 {
		t.Errorf("a fragment header with a reserved byte set: %+v, %v, want its 8 bytes", x, err)
	}
}

// RFC 8200, section 8.1: where segments are left, the checksum is for the last of them.
func TestFinalDestinationOfARoutingHeader(t *testing.T) {
	next, one, two := addr("2001:db8::1"), addr("2001:db8::2"), addr("2001:db8::3")
	route := func(kind, left byte, all ...netip.Addr) []byte {
		b := []byte{6, byte(2 * len(all)), kind, left, 0, 0, 0, 0}
		for _, a := range all {
			b = append(b, a.AsSlice()...)
		}
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		want netip.Addr
	}{
		{"type 0", route(0, 2, one, two), two},
		{"type 0, arrived", route(0, 0, one, two), next},
		{"type 2, the home address", route(2, 1, one), one},
		{"segment routing, last segment first", route(4, 1, two, one), two},
		{"a type that is not known", route(99, 1, one), netip.Addr{}},
		{"no address", route(0, 1), netip.Addr{}},
	} {
		if got := FinalDst6(c.b, next); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzParseIPv6(f *testing.F) {
	f.Add(unhex(f, linuxMLDPacket))
	f.Add(unhex(f, linuxFragment))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := ParseIPv6(b)
		if err != nil {
			return
		}
		if len(payload) > h.PayloadLength {
			t.Fatalf("payload of %d bytes, the header says %d", len(payload), h.PayloadLength)
		}
		out := make([]byte, h.Len())
		if h.Put(out); !bytes.Equal(out, b[:len(out)]) {
			t.Errorf("%x is written as %x", b[:len(out)], out)
		}
		for next := h.NextHeader; next.IsExtension(); {
			x, rest, err := ParseExtension(next, payload)
			if err != nil {
				return
			}
			if len(x.Data)%8 != 0 || len(x.Data)+len(rest) != len(payload) {
				t.Fatalf("an extension header of %d bytes and %d after it, of %d", len(x.Data), len(rest), len(payload))
			}
			if next == ProtocolIPv6Route {
				FinalDst6(x.Data, h.Dst)
			}
			if next == ProtocolIPv6Fragment {
				fragment, _, _ := ParseIPv6Fragment(x.Data)
				out := make([]byte, IPv6FragmentLen)
				fragment.Put(out)
				if again, _, err := ParseIPv6Fragment(out); err != nil || again != fragment {
					t.Errorf("%+v was written and read again as %+v, %v", fragment, again, err)
				}
			}
			next, payload = x.NextHeader, rest
		}
	})
}

func FuzzParseICMPv6(f *testing.F) {
	f.Add(unhex(f, linuxMLDJoin))
	f.Fuzz(func(t *testing.T, b []byte) {
		src, dst := addr("fe80::1"), addr("ff02::1")
		if len(b) >= ICMPv6Len {
			b = bytes.Clone(b)
			SetICMPv6Checksum(b, src, dst)
		}
		h, payload, err := ParseICMPv6(b, src, dst)
		if err != nil {
			if len(b) >= ICMPv6Len {
				t.Fatalf("%x: %v after SetICMPv6Checksum", b, err)
			}
			return
		}
		out := make([]byte, ICMPv6Len, len(b))
		h.Put(out)
		out = append(out, payload...)
		SetICMPv6Checksum(out, src, dst)
		if !reflect.DeepEqual(out, b) {
			t.Errorf("%x is written as %x", b, out)
		}
	})
}
