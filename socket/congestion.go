package socket

import (
	"syscall"

	"septet/transport/tcp"
)

// Congestion returns the name of a stream socket's congestion control
// (TCP_CONGESTION). ENOPROTOOPT for other kinds of socket, EBADF.
func (s *Socket) Congestion() (string, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.congestion()
}

func (s *Socket) congestion() (string, error) {
	t, err := s.stream()
	if err != nil {
		return "", err
	}
	if t.conn != nil {
		return t.conn.Info().Congestion, nil
	}
	return or(t.tcpOptions().Congestion, tcp.LinuxPersonality.Congestion), nil
}

// SetCongestion chooses the congestion control, one of tcp.Controls, also for the
// connections that a listener will accept. ENOENT: there is none of that name.
func (s *Socket) SetCongestion(name string) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	return s.setCongestion(name)
}

func (s *Socket) setCongestion(name string) error {
	t, err := s.stream()
	if err != nil {
		return err
	}
	if t.conn != nil {
		return t.conn.SetCongestion(name)
	}
	if _, err := tcp.NewControl(name, s.stack.loop.Rand()); err != nil {
		return err
	}
	o := t.tcpOptions()
	o.Congestion = name
	t.setTCPOptions(o)
	return nil
}

// stream returns the socket's protocol if it is TCP.
func (s *Socket) stream() (*stream, error) {
	t, ok := s.protocol.(*stream)
	switch {
	case s.closed:
		return nil, syscall.EBADF
	case !ok:
		return nil, syscall.ENOPROTOOPT
	}
	return t, nil
}
