package network

import (
	"fmt"
	"net/netip"
	"syscall"

	"septet/header"
)

// Error is an ICMP error about a datagram that this host has sent. It wraps the
// errno.
type Error struct {
	// Errno is what a socket call returns for it, as on Linux.
	Errno syscall.Errno
	// Hard says that it will not pass: RFC 1122, section 4.2.3.9 tells TCP to
	// abort a connection for a hard error only.
	Hard bool
	// Type and Code are those of ICMP, or of ICMPv6 if From is an IPv6 address.
	Type, Code uint8
	// MTU is the next hop's, for "fragmentation needed"; zero if the router did
	// not say (RFC 1191, section 5).
	MTU int
	// From is the host or router that reports the error.
	From netip.Addr
	// Src, Dst and Protocol are of the datagram that the error is about, and
	// Quoted is how its transport header begins: at least 8 bytes.
	Src, Dst netip.Addr
	Protocol header.Protocol
	Quoted   []byte
}

// Error says what the host or router From has reported.
func (e *Error) Error() string { return e.From.String() + ": " + e.text() }

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Refused reports whether the destination has said that nobody is at the port, or
// speaks the protocol: the hard errors of RFC 9293, section 3.9.2.2.
func (e *Error) Refused() bool {
	if e.From.Is6() {
		return e.Type == header.ICMPv6Unreachable && e.Code == header.ICMPv6PortUnreachable ||
			e.Type == header.ICMPv6ParameterProblem && e.Code == header.ICMPv6BadNextHeader
	}
	return e.Type == header.ICMPUnreachable &&
		(e.Code == header.ICMPProtocolUnreachable || e.Code == header.ICMPPortUnreachable)
}

// Expired reports whether a router has said that the time to live, or the hop limit,
// did not last beyond it: what traceroute lives on.
func (e *Error) Expired() bool {
	if e.From.Is6() {
		return e.Type == header.ICMPv6TimeExceeded && e.Code == header.ICMPv6HopLimitExceeded
	}
	return e.Type == header.ICMPTimeExceeded && e.Code == header.ICMPTTLExceeded
}

func (e *Error) text() string {
	if e.From.Is6() {
		return e.text6()
	}
	switch {
	case e.Type == header.ICMPUnreachable && e.Code == header.ICMPFragmentationNeeded:
		return fmt.Sprintf("fragmentation needed, MTU %d", e.MTU)
	case e.Type == header.ICMPUnreachable && int(e.Code) < len(unreachable):
		return unreachable[e.Code].text
	case e.Type == header.ICMPTimeExceeded && e.Code == header.ICMPTTLExceeded:
		return "time to live exceeded"
	case e.Type == header.ICMPTimeExceeded && e.Code == header.ICMPReassemblyExceeded:
		return "reassembly time exceeded"
	case e.Type == header.ICMPParameterProblem:
		return "parameter problem"
	}
	return fmt.Sprintf("ICMP type %d, code %d", e.Type, e.Code)
}

// unreachable has the meaning of each code of "destination unreachable", as
// Linux gives it to sockets.
var unreachable = [...]struct {
	errno syscall.Errno
	hard  bool
	text  string
}{
	0:  {syscall.ENETUNREACH, false, "destination net unreachable"},
	1:  {syscall.EHOSTUNREACH, false, "destination host unreachable"},
	2:  {syscall.ENOPROTOOPT, true, "destination protocol unreachable"},
	3:  {syscall.ECONNREFUSED, true, "destination port unreachable"},
	4:  {syscall.EMSGSIZE, false, "fragmentation needed"},
	5:  {syscall.EOPNOTSUPP, false, "source route failed"},
	6:  {syscall.ENETUNREACH, true, "destination net unknown"},
	7:  {syscall.EHOSTDOWN, true, "destination host unknown"},
	8:  {syscall.ENETUNREACH, true, "source host isolated"}, // Linux's ENONET is not portable
	9:  {syscall.ENETUNREACH, true, "destination net prohibited"},
	10: {syscall.EHOSTUNREACH, true, "destination host prohibited"},
	11: {syscall.ENETUNREACH, false, "destination net unreachable for this type of service"},
	12: {syscall.EHOSTUNREACH, false, "destination host unreachable for this type of service"},
	13: {syscall.EHOSTUNREACH, true, "communication administratively prohibited"},
	14: {syscall.EHOSTUNREACH, true, "host precedence violation"},
	15: {syscall.EHOSTUNREACH, true, "precedence cutoff in effect"},
}

// errnoOf returns what an ICMP message means to the sender of the datagram that
// it quotes. ok is false for messages that mean nothing to a socket: source
// quench (deprecated by RFC 6633), redirect, and codes nobody has defined.
func errnoOf(m *header.ICMP) (errno syscall.Errno, hard, ok bool) {
	switch m.Type {
	case header.ICMPUnreachable:
		if int(m.Code) < len(unreachable) {
			u := unreachable[m.Code]
			return u.errno, u.hard, true
		}
	case header.ICMPTimeExceeded:
		return syscall.EHOSTUNREACH, false, true
	case header.ICMPParameterProblem:
		return syscall.EPROTO, true, true
	}
	return 0, false, false
}
