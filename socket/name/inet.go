package name

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"septet/socket"
)

// ErrNotAddress says that a text is not an address of the family that was asked for: the
// calls of C return zero.
var ErrNotAddress = errors.New("not an address")

// INADDR_NONE is what InetAddr returns for a text that is no address, and for
// 255.255.255.255.
const INADDR_NONE = 0xffffffff

// InetAton reads an IPv4 address as inet_aton(3) does. It may have one to four parts; the
// last fills all the bytes that are left, so that 127.1 is 127.0.0.1. Each is decimal, or
// with a leading 0 octal, or with 0x hexadecimal. White space ends the address: what comes
// after it is not looked at.
func InetAton(s string) ([4]byte, error) {
	a, rest, ok := aton(s)
	if !ok || rest != "" && !isSpace(rest[0]) {
		return [4]byte{}, ErrNotAddress
	}
	return a, nil
}

// InetAddr is InetAton with the address as a number in network byte order, INADDR_NONE
// for none.
func InetAddr(s string) uint32 {
	a, err := InetAton(s)
	if err != nil {
		return INADDR_NONE
	}
	return binary.NativeEndian.Uint32(a[:])
}

// InetNtoa writes an address in dotted decimal.
func InetNtoa(a [4]byte) string { return netip.AddrFrom4(a).String() }

// aton reads an address and returns what follows it.
func aton(s string) (a [4]byte, rest string, ok bool) {
	for n := 0; ; n++ {
		v, rest, ok := cNumber(s)
		switch {
		case !ok:
			return a, s, false
		case rest != "" && rest[0] == '.':
			if n == 3 || v > 255 {
				return a, s, false
			}
			a[n] = byte(v)
			s = rest[1:]
			continue
		case v>>(8*(4-n)) != 0:
			return a, s, false
		}
		for i := 3; i >= n; i-- {
			a[i] = byte(v)
			v >>= 8
		}
		return a, rest, true
	}
}

// cNumber reads a number as strtoul(3) with base 0 does, up to 32 bits. It begins with
// a digit.
func cNumber(s string) (v uint64, rest string, ok bool) {
	base, digits := uint64(10), 0
	if s != "" && s[0] == '0' {
		base = 8
		if len(s) > 2 && s[1]|0x20 == 'x' && digit(s[2]) < 16 {
			base, s = 16, s[2:]
		}
	}
	for ; digits < len(s) && digit(s[digits]) < base; digits++ {
		if v = v*base + digit(s[digits]); v > 0xffffffff {
			return 0, s, false
		}
	}
	return v, s[digits:], digits > 0
}

// digit returns the value of a digit in any base, 255 for none.
func digit(c byte) uint64 {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return 255
}

// isSpace is isspace(3) in the C locale.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// InetPton reads an address as inet_pton(3) does: IPv4 as four decimal parts and no other
// way, IPv6 as RFC 4291, section 2.2 has it, without a zone. The result has 4 or 16 bytes.
// Errors: EAFNOSUPPORT, ErrNotAddress.
func InetPton(family int, s string) ([]byte, error) {
	if family != socket.AF_INET && family != socket.AF_INET6 {
		return nil, syscall.EAFNOSUPPORT
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || strings.Contains(s, ":") != (family == socket.AF_INET6) {
		return nil, ErrNotAddress
	}
	return a.AsSlice(), nil
}

// InetNtop writes an address of 4 or 16 bytes as inet_ntop(3) does. Errors: EAFNOSUPPORT,
// EINVAL if there are not as many bytes as the family has.
func InetNtop(family int, b []byte) (string, error) {
	switch {
	case family != socket.AF_INET && family != socket.AF_INET6:
		return "", syscall.EAFNOSUPPORT
	case family == socket.AF_INET && len(b) != 4, family == socket.AF_INET6 && len(b) != 16:
		return "", syscall.EINVAL
	}
	a, _ := netip.AddrFromSlice(b)
	return text(a), nil
}

// text writes an address as the C library does. It differs from netip's way in an
// IPv4-compatible address, whose last 32 bits are in dotted decimal too.
func text(a netip.Addr) string {
	if b := a.As16(); a.Is6() && a.Zone() == "" && allZero(b[:12]) && b[12]|b[13] != 0 {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	return a.String()
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// number reads a decimal number that is the whole text, as strtoul(3) does: white space
// and a plus sign may go before it.
func number(s string) (n int, ok bool) {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return int(v), err == nil && v >= 0
}
