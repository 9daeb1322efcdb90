package socket

import (
	"net/netip"
	"syscall"

	"septet/network"
	"septet/packet"
)

// failed is told of every ICMP error about a datagram of the protocol. Linux (raw(7)):
// one who is connected hears of errors that last, one who has set IP_RECVERR of all of
// them, and nobody else of any.
func (r *raw) failed(e *network.Error) {
	own := r.ownAddr()
	switch {
	case r.number == IPPROTO_RAW, r.beyond != 0,
		own.IsValid() && own != e.Src,
		r.ping == nil && r.peer.IsValid() && r.peer != e.Dst,
		r.ping != nil && !r.sentEcho(e.Quoted):
		return
	}
	hard := e.Hard
	if e.Errno == syscall.EMSGSIZE {
		hard = r.discover == network.DiscoverDo || !r.six && r.discover != network.DiscoverNot
	}
	wanted := wantErrors
	if r.six {
		wanted = wantErrors6
	}
	reports := r.socket.wants(wanted)
	if !reports && (!r.peer.IsValid() || !hard) {
		return
	}
	if reports {
		q := queuedErrorOf(e)
		q.to, q.payload = netip.AddrPortFrom(e.Dst, 0), append([]byte(nil), e.Quoted...)
		r.socket.queueError(q, r.receiveBuffer)
	}
	r.err = e.Errno
	r.socket.stack.loop.Signal(&r.socket.readable)
	r.socket.tell(POLLERR)
}

// describe adds what the socket wants to know of a datagram that waits.
func (r *raw) describe(m *Message, p *packet.Packet) {
	b := p.Head()
	if r.six {
		r.socket.describe(m, p, netip.AddrFrom16([16]byte(b[24:40])))
		return
	}
	r.socket.describe(m, p, netip.AddrFrom4([4]byte(b[16:20])))
}
