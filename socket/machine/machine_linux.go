package machine

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"septet/socket"
)

type machine struct{ portable }

// New returns the machine on which this program runs.
func New() socket.System { return machine{} }

// Socket is socket(2). Programs that this one starts do not inherit it.
func (machine) Socket(domain, kind, protocol int) (socket.Descriptor, error) {
	if err := needNull(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	d := newDescriptor(fd, domain)
	if domain == unix.AF_PACKET {
		return linkDescriptor{d}, nil
	}
	return d, nil
}

// Poll is poll(2). As on every Unix, a descriptor that is closed meanwhile is not noticed.
func (machine) Poll(fds []socket.PollFD, timeout time.Duration) (int, error) {
	list := make([]unix.PollFd, len(fds))
	for i, f := range fds {
		list[i] = unix.PollFd{Fd: int32(f.FD), Events: int16(f.Events)}
	}
	var n int
	var err error
	begun := time.Now()
	for {
		var limit *unix.Timespec
		if timeout >= 0 {
			ts := unix.NsecToTimespec(int64(max(timeout-time.Since(begun), 0)))
			limit = &ts
		}
		if n, err = unix.Ppoll(list, limit, nil); err != syscall.EINTR {
			break
		}
	}
	for i := range fds {
		fds[i].Revents = socket.Readiness(list[i].Revents)
	}
	return max(n, 0), err
}

// EpollCreate is epoll_create1(2).
func (machine) EpollCreate() (socket.Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &epoll{file{fd: fd}}, nil
}

type epoll struct{ file }

// Ctl is epoll_ctl(2).
func (e *epoll) Ctl(op, fd int, event socket.EpollEvent) error {
	return e.use(func(set int) error {
		// The fields Fd and Pad are the 64 bits of data.
		return unix.EpollCtl(set, op, fd, &unix.EpollEvent{
			Events: event.Events, Fd: int32(event.Data), Pad: int32(event.Data >> 32),
		})
	})
}

// Close is close(2): as on a host of a lab, a Wait that is under way goes on.
func (e *epoll) Close() error { return e.closeLate() }

// Wait is epoll_wait(2): its time-outs are whole milliseconds, rounded up.
func (e *epoll) Wait(events []socket.EpollEvent, timeout time.Duration) (n int, err error) {
	list := make([]unix.EpollEvent, len(events))
	begun := time.Now()
	err = e.block(func(set int) error {
		wait := -1
		if timeout >= 0 {
			left := max(timeout-time.Since(begun), 0)
			wait = int((left + time.Millisecond - 1) / time.Millisecond)
		}
		n, err = unix.EpollWait(set, list, wait)
		return err
	})
	if err != nil {
		return 0, err
	}
	for i, v := range list[:n] {
		events[i] = socket.EpollEvent{Events: v.Events, Data: uint64(uint32(v.Fd)) | uint64(uint32(v.Pad))<<32}
	}
	return n, nil
}
