package network

import (
	"septet/header"
	"septet/packet"
)

// maxExtensions is how many extension headers a packet may have. Each may stand in it
// once, and destination options twice (RFC 8200, section 4.1; RFC 8504, section 5.3,
// allows a limit).
const maxExtensions = 8

// maxOptions is how many options one of them may have that are not padding (RFC 8504,
// section 5.3).
const maxOptions = 8

// skipExtension passes the extension header at which d stands: the packet goes on with
// what follows it. It reports false if the packet has ended here.
func (l *Layer) skipExtension(p *packet.Packet, d *Datagram) bool {
	x, ok := l.extension(p, d)
	if !ok {
		return false
	}
	switch d.Protocol {
	case header.ProtocolHopByHop:
		// RFC 8200, section 4.1: it "must immediately follow the IPv6 header".
		if d.HeaderLen != header.IPv6Len {
			return l.badParameter(p, d, header.ICMPv6BadNextHeader, d.next)
		}
		if !l.acceptOptions6(p, d, x.Data) {
			return false
		}
	case header.ProtocolDestinationOptions:
		if !l.acceptOptions6(p, d, x.Data) {
			return false
		}
	case header.ProtocolIPv6Route:
		// RFC 8200, section 4.4: a type that is not known is passed over when no
		// segments are left, and otherwise refused. Type 0 is not known to anybody
		// since RFC 5095, and no other is to us.
		if x.Data[3] != 0 {
			l.stats.InSourceRouted++
			return l.badParameter(p, d, header.ICMPv6BadField, d.HeaderLen+2)
		}
	}
	d.next, d.HeaderLen, d.Protocol = d.HeaderLen, d.HeaderLen+len(x.Data), x.NextHeader
	return true
}

// extension reads the extension header at which d stands.
func (l *Layer) extension(p *packet.Packet, d *Datagram) (header.Extension, bool) {
	b := p.Bytes()
	x, _, err := header.ParseExtension(d.Protocol, b[min(d.HeaderLen, len(b)):])
	if err != nil {
		l.drop(p, &l.stats.InBadHeader)
		return x, false
	}
	return x, true
}

// badParameter refuses a packet for the byte at this offset.
func (l *Layer) badParameter(p *packet.Packet, d *Datagram, code uint8, at int) bool {
	l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6ParameterProblem, Code: code, Rest: uint32(at)})
	return false
}

// Options that are known (RFC 8200, section 4.2; RFC 2711).
const (
	optionPad1        = 0
	optionPadN        = 1
	optionRouterAlert = 5
)

// acceptOptions6 walks through the options of a header, which x is, and does what the
// two highest bits of each unknown one ask for (RFC 8200, section 4.2).
func (l *Layer) acceptOptions6(p *packet.Packet, d *Datagram, x []byte) bool {
	known := 0
	for at := 2; at < len(x); {
		if x[at] == optionPad1 {
			at++
			continue
		}
		if at+2 > len(x) || at+2+int(x[at+1]) > len(x) {
			l.stats.InBadOptions++
			return l.badParameter(p, d, header.ICMPv6BadField, d.HeaderLen+at)
		}
		if x[at] != optionPadN {
			if known++; known > maxOptions {
				l.drop(p, &l.stats.InBadOptions)
				return false
			}
			if !l.acceptOption6(p, d, x[at:], d.HeaderLen+at) {
				return false
			}
		}
		at += 2 + int(x[at+1])
	}
	return true
}

// acceptOption6 decides about one option that is not padding, with which x begins.
func (l *Layer) acceptOption6(p *packet.Packet, d *Datagram, x []byte, at int) bool {
	option := x[0]
	action := option >> 6
	switch {
	case option == optionRouterAlert && x[1] != 2:
		// RFC 2711, section 2.1: its length is two.
		l.stats.InBadOptions++
		return l.badParameter(p, d, header.ICMPv6BadField, at+1)
	case option == optionRouterAlert:
		d.alert = true
		return true
	case action == 0:
		return true
	case action == 2, action == 3 && !d.Dst.IsMulticast():
		l.stats.InBadOptions++
		return l.badParameter(p, d, header.ICMPv6BadOption, at)
	}
	l.drop(p, &l.stats.InBadOptions)
	return false
}

// inputFragment6 takes a packet that stands at its fragment header. It returns the
// whole packet, standing behind it, when it was the last one missing, else nil.
func (l *Layer) inputFragment6(p *packet.Packet, d *Datagram) *packet.Packet {
	x, ok := l.extension(p, d)
	if !ok {
		return nil
	}
	f, _, _ := header.ParseIPv6Fragment(x.Data)
	length := p.Len() - d.HeaderLen - len(x.Data)
	// RFC 8200, section 4.5: the length of what is not the last is a multiple of
	// eight, and no packet becomes too long; the pointers are to the field at fault.
	switch {
	case f.More && length%8 != 0:
		l.stats.FragmentsBad++
		l.badParameter(p, d, header.ICMPv6BadField, 4)
		return nil
	case d.HeaderLen-header.IPv6Len+f.Offset+length > maxPayload6:
		l.stats.FragmentsBad++
		l.badParameter(p, d, header.ICMPv6BadField, d.HeaderLen+2)
		return nil
	case f.Offset == 0 && f.More && !wholeChain(f.NextHeader, p.Head()[d.HeaderLen+len(x.Data):]):
		// RFC 7112, section 5: the first fragment has all headers.
		l.stats.FragmentsBad++
		l.badParameter(p, d, header.ICMPv6IncompleteChain, 0)
		return nil
	}
	d.next, d.HeaderLen = d.HeaderLen, d.HeaderLen+len(x.Data)
	d.fragmented = true
	d.offset, d.more, d.id = f.Offset, f.More, f.ID
	d.Protocol = f.NextHeader
	if f.Offset == 0 && !f.More {
		return p // an atomic fragment stands alone (RFC 6946, section 4)
	}
	return l.needSix().reassembly.add(p, d)
}

// wholeChain reports whether b, which begins with a header of type p, has all headers
// up to that of the transport protocol.
func wholeChain(p header.Protocol, b []byte) bool {
	for n := 0; p.IsExtension(); n++ {
		x, rest, err := header.ParseExtension(p, b)
		if err != nil || n >= maxExtensions {
			return false
		}
		p, b = x.NextHeader, rest
	}
	need := 0
	switch p {
	case header.ProtocolTCP:
		need = header.TCPLen
	case header.ProtocolUDP, header.ProtocolICMPv6:
		need = header.UDPLen
	}
	return len(b) >= need
}
