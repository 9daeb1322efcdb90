package socket

import (
	"encoding/binary"
	"syscall"
	"time"

	"septet/network"
)

// GetSockOpt returns the value of an option that is a number; a switch is 0 or
// 1. Of one that is more it returns the first four bytes (GetSockOptBytes). SO_ERROR returns the errno of what failed since the last call and clears
// it. Errors: ENOPROTOOPT for an option that the socket does not have.
func (s *Socket) GetSockOpt(level, name int) (int, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return 0, syscall.EBADF
	}
	o, ok := s.structured(level, name)
	if !ok {
		return s.numberOption(level, name)
	}
	if o.get == nil {
		return 0, syscall.ENOPROTOOPT
	}
	b, err := o.get(s)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.NativeEndian.Uint32(b))), nil // what there is room for
}

// numberOption returns the value of an option that is a number.
func (s *Socket) numberOption(level, name int) (int, error) {
	v, err := s.ownOption(level, name)
	if err == syscall.ENOPROTOOPT {
		return s.keptValue(option{level, name})
	}
	return v, err
}

// ownOption returns an option that the socket or its protocol has itself.
func (s *Socket) ownOption(level, name int) (int, error) {
	switch {
	case level == SOL_SOCKET:
	case s.domain == AF_PACKET, s.kind == SOCK_RAW && (level == SOL_RAW || level == SOL_ICMPV6):
		return s.protocol.option(level, name)
	case level == SOL_IP && !s.hasIPOptions():
		return 0, syscall.ENOPROTOOPT
	case level == SOL_IPV6 && s.domain == AF_INET6:
		return s.option6(name)
	case level == SOL_IP && isGroupOption(false, name):
		return s.groupOption(false, name)
	case level == SOL_IP, level == SOL_TCP && s.kind == SOCK_STREAM:
		return s.protocol.option(level, name)
	case level == IPPROTO_UDP && s.kind == SOCK_DGRAM && !s.isRaw():
		return s.protocol.option(level, name)
	case s.domain == AF_INET6:
		return 0, syscall.ENOPROTOOPT
	default:
		return 0, syscall.EOPNOTSUPP // though to set it is ENOPROTOOPT
	}
	switch name {
	case SO_TYPE:
		return int(s.kind), nil
	case SO_DOMAIN:
		return int(s.domain), nil
	case SO_ERROR:
		if e, ok := s.protocol.takeError().(syscall.Errno); ok {
			return int(e), nil
		}
		// What ICMP has said of a connection that goes on all the same. That segments
		// are sent again, which is a soft error too, Linux tells nobody.
		if t, ok := s.protocol.(*stream); ok && t.conn != nil {
			if e, ok := t.conn.SoftError().(syscall.Errno); ok && e != syscall.ETIMEDOUT {
				return int(e), nil
			}
		}
		return 0, nil
	case SO_REUSEADDR:
		return number(s.reuseAddr), nil
	case SO_REUSEPORT:
		return number(s.reusePort), nil
	case SO_BINDTOIFINDEX:
		return s.device().Index(), nil
	case SO_BROADCAST:
		return number(s.broadcast), nil
	case SO_KEEPALIVE:
		return number(s.keepAlive), nil
	}
	return s.protocol.option(level, name)
}

// SetSockOpt sets an option that is a number; a switch is on unless the value
// is 0. Of SO_RCVBUF and SO_SNDBUF, as on Linux, GetSockOpt returns twice the
// value that was set. Errors: ENOPROTOOPT for an option that the socket does
// not have or that cannot be set, EINVAL for a value that it cannot take.
func (s *Socket) SetSockOpt(level, name, value int) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	if _, ok := s.structured(level, name); ok {
		return s.setOptionBytes(level, name, int32Bytes(value))
	}
	return s.setNumberOption(level, name, int(int32(value))) // an int of C
}

// setNumberOption sets an option that is a number.
func (s *Socket) setNumberOption(level, name, value int) error {
	err := s.setOwnOption(level, name, value)
	if err == syscall.ENOPROTOOPT {
		return s.keep(option{level, name}, value)
	}
	return err
}

// setOwnOption sets an option that the socket or its protocol has itself.
func (s *Socket) setOwnOption(level, name, value int) error {
	switch {
	case level == SOL_SOCKET:
	case s.domain == AF_PACKET:
		return s.protocol.setOption(level, name, value)
	case level == SOL_IP && !s.hasIPOptions():
		return syscall.ENOPROTOOPT
	case level == SOL_IPV6:
		return s.setOption6(name, value)
	case level == SOL_IP && isGroupOption(false, name):
		return s.setGroupOption(false, name, value)
	default:
		return s.protocol.setOption(level, name, value)
	}
	switch name {
	case SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN:
		return syscall.ENOPROTOOPT
	case SO_REUSEADDR:
		s.reuseAddr = value != 0
	case SO_REUSEPORT:
		if s.domain == AF_PACKET {
			return syscall.EOPNOTSUPP
		}
		s.reusePort = value != 0
	case SO_BINDTOIFINDEX:
		return s.setDeviceIndex(value)
	case SO_BROADCAST:
		s.broadcast = value != 0
	case SO_KEEPALIVE:
		s.keepAlive = value != 0
	}
	return s.protocol.setOption(level, name, value)
}

// GetSockOptLinger returns the value of SO_LINGER.
func (s *Socket) GetSockOptLinger() (Linger, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return Linger{}, syscall.EBADF
	}
	return s.lingerOption(), nil
}

// SetSockOptLinger sets SO_LINGER.
func (s *Socket) SetSockOptLinger(v Linger) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	switch {
	case s.closed:
		return syscall.EBADF
	case v.Time < 0:
		return syscall.EINVAL
	}
	s.setLingerOption(v)
	return nil
}

// GetSockOptTimeout returns SO_RCVTIMEO or SO_SNDTIMEO, zero for none.
func (s *Socket) GetSockOptTimeout(name int) (time.Duration, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return 0, syscall.EBADF
	}
	switch name {
	case SO_RCVTIMEO:
		return s.receiveTimeout, nil
	case SO_SNDTIMEO:
		return s.sendTimeout, nil
	}
	return 0, syscall.ENOPROTOOPT
}

// SetSockOptTimeout sets SO_RCVTIMEO or SO_SNDTIMEO: how long a receiving or
// sending call blocks before it fails with EAGAIN: zero for as long as it takes,
// a negative time for not at all. Calls that have begun are not affected.
func (s *Socket) SetSockOptTimeout(name int, d time.Duration) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	switch {
	case s.closed:
		return syscall.EBADF
	case name != SO_RCVTIMEO && name != SO_SNDTIMEO:
		return syscall.ENOPROTOOPT
	case name == SO_RCVTIMEO:
		s.receiveTimeout = d
	default:
		s.sendTimeout = d
	}
	return nil
}

// Limits of SO_RCVBUF and SO_SNDBUF: Linux's minimum, and its maximum for a
// user without privileges (net.core.rmem_max) as of Linux 6.17.
const (
	minReceiveBuffer = 2304
	minSendBuffer    = 4608
	maxBuffer        = 4 << 20
)

// clampBuffer returns how many bytes a buffer holds for which value was asked.
// What is set is taken as the bytes of data; Linux doubles it for its own
// overhead and reports the double (socket(7)).
func clampBuffer(value, least int) int {
	if value < 0 {
		value = maxBuffer // taken as unsigned
	}
	return min(max(value, least/2), maxBuffer)
}

func number(on bool) int {
	if on {
		return 1
	}
	return 0
}

// setTTL and setTOS check the values of IP_TTL and IP_TOS (ip(7)).

func setTTL(ttl *uint8, value int) error {
	if value == -1 {
		*ttl = 0 // the default again
		return nil
	}
	if value < 1 || value > 255 {
		return syscall.EINVAL
	}
	*ttl = uint8(value)
	return nil
}

func getTTL(ttl uint8) int {
	if ttl == 0 {
		return network.DefaultTTL
	}
	return int(ttl)
}

// setDiscovery checks the value of IP_MTU_DISCOVER.
func setDiscovery(d *network.Discovery, value int) error {
	if value < IP_PMTUDISC_DONT || value > IP_PMTUDISC_OMIT {
		return syscall.EINVAL
	}
	*d = network.Discovery(value)
	return nil
}

// AtMark reports whether the next byte to be read is the urgent one, as
// sockatmark(3) does. ENOTTY for anything but a stream.
func (s *Socket) AtMark() (bool, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	t, ok := s.protocol.(*stream)
	switch {
	case s.closed:
		return false, syscall.EBADF
	case !ok:
		return false, syscall.ENOTTY
	}
	return t.conn != nil && t.conn.AtMark() && t.unread() == 0, nil
}
