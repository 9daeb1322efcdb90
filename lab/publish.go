package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"septet/host"
	"septet/lab/file"
)

// PortInUseError says that a published port is taken on the real machine.
type PortInUseError struct {
	File   string
	Line   int
	Listen netip.AddrPort
	Err    error
}

func (e *PortInUseError) Error() string {
	return fmt.Sprintf("%s:%d: cannot publish %v: %v\n"+
		"another program uses that port: change `listen:` in line %d, stop the program, or run with --no-publish",
		e.File, e.Line, e.Listen, e.Err, e.Line)
}

func (e *PortInUseError) Unwrap() error { return e.Err }

// OpenPorts opens the lab's published ports on the real machine, and lets nobody
// in before Publish. On an error nothing stays open; the error joins those of all
// ports, a *PortInUseError for each that is taken.
func (b *Lab) OpenPorts() error {
	var (
		open []io.Closer
		errs []error
	)
	for _, p := range b.About.Published {
		c, begin, err := b.open(p)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			errs = append(errs, &PortInUseError{b.About.File, p.Line, p.Listen, syscall.EADDRINUSE})
		case err != nil:
			errs = append(errs, fmt.Errorf("%s:%d: cannot publish %v: %w", b.About.File, p.Line, p.Listen, err))
		default:
			open, b.admissions = append(open, c), append(b.admissions, begin)
		}
	}
	if len(errs) > 0 {
		for _, c := range open {
			c.Close()
		}
		b.admissions = nil
		return errors.Join(errs...)
	}
	b.closers = append(open, b.closers...)
	b.opened = true
	return nil
}

// Publish lets real clients into the lab, through the published ports, which it
// opens if OpenPorts has not. A client's connection is ended here and begun again
// at the host that `from` names, so its bytes cross the lab's wires as packets of
// that host. It needs a lab in real time.
func (b *Lab) Publish() error {
	if !b.opened {
		if err := b.OpenPorts(); err != nil {
			return err
		}
	}
	for _, begin := range b.admissions {
		go begin()
	}
	b.admissions = nil
	return nil
}

// open opens one port. begin lets clients in until the port is closed.
func (b *Lab) open(p *file.Published) (port io.Closer, begin func(), err error) {
	from := b.hosts[p.From]
	if p.Protocol == "udp" {
		outside, err := net.ListenPacket("udp", p.Listen.String())
		if err != nil {
			return nil, nil, err
		}
		r := &relay{outside: outside, from: from, to: p.To, inside: make(map[string]net.Conn)}
		return r, r.run, nil
	}
	outside, err := net.Listen("tcp", p.Listen.String())
	if err != nil {
		return nil, nil, err
	}
	return outside, func() { admit(outside, from, p.To) }, nil
}

// admit lets clients in until the listener is closed.
func admit(outside net.Listener, from *host.Host, to file.Target) {
	for {
		client, err := outside.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(acceptPause) // out of descriptors, say: it may pass
			continue
		}
		go bridge(client, from, to)
	}
}

const acceptPause = 50 * time.Millisecond

// bridge joins a client's connection to one in the lab. If the lab refuses, the
// client gets what it would have got there: a reset.
func bridge(client net.Conn, from *host.Host, to file.Target) {
	inside, err := dial(context.Background(), from, "tcp", to)
	if err != nil {
		abort(client)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pipe(inside, client) })
	both.Go(func() { pipe(client, inside) })
	both.Wait()
	client.Close()
	inside.Close()
}

// pipe copies one direction: the end of the stream becomes a FIN at the other
// side, an error a reset of both.
func pipe(dst, src net.Conn) {
	if _, err := io.Copy(onlyWriter{dst}, onlyReader{src}); err != nil {
		abort(dst)
		abort(src)
		return
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// onlyReader and onlyWriter keep io.Copy from handing the copying to one of the
// sides, which knows nothing of the other.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

func abort(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0)
	}
	c.Close()
}

// Bounds of a published UDP port.
const (
	maxRelayed   = 256             // clients at a time
	relayTimeout = 2 * time.Minute // a client that is silent so long is forgotten
	maxDatagram  = 65507
)

// relay passes the datagrams of real clients to a service in the lab, each
// client from a socket of its own, and the answers back.
type relay struct {
	outside net.PacketConn
	from    *host.Host
	to      file.Target

	mu     sync.Mutex
	inside map[string]net.Conn // by the client's address
	closed bool
}

func (r *relay) run() {
	buf := make([]byte, maxDatagram)
	for {
		n, client, err := r.outside.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error about an earlier answer
		}
		if c := r.socket(client); c != nil {
			_ = c.SetReadDeadline(time.Now().Add(relayTimeout))
			_, _ = c.Write(buf[:n])
		}
	}
}

// socket returns the socket in the lab that stands for the client, nil if there
// are too many.
func (r *relay) socket(client net.Addr) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.inside[client.String()]; c != nil || r.closed || len(r.inside) >= maxRelayed {
		return c
	}
	c, err := dial(context.Background(), r.from, "udp", r.to)
	if err != nil {
		return nil
	}
	r.inside[client.String()] = c
	go r.answers(c, client)
	return c
}

// answers passes what comes back to the client, until it has been silent for
// long.
func (r *relay) answers(c net.Conn, client net.Addr) {
	buf := make([]byte, maxDatagram)
	for {
		n, err := c.Read(buf)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue // nobody listens there now: the client finds out by silence
		}
		if err != nil {
			break
		}
		_, _ = r.outside.WriteTo(buf[:n], client)
	}
	r.mu.Lock()
	delete(r.inside, client.String())
	r.mu.Unlock()
	c.Close()
}

// Close ends the relay and its sockets in the lab.
func (r *relay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.inside {
		c.Close()
	}
	return r.outside.Close()
}
