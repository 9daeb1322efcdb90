package machine

import (
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// file is a descriptor of the kernel's that can be closed while calls are blocked in it.
//
// close(2) does not end such calls, and the number that it frees may be another file's
// before they notice. So Close puts /dev/null in the file's place (dup3, in one step) and
// interrupts the threads of the blocked calls: the kernel begins an interrupted call
// again, and it fails. The number is free after the last one has left.
type file struct {
	mu      sync.Mutex
	fd      int
	closed  bool
	inside  int         // calls under way
	blocked map[int]int // the threads of those that may block
	left    sync.Cond   // nobody is inside; its L is mu
	late    bool        // the last one to leave closes fd
}

// null is /dev/null, opened with the first socket and kept: a program that has no
// descriptor left can still close one.
var null struct {
	mu   sync.Mutex
	open bool
	fd   int
}

func needNull() (err error) {
	null.mu.Lock()
	defer null.mu.Unlock()
	if !null.open {
		null.fd, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		null.open = err == nil
	}
	return err
}

// FD returns the descriptor, -1 once it is closed.
func (f *file) FD() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return -1
	}
	return f.fd
}

// use makes a call that does not block.
func (f *file) use(call func(fd int) error) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return syscall.EBADF
	}
	f.inside++
	f.mu.Unlock()
	err := call(f.fd)
	for err == syscall.EINTR {
		err = call(f.fd)
	}
	f.mu.Lock()
	return f.leave(err)
}

// leave says what a call has come to: whatever it was, EBADF if the file was closed
// under it and it failed. f.mu is held, and given back.
func (f *file) leave(err error) error {
	defer f.mu.Unlock()
	f.inside--
	if f.closed {
		switch {
		case f.inside > 0:
		case f.late:
			_ = unix.Close(f.fd)
		default:
			f.left.Broadcast()
		}
		if err != nil {
			return syscall.EBADF
		}
	}
	return err
}

// block makes a call that Close has to end.
func (f *file) block(call func(fd int) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := unix.Gettid()
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return syscall.EBADF
	}
	f.inside++
	if f.blocked == nil {
		f.blocked = make(map[int]int, 1)
	}
	f.blocked[thread]++
	f.mu.Unlock()
	err := call(f.fd)
	for err == syscall.EINTR {
		err = call(f.fd)
	}
	f.mu.Lock()
	delete(f.blocked, thread)
	return f.leave(err)
}

// closeLate is close(2) but lets the calls that are under way go on: the number is free
// after the last one has left.
func (f *file) closeLate() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return syscall.EBADF
	}
	f.closed = true
	if f.late = f.inside > 0; f.late {
		return nil
	}
	return unix.Close(f.fd)
}

// Close is close(2), and ends the calls that are blocked.
func (f *file) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return syscall.EBADF
	}
	f.closed = true
	if f.inside > 0 {
		if err := f.evict(); err != nil {
			f.closed = false
			f.mu.Unlock()
			return err
		}
	}
	f.mu.Unlock()
	// An interrupted close has closed all the same.
	if err := unix.Close(f.fd); err != syscall.EINTR {
		return err
	}
	return nil
}

// evict makes those inside leave. f.mu is held.
func (f *file) evict() error {
	if err := unix.Dup3(null.fd, f.fd, unix.O_CLOEXEC); err != nil {
		return err
	}
	for thread := range f.blocked {
		// SIGURG is the signal by which the Go runtime interrupts its own threads, so
		// nobody else minds it.
		_ = unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
	}
	f.left.L = &f.mu
	for f.inside > 0 {
		f.left.Wait()
	}
	return nil
}
