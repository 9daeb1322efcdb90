package header

import (
	"bytes"
	"testing"
)

// TestFastOpenOfEveryLength: RFC 7413, section 4.1.1: a cookie has 4 to 16 bytes,
// an even number of them; without one the option asks for it; an option of any
// other length is ignored, and those behind it are read.
func TestFastOpenOfEveryLength(t *testing.T) {
	for n := range 35 {
		value := bytes.Repeat([]byte{0xc0}, n)
		b := append(append([]byte{OptionFastOpen, byte(2 + n)}, value...), OptionMSS, 4, 1, 2)
		var o TCPOptions
		o.parse(b)
		valid := n == 0 || n >= 4 && n <= 16 && n%2 == 0
		if o.HasFastOpen != valid {
			t.Errorf("a cookie of %d bytes: taken %v, must be %v", n, o.HasFastOpen, valid)
		}
		if valid && !bytes.Equal(o.FastOpen.Value[:o.FastOpen.Len], value) {
			t.Errorf("a cookie of %d bytes is read as %x", n, o.FastOpen.Value[:o.FastOpen.Len])
		}
		if o.MSS != 0x0102 {
			t.Errorf("behind a cookie of %d bytes the MSS is not read", n)
		}
	}
}

// TestUserTimeoutOfEveryLength: RFC 5482, section 2: the length is always 4.
func TestUserTimeoutOfEveryLength(t *testing.T) {
	for n := range 35 {
		b := append([]byte{OptionUserTimeout, byte(2 + n)}, bytes.Repeat([]byte{0x81}, n)...)
		var o TCPOptions
		o.parse(append(b, OptionMSS, 4, 1, 2))
		if o.HasUserTimeout != (n == 2) || n == 2 && o.UserTimeout != 0x8181 {
			t.Errorf("a value of %d bytes: taken %v as %#x", n, o.HasUserTimeout, o.UserTimeout)
		}
		if o.MSS != 0x0102 {
			t.Errorf("behind a user timeout of %d bytes the MSS is not read", n)
		}
	}
}

// TestOptionsOnTheWire holds the layout against bytes written by hand.
func TestOptionsOnTheWire(t *testing.T) {
	cookie := FastOpenCookie{Len: 4, Value: [16]byte{1, 2, 3, 4}}
	for _, c := range []struct {
		name, wire string
		options    TCPOptions
	}{
		{"asking for a cookie", "0101 2202", TCPOptions{HasFastOpen: true}},
		{"a cookie of 4", "0101 2206 0102 0304", TCPOptions{HasFastOpen: true, FastOpen: cookie}},
		{"two minutes", "1c04 8002", TCPOptions{HasUserTimeout: true, UserTimeout: 0x8002}},
		{"the usual ones of a SYN", "0204 05b4 0402 080a 0102 0304 0506 0708 0103 0307",
			TCPOptions{HasMSS: true, MSS: 1460, SACKPermitted: true, HasTimestamps: true,
				TSVal: 0x01020304, TSEcr: 0x05060708, HasWindowScale: true, WindowScale: 7}},
		{"a SYN's without a window scale, and a timeout", "0204 05b4 0402 080a 0102 0304 0506 0708 1c04 8002",
			TCPOptions{HasMSS: true, MSS: 1460, SACKPermitted: true, HasTimestamps: true,
				TSVal: 0x01020304, TSEcr: 0x05060708, HasUserTimeout: true, UserTimeout: 0x8002}},
		{"two behind an MSS", "0204 05b4 1c04 0005 0101 2202",
			TCPOptions{HasMSS: true, MSS: 1460, HasUserTimeout: true, UserTimeout: 5, HasFastOpen: true}},
	} {
		want := unhex(t, c.wire)
		got := make([]byte, c.options.Len())
		c.options.put(got)
		if !bytes.Equal(got, want) {
			t.Errorf("%s is written as %x, must be %x", c.name, got, want)
		}
		var again TCPOptions
		if again.parse(want); again != c.options {
			t.Errorf("%s is read as %+v", c.name, again)
		}
	}
}

// TestLongestSYN: everything that a SYN may carry fits into 40 bytes.
func TestLongestSYN(t *testing.T) {
	o := TCPOptions{
		HasMSS: true, HasWindowScale: true, SACKPermitted: true, HasTimestamps: true,
		HasFastOpen: true, FastOpen: FastOpenCookie{Len: MaxFastOpenCookie},
	}
	if n := o.Len(); n > TCPMaxLen-TCPLen {
		t.Errorf("the options take %d bytes, there is room for %d", n, TCPMaxLen-TCPLen)
	}
}

// TestNearlyTheUsualSYN: a byte changed anywhere in the usual options of a SYN is read as
// what it now says.
func TestNearlyTheUsualSYN(t *testing.T) {
	usual := unhex(t, "0204 05b4 0402 080a 0102 0304 0506 0708 0103 0307")
	for i := range usual {
		for v := range 256 {
			b := bytes.Clone(usual)
			b[i] = byte(v)
			var got, want TCPOptions
			got.parse(b)
			want.parse(append(b, OptionEnd)) // which no layout is looked for in
			if got != want {
				t.Errorf("byte %d as %#02x: %x is read as %+v, its options one by one as %+v", i, v, b, got, want)
			}
		}
	}
}
