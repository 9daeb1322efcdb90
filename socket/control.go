package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/packet"
	"septet/transport/udp"
)

// Control messages: what goes with the data of a datagram (cmsg(3), ip(7), ipv6(7)).

// headerLen is that of struct cmsghdr; a message takes a multiple of 8 bytes.
const headerLen = 16

// put adds a control message for which a socket has asked, cut to the room that is left.
func (m *Message) put(level, kind int, data []byte) {
	used := 0
	for _, c := range m.Control {
		used += headerLen + (len(c.Data)+7)&^7
	}
	room := m.ControlSize - used - headerLen
	if room < len(data) {
		m.Flags |= MSG_CTRUNC
	}
	if room >= 0 {
		m.Control = append(m.Control, ControlMessage{level, kind, data[:min(room, len(data))]})
	}
}

// putStamp adds the time at which the data came (socket(7), SO_TIMESTAMP).
func (s *Socket) putStamp(m *Message, at event.Time) {
	unit, kind := time.Microsecond, SO_TIMESTAMP
	if s.wants(wantTimeNS) {
		unit, kind = time.Nanosecond, SO_TIMESTAMPNS
	}
	l := s.stack.loop
	if at < 0 {
		at = l.Now() // it came before anybody asked
	}
	t := s.stack.Now().Add(-l.Now().Sub(at))
	m.put(SOL_SOCKET, kind, append(
		binary.NativeEndian.AppendUint64(nil, uint64(t.Unix())),
		binary.NativeEndian.AppendUint64(nil, uint64(time.Duration(t.Nanosecond())/unit))...))
}

// describe adds what the socket wants to know of a datagram, which starts at its IP
// header and was sent to an address. The order is Linux's.
func (s *Socket) describe(m *Message, p *packet.Packet, to netip.Addr) {
	if s.rare == nil || s.rare.wants == 0 {
		return
	}
	if s.wants(wantStamps) {
		s.putStamp(m, event.Time(p.At))
	}
	if s.domain == AF_INET6 && s.wants(wantPacketInfo6) {
		m.put(SOL_IPV6, IPV6_PKTINFO, append(s.told(netip.AddrPortFrom(to, 0)).Addr().AsSlice(), int32Bytes(int(p.In))...))
	}
	b := p.Head()
	if to.Is4() {
		s.describe4(m, b, to, int(p.In))
		return
	}
	if s.wants(wantHopLimit) {
		m.put(SOL_IPV6, IPV6_HOPLIMIT, int32Bytes(int(b[7])))
	}
	if s.wants(wantTrafficClass) {
		m.put(SOL_IPV6, IPV6_TCLASS, int32Bytes(int(b[0]<<4|b[1]>>4)))
	}
}

// describe4 is describe of a datagram of IPv4.
func (s *Socket) describe4(m *Message, b []byte, to netip.Addr, in int) {
	if s.wants(wantPacketInfo) {
		info := int32Bytes(in)
		info = append(info, s.replyAddr(to, in)...)
		m.put(SOL_IP, IP_PKTINFO, append(info, to.AsSlice()...))
	}
	if s.wants(wantTTL) {
		m.put(SOL_IP, IP_TTL, int32Bytes(int(b[8])))
	}
	if s.wants(wantTOS) {
		m.put(SOL_IP, IP_TOS, []byte{b[1]})
	}
	if s.wants(wantOriginalDst) {
		four := make([]byte, 16)
		binary.NativeEndian.PutUint16(four, AF_INET)
		port := b[int(b[0]&15)*4+2:]
		copy(four[2:], port[:2])
		copy(four[4:], to.AsSlice())
		m.put(SOL_IP, IP_RECVORIGDSTADDR, four)
	}
}

// replyAddr is the host's own address at which a datagram came: that of the interface if
// it was sent to many.
func (s *Socket) replyAddr(to netip.Addr, in int) []byte {
	n := s.stack.network
	if n.IsLocal(to) {
		return to.AsSlice()
	}
	if i := n.Interface(in); i.Addr().IsValid() {
		return i.Addr().AsSlice()
	}
	return make([]byte, 4)
}

// parseControl reads what the control messages of a datagram ask for. to says of which
// family that is. Errors are Linux's: EINVAL for what is none of that family's, or of a
// wrong length or value; messages of other levels are passed over.
func (s *Socket) parseControl(control []ControlMessage, to netip.Addr) (*udp.Way, error) {
	if len(control) == 0 {
		return nil, nil
	}
	w := &udp.Way{}
	for _, c := range control {
		var err error
		switch {
		case c.Level == SOL_SOCKET:
			err = syscall.EINVAL
		case to.Is6() && c.Level == SOL_IPV6:
			err = s.parseControl6(w, c)
		case to.Is4() && c.Level == SOL_IPV6 && s.domain == AF_INET6 && c.Type == IPV6_PKTINFO:
			if len(c.Data) < 16 || !netip.AddrFrom16([16]byte(c.Data)).Is4In6() {
				return nil, syscall.EINVAL
			}
			err = s.parsePacketInfo6(w, c.Data)
		case to.Is4() && c.Level == SOL_IP:
			err = s.parseControl4(w, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (s *Socket) parseControl4(w *udp.Way, c ControlMessage) error {
	switch c.Type {
	case IP_PKTINFO:
		if len(c.Data) != 12 {
			return syscall.EINVAL
		}
		if err := s.parseVia(w, c.Data); err != nil {
			return err
		}
		switch src := addr4(c.Data[4:]); {
		case src.IsUnspecified():
		case !s.stack.network.IsLocal(src):
			return syscall.ENETUNREACH
		default:
			w.Src = src
		}
		return nil
	case IP_TTL:
		v, err := controlNumber(c.Data, 1, 255)
		w.TTL = uint8(v)
		return err
	case IP_TOS:
		if len(c.Data) == 1 {
			w.TOS, w.SetTOS = c.Data[0], true
			return nil
		}
		v, err := controlNumber(c.Data, 0, 255)
		w.TOS, w.SetTOS = uint8(v), true
		return err
	}
	return syscall.EINVAL
}

func (s *Socket) parseControl6(w *udp.Way, c ControlMessage) error {
	switch c.Type {
	case IPV6_PKTINFO:
		if len(c.Data) >= 16 && netip.AddrFrom16([16]byte(c.Data)).Is4In6() {
			return syscall.EINVAL // of the other family
		}
		return s.parsePacketInfo6(w, c.Data)
	case IPV6_HOPLIMIT:
		v, err := controlNumber(c.Data, -1, 255)
		w.TTL = uint8(max(v, 0))
		return err
	case IPV6_TCLASS:
		v, err := controlNumber(c.Data, -1, 255)
		w.TOS, w.SetTOS = uint8(v), true // Linux makes 255 of -1
		return err
	}
	return syscall.EINVAL
}

// parsePacketInfo6 reads struct in6_pktinfo.
func (s *Socket) parsePacketInfo6(w *udp.Way, data []byte) error {
	if len(data) < 20 {
		return syscall.EINVAL
	}
	if err := s.parseVia(w, data[16:]); err != nil {
		return err
	}
	src := netip.AddrFrom16([16]byte(data)).Unmap()
	if src.IsLinkLocalUnicast() && src.Is6() && w.Via != nil {
		src = src.WithZone(w.Via.Name())
	}
	switch {
	case src.IsUnspecified():
	case !s.stack.network.IsLocal(src) && src.Is4():
		return syscall.ENETUNREACH
	case !s.stack.network.IsLocal(src):
		return syscall.EINVAL
	default:
		w.Src = src
	}
	return nil
}

// parseVia reads the number of the interface where a datagram leaves.
func (s *Socket) parseVia(w *udp.Way, data []byte) error {
	index := int(int32(binary.NativeEndian.Uint32(data)))
	if index == 0 {
		return nil
	}
	if w.Via = s.numbered(index); w.Via == nil {
		return syscall.ENODEV
	}
	return nil
}

// controlNumber reads an int within bounds.
func controlNumber(data []byte, least, most int) (int, error) {
	if len(data) != 4 {
		return 0, syscall.EINVAL
	}
	v := int(int32(binary.NativeEndian.Uint32(data)))
	if v < least || v > most {
		return 0, syscall.EINVAL
	}
	return v, nil
}
