//go:build !linux

package machine

import (
	"syscall"
	"time"

	"septet/socket"
)

type machine struct{ portable }

// New returns the machine on which this program runs.
func New() socket.System { return machine{} }

func (machine) Socket(domain, kind, protocol int) (socket.Descriptor, error) {
	return nil, syscall.ENOSYS
}

func (machine) Poll(fds []socket.PollFD, timeout time.Duration) (int, error) {
	return 0, syscall.ENOSYS
}

func (machine) EpollCreate() (socket.Epoll, error) { return nil, syscall.ENOSYS }
