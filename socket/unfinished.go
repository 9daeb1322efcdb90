package socket

import (
	"syscall"
	"time"
)

// What System asks for and is not there yet.

func (s *Socket) SendMsg(m *Message, flags int) (int, error)             { return 0, syscall.ENOSYS }
func (s *Socket) RecvMsg(m *Message, flags int) (int, error)             { return 0, syscall.ENOSYS }
func (p *Process) Poll(fds []PollFD, timeout time.Duration) (int, error) { return 0, syscall.ENOSYS }
func (p *Process) EpollCreate() (Epoll, error)                           { return nil, syscall.ENOSYS }
func (p *Process) Hostname() (string, error)                             { return "", syscall.ENOSYS }
func (p *Process) ReadFile(name string) ([]byte, error)                  { return nil, syscall.ENOSYS }
func (p *Process) InterfaceName(index int) (string, error)               { return "", syscall.ENOSYS }
func (p *Process) InterfaceIndex(name string) (int, error)               { return 0, syscall.ENOSYS }

func (s *Socket) GetSockOptBytes(level, name int, b []byte) (int, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if value, ok, err := s.rawOptionBytes(level, name, len(b)); ok {
		return copy(b, value), err
	}
	return 0, syscall.ENOSYS
}

func (s *Socket) SetSockOptBytes(level, name int, value []byte) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if ok, err := s.setRawOptionBytes(level, name, value); ok {
		return err
	}
	return syscall.ENOSYS
}

var _ System = (*Process)(nil)
