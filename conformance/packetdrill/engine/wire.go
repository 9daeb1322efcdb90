package engine

import (
	"bytes"
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// wire is the far end of the host's cable: it stands for everybody. The tool
// knows IP packets only, so the wire puts Ethernet headers on and takes them off,
// and answers everybody's question who a neighbour is, but those for the host's own
// address. What else an Ethernet card makes a host of IPv6 say is kept from the tool,
// whose network has no neighbours.
type wire struct {
	loop    *event.Loop
	pool    *packet.Pool
	mtu     int
	bursts  bool // what the host sends as one, the tool sees as one: see burst.go
	local   netip.Addr
	receive func(*packet.Packet) // the host's card

	sent    []Sent       // IP packets of the host that the tool has not seen
	open    bool         // the last of them may be the beginning of a burst
	replies packet.Queue // frames for the host, to be received later in the turn
}

// Sent is an IP packet that the host has sent.
type Sent struct {
	Bytes []byte
	Micro int64 // when, on the clock of GetTimeOfDay
}

// MTU implements physical.Port.
func (w *wire) MTU() int { return w.mtu }

// OnReceive implements physical.Port.
func (w *wire) OnReceive(receive func(*packet.Packet)) { w.receive = receive }

// Transmit implements physical.Port: it takes a frame of the host.
func (w *wire) Transmit(p *packet.Packet) {
	defer p.Release()
	h, payload, err := header.ParseEthernet(p.Bytes())
	if err != nil {
		return
	}
	switch h.Type {
	case header.EtherTypeARP:
		w.answerARP(payload)
	case header.EtherTypeIPv6:
		if w.ofTheLink(payload) {
			return
		}
		fallthrough
	case header.EtherTypeIPv4:
		w.take(Sent{bytes.Clone(payload), micros(w.loop.Now())})
	}
}

// answerARP says that every address is here (RFC 826).
func (w *wire) answerARP(b []byte) {
	q, err := header.ParseARP(b)
	if err != nil || q.Operation != header.ARPRequest || q.TargetIP == w.local {
		return
	}
	a := header.ARP{
		Operation: header.ARPReply,
		SenderMAC: peerMAC, SenderIP: q.TargetIP,
		TargetMAC: q.SenderMAC, TargetIP: q.SenderIP,
	}
	p := w.pool.Get(header.ARPLen)
	a.Put(p.Extend(header.ARPLen))
	w.reply(p, header.EtherTypeARP)
}

// reply has the host receive p later in the turn.
func (w *wire) reply(p *packet.Packet, t header.EtherType) {
	w.frame(p, t)
	w.replies.Push(p)
	if w.replies.Len() == 1 {
		w.loop.Post(w)
	}
}

// ofTheLink takes the messages that belong to the link: neighbour discovery, which it
// answers, and group membership (RFC 4861, RFC 3810).
func (w *wire) ofTheLink(datagram []byte) bool {
	ip, message, err := header.ParseIPv6(datagram)
	switch {
	case err != nil:
		return false
	case ip.NextHeader == header.ProtocolHopByHop: // the router alert of group reports
		return ip.Dst.IsLinkLocalMulticast()
	case ip.NextHeader != header.ProtocolICMPv6 || len(message) == 0:
		return false
	}
	if q, _, err := header.ParseNeighbourSolicitation(message); err == nil {
		w.advertise(q.Target, ip.Src)
	}
	return message[0] >= header.ICMPv6RouterSolicit && message[0] <= header.ICMPv6Redirect
}

// advertise says that every address is here, but to who only probes one.
func (w *wire) advertise(target, to netip.Addr) {
	if target == w.local || to.IsUnspecified() {
		return
	}
	a := header.NeighbourAdvertisement{Target: target, Solicited: true, Override: true}
	o := header.NDOptions{Target: peerMAC, HasTarget: true}
	p := w.pool.Get(0)
	a.Put(p.Extend(header.NeighbourAdvertisementLen))
	o.Put(p.Extend(o.Len()))
	header.SetICMPv6Checksum(p.Head(), target, to)
	ip := header.IPv6{PayloadLength: p.Len(), NextHeader: header.ProtocolICMPv6, HopLimit: 255, Src: target, Dst: to}
	ip.Put(p.Push(header.IPv6Len))
	w.reply(p, header.EtherTypeIPv6)
}

// Run delivers the answers, outside of the call that asked.
func (w *wire) Run() {
	for p := w.replies.Pop(); p != nil; p = w.replies.Pop() {
		w.deliver(p)
	}
}

func (w *wire) frame(p *packet.Packet, t header.EtherType) {
	h := header.Ethernet{Dst: hostMAC, Src: peerMAC, Type: t}
	h.Put(p.Push(header.EthernetLen))
}

func (w *wire) deliver(p *packet.Packet) {
	if w.receive == nil {
		p.Release()
		return
	}
	w.receive(p)
}

// SendPacket has the host receive b, an IP packet, now. EINVAL: it is neither IPv4
// nor IPv6. What the host makes of it is its own business.
func (c Caller) SendPacket(b []byte) error {
	_, err := direct(c, func() (struct{}, error) { return struct{}{}, c.engine.inject(b) })
	return err
}

func (e *Engine) inject(b []byte) error {
	if len(b) == 0 {
		return syscall.EINVAL
	}
	var t header.EtherType
	switch b[0] >> 4 {
	case 4:
		t = header.EtherTypeIPv4
	case 6:
		t = header.EtherTypeIPv6
	default:
		return syscall.EINVAL
	}
	p := e.wire.pool.From(b)
	e.wire.frame(p, t)
	e.loop.Lock()
	e.wire.deliver(p)
	e.loop.Unlock()
	return nil
}

// ReceivePacket returns the oldest packet that the host has sent and that was not
// returned yet. If there is none, time passes until there is. It reports false
// when nothing is left that could happen.
func (c Caller) ReceivePacket() (Sent, bool) {
	e := c.engine
	s, err := direct(c, func() (Sent, error) {
		for len(e.wire.sent) == 0 {
			if !e.step(event.Never) {
				return Sent{}, syscall.EAGAIN
			}
			e.waitForStamp()
		}
		s := e.wire.sent[0]
		e.wire.sent = e.wire.sent[1:]
		return s, nil
	})
	return s, err == nil
}
