package socket

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Values of options that are more than a number, or are written otherwise than as one of
// four bytes. All other options are numbers: see GetSockOpt.

// structured is an option with a layout of its own. get returns the value, set takes it;
// nil where Linux says ENOPROTOOPT.
type structured struct {
	get func(s *Socket) ([]byte, error)
	set func(s *Socket, value []byte) error
}

// structuredOptions has them all.
var structuredOptions = map[option]structured{
	{SOL_SOCKET, SO_LINGER}:       {(*Socket).lingerBytes, (*Socket).setLingerBytes},
	{SOL_SOCKET, SO_RCVTIMEO}:     timeout(SO_RCVTIMEO),
	{SOL_SOCKET, SO_SNDTIMEO}:     timeout(SO_SNDTIMEO),
	{SOL_SOCKET, SO_RCVTIMEO_NEW}: timeout(SO_RCVTIMEO),
	{SOL_SOCKET, SO_SNDTIMEO_NEW}: timeout(SO_SNDTIMEO),
	{SOL_TCP, TCP_INFO}:           {(*Socket).infoBytes, nil},
	{SOL_TCP, TCP_CONGESTION}:     {(*Socket).congestionBytes, (*Socket).setCongestionBytes},

	{SOL_IP, IP_MULTICAST_IF}:           {(*Socket).groupInterfaceBytes, (*Socket).setGroupInterfaceBytes},
	{SOL_IP, IP_ADD_MEMBERSHIP}:         membership(SOL_IP, IP_ADD_MEMBERSHIP, parseMreq),
	{SOL_IP, IP_DROP_MEMBERSHIP}:        membership(SOL_IP, IP_DROP_MEMBERSHIP, parseMreq),
	{SOL_IP, IP_ADD_SOURCE_MEMBERSHIP}:  membership(SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, parseMreqSource),
	{SOL_IP, IP_DROP_SOURCE_MEMBERSHIP}: membership(SOL_IP, IP_DROP_SOURCE_MEMBERSHIP, parseMreqSource),
	{SOL_IP, IP_BLOCK_SOURCE}:           membership(SOL_IP, IP_BLOCK_SOURCE, parseMreqSource),
	{SOL_IP, IP_UNBLOCK_SOURCE}:         membership(SOL_IP, IP_UNBLOCK_SOURCE, parseMreqSource),
	{SOL_IPV6, IPV6_JOIN_GROUP}:         membership(SOL_IPV6, IPV6_JOIN_GROUP, parseMreq6),
	{SOL_IPV6, IPV6_LEAVE_GROUP}:        membership(SOL_IPV6, IPV6_LEAVE_GROUP, parseMreq6),
}

func init() {
	for _, level := range [...]int{SOL_IP, SOL_IPV6} {
		for name := MCAST_JOIN_GROUP; name <= MCAST_LEAVE_SOURCE_GROUP; name++ {
			structuredOptions[option{level, name}] = membership(level, name, parseGroupRequest)
		}
	}
}

// structured returns an option with a layout of its own.
func (s *Socket) structured(level, name int) (structured, bool) {
	if level == SOL_TCP && s.kind != SOCK_STREAM || level == SOL_IPV6 && s.domain != AF_INET6 ||
		level == SOL_IP && !s.hasIPOptions() {
		return structured{}, false
	}
	o, ok := structuredOptions[option{level, name}]
	return o, ok
}

// hasIPOptions reports whether the socket has options of SOL_IP: a packet socket does not,
// nor, as on Linux, a raw one of IPv6.
func (s *Socket) hasIPOptions() bool {
	return s.domain == AF_INET || s.domain == AF_INET6 && s.kind != SOCK_RAW
}

// GetSockOptBytes writes the value of an option into b in Linux's layout, cut to its
// length, and returns how many bytes those are. Errors are those of GetSockOpt.
func (s *Socket) GetSockOptBytes(level, name int, b []byte) (int, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return 0, syscall.EBADF
	}
	if value, ok, err := s.rawOptionBytes(level, name, len(b)); ok {
		return copy(b, value), err
	}
	o, ok := s.structured(level, name)
	if ok && o.get == nil {
		return 0, syscall.ENOPROTOOPT
	}
	if ok {
		value, err := o.get(s)
		return copy(b, value), err
	}
	v, err := s.numberOption(level, name)
	switch {
	case err != nil:
		return 0, err
	case level == SOL_IP && len(b) > 0 && len(b) < 4 && v >= 0 && v <= 255:
		b[0] = byte(v) // ip(7): a byte will do
		return 1, nil
	}
	return copy(b, int32Bytes(v)), nil
}

// SetSockOptBytes sets an option to a value in Linux's layout. Errors beside those of
// SetSockOpt: EINVAL for a value that is too short, EDOM for a time that is none, ENOENT
// for a congestion control that there is not.
func (s *Socket) SetSockOptBytes(level, name int, value []byte) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	return s.setOptionBytes(level, name, value)
}

func (s *Socket) setOptionBytes(level, name int, value []byte) error {
	if ok, err := s.setRawOptionBytes(level, name, value); ok {
		return err
	}
	if o, ok := s.structured(level, name); ok {
		if o.set == nil {
			return syscall.ENOPROTOOPT
		}
		return o.set(s, value)
	}
	switch {
	case len(value) >= 4:
		return s.setNumberOption(level, name, int(int32(binary.NativeEndian.Uint32(value))))
	case level == SOL_IP && len(value) > 0:
		return s.setNumberOption(level, name, int(value[0]))
	case level == SOL_IP && !isGroupOption(false, name):
		return s.setNumberOption(level, name, 0)
	case level == SOL_IPV6 && s.domain != AF_INET6:
		return syscall.ENOPROTOOPT
	case level == SOL_IPV6:
		k, kept := s.keeps(option{level, name})
		if _, err := s.numberOption(level, name); err == syscall.ENOPROTOOPT || kept && k.fixed && s.kind == SOCK_STREAM {
			return syscall.ENOPROTOOPT
		}
	case level != SOL_SOCKET && level != SOL_IP && level != SOL_TCP:
		return syscall.ENOPROTOOPT
	case level == SOL_TCP && s.kind != SOCK_STREAM:
		return syscall.ENOPROTOOPT
	}
	return syscall.EINVAL
}

func int32Bytes(v int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(int32(v))) }

// lingerBytes is struct linger.
func (s *Socket) lingerBytes() ([]byte, error) {
	l := s.lingerOption()
	return append(int32Bytes(number(l.On)), int32Bytes(int(l.Time/time.Second))...), nil
}

func (s *Socket) setLingerBytes(value []byte) error {
	if len(value) < 8 {
		return syscall.EINVAL
	}
	seconds := binary.NativeEndian.Uint32(value[4:]) // Linux takes it as unsigned
	s.setLingerOption(Linger{
		On:   binary.NativeEndian.Uint32(value) != 0,
		Time: time.Duration(seconds) * time.Second,
	})
	return nil
}

// lingerOption is SO_LINGER. A socket that is no stream remembers it.
func (s *Socket) lingerOption() Linger {
	if s.kind != SOCK_STREAM {
		if s.rare == nil {
			return Linger{}
		}
		return s.rare.linger
	}
	return s.protocol.linger()
}

func (s *Socket) setLingerOption(v Linger) {
	if s.kind != SOCK_STREAM {
		s.needRare().linger = v
		return
	}
	s.protocol.setLinger(v)
}

// timeout is struct timeval, of SO_RCVTIMEO or SO_SNDTIMEO.
func timeout(name int) structured {
	return structured{
		func(s *Socket) ([]byte, error) {
			d := s.receiveTimeout
			if name == SO_SNDTIMEO {
				d = s.sendTimeout
			}
			return timevalBytes(max(d, 0), time.Microsecond), nil
		},
		func(s *Socket, value []byte) error {
			d, err := parseTimeval(value)
			switch {
			case err != nil:
				return err
			case name == SO_SNDTIMEO:
				s.sendTimeout = d
			default:
				s.receiveTimeout = d
			}
			return nil
		},
	}
}

// timevalBytes is struct timeval, or struct timespec if the unit is a nanosecond.
func timevalBytes(d, unit time.Duration) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(d/time.Second))
	return binary.NativeEndian.AppendUint64(b, uint64(d%time.Second/unit))
}

// parseTimeval reads a time-out: EDOM for a fraction that is none; a negative time does
// not wait at all.
func parseTimeval(value []byte) (time.Duration, error) {
	const forever = 1 << 31 // seconds; a longer time is as good as none
	if len(value) < 16 {
		return 0, syscall.EINVAL
	}
	seconds := int64(binary.NativeEndian.Uint64(value))
	fraction := int64(binary.NativeEndian.Uint64(value[8:]))
	switch {
	case fraction < 0 || fraction >= 1e6:
		return 0, syscall.EDOM
	case seconds < 0:
		return -1, nil
	case seconds >= forever:
		return 0, nil
	}
	return time.Duration(seconds)*time.Second + time.Duration(fraction)*time.Microsecond, nil
}

func (s *Socket) infoBytes() ([]byte, error) {
	i, err := s.info()
	return encodeTCPInfo(i), err
}

// congestionNameLen is TCP_CA_NAME_MAX.
const congestionNameLen = 16

func (s *Socket) congestionBytes() ([]byte, error) {
	name, err := s.congestion()
	b := make([]byte, congestionNameLen)
	copy(b, name)
	return b, err
}

func (s *Socket) setCongestionBytes(value []byte) error {
	if len(value) == 0 {
		return syscall.EINVAL
	}
	name, _, _ := strings.Cut(string(value[:min(len(value), congestionNameLen-1)]), "\x00")
	if name == "" {
		return syscall.ENOENT
	}
	return s.setCongestion(name)
}

// groupInterfaceBytes is struct in_addr.
func (s *Socket) groupInterfaceBytes() ([]byte, error) {
	b := make([]byte, 4)
	if s.kind != SOCK_STREAM {
		copy(b, s.groupInterfaceAddr())
	}
	return b, nil
}

func (s *Socket) groupInterfaceAddr() []byte {
	m := s.protocol.multicast(false)
	switch {
	case s.rare != nil && s.rare.groupAddr.IsValid():
		return s.rare.groupAddr.AsSlice()
	case m.Via == nil:
		return nil
	}
	return m.Via.Addr().AsSlice()
}

// setGroupInterfaceBytes takes struct in_addr, ip_mreq or ip_mreqn.
func (s *Socket) setGroupInterfaceBytes(value []byte) error {
	if s.kind == SOCK_STREAM || len(value) < 4 {
		return syscall.EINVAL
	}
	var r GroupRequest
	switch {
	case len(value) >= 12:
		r.Interface = int(int32(binary.NativeEndian.Uint32(value[8:])))
		fallthrough
	case len(value) >= 8:
		r.LocalAddr = addr4(value[4:])
	default:
		r.LocalAddr = addr4(value)
	}
	return s.setGroupInterface(r)
}

func addr4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }

// membership is an option that joins or leaves a group.
func membership(level, name int, parse func(level, name int, value []byte) (GroupRequest, error)) structured {
	return structured{set: func(s *Socket, value []byte) error {
		plain := name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP
		if s.kind == SOCK_STREAM && level == SOL_IP && plain {
			return syscall.EPROTO
		}
		r, err := parse(level, name, value)
		if err != nil {
			return err
		}
		return s.setGroup(level, name, r)
	}}
}

// parseMreq reads struct ip_mreq or ip_mreqn.
func parseMreq(_, _ int, value []byte) (r GroupRequest, err error) {
	if len(value) < 8 {
		return r, syscall.EINVAL
	}
	r.Group, r.LocalAddr = addr4(value), addr4(value[4:])
	if len(value) >= 12 {
		r.Interface = int(int32(binary.NativeEndian.Uint32(value[8:])))
	}
	return r, nil
}

// parseMreqSource reads struct ip_mreq_source.
func parseMreqSource(_, _ int, value []byte) (r GroupRequest, err error) {
	if len(value) != 12 {
		return r, syscall.EINVAL
	}
	r.Group, r.LocalAddr, r.Source = addr4(value), addr4(value[4:]), addr4(value[8:])
	return r, nil
}

// parseMreq6 reads struct ipv6_mreq.
func parseMreq6(_, _ int, value []byte) (r GroupRequest, err error) {
	if len(value) < 20 {
		return r, syscall.EINVAL
	}
	r.Group = netip.AddrFrom16([16]byte(value))
	r.Interface = int(int32(binary.NativeEndian.Uint32(value[16:])))
	return r, nil
}

// Lengths of struct sockaddr_storage, and where the first one is in a group_req.
const (
	storageLen   = 128
	groupStorage = 8
)

// parseGroupRequest reads struct group_req or group_source_req (RFC 3678, section 5.1).
func parseGroupRequest(level, name int, value []byte) (r GroupRequest, err error) {
	source := name != MCAST_JOIN_GROUP && name != MCAST_LEAVE_GROUP
	need := groupStorage + storageLen
	if source {
		need += storageLen
	}
	if len(value) < need || source && level == SOL_IP && len(value) != need {
		return r, syscall.EINVAL
	}
	r.Interface = int(binary.NativeEndian.Uint32(value))
	ok := false
	if r.Group, ok = storageAddr(level, value[groupStorage:]); ok && source {
		r.Source, ok = storageAddr(level, value[groupStorage+storageLen:])
	}
	switch {
	case !ok && level == SOL_IPV6:
		return r, syscall.EADDRNOTAVAIL
	case !ok:
		return r, syscall.EINVAL
	}
	return r, nil
}

// storageAddr returns the address in a struct sockaddr_storage, false unless it is of the
// level's family.
func storageAddr(level int, b []byte) (netip.Addr, bool) {
	switch family := int(binary.NativeEndian.Uint16(b)); {
	case level == SOL_IP && family == AF_INET:
		return addr4(b[4:8]), true
	case level == SOL_IPV6 && family == AF_INET6:
		return netip.AddrFrom16([16]byte(b[8:24])), true
	}
	return netip.Addr{}, false
}
