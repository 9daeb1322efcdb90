package tcp

import (
	"encoding/binary"
	"math/bits"
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
	forSharer
)

// keyed hashes two addresses and more with the layer's secret: a pseudorandom
// function for those who do not know it. RFC 6528, section 3, leaves the choice of it
// to the host; SipHash takes short inputs of either family in a fifth of the time that
// SHA-256 takes.
func (l *Layer) keyed(use purpose, local, remote netip.AddrPort, more ...uint32) uint64 {
	h := newSipHash(l.secret)
	h.word(uint64(use)<<32 | uint64(local.Port())<<16 | uint64(remote.Port()))
	// Both addresses of a pair are of one family. An IPv4 address is hashed as the
	// IPv4-mapped one, so no two pairs give the same bytes.
	a, b := local.Addr().As16(), remote.Addr().As16()
	h.word(binary.LittleEndian.Uint64(a[:8]))
	h.word(binary.LittleEndian.Uint64(a[8:]))
	h.word(binary.LittleEndian.Uint64(b[:8]))
	h.word(binary.LittleEndian.Uint64(b[8:]))
	for _, x := range more {
		h.word(uint64(x))
	}
	return h.sum()
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
// 2012) of whole words of 64 bits, each as its bytes in little-endian order.
type sipHash struct {
	v0, v1, v2, v3 uint64
	length         uint64 // in bytes
}

func newSipHash(key [2]uint64) sipHash {
	return sipHash{
		v0: key[0] ^ 0x736f6d6570736575, v1: key[1] ^ 0x646f72616e646f6d,
		v2: key[0] ^ 0x6c7967656e657261, v3: key[1] ^ 0x7465646279746573,
	}
}

func (h *sipHash) word(m uint64) {
	h.length += 8
	h.absorb(m)
}

func (h *sipHash) absorb(m uint64) {
	v0, v1, v2, v3 := sipRound(h.v0, h.v1, h.v2, h.v3^m)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	h.v0, h.v1, h.v2, h.v3 = v0^m, v1, v2, v3
}

func (h *sipHash) sum() uint64 {
	h.absorb(h.length << 56)
	v0, v1, v2, v3 := h.v0, h.v1, h.v2^0xff, h.v3
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0, v2 = v0+v1, v2+v3
	v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
	v0, v2 = bits.RotateLeft64(v0, 32)+v3, v2+v1
	v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}
