package network

import (
	"errors"

	"septet/header"
	"septet/packet"
)

// icmp is the host's ICMP (RFC 792; RFC 1122, section 3.2.2): the answers to
// echo requests, and the errors that come in.
type icmp struct {
	layer  *Layer
	limit  *errorLimit // made with the first error
	echoes map[uint16]*Echo
	nextID uint16
}

func (m *icmp) init(l *Layer) {
	m.layer = l
	m.nextID = uint16(l.loop.Rand().Uint32())
}

// Input takes an ICMP message for this host.
func (m *icmp) Input(p *packet.Packet, d *Datagram) {
	stats := &m.layer.stats
	h, payload, err := header.ParseICMP(p.Bytes())
	if err != nil {
		m.layer.drop(p, &stats.ICMPBad)
		return
	}
	switch {
	case h.Type == header.ICMPEchoRequest:
		m.answer(p, d)
	case h.Type == header.ICMPEchoReply:
		m.inputReply(&h, payload, d)
		p.Release()
	case h.Type == header.ICMPRedirect:
		m.inputRedirect(&h, payload, d)
		p.Release()
	case h.IsError():
		stats.ICMPErrorsReceived++
		m.inputError(&h, payload, d)
		p.Release()
	default:
		m.layer.drop(p, &stats.ICMPUnknown)
	}
}

// answer makes an echo request the reply. RFC 1122, section 3.2.2.6: the source
// of the reply is the address that was asked; the data comes back as it is; a
// request to a broadcast address may be discarded, and is.
func (m *icmp) answer(p *packet.Packet, d *Datagram) {
	l := m.layer
	if d.Broadcast {
		l.drop(p, &l.stats.EchoIgnored)
		return
	}
	// RFC 1122, section 3.2.2.6: a source route "MUST be reversed and used".
	path, err := l.PathBack(d)
	if err != nil || path.Broadcast() {
		l.drop(p, &l.stats.OutNoRoute)
		return
	}
	l.stats.EchoRequests++
	reply := Send{Protocol: header.ProtocolICMP, TOS: d.TOS, SourceRoute: d.Route}
	if d.recording {
		// The same section: these options "SHOULD be updated to include the current host"
		// and sent back whole, so that the way of both is recorded.
		p.Unpull(d.HeaderLen)
		reply.Options = recorded(p.Head()[header.IPv4Len:d.HeaderLen])
		p.Pull(d.HeaderLen)
		l.enter(reply.Options, path.src, true)
	}
	b := p.Touch()
	b[0] = header.ICMPEchoReply
	header.SetICMPChecksum(b)
	l.send(p, &path, reply)
}

// send is Output for messages whose sender is nobody who could be told.
func (l *Layer) send(p *packet.Packet, path *Path, o Send) {
	_ = l.Output(p, path, &o) // a refusal is counted there
}

// inputError checks what an error quotes and passes it to the protocol that has
// sent the quoted datagram (RFC 1122, section 3.2.2). Anyone can send such a
// message: what does not come from here is not believed.
func (m *icmp) inputError(h *header.ICMP, quote []byte, d *Datagram) {
	l := m.layer
	e := Error{Type: h.Type, Code: h.Code, From: d.Src}
	var ok bool
	if e.Errno, e.Hard, ok = errnoOf(h); !ok {
		l.stats.ICMPUnknown++
		return
	}
	q, _, err := header.ParseIPv4(quote)
	// A router on the way may have changed the quoted header and not its
	// checksum; the message has its own.
	if (err != nil && !errors.Is(err, header.ErrChecksum)) || q.FragmentOffset > 0 {
		l.stats.ICMPBadError++
		return
	}
	e.Quoted = quote[q.Len():]
	outside := q.Src.IsLoopback() && !d.Interface.Loopback()
	if len(e.Quoted) < 8 || outside || d.Broadcast || !l.IsLocal(q.Src) {
		l.stats.ICMPBadError++
		return
	}
	e.Src, e.Dst, e.Protocol = q.Src, q.FinalDst(), q.Protocol
	if h.Type == header.ICMPUnreachable && h.Code == header.ICMPFragmentationNeeded {
		e.MTU = h.MTU()
	}
	l.report(&e)
}
