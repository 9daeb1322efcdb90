package socket

import (
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// AF_PACKET and what belongs to it, with Linux's numbers (packet(7)).
const (
	AF_PACKET = 17

	ETH_P_ALL  = 0x0003
	ETH_P_IP   = 0x0800
	ETH_P_ARP  = 0x0806
	ETH_P_IPV6 = 0x86dd

	PACKET_HOST      = 0
	PACKET_BROADCAST = 1
	PACKET_MULTICAST = 2
	PACKET_OTHERHOST = 3
	PACKET_OUTGOING  = 4

	ARPHRD_ETHER    = 1
	ARPHRD_LOOPBACK = 772
)

// LinkAddress is the address of a packet socket: struct sockaddr_ll.
type LinkAddress struct {
	// Protocol is an EtherType, or ETH_P_ALL, in network byte order: htons(ETH_P_IP).
	Protocol     uint16
	Interface    int    // its number; to bind to, 0 is all of them
	HardwareType uint16 // ARPHRD_; received only
	PacketType   uint8  // PACKET_; received only
	Addr         header.MAC
}

// linkSocket is the protocol of AF_PACKET sockets: the frames of this host's interfaces.
// SOCK_RAW has them with their Ethernet header, SOCK_DGRAM without.
type linkSocket struct {
	socket   Socket
	protocol header.EtherType // ETH_P_ALL, or 0 for none
	via      *network.Interface

	queue  packet.Queue
	queued int
	buffer int // SO_RCVBUF
	stats  linkStats
	joined []linkMembership
	aux    bool // PACKET_AUXDATA
}

// linkStats is PACKET_STATISTICS.
type linkStats struct{ packets, drops uint32 }

// sniffing is what the packet sockets of a host share; nil while there are none.
type sniffing struct {
	sockets     []*linkSocket
	promiscuous map[*network.Interface]int // how many have asked for it
	sent        *packet.Packet             // by one of them: sender does not see it
	sender      *linkSocket
}

// htons turns a number from host to network byte order, and back.
func htons(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// newLinkSocket makes a packet socket; protocol is in network byte order.
func newLinkSocket(st *Stack, kind uint8, protocol uint16) (*Socket, error) {
	k := &linkSocket{protocol: header.EtherType(htons(protocol)), buffer: defaultRawBuffer}
	k.socket.init(st, AF_PACKET, kind, k)
	if st.sniffing == nil {
		st.sniffing = &sniffing{promiscuous: make(map[*network.Interface]int)}
		st.network.Sniff(st.sniffing.see)
	}
	st.sniffing.sockets = append(slices.Clone(st.sniffing.sockets), k)
	return &k.socket, nil
}

func (k *linkSocket) close(bool) {
	st := k.socket.stack
	for len(k.joined) > 0 {
		k.leave(0)
	}
	i := slices.Index(st.sniffing.sockets, k)
	st.sniffing.sockets = slices.Delete(slices.Clone(st.sniffing.sockets), i, i+1)
	if len(st.sniffing.sockets) == 0 {
		st.sniffing = nil
		st.network.Sniff(nil)
	}
	k.queue.Release()
	k.queued = 0
}

// see gives a copy of a frame to every socket that wants it.
func (sn *sniffing) see(via *network.Interface, frame *packet.Packet, outgoing bool) {
	h, payload, err := header.ParseEthernet(frame.Bytes())
	if err != nil || packetType(via, &h, outgoing) == PACKET_OTHERHOST && sn.promiscuous[via] == 0 {
		return
	}
	seen := sight{via: via, frame: frame, outgoing: outgoing}
	if !seen.look(h.Type, payload) {
		return
	}
	for _, k := range sn.sockets {
		if k.wants(via, seen.typ, outgoing) && (sn.sent != frame || sn.sender != k) {
			k.input(seen.copyFor(k))
		}
	}
}

// wants reports whether the socket sees frames of a type. As on Linux, one of what leaves
// the host only if it sees all.
func (k *linkSocket) wants(via *network.Interface, typ header.EtherType, outgoing bool) bool {
	if k.via != nil && k.via != via {
		return false
	}
	return k.protocol == ETH_P_ALL || k.protocol == typ && typ != 0 && !outgoing
}

// frameCharge is what a frame that waits counts beside its bytes.
const frameCharge = 512

func (k *linkSocket) input(p *packet.Packet) {
	if len(k.view(p).data) == 0 { // nothing is left of it without the header
		p.Release()
		return
	}
	k.stats.packets++
	if charge := p.Len() + frameCharge; k.queued+charge > k.buffer {
		k.stats.drops++
		p.Release()
		return
	}
	k.queued += p.Len() + frameCharge
	k.queue.Push(p)
	k.socket.stack.loop.Signal(&k.socket.readable)
	k.socket.tell(arrived)
}

// packetType returns for whom a frame was.
func packetType(via *network.Interface, h *header.Ethernet, outgoing bool) uint8 {
	switch {
	case outgoing:
		return PACKET_OUTGOING
	case via.Loopback():
		return PACKET_HOST
	case h.Dst == header.BroadcastMAC:
		return PACKET_BROADCAST
	case h.Dst.IsGroup():
		return PACKET_MULTICAST
	case h.Dst == via.NIC().MAC():
		return PACKET_HOST
	}
	return PACKET_OTHERHOST
}

// dissect reads a frame that waits.
func (k *linkSocket) dissect(p *packet.Packet) (data []byte, from LinkAddress) {
	h, _, _ := header.ParseEthernet(p.Bytes())
	v := k.view(p)
	via := k.socket.stack.network.Interface(int(p.In &^ marks))
	from = linkAddressOf(via)
	from.Protocol, from.Addr = htons(uint16(v.typ)), h.Src
	from.PacketType = packetType(via, &h, p.In&outgoingMark != 0)
	if p.In&strangeMark != 0 {
		from.PacketType = PACKET_OTHERHOST
	}
	return v.data, from
}

// linkAddressOf returns the address of an interface, of none if it is nil.
func linkAddressOf(via *network.Interface) (a LinkAddress) {
	switch a.Interface = via.Index(); {
	case via == nil:
	case via.Loopback():
		a.HardwareType = ARPHRD_LOOPBACK
	default:
		a.HardwareType, a.Addr = ARPHRD_ETHER, via.NIC().MAC()
	}
	return a
}

// bindLink is bind with a sockaddr_ll: a protocol of 0 leaves it as it was.
func (k *linkSocket) bindLink(a LinkAddress) error {
	var via *network.Interface
	if a.Interface != 0 {
		if via = k.socket.numbered(a.Interface); via == nil {
			return syscall.ENODEV
		}
	}
	k.via = via
	if a.Protocol != 0 {
		k.protocol = header.EtherType(htons(a.Protocol))
	}
	return nil
}

// sendLink sends a frame: with its header as it is, or what goes into a frame to the
// given address.
func (k *linkSocket) sendLink(b []byte, to *LinkAddress) (int, error) {
	via := k.via
	if to != nil {
		via = k.socket.numbered(to.Interface)
	}
	switch {
	case via == nil:
		return 0, syscall.ENXIO
	case len(b) > via.MTU()+header.EthernetLen+header.VLANLen:
		return 0, syscall.EMSGSIZE
	case k.socket.kind == SOCK_DGRAM && to == nil:
		return 0, syscall.EINVAL
	}
	st := k.socket.stack
	p := st.network.Pool().From(b)
	if k.socket.kind == SOCK_DGRAM {
		h := header.Ethernet{Dst: to.Addr, Src: linkAddressOf(via).Addr, Type: header.EtherType(htons(to.Protocol))}
		h.Put(p.Push(header.EthernetLen))
	}
	sn := st.sniffing
	sn.sent, sn.sender = p, k
	err := via.TransmitFrame(p)
	sn.sent, sn.sender = nil, nil
	if err != nil {
		return 0, err
	}
	k.socket.tell(room)
	return len(b), nil
}

// receiveLink is receive with the address.
func (k *linkSocket) receiveLink(b []byte, flags int) (int, LinkAddress, error) {
	p := k.queue.First()
	switch {
	case flags&MSG_OOB != 0:
		return 0, LinkAddress{}, syscall.EINVAL
	case p == nil && k.socket.shutRead:
		return 0, LinkAddress{}, io.EOF
	case p == nil:
		return 0, LinkAddress{}, syscall.EAGAIN
	}
	data, from := k.dissect(p)
	n := copy(b, data)
	if flags&MSG_TRUNC != 0 {
		n = len(data)
	}
	if flags&MSG_PEEK == 0 {
		k.queue.Pop()
		k.queued -= p.Len() + frameCharge
		p.Release()
	}
	return n, from, nil
}

func (k *linkSocket) readCond() *event.Cond { return &k.socket.readable }

func (k *linkSocket) readiness() Readiness {
	r := POLLOUT
	if k.queue.Len() > 0 {
		r |= POLLIN
	}
	return r
}

func (k *linkSocket) send(b []byte, _ int, to netip.AddrPort) (int, error) {
	if to.IsValid() {
		return 0, syscall.EINVAL // no address of the family
	}
	return k.sendLink(b, nil)
}

func (k *linkSocket) receive(b []byte, flags int) (int, netip.AddrPort, error) {
	n, _, err := k.receiveLink(b, flags)
	return n, netip.AddrPort{}, err
}
