package lab

import (
	"fmt"
	"net"

	"septet/application/echo"
	"septet/application/web"
	"septet/event"
	"septet/host"
	"septet/lab/file"
)

// StartServices puts IPv6 into operation, whose first packets nobody has asked for:
// whoever watches the lab should do so by now. Then it starts what the lab file has on its
// hosts.
func (b *Lab) StartServices() error {
	if err := b.startIPv6(); err != nil {
		return err
	}
	for _, h := range b.About.Hosts {
		for _, s := range h.Services {
			if err := b.start(b.hosts[h.Name], s); err != nil {
				return fmt.Errorf("%s on %s, %v: %w", s.Kind, h.Name, s.Bind, err)
			}
		}
	}
	return nil
}

func (b *Lab) start(h *host.Host, s *file.Service) error {
	listener, err := h.Listen("tcp", s.Bind.String())
	if err != nil {
		return err
	}
	b.closers = append(b.closers, listener)
	name := s.Kind + " on " + h.Name()
	if s.Kind == "web" {
		site := &web.Site{Host: h.Name(), Title: s.Title, Pages: s.Pages}
		if b.Loop.Simulated() {
			site.Settle = func() { _ = b.Loop.Sleep(0) }
			listener = settledListener{listener, b.Loop}
		}
		b.Loop.Go(name, func() { _ = site.Serve(listener) })
		return nil
	}
	b.Loop.Go(name, func() { _ = echo.ServeStream(listener, b.Loop.Go) })
	datagrams, err := h.ListenPacket("udp", s.Bind.String())
	if err != nil {
		return err
	}
	b.closers = append(b.closers, datagrams)
	b.Loop.Go(name, func() { _ = echo.ServeDatagrams(datagrams) })
	return nil
}

// settledListener accepts a connection after the goroutine that serves the one
// before has blocked: two that run at once would make packets in any order.
type settledListener struct {
	net.Listener
	loop *event.Loop
}

func (l settledListener) Accept() (net.Conn, error) {
	if err := l.loop.Sleep(0); err != nil {
		return nil, err
	}
	return l.Listener.Accept()
}
