package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"septet/socket"
)

// PACKET_AUXDATA, and with it what becomes of a tag of IEEE 802.1Q (packet(7)).

var auxdata = []script{
	{name: "the option", run: raw(auxOption), in: only4, lonely: true},
	{name: "tags of what comes", run: raw(auxIncoming), in: only4, wire: true},
	{name: "tags of what leaves", run: raw(auxOutgoing), in: only4, wire: true},
	{name: "what a message has room for", run: raw(auxRoom), in: only4, wire: true},
}

func auxOption(p *rawPlay) {
	s := p.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	p.bytes(s, socket.SOL_PACKET, socket.PACKET_AUXDATA, 4)
	for _, b := range [][]byte{{1, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 9, 9}, {1, 0, 0}, nil} {
		p.set(s, socket.SOL_PACKET, socket.PACKET_AUXDATA, b)
		for _, room := range []int{4, 2, 8} {
			p.bytes(s, socket.SOL_PACKET, socket.PACKET_AUXDATA, room)
		}
	}
}

const experimental = 0x88b5 // an EtherType of nobody (IEEE 802, section 9.2.3)

// ethernetAt returns a packet socket at eth0.
func (p *rawPlay) ethernetAt(sys socket.System, kind int, protocol uint16) socket.LinkDescriptor {
	s := p.on(sys, socket.AF_PACKET, kind|socket.SOCK_NONBLOCK, 0)
	at, err := sys.InterfaceIndex("eth0")
	p.must("bind", err, link(s).BindLink(socket.LinkAddress{Interface: at, Protocol: htons(protocol)}))
	p.must("PACKET_AUXDATA", s.SetSockOpt(socket.SOL_PACKET, socket.PACKET_AUXDATA, 1))
	return link(s)
}

// listener is a packet socket that sees what is sent.
type listener struct {
	name string
	socket.LinkDescriptor
}

func (p *rawPlay) listeners() (list []listener) {
	for _, protocol := range []uint16{socket.ETH_P_ALL, experimental, 0x8100} {
		for _, kind := range []int{socket.SOCK_RAW, socket.SOCK_DGRAM} {
			name := fmt.Sprintf("%d of %x", kind, protocol)
			list = append(list, listener{name, p.ethernetAt(p.sys, kind, protocol)})
		}
	}
	return list
}

// told writes down which of the frames that were sent a socket has seen. Whether a card has
// looked at the checksum is the machine's affair.
func (p *rawPlay) told(l listener) {
	for {
		b := make([]byte, 100)
		// The address and the control message are in two calls, so the first looks only. With
		// that it has written over the length that Linux tells next.
		_, from, err := l.RecvLink(b, socket.MSG_PEEK)
		m := socket.Message{Buffers: [][]byte{b}, ControlSize: 64}
		n, err2 := l.RecvMsg(&m, 0)
		if of := htons(from.Protocol); err == nil && (of == socket.ETH_P_ARP || of == socket.ETH_P_IPV6) {
			continue // when a host tells of itself is its own affair
		}
		p.note(l.name+" saw", n, hex.EncodeToString(b[min(12, n):min(n, 24)]),
			fmt.Sprintf("%x %d", htons(from.Protocol), from.PacketType), m.Flags, auxOf(m.Control, false), err, err2)
		if err != nil || err2 != nil {
			return
		}
	}
}

// auxOf writes the fields of struct tpacket_auxdata, perhaps with the length.
func auxOf(control []socket.ControlMessage, length bool) (text string) {
	n := binary.NativeEndian
	for _, c := range control {
		text += fmt.Sprintf("%d/%d", c.Level, c.Type)
		if d := c.Data; len(d) == 20 {
			text += fmt.Sprintf(" status %x, %d, at %d, %d, tag %x %x", n.Uint32(d)&^0x88, n.Uint32(d[8:]),
				n.Uint16(d[12:]), n.Uint16(d[14:]), n.Uint16(d[16:]), n.Uint16(d[18:]))
			if length {
				text += fmt.Sprintf(", of %d", n.Uint32(d[4:]))
			}
		}
	}
	return text
}

// taggedFrames are to everybody, from nobody.
func taggedFrames() (list [][]byte) {
	for _, after := range []string{
		"88b5hello", "8100600588b5tagged", "8100000088b5priority", "8100e00088b5priority 7", "88a8000788b5of a provider",
		"8100000581000006" + "88b5twice", "8100000081000006" + "88b5priority, then a tag", "88a80005" + "81000006" + "88b5stacked",
		"8100", "81000005", "8100000588b5", "81000005000512345",
	} {
		digits := len(after)
		for i, c := range after {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') || i >= 4 && after[i-4:i] == "88b5" && i%4 == 0 {
				digits = i
				break
			}
		}
		head, _ := hex.DecodeString(after[:digits&^1])
		list = append(list, append(append([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01"), head...), after[digits&^1:]...))
	}
	return list
}

func auxIncoming(p *rawPlay) { auxSentBy(p, p.there) }

func auxOutgoing(p *rawPlay) { auxSentBy(p, p.sys) }

// auxSentBy has every tagged frame sent, and writes down what the host's sockets are told.
func auxSentBy(p *rawPlay, sys socket.System) {
	from, all := p.ethernetAt(sys, socket.SOCK_RAW, 0), p.listeners()
	for _, b := range taggedFrames() {
		n, err := from.SendLink(b, 0, nil)
		p.note(fmt.Sprintf("send %x", b[12:min(20, len(b))]), n, err)
		p.settle()
	}
	for _, l := range all {
		p.told(l)
	}
}

func auxRoom(p *rawPlay) {
	from, to := p.ethernetAt(p.there, socket.SOCK_RAW, 0), p.ethernetAt(p.sys, socket.SOCK_RAW, experimental)
	for _, room := range []int{0, 15, 16, 20, 35, 36, 40} {
		n, err := from.SendLink(taggedFrames()[0], 0, nil)
		p.note("send", n, err)
		p.settle()
		b := make([]byte, 15)
		m := socket.Message{Buffers: [][]byte{b}, ControlSize: room}
		n, err = to.RecvMsg(&m, socket.MSG_TRUNC)
		p.note(fmt.Sprint("room for ", room), n, m.Flags, len(m.Control), err)
		if len(m.Control) > 0 {
			p.note("of it", len(m.Control[0].Data), auxOf(m.Control, true))
		}
	}
	p.must("PACKET_AUXDATA", to.SetSockOpt(socket.SOL_PACKET, socket.PACKET_AUXDATA, 0))
	n, err := from.SendLink(taggedFrames()[0], 0, nil)
	p.note("send", n, err)
	p.settle()
	m := socket.Message{Buffers: [][]byte{make([]byte, 90)}, ControlSize: 64}
	n, err = to.RecvMsg(&m, 0)
	p.note("switched off", n, m.Flags, auxOf(m.Control, true), err)
}
