package differential

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"

	"septet/socket"
)

// Values of options that are more than a number, in Linux's layout.

func setLinger(d socket.Descriptor, on bool, seconds int) error {
	b := make([]byte, 8) // struct linger
	if on {
		b[0] = 1
	}
	binary.NativeEndian.PutUint32(b[4:], uint32(seconds))
	return d.SetSockOptBytes(socket.SOL_SOCKET, socket.SO_LINGER, b)
}

func setTimeout(d socket.Descriptor, name int, t time.Duration) error {
	v := syscall.NsecToTimeval(int64(t))
	b := binary.NativeEndian.AppendUint64(nil, uint64(v.Sec))
	return d.SetSockOptBytes(socket.SOL_SOCKET, name, binary.NativeEndian.AppendUint64(b, uint64(v.Usec)))
}

func setGroup(d socket.Descriptor, level, name int, r socket.GroupRequest) error {
	return d.SetSockOptBytes(level, name, groupBytes(level, name, r))
}

// groupBytes returns r as the struct that the option has.
func groupBytes(level, name int, r socket.GroupRequest) []byte {
	var b []byte
	switch {
	case name >= socket.MCAST_JOIN_GROUP && name <= socket.MCAST_LEAVE_SOURCE_GROUP: // group_req, group_source_req
		b = binary.NativeEndian.AppendUint64(b, uint64(r.Interface))
		b = append(b, storage(r.Group)...)
		if r.Source.IsValid() {
			b = append(b, storage(r.Source)...)
		}
	case level == socket.SOL_IPV6: // ipv6_mreq
		b = append(b, r.Group.AsSlice()...)
		b = binary.NativeEndian.AppendUint32(b, uint32(r.Interface))
	case r.Source.IsValid(): // ip_mreq_source
		b = append(b, four(r.Group)...)
		b = append(b, four(r.LocalAddr)...)
		b = append(b, four(r.Source)...)
	default: // ip_mreqn
		b = append(b, four(r.Group)...)
		b = append(b, four(r.LocalAddr)...)
		b = binary.NativeEndian.AppendUint32(b, uint32(r.Interface))
	}
	return b
}

func four(a netip.Addr) []byte {
	if !a.IsValid() {
		return make([]byte, 4)
	}
	return a.AsSlice()
}

// storage is struct sockaddr_storage.
func storage(a netip.Addr) []byte {
	b := make([]byte, 128)
	if a.Is4() {
		binary.NativeEndian.PutUint16(b, syscall.AF_INET)
		copy(b[4:], a.AsSlice())
	} else {
		binary.NativeEndian.PutUint16(b, syscall.AF_INET6)
		copy(b[8:], a.AsSlice())
	}
	return b
}
