package socket

import (
	"encoding/binary"
	"slices"
	"syscall"

	"septet/header"
	"septet/network"
)

// Options of the level SOL_PACKET (packet(7)).
const (
	SOL_PACKET = 263

	PACKET_ADD_MEMBERSHIP  = 1
	PACKET_DROP_MEMBERSHIP = 2
	PACKET_STATISTICS      = 6

	PACKET_MR_MULTICAST = 0
	PACKET_MR_PROMISC   = 1
	PACKET_MR_ALLMULTI  = 2
)

// maxLinkMemberships is how many a socket has at most.
const maxLinkMemberships = 1024

// linkMembership is struct packet_mreq. Of its types only PACKET_MR_PROMISC does anything:
// a packet socket sees the frames of every group all the same.
type linkMembership struct {
	via  *network.Interface
	kind uint16
	addr [8]byte
}

const linkMembershipLen = 16

// setMembership adds or drops what a struct packet_mreq says. Errors: EINVAL if it is too
// short, ENODEV to add without such an interface. To drop what was not added is no error.
func (k *linkSocket) setMembership(add bool, value []byte) error {
	if len(value) < linkMembershipLen {
		return syscall.EINVAL
	}
	m := linkMembership{
		via:  k.socket.numbered(int(int32(binary.NativeEndian.Uint32(value)))),
		kind: binary.NativeEndian.Uint16(value[4:]),
		addr: [8]byte(value[8:]),
	}
	length := int(binary.NativeEndian.Uint16(value[6:]))
	i := slices.Index(k.joined, m)
	switch {
	case !add && i >= 0:
		k.leave(i)
	case !add:
	case m.via == nil:
		return syscall.ENODEV
	case length > len(m.addr), m.kind == PACKET_MR_MULTICAST && length != len(header.MAC{}):
		return syscall.EINVAL
	case len(k.joined) >= maxLinkMemberships:
		return syscall.ENOBUFS
	default:
		k.joined = append(k.joined, m)
		if m.kind == PACKET_MR_PROMISC {
			k.socket.stack.sniffing.promiscuous[m.via]++
		}
	}
	return nil
}

func (k *linkSocket) leave(i int) {
	m := k.joined[i]
	k.joined = slices.Delete(k.joined, i, i+1)
	if m.kind != PACKET_MR_PROMISC {
		return
	}
	p := k.socket.stack.sniffing.promiscuous
	if p[m.via]--; p[m.via] == 0 {
		delete(p, m.via)
	}
}

// takeStatistics is struct tpacket_stats. What was told is not told again.
func (k *linkSocket) takeStatistics() []byte {
	st := k.stats
	k.stats = linkStats{}
	return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, st.packets), st.drops)
}

func (k *linkSocket) option(level, name int) (int, error) {
	switch {
	case level == SOL_SOCKET && name == SO_PROTOCOL:
		return 0, nil
	case level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_SNDBUF):
		return k.buffer, nil
	case level == SOL_SOCKET && name == SO_ACCEPTCONN:
		return 0, nil
	case level == SOL_PACKET && name == PACKET_AUXDATA:
		return number(k.aux), nil
	case level == SOL_PACKET && name == PACKET_STATISTICS:
		return int(int32(binary.NativeEndian.Uint32(k.takeStatistics()))), nil
	}
	return 0, syscall.ENOPROTOOPT
}

func (k *linkSocket) setOption(level, name, value int) error {
	switch {
	case level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_BROADCAST || name == SO_KEEPALIVE || name == SO_SNDBUF):
		// They mean nothing here.
	case level == SOL_SOCKET && name == SO_RCVBUF:
		k.buffer = 2 * clampBuffer(value, minReceiveBuffer)
	case level == SOL_PACKET && (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP):
		return syscall.EINVAL // too short
	case level == SOL_PACKET && name == PACKET_AUXDATA:
		k.aux = value != 0
	default:
		return syscall.ENOPROTOOPT
	}
	return nil
}

// rawOptionBytes returns the options of this file's, raw.go's and device.go's sockets that
// are no numbers; ok is false for any other. The turn must be held.
func (s *Socket) rawOptionBytes(level, name, room int) (value []byte, ok bool, err error) {
	switch p := s.protocol.(type) {
	case *linkSocket:
		if level == SOL_PACKET && name == PACKET_STATISTICS {
			return p.takeStatistics(), true, nil
		}
	case *raw:
		if s.kind == SOCK_RAW && (level == SOL_ICMPV6 || level == SOL_RAW && !p.six) {
			value, err = p.filterOf(level, name)
			return value, true, err
		}
	}
	if level != SOL_SOCKET || name != SO_BINDTODEVICE {
		return nil, false, nil
	}
	switch d := s.device(); {
	case d == nil:
		return nil, true, nil
	case room < ifNameSize:
		return nil, true, syscall.EINVAL
	default:
		return append([]byte(d.Name()), 0), true, nil
	}
}

// setRawOptionBytes sets one.
func (s *Socket) setRawOptionBytes(level, name int, value []byte) (ok bool, err error) {
	switch p := s.protocol.(type) {
	case *linkSocket:
		if level == SOL_PACKET && (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP) {
			return true, p.setMembership(name == PACKET_ADD_MEMBERSHIP, value)
		}
		if level == SOL_PACKET && name == PACKET_AUXDATA {
			return true, p.setAuxdata(value)
		}
	case *raw:
		if s.kind == SOCK_RAW && (level == SOL_ICMPV6 || level == SOL_RAW && !p.six) {
			return true, p.setFilter(level, name, value)
		}
	}
	if level != SOL_SOCKET || name != SO_BINDTODEVICE {
		return false, nil
	}
	return true, s.setDeviceName(string(value[:min(len(value), ifNameSize-1)]))
}
