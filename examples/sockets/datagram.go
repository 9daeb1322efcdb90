package sockets

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"septet/socket"
)

// Receive waits for one datagram to a port, of whoever sends it to this host, to all, or
// to the group, if there is one, which it joins on the interface with the address via.
func Receive(sys socket.System, port uint16, group, via netip.Addr, ready func()) (string, netip.AddrPort, error) {
	s, err := sys.Socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	if err != nil {
		return "", netip.AddrPort{}, err
	}
	defer s.Close()
	err = errors.Join(s.SetSockOpt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
		s.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	if err == nil && group.IsValid() {
		mreq := append(group.AsSlice(), via.AsSlice()...) // struct ip_mreq
		err = s.SetSockOptBytes(socket.SOL_IP, socket.IP_ADD_MEMBERSHIP, mreq)
	}
	if err != nil {
		return "", netip.AddrPort{}, err
	}
	ready()
	data := make([]byte, 1024)
	n, from, err := s.RecvFrom(data, 0)
	return string(data[:n]), from, err
}

// Broadcast sends a datagram to everybody on a network.
func Broadcast(sys socket.System, to netip.AddrPort, text string) error {
	s, err := sys.Socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.SetSockOpt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); err != nil {
		return err
	}
	_, err = s.SendTo([]byte(text), 0, to)
	return err
}

// Multicast sends a datagram to a group, from the interface with the address via, no
// further than ttl routers.
func Multicast(sys socket.System, to netip.AddrPort, via netip.Addr, ttl int, text string) error {
	s, err := sys.Socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	err = errors.Join(s.SetSockOptBytes(socket.SOL_IP, socket.IP_MULTICAST_IF, via.AsSlice()),
		s.SetSockOpt(socket.SOL_IP, socket.IP_MULTICAST_TTL, ttl))
	if err != nil {
		return err
	}
	_, err = s.SendTo([]byte(text), 0, to)
	return err
}

// Ping sends an echo request (RFC 792) by a raw socket and waits for its reply. It returns
// the reply's TTL.
func Ping(sys socket.System, to netip.Addr, id, sequence uint16) (ttl int, err error) {
	s, err := sys.Socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	request := binary.BigEndian.AppendUint16([]byte{8, 0, 0, 0}, id)
	request = binary.BigEndian.AppendUint16(request, sequence)
	request = append(request, "is anybody there"...)
	binary.BigEndian.PutUint16(request[2:], checksum(request))
	if _, err := s.SendTo(request, 0, netip.AddrPortFrom(to, 0)); err != nil {
		return 0, err
	}
	packet := make([]byte, 1500)
	for {
		n, from, err := s.RecvFrom(packet, 0)
		if err != nil {
			return 0, err
		}
		// A raw socket receives the IP header too, and every ICMP message of the host.
		header := 4 * int(packet[0]&15)
		icmp := packet[min(header, n):n]
		if len(icmp) >= 8 && icmp[0] == 0 && from.Addr() == to && binary.BigEndian.Uint16(icmp[4:]) == id &&
			binary.BigEndian.Uint16(icmp[6:]) == sequence {
			return int(packet[8]), nil
		}
	}
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
