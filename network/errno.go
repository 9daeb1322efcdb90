package network

import (
	"net/netip"
	"syscall"

	"septet/header"
)

// Error is an ICMP error about a datagram that this host has sent.
type Error struct {
	// Errno is what a socket call returns for it, as on Linux.
	Errno syscall.Errno
	// Hard says that it will not pass: RFC 1122, section 4.2.3.9 tells TCP to
	// abort a connection for a hard error only.
	Hard       bool
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

// unreachable has the meaning of each code of "destination unreachable", as
// Linux gives it to sockets.
var unreachable = [...]struct {
	errno syscall.Errno
	hard  bool
}{
	0:  {syscall.ENETUNREACH, false},  // net unreachable
	1:  {syscall.EHOSTUNREACH, false}, // host unreachable
	2:  {syscall.ENOPROTOOPT, true},   // protocol unreachable
	3:  {syscall.ECONNREFUSED, true},  // port unreachable
	4:  {syscall.EMSGSIZE, false},     // fragmentation needed
	5:  {syscall.EOPNOTSUPP, false},   // source route failed
	6:  {syscall.ENETUNREACH, true},   // network unknown
	7:  {syscall.EHOSTDOWN, true},     // host unknown
	8:  {syscall.ENETUNREACH, true},   // source host isolated; Linux's ENONET is not portable
	9:  {syscall.ENETUNREACH, true},   // network prohibited
	10: {syscall.EHOSTUNREACH, true},  // host prohibited
	11: {syscall.ENETUNREACH, false},  // network, for this type of service
	12: {syscall.EHOSTUNREACH, false}, // host, for this type of service
	13: {syscall.EHOSTUNREACH, true},  // prohibited by an administrator
	14: {syscall.EHOSTUNREACH, true},  // host precedence violation
	15: {syscall.EHOSTUNREACH, true},  // precedence cutoff
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
