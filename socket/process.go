package socket

import (
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is a program's view of its host: its descriptors, and what it may do. It is a
// System. Descriptors of one process mean nothing to another one.
type Process struct {
	*Stack
	privileged bool
	// files are the open descriptors; nil where none is. They begin at firstFD.
	files  []file
	taken  bitmap // which of files are not nil, or promised to an accept
	most   int
	closed bool
	// pollSets are what Poll goes on watching between its calls.
	pollSets []*pollSet
}

var _ System = (*Process)(nil)

// file is what a descriptor stands for: a *descriptor or a set of them.
type file interface {
	exit() // with the turn held
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

// SetFileLimit sets how many the descriptors of this process may be, standard input,
// output and error included (RLIMIT_NOFILE); those that are open stay. A call that needs
// one more fails with EMFILE.
func (p *Process) SetFileLimit(most int) {
	p.loop.Lock()
	defer p.loop.Unlock()
	p.most = min(most, maxFiles)
}

// descriptor is a socket as its process sees it.
type descriptor struct {
	*Socket
	process *Process
	fd      atomic.Int32 // changed with the turn held, read without
}

// Socket makes a socket of this process. Errors: those of Stack.Socket, EPERM for a raw
// socket without privilege, EACCES for a ping socket (SetPingGroupRange), EMFILE.
func (p *Process) Socket(domain, kind, protocol int) (Descriptor, error) {
	p.loop.Lock()
	err := p.permits(domain, kind&^SOCK_NONBLOCK, protocol)
	p.loop.Unlock()
	if err != nil {
		return nil, err
	}
	s, err := p.Stack.Socket(domain, kind, protocol)
	if err != nil {
		return nil, err
	}
	return p.open(s)
}

// permits refuses what needs CAP_NET_RAW, EPERM, or a group, EACCES. The turn must be held.
func (p *Process) permits(domain, kind, protocol int) error {
	switch {
	case isPing(domain, kind, protocol):
		return p.mayPing()
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
	d.fd.Store(int32(fd))
	return d, nil
}

// number gives f the lowest free number, nil to keep it for later.
func (p *Process) number(f file) (int, error) {
	if p.closed {
		return -1, syscall.EBADF
	}
	i := p.taken.lowestFree()
	if firstFD+i >= p.most {
		return -1, syscall.EMFILE
	}
	p.taken.set(i)
	if i >= len(p.files) {
		p.files = append(p.files, make([]file, i+1-len(p.files))...)
	}
	p.files[i] = f
	return firstFD + i, nil
}

// release makes a number free.
func (p *Process) release(fd int) {
	p.files[fd-firstFD] = nil
	p.taken.clear(fd - firstFD)
}

// FD returns the descriptor's number, -1 once it is closed.
func (d *descriptor) FD() int { return int(d.fd.Load()) }

// Accept takes a connection and gives it a number. As on Linux, the number is taken
// before there is a connection: with EMFILE the connection still waits.
func (d *descriptor) Accept() (Descriptor, netip.AddrPort, error) {
	p := d.process
	p.loop.Lock()
	if d.FD() < 0 {
		p.loop.Unlock()
		return nil, netip.AddrPort{}, syscall.EBADF
	}
	fd, err := p.number(nil)
	p.loop.Unlock()
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	s, from, err := d.Socket.Accept()
	p.loop.Lock()
	defer p.loop.Unlock()
	if err == nil && p.closed { // meanwhile
		s.end(true)
		err = syscall.EBADF
	}
	if err != nil {
		p.release(fd)
		return nil, from, err
	}
	s.ordinary = !p.privileged
	c := &descriptor{Socket: s, process: p}
	c.fd.Store(int32(fd))
	p.files[fd-firstFD] = c
	return c, from, nil
}

// Close gives the number back and closes the socket.
func (d *descriptor) Close() error {
	l := d.process.loop
	l.Lock()
	d.giveUp()
	l.Unlock()
	return d.Socket.Close()
}

// giveUp makes the number free. The turn must be held.
func (d *descriptor) giveUp() {
	if fd := d.FD(); fd >= 0 {
		d.process.release(fd)
		d.fd.Store(-1)
		d.watches.close()
	}
}

// exit closes the socket without waiting for SO_LINGER, as Linux does for a program that
// ends.
func (d *descriptor) exit() {
	d.giveUp()
	d.finish()
}

// Sleep blocks for d on the network's clock.
func (p *Process) Sleep(d time.Duration) error { return p.loop.Sleep(d) }

// Go starts a task.
func (p *Process) Go(name string, task func()) { p.loop.Go(name, task) }

// Close closes every descriptor, those of the net shapes too, as the end of a program does,
// which does not wait for SO_LINGER, and has the calls that poll or wait for a set fail with
// EBADF. The process cannot be used any more.
func (p *Process) Close() {
	p.loop.Lock()
	defer p.loop.Unlock()
	p.closed = true
	p.Stack.watches.tell(anything)
	for _, f := range p.files {
		if f != nil {
			f.exit()
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
