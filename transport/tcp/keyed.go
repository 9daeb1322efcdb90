package tcp

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// purpose keeps the uses of the layer's secret apart: what is told for one says
// nothing about another.
type purpose byte

const (
	forSequence purpose = iota // RFC 6528
	forCookieBase
	forCookieProof
	forFastOpen
	forPortOffset
	forPortCounter
)

// keyed hashes two addresses and more with the layer's secret: a pseudorandom
// function for those who do not know it.
func (l *Layer) keyed(use purpose, local, remote netip.AddrPort, more ...uint32) [sha256.Size]byte {
	var b [32 + 1 + 36 + 16]byte
	copy(b[:], l.secret[:])
	b[32] = byte(use)
	src, dst := local.Addr().As16(), remote.Addr().As16()
	copy(b[33:], src[:])
	copy(b[49:], dst[:])
	binary.BigEndian.PutUint16(b[65:], local.Port())
	binary.BigEndian.PutUint16(b[67:], remote.Port())
	n := 69
	for _, x := range more {
		binary.BigEndian.PutUint32(b[n:], x)
		n += 4
	}
	return sha256.Sum256(b[:n])
}
