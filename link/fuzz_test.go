package link

import (
	"testing"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// frames are seeds: an ARP request, an ARP reply, IPv4, runts and padding.
func frames() [][]byte {
	ethernet := func(dst header.MAC, typ header.EtherType, payload []byte) []byte {
		b := make([]byte, header.EthernetLen, 64)
		h := header.Ethernet{Dst: dst, Src: peerMAC, Type: typ}
		h.Put(b)
		return append(b, payload...)
	}
	arp := make([]byte, header.ARPLen)
	request := header.ARP{Operation: header.ARPRequest, SenderMAC: peerMAC, SenderIP: peerIP, TargetIP: nicIP}
	request.Put(arp)
	first := ethernet(header.BroadcastMAC, header.EtherTypeARP, arp)
	request.Operation = header.ARPReply
	request.Put(arp)
	return [][]byte{
		nil, {0}, make([]byte, 13), make([]byte, 14), first, append(first, make([]byte, 18)...), first[:30],
		ethernet(nicMAC, header.EtherTypeARP, arp),
		ethernet(nicMAC, header.EtherTypeIPv4, []byte("E")),
		ethernet(header.BroadcastMAC, header.EtherTypeVLAN, []byte{0, 1, 8, 0}),
		ethernet(header.MAC{1, 0, 0x5e, 0, 0, 9}, header.EtherTypeIPv4, []byte("of a group")),
	}
}

// Whatever arrives, a NIC counts it and loses no packet.
func FuzzNIC(f *testing.F) {
	for _, b := range frames() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		b := newBench(t)
		b.output(peerIP, "waits")
		b.port.Transmit(b.pool.From(frame))
		b.run(0)
		s := b.nic.Stats()
		if len(frame) <= 1518 && s.InFrames != 1 {
			t.Errorf("InFrames is %d, should be 1", s.InFrames)
		}
		accounted := s.InRunts + s.InBadSource + s.InNotForUs + s.InOtherGroup + s.InUnknownType + uint64(len(b.received)) +
			s.ARP.InMalformed + s.ARP.InRequests + s.ARP.InReplies
		if accounted != s.InFrames {
			t.Errorf("%d of %d frames are accounted for: %+v", accounted, s.InFrames, s)
		}
		b.loop.Run(event.Never)
		b.noLeak()
	})
}

// Whatever arrives, a switch counts it and loses no packet.
func FuzzSwitch(f *testing.F) {
	for _, b := range frames() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		o := newOffice(t, 1500, 1500, 576)
		o.transmit(1, nicMAC, peerMAC, "known")
		before := o.sw.Stats()
		for range 2 {
			o.ports[0].Transmit(o.pool.From(frame))
		}
		o.loop.Run(event.Never)
		s := o.sw.Stats()
		if in := s.InFrames - before.InFrames; in != s.Forwarded+s.Flooded-before.Flooded+s.Filtered+s.Reserved+s.Runts+s.BadSource {
			t.Errorf("not every frame is accounted for: %+v", s)
		}
		if o.pool.Live() != 0 {
			t.Errorf("%d packets leaked", o.pool.Live())
		}
	})
}

// Whatever arrives, a switch with VLANs counts it, loses no packet, and lets nothing
// into a VLAN to which the port does not belong.
func FuzzSwitchVLANs(f *testing.F) {
	for _, b := range frames() {
		f.Add(b, uint8(0))
		f.Add(b, uint8(3))
	}
	for _, tci := range []int{untagged, 0, 10, 20, 4095, 3<<13 | 10} {
		for port := range 6 {
			f.Add(tagged(stationMAC(7), header.BroadcastMAC, tci, "hello"), uint8(port))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, port uint8) {
		o := newFloor(t)
		var reached []int
		for i := range o.ports {
			o.ports[i].OnReceive(func(p *packet.Packet) {
				reached = append(reached, i)
				p.Release()
			})
		}
		from := int(port) % len(o.ports)
		for range 2 {
			o.ports[from].Transmit(o.pool.From(frame))
		}
		o.loop.Run(event.Never)
		s := o.sw.Stats()
		if s.InFrames != s.Forwarded+s.Flooded+s.Filtered+s.Reserved+s.Runts+s.BadSource+s.WrongVLAN {
			t.Errorf("not every frame is accounted for: %+v", s)
		}
		for _, to := range reached {
			if access := []int{10, 10, 20, -1, -2, 1}; from < 3 && to < 3 && access[from] != access[to] || to == from {
				t.Errorf("a frame went from port %d to port %d", from, to)
			}
		}
		if o.pool.Live() != 0 {
			t.Errorf("%d packets leaked", o.pool.Live())
		}
	})
}
