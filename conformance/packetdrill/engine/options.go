package engine

import (
	"encoding/binary"
	"errors"
	"syscall"

	"septet/socket"
)

// Options that package socket does not have, with Linux's numbers.
const (
	solIPv6 = 41

	soSndBufForce = 32
	soRcvBufForce = 33
	soMemInfo     = 55

	tcpCCInfo = 26

	ipv6UnicastHops = 16
	ipv6TClass      = 67
)

// defaultMSS is TCP_MSS_DEFAULT, what TCP_MAXSEG says before there is a
// connection (RFC 9293, MUST-15).
const defaultMSS = 536

// GetSockOpt is getsockopt(2): the value in Linux's encoding, cut to room bytes.
// Errors: ENOPROTOOPT for what the stack does not have, EINVAL for a negative
// room, and those of package socket.
func (c Caller) GetSockOpt(fd, level, name, room int) ([]byte, error) {
	return direct(c, func() ([]byte, error) {
		s, err := c.engine.sock(fd)
		switch {
		case err != nil:
			return nil, err
		case room < 0:
			return nil, syscall.EINVAL
		}
		b, err := s.option(level, name)
		return b[:min(len(b), room)], err
	})
}

func (s *sock) option(level, name int) ([]byte, error) {
	if b, err, ok := s.keptValue(level, name); ok {
		return b, err
	}
	switch {
	case level == socket.SOL_SOCKET:
		return s.socketOption(name)
	case level == socket.SOL_TCP:
		return s.tcpOption(name)
	}
	level, name = s.asIPv4(level, name)
	return s.plainOption(level, name)
}

// asIPv4 returns the IPv4 option that has the value of one of IPv6.
func (s *sock) asIPv4(level, name int) (int, int) {
	if level == solIPv6 && s.family == socket.AF_INET6 {
		switch name {
		case ipv6TClass:
			return socket.SOL_IP, socket.IP_TOS
		case ipv6UnicastHops:
			return socket.SOL_IP, socket.IP_TTL
		}
	}
	return level, name
}

// longestOption is more than any value has.
const longestOption = 512

func (s *sock) plainOption(level, name int) ([]byte, error) {
	b := make([]byte, longestOption)
	n, err := s.GetSockOptBytes(level, name, b)
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

func (s *sock) socketOption(name int) ([]byte, error) {
	switch name {
	case socket.SO_DOMAIN:
		return number(s.family), nil
	case soMemInfo:
		return s.memInfo()
	}
	return s.plainOption(socket.SOL_SOCKET, name)
}

// TCPInfo is struct tcp_info.
type TCPInfo = socket.TCPInfo

func (s *sock) tcpOption(name int) ([]byte, error) {
	b, err := s.plainOption(socket.SOL_TCP, name)
	if !errors.Is(err, syscall.ENOPROTOOPT) {
		return b, err
	}
	i, err := s.TCPInfo()
	if err != nil {
		return nil, err
	}
	switch name {
	case tcpCCInfo:
		return nil, nil // Reno and CUBIC tell nothing of themselves: an empty answer, as on Linux
	case socket.TCP_MAXSEG:
		if i.SendMSS > 0 {
			return number(i.SendMSS), nil
		}
		return number(defaultMSS), nil
	}
	return nil, syscall.ENOPROTOOPT
}

// memInfo is SO_MEMINFO: nine numbers in the order of Linux's sock_diag.h. The
// stack counts bytes of data and nothing else.
func (s *sock) memInfo() ([]byte, error) {
	receive, err := s.Socket.GetSockOpt(socket.SOL_SOCKET, socket.SO_RCVBUF)
	if err != nil {
		return nil, err
	}
	send, err := s.Socket.GetSockOpt(socket.SOL_SOCKET, socket.SO_SNDBUF)
	i, _ := s.TCPInfo()
	values := [...]int{
		i.Unread, // rmem_alloc
		receive,  // rcvbuf
		0,        // wmem_alloc: what a device has and has not sent yet
		send,     // sndbuf
		0,        // fwd_alloc
		i.Queued, // wmem_queued
		0, 0,     // optmem, backlog
		int(s.Dropped()), // drops
	}
	var b []byte
	for _, v := range values {
		b = append(b, number(v)...)
	}
	return b, err
}

// SetSockOpt is setsockopt(2), with the value in Linux's encoding. Errors: EINVAL
// if it is too short, ENOPROTOOPT for what the stack does not have, ENOENT for a
// congestion control that it does not have, and those of package socket.
func (c Caller) SetSockOpt(fd, level, name int, value []byte) error {
	return c.onSocket(fd, func(s *sock) error { return s.setOption(level, name, value) })
}

func (s *sock) setOption(level, name int, value []byte) error {
	level, name = s.asIPv4(level, name)
	v := 0
	switch {
	case len(value) >= 4:
		v = int(int32(binary.NativeEndian.Uint32(value)))
	case len(value) >= 1 && level == socket.SOL_IP:
		v = int(value[0]) // ip(7): a byte will do
	}
	if err, ok := s.keep(level, name, v, value); ok {
		return err
	}
	if level == socket.SOL_SOCKET && name == soSndBufForce {
		name = socket.SO_SNDBUF
	}
	if level == socket.SOL_SOCKET && name == soRcvBufForce {
		name = socket.SO_RCVBUF
	}
	return s.SetSockOptBytes(level, name, value)
}

func number(v int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(int32(v))) }
