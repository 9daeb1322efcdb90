package header

import (
	"fmt"
	"hash/fnv"
	"net"
	"strings"
)

// MAC is an Ethernet address (IEEE 802 EUI-48).
type MAC [6]byte

// BroadcastMAC is the address of every station.
var BroadcastMAC = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// IsGroup reports whether m addresses a group: multicast or broadcast.
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// LocalMAC makes an address of names: the same names always give the same. It is a
// locally administered one (IEEE 802, section 8.2.2).
func LocalMAC(names ...string) MAC {
	sum := fnv.New64a()
	sum.Write([]byte(strings.Join(names, "\x00")))
	var m MAC
	copy(m[1:], sum.Sum(nil))
	m[0] = 0x02
	return m
}

// EUI64 returns the interface identifier that is made of the address (RFC 4291,
// appendix A: the modified EUI-64).
func (m MAC) EUI64() [8]byte {
	return [8]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
}

// ParseMAC reads the six pairs of hexadecimal digits of an address.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(MAC{}) {
		return MAC{}, fmt.Errorf("%q is not an Ethernet address (such as 02:00:00:00:00:01)", s)
	}
	return MAC(hw), nil
}

// EtherType says what an Ethernet frame carries.
type EtherType uint16

// Values of EtherType, from IEEE 802's registry.
const (
	EtherTypeIPv4 EtherType = 0x0800
	EtherTypeARP  EtherType = 0x0806
	EtherTypeVLAN EtherType = 0x8100
	EtherTypeIPv6 EtherType = 0x86dd
)

// EthernetLen is the length of an Ethernet II header.
const EthernetLen = 14

// Ethernet is an Ethernet II header (IEEE 802.3).
//
//	0           6          12     14
//	+-----------+-----------+------+
//	|    dst    |    src    | type |
//	+-----------+-----------+------+
type Ethernet struct {
	Dst, Src MAC
	Type     EtherType
}

// ParseEthernet reads an Ethernet II header.
func ParseEthernet(b []byte) (h Ethernet, payload []byte, err error) {
	if len(b) < EthernetLen {
		return h, nil, truncated("Ethernet", len(b), EthernetLen)
	}
	h.Dst, h.Src = MAC(b[0:6]), MAC(b[6:12])
	h.Type = EtherType(be.Uint16(b[12:]))
	return h, b[EthernetLen:], nil
}

// Put writes the header.
func (h *Ethernet) Put(b []byte) int {
	PutEthernet(b, &h.Dst, &h.Src, h.Type)
	return EthernetLen
}

// PutEthernet writes the header for who has its parts apart.
func PutEthernet(b []byte, dst, src *MAC, typ EtherType) {
	_ = b[EthernetLen-1]
	copy(b[0:], dst[:])
	copy(b[6:], src[:])
	be.PutUint16(b[12:], uint16(typ))
}
