package udp

import (
	"encoding/binary"
	"math"
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// DefaultReceiveBuffer is how many bytes wait to be received, as on Linux
// (net.core.rmem_default).
const DefaultReceiveBuffer = 212992

// queueOverhead is what a waiting datagram counts beside its bytes, so that
// empty datagrams cannot fill the memory either.
const queueOverhead = 512

// manyQueued is after how many bytes that wait, and again after as many, a reader who was
// woken is let in, so that he reads them while they are in the caches and the rest finds
// room.
const manyQueued = 128 << 10

// Endpoint is one end of UDP communication: what a datagram socket stands on.
type Endpoint struct {
	// Readable is signalled when a datagram or an error arrives, and on Close.
	Readable event.Cond

	layer  *Layer
	owner  Owner
	local  netip.AddrPort
	remote netip.AddrPort // valid when connected
	asked  netip.AddrPort // what Bind was called with; its address outlives a disconnect
	// everyAddr stands for every address of the families that the endpoint speaks.
	everyAddr netip.Addr
	next      *Endpoint // with the same local address and port

	path   network.Path // to where it sent last
	pathTo netip.Addr   // the destination that was given for it
	held   *held        // pieces of a datagram; nil if there are none

	queue   packet.Queue
	queued  int32 // bytes, as counted against limit
	limit   int32
	dropped uint64

	multicast multicast

	device *network.Interface // of SO_BINDTODEVICE; nil for any

	broadcast, sharing, sharingPort, closed, shut bool

	watched  bool
	stamps   bool
	anywhere bool // may be bound to an address that is not the host's
	four     marks
	six      marks
	mtu6     uint16 // of SetMTU
	err      uint32 // the syscall.Errno of an ICMP error nobody has seen yet
	reports  families
	noSum    bool // SetNoChecksum
}

// families says something of each family.
type families struct{ four, six bool }

func (f families) of(a netip.Addr) bool {
	if a.Is4() {
		return f.four
	}
	return f.six
}

// Owner is told what has happened, before Readable is signalled. It is called with the
// turn held.
type Owner interface {
	// Failed says that there is an ICMP error to be taken.
	Failed()
	// Report tells of an error before that, if the endpoint was asked for it with
	// SetReports. e is valid during the call only.
	Report(e *network.Error)
	// Arrived tells of a datagram, if Watch has asked for it.
	Arrived()
}

// Watch says whether the owner is told of datagrams.
func (e *Endpoint) Watch(on bool) { e.watched = on }

// SetReports has the owner told of every ICMP error about datagrams of IPv4, and of
// IPv6: also of those that may pass, and if the endpoint is not connected (IP_RECVERR,
// IPV6_RECVERR). All of them are then errors that TakeError returns.
func (e *Endpoint) SetReports(four, six bool) { e.reports = families{four, six} }

// CloseWrite has Send fail with EPIPE from now on.
func (e *Endpoint) CloseWrite() { e.shut = true }

// SetStamps has each datagram that is queued carry the time (packet.Packet.At), which is
// negative in those that were queued before.
func (e *Endpoint) SetStamps(on bool) { e.stamps = on }

// SetFreeBind lets Bind take an address that the host does not have (IP_FREEBIND).
func (e *Endpoint) SetFreeBind(on bool) { e.anywhere = on }

// SetOwner says who is told.
func (e *Endpoint) SetOwner(o Owner) { e.owner = o }

// Open returns an endpoint that is neither bound nor connected, and gets the address
// every when it is used without having been bound: 0.0.0.0, ::, or the zero Addr for
// both.
func (l *Layer) Open(every netip.Addr) *Endpoint {
	return &Endpoint{layer: l, limit: DefaultReceiveBuffer, everyAddr: every}
}

// SetEvery changes the address every that Open was given.
func (e *Endpoint) SetEvery(every netip.Addr) { e.everyAddr = every }

// Local returns the address and port to which the endpoint is bound. The address is
// 0.0.0.0, :: or the zero Addr if it stands for all of the host's; a port of zero says
// that the endpoint is not bound.
func (e *Endpoint) Local() netip.AddrPort { return e.local }

// Remote returns the peer of a connected endpoint, else the zero AddrPort.
func (e *Endpoint) Remote() netip.AddrPort { return e.remote }

// Queued returns how many datagrams wait to be received.
func (e *Endpoint) Queued() int { return e.queue.Len() }

// Dropped returns how many datagrams found the queue full.
func (e *Endpoint) Dropped() uint64 { return e.dropped }

// SetBroadcast allows sending to broadcast addresses (SO_BROADCAST; RFC 1122,
// section 3.3.6 wants an application to ask for it).
func (e *Endpoint) SetBroadcast(on bool) { e.broadcast = on }

// SetReceiveBuffer sets how many bytes may wait to be received. One datagram
// may wait in any case.
func (e *Endpoint) SetReceiveBuffer(bytes int) { e.limit = int32(min(max(bytes, 0), math.MaxInt32/2)) }

// ReceiveBuffer returns how many bytes may wait to be received.
func (e *Endpoint) ReceiveBuffer() int { return int(e.limit) }

// marks are how what is sent over one family goes: what the IP headers say, and how long
// it may be.
type marks struct {
	ttl, tos uint8
	discover network.Discovery
}

// marks returns those of what goes by e.path.
func (e *Endpoint) marks() marks { return e.marksOf(e.path.Dst()) }

func (e *Endpoint) marksOf(a netip.Addr) marks {
	if a.Is6() {
		return e.six
	}
	return e.four
}

// SetTTL sets the time to live of what is sent over IPv4; zero is the default.
func (e *Endpoint) SetTTL(ttl uint8) { e.four.ttl = ttl }

// SetTOS sets the type of service of what is sent over IPv4.
func (e *Endpoint) SetTOS(tos uint8) { e.four.tos = tos }

// SetNoChecksum has datagrams over IPv4 sent without a checksum (RFC 1122, section
// 4.1.3.4: "MAY optionally be able to control whether a UDP checksum will be generated").
func (e *Endpoint) SetNoChecksum(on bool) { e.noSum = on }

// SetHopLimit sets the hop limit of what is sent over IPv6; zero is the link's.
func (e *Endpoint) SetHopLimit(hops uint8) { e.six.ttl = hops }

// SetTrafficClass sets the traffic class of what is sent over IPv6.
func (e *Endpoint) SetTrafficClass(class uint8) { e.six.tos = class }

// SetDiscovery says what becomes of a datagram of IPv4 that is longer than its path's
// MTU. At first routers may cut it.
func (e *Endpoint) SetDiscovery(d network.Discovery) { e.four.discover = d }

// SetDiscovery6 is SetDiscovery for IPv6, whose routers never cut: at first it is cut here.
func (e *Endpoint) SetDiscovery6(d network.Discovery) { e.six.discover = d }

// SetMTU says how long packets of IPv6 may be at most, whatever their path carries; zero
// leaves it to the path (IPV6_MTU).
func (e *Endpoint) SetMTU(mtu int) { e.mtu6 = uint16(min(mtu, 65535)) }

// PathMTU returns what is known of the MTU of the path to the peer. ENOTCONN without one.
func (e *Endpoint) PathMTU() (int, error) {
	if !e.remote.IsValid() {
		return 0, syscall.ENOTCONN
	}
	if err := e.findPath(e.remote.Addr()); err != nil {
		return 0, err
	}
	return e.layer.network.PathMTU(&e.path), nil
}

// Connect sets the one peer that the endpoint sends to and hears from. Nothing
// is sent. An endpoint bound to 0.0.0.0 gets the address from which its peer is
// reached. Errors are those of network's Path, and EACCES for a broadcast
// address without SetBroadcast.
func (e *Endpoint) Connect(remote netip.AddrPort) error {
	// As on Linux, the endpoint has a port even if the rest fails.
	if err := e.Use(); err != nil {
		return err
	}
	// As on Linux, the address that the last peer was reached from remains, until
	// Disconnect, though nobody has asked for it.
	src := e.local.Addr()
	if src.Is4() != remote.Addr().Is4() && !e.addrAsked() {
		src = e.everyAddr
	}
	path, err := e.lookUp(remote.Addr(), src)
	if err != nil {
		return err
	}
	if path.Broadcast() && !e.broadcast {
		return syscall.EACCES
	}
	if !e.addrAsked() {
		e.move(path.Src())
	}
	e.layer.recent = found{}
	e.path, e.pathTo = path, path.Dst()
	e.remote = netip.AddrPortFrom(path.Dst(), remote.Port())
	if e.held != nil {
		e.held.redirect(path, remote.Port())
	}
	return nil
}

// Disconnect undoes Connect: the endpoint hears from everyone again, at the
// address and port that it was bound to. As on Linux, a port that nobody asked for is
// given back, even if there was no peer; the next call that needs one gets another.
func (e *Endpoint) Disconnect() {
	if e.device != nil {
		e.SetDevice(nil) // Linux forgets it too
	}
	e.layer.recent = found{}
	e.remote, e.pathTo = netip.AddrPort{}, netip.Addr{}
	switch {
	case e.asked.Port() == 0:
		e.remove()
		if e.addrAsked() {
			e.local = netip.AddrPortFrom(e.asked.Addr(), 0)
		}
	case !e.addrAsked():
		e.move(e.everyAddr)
	}
}

// addrAsked reports whether Bind was called with one address.
func (e *Endpoint) addrAsked() bool {
	return e.asked.Addr().IsValid() && !e.asked.Addr().IsUnspecified()
}

// move changes the address at which the endpoint is found.
func (e *Endpoint) move(addr netip.Addr) {
	if port := e.local.Port(); addr != e.local.Addr() {
		e.remove()
		e.insert(netip.AddrPortFrom(addr, port))
	}
}

// sourceFor returns the source address to ask a path for, given the local one:
// an endpoint bound to a broadcast address sends from the host's own.
func (e *Endpoint) sourceFor(local netip.Addr) netip.Addr {
	if !local.IsValid() || local.IsUnspecified() || local.IsMulticast() || e.layer.network.IsBroadcast(local) {
		return netip.Addr{}
	}
	return local
}

// Close ends the endpoint. What waits is dropped.
func (e *Endpoint) Close() {
	if e.closed {
		return
	}
	e.remove()
	e.multicast.leaveGroups()
	e.closed, e.held = true, nil
	e.remote = netip.AddrPort{}
	e.queue.Release()
	e.queued = 0
	e.layer.Loop().Signal(&e.Readable)
}

// TakeError returns what an ICMP error has said about an earlier datagram, once
// (SO_ERROR); nil if there is nothing to say. A receiving socket call looks
// here before it looks for a datagram.
func (e *Endpoint) TakeError() error {
	if e.err == 0 {
		return nil
	}
	err := syscall.Errno(e.err)
	e.err = 0
	return err
}

// Failed reports whether TakeError has something to say.
func (e *Endpoint) Failed() bool { return e.err != 0 }

// Fail leaves an error for TakeError, zero for none.
func (e *Endpoint) Fail(errno syscall.Errno) {
	e.err = uint32(errno)
	if errno == 0 {
		return
	}
	if e.owner != nil {
		e.owner.Failed()
	}
	e.layer.Loop().Signal(&e.Readable)
}

// enqueue lets a datagram, which starts at its IP header, wait for Receive.
func (e *Endpoint) enqueue(p *packet.Packet) {
	n := charge(p)
	if e.queue.Len() > 0 && e.queued+n > e.limit {
		e.dropped++
		e.layer.drop(p, &e.layer.stats.QueueFull)
		return
	}
	p.Own()
	p.At = -1
	if e.stamps {
		p.At = int64(e.layer.Loop().Now())
	}
	if before := e.queued; (before+n)/manyQueued > before/manyQueued {
		e.layer.Loop().LetIn()
	}
	e.queued += n
	e.queue.Push(p)
	e.layer.stats.Delivered++
	if e.watched {
		e.owner.Arrived()
	}
	e.layer.Loop().Signal(&e.Readable)
}

func charge(p *packet.Packet) int32 { return int32(p.Len() + queueOverhead) }

// Receive takes the datagram that has waited longest and copies as much of it
// into b as fits; the rest is lost. from is its sender and to the address to
// which it was sent. ok is false if none waits.
func (e *Endpoint) Receive(b []byte) (n int, from netip.AddrPort, to netip.Addr, ok bool) {
	p := e.queue.Pop()
	if p == nil {
		return 0, from, to, false
	}
	e.queued -= charge(p)
	payload, from, to := e.Dissect(p)
	n = copy(b, payload)
	p.Release()
	return n, from, to, true
}

// Take moves datagrams to q, which is empty and whose owner reads them with Dissect: the
// one that has waited longest, and those after it until they count for share bytes
// of the receive buffer.
func (e *Endpoint) Take(q *packet.Queue, share int) {
	if int(e.queued) <= share {
		e.queue.Move(q)
		e.queued = 0
		return
	}
	for before := e.queued; ; {
		p := e.queue.Pop()
		if p == nil {
			return
		}
		e.queued -= charge(p)
		q.Push(p)
		if int(before-e.queued) >= share {
			return
		}
	}
}

// Peek is Receive without taking the datagram (MSG_PEEK). n is the length of
// all of it, even if not all fits.
func (e *Endpoint) Peek(b []byte) (n int, from netip.AddrPort, to netip.Addr, ok bool) {
	p := e.queue.First()
	if p == nil {
		return 0, from, to, false
	}
	payload, from, to := e.Dissect(p)
	copy(b, payload)
	return len(payload), from, to, true
}

// First returns the datagram that has waited longest and leaves it where it is, nil if
// none waits. It is read with Dissect.
func (e *Endpoint) First() *packet.Packet { return e.queue.First() }

// LastMTU returns what is known of the MTU of the path by which a datagram was sent last.
func (e *Endpoint) LastMTU() int {
	if e.path.Interface() == nil {
		return 0
	}
	return e.layer.network.PathMTU(&e.path)
}

// Dissect reads a datagram that waits or was taken, whose headers were checked when
// it came. The turn must be held if the datagram is OfLink.
func (e *Endpoint) Dissect(p *packet.Packet) (payload []byte, from netip.AddrPort, to netip.Addr) {
	b := p.Head()
	if b[0]>>4 == 6 {
		return e.dissect6(b, int(p.In))
	}
	udp := b[int(b[0]&15)*4:]
	from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), binary.BigEndian.Uint16(udp))
	return udp[header.UDPLen:], from, netip.AddrFrom4([4]byte(b[16:20]))
}

// dissect6 reads a datagram that came over IPv6, whose link-local addresses are of the
// interface of this number.
func (e *Endpoint) dissect6(b []byte, in int) (payload []byte, from netip.AddrPort, to netip.Addr) {
	h, udp := (*[header.IPv6Len]byte)(b), b[header.IPv6Len:]
	src, to := netip.AddrFrom16([16]byte(h[8:24])), netip.AddrFrom16([16]byte(h[24:40]))
	if ofLink(h) {
		i := e.layer.network.Interface(in)
		src, to = i.Scoped(src), i.Scoped(to)
	}
	return udp[header.UDPLen:], netip.AddrPortFrom(src, binary.BigEndian.Uint16(udp)), to
}

// OfLink reports whether a datagram has an address whose zone only the network knows.
func OfLink(p *packet.Packet) bool {
	b := p.Head()
	return b[0]>>4 == 6 && ofLink((*[header.IPv6Len]byte)(b))
}

// ofLink reports whether the source or the destination in an IPv6 header is of fe80::/10
// (RFC 4291, section 2.5.6).
func ofLink(h *[header.IPv6Len]byte) bool {
	return h[8] == 0xfe && h[9]&0xc0 == 0x80 || h[24] == 0xfe && h[25]&0xc0 == 0x80
}
