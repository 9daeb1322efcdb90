package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"septet/header"
	"septet/network"
	"septet/packet"
)

// What raw sockets of IPv6 have of their own (RFC 3542, section 3).

const (
	IPPROTO_ICMPV6 = 58

	SOL_RAW    = IPPROTO_RAW
	SOL_ICMPV6 = IPPROTO_ICMPV6

	ICMP_FILTER   = 1 // of SOL_RAW, on IPPROTO_ICMP
	ICMP6_FILTER  = 1 // of SOL_ICMPV6
	IPV6_CHECKSUM = 7
	IPV6_HDRINCL  = 36
)

// icmp6ChecksumAt is where an ICMPv6 message has its checksum.
const icmp6ChecksumAt = 2

// keepHeader6 leaves the IPv6 header in front of the payload, without extensions, and
// notes of which link the addresses are.
func keepHeader6(p *packet.Packet, d *network.Datagram) {
	p.In = uint16(d.Link().Index())
	if d.HeaderLen > header.IPv6Len {
		h := p.Pull(d.HeaderLen)
		copy(h[d.HeaderLen-header.IPv6Len:], h)
		p.Unpull(header.IPv6Len)
	}
}

// dissect6 reads what keepHeader6 has left.
func (r *raw) dissect6(data []byte, in int) (payload []byte, from netip.AddrPort) {
	src := netip.AddrFrom16([16]byte(data[8:24]))
	via := r.socket.stack.network.Interface(in)
	return data[header.IPv6Len:], netip.AddrPortFrom(via.Scoped(src), 0)
}

// scoped gives an address of a link the zone of the socket's device. EINVAL if nothing
// says of which link it is.
func (r *raw) scoped(a netip.Addr) (netip.Addr, error) {
	ofLink := a.Is6() && (a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast())
	switch {
	case !ofLink || a.Zone() != "":
	case r.device != nil:
		a = a.WithZone(r.device.Name())
	case a.IsLinkLocalUnicast(), r.groups.Via == nil:
		return a, syscall.EINVAL
	}
	return a, nil
}

// linkOf returns the interface by which to send to a group: the socket's device, or that
// of the group's zone, nil for any.
func (r *raw) linkOf(group netip.Addr) *network.Interface {
	if r.device == nil && group.Zone() != "" {
		return r.socket.stack.network.InterfaceNamed(group.Zone())
	}
	return r.device
}

// fillChecksum puts in the checksum that IPV6_CHECKSUM asks for. It reports false if the
// datagram is too short to have it.
func (r *raw) fillChecksum(p *packet.Packet, path *network.Path) bool {
	if r.checksumAt < 0 {
		return true
	}
	b := p.Touch()
	if len(b)-2 < r.checksumAt {
		return false
	}
	field := b[r.checksumAt:]
	field[0], field[1] = 0, 0
	sum := ^header.Checksum(b, header.PseudoSum(path.Src(), path.Dst(), r.number, len(b)))
	if sum == 0 && r.number == header.ProtocolUDP {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(field, sum)
	return true
}

// option6 returns one of the options of SOL_IPV6 that only raw sockets have.
func (r *raw) option6(name int) (value int, ok bool) {
	switch {
	case !r.six:
	case name == IPV6_CHECKSUM:
		return r.checksumAt, true
	case name == IPV6_HDRINCL:
		return number(r.headerIncluded), true
	}
	return 0, false
}

// setOption6 sets one. RFC 3542, section 3.1: the checksum's offset is even, and that of
// ICMPv6 cannot be changed.
func (r *raw) setOption6(name, value int) (ok bool, err error) {
	switch {
	case !r.six:
		return false, nil
	case name == IPV6_HDRINCL:
		r.headerIncluded = value != 0
	case name != IPV6_CHECKSUM:
		return false, nil
	case r.number == header.ProtocolICMPv6, value > 0 && value%2 != 0:
		return true, syscall.EINVAL
	default:
		r.checksumAt = max(value, -1)
	}
	return true, nil
}

// icmpFilter says which types of ICMP messages a raw socket does not want: a bit for each,
// as struct icmp_filter and icmp6_filter have them. Nil wants all.
type icmpFilter [8]uint32

func (f *icmpFilter) blocks(message []byte) bool {
	return f != nil && len(message) > 0 && f[message[0]/32]>>(message[0]%32)&1 != 0
}

// filterOf returns the bytes of the filter that an option of this level and name has.
// Errors: EOPNOTSUPP on a socket of another protocol, ENOPROTOOPT for no such option.
func (r *raw) filterOf(level, name int) ([]byte, error) {
	size := 4
	switch {
	case level == SOL_ICMPV6 && r.six:
		if r.number != header.ProtocolICMPv6 {
			return nil, syscall.EOPNOTSUPP
		}
		size = len(icmpFilter{}) * 4
	case level == SOL_RAW && !r.six:
		if r.number != header.ProtocolICMP {
			return nil, syscall.EOPNOTSUPP
		}
	default:
		return nil, syscall.ENOPROTOOPT
	}
	if name != ICMP6_FILTER {
		return nil, syscall.ENOPROTOOPT
	}
	b := make([]byte, size)
	if r.filter != nil {
		for i := range size / 4 {
			binary.NativeEndian.PutUint32(b[4*i:], r.filter[i])
		}
	}
	return b, nil
}

// setFilter sets the filter. Of a shorter value only so many bytes are changed.
func (r *raw) setFilter(level, name int, value []byte) error {
	b, err := r.filterOf(level, name)
	if err != nil {
		return err
	}
	copy(b, value)
	r.filter = &icmpFilter{}
	for i := range len(b) / 4 {
		r.filter[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	return nil
}
