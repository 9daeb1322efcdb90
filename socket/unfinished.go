package socket

import (
	"syscall"
)

// What System asks for and is not there yet.

func (s *Socket) SendMsg(m *Message, flags int) (int, error)             { return 0, syscall.ENOSYS }
func (s *Socket) RecvMsg(m *Message, flags int) (int, error)             { return 0, syscall.ENOSYS }
func (s *Socket) GetSockOptBytes(level, name int, b []byte) (int, error) { return 0, syscall.ENOSYS }
func (s *Socket) SetSockOptBytes(level, name int, value []byte) error    { return syscall.ENOSYS }

var _ System = (*Process)(nil)
