package socket

import (
	"io"
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// defaultRawBuffer is how many bytes wait at most to be received, as on Linux.
const defaultRawBuffer = 212992

// raw is the protocol of SOCK_RAW sockets: datagrams of one IP protocol,
// received with their IP headers and sent without, or with them too if
// IP_HDRINCL is set (raw(7)).
type raw struct {
	socket Socket
	number header.Protocol
	handle *network.Raw
	bound  netip.Addr
	peer   netip.Addr

	queue  packet.Queue
	queued int // bytes in queue
	lost   uint64

	receiveBuffer, sendBuffer int

	headerIncluded bool
	ttl, tos       uint8
	discover       network.Discovery
	groups         *network.Multicast
}

func newRaw(st *Stack, number int) (*Socket, error) {
	r := &raw{
		number:        header.Protocol(number),
		receiveBuffer: defaultRawBuffer,
		sendBuffer:    defaultRawBuffer,
	}
	// raw(7): "An IPPROTO_RAW socket is send only" and implies IP_HDRINCL.
	r.headerIncluded = number == IPPROTO_RAW
	handle, err := st.network.OpenRaw(r.number, r.input)
	if err != nil {
		return nil, err
	}
	r.handle, r.groups = handle, network.NewMulticast()
	r.socket.init(st, AF_INET, SOCK_RAW, r)
	return &r.socket, nil
}

// input takes a copy of every datagram of the protocol.
func (r *raw) input(p *packet.Packet, d *network.Datagram) {
	wanted := (!r.bound.IsValid() || r.bound == d.Dst) && (!r.peer.IsValid() || r.peer == d.Src)
	switch {
	case !wanted || r.number == IPPROTO_RAW, d.Dst.IsMulticast() && !r.groups.Hears(d):
		p.Release()
	case r.queued+p.Len() > r.receiveBuffer:
		r.lost++
		p.Release()
	default:
		r.queued += p.Len()
		r.queue.Push(p)
		r.socket.stack.loop.Signal(&r.socket.readable)
		r.socket.tell(arrived)
	}
}

func (r *raw) readCond() *event.Cond { return &r.socket.readable }

func (r *raw) bind(local netip.AddrPort) error {
	n := r.socket.stack.network
	a := local.Addr()
	if a.IsUnspecified() {
		r.bound = netip.Addr{}
		return nil
	}
	if !n.IsLocal(a) && !n.IsBroadcast(a) && !a.IsMulticast() {
		return syscall.EADDRNOTAVAIL
	}
	r.bound = a
	return nil
}

func (r *raw) listen(int) error { return syscall.EOPNOTSUPP }

func (r *raw) accept() (*Socket, netip.AddrPort, error) {
	return nil, netip.AddrPort{}, syscall.EOPNOTSUPP
}

func (r *raw) connect(to netip.AddrPort) error {
	if !to.IsValid() {
		r.peer = netip.Addr{}
		return nil
	}
	path, err := r.path(to.Addr())
	if err == nil {
		r.peer = path.Dst()
	}
	return err
}

// path looks up the way to dst, for which a broadcast needs SO_BROADCAST.
func (r *raw) path(dst netip.Addr) (network.Path, error) {
	n, src := r.socket.stack.network, r.bound
	if src.IsMulticast() || n.IsBroadcast(src) {
		src = netip.Addr{}
	}
	if dst.IsMulticast() {
		return r.groups.Path(n, dst, src)
	}
	path, err := n.Path(dst, src)
	if err == nil && path.Broadcast() && !r.socket.broadcast {
		err = syscall.EACCES
	}
	return path, err
}

func (r *raw) send(b []byte, _ int, to netip.AddrPort) (int, error) {
	dst := to.Addr()
	switch {
	case r.socket.shutWrite:
		return 0, syscall.EPIPE
	case !dst.IsValid() && !r.peer.IsValid():
		return 0, syscall.EDESTADDRREQ
	case !dst.IsValid():
		dst = r.peer
	}
	if len(b) > 65535 {
		return 0, syscall.EMSGSIZE
	}
	path, err := r.path(dst)
	if err != nil {
		return 0, err
	}
	st := r.socket.stack
	p := st.network.Pool().From(b)
	if r.headerIncluded {
		err = r.handle.SendHeader(p, &path)
	} else {
		o := network.Send{Protocol: r.number, TTL: r.ttl, TOS: r.tos, Discover: r.discover}
		if path.Group() {
			o.TTL = r.groups.Hops
		}
		err = st.network.Output(p, &path, o)
	}
	if err != nil {
		return 0, err
	}
	r.socket.tell(room) // as for every datagram that has left, on Linux
	return len(b), nil
}

func (r *raw) receive(b []byte, flags int) (int, netip.AddrPort, error) {
	p := r.queue.First()
	switch {
	case flags&MSG_OOB != 0:
		return 0, netip.AddrPort{}, syscall.EOPNOTSUPP
	case p == nil && r.socket.shutRead:
		return 0, netip.AddrPort{}, io.EOF
	case p == nil:
		return 0, netip.AddrPort{}, syscall.EAGAIN
	}
	data := p.Bytes()
	n, length := copy(b, data), len(data)
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[12:16])), 0)
	if flags&MSG_PEEK == 0 {
		r.queue.Pop()
		r.queued -= length
		p.Release()
	}
	if flags&MSG_TRUNC != 0 {
		n = length
	}
	return n, from, nil
}

func (r *raw) shutdown(how int) error {
	if how != SHUT_WR {
		r.socket.shutRead = true
	}
	if how != SHUT_RD {
		r.socket.shutWrite = true
	}
	if !r.peer.IsValid() {
		return syscall.ENOTCONN
	}
	return nil
}

func (r *raw) close(bool) {
	r.handle.Close()
	r.groups.Close()
	r.queue.Release()
	r.queued = 0
}

func (r *raw) local() netip.AddrPort {
	// A raw socket has no port; Linux gives the protocol's number instead.
	return netip.AddrPortFrom(r.bound, uint16(r.number))
}

func (r *raw) remote() (netip.AddrPort, error) {
	if !r.peer.IsValid() {
		return netip.AddrPort{}, syscall.ENOTCONN
	}
	return netip.AddrPortFrom(r.peer, 0), nil
}

func (r *raw) takeError() error { return nil }

func (r *raw) dropped() uint64 { return r.lost }
