package machine

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr is an address as the kernel has it: struct sockaddr_in or sockaddr_in6.
type sockaddr struct {
	raw    unix.RawSockaddrInet6 // the larger of the two
	length uint32
}

const sockaddrSize = unix.SizeofSockaddrInet6

func (s *sockaddr) pointer() unsafe.Pointer { return unsafe.Pointer(&s.raw) }
func (s *sockaddr) size() uintptr           { return uintptr(s.length) }

// port is in network byte order, whatever the machine's is.
func (s *sockaddr) port() *[2]byte { return (*[2]byte)(unsafe.Pointer(&s.raw.Port)) }

// put writes a. An Addr that is not valid is the domain's unspecified one.
func (s *sockaddr) put(a netip.AddrPort, domain int) {
	ip := a.Addr()
	switch {
	case ip.IsValid():
	case domain == unix.AF_INET6:
		ip = netip.IPv6Unspecified()
	default:
		ip = netip.IPv4Unspecified()
	}
	*s = sockaddr{}
	binary.BigEndian.PutUint16(s.port()[:], a.Port())
	if ip.Is4() {
		four := (*unix.RawSockaddrInet4)(s.pointer())
		four.Family, four.Addr = unix.AF_INET, ip.As4()
		s.length = unix.SizeofSockaddrInet4
		return
	}
	s.raw.Family, s.raw.Addr, s.raw.Scope_id = unix.AF_INET6, ip.As16(), scope(ip.Zone())
	s.length = sockaddrSize
}

// unspecified is the address of family AF_UNSPEC, which undoes a connect.
func (s *sockaddr) unspecified() { s.raw.Family = unix.AF_UNSPEC }

// get returns the address that the kernel has written, not valid if it has written none.
func (s *sockaddr) get() netip.AddrPort {
	if s.length == 0 {
		return netip.AddrPort{}
	}
	port := binary.BigEndian.Uint16(s.port()[:])
	switch s.raw.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(s.pointer()).Addr), port)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.raw.Addr).WithZone(zone(s.raw.Scope_id)), port)
	}
	return netip.AddrPort{}
}

// scope returns the number of an interface that a zone names, or is.
func scope(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

func zone(scope uint32) string {
	if scope == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(scope)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(scope), 10)
}
