package socket

import (
	"syscall"

	"septet/header"
)

// option6 returns an option of the level SOL_IPV6 (ipv6(7)).
func (s *Socket) option6(name int) (int, error) {
	if r, ok := s.protocol.(*raw); ok && r.ping == nil {
		if v, ok := r.option6(name); ok {
			return v, nil
		}
	}
	switch {
	case name == IPV6_V6ONLY:
		return number(s.v6only), nil
	case isGroupOption(true, name):
		return s.groupOption(true, name)
	}
	if name == IPV6_UNICAST_HOPS && s.rare != nil && s.rare.noHops {
		return 0, nil
	}
	return s.protocol.option(optionOf(name))
}

// optionOf returns the level and name by which protocols know an option of SOL_IPV6: of
// both families they tell the path's MTU by one name.
func optionOf(name6 int) (level, name int) {
	if name6 == IPV6_MTU {
		return SOL_IP, IP_MTU
	}
	return SOL_IPV6, name6
}

// setOption6 sets one. IPV6_V6ONLY: EINVAL once the socket is bound.
func (s *Socket) setOption6(name, value int) error {
	if r, ok := s.protocol.(*raw); ok && r.ping == nil {
		if ok, err := r.setOption6(name, value); ok {
			return err
		}
	}
	switch {
	case s.domain != AF_INET6:
		return syscall.ENOPROTOOPT
	case name == IPV6_V6ONLY:
		return s.setV6Only(value != 0)
	case isGroupOption(true, name):
		return s.setGroupOption(true, name, value)
	case name == IPV6_TCLASS && (value < -1 || value > 255):
		return syscall.EINVAL
	case name == IPV6_MTU:
		return s.setMTU6(value)
	case name == IPV6_UNICAST_HOPS && (value == 0 || s.rare != nil):
		// None at all is good on the link alone, as one is.
		s.needRare().noHops = value == 0
		if value == 0 {
			value = 1
		}
	case name == IPV6_TCLASS:
		value = max(value, 0) // -1 is the default (RFC 3542, section 6.5)
	}
	return s.protocol.setOption(SOL_IPV6, name, value)
}

// setMTU6 is IPV6_MTU: how long packets may be at most, which Linux heeds for datagrams
// alone. It takes no value that is smaller than IPv6's least.
func (s *Socket) setMTU6(value int) error {
	if value != 0 && value < header.IPv6MinMTU {
		return syscall.EINVAL
	}
	switch p := s.protocol.(type) {
	case *datagram:
		p.endpoint.SetMTU(value)
	case *raw:
		p.mtu6 = value
	}
	return nil
}

func (s *Socket) setV6Only(on bool) error {
	if s.protocol.local().Port() != 0 {
		return syscall.EINVAL
	}
	s.v6only = on
	if t, ok := s.protocol.(*stream); ok {
		o := t.tcpOptions()
		o.V6Only = on
		t.setTCPOptions(o)
	}
	if d, ok := s.protocol.(*datagram); ok {
		d.endpoint.SetEvery(s.every())
	}
	return nil
}
