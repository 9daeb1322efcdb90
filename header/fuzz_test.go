package header

import (
	"bytes"
	"slices"
	"testing"
)

// Each target holds two promises: no bytes make a parser panic, and a header
// that was read, written and read again is the same.

func FuzzParseEthernet(f *testing.F) {
	f.Add(make([]byte, 14))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00payload"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := ParseEthernet(b)
		if err != nil {
			return
		}
		again := make([]byte, EthernetLen)
		if n := h.Put(again); !bytes.Equal(append(again[:n], payload...), b) {
			t.Errorf("%x is written as %x", b, again)
		}
	})
}

func FuzzParseARP(f *testing.F) {
	f.Add(unhex(f, arpPacket))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseARP(b)
		if err != nil {
			return
		}
		again := make([]byte, ARPLen)
		if h.Put(again); !bytes.Equal(again, b[:ARPLen]) {
			t.Errorf("%x is written as %x", b, again)
		}
	})
}

func FuzzParseIPv4(f *testing.F) {
	f.Add(unhex(f, ipv4Head))
	options := IPv4{TotalLength: 24, TTL: 1, Protocol: ProtocolICMP, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), Options: []byte{148, 4, 0, 0}}
	b := make([]byte, options.Len())
	options.Put(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		// Nearly all random headers have a wrong checksum: make it right.
		if len(b) >= IPv4Len {
			if n := int(b[0]&15) * 4; n >= IPv4Len && n <= len(b) {
				b = bytes.Clone(b)
				b[6] &= 0x7f // the reserved flag is not kept
				b[10], b[11] = 0, 0
				be.PutUint16(b[10:], ^Checksum(b[:n], 0))
			}
		}
		h, payload, err := ParseIPv4(b)
		if err != nil {
			return
		}
		if len(payload) > h.TotalLength-h.Len() {
			t.Fatalf("payload of %d bytes, the header of %d says %d in all", len(payload), h.Len(), h.TotalLength)
		}
		again := make([]byte, h.Len())
		h.Put(again)
		if !bytes.Equal(again, b[:len(again)]) {
			t.Errorf("%x is written as %x", b[:len(again)], again)
		}
	})
}

func FuzzParseICMP(f *testing.F) {
	f.Add([]byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= ICMPLen {
			b = bytes.Clone(b)
			SetICMPChecksum(b)
		}
		h, payload, err := ParseICMP(b)
		if err != nil {
			if len(b) >= ICMPLen {
				t.Fatalf("%x: %v after SetICMPChecksum", b, err)
			}
			return
		}
		again := make([]byte, ICMPLen, len(b))
		h.Put(again)
		again = append(again, payload...)
		SetICMPChecksum(again)
		if !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x", b, again)
		}
	})
}

func FuzzParseUDP(f *testing.F) {
	f.Add([]byte{0, 53, 0, 54, 0, 9, 0, 0, 'x', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := ParseUDP(b)
		if err != nil {
			return
		}
		again := make([]byte, UDPLen)
		h.Put(again)
		if got := append(again, payload...); !bytes.Equal(got, b[:min(len(b), h.Length)]) {
			t.Errorf("%x is written as %x", b, got)
		}
	})
}

func FuzzParseTCP(f *testing.F) {
	f.Add(unhex(f, linuxSYN))
	sack := TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true, NumSACK: 3, TSVal: 1}}
	b := make([]byte, sack.Len())
	sack.Put(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, again TCP
		n, err := ParseTCP(b, &h)
		if err != nil {
			return
		}
		if n < TCPLen || n > len(b) {
			t.Fatalf("header of %d in %d bytes", n, len(b))
		}
		if h.Len() > TCPMaxLen {
			// Options repeated in a way no stack sends may need more room
			// with the padding that Put gives them than they came in.
			return
		}
		out := make([]byte, h.Len())
		h.Put(out)
		if _, err := ParseTCP(out, &again); err != nil || again != h {
			t.Errorf("written as %x and read again: %v\n got %+v\nwant %+v", out, err, again, h)
		}
	})
}

func FuzzParseSourceRoute(f *testing.F) {
	f.Add([]byte{131, 11, 4, 10, 0, 1, 1, 10, 0, 2, 2}) // nothing visited
	f.Add([]byte{137, 7, 8, 10, 0, 0, 1})               // completed
	f.Add([]byte{131, 3, 4})                            // empty
	f.Add([]byte{131, 7, 252, 10, 0, 0, 1})             // completed, with the pointer far away
	f.Add([]byte{131, 6, 4, 10, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseSourceRoute(b)
		if err != nil {
			return
		}
		again := make([]byte, r.Len())
		r.Put(again)
		if !r.Completed() && !bytes.Equal(again, b[:len(again)]) {
			t.Errorf("%x is written as %x", b, again)
		}
		if s, err := ParseSourceRoute(again); err != nil || s.Next != r.Next || s.Strict != r.Strict || !slices.Equal(s.Addrs, r.Addrs) {
			t.Errorf("%v was read, written and read again as %v, %v", r, s, err)
		}
	})
}
