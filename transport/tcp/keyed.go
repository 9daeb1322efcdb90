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
	forPort
)

// keyed hashes two addresses and more with the layer's secret: a pseudorandom
// function for those who do not know it. Between IPv4 addresses that is one block of
// SHA-256.
func (l *Layer) keyed(use purpose, local, remote netip.AddrPort, more ...uint32) [sha256.Size]byte {
	var room [32 + 1 + 36 + 16]byte
	b := append(room[:0], l.secret[:]...)
	b = append(b, byte(use))
	b = appendAddr(b, local.Addr())
	b = appendAddr(b, remote.Addr())
	b = binary.BigEndian.AppendUint16(b, local.Port())
	b = binary.BigEndian.AppendUint16(b, remote.Port())
	for _, x := range more {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return sha256.Sum256(b)
}

// appendAddr appends an address in as many bytes as its family has. Both addresses
// of a pair are of one family, so no two pairs give the same bytes.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		four := a.As4()
		return append(b, four[:]...)
	}
	sixteen := a.As16()
	return append(b, sixteen[:]...)
}
