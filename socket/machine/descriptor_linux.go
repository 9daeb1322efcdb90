package machine

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"septet/socket"
)

// descriptor is a socket of the kernel's.
type descriptor struct {
	file
	domain int
}

func newDescriptor(fd, domain int) *descriptor {
	return &descriptor{file: file{fd: fd}, domain: domain}
}

// tell is a system call that is told an address.
func (s *sockaddr) tell(number uintptr, fd int) error {
	if _, _, e := unix.Syscall(number, uintptr(fd), uintptr(s.pointer()), s.size()); e != 0 {
		return e
	}
	return nil
}

// ask is a system call that returns an address.
func (s *sockaddr) ask(number uintptr, fd int) error {
	s.length = sockaddrSize
	_, _, e := unix.Syscall(number, uintptr(fd), uintptr(s.pointer()), uintptr(unsafe.Pointer(&s.length)))
	if e != 0 {
		return e
	}
	return nil
}

// Bind is bind(2).
func (d *descriptor) Bind(local netip.AddrPort) error {
	var s sockaddr
	s.put(local, d.domain)
	return d.use(func(fd int) error { return s.tell(unix.SYS_BIND, fd) })
}

// Listen is listen(2).
func (d *descriptor) Listen(backlog int) error {
	return d.use(func(fd int) error { return unix.Listen(fd, backlog) })
}

// Accept is accept(2).
func (d *descriptor) Accept() (socket.Descriptor, netip.AddrPort, error) {
	var s sockaddr
	var n int
	err := d.block(func(fd int) (err error) {
		s.length = sockaddrSize
		r, _, e := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(s.pointer()),
			uintptr(unsafe.Pointer(&s.length)), unix.SOCK_CLOEXEC, 0, 0)
		if e != 0 {
			return e
		}
		n = int(r)
		return nil
	})
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return newDescriptor(n, d.domain), s.get(), nil
}

// Connect is connect(2).
func (d *descriptor) Connect(to netip.AddrPort) error {
	var s sockaddr
	if s.put(to, d.domain); to == (netip.AddrPort{}) {
		s.unspecified()
	}
	return d.block(func(fd int) error { return s.tell(unix.SYS_CONNECT, fd) })
}

// Shutdown is shutdown(2).
func (d *descriptor) Shutdown(how int) error {
	return d.use(func(fd int) error { return unix.Shutdown(fd, how) })
}

// GetSockName is getsockname(2).
func (d *descriptor) GetSockName() (netip.AddrPort, error) { return d.name(unix.SYS_GETSOCKNAME) }

// GetPeerName is getpeername(2).
func (d *descriptor) GetPeerName() (netip.AddrPort, error) { return d.name(unix.SYS_GETPEERNAME) }

func (d *descriptor) name(number uintptr) (netip.AddrPort, error) {
	var s sockaddr
	if err := d.use(func(fd int) error { return s.ask(number, fd) }); err != nil {
		return netip.AddrPort{}, err
	}
	return s.get(), nil
}

// SetNonblock sets or clears O_NONBLOCK.
func (d *descriptor) SetNonblock(on bool) error {
	return d.use(func(fd int) error { return unix.SetNonblock(fd, on) })
}

// AtMark is sockatmark(3).
func (d *descriptor) AtMark() (at bool, err error) {
	err = d.use(func(fd int) error {
		n, err := unix.IoctlGetInt(fd, unix.SIOCATMARK)
		at = n != 0
		return err
	})
	return at, err
}

// GetSockOpt is getsockopt(2) for a number.
func (d *descriptor) GetSockOpt(level, name int) (value int, err error) {
	err = d.use(func(fd int) (err error) {
		value, err = unix.GetsockoptInt(fd, level, name)
		return err
	})
	if err != nil {
		return 0, err
	}
	return value, nil
}

// SetSockOpt is setsockopt(2) for a number.
func (d *descriptor) SetSockOpt(level, name, value int) error {
	return d.use(func(fd int) error { return unix.SetsockoptInt(fd, level, name, value) })
}

// GetSockOptBytes is getsockopt(2).
func (d *descriptor) GetSockOptBytes(level, name int, b []byte) (int, error) {
	length := uint32(len(b))
	err := d.use(func(fd int) error {
		_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
			uintptr(first(b)), uintptr(unsafe.Pointer(&length)), 0)
		if e != 0 {
			return e
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(length), nil
}

// SetSockOptBytes is setsockopt(2).
func (d *descriptor) SetSockOptBytes(level, name int, value []byte) error {
	return d.use(func(fd int) error {
		_, _, e := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
			uintptr(first(value)), uintptr(len(value)), 0)
		if e != 0 {
			return e
		}
		return nil
	})
}

// nothing is where an empty buffer lies: the kernel is given an address in any case.
var nothing [1]byte

func first(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return unsafe.Pointer(&nothing)
	}
	return unsafe.Pointer(&b[0])
}
