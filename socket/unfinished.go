package socket

import (
	"encoding/binary"
	"syscall"
)

// What System asks for and is not there yet.

func (s *Socket) SendMsg(m *Message, flags int) (int, error) { return 0, syscall.ENOSYS }
func (s *Socket) RecvMsg(m *Message, flags int) (int, error) { return 0, syscall.ENOSYS }

// GetSockOptBytes knows those of rawOptionBytes, and numbers.
func (s *Socket) GetSockOptBytes(level, name int, b []byte) (int, error) {
	s.stack.loop.Lock()
	value, ok, err := s.rawOptionBytes(level, name, len(b))
	s.stack.loop.Unlock()
	if ok {
		return copy(b, value), err
	}
	v, err := s.GetSockOpt(level, name)
	if err != nil {
		return 0, err
	}
	return copy(b, binary.NativeEndian.AppendUint32(nil, uint32(v))), nil
}

// SetSockOptBytes knows those of setRawOptionBytes, and numbers.
func (s *Socket) SetSockOptBytes(level, name int, value []byte) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if ok, err := s.setRawOptionBytes(level, name, value); ok {
		return err
	}
	if len(value) < 4 {
		return syscall.EINVAL
	}
	return s.setOption(level, name, int(int32(binary.NativeEndian.Uint32(value))))
}

var _ System = (*Process)(nil)
