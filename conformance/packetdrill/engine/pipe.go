package engine

import (
	"syscall"

	"septet/event"
	"septet/socket"
)

// pipeCapacity is how many bytes a pipe holds, as on Linux (pipe(7)).
const pipeCapacity = 64 << 10

// pipe is a queue of bytes between two descriptors.
type pipe struct {
	bytes   []byte
	changed event.Cond
	ends    int // open
}

// pipeEnd is one of the two.
type pipeEnd struct {
	engine *Engine
	pipe   *pipe
	flags  int // oWriteOnly tells which one
}

// Pipe is pipe(2): what is written to the second descriptor is read from the
// first.
func (c Caller) Pipe() (fds [2]int, err error) {
	e := c.engine
	return direct(c, func() ([2]int, error) {
		p := &pipe{ends: 2}
		for i, flags := range [2]int{0, oWriteOnly} {
			if fds[i], err = e.add(&pipeEnd{e, p, flags}); err != nil {
				if i == 1 {
					e.forget(fds[0])
					_ = e.numbers.Close(fds[0])
				}
				return fds, err
			}
		}
		return fds, nil
	})
}

func (p *pipeEnd) close() error {
	p.pipe.ends--
	p.engine.loop.Signal(&p.pipe.changed)
	return nil
}

func (p *pipeEnd) status() *int { return &p.flags }

func (p *pipeEnd) writes() bool { return p.flags&oWriteOnly != 0 }

func (p *pipeEnd) readiness() (r socket.Readiness) {
	alone := p.pipe.ends < 2
	switch {
	case p.writes() && alone:
		return socket.POLLOUT | socket.POLLERR
	case p.writes() && len(p.pipe.bytes) < pipeCapacity:
		return socket.POLLOUT
	case p.writes():
		return 0
	}
	if len(p.pipe.bytes) > 0 {
		r |= socket.POLLIN
	}
	if alone {
		r |= socket.POLLHUP
	}
	return r
}

// awaitBytes waits until there is something to read. It returns zero at the end.
func (p *pipeEnd) awaitBytes(flags int) (int, error) {
	if p.writes() {
		return 0, syscall.EBADF
	}
	for len(p.pipe.bytes) == 0 && p.pipe.ends == 2 {
		if err := p.engine.waitFor(&p.pipe.changed, flags); err != nil {
			return 0, err
		}
	}
	return len(p.pipe.bytes), nil
}

// awaitRoom waits until there is room to write, and returns how much.
func (p *pipeEnd) awaitRoom(flags int) (int, error) {
	if !p.writes() {
		return 0, syscall.EBADF
	}
	for len(p.pipe.bytes) == pipeCapacity && p.pipe.ends == 2 {
		if err := p.engine.waitFor(&p.pipe.changed, flags); err != nil {
			return 0, err
		}
	}
	if p.pipe.ends < 2 {
		return 0, syscall.EPIPE
	}
	return pipeCapacity - len(p.pipe.bytes), nil
}

func (p *pipeEnd) read(b []byte) (int, error) {
	if _, err := p.awaitBytes(p.flags); err != nil {
		return 0, err
	}
	n := copy(b, p.pipe.bytes)
	p.take(n)
	return n, nil
}

func (p *pipeEnd) take(n int) {
	p.pipe.bytes = p.pipe.bytes[n:]
	p.engine.loop.Signal(&p.pipe.changed)
}

func (p *pipeEnd) put(b []byte) {
	p.pipe.bytes = append(p.pipe.bytes, b...)
	p.engine.loop.Signal(&p.pipe.changed)
}

func (p *pipeEnd) write(b []byte) (n int, err error) {
	for n < len(b) {
		room, err := p.awaitRoom(p.flags)
		if err != nil {
			if n > 0 {
				err = nil
			}
			return n, err
		}
		part := b[n:min(n+room, len(b))]
		p.put(part)
		n += len(part)
	}
	return n, nil
}

// spliceNonblock is SPLICE_F_NONBLOCK.
const spliceNonblock = 2

// Splice is splice(2) between a socket and a pipe: it moves up to n bytes.
// Errors: EINVAL if neither end or both are pipes.
func (c Caller) Splice(in, out, n, flags int) (int, error) {
	return blocking(c, "splice", func() (int, error) {
		from, to := c.engine.open[in], c.engine.open[out]
		source, isSource := from.(*pipeEnd)
		sink, isSink := to.(*pipeEnd)
		switch {
		case from == nil || to == nil:
			return 0, syscall.EBADF
		case isSource == isSink:
			return 0, syscall.EINVAL
		case isSink:
			return c.engine.fill(sink, in, n, flags)
		}
		return c.engine.drain(source, out, n, flags)
	})
}

// fill moves bytes from a socket to a pipe.
func (e *Engine) fill(p *pipeEnd, fd, n, flags int) (int, error) {
	room, err := p.awaitRoom(waitFlags(p, flags))
	if err != nil {
		return 0, err
	}
	b := make([]byte, min(n, room))
	how := 0
	if flags&spliceNonblock != 0 {
		how = socket.MSG_DONTWAIT
	}
	m, err := e.receive(fd, b, how)
	if err == nil {
		p.put(b[:m.N])
	}
	return m.N, err
}

// drain moves bytes from a pipe to a socket.
func (e *Engine) drain(p *pipeEnd, fd, n, flags int) (int, error) {
	have, err := p.awaitBytes(waitFlags(p, flags))
	if err != nil || have == 0 {
		return 0, err
	}
	sent, err := e.send(fd, p.pipe.bytes[:min(n, have)], 0, nil)
	p.take(sent)
	return sent, err
}

func waitFlags(p *pipeEnd, flags int) int {
	if flags&spliceNonblock != 0 {
		return p.flags | oNonblock
	}
	return p.flags
}
