package network

import (
	"net/netip"
	"syscall"

	"septet/header"
)

// maxEchoes is how many Echoes a host can have open.
const maxEchoes = 4096

// Echo sends echo requests under an identifier of its own and hears what comes
// of them: what ping and traceroute are made of.
type Echo struct {
	layer   *Layer
	id      uint16
	receive func(EchoReply)
	closed  bool
}

// EchoReply is what came of an echo request.
type EchoReply struct {
	From     netip.Addr // who answers, or who reports the error
	Dst      netip.Addr // for an error: to whom the request was sent
	Sequence uint16
	TTL      uint8  // of the reply, as it arrived
	Payload  []byte // valid during the call only; nil for an error
	Err      *Error // nil for a reply; valid during the call only
}

// OpenEcho opens an Echo. receive is called, with the turn held, for every reply
// to its requests and every ICMP error about one. ENOBUFS if too many are open.
func (l *Layer) OpenEcho(receive func(EchoReply)) (*Echo, error) {
	m := &l.icmp
	if len(m.echoes) >= maxEchoes {
		return nil, syscall.ENOBUFS
	}
	if m.echoes == nil {
		m.echoes = make(map[uint16]*Echo)
	}
	for m.echoes[m.nextID] != nil {
		m.nextID++
	}
	e := &Echo{layer: l, id: m.nextID, receive: receive}
	m.echoes[e.id] = e
	m.nextID++
	return e, nil
}

// ID returns the identifier that the requests carry.
func (e *Echo) ID() uint16 { return e.id }

// Close gives the identifier back. Nothing is received any more.
func (e *Echo) Close() {
	if !e.closed {
		e.closed = true
		delete(e.layer.icmp.echoes, e.id)
	}
}

// Send sends an echo request with a copy of payload. A ttl of zero means
// DefaultTTL. Errors are those of Path and Output, EACCES for a broadcast
// address, EBADF after Close.
func (e *Echo) Send(dst netip.Addr, seq uint16, payload []byte, ttl uint8) error {
	if e.closed {
		return syscall.EBADF
	}
	l := e.layer
	path, err := l.Path(dst, netip.Addr{})
	if err != nil {
		return err
	}
	if path.Broadcast() {
		return syscall.EACCES
	}
	p := l.pool.Get(header.ICMPLen + len(payload))
	if path.dst.Is6() {
		h := header.ICMPv6{Type: header.ICMPv6EchoRequest, Rest: uint32(e.id)<<16 | uint32(seq)}
		h.Put(p.Extend(header.ICMPv6Len))
		p.Append(payload)
		return l.outputICMPv6(p, &path, Send{TTL: ttl})
	}
	h := header.ICMP{Type: header.ICMPEchoRequest, Rest: uint32(e.id)<<16 | uint32(seq)}
	h.Put(p.Extend(header.ICMPLen))
	p.Append(payload)
	header.SetICMPChecksum(p.Head())
	return l.Output(p, &path, &Send{Protocol: header.ProtocolICMP, TTL: ttl})
}

// inputReply gives an echo reply to whoever has asked (RFC 1122, section
// 3.2.2.6).
func (m *icmp) inputReply(h *header.ICMP, payload []byte, d *Datagram) {
	e := m.echoes[h.ID()]
	if e == nil {
		m.layer.stats.EchoIgnored++
		return
	}
	m.layer.stats.EchoReplies++
	e.receive(EchoReply{From: d.Src, Dst: d.Src, Sequence: h.Sequence(), TTL: d.TTL, Payload: payload})
}

// Error takes an error about an ICMP message of this host: an echo request.
func (m *icmp) Error(e *Error) {
	q := header.ICMP{Type: e.Quoted[0], Rest: be.Uint32(e.Quoted[4:])}
	echo := m.echoes[q.ID()]
	if q.Type != header.ICMPEchoRequest || echo == nil {
		m.layer.stats.EchoIgnored++
		return
	}
	m.layer.LearnPathMTU(e)
	echo.receive(EchoReply{From: e.From, Dst: e.Dst, Sequence: q.Sequence(), Err: e})
}
