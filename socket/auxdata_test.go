package socket_test

import (
	"encoding/binary"
	"testing"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// TestAuxdata: the tag of a frame that comes is not in the frame but beside it, in the
// struct tpacket_auxdata of packet(7). What Linux does is held in socket/differential.
func TestAuxdata(t *testing.T) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	s, sender := sniffer(t, w.bob), sniffer(t, w.alice)
	check(t, "PACKET_AUXDATA", s.SetSockOpt(SOL_PACKET, PACKET_AUXDATA, 1))
	const plain = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5hello"
	must[int](t)(sender.SendLink([]byte(plain[:12]+"\x81\x00\x60\x05"+plain[12:]), 0, nil)) // VLAN 5, priority 3
	b := make([]byte, 99)
	m := Message{Buffers: [][]byte{b}, ControlSize: 64}
	n := must[int](t)(s.RecvMsg(&m, 0))
	if string(b[:n]) != plain {
		t.Errorf("the frame is % x, should be without its tag: % x", b[:n], plain)
	}
	var want []byte
	for _, v := range []uint32{TP_STATUS_USER | TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, uint32(n), uint32(n)} {
		want = binary.NativeEndian.AppendUint32(want, v)
	}
	for _, v := range []uint16{0, 14, 0x6005, 0x8100} {
		want = binary.NativeEndian.AppendUint16(want, v)
	}
	if len(m.Control) != 1 || m.Control[0].Level != SOL_PACKET || m.Control[0].Type != PACKET_AUXDATA || string(m.Control[0].Data) != string(want) {
		t.Errorf("beside it: %v, should be a struct tpacket_auxdata of %v", m.Control, want)
	}
}
