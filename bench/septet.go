package main

import (
	"fmt"
	"net"

	"septet/event"
	"septet/header"
	"septet/host"
	"septet/packet"
	"septet/physical"
)

// septet is two hosts on one wire without impairments, on a loop in real time.
// Everything but the link is as it comes.
type septet struct {
	loop           *event.Loop
	client, server *host.Host
	frames         *frameCounter
}

// The addresses of the two.
const (
	septetClient = "10.0.0.1"
	septetServer = "10.0.0.2"
)

func newSeptet(l Link) (Network, error) {
	s := &septet{loop: event.NewReal(1)}
	pool := &packet.Pool{}
	s.client = host.New(s.loop, pool, "client")
	s.server = host.New(s.loop, pool, "server")
	wire := newWire(s.loop, pool, l.MTU)
	if !l.Trains {
		// A tap sees single frames, so a wire with one carries single frames.
		s.frames = &frameCounter{longest: l.MTU + header.EthernetLen}
		s.loop.Lock()
		wire.Watch(s.frames)
		s.loop.Unlock()
	}
	if _, err := s.client.Attach("eth0", wire.A(), prefix(septetClient+"/24")); err != nil {
		return nil, err
	}
	if _, err := s.server.Attach("eth0", wire.B(), prefix(septetServer+"/24")); err != nil {
		return nil, err
	}
	return s, nil
}

// newWire makes a wire without impairments, which takes the turn.
func newWire(l *event.Loop, pool *packet.Pool, mtu int) *physical.Wire {
	l.Lock()
	defer l.Unlock()
	return physical.NewWire(l, pool, mtu, physical.Impairment{}, physical.Impairment{})
}

// frameCounter is a tap that counts frames, and those that are too long to be
// real ones.
type frameCounter struct {
	longest         int
	frames, tooLong int
}

func (f *frameCounter) Frame(_ event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	if e != physical.Sent {
		return
	}
	f.frames++
	if p.Len() > f.longest {
		f.tooLong++
	}
}

func (s *septet) Listen() (net.Listener, error) { return s.server.Listen("tcp", at(septetServer, 0)) }

func (s *septet) Dial(to net.Addr) (net.Conn, error) {
	c, err := s.client.Sockets.DialTCP("tcp", nil, to.(*net.TCPAddr))
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *septet) ListenPacket() (net.PacketConn, error) {
	c, err := s.server.ListenPacket("udp", at(septetServer, 0))
	if err != nil {
		return nil, err
	}
	if b, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok {
		return c, b.SetReadBuffer(datagramBuffer)
	}
	return c, nil
}

func (s *septet) DialPacket(to net.Addr) (net.Conn, error) {
	return s.client.Dial("udp", to.String())
}

func (s *septet) Check() error {
	if s.frames == nil {
		return nil
	}
	s.loop.Lock()
	defer s.loop.Unlock()
	switch {
	case s.frames.frames == 0:
		return fmt.Errorf("the tap saw no frame")
	case s.frames.tooLong > 0:
		return fmt.Errorf("%d of %d frames were longer than %d bytes", s.frames.tooLong, s.frames.frames, s.frames.longest)
	}
	return nil
}

func (s *septet) Close() {
	s.client.Close()
	s.server.Close()
	s.loop.Close()
}

func septetHosts(n int) (end func(), err error) {
	loop := event.NewReal(1)
	pool := &packet.Pool{}
	var hosts []*host.Host
	end = func() {
		for _, h := range hosts {
			h.Close()
		}
		loop.Close()
	}
	for len(hosts) < n {
		wire := newWire(loop, pool, bare.MTU)
		for i, port := range []physical.Port{wire.A(), wire.B()} {
			h := host.New(loop, pool, fmt.Sprintf("h%d", len(hosts)))
			hosts = append(hosts, h)
			address := []string{septetClient, septetServer}[i]
			if _, err := h.Attach("eth0", port, prefix(address+"/24")); err != nil {
				end()
				return nil, err
			}
		}
	}
	return end, nil
}
