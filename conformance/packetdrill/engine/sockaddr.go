package engine

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"septet/socket"
)

// Lengths of Linux's struct sockaddr_in and sockaddr_in6, and of the part of the
// latter without which it is refused.
const (
	sockaddrLen     = 16
	sockaddr6Len    = 28
	sockaddr6MinLen = 24
)

// ParseSockaddr reads a struct sockaddr_in, sockaddr_in6 or one of the family
// AF_UNSPEC, which has no address. Errors: EINVAL if it is too short,
// EAFNOSUPPORT for another family.
func ParseSockaddr(b []byte) (family int, a netip.AddrPort, err error) {
	if len(b) < 2 {
		return 0, a, syscall.EINVAL
	}
	family = int(binary.NativeEndian.Uint16(b))
	switch family {
	case socket.AF_UNSPEC:
		return family, a, nil
	case socket.AF_INET:
		if len(b) < sockaddrLen {
			return 0, a, syscall.EINVAL
		}
		return family, netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])), nil
	case socket.AF_INET6:
		if len(b) < sockaddr6MinLen {
			return 0, a, syscall.EINVAL
		}
		return family, netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), binary.BigEndian.Uint16(b[2:])), nil
	}
	return 0, a, syscall.EAFNOSUPPORT
}

// Sockaddr returns a as the struct of its family. The zero AddrPort has none.
func Sockaddr(a netip.AddrPort) []byte {
	var b []byte
	switch {
	case !a.IsValid():
		return nil
	case a.Addr().Is4():
		b = make([]byte, sockaddrLen)
		binary.NativeEndian.PutUint16(b, socket.AF_INET)
		copy(b[4:], a.Addr().AsSlice())
	default:
		b = make([]byte, sockaddr6Len)
		binary.NativeEndian.PutUint16(b, socket.AF_INET6)
		copy(b[8:], a.Addr().AsSlice())
	}
	binary.BigEndian.PutUint16(b[2:], a.Port())
	return b
}

// address reads a socket address that the tool has given. The socket says what it makes
// of one of another family.
func (s *sock) address(sa []byte) (netip.AddrPort, error) {
	family, a, err := ParseSockaddr(sa)
	if err == nil && family == socket.AF_UNSPEC {
		err = syscall.EAFNOSUPPORT
	}
	return a, err
}
