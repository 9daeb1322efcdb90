package engine

import (
	"encoding/binary"
	"math"
	"syscall"

	"septet/socket"
)

// Options that the stack does not have. Some of them only say what a call returns,
// and that is done here. The rest Linux takes and tells again, and nothing of it
// can be seen on this wire: marks, priorities, time stamps for an error queue that
// is always empty. Their values are kept and have no effect.

// keptOption names one.
type keptOption struct{ level, name int }

const (
	soRcvLowat      = 18
	soMaxPacingRate = 47

	ipMTU         = 14
	ipMTUDiscover = 10

	tcpWindowClamp     = 10
	tcpNotSentLowat    = 25
	tcpFastOpenConnect = 30
	tcpInq             = 36
)

// keptOptions has each with its value before it is set, and bounds of what is taken.
var keptOptions = map[keptOption]struct{ usual, least, most int }{
	{socket.SOL_SOCKET, soRcvLowat}:      {1, math.MinInt32, math.MaxInt32},
	{socket.SOL_SOCKET, soMaxPacingRate}: {-1, math.MinInt32, math.MaxInt32},
	{socket.SOL_SOCKET, 12}:              {0, 0, math.MaxInt32},             // SO_PRIORITY
	{socket.SOL_SOCKET, 15}:              {0, math.MinInt32, math.MaxInt32}, // SO_REUSEPORT
	{socket.SOL_SOCKET, 29}:              {0, math.MinInt32, math.MaxInt32}, // SO_TIMESTAMP
	{socket.SOL_SOCKET, 35}:              {0, math.MinInt32, math.MaxInt32}, // SO_TIMESTAMPNS
	{socket.SOL_SOCKET, 36}:              {0, math.MinInt32, math.MaxInt32}, // SO_MARK
	{socket.SOL_SOCKET, 37}:              {0, 0, 1<<18 - 1},                 // SO_TIMESTAMPING
	{socket.SOL_SOCKET, 46}:              {0, 0, math.MaxInt32},             // SO_BUSY_POLL
	{socket.SOL_SOCKET, 60}:              {0, 0, 1},                         // SO_ZEROCOPY
	{socket.SOL_IP, ipMTUDiscover}:       {1, 0, 5},                         // wants discovery
	{socket.SOL_IP, 11}:                  {0, math.MinInt32, math.MaxInt32}, // IP_RECVERR
	{socket.SOL_IP, 13}:                  {0, math.MinInt32, math.MaxInt32}, // IP_RECVTOS
	{socket.SOL_IP, 15}:                  {0, math.MinInt32, math.MaxInt32}, // IP_FREEBIND
	{socket.SOL_TCP, tcpWindowClamp}:     {0, 0, math.MaxInt32},
	{socket.SOL_TCP, 16}:                 {0, 0, 1}, // TCP_THIN_LINEAR_TIMEOUTS
	{socket.SOL_TCP, 17}:                 {0, 0, 1}, // TCP_THIN_DUPACK
	{socket.SOL_TCP, tcpNotSentLowat}:    {0, math.MinInt32, math.MaxInt32},
	{socket.SOL_TCP, tcpFastOpenConnect}: {0, 0, 1},
	{socket.SOL_TCP, tcpInq}:             {0, 0, 1},
}

// keep sets one of them. It reports false for any other.
func (s *sock) keep(level, name, value int, raw []byte) (error, bool) {
	o := keptOption{level, name}
	bounds, ok := keptOptions[o]
	switch {
	case !ok:
		return nil, false
	case value < bounds.least || value > bounds.most:
		return syscall.EINVAL, true
	case o == keptOption{socket.SOL_SOCKET, soRcvLowat} && value <= 0:
		value = 1
		if int32(binary.NativeEndian.Uint32(raw)) < 0 {
			value = math.MaxInt32
		}
	}
	if s.kept == nil {
		s.kept = make(map[keptOption]int)
	}
	s.kept[o] = value
	return nil, true
}

// keptValue returns one of them, or what only the connection knows.
func (s *sock) keptValue(level, name int) ([]byte, error, bool) {
	o := keptOption{level, name}
	if o == (keptOption{socket.SOL_IP, ipMTU}) {
		i, err := s.TCPInfo()
		if err == nil && i.PathMTU == 0 {
			err = syscall.ENOTCONN
		}
		return number(i.PathMTU), err, true
	}
	bounds, ok := keptOptions[o]
	if !ok {
		return nil, nil, false
	}
	if v, set := s.kept[o]; set {
		return number(v), nil, true
	}
	return number(bounds.usual), nil, true
}

// readiness is the socket's, as SO_RCVLOWAT and TCP_NOTSENT_LOWAT hold it back: too
// little to read is nothing to read, until the peer has finished.
func (s *sock) readiness() socket.Readiness {
	r := s.Readiness()
	least := s.kept[keptOption{socket.SOL_SOCKET, soRcvLowat}]
	backlog := s.kept[keptOption{socket.SOL_TCP, tcpNotSentLowat}]
	if least <= 1 && backlog <= 0 {
		return r
	}
	i, err := s.TCPInfo()
	if err != nil {
		return r
	}
	if i.Unread < least && r&(socket.POLLRDHUP|socket.POLLERR|socket.POLLHUP) == 0 {
		r &^= socket.POLLIN
	}
	if backlog > 0 && i.NotSent >= backlog && r&(socket.POLLERR|socket.POLLHUP) == 0 {
		r &^= socket.POLLOUT
	}
	return r
}

// inq is what TCP_INQ tells beside what was read: how much is left, with one more
// for the peer's FIN.
func (s *sock) inq() int {
	i, err := s.TCPInfo()
	if err != nil {
		return 0
	}
	if i.Unread == 0 && s.Readiness()&socket.POLLRDHUP != 0 {
		return 1
	}
	return i.Unread
}
