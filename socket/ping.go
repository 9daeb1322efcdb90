package socket

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"

	"septet/header"
	"septet/network"
	"septet/packet"
)

// Sockets of SOCK_DGRAM for IPPROTO_ICMP and IPPROTO_ICMPV6, ping sockets, as Linux has
// them (icmp(7), ping_group_range): they send echo requests and receive the replies, and
// need no privilege for it. Their port is the identifier of the echo (RFC 792; RFC 4443,
// section 4.1), so that none hears another one's replies. They are raw sockets in all else,
// except that headers of IP are neither sent nor received.

// pinging is what a raw socket has if it is a ping socket.
type pinging struct {
	ident uint16 // 0 while there is none
	fixed bool   // bind was called with it
	// four are the options of IPv4 of a socket of IPv6, which mean nothing to it.
	four rawMarks
}

// pingHost is what the ping sockets of a host share.
type pingHost struct {
	idents map[uint16][]*raw // who has an identifier; several if they do not forbid it
	last   uint16            // what was chosen last
	// groups are the first and the last whose processes may have such sockets.
	groups [2]uint32
}

// noGroup is Linux's first value of net.ipv4.ping_group_range: nobody's.
var noGroup = [2]uint32{1, 0}

// The groups of a process.
const (
	privilegedGroup = 0
	ordinaryGroup   = 1000
)

// SetPingGroupRange says whose processes may have ping sockets (Linux:
// net.ipv4.ping_group_range): those of the groups from first to last. A privileged process
// is in group 0 and any other in 1000. At first nobody may, not even a privileged one, which
// has raw sockets; most distributions of Linux set 0 to 2147483647.
func (st *Stack) SetPingGroupRange(first, last uint32) {
	st.loop.Lock()
	defer st.loop.Unlock()
	st.needPings().groups = [2]uint32{first, last}
}

func (st *Stack) needPings() *pingHost {
	if st.pings == nil {
		st.pings = &pingHost{groups: noGroup}
	}
	return st.pings
}

// mayPing refuses a ping socket: EACCES.
func (p *Process) mayPing() error {
	group := uint32(ordinaryGroup)
	if p.privileged {
		group = privilegedGroup
	}
	if h := p.pings; h == nil || group < h.groups[0] || group > h.groups[1] {
		return syscall.EACCES
	}
	return nil
}

// isPing reports whether socket's arguments are those of a ping socket.
func isPing(domain, kind, protocol int) bool {
	return kind == SOCK_DGRAM && (domain == AF_INET && protocol == IPPROTO_ICMP ||
		domain == AF_INET6 && protocol == IPPROTO_ICMPV6)
}

// Of an echo message (RFC 792; RFC 4443, section 4.1).
const (
	echoLen     = 8
	echoIdentAt = 4
)

// echoTypes are the types of a request and a reply.
func (r *raw) echoTypes() (request, reply byte) {
	if r.six {
		return header.ICMPv6EchoRequest, header.ICMPv6EchoReply
	}
	return header.ICMPEchoRequest, header.ICMPEchoReply
}

// takeIdent gives the socket an identifier, zero to choose one. Errors: EADDRINUSE.
func (r *raw) takeIdent(ident uint16) error {
	h := r.socket.stack.needPings()
	if h.idents == nil {
		h.idents = make(map[uint16][]*raw)
		h.last = uint16(r.socket.stack.loop.Rand().Uint32())
	}
	r.ping.fixed = ident != 0
	for tried := 0; ident == 0; tried++ {
		if h.last++; h.last != 0 && len(h.idents[h.last]) == 0 {
			ident = h.last
		}
		if tried > 1<<16 {
			return syscall.EADDRINUSE
		}
	}
	for _, other := range h.idents[ident] {
		if !other.socket.reuseAddr || !r.socket.reuseAddr {
			return syscall.EADDRINUSE
		}
	}
	h.idents[ident] = append(h.idents[ident], r)
	r.ping.ident = ident
	return nil
}

// dropIdent gives the identifier back.
func (r *raw) dropIdent() {
	h, ident := r.socket.stack.pings, r.ping.ident
	if ident == 0 {
		return
	}
	r.ping.ident, r.ping.fixed = 0, false
	if all := slices.DeleteFunc(h.idents[ident], func(o *raw) bool { return o == r }); len(all) > 0 {
		h.idents[ident] = all
	} else {
		delete(h.idents, ident)
	}
}

// bindPing is bind, to an address of this host and to an identifier. Errors: EADDRINUSE,
// EADDRNOTAVAIL for a group's address and a broadcast, too, EINVAL once there is an
// identifier and, of IPv6, for a group's address.
func (r *raw) bindPing(local netip.AddrPort) error {
	a := local.Addr()
	switch {
	case a.IsMulticast() && r.six:
		return syscall.EINVAL
	case a.IsMulticast(), r.socket.stack.network.IsBroadcast(a):
		return syscall.EADDRNOTAVAIL
	}
	was := r.bound
	err := r.bindAddr(a)
	if err == nil && r.ping.ident != 0 {
		err = syscall.EINVAL
	}
	if err == nil {
		err = r.takeIdent(local.Port())
	}
	if err != nil {
		r.bound = was
	}
	return err
}

// needIdent chooses an identifier if there is none. As on Linux, EAGAIN if none is left.
func (r *raw) needIdent() error {
	if r.ping == nil || r.ping.ident != 0 {
		return nil
	}
	if r.takeIdent(0) != nil {
		return syscall.EAGAIN
	}
	return nil
}

// toPing looks at what is to be sent: it must be an echo request. An identifier is chosen
// before, as on Linux.
func (r *raw) toPing(b []byte, flags int) error {
	request, _ := r.echoTypes()
	err := r.needIdent()
	switch {
	case err != nil:
		return err
	case len(b) > 65535:
		return syscall.EMSGSIZE
	case len(b) < echoLen:
		return syscall.EINVAL
	case flags&MSG_OOB != 0:
		return syscall.EOPNOTSUPP
	case b[0] != request, b[1] != 0:
		return syscall.EINVAL
	}
	return nil
}

// fillEcho puts in the identifier and, for IPv4, the checksum. That of ICMPv6 is put in
// as for a raw socket.
func (r *raw) fillEcho(p *packet.Packet) {
	if r.ping == nil {
		return
	}
	b := p.Touch()
	binary.BigEndian.PutUint16(b[echoIdentAt:], r.ping.ident)
	if !r.six {
		b[2], b[3] = 0, 0
		binary.BigEndian.PutUint16(b[2:], ^header.Checksum(b, 0))
	}
}

// wantsReply reports whether an ICMP message is a reply to this socket's echoes. Of those
// that share an identifier the newest has it, as on Linux.
func (r *raw) wantsReply(message []byte, d *network.Datagram) bool {
	_, reply := r.echoTypes()
	switch {
	case r.ping.ident == 0, len(message) < echoLen, message[0] != reply,
		r.ping.ident != binary.BigEndian.Uint16(message[echoIdentAt:]),
		!r.six && header.Checksum(message, 0) != 0xffff: // raw.wants looks at that of IPv6
		return false
	}
	for _, o := range slices.Backward(r.socket.stack.pings.idents[r.ping.ident]) {
		if o.six == r.six && o.isFor(d) {
			return o == r
		}
	}
	return false
}

// isFor reports whether a datagram came to the socket's address and device.
func (r *raw) isFor(d *network.Datagram) bool {
	own := r.ownAddr()
	return (!own.IsValid() || own == d.Dst) && (r.device == nil || r.device == d.Device())
}

// sentEcho reports whether an ICMP error is about an echo of this socket.
func (r *raw) sentEcho(quoted []byte) bool {
	request, _ := r.echoTypes()
	return len(quoted) >= echoLen && quoted[0] == request && r.ping.ident == binary.BigEndian.Uint16(quoted[echoIdentAt:])
}
