package tapdevice

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// open opens the device, in its namespace.
func open(c Config) (k kernel, name string, mtu int, err error) {
	err = within(c.Namespace, func() error {
		k, name, mtu, err = openHere(c)
		return err
	})
	return k, name, mtu, err
}

// within calls f on a thread that is in a network namespace: what it opens belongs
// there.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	there, err := os.Open(namespace)
	if err != nil {
		return fmt.Errorf("tapdevice: %w", err)
	}
	defer there.Close()
	done := make(chan error)
	go func() {
		// The thread is never unlocked, so it ends with the goroutine and takes its
		// namespace with it.
		runtime.LockOSThread()
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("tapdevice: namespace %s: %w", namespace, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// openHere opens the device in the namespace of the calling thread.
func openHere(c Config) (kernel, string, int, error) {
	const file = "/dev/net/tun"
	fd, err := unix.Open(file, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", 0, fmt.Errorf("tapdevice: %w", &os.PathError{Op: "open", Path: file, Err: err})
	}
	name, mtu, err := configure(fd, c)
	if err != nil {
		return nil, "", 0, errors.Join(fmt.Errorf("tapdevice: interface %q: %w", c.Name, err), unix.Close(fd))
	}
	// Only now: before it is a device, its descriptor cannot be waited for.
	f := os.NewFile(uintptr(fd), file)
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, "", 0, errors.Join(err, f.Close())
	}
	return &tap{file: f, wait: raw.Read}, name, mtu, nil
}

// configure makes fd a TAP device whose frames have nothing in front.
func configure(fd int, c Config) (name string, mtu int, err error) {
	request, err := unix.NewIfreq(c.Name)
	if err != nil {
		return "", 0, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return "", 0, err
	}
	name = request.Name()
	mtu, err = agree(name, c.MTU)
	return name, mtu, err
}

// agree gives the kernel's interface the MTU, or returns its own.
func agree(name string, mtu int) (int, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFMTU, request); err != nil {
		return 0, err
	}
	if own := int(request.Uint32()); mtu == 0 || mtu == own {
		return own, nil
	}
	request.SetUint32(uint32(mtu))
	return mtu, unix.IoctlIfreq(s, unix.SIOCSIFMTU, request)
}

// tap is an open TAP device.
type tap struct {
	file *os.File
	// wait calls a function when there may be something to read, until it returns
	// true.
	wait func(func(fd uintptr) bool) error
}

func (t *tap) read(f *frames, max int) error {
	var failed error
	err := t.wait(func(fd uintptr) bool {
		for room := f.room(max); room != nil; room = f.room(max) {
			n, err := unix.Read(int(fd), room)
			switch err {
			case nil:
				f.took(n)
			case unix.EINTR:
			case unix.EAGAIN:
				return len(f.ends) > 0
			default:
				failed = err
				return true
			}
		}
		return true
	})
	if len(f.ends) > 0 {
		return nil // an error comes again
	}
	return errors.Join(err, failed)
}

func (t *tap) write(frame []byte) error {
	_, err := t.file.Write(frame)
	return err
}

func (t *tap) close() error { return t.file.Close() }
