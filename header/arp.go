package header

import "net/netip"

// Operations of ARP.
const (
	ARPRequest uint16 = 1
	ARPReply   uint16 = 2
)

// ARPLen is the length of an ARP packet for IPv4 over Ethernet.
const ARPLen = 28

// ARP is an address resolution packet for IPv4 over Ethernet (RFC 826).
//
//	0    2    4  5  6    8        14       18       24       28
//	+----+----+--+--+----+--------+--------+--------+--------+
//	|hrd |pro |hl|pl| op | sender | sender | target | target |
//	|    |    |  |  |    |  MAC   |   IP   |  MAC   |   IP   |
//	+----+----+--+--+----+--------+--------+--------+--------+
type ARP struct {
	Operation uint16
	SenderMAC MAC
	SenderIP  netip.Addr
	TargetMAC MAC
	TargetIP  netip.Addr
}

// ParseARP reads an ARP packet and refuses hardware and protocols other than
// Ethernet and IPv4.
func ParseARP(b []byte) (h ARP, err error) {
	if len(b) < ARPLen {
		return h, truncated("ARP", len(b), ARPLen)
	}
	if be.Uint16(b[0:]) != 1 || be.Uint16(b[2:]) != uint16(EtherTypeIPv4) || b[4] != 6 || b[5] != 4 {
		return h, malformed("ARP", "not for IPv4 over Ethernet")
	}
	h.Operation = be.Uint16(b[6:])
	h.SenderMAC, h.TargetMAC = MAC(b[8:14]), MAC(b[18:24])
	h.SenderIP = netip.AddrFrom4([4]byte(b[14:18]))
	h.TargetIP = netip.AddrFrom4([4]byte(b[24:28]))
	return h, nil
}

// Put writes the packet.
func (h *ARP) Put(b []byte) int {
	_ = b[ARPLen-1]
	be.PutUint16(b[0:], 1)
	be.PutUint16(b[2:], uint16(EtherTypeIPv4))
	b[4], b[5] = 6, 4
	be.PutUint16(b[6:], h.Operation)
	copy(b[8:], h.SenderMAC[:])
	sender, target := h.SenderIP.As4(), h.TargetIP.As4()
	copy(b[14:], sender[:])
	copy(b[18:], h.TargetMAC[:])
	copy(b[24:], target[:])
	return ARPLen
}
