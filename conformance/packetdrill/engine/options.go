package engine

import (
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"septet/socket"
)

// Options that package socket does not have, with Linux's numbers.
const (
	solIPv6 = 41

	soSndBufForce = 32
	soRcvBufForce = 33
	soMemInfo     = 55
	soRcvTimeoNew = 66
	soSndTimeoNew = 67

	tcpInfo       = 11
	tcpCongestion = 13
	tcpCCInfo     = 26

	ipv6UnicastHops = 16
	ipv6TClass      = 67
)

// congestionNameLen is TCP_CA_NAME_MAX.
const congestionNameLen = 16

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

func (s *sock) plainOption(level, name int) ([]byte, error) {
	v, err := s.Socket.GetSockOpt(level, name)
	if err != nil {
		return nil, err
	}
	return number(v), nil
}

func (s *sock) socketOption(name int) ([]byte, error) {
	switch name {
	case socket.SO_DOMAIN:
		return number(s.family), nil
	case socket.SO_LINGER:
		l, err := s.GetSockOptLinger()
		on := 0
		if l.On {
			on = 1
		}
		return append(number(on), number(int(l.Time/time.Second))...), err
	case socket.SO_RCVTIMEO, socket.SO_SNDTIMEO, soRcvTimeoNew, soSndTimeoNew:
		d, err := s.GetSockOptTimeout(timeoutName(name))
		d = max(d, 0)
		b := binary.NativeEndian.AppendUint64(nil, uint64(d/time.Second))
		return binary.NativeEndian.AppendUint64(b, uint64(d%time.Second/time.Microsecond)), err
	case soMemInfo:
		return s.memInfo()
	}
	return s.plainOption(socket.SOL_SOCKET, name)
}

// timeoutName returns the one number that package socket has for a timeout.
func timeoutName(name int) int {
	switch name {
	case soRcvTimeoNew:
		return socket.SO_RCVTIMEO
	case soSndTimeoNew:
		return socket.SO_SNDTIMEO
	}
	return name
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
	case tcpInfo:
		b := make([]byte, unsafe.Sizeof(TCPInfo{}))
		n, err := s.GetSockOptBytes(socket.SOL_TCP, socket.TCP_INFO, b)
		return b[:n], err
	case tcpCCInfo:
		return nil, nil // Reno and CUBIC tell nothing of themselves: an empty answer, as on Linux
	case tcpCongestion:
		chosen, err := s.Congestion()
		b := make([]byte, congestionNameLen)
		copy(b, chosen)
		return b, err
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
	if level == socket.SOL_TCP && name == tcpCongestion {
		return s.setCongestion(value)
	}
	level, name = s.asIPv4(level, name)
	v := 0
	switch {
	case len(value) >= 4:
		v = int(int32(binary.NativeEndian.Uint32(value)))
	case len(value) >= 1 && level == socket.SOL_IP:
		v = int(value[0]) // ip(7): a byte will do
	default:
		return syscall.EINVAL
	}
	if err, ok := s.keep(level, name, v, value); ok {
		return err
	}
	switch {
	case level == socket.SOL_SOCKET:
		return s.setSocketOption(name, v, value)
	}
	return s.Socket.SetSockOpt(level, name, v)
}

func (s *sock) setSocketOption(name, v int, value []byte) error {
	switch name {
	case soSndBufForce:
		name = socket.SO_SNDBUF
	case soRcvBufForce:
		name = socket.SO_RCVBUF
	case socket.SO_LINGER:
		if len(value) < 8 {
			return syscall.EINVAL
		}
		seconds := int32(binary.NativeEndian.Uint32(value[4:]))
		return s.SetSockOptLinger(socket.Linger{On: v != 0, Time: time.Duration(seconds) * time.Second})
	case socket.SO_RCVTIMEO, socket.SO_SNDTIMEO, soRcvTimeoNew, soSndTimeoNew:
		if len(value) < 16 {
			return syscall.EINVAL
		}
		return s.setTimeout(timeoutName(name), int64(binary.NativeEndian.Uint64(value)),
			int64(binary.NativeEndian.Uint64(value[8:])))
	}
	return s.Socket.SetSockOpt(socket.SOL_SOCKET, name, v)
}

// setTimeout takes a struct timeval, as sock_set_timeout does: EDOM for a
// fraction that is none, and a negative time does not wait at all.
func (s *sock) setTimeout(name int, seconds, fraction int64) error {
	const forever = 1 << 31 // seconds; a longer time is as good as none
	switch {
	case fraction < 0 || fraction >= 1e6:
		return syscall.EDOM
	case seconds < 0:
		return s.SetSockOptTimeout(name, -1)
	case seconds >= forever:
		return s.SetSockOptTimeout(name, 0)
	}
	return s.SetSockOptTimeout(name, time.Duration(seconds)*time.Second+time.Duration(fraction)*time.Microsecond)
}

func (s *sock) setCongestion(value []byte) error {
	name, _, _ := strings.Cut(string(value[:min(len(value), congestionNameLen)]), "\x00")
	if name == "" {
		return syscall.EINVAL
	}
	return s.SetCongestion(name)
}

func number(v int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(int32(v))) }
