package machine

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"septet/socket"
)

// Send is send(2).
func (d *descriptor) Send(b []byte, flags int) (int, error) {
	return d.SendTo(b, flags, netip.AddrPort{})
}

// SendTo is sendto(2).
func (d *descriptor) SendTo(b []byte, flags int, to netip.AddrPort) (n int, err error) {
	var s sockaddr
	var name unsafe.Pointer
	if to.IsValid() {
		s.put(to, d.domain)
		name = s.pointer()
	}
	err = d.block(func(fd int) error {
		r, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(first(b)), uintptr(len(b)),
			uintptr(flags|unix.MSG_NOSIGNAL), uintptr(name), s.size())
		if e != 0 {
			return e
		}
		n = int(r)
		return nil
	})
	return n, err
}

// Recv is recv(2).
func (d *descriptor) Recv(b []byte, flags int) (int, error) {
	n, _, err := d.RecvFrom(b, flags)
	return n, err
}

// RecvFrom is recvfrom(2).
func (d *descriptor) RecvFrom(b []byte, flags int) (n int, from netip.AddrPort, err error) {
	var s sockaddr
	err = d.block(func(fd int) error {
		s.length = sockaddrSize
		r, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(first(b)), uintptr(len(b)),
			uintptr(flags), uintptr(s.pointer()), uintptr(unsafe.Pointer(&s.length)))
		if e != 0 {
			return e
		}
		n = int(r)
		return nil
	})
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, s.get(), nil
}

// SendMsg is sendmsg(2).
func (d *descriptor) SendMsg(m *socket.Message, flags int) (n int, err error) {
	var s sockaddr
	h := unix.Msghdr{}
	if m.Name.IsValid() {
		s.put(m.Name, d.domain)
		h.Name, h.Namelen = (*byte)(s.pointer()), s.length
	}
	setBuffers(&h, m.Buffers)
	if control := putControl(m.Control); len(control) > 0 {
		h.Control = &control[0]
		h.SetControllen(len(control))
	}
	err = d.block(func(fd int) error {
		n, err = message(unix.SYS_SENDMSG, fd, &h, flags|unix.MSG_NOSIGNAL)
		return err
	})
	return n, err
}

// RecvMsg is recvmsg(2).
func (d *descriptor) RecvMsg(m *socket.Message, flags int) (n int, err error) {
	var s sockaddr
	h := unix.Msghdr{}
	setBuffers(&h, m.Buffers)
	control := make([]byte, m.ControlSize)
	if d.domain != unix.AF_PACKET { // which has no descriptors to pass on, and refuses the flag
		flags |= unix.MSG_CMSG_CLOEXEC
	}
	err = d.block(func(fd int) error {
		h.Name, h.Namelen, h.Flags = (*byte)(s.pointer()), sockaddrSize, 0
		if h.Control = nil; len(control) > 0 {
			h.Control = &control[0]
		}
		h.SetControllen(len(control))
		n, err = message(unix.SYS_RECVMSG, fd, &h, flags)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.length = h.Namelen
	m.Name, m.Flags = s.get(), int(h.Flags)&^unix.MSG_CMSG_CLOEXEC
	m.Control, err = parseControl(control[:h.Controllen])
	return n, err
}

func message(number uintptr, fd int, h *unix.Msghdr, flags int) (int, error) {
	n, _, e := unix.Syscall(number, uintptr(fd), uintptr(unsafe.Pointer(h)), uintptr(flags))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func setBuffers(h *unix.Msghdr, buffers [][]byte) {
	if len(buffers) == 0 {
		return
	}
	list := make([]unix.Iovec, len(buffers))
	for i, b := range buffers {
		list[i].Base = (*byte)(first(b))
		list[i].SetLen(len(b))
	}
	h.Iov = &list[0]
	h.SetIovlen(len(list))
}

// putControl lays control messages out as cmsg(3) has it.
func putControl(list []socket.ControlMessage) []byte {
	var b []byte
	for _, c := range list {
		at := len(b)
		b = append(b, make([]byte, unix.CmsgSpace(len(c.Data)))...)
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[at]))
		h.Level, h.Type = int32(c.Level), int32(c.Type)
		h.SetLen(unix.CmsgLen(len(c.Data)))
		copy(b[at+unix.CmsgLen(0):], c.Data)
	}
	return b
}

func parseControl(b []byte) ([]socket.ControlMessage, error) {
	// What does not fit is cut in the middle; ParseSocketControlMessage takes that
	// for an error only if the header itself is broken.
	if len(b) < unix.SizeofCmsghdr {
		return nil, nil
	}
	parsed, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return nil, err
	}
	list := make([]socket.ControlMessage, len(parsed))
	for i, c := range parsed {
		list[i] = socket.ControlMessage{Level: int(c.Header.Level), Type: int(c.Header.Type), Data: c.Data}
	}
	return list, nil
}
