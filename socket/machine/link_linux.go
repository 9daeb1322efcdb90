package machine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"septet/socket"
)

// linkDescriptor is a packet socket of the kernel's, a socket.LinkDescriptor.
type linkDescriptor struct{ *descriptor }

var _ socket.LinkDescriptor = linkDescriptor{}

// linkSockaddr is a as struct sockaddr_ll.
func linkSockaddr(a socket.LinkAddress) (s unix.RawSockaddrLinklayer) {
	s.Family, s.Protocol, s.Ifindex, s.Halen = unix.AF_PACKET, a.Protocol, int32(a.Interface), uint8(len(a.Addr))
	copy(s.Addr[:], a.Addr[:])
	return s
}

func linkAddress(s *unix.RawSockaddrLinklayer) socket.LinkAddress {
	a := socket.LinkAddress{Protocol: s.Protocol, Interface: int(s.Ifindex), HardwareType: s.Hatype, PacketType: s.Pkttype}
	copy(a.Addr[:], s.Addr[:min(int(s.Halen), len(a.Addr))])
	return a
}

// BindLink is bind(2).
func (d linkDescriptor) BindLink(a socket.LinkAddress) error {
	s := linkSockaddr(a)
	return d.use(func(fd int) error {
		_, _, e := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&s)), unsafe.Sizeof(s))
		return failed(e)
	})
}

// GetSockLink is getsockname(2).
func (d linkDescriptor) GetSockLink() (socket.LinkAddress, error) {
	var s unix.RawSockaddrLinklayer
	length := uint32(unsafe.Sizeof(s))
	err := d.use(func(fd int) error {
		_, _, e := unix.Syscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&s)), uintptr(unsafe.Pointer(&length)))
		return failed(e)
	})
	if err != nil {
		return socket.LinkAddress{}, err
	}
	return linkAddress(&s), nil
}

// SendLink is sendto(2), without an address if to is nil.
func (d linkDescriptor) SendLink(b []byte, flags int, to *socket.LinkAddress) (n int, err error) {
	var s unix.RawSockaddrLinklayer
	var name unsafe.Pointer
	var length uintptr
	if to != nil {
		s = linkSockaddr(*to)
		name, length = unsafe.Pointer(&s), unsafe.Sizeof(s)
	}
	err = d.block(func(fd int) error {
		r, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(first(b)), uintptr(len(b)),
			uintptr(flags), uintptr(name), length)
		n = int(r)
		return failed(e)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// RecvLink is recvfrom(2).
func (d linkDescriptor) RecvLink(b []byte, flags int) (n int, from socket.LinkAddress, err error) {
	var s unix.RawSockaddrLinklayer
	err = d.block(func(fd int) error {
		length := uint32(unsafe.Sizeof(s))
		r, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(first(b)), uintptr(len(b)),
			uintptr(flags), uintptr(unsafe.Pointer(&s)), uintptr(unsafe.Pointer(&length)))
		n = int(r)
		return failed(e)
	})
	if err != nil {
		return 0, socket.LinkAddress{}, err
	}
	return n, linkAddress(&s), nil
}

// failed is the error of a system call, nil for none.
func failed(e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}
