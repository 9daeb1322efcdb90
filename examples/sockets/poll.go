package sockets

import (
	"net/netip"

	"septet/socket"
)

// PollServer is an echo server for many clients without threads, as the documentation of
// Python's selectors has it: it waits for all sockets at once and serves those that are
// ready. It ends after so many clients have gone.
func PollServer(sys socket.System, at netip.AddrPort, clients int, ready func(netip.AddrPort)) error {
	l, err := listener(sys, at)
	if err != nil {
		return err
	}
	defer l.Close()
	own, err := l.GetSockName()
	if err != nil {
		return err
	}
	if err := l.SetNonblock(true); err != nil {
		return err
	}
	ready(own)
	conns := map[int]socket.Descriptor{}
	fds := []socket.PollFD{{FD: l.FD(), Events: socket.POLLIN}}
	defer func() {
		for _, f := range fds[1:] {
			conns[f.FD].Close()
		}
	}()
	for clients > 0 {
		if _, err := sys.Poll(fds, -1); err != nil {
			return err
		}
		if fds[0].Revents != 0 {
			c, _, err := l.Accept()
			if err != nil {
				return err
			}
			conns[c.FD()] = c
			fds = append(fds, socket.PollFD{FD: c.FD(), Events: socket.POLLIN})
			if err := c.SetNonblock(true); err != nil {
				return err
			}
		}
		for i := len(fds) - 1; i > 0; i-- {
			c := conns[fds[i].FD]
			if fds[i].Revents != 0 && !echo(c) {
				delete(conns, fds[i].FD)
				c.Close()
				fds = append(fds[:i], fds[i+1:]...)
				clients--
			}
		}
	}
	return nil
}

// echo serves a client that has something to say. It is false if that was its last.
func echo(c socket.Descriptor) bool {
	data := make([]byte, 1024)
	n, err := c.Recv(data, 0)
	if err != nil || n == 0 {
		return false
	}
	// A client that reads nothing fills the buffers, and then no more is sent: a real
	// server keeps the rest and waits for POLLOUT. This one lets the client go.
	sent, err := c.Send(data[:n], 0)
	return err == nil && sent == n
}
