package socket

import (
	"syscall"
	"time"
)

// What System asks for and is not there yet.

func (p *Process) Poll(fds []PollFD, timeout time.Duration) (int, error) { return 0, syscall.ENOSYS }
func (p *Process) EpollCreate() (Epoll, error)                           { return nil, syscall.ENOSYS }
func (p *Process) Hostname() (string, error)                             { return "", syscall.ENOSYS }
func (p *Process) ReadFile(name string) ([]byte, error)                  { return nil, syscall.ENOSYS }
func (p *Process) InterfaceName(index int) (string, error)               { return "", syscall.ENOSYS }
func (p *Process) InterfaceIndex(name string) (int, error)               { return 0, syscall.ENOSYS }

var _ System = (*Process)(nil)
