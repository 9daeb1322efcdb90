package socket

import (
	"encoding/binary"
	"syscall"

	"septet/header"
	"septet/network"
)

func (r *raw) multicast(bool) *network.Multicast { return r.groups }

func (r *raw) reroute() {}

func (r *raw) lingering() bool { return false }

func (r *raw) linger() Linger { return Linger{} }

func (r *raw) setLinger(Linger) {}

// rawMarks is how what is sent goes.
type rawMarks struct {
	ttl, tos uint8 // or hop limit and traffic class: it speaks one family
	discover network.Discovery
}

// marksOf returns those that options of a level are about.
func (r *raw) marksOf(level int) *rawMarks {
	if r.ping != nil && r.six && level == SOL_IP {
		return &r.ping.four
	}
	return &r.rawMarks
}

func (r *raw) option(level, name int) (int, error) {
	switch {
	case level == SOL_RAW && r.six && name == IPV6_CHECKSUM:
		return r.checksumAt, nil
	case r.ping != nil && (level == SOL_RAW || level == SOL_ICMPV6 || level == SOL_IP && name == IP_HDRINCL):
		return 0, syscall.ENOPROTOOPT
	case level == SOL_RAW, level == SOL_ICMPV6:
		b, err := r.filterOf(level, name)
		if err != nil {
			return 0, err
		}
		return int(int32(binary.NativeEndian.Uint32(b))), nil
	case level == SOL_SOCKET && name == SO_PROTOCOL:
		return int(r.protocolNumber()), nil
	case level == SOL_SOCKET && name == SO_RCVBUF:
		return r.receiveBuffer, nil
	case level == SOL_SOCKET && name == SO_SNDBUF:
		return r.sendBuffer, nil
	case level == SOL_SOCKET && name == SO_ACCEPTCONN:
		return 0, nil
	case level == SOL_IP && name == IP_HDRINCL:
		return number(r.headerIncluded), nil
	case level == SOL_IP && name == IP_TTL, level == SOL_IPV6 && name == IPV6_UNICAST_HOPS:
		return getTTL(r.marksOf(level).ttl), nil
	case level == SOL_IP && name == IP_TOS, level == SOL_IPV6 && name == IPV6_TCLASS:
		return int(r.marksOf(level).tos), nil
	case r.isDiscovery(level, name):
		return int(r.marksOf(level).discover), nil
	}
	return 0, syscall.ENOPROTOOPT
}

// isDiscovery reports whether an option is IP_MTU_DISCOVER of a family that is spoken: a
// ping socket of IPv6 knows those of both.
func (r *raw) isDiscovery(level, name int) bool {
	if level == SOL_IPV6 {
		return r.six && name == IPV6_MTU_DISCOVER
	}
	return (!r.six || r.ping != nil) && level == SOL_IP && name == IP_MTU_DISCOVER
}

func (r *raw) setOption(level, name, value int) error {
	switch {
	case level == SOL_RAW && r.six && name == IPV6_CHECKSUM:
		if value > 0 && value%2 != 0 {
			return syscall.EINVAL
		}
		if r.number != header.ProtocolICMPv6 {
			r.checksumAt = max(value, -1)
		}
	case r.ping != nil && (level == SOL_RAW || level == SOL_ICMPV6 || level == SOL_IP && name == IP_HDRINCL):
		return syscall.ENOPROTOOPT
	case level == SOL_RAW, level == SOL_ICMPV6:
		return r.setFilter(level, name, binary.NativeEndian.AppendUint32(nil, uint32(value)))
	case level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_REUSEPORT || name == SO_BROADCAST || name == SO_KEEPALIVE):
		// SO_BROADCAST is looked at when sending; the others mean nothing here.
	case level == SOL_SOCKET && name == SO_RCVBUF:
		r.receiveBuffer = 2 * clampBuffer(value, minReceiveBuffer)
	case level == SOL_SOCKET && name == SO_SNDBUF:
		r.sendBuffer = 2 * clampBuffer(value, minSendBuffer) // only remembered
	case level == SOL_IP && name == IP_HDRINCL:
		r.headerIncluded = value != 0
	case level == SOL_IP && name == IP_TTL, level == SOL_IPV6 && name == IPV6_UNICAST_HOPS:
		return setTTL(&r.marksOf(level).ttl, value)
	case level == SOL_IP && name == IP_TOS, level == SOL_IPV6 && name == IPV6_TCLASS:
		r.marksOf(level).tos = uint8(value)
	case r.isDiscovery(level, name):
		return setDiscovery(&r.marksOf(level).discover, value)
	default:
		return syscall.ENOPROTOOPT
	}
	return nil
}
