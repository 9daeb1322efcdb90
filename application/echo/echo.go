// Package echo is the echo protocol (RFC 862): whatever comes is sent back, over
// TCP as a stream, over UDP datagram by datagram.
package echo

import (
	"errors"
	"io"
	"net"
)

// Spawn starts f as something that runs beside its caller: `go f()` in real
// time, a task in virtual time.
type Spawn func(name string, f func())

// ServeStream echoes on every connection that l accepts, until l is closed.
func ServeStream(l net.Listener, spawn Spawn) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		spawn("echo to "+c.RemoteAddr().String(), func() { Stream(c) })
	}
}

// Stream echoes one connection until its peer has sent everything.
func Stream(c net.Conn) error {
	defer c.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			if _, err := c.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// maxDatagram is the longest payload of a datagram (65535 less the headers of IP
// and UDP).
const maxDatagram = 65507

// ServeDatagrams echoes every datagram that arrives at pc, until pc is closed.
func ServeDatagrams(pc net.PacketConn) error {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			continue // an ICMP error about an earlier answer
		}
		_, _ = pc.WriteTo(buf[:n], from)
	}
}
