package network

import (
	"fmt"
	"syscall"

	"septet/header"
)

// unreachable6 has the meaning of each code of ICMPv6's "destination unreachable", as
// Linux gives it to sockets.
var unreachable6 = [...]struct {
	errno syscall.Errno
	hard  bool
	text  string
}{
	header.ICMPv6NoRoute:          {syscall.ENETUNREACH, false, "no route to destination"},
	header.ICMPv6AdminProhibited:  {syscall.EACCES, true, "communication administratively prohibited"},
	header.ICMPv6BeyondScope:      {syscall.EHOSTUNREACH, false, "beyond scope of source address"},
	header.ICMPv6AddressUnreached: {syscall.EHOSTUNREACH, false, "address unreachable"},
	header.ICMPv6PortUnreachable:  {syscall.ECONNREFUSED, true, "port unreachable"},
	header.ICMPv6PolicyFailed:     {syscall.EACCES, true, "source address failed ingress/egress policy"},
	header.ICMPv6RouteRejected:    {syscall.EACCES, true, "reject route to destination"},
}

// errnoOf6 returns what an ICMPv6 error means to the sender of the packet that it
// quotes. One of an unknown type is passed up all the same (RFC 4443, section 2.4, rule a),
// with the errno that Linux has for it.
func errnoOf6(m *header.ICMPv6) (errno syscall.Errno, hard bool) {
	switch m.Type {
	case header.ICMPv6Unreachable:
		if int(m.Code) < len(unreachable6) {
			u := unreachable6[m.Code]
			return u.errno, u.hard
		}
	case header.ICMPv6PacketTooBig:
		return syscall.EMSGSIZE, false
	case header.ICMPv6TimeExceeded:
		return syscall.EHOSTUNREACH, false
	case header.ICMPv6ParameterProblem:
		return syscall.EPROTO, true
	}
	return syscall.EPROTO, false
}

func (e *Error) text6() string {
	switch {
	case e.Type == header.ICMPv6Unreachable && int(e.Code) < len(unreachable6):
		return unreachable6[e.Code].text
	case e.Type == header.ICMPv6PacketTooBig:
		return fmt.Sprintf("packet too big, MTU %d", e.MTU)
	case e.Type == header.ICMPv6TimeExceeded && e.Code == header.ICMPv6HopLimitExceeded:
		return "hop limit exceeded"
	case e.Type == header.ICMPv6TimeExceeded && e.Code == header.ICMPv6ReassemblyTimeout:
		return "reassembly time exceeded"
	case e.Type == header.ICMPv6ParameterProblem:
		return "parameter problem"
	}
	return fmt.Sprintf("ICMPv6 type %d, code %d", e.Type, e.Code)
}
