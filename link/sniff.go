package link

import (
	"syscall"

	"septet/header"
	"septet/packet"
)

// Sniffer sees each frame that passes a NIC, with its Ethernet header. The frame is the
// NIC's: who wants to keep it makes a copy.
type Sniffer func(frame *packet.Packet, outgoing bool)

// OnFrame sets who sees the frames, nil for nobody: those that arrive, whoever they are
// for, before anything is done with them, and those that leave.
func (n *NIC) OnFrame(f Sniffer) { n.sniff = f }

// shown shows p to the sniffer. Of a train the frames that it stands for go by again one
// by one; then it reports false.
func (n *NIC) shown(p *packet.Packet, outgoing bool, again func(*packet.Packet)) bool {
	if p.Frames() > 1 {
		p.Break(again)
		return false
	}
	n.sniff(p, outgoing)
	return true
}

// TransmitFrame sends a frame of the caller's own making as it is, and takes it. Errors:
// EINVAL without an Ethernet header, EMSGSIZE if it is longer than the MTU allows,
// ENETDOWN without a carrier and after Close.
func (n *NIC) TransmitFrame(p *packet.Packet) error {
	h, _, err := header.ParseEthernet(p.Bytes())
	most := header.EthernetLen + n.mtu
	if h.Type == header.EtherTypeVLAN {
		most += header.VLANLen // the tag comes on top (IEEE 802.3, section 3.2.7)
	}
	switch {
	case err != nil:
		p.Release()
		return syscall.EINVAL
	case p.Len() > most:
		n.drop(p, &n.stats.OutTooLong)
		return syscall.EMSGSIZE
	case n.closed || n.down:
		n.transmit(p) // which counts it
		return syscall.ENETDOWN
	}
	n.transmit(p)
	return nil
}
