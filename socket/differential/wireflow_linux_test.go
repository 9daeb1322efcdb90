package differential

import (
	"fmt"
	"net/netip"

	"septet/header"
	"septet/socket"
)

// flow is a connection as the peer knows it. Numbers in a script count from the initial
// sequence numbers of the two.
type flow struct {
	e         *encounter
	own, host uint16 // ports
	iss       header.Seq
	ownISS    header.Seq
	known     bool // the host's number; a script clears it where a SYN begins anew
}

// flow makes one to a port of the host, or to whichever connects to the peer's.
func (e *encounter) flow(own, host uint16) *flow {
	f := &flow{e: e, own: own, host: host, ownISS: 0xffff_ff00} // it wraps around
	e.flows = append(e.flows, f)
	return f
}

// seg is a segment of the peer's.
type seg struct {
	flags    string
	seq, ack int
	win      int // zero is 64000, less is none
	data     string
	opts     []byte
	urg      uint16
	bad      bool // its checksum is wrong
	change   func(h *header.IPv4)
}

func (s *seg) window() uint16 {
	switch {
	case s.win < 0:
		return 0
	case s.win == 0:
		return 64000
	}
	return uint16(s.win)
}

// send sends a segment to the host.
func (f *flow) send(s seg) {
	f.e.says(fmt.Sprintf("%s %d:%d ack %d win %d", s.flags, s.seq, s.seq+len(s.data), s.ack, s.window()), f.packet(s))
}

func (f *flow) packet(s seg) []byte {
	n := header.TCPLen + len(s.opts)
	b := make([]byte, n, n+len(s.data))
	be.PutUint16(b, f.own)
	be.PutUint16(b[2:], f.host)
	be.PutUint32(b[4:], uint32(f.ownISS.Add(s.seq)))
	if flagsOf(s.flags).Has(header.ACK) {
		be.PutUint32(b[8:], uint32(f.iss.Add(s.ack)))
	}
	b[12], b[13] = byte(n/4)<<4, byte(flagsOf(s.flags))
	be.PutUint16(b[14:], s.window())
	be.PutUint16(b[18:], s.urg)
	copy(b[header.TCPLen:], s.opts)
	b = append(b, s.data...)
	sum := header.Checksum(b, header.PseudoSum(f.e.peer.own, f.e.peer.host, header.ProtocolTCP, len(b)))
	be.PutUint16(b[16:], ^sum)
	if s.bad {
		b[16] ^= 0x55
	}
	if s.change != nil {
		return f.e.wrap(header.ProtocolTCP, b, s.change)
	}
	return f.e.wrap(header.ProtocolTCP, b)
}

// Options of the peer's SYNs.
func mss(n int) []byte { return []byte{header.OptionMSS, 4, byte(n >> 8), byte(n)} }

var (
	mss1460   = mss(1460)
	withSACK  = append(mss(1460), 1, 1, header.OptionSACKPermitted, 2)
	withScale = append(mss(1460), 1, header.OptionWindowScale, 3, 7)
	// withAll is what Linux itself offers.
	withAll = append(mss(1460), header.OptionSACKPermitted, 2, header.OptionTimestamps, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, header.OptionWindowScale, 3, 7)
)

// segment writes one of the host's as a line.
func (p *peer) segment(h *header.IPv4, b []byte) string {
	var t header.TCP
	n, err := header.ParseTCP(b, &t)
	if err != nil {
		return "TCP " + err.Error()
	}
	name, f := p.find(&t)
	if t.Flags.Has(header.SYN) && !f.known {
		f.iss, f.known = t.Seq, true
	}
	data := b[n:]
	seq := int(int32(uint32(t.Seq) - uint32(f.iss)))
	s := fmt.Sprintf("%s%s %d:%d", name, flagLetters(t.Flags), seq, seq+len(data))
	if t.Flags.Has(header.ACK) {
		s += fmt.Sprintf(" ack %d", int32(uint32(t.Ack)-uint32(f.ownISS)))
	} else if t.Ack != 0 {
		s += " ack without ACK"
	}
	switch {
	case t.Flags.Has(header.SYN):
		s += fmt.Sprintf(" win %d", t.Window)
	case t.Window == 0:
		s += " win 0"
	}
	if t.Flags.Has(header.URG) || t.Urgent != 0 {
		s += fmt.Sprintf(" urg %d", t.Urgent)
	}
	if n > header.TCPLen {
		s += " <" + p.options(b[header.TCPLen:n], f) + ">"
	}
	if len(data) > 0 && len(data) <= 24 {
		s += fmt.Sprintf(" %q", data)
	}
	return s + checked(h, b)
}

// find returns the flow of a segment, and its name if there are several.
func (p *peer) find(t *header.TCP) (string, *flow) {
	for i, f := range p.flows {
		if f.own != t.DstPort || f.host != 0 && f.host != t.SrcPort {
			continue
		}
		f.host = t.SrcPort
		if len(p.flows) > 1 {
			return fmt.Sprintf("flow %d: ", i+1), f
		}
		return "", f
	}
	return "to another port: ", new(flow)
}

func (p *peer) options(b []byte, f *flow) (s string) {
	for len(b) > 0 {
		if s != "" {
			s += ", "
		}
		if b[0] == header.OptionEnd {
			return s + "end"
		}
		if b[0] == header.OptionNop {
			s, b = s+"nop", b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return s + "broken"
		}
		o := b[:b[1]]
		b = b[b[1]:]
		switch o[0] {
		case header.OptionMSS:
			s += fmt.Sprintf("mss %d", be.Uint16(o[2:]))
		case header.OptionWindowScale:
			s += fmt.Sprintf("scale %d", o[2])
		case header.OptionSACKPermitted:
			s += "SACK permitted"
		case header.OptionTimestamps:
			s += "TS"
			if ecr := be.Uint32(o[6:]); ecr != 0 {
				s += fmt.Sprintf(" ecr %d", ecr)
			}
		case header.OptionSACK:
			s += "SACK"
			for x := o[2:]; len(x) >= 8; x = x[8:] {
				s += fmt.Sprintf(" %d:%d", int32(be.Uint32(x)-uint32(f.ownISS)), int32(be.Uint32(x[4:])-uint32(f.ownISS)))
			}
		default:
			s += fmt.Sprintf("option %d, %d bytes", o[0], len(o))
		}
	}
	return s
}

// stream returns a socket with the congestion control that is Linux's own, whatever the
// machine's is.
func (e *encounter) stream() socket.Descriptor {
	d := e.make(socket.SOCK_STREAM)
	e.must("cubic", d.SetSockOptBytes(socket.SOL_TCP, socket.TCP_CONGESTION, []byte("cubic")))
	return d
}

// listening returns a listener on the host and a flow to it.
func (e *encounter) listening(set ...func(socket.Descriptor)) (socket.Descriptor, *flow) {
	l := e.stream()
	for _, f := range set {
		f(l)
	}
	a := e.bind(l, e.near, "server")
	e.must("listen", l.Listen(5))
	return l, e.flow(40000, a.Port())
}

// servedWith returns a connection that the peer has opened with some options.
func (e *encounter) servedWith(opts []byte, set ...func(socket.Descriptor)) (socket.Descriptor, *flow) {
	l, f := e.listening(set...)
	e.transmit(f.packet(seg{flags: "S", opts: opts}))
	e.skip()
	e.transmit(f.packet(seg{flags: "A", seq: 1, ack: 1}))
	d, err := e.accept(l)
	e.must("accept", err)
	e.quiet()
	e.begun()
	return d, f
}

// served is servedWith for a peer that only says its MSS.
func (e *encounter) served(set ...func(socket.Descriptor)) (socket.Descriptor, *flow) {
	return e.servedWith(mss1460, set...)
}

// calling returns a socket that connects to the peer without blocking, and the flow.
func (e *encounter) calling(set ...func(socket.Descriptor)) (socket.Descriptor, *flow) {
	d := e.stream()
	for _, f := range set {
		f(d)
	}
	f := e.flow(80, 0)
	e.must("nonblock", d.SetNonblock(true))
	e.note("connect", d.Connect(netip.AddrPortFrom(e.far, 80)))
	return d, f
}

// client returns a connection that the host has opened.
func (e *encounter) client(set ...func(socket.Descriptor)) (socket.Descriptor, *flow) {
	d, f := e.calling(set...)
	e.skip()
	e.transmit(f.packet(seg{flags: "SA", ack: 1, opts: mss1460}))
	e.skip()
	e.must("block", d.SetNonblock(false))
	e.begun()
	return d, f
}

// set is a setsockopt as listening and its like take it.
func set(level, name, value int) func(socket.Descriptor) {
	return func(d socket.Descriptor) {
		if err := d.SetSockOpt(level, name, value); err != nil {
			panic(err)
		}
	}
}

func (e *encounter) option(d socket.Descriptor, level, name, value int) {
	e.note(fmt.Sprintf("setsockopt %d/%d %d", level, name, value), d.SetSockOpt(level, name, value))
}

func (e *encounter) send(d socket.Descriptor, text string) { e.sendFlags(d, text, 0) }

func (e *encounter) sendFlags(d socket.Descriptor, data string, flags int) {
	n, err := d.Send([]byte(data), flags|socket.MSG_DONTWAIT)
	e.note("send "+text([]byte(data)), n, err)
}

func (e *encounter) recv(d socket.Descriptor, size, flags int) {
	b := make([]byte, size)
	n, err := d.Recv(b, flags|socket.MSG_DONTWAIT)
	e.note("recv "+text(b[:max(0, min(n, size))]), n, err)
}

func (e *encounter) close(d socket.Descriptor) { e.note("close", d.Close()) }

func (e *encounter) shutdown(d socket.Descriptor, how int) {
	e.note(fmt.Sprintf("shutdown %d", how), d.Shutdown(how))
}

func (e *encounter) pendingError(d socket.Descriptor) {
	e.situation.pendingError(d)
	e.begun()
}
