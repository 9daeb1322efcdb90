package socket

import (
	"strings"
	"syscall"

	"septet/network"
	"septet/transport/tcp"
)

// Options of the level SOL_SOCKET with which sockets share ports, or keep to a device.
const (
	SO_REUSEPORT     = 15
	SO_BINDTODEVICE  = 25
	SO_BINDTOIFINDEX = 62
)

// ifNameSize is IFNAMSIZ: how long an interface's name is at most, with its zero byte.
const ifNameSize = 16

// SetSockOptDevice is SO_BINDTODEVICE (socket(7)): the socket sends by the interface with
// this name alone and hears only what arrives there; "" ends that. Errors: ENODEV without
// such an interface, EPERM for an ordinary process if the socket has a device already.
func (s *Socket) SetSockOptDevice(name string) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	return s.setDeviceName(name)
}

func (s *Socket) setDeviceName(name string) error {
	name, _, _ = strings.Cut(name, "\x00")
	if name == "" {
		return s.setDevice(nil)
	}
	via := s.stack.network.InterfaceNamed(name)
	if via == nil {
		return syscall.ENODEV
	}
	return s.setDevice(via)
}

// GetSockOptDevice returns what SetSockOptDevice was given.
func (s *Socket) GetSockOptDevice() (string, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return "", syscall.EBADF
	}
	if d := s.device(); d != nil {
		return d.Name(), nil
	}
	return "", nil
}

// setDeviceIndex is SO_BINDTOIFINDEX.
func (s *Socket) setDeviceIndex(index int) error {
	if index < 0 {
		return syscall.EINVAL
	}
	via := s.numbered(index)
	if via == nil && index != 0 {
		return syscall.ENODEV // Linux takes any number, and the socket reaches nobody
	}
	return s.setDevice(via)
}

// device returns the device to which the socket is bound, nil for none.
func (s *Socket) device() *network.Interface {
	switch p := s.protocol.(type) {
	case *stream:
		return p.tcpOptions().Device
	case *datagram:
		return p.endpoint.Device()
	case *raw:
		return p.device
	}
	return nil
}

func (s *Socket) setDevice(via *network.Interface) error {
	if s.ordinary && s.device() != nil {
		return syscall.EPERM // since Linux 5.7 a first one is for everybody
	}
	switch p := s.protocol.(type) {
	case *stream:
		o := p.tcpOptions()
		o.Device = via
		p.setTCPOptions(o)
	case *datagram:
		p.endpoint.SetDevice(via)
	case *raw:
		p.device = via
	}
	return nil
}

// sharing says with whom the socket can share its port.
func (t *stream) sharing() tcp.Sharing { return t.tcpOptions().Sharing }
