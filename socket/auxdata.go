package socket

import (
	"encoding/binary"
	"net/netip"
	"syscall"
)

// What comes with a frame at a packet socket: struct tpacket_auxdata (packet(7)).

// PACKET_AUXDATA has each message come with a struct tpacket_auxdata, of that type and the
// level SOL_PACKET.
const PACKET_AUXDATA = 8

// What tp_status says in struct tpacket_auxdata. Here it does not say that a card has looked
// at a checksum (TP_STATUS_CSUM_VALID), nor that it has yet to be computed
// (TP_STATUS_CSUMNOTREADY): what a packet socket sees has it.
const (
	TP_STATUS_USER            = 0x01
	TP_STATUS_VLAN_VALID      = 0x10 // tp_vlan_tci is the tag's
	TP_STATUS_VLAN_TPID_VALID = 0x40 // tp_vlan_tpid, too
)

// auxdata is struct tpacket_auxdata of a frame that waits.
func (k *linkSocket) auxdata(v *view) []byte {
	status := uint32(TP_STATUS_USER)
	if v.tagged {
		status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID
	}
	n := binary.NativeEndian
	b := n.AppendUint32(nil, status)
	b = n.AppendUint32(b, uint32(len(v.data))) // as it came, and
	b = n.AppendUint32(b, uint32(len(v.data))) // as much as a filter has left of it
	b = n.AppendUint16(b, 0)                   // where the link's header is, and the network's
	b = n.AppendUint16(b, uint16(v.network))
	return n.AppendUint16(n.AppendUint16(b, v.tag.control), uint16(v.tag.kind))
}

// receiveMsg is receive with a message.
func (k *linkSocket) receiveMsg(b []byte, flags int, m *Message) (int, netip.AddrPort, error) {
	p := k.queue.First()
	if p != nil && flags&MSG_OOB == 0 {
		v := k.view(p)
		if len(v.data) > len(b) {
			m.Flags |= MSG_TRUNC
		}
		if k.aux {
			m.put(SOL_PACKET, PACKET_AUXDATA, k.auxdata(&v))
		}
	}
	n, _, err := k.receiveLink(b, flags)
	return n, netip.AddrPort{}, err
}

// sendMsg is send; a frame has no use for control messages.
func (k *linkSocket) sendMsg(b []byte, flags int, to netip.AddrPort, _ []ControlMessage) (int, error) {
	return k.send(b, flags, to)
}

// setAuxdata is PACKET_AUXDATA.
func (k *linkSocket) setAuxdata(value []byte) error {
	if len(value) < 4 {
		return syscall.EINVAL
	}
	k.aux = binary.NativeEndian.Uint32(value) != 0
	return nil
}
