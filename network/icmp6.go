package network

import (
	"septet/header"
	"septet/packet"
)

// icmp6 is the host's ICMPv6 (RFC 4443): the answers to echo requests, the errors that
// come in, and what belongs to the link.
type icmp6 struct {
	layer *Layer
}

// Input takes an ICMPv6 message for this host.
func (m *icmp6) Input(p *packet.Packet, d *Datagram) {
	l := m.layer
	h, payload, err := header.ParseICMPv6(p.Bytes(), d.Src, d.Dst)
	if err != nil {
		l.drop(p, &l.stats.ICMPBad)
		return
	}
	switch {
	case h.Type == header.ICMPv6EchoRequest:
		m.answer(p, d)
		return
	case h.Type == header.ICMPv6EchoReply:
		reply := header.ICMP{Rest: h.Rest}
		l.icmp.inputReply(&reply, payload, d)
	case h.IsError():
		l.stats.ICMPErrorsReceived++
		m.inputError(&h, payload, d)
	case h.Type >= header.ICMPv6RouterSolicit && h.Type <= header.ICMPv6Redirect:
		l.inputND(p.Bytes(), d)
	case h.Type >= header.ICMPv6ListenerQuery && h.Type <= header.ICMPv6ListenerDone,
		h.Type == header.ICMPv6ListenerReport2:
		l.inputMLD(p.Bytes(), d)
	default:
		l.stats.ICMPUnknown++
	}
	p.Release()
}

// answer makes an echo request the reply (RFC 4443, section 4.2). One to a group is not
// answered, so that nobody can make a flood of it.
func (m *icmp6) answer(p *packet.Packet, d *Datagram) {
	l := m.layer
	if d.Broadcast || d.Src.IsUnspecified() {
		l.drop(p, &l.stats.EchoIgnored)
		return
	}
	path, err := l.PathBack(d)
	if err != nil {
		l.drop(p, &l.stats.OutNoRoute)
		return
	}
	l.stats.EchoRequests++
	p.Touch()[0] = header.ICMPv6EchoReply
	_ = l.outputICMPv6(p, &path, Send{TOS: d.TOS}) // a refusal is counted
}

// outputICMPv6 fills in the checksum of the message p and sends it.
func (l *Layer) outputICMPv6(p *packet.Packet, path *Path, o Send) error {
	header.SetICMPv6Checksum(p.Touch(), path.src, path.dst)
	o.Protocol = header.ProtocolICMPv6
	return l.Output(p, path, &o)
}

// Error takes an error about an ICMPv6 message of this host: an echo request.
func (m *icmp6) Error(e *Error) {
	echo := m.layer.icmp.echoes[be.Uint16(e.Quoted[4:])]
	if e.Quoted[0] != header.ICMPv6EchoRequest || echo == nil {
		m.layer.stats.EchoIgnored++
		return
	}
	m.layer.LearnPathMTU(e)
	echo.receive(EchoReply{From: e.From, Dst: e.Dst, Sequence: be.Uint16(e.Quoted[6:]), Err: e})
}

// inputError checks what an error quotes and passes it to the protocol that has sent
// the quoted packet (RFC 4443, section 2.4 d).
func (m *icmp6) inputError(h *header.ICMPv6, quote []byte, d *Datagram) {
	l := m.layer
	e := Error{Type: h.Type, Code: h.Code, From: d.Src}
	e.Errno, e.Hard = errnoOf6(h)
	q, payload, err := header.ParseIPv6(quote)
	if err != nil {
		l.stats.ICMPBadError++
		return
	}
	in := d.Interface
	if i := l.interfaceOf(d.Dst); in.Loopback() && i != nil {
		in = i // the host tells itself of what it has sent from there
	}
	e.Src, e.Dst = in.Scoped(q.Src), in.Scoped(q.Dst)
	e.Protocol, e.Quoted = upperLayer(q.NextHeader, payload)
	outside := q.Src.IsLoopback() && !d.Interface.Loopback()
	if len(e.Quoted) < 8 || outside || d.Broadcast || !l.IsLocal(e.Src) {
		l.stats.ICMPBadError++
		return
	}
	if h.Type == header.ICMPv6PacketTooBig {
		e.MTU = int(h.Rest)
	}
	l.report(&e)
}

// upperLayer passes the extension headers of a quoted packet. What is quoted of a later
// fragment is nobody's header: it returns nothing of that.
func upperLayer(p header.Protocol, b []byte) (header.Protocol, []byte) {
	for n := 0; p.IsExtension() && n < maxExtensions; n++ {
		x, rest, err := header.ParseExtension(p, b)
		if err != nil || p == header.ProtocolIPv6Fragment && be.Uint16(x.Data[2:])&^7 > 0 {
			return p, nil
		}
		p, b = x.NextHeader, rest
	}
	return p, b
}
