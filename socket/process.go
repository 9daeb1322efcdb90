package socket

import (
	"net/netip"
	"syscall"
	"time"
)

// Process is a program's view of its host: its descriptors, and what it may do. It is a
// System. Descriptors of one process mean nothing to another one.
type Process struct {
	*Stack
	privileged bool
	// files are the open descriptors; nil where none is. They begin at firstFD.
	files []file
	most  int
	// lowest is a number below which none is free.
	lowest int
	closed bool
	// pollSets are what Poll goes on watching between its calls.
	pollSets []*pollSet
}

// file is what a descriptor stands for: a *descriptor or a set of them.
type file interface {
	FD() int
	Close() error
}

// firstFD follows standard input, output and error.
const firstFD = 3

// maxFiles is how many descriptors a process has at most: RLIMIT_NOFILE's hard limit on
// most of today's systems.
const maxFiles = 1 << 20

// NewProcess returns a process that may do everything (Linux: CAP_NET_BIND_SERVICE,
// CAP_NET_RAW) or, unless privileged, what any user's may: no port below 1024, no raw
// sockets.
func (st *Stack) NewProcess(privileged bool) *Process {
	return &Process{Stack: st, privileged: privileged, most: maxFiles}
}

// descriptor is a socket as its process sees it.
type descriptor struct {
	*Socket
	process *Process
	fd      int
}

// Socket makes a socket of this process.
func (p *Process) Socket(domain, kind, protocol int) (Descriptor, error) {
	if err := p.permits(domain, kind&^SOCK_NONBLOCK, protocol); err != nil {
		return nil, err
	}
	s, err := p.Stack.Socket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	return p.open(s)
}

// permits refuses what needs CAP_NET_RAW: EPERM.
func (p *Process) permits(domain, kind, protocol int) error {
	switch {
	case p.privileged:
		return nil
	case domain == AF_PACKET:
		return syscall.EPERM
	case kind == SOCK_RAW && supported(domain, kind, protocol) == nil:
		return syscall.EPERM
	}
	return nil
}

// open gives a socket the lowest free number.
func (p *Process) open(s *Socket) (Descriptor, error) {
	l := p.loop
	l.Lock()
	defer l.Unlock()
	s.ordinary = !p.privileged
	d := &descriptor{Socket: s, process: p}
	fd, err := p.number(d)
	if err != nil {
		s.end(true)
		return nil, err
	}
	d.fd = fd
	return d, nil
}

func (p *Process) number(f file) (int, error) {
	i := p.lowest
	for i < len(p.files) && p.files[i] != nil {
		i++
	}
	p.lowest = i
	if firstFD+i >= p.most {
		return -1, syscall.EMFILE
	}
	if i == len(p.files) {
		p.files = append(p.files, nil)
	}
	p.files[i] = f
	p.lowest++
	return firstFD + i, nil
}

// release gives a number back.
func (p *Process) release(fd int) {
	p.files[fd-firstFD] = nil
	p.lowest = min(p.lowest, fd-firstFD)
}

// FD returns the descriptor's number, -1 once it is closed.
func (d *descriptor) FD() int { return d.fd }

// Accept takes a connection and gives it a number.
func (d *descriptor) Accept() (Descriptor, netip.AddrPort, error) {
	s, from, err := d.Socket.Accept()
	if err != nil {
		return nil, from, err
	}
	c, err := d.process.open(s)
	return c, from, err
}

// Close gives the number back and closes the socket.
func (d *descriptor) Close() error {
	l := d.process.loop
	l.Lock()
	if d.fd >= 0 {
		d.process.release(d.fd)
		d.fd = -1
		d.watches.close()
	}
	l.Unlock()
	return d.Socket.Close()
}

// Sleep blocks for d on the network's clock.
func (p *Process) Sleep(d time.Duration) error { return p.loop.Sleep(d) }

// Go starts a task.
func (p *Process) Go(name string, task func()) { p.loop.Go(name, task) }

// Close closes every descriptor, as the end of a program does, and has the calls that
// poll or wait for a set fail with EBADF. The process cannot be used any more.
func (p *Process) Close() {
	p.loop.Lock()
	p.closed = true
	open := append([]file(nil), p.files...)
	p.Stack.watches.tell(anything)
	p.loop.Unlock()
	for _, f := range open {
		if f != nil {
			f.Close()
		}
	}
}

// over is why nothing can be waited for any more, nil if it can.
func (p *Process) over() error {
	switch {
	case p.Stack.closed:
		return syscall.ENETDOWN
	case p.closed:
		return syscall.EBADF
	}
	return nil
}
