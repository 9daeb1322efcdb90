package socket

import (
	"io"
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
	"septet/transport/udp"
)

// defaultRawBuffer is how many bytes wait at most to be received, as on Linux.
const defaultRawBuffer = 212992

// raw is the protocol of SOCK_RAW sockets: datagrams of one IP protocol. Of IPv4 they are
// received with their IP headers and sent without, or with them too if IP_HDRINCL is set
// (raw(7)). Of IPv6 they are received without (RFC 3542, section 3), and sent with them
// only if IPV6_HDRINCL is.
type raw struct {
	socket   Socket
	number   header.Protocol
	six      bool
	handle   *network.Raw
	bound    netip.Addr
	chosen   netip.Addr // by connect, where nothing was bound
	peer     netip.Addr
	peerPort uint16 // which means nothing, but is told
	device   *network.Interface
	beyond   uint16 // the number, if no header can have it: nothing is received

	queue  packet.Queue
	queued int // bytes in queue
	lost   uint64
	err    syscall.Errno // an ICMP error nobody has seen yet

	receiveBuffer, sendBuffer int

	headerIncluded bool
	rawMarks
	mtu6       int // IPV6_MTU
	groups     *network.Multicast
	checksumAt int // IPV6_CHECKSUM, negative for none
	filter     *icmpFilter
	ping       *pinging   // nil for a raw socket, see ping.go
	held       *rawPieces // MSG_MORE
}

// newRaw makes a raw socket, or a ping socket.
func newRaw(st *Stack, domain, kind uint8, number int) (*Socket, error) {
	r := &raw{
		number:        header.Protocol(number),
		six:           domain == AF_INET6,
		receiveBuffer: defaultRawBuffer,
		sendBuffer:    defaultRawBuffer,
		checksumAt:    -1,
		rawMarks:      rawMarks{discover: network.DiscoverWant},
	}
	// raw(7): "An IPPROTO_RAW socket is send only" and implies IP_HDRINCL.
	r.headerIncluded = number == IPPROTO_RAW
	open := st.network.OpenRaw
	if r.six {
		open = st.network.OpenRaw6
	}
	if r.six && number == IPPROTO_ICMPV6 {
		r.checksumAt = icmp6ChecksumAt
	}
	if number > 255 {
		r.beyond = uint16(number)
	}
	handle, err := open(r.number, r.input)
	if err != nil {
		return nil, err
	}
	handle.OnError(r.failed)
	r.handle, r.groups = handle, network.NewMulticast()
	if kind == SOCK_DGRAM {
		r.ping = &pinging{four: r.rawMarks}
	}
	r.socket.init(st, domain, kind, r)
	r.socket.reuseAddr = true // as on Linux; only to ping sockets does it mean anything
	return &r.socket, nil
}

// input takes a copy of every datagram of the protocol.
func (r *raw) input(p *packet.Packet, d *network.Datagram) {
	if !r.wants(p, d) {
		p.Release()
		return
	}
	p.In, p.At = uint16(d.Device().Index()), 0
	if r.six {
		keepHeader6(p, d)
	}
	if r.socket.wants(wantStamps) {
		p.At = int64(r.socket.stack.loop.Now())
	}
	if r.queued+p.Len() > r.receiveBuffer {
		r.lost++
		p.Release()
		return
	}
	r.queued += p.Len()
	r.queue.Push(p)
	r.socket.stack.loop.Signal(&r.socket.readable)
	r.socket.tell(arrived)
}

// wants reports whether the socket receives a datagram, which p is with its headers.
func (r *raw) wants(p *packet.Packet, d *network.Datagram) bool {
	if r.ping != nil && !r.wantsReply(p.Bytes()[d.HeaderLen:], d) {
		return false
	}
	own := r.ownAddr()
	switch {
	case r.number == IPPROTO_RAW, r.beyond != 0,
		own.IsValid() && own != d.Dst,
		r.ping == nil && r.peer.IsValid() && r.peer != d.Src,
		r.device != nil && r.device != d.Device(),
		d.Dst.IsMulticast() && !r.groups.Hears(d):
		return false
	}
	payload := p.Bytes()[d.HeaderLen:]
	if r.filter.blocks(payload) {
		return false
	}
	return r.checksumAt < 0 || header.Checksum(payload, header.PseudoSum(d.Src, d.Dst, r.number, len(payload))) == 0xffff
}

// ownAddr is the address to which the socket is bound or that connect has chosen.
func (r *raw) ownAddr() netip.Addr {
	if r.bound.IsValid() {
		return r.bound
	}
	return r.chosen
}

func (r *raw) readCond() *event.Cond { return &r.socket.readable }

func (r *raw) bind(local netip.AddrPort) error {
	if r.ping != nil {
		return r.bindPing(local)
	}
	return r.bindAddr(local.Addr())
}

func (r *raw) bindAddr(a netip.Addr) error {
	n := r.socket.stack.network
	switch {
	case !a.IsValid() || a.IsUnspecified():
		r.bound = netip.Addr{}
		return nil
	case r.six && a.Is4():
		return syscall.EADDRNOTAVAIL
	}
	a, err := r.scoped(a)
	if err != nil {
		return err
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
		r.peer, r.peerPort, r.chosen = netip.Addr{}, 0, netip.Addr{}
		if r.ping != nil && !r.ping.fixed {
			r.dropIdent()
		}
		return nil
	}
	if err := r.needIdent(); err != nil {
		return err
	}
	path, err := r.path(to.Addr())
	if err == nil {
		r.peer, r.peerPort, r.chosen = path.Dst(), to.Port(), path.Src()
	}
	return err
}

// path looks up the way to dst, for which a broadcast needs SO_BROADCAST.
func (r *raw) path(dst netip.Addr) (network.Path, error) { return r.pathBy(dst, nil) }

// pathBy is path for a datagram that may have its own way.
func (r *raw) pathBy(dst netip.Addr, w *udp.Way) (network.Path, error) {
	n, src, device := r.socket.stack.network, r.bound, r.device
	if src.IsMulticast() || n.IsBroadcast(src) {
		src = netip.Addr{}
	}
	if w != nil && w.Src.IsValid() {
		src = w.Src
	}
	if w != nil && w.Via != nil {
		device = w.Via
	}
	dst, err := r.scoped(dst)
	switch {
	case err != nil:
		return network.Path{}, err
	case r.six && dst.Is4():
		return network.Path{}, syscall.ENETUNREACH
	case dst.IsMulticast():
		return r.groups.Path(n, dst.WithZone(""), src, r.linkOf(dst))
	}
	path, err := n.PathOn(dst, src, device)
	if err == nil && path.Broadcast() && !r.socket.broadcast {
		err = syscall.EACCES
	}
	return path, err
}

func (r *raw) send(b []byte, flags int, to netip.AddrPort) (int, error) {
	return r.sendMsg(b, flags, to, nil)
}

func (r *raw) sendMsg(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	dst, err := r.toSend(b, flags, to)
	if err != nil {
		return 0, err
	}
	w, err := r.socket.parseControl(control, dst)
	if err != nil {
		return 0, err
	}
	path, err := r.pathBy(dst, w)
	if err == nil && (r.headerIncluded || r.ping != nil) {
		// What is raw and has no header Linux sends without a look here.
		if err = r.takeError(); err == nil && r.socket.shutWrite {
			err = syscall.EPIPE
		}
	}
	if err != nil {
		return 0, err
	}
	if r.headerIncluded {
		err = r.handle.SendHeader(r.socket.stack.network.Pool().From(b), &path)
	} else {
		o := network.Send{Protocol: r.number, TTL: r.ttl, TOS: r.tos, Discover: r.discover, MTU: r.mtu6}
		if path.Group() {
			o.TTL = r.groups.Hops
		}
		o.TTL, o.TOS = w.Marks(o.TTL, o.TOS)
		if r.ping == nil && (flags&MSG_MORE != 0 || r.held != nil) {
			err = r.sendPiece(b, flags, &path, &o)
		} else {
			err = r.output(b, &path, &o)
		}
	}
	if err != nil {
		return 0, err
	}
	r.socket.tell(room) // as for every datagram that has left, on Linux
	return len(b), nil
}

// toSend looks at what is to be sent, and returns to whom.
func (r *raw) toSend(b []byte, flags int, to netip.AddrPort) (dst netip.Addr, err error) {
	dst = to.Addr()
	if r.ping != nil {
		err = r.toPing(b, flags)
	}
	switch {
	case err != nil:
		return dst, err
	case len(b) > 65535:
		return dst, syscall.EMSGSIZE
	case flags&MSG_OOB != 0:
		return dst, syscall.EOPNOTSUPP
	case r.six && r.ping == nil && dst.IsValid() && to.Port() != 0 && to.Port() != uint16(r.number):
		return dst, syscall.EINVAL // a port is the protocol's number, if it is anything
	case !dst.IsValid() && !r.peer.IsValid():
		return dst, syscall.EDESTADDRREQ
	case !dst.IsValid():
		dst = r.peer
	}
	return dst, nil
}

func (r *raw) receive(b []byte, flags int) (int, netip.AddrPort, error) {
	return r.receiveMsg(b, flags, nil)
}

func (r *raw) receiveMsg(b []byte, flags int, m *Message) (int, netip.AddrPort, error) {
	if flags&MSG_OOB != 0 {
		return 0, netip.AddrPort{}, syscall.EOPNOTSUPP
	}
	if err := r.takeError(); err != nil {
		return 0, netip.AddrPort{}, err
	}
	p := r.queue.First()
	switch {
	case p == nil && r.socket.shutRead && r.socket.waits(flags): // see datagram
		return 0, netip.AddrPort{}, io.EOF
	case p == nil:
		return 0, netip.AddrPort{}, syscall.EAGAIN
	}
	data, from := r.dissect(p)
	n, length := copy(b, data), len(data)
	if m != nil {
		r.describe(m, p)
		if length > n {
			m.Flags |= MSG_TRUNC
		}
	}
	if flags&MSG_PEEK == 0 {
		r.queue.Pop()
		r.queued -= p.Len()
		p.Release()
	}
	if flags&MSG_TRUNC != 0 && r.ping == nil { // ping sockets do not heed it, on Linux
		n = length
	}
	return n, from, nil
}

// dissect reads a datagram that waits.
func (r *raw) dissect(p *packet.Packet) (data []byte, from netip.AddrPort) {
	data = p.Bytes()
	if r.six {
		return r.dissect6(data, int(p.In))
	}
	if r.ping != nil {
		return data[int(data[0]&15)*4:], netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[12:16])), 0)
	}
	return data, netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[12:16])), 0)
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
	if r.ping != nil {
		r.dropIdent()
	}
	r.handle.Close()
	r.groups.Close()
	r.queue.Release()
	r.queued = 0
}

func (r *raw) local() netip.AddrPort {
	if r.ping != nil {
		return netip.AddrPortFrom(r.ownAddr(), r.ping.ident)
	}
	// A raw socket has no port; Linux gives the protocol's number instead.
	return netip.AddrPortFrom(r.ownAddr(), r.protocolNumber())
}

// protocolNumber is what socket was called with.
func (r *raw) protocolNumber() uint16 { return max(uint16(r.number), r.beyond) }

func (r *raw) remote() (netip.AddrPort, error) {
	if !r.peer.IsValid() || r.peerPort == 0 { // as Linux sees it
		return netip.AddrPort{}, syscall.ENOTCONN
	}
	return netip.AddrPortFrom(r.peer, r.peerPort), nil
}

func (r *raw) takeError() error {
	if r.err == 0 {
		return nil
	}
	err := r.err
	r.err = 0
	return err
}

func (r *raw) dropped() uint64 { return r.lost }
