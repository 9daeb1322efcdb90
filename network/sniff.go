package network

import (
	"syscall"

	"septet/header"
	"septet/packet"
)

// Sniffer sees each frame that passes an interface, with its Ethernet header. The frame
// is not the sniffer's: who wants to keep it makes a copy.
type Sniffer func(via *Interface, frame *packet.Packet, outgoing bool)

// Sniff sets who sees the frames of all interfaces, nil for nobody. On "lo" frames have
// an Ethernet header of zeros, and each passes twice, as on Linux.
func (l *Layer) Sniff(f Sniffer) {
	l.sniffer = f
	for _, i := range l.interfaces {
		i.sniff()
	}
}

// sniff has the interface's card show its frames, or not.
func (i *Interface) sniff() {
	switch f := i.layer.sniffer; {
	case i.nic == nil:
	case f == nil:
		i.nic.OnFrame(nil)
	default:
		i.nic.OnFrame(func(frame *packet.Packet, outgoing bool) { f(i, frame, outgoing) })
	}
}

// TransmitFrame sends a frame of the caller's own making as it is, and takes it. Errors
// are those of link's TransmitFrame.
func (i *Interface) TransmitFrame(p *packet.Packet) error {
	if i.nic != nil {
		return i.nic.TransmitFrame(p)
	}
	h, payload, err := header.ParseEthernet(p.Bytes())
	isIP := h.Type == header.EtherTypeIPv4 || h.Type == header.EtherTypeIPv6
	switch {
	case err != nil:
		p.Release()
		return syscall.EINVAL
	case len(payload) == 0, !isIP:
		p.Release() // nobody speaks anything else to himself
		return nil
	}
	p.Pull(header.EthernetLen)
	i.layer.loopback.push(p)
	return nil
}

// passes reports whether a packet passes "lo". A copy of what goes out by a card does not,
// though it waits here.
func (q *loopback) passes(p *packet.Packet) bool { return int(p.In) <= q.layer.lo().index }

// show shows a packet that passes "lo".
func (q *loopback) show(p *packet.Packet, outgoing bool) {
	frame := p.Clone()
	h := header.Ethernet{Type: header.EtherTypeIPv4}
	if p.Head()[0]>>4 == 6 {
		h.Type = header.EtherTypeIPv6
	}
	h.Put(frame.Push(header.EthernetLen))
	q.layer.sniffer(q.layer.lo(), frame, outgoing)
	frame.Release()
}
